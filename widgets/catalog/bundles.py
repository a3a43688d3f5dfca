"""Products that are sold together, at a price that is better than one by one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.resources_catalogue import BUNDLES
from sumeru_proxy.client.shapes import Bundle
from sumeru_proxy.reading.reader import Query, Source
from widgets.base import Call, Context, IdentifierField, Nothing, Widget
from widgets.catalog_parts.about_product import ProductParams
from widgets.i18n import formatting
from widgets.theming import tokens

ITEMS_LIMIT = 12
DESCRIPTION_CHARS = 400


class BundlesParams(ProductParams):
    """What a page may ask."""

    product_id = IdentifierField(
        required=False, default="", allow_blank=True, help_text=_("The product whose bundles are shown.")
    )


class BundlesOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Replaces “Better together”."),
    )
    limit = serializers.IntegerField(
        label=_("most bundles"), min_value=1, max_value=6, required=False, default=3, help_text=_("1 to 6.")
    )
    show_description = serializers.BooleanField(
        label=_("description"), required=False, default=True, help_text=_("The bundle's text below its title.")
    )
    show_unavailable = serializers.BooleanField(
        label=_("sold out bundles"),
        required=False,
        default=False,
        help_text=_("Shows bundles of which a part is sold out, last and without a button, instead of hiding them."),
    )


class Bundles(Widget):
    """Sets that can be bought at once.

    What is paid is the storefront's business: the event names the bundle, so that its cart can apply the price shown here.
    """

    name = "bundles"
    title = gettext_lazy("Bundles")
    description = _("Sets that a product is part of, with what they save and one button for the whole set.")
    Params = BundlesParams
    Options = BundlesOptions
    styles = ("products.css", "bundles.css")
    parts = tokens.parts(
        "title",
        "picture",
        "name",
        "price",
        "before",
        "saving",
        "add",
        bundles=_("The whole widget."),
        bundle=_("One set."),
    )
    example = {"product_id": "{product}"}

    def context(self, call: Call, source: Source) -> Context:
        """``bundles``: those that can be bought first, in Sumeru's order. ``add`` is None where a set cannot go into a cart.

        Raises Nothing without any to show, Pending when they are not known yet, Missing for an unknown product.
        """
        product_id = call.params.product_id
        bundles: tuple[Bundle, ...] = source.get(Query.of(BUNDLES, product_id=product_id))
        views = [_bundle(call, bundle) for bundle in bundles if 0 < len(bundle.items) <= ITEMS_LIMIT]
        if not call.options.show_unavailable:
            views = [bundle for bundle in views if bundle["available"]]
        views.sort(key=lambda bundle: not bundle["available"])
        views = formatting.fitting(views[: call.options.limit])
        if not views:
            raise Nothing
        return {"product_id": product_id, "heading": call.options.heading, "bundles": views}


def saving_units(price: int, compare_at: int | None, parts: int | None) -> tuple[int | None, int]:
    """What the set costs otherwise and what it saves, in minor units; ``(None, 0)`` when it saves nothing.

    ``compare_at`` is what Sumeru says, ``parts`` the sum of the items (None when they are of another currency).
    """
    whole = parts if compare_at is None else compare_at
    if whole is None or whole <= price:
        return None, 0
    return whole, whole - price


def _bundle(call: Call, bundle: Bundle) -> Context:
    currency = bundle.currency
    price = formatting.minor_units(bundle.price, currency)
    alike = all(item.product.currency == currency for item in bundle.items)
    parts = sum(formatting.minor_units(item.product.price, currency) * item.quantity for item in bundle.items)
    compare_at = bundle.compare_at_price
    whole, saved_units = saving_units(
        price, None if compare_at is None else formatting.minor_units(compare_at, currency), parts if alike else None
    )
    available = all(item.product.available for item in bundle.items)
    lines = [(item.product.variant_id, item.quantity) for item in bundle.items]
    items = [
        {**formatting.product_card(call.shop, item.product, call.formats), "quantity": item.quantity}
        for item in bundle.items
    ]
    text = bundle.description if call.options.show_description else ""
    return {
        "id": bundle.id,
        "title": formatting.clipped(bundle.title),
        "description": formatting.clipped(text, DESCRIPTION_CHARS),
        "items": items,
        "item_count": sum(item.quantity for item in bundle.items),
        "price": formatting.price(price, currency, call.formats),
        "compare_at": formatting.price(whole, currency, call.formats) if whole else None,
        "saving": formatting.price(saved_units, currency, call.formats) if saved_units else None,
        # Rounded down: never promise more than there is.
        "saving_percent": saved_units * 100 // whole if whole else 0,
        "available": available,
        "add": formatting.add_to_cart(call.shop, "bundles", bundle.id, lines) if available else None,
    }
