"""The options of a Tryton target, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

DRAFT: Final = "draft"
QUOTATION: Final = "quotation"
CONFIRMED: Final = "confirmed"
STATES: Final = (DRAFT, QUOTATION, CONFIRMED)
OWN_PARTY: Final = "own"
SHARED_PARTY: Final = "shared"


@dataclass(frozen=True, slots=True)
class Options:
    """How orders are written.

    ``url``, ``database``: where Tryton answers. ``web_shop``: the web shop's name there; it decides company and warehouse. ``state``:
    how far a new sale is brought. ``guests``: ``own`` gives each guest (by e-mail) a party, ``shared`` uses the web shop's guest
    party, whose sales Tryton does not let be quoted. ``match_email``: take a party that has the customer's e-mail address already.
    ``other_sku``: the product for what has no product there (also shipping, refunds and rounding unless named). ``taxes``: a tax's
    name by percentage, where Tryton has several. ``tolerance``: minor units a line that the rounding line may close. ``prefix``:
    begins the code of our parties.
    """

    url: str
    database: str
    web_shop: str
    state: str = DRAFT
    guests: str = OWN_PARTY
    match_email: bool = False
    other_sku: str = "SUMERU-OTHER"
    shipping_sku: str = ""
    refund_sku: str = ""
    rounding_sku: str = ""
    taxes: Mapping[str, str] = field(default_factory=dict)
    tolerance: int = 1
    prefix: str = "SUM-"

    @property
    def own_skus(self) -> tuple[str, ...]:
        """The SKUs that stand for what is no product: other, shipping, refund, rounding."""
        return tuple(
            each or self.other_sku for each in (self.other_sku, self.shipping_sku, self.refund_sku, self.rounding_sku)
        )


_TEXTS = (
    "url",
    "database",
    "web_shop",
    "state",
    "guests",
    "other_sku",
    "shipping_sku",
    "refund_sku",
    "rounding_sku",
    "prefix",
)


def options_of(raw: Mapping[str, Any]) -> Options:
    """The options from JSON. Raises ValueError whose text names the option."""
    names = set(Options.__dataclass_fields__)
    if unknown := sorted(set(raw) - names):
        raise ValueError(f"{unknown[0]}: unknown; known are {', '.join(sorted(names))}")
    for name in _TEXTS:
        if name in raw and (not isinstance(raw[name], str) or len(raw[name]) > 200):
            raise ValueError(f"{name}: give a text of up to 200 characters")
    for name in ("url", "database", "web_shop"):
        if not raw.get(name):
            raise ValueError(f"{name}: is required")
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z", raw["url"]):
        raise ValueError("url: give the http or https address of Tryton, without a query")
    if not re.match(r"[A-Za-z0-9_.-]{1,63}\Z", raw["database"]):
        raise ValueError("database: give the name of Tryton's database")
    for name, allowed in (("state", STATES), ("guests", (OWN_PARTY, SHARED_PARTY))):
        if raw.get(name, allowed[0]) not in allowed:
            raise ValueError(f"{name}: give one of {', '.join(allowed)}")
    if raw.get("guests") == SHARED_PARTY and raw.get("state", DRAFT) != DRAFT:
        raise ValueError(
            "guests: Tryton keeps sales of the shared guest party from being quoted; use own, or state draft"
        )
    if not isinstance(raw.get("match_email", False), bool):
        raise ValueError("match_email: give true or false")
    tolerance = raw.get("tolerance", 1)
    if not isinstance(tolerance, int) or isinstance(tolerance, bool) or not 0 <= tolerance <= 100:
        raise ValueError("tolerance: give a whole number from 0 to 100")
    taxes = raw.get("taxes", {})
    if not isinstance(taxes, Mapping) or not all(isinstance(each, str) for pair in taxes.items() for each in pair):
        raise ValueError('taxes: give names by percentage, like {"19": "19 % domestic"}')
    return Options(**{**raw, "taxes": dict(taxes)})
