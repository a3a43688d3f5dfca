"""Products of a collection, of a search or picked one by one, as a grid with pages or a carousel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.shapes import Product, Rating
from sumeru_proxy.reading import feed
from sumeru_proxy.reading.reader import Pending, Source
from widgets.base import Call, Context, IdentifierField, IdentifierListField, Nothing, Widget, WidgetParams
from widgets.i18n import formatting
from widgets.theming import tokens

SORTS = {
    "featured": gettext_lazy("Featured"),
    "price_low": gettext_lazy("Price: low to high"),
    "price_high": gettext_lazy("Price: high to low"),
    "rating": gettext_lazy("Best rated"),
}
LAYOUTS = {"grid": _("Grid with pages"), "carousel": _("Carousel")}
QUERY_CHARS = 60


class ProductFeedParams(WidgetParams):
    """What a page may ask."""

    collection = IdentifierField(
        required=False, default="", allow_blank=True, help_text=_("Only products of this collection. Default: all.")
    )
    product_ids = IdentifierListField(
        max_length=100,
        required=False,
        default=(),
        help_text=_("Up to 100 products, separated by commas, in this order, instead of a collection."),
    )
    query = serializers.CharField(
        max_length=QUERY_CHARS,
        required=False,
        default="",
        allow_blank=True,
        help_text=_(
            "Only products with these words, 2 letters or more. New searches of large collections are slowed down."
        ),
    )
    in_stock = serializers.BooleanField(required=False, default=False, help_text=_("1: only what can be bought now."))
    sort = serializers.ChoiceField(
        choices=list(SORTS.items()),
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Order, for up to 100 products; more keep the shop's own order, which is the default."),
    )
    page = serializers.IntegerField(
        min_value=1,
        max_value=feed.PAGE_LIMIT,
        required=False,
        default=1,
        help_text=_("Which page; one beyond the end gives the last."),
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=48,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("Products per page. Default: the merchant's."),
    )
    layout = serializers.ChoiceField(
        choices=list(LAYOUTS.items()),
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Default: the merchant's."),
    )

    def validate_query(self, value: str) -> str:
        """The words as they are a key."""
        return feed.normal(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for both a collection and single products."""
        if attrs.get("collection") and attrs.get("product_ids"):
            raise serializers.ValidationError(_("Give either collection or product_ids."))
        return attrs


class ProductFeedOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Above the products. Default: none for a grid, “Products” for screen readers."),
    )
    layout = serializers.ChoiceField(
        label=_("layout"),
        choices=list(LAYOUTS.items()),
        required=False,
        default="grid",
        help_text=_("A carousel shows the first products in one row."),
    )
    page_size = serializers.IntegerField(
        label=_("products per page"), min_value=1, max_value=48, required=False, default=12, help_text=_("1 to 48.")
    )
    in_stock_only = serializers.BooleanField(
        label=_("only in stock"), required=False, default=False, help_text=_("Never shows what is sold out.")
    )
    show_filters = serializers.BooleanField(
        label=_("filters"), required=False, default=True, help_text=_("Order and stock, above a grid.")
    )
    show_search = serializers.BooleanField(
        label=_("search"), required=False, default=False, help_text=_("A search field above a grid.")
    )
    show_ratings = serializers.BooleanField(
        label=_("stars"), required=False, default=True, help_text=_("The products' stars, when they have reviews.")
    )
    show_vendor = serializers.BooleanField(
        label=_("brand"), required=False, default=False, help_text=_("The brand above the title.")
    )
    json_ld = serializers.BooleanField(
        label=_("structured data"),
        required=False,
        default=False,
        help_text=_(
            "A schema.org list of the products for search engines, for a grid that is the page's main content."
        ),
    )


class ProductFeed(Widget):
    """Products in a grid or a carousel. Reads through ``reading.feed``."""

    name = "product_feed"
    title = gettext_lazy("Product feed")
    description = _(
        "Products of a collection with prices and stars, as a grid with filters and pages or as a carousel."
    )
    Params = ProductFeedParams
    Options = ProductFeedOptions
    styles = ("products.css", "product_feed.css")
    parts = tokens.parts(
        "title",
        "count",
        "form",
        "button",
        "list",
        "product",
        "picture",
        "name",
        "stars",
        "price",
        "before",
        "pager",
        "error",
        feed=_("The whole widget."),
        carousel=_("The row that can be scrolled."),
    )
    example = {"limit": "8"}

    def prefetch(self, calls: Sequence[Call], source: Source) -> None:
        """The products that several calls name one by one, in one read."""
        ids = list(dict.fromkeys(each for call in calls for each in call.params.product_ids))
        if len(ids) > 1:
            source.products(ids)

    def context(self, call: Call, source: Source) -> Context:
        """Products, the filter that is applied, page and links. ``filters.sorts`` is empty where an order cannot be had.

        Raises Nothing when there is nothing to show and no filter to take back, Pending when it is not known yet.
        """
        params, options = call.params, call.options
        layout = params.layout or options.layout
        size = params.limit or options.page_size
        grid = layout == "grid"
        selection = feed.FeedSelection(
            params.collection,
            params.query if len(params.query) > 1 else "",
            params.in_stock or options.in_stock_only,
            params.sort or "featured",
        )
        product_list = _product_list(source, call, selection, params.page if grid else 1, size)
        is_narrowed = bool(selection.query) or (params.in_stock and not options.in_stock_only)
        if not product_list.products and not (grid and is_narrowed and (options.show_filters or options.show_search)):
            raise Nothing
        first = (product_list.number - 1) * size + 1
        stars = source.ratings({product.id: product for product in product_list.products})
        cards = formatting.fitting(_card(call, product, stars.get(product.id)) for product in product_list.products)
        return {
            "heading": options.heading,
            "layout": layout,
            "collection": params.collection,
            "products": cards,
            "filter": {
                "query": selection.query,
                "in_stock": selection.in_stock,
                "sort": selection.sort if product_list.sortable else "featured",
                "sorts": [{"value": value, "label": str(label)} for value, label in SORTS.items()]
                if product_list.sortable and (product_list.total or 0) > 1
                else [],
            },
            "page": {
                "number": product_list.number,
                "pages": product_list.pages,
                "first": first if cards else 0,
                "last": first + len(cards) - 1 if cards else 0,
                "total": product_list.total,
                "has_next": product_list.has_next,
                "has_previous": product_list.has_previous,
            },
            "links": {
                "previous": call.link(page=product_list.number - 1 if product_list.number > 2 else None)
                if product_list.has_previous
                else "",
                "next": call.link(page=product_list.number + 1) if product_list.has_next else "",
                "all": call.link(query=None, in_stock=None, page=None, layout="grid"),
            },
        }

    def json_ld(self, call: Call, context: Context) -> Context | None:
        """A schema.org ItemList of the page's products that have an address."""
        products = [each for each in context["products"] if each["url"]]
        if not call.options.json_ld or context["layout"] != "grid" or not products:
            return None
        start = context["page"]["first"]
        return {
            "@context": "https://schema.org",
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": start + place, "url": each["url"], "name": each["title"]}
                for place, each in enumerate(products)
            ],
        }


def _product_list(
    source: Source, call: Call, selection: feed.FeedSelection, number: int, size: int
) -> feed.ProductList:
    ids = call.params.product_ids
    if not ids:
        return feed.product_list(source, selection, number, size)
    products = source.products(ids)
    if not products:
        raise Pending(2.0)
    if len(products) < len(ids):
        source.fresh = False  # some are not known now, so this is not the whole answer
    return feed.picked(products, ids, selection, number, size)


def _card(call: Call, product: Product, rating: Rating | None) -> Context:
    return {
        **formatting.product_card(call.shop, product, call.formats),
        "rating": formatting.rating(rating) if rating and rating.count and call.options.show_ratings else None,
    }
