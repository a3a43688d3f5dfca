"""Stars of one product, or of many for a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from weakref import WeakSet

from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.shapes import Product, Rating
from sumeru_proxy.reading import ratings
from sumeru_proxy.reading.reader import Missing, Pending, Source
from sumeru_proxy.reading.reviews import block_query
from widgets.base import Call, Context, IdentifierField, IdentifierListField, Nothing, Widget, WidgetParams
from widgets.catalog_parts.about_product import HandleField
from widgets.i18n import formatting
from widgets.theming import tokens

Products = Mapping[str, Product | None]
NO_RATING = Rating(None, 0)
_RETRY_AFTER_S = 2.0
# The pages (each has a source of its own) that show badges of several products. They must not spend a read per product.
_grids: WeakSet[Source] = WeakSet()


class RatingBadgeParams(WidgetParams):
    """What a page may ask: one product or several."""

    product_id = IdentifierField(
        required=False, default="", allow_blank=True, help_text=_("The product whose stars are shown.")
    )
    product_ids = IdentifierListField(
        max_length=100,
        required=False,
        default=(),
        help_text=_("Up to 100 products, separated by commas, instead of one."),
    )

    product_handle = HandleField(
        help_text=_("The product's handle, as in its address in the shop, instead of product_id.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless there is one product, or a list."""
        if bool(attrs.get("product_id") or attrs.get("product_handle")) == bool(attrs.get("product_ids")):
            raise serializers.ValidationError(_("Give either product_id or product_ids."))
        return attrs


class RatingBadgeOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    show_empty = serializers.BooleanField(
        label=_("show without reviews"),
        required=False,
        default=False,
        help_text=_("Says “No reviews yet” instead of showing nothing."),
    )
    show_average = serializers.BooleanField(
        label=_("average"), required=False, default=True, help_text=_("The number beside the stars.")
    )
    link_to = serializers.ChoiceField(
        label=_("link"),
        choices=[
            ("product", _("the reviews on the product page")),
            ("reviews", _("all reviews")),
            ("none", _("nowhere")),
        ],
        required=False,
        default="product",
        help_text=_("Where a click leads. On the product page give the reviews the id “reviews”."),
    )


class RatingBadge(Widget):
    """One product's stars, or those of up to 100 products in one call."""

    name = "rating_badge"
    title = gettext_lazy("Rating badge")
    description = _("A product's stars and number of reviews on one line.")
    Params = RatingBadgeParams
    Options = RatingBadgeOptions
    styles = ("rating_badge.css",)
    parts = tokens.parts(
        "stars",
        "average",
        "count",
        "list",
        badge=_("One product's line of stars."),
    )
    example = {"product_id": "{product}"}

    def prefetch(self, calls: Sequence[Call], source: Source) -> None:
        """All products of all calls in one read per 100."""
        ids = list(dict.fromkeys(product_id for call in calls for product_id in _ids(call)))
        if len(ids) > 1:
            _grids.add(source)
            source.preload(map(block_query, ids))
            source.products(ids)

    def context(self, call: Call, source: Source) -> Context:
        """``items``: one per product with something to show; ``items[].html`` is the small piece for one grid cell, empty for a single one.

        Raises Nothing when no product has reviews (and the merchant does not want to say so), Pending when nothing is known yet.
        """
        single = bool(call.params.product_id)
        ids = _ids(call)
        if not single:
            source.preload(map(block_query, ids))
        products = source.products(ids)
        decided = source.ratings({each: products.get(each) for each in ids})
        grid = not single or source in _grids
        # Where the feed has no stars at all, a product without any may have reviews.
        empty = call.options.show_empty and (not grid or bool(decided))
        items = []
        unknown = 0
        for product_id in ids:
            product = products.get(product_id)
            try:
                rating = _rating(source, product_id, products, decided.get(product_id), grid=grid)
            except Pending:
                if single:
                    raise
                unknown += 1
                continue
            if rating is None:
                unknown += 1
            elif rating.count or (empty and product is not None):
                items.append(_item(call, product_id, product, rating))
        if unknown and not items:
            raise Pending(_RETRY_AFTER_S)
        if unknown:
            source.fresh = False
        if not items:
            raise Nothing
        if not single:
            for item in items:
                item["html"] = render_to_string("widgets/_parts/badge.html", {"item": item, "call": call})
        return {"single": single, "items": items}


def _ids(call: Call) -> list[str]:
    return [call.params.product_id] if call.params.product_id else list(call.params.product_ids)


def _rating(
    source: Source, product_id: str, products: Products, decided: Rating | None, *, grid: bool
) -> Rating | None:
    """The product's stars; None when they cannot be known now. Raises Pending when a single badge must wait.

    ``decided`` is what ``reading.ratings`` says. An account's feed may come without any stars: then the reviews are asked, though
    not for a grid.
    """
    if decided is not None and (grid or decided.average is not None or not decided.count):
        return decided
    if product_id not in products:
        return None
    if grid:
        return NO_RATING
    try:
        page = source.get(block_query(product_id))
    except Missing:
        return NO_RATING
    return ratings.rating_of(page)


def _item(call: Call, product_id: str, product: Product | None, rating: Rating) -> Context:
    return {
        "product_id": product_id,
        **formatting.rating(rating),
        "url": _url(call, product_id, product),
        "html": "",
    }


def _url(call: Call, product_id: str, product: Product | None) -> str:
    if call.options.link_to == "none":
        return ""
    page_url = formatting.product_url(call.shop, product) if product and call.options.link_to == "product" else ""
    if page_url:
        return f"{page_url.partition('#')[0]}#reviews"
    query = {"locale": call.params.locale, "product_id": product_id}
    return (
        f"{call.page_url.rpartition('/')[0]}/reviews?{urlencode({key: value for key, value in query.items() if value})}"
    )
