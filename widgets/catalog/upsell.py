"""What goes well with the cart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.resources_catalogue import UPSELL
from sumeru_proxy.client.shapes import Discount, UpsellOffer
from sumeru_proxy.reading.reader import Query, Source
from widgets.base import Call, Context, IdentifierListField, Nothing, Widget, WidgetParams
from widgets.i18n import formatting
from widgets.theming import tokens

OFFERS_ASKED = 24
"""More than are shown, always the same number: one copy serves every ``limit``, and some are left out here."""


class UpsellParams(WidgetParams):
    """What a page may ask."""

    product_ids = IdentifierListField(
        max_length=100,
        required=False,
        default=(),
        help_text=_("The products in the cart, separated by commas. None: nothing is shown."),
    )
    cart_total = serializers.DecimalField(
        max_digits=15,
        decimal_places=3,
        min_value=Decimal(0),
        required=False,
        allow_null=True,
        default=None,
        help_text=_("What the cart costs, for example 49.90. Sumeru is told a rounded amount."),
    )
    currency = serializers.RegexField(
        r"^[A-Za-z]{3}\Z",
        required=False,
        default="",
        allow_blank=True,
        help_text=_("The cart's currency (ISO 4217). Default: the shop's."),
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=12,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("Most offers. Default: the merchant's."),
    )


class UpsellOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Replaces “You may also like”."),
    )
    limit = serializers.IntegerField(
        label=_("most offers"), min_value=1, max_value=12, required=False, default=3, help_text=_("1 to 12.")
    )
    show_reason = serializers.BooleanField(
        label=_("reason"),
        required=False,
        default=True,
        help_text=_("Why it is offered, for example “Often bought together”."),
    )


class Upsell(Widget):
    """Offers for a cart. Carts share copies: the ids are sorted, the total is rounded down (``formatting.coarse``)."""

    name = "upsell"
    title = gettext_lazy("Upsell")
    description = _("Products that go well with what is in the cart.")
    audience = "cart"
    Params = UpsellParams
    Options = UpsellOptions
    styles = ("products.css",)
    parts = tokens.parts(
        "title",
        "picture",
        "name",
        "price",
        "before",
        "saving",
        "add",
        upsell=_("The whole widget."),
        offer=_("One offer."),
    )
    example = {"product_ids": "{product}", "cart_total": "80"}

    def context(self, call: Call, source: Source) -> Context:
        """``offers``: at most ``limit``, available, not in the cart, each once, in Sumeru's order.

        Raises Nothing for an empty cart and when nothing fits, Pending when the offers are not known yet.
        """
        if not call.params.product_ids:
            raise Nothing
        offers: tuple[UpsellOffer, ...] = source.get(offers_query(call))
        excluded_ids = set(call.params.product_ids)
        views = []
        for offer in offers:
            if offer.product.available and offer.product.id not in excluded_ids:
                excluded_ids.add(offer.product.id)
                views.append(_offer(call, offer))
        views = [offer for offer in views if offer["add"] or offer["url"]]
        views = formatting.fitting(views[: call.params.limit or call.options.limit])
        if not views:
            raise Nothing
        return {"heading": call.options.heading, "offers": views}


def offers_query(call: Call) -> Query:
    """The read for this cart; equal for carts with the same products and about the same total."""
    params = call.params
    currency = (params.currency or call.shop.currency).upper()
    total = None if params.cart_total is None else str(formatting.coarse(params.cart_total, currency))
    return Query.of(
        UPSELL,
        product_ids=tuple(sorted(params.product_ids)),
        cart_total=total,
        currency=currency,
        limit=OFFERS_ASKED,
    )


def discounted_units(price: int, discount: Discount | None, currency: str) -> int:
    """The price after the discount, in minor units; the price itself for an unknown kind and when it would become free or dearer."""
    if discount is None:
        return price
    if discount.kind == "percentage" and discount.value < 100:
        reduced_units = int((price * (100 - discount.value) / 100).to_integral_value(rounding="ROUND_HALF_UP"))
    elif discount.kind == "fixed_amount":
        reduced_units = price - formatting.minor_units(discount.value, currency)
    elif discount.kind == "fixed_price":
        reduced_units = formatting.minor_units(discount.value, currency)
    else:
        return price
    return reduced_units if 0 < reduced_units < price else price


def _offer(call: Call, offer: UpsellOffer) -> Context:
    product, discount = offer.product, offer.discount
    currency = product.currency
    card = formatting.product_card(call.shop, product, call.formats)
    price = formatting.minor_units(product.price, currency)
    reduced_units = discounted_units(price, discount, currency)
    saving = ""
    if reduced_units < price:
        saved_text = (
            formatting.share(discount.value, call.formats)
            if discount and discount.kind == "percentage"
            else formatting.price(price - reduced_units, currency, call.formats)["text"]
        )
        saving = gettext("Save %(amount)s") % {"amount": saved_text}
        card["compare_at"] = card["price"]
        card["price"] = formatting.price(reduced_units, currency, call.formats)
    return {
        **card,
        "reason": formatting.clipped(offer.reason) if call.options.show_reason else "",
        "saving": saving,
        "discount": {"kind": discount.kind, "value": discount.value} if discount and reduced_units < price else None,
        "add": formatting.add_to_cart(call.shop, "upsell", product.id, [(product.variant_id, 1)]),
    }
