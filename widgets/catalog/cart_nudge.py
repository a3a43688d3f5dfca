"""One friendly sentence to a cart: how far it is to free delivery or a discount, what is nearly sold out, or the merchant's own words."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.resources_shopper import NUDGE
from sumeru_proxy.client.shapes import CartNudge as Nudge
from sumeru_proxy.client.shapes import Cta, NudgeProgress
from sumeru_proxy.reading.reader import Missing, Pending, Query, Source
from widgets.base import Call, Context, IdentifierField, Nothing, Widget, WidgetParams
from widgets.i18n import formatting
from widgets.theming import tokens

GOALS_TRIED = 3
"""How many goals one after another may be reached before the last one is shown as reached."""
ANY_CART = "any"
"""The cart id that Sumeru is told when carts share answers."""
KINDS = ("free_shipping", "discount_tier", "low_stock", "message")


class CartNudgeParams(WidgetParams):
    """What a page may ask."""

    cart_id = IdentifierField(required=False, default="", allow_blank=True, help_text=_("The cart."))
    cart_total = serializers.DecimalField(
        max_digits=15,
        decimal_places=3,
        min_value=Decimal(0),
        required=False,
        allow_null=True,
        default=None,
        help_text=_("What the cart costs, for example 49.90. Nothing is shown without it."),
    )
    currency = serializers.RegexField(
        r"^[A-Za-z]{3}\Z",
        required=False,
        default="",
        allow_blank=True,
        help_text=_("The cart's currency (ISO 4217). Default: the shop's."),
    )
    item_count = serializers.IntegerField(
        min_value=0,
        max_value=10_000,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("How many things are in the cart. Nothing is shown for 0."),
    )


class CartNudgeOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    per_cart = serializers.BooleanField(
        label=_("by cart"),
        required=False,
        default=True,
        help_text=_(
            "Off: carts of about the same total share an answer, which saves most calls to Sumeru. "
            "Only for shops whose nudges do not depend on what is in the cart (low stock)."
        ),
    )
    show_progress = serializers.BooleanField(
        label=_("progress bar"), required=False, default=True, help_text=_("For free shipping and discount steps.")
    )
    show_reached = serializers.BooleanField(
        label=_("reached goals"),
        required=False,
        default=True,
        help_text=_("Says that a goal is reached when there is no further one."),
    )


class CartNudge(Widget):
    """One hint for a cart.

    Sumeru is told a rounded total (``formatting.coarse``) and only the goal is taken from its answer: what is left is computed from
    the cart's true total, so neither rounding nor an older copy shows a wrong figure.
    """

    name = "cart_nudge"
    title = gettext_lazy("Cart nudge")
    description = _("How far a cart is from free delivery or a discount, and other hints, updated as the cart changes.")
    audience = "cart"
    Params = CartNudgeParams
    Options = CartNudgeOptions
    styles = ("cart_nudge.css",)
    parts = tokens.parts(
        "progress",
        nudge=_("The whole widget."),
        free_shipping=_("The whole widget, when it is about free delivery."),
        discount_tier=_("The whole widget, when it is about a discount."),
        low_stock=_("The whole widget, when something is nearly sold out."),
        reached=_("The whole widget, when the goal is reached."),
        message=_("The sentence."),
        cta=_("The link beside it."),
    )
    example = {"cart_id": "demo", "cart_total": "48.50", "item_count": "2"}

    def context(self, call: Call, source: Source) -> Context:
        """``kind``, ``message`` and, for a goal in money, ``progress`` with exact figures; ``reached`` when nothing is left to add.

        Raises Nothing for an empty or unknown cart, for an expired nudge and when there is nothing to say; Pending when that is
        not known yet.
        """
        params = call.params
        total = params.cart_total
        if not total or params.item_count == 0 or (call.options.per_cart and not params.cart_id):
            raise Nothing
        currency = (params.currency or call.shop.currency).upper()
        units = formatting.minor_units(total, currency)
        queried_total, reached_nudge = formatting.coarse(total, currency), None
        for _goal in range(GOALS_TRIED):
            try:
                nudge = _ask(call, source, queried_total, currency)
            except Pending:
                if reached_nudge is None:
                    raise
                break
            if nudge is None or _is_over(nudge, call):
                break
            if nudge.progress is None or units < _goal_units(nudge, currency):
                return _view(call, nudge, units, currency)
            # Rounding down hid that this goal is reached. What Sumeru says to exactly the goal is what comes next.
            queried_total, reached_nudge = nudge.progress.target, nudge
        if reached_nudge is None or not call.options.show_reached:
            raise Nothing
        return _view(call, reached_nudge, units, currency)


def _ask(call: Call, source: Source, total: Decimal, currency: str) -> Nudge | None:
    """Sumeru's nudge for a cart of this total; None when it has none. Raises Pending."""
    query = Query.of(
        NUDGE,
        cart_id=call.params.cart_id if call.options.per_cart else ANY_CART,
        cart_total=str(formatting.from_minor_units(formatting.minor_units(total, currency), currency)),
        currency=currency,
        item_count=call.params.item_count,
    )
    try:
        nudge: Nudge = source.get(query)
    except Missing:
        return None
    return nudge


def _goal_units(nudge: Nudge, currency: str) -> float:
    """The cart total that reaches the goal, in minor units; infinite for a goal that is not money."""
    units = formatting.minor_units(nudge.progress.target, currency) if nudge.progress else 0
    return units or math.inf


def _is_over(nudge: Nudge, call: Call) -> bool:
    return nudge.expires_at is not None and nudge.expires_at <= call.now


def _view(call: Call, nudge: Nudge, units: int, currency: str) -> Context:
    kind = nudge.kind if nudge.kind in KINDS else "message"
    progress = None
    message = formatting.clipped(nudge.message, 300)
    is_reached = False
    target = formatting.minor_units(nudge.progress.target, currency) if nudge.progress else 0
    if nudge.progress and target:
        remaining_units = max(0, target - units)
        is_reached = not remaining_units
        figures = (("current", units), ("target", target), ("remaining", remaining_units))
        texts = {name: formatting.price(each, currency, call.formats) for name, each in figures}
        progress = {**texts, "percent": min(100, units * 100 // target)}
        message = goal_reached(kind) if is_reached else _goal_message(call, message, nudge.progress, texts, kind)
    return {
        "id": nudge.id,
        "kind": kind,
        "message": message,
        "reached": is_reached,
        "progress": progress,
        "cta": None if is_reached else _cta(call, nudge.cta),
        "expires_at": nudge.expires_at,
    }


def _goal_message(call: Call, message: str, progress: NudgeProgress, texts: Context, kind: str) -> str:
    remaining = texts["remaining"]["text"]
    currency = texts["remaining"]["currency"]
    sentence = truthful(message, progress.remaining, progress.target, remaining, currency, call.formats)
    return sentence or goal_ahead(kind, remaining)


def goal_reached(kind: str) -> str:
    """What is said when nothing is left to add."""
    if kind == "free_shipping":
        return gettext("Delivery is free for this order.")
    return gettext("You have unlocked your discount.") if kind == "discount_tier" else gettext("You made it!")


def goal_ahead(kind: str, remaining: str) -> str:
    """What is said when Sumeru's own sentence cannot be used."""
    values = {"remaining": remaining}
    if kind == "free_shipping":
        return gettext("Only %(remaining)s to go until delivery is free") % values
    if kind == "discount_tier":
        return gettext("Add %(remaining)s to unlock your discount") % values
    return gettext("Only %(remaining)s to go") % values


_NUMBER = r"\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+(?:[.,]\d{1,3})?|\d+(?:[.,]\d{1,3})?"
_SPACE = "[ \u00a0\u202f]?"


@lru_cache(maxsize=256)
def _amounts(currency: str, locale: str) -> re.Pattern[str]:
    """Numbers, each with what makes it money: the currency's code or symbol before or after it. Shares (10 %) are none."""
    symbols = {currency, *(formatting.currency_symbol(currency, each) for each in (locale, "en"))}
    sign = "|".join(["[$€£¥₹₽₺₩₪₫฿₴]", *(re.escape(each) for each in sorted(symbols, key=len, reverse=True) if each)])
    return re.compile(
        rf"(?<![\w.,])(?P<before>(?:{sign}){_SPACE})?(?P<number>{_NUMBER})(?![\d.,]*\d|{_SPACE}[%٪])(?P<after>{_SPACE}(?:{sign})(?!\w))?"
    )


def readings(number: str) -> set[Decimal]:
    """The values that a written number may have: ``1,250`` is more than a thousand in one country and one and a quarter in another."""
    compact = re.sub(r"['’\u00a0\u202f ]", "", number)
    plain = {compact.replace(",", ""), compact.replace(".", "").replace(",", ".")}
    return {Decimal(each) for each in plain if re.fullmatch(r"\d+(?:\.\d+)?", each)}


def truthful(message: str, amount: Decimal, target: Decimal, remaining: str, currency: str, locale: str) -> str:
    """The merchant's sentence with ``remaining`` in the place of ``amount``, which Sumeru computed from the rounded total.

    Empty when the sentence could be wrong: it holds an amount of money other than these two, or a bare number that may or may not
    be the amount.
    """
    doubtful = False

    def exact(match: re.Match[str]) -> str:
        nonlocal doubtful
        values = readings(match["number"])
        money = bool(match["before"] or match["after"])
        if amount in values:
            if money or re.search(r"[.,]\d\d\Z", match["number"]):
                return remaining
            doubtful = True
        elif money and target not in values:
            doubtful = True
        return match[0]

    sentence = _amounts(currency, locale).sub(exact, message)
    return "" if doubtful else sentence


def _cta(call: Call, cta: Cta | None) -> Context | None:
    """A relative address belongs to the storefront; without a storefront there is no link."""
    url = formatting.address(call.shop, cta.url) if cta else ""
    return {"label": formatting.clipped(cta.label, 60), "url": url} if cta and url else None
