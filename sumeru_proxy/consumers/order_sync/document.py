"""One order in the form that every target starts from: frozen, typed, whole, in minor units. Pure.

Amounts are integers of the currency's smallest unit (cents, yen, fils): they add up exactly. ``mapping.py`` makes a document from an
order; a target makes its own form from the document. Two documents with the same ``fingerprint`` need no second sending.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

FORMAT: Final = 1
"""Part of every fingerprint: raised when a field's meaning changes, so that every order is then sent again."""

PRODUCT: Final = "product"
SHIPPING: Final = "shipping"
LINE_KINDS: Final = (PRODUCT, SHIPPING)

OPEN: Final = "open"
CANCELLED: Final = "cancelled"
STATES: Final = (OPEN, CANCELLED)

# ISO 4217: all others have two.
_DIGITS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),  # noqa: SIM905
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905
    **dict.fromkeys("CLF UYW".split(), 4),  # noqa: SIM905
}


def digits_of(currency: str) -> int:
    """How many decimals a currency has (ISO 4217): JPY 0, EUR 2, KWD 3."""
    return _DIGITS.get(currency, 2)


def decimal_of(amount: int, digits: int) -> Decimal:
    """An amount of minor units as a decimal number: ``(1190, 2)`` is ``Decimal("11.90")``."""
    return Decimal(amount).scaleb(-digits)


@dataclass(frozen=True, slots=True)
class Party:
    """Who bought. ``key`` names the person for ever and is what targets look a party up by: the customer's id at Sumeru, or for a
    guest ``guest-`` and a hash of the e-mail address (of the order's id when there is none). ``guest`` parties have no ``id``.
    """

    key: str
    id: str = ""
    email: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    @property
    def guest(self) -> bool:
        """Whether the order names no customer."""
        return not self.id

    @property
    def name(self) -> str:
        """First and last name; the e-mail address, then the key, where there is none. Never empty."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.email or self.key


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """A postal address; every part may be empty. ``country`` is ISO 3166-1 alpha-2 or empty, ``country_text`` as the shop wrote it."""

    name: str = field(default="", repr=False)
    company: str = field(default="", repr=False)
    street: str = field(default="", repr=False)
    street2: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    region: str = ""
    postal_code: str = field(default="", repr=False)
    country: str = ""
    country_text: str = ""
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax of a line. ``percent`` is the rate (20 for 20 %), ``amount`` what the shop charged."""

    percent: Decimal
    amount: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing charged: a product (``kind`` product) or a delivery (shipping).

    ``unit_price`` is per piece before discounts, as the shop shows it: with tax when the document's ``taxes_included``. ``discount``
    is the line's own and its share of the order's, not negative, with or without tax like the price. ``net`` and ``tax`` are what is
    charged for the whole line after discounts; ``taxes`` add up to ``tax``.
    """

    id: str
    kind: str
    title: str
    quantity: int
    unit_price: Decimal
    net: int
    tax: int
    discount: int = 0
    taxes: tuple[Tax, ...] = ()
    sku: str = ""
    product_id: str = ""
    variant_id: str = ""
    gift_card: bool = False

    @property
    def gross(self) -> int:
        """What the buyer pays for the line."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount of the whole order; its amount is part of the lines' ``discount`` already. ``code`` may be empty."""

    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment: ``card``, ``gift_card`` or the shop's word. A gift card pays, it does not lower the total."""

    kind: str
    amount: int
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What of a line (also a shipping line) was given back; amounts are not negative. ``quantity`` 0: money without goods."""

    line_id: str
    quantity: int
    net: int
    tax: int
    taxes: tuple[Tax, ...] = ()

    @property
    def gross(self) -> int:
        """What the buyer got back for it."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund; ``amount`` is what was paid back in all, not negative, ``tax`` the part of it that is tax.

    What the lines do not explain (goodwill, shipping) is ``loose``.
    """

    id: str
    created_at: datetime | None
    amount: int
    tax: int
    lines: tuple[RefundLine, ...] = ()
    note: str = ""

    @property
    def loose(self) -> int:
        """The part of the amount that no line explains; negative when less was paid back than the lines say."""
        return self.amount - sum(line.gross for line in self.lines)

    @property
    def loose_tax(self) -> int:
        """The part of the tax that no line explains."""
        return self.tax - sum(line.tax for line in self.lines)


@dataclass(frozen=True, slots=True)
class Touch:
    """One contact before the order, oldest first. ``weight`` is the upstream's, 0 to 1, None when it gives none."""

    channel: str
    source: str = ""
    medium: str = ""
    campaign_id: str = ""
    occurred_at: datetime | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The order's sums. ``total`` is what the shop says the buyer pays; ``net`` and ``tax`` are the sums of the lines.

    ``rounding`` is ``total - net - tax``: what the shop's own arithmetic leaves, usually 0. ``refunded`` is not negative and not part
    of the others.
    """

    total: int
    net: int
    tax: int
    rounding: int = 0
    discount: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """An order as it goes out. ``notes`` say what the mapping did without; they and ``updated_at`` are no part of the fingerprint."""

    shop: str
    order_id: str
    number: str
    created_at: datetime
    currency: str
    digits: int
    taxes_included: bool
    state: str
    party: Party
    lines: tuple[Line, ...]
    totals: Totals
    billing: PostalAddress | None = None
    shipping: PostalAddress | None = None
    discounts: tuple[Discount, ...] = ()
    refunds: tuple[Refund, ...] = ()
    payments: tuple[Payment, ...] = ()
    cancelled_at: datetime | None = None
    financial_status: str = ""
    source_name: str = ""
    test: bool = False
    channel: str = ""
    campaign: str = ""
    touches: tuple[Touch, ...] = ()
    updated_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        """The day it was ordered, in UTC: what the daily proof and the accounting files sort by."""
        return self.created_at.date()

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits over all that a target is told; equal fingerprints need no second sending."""
        return fingerprint_of(as_data(self))

    def amount(self, minor: int) -> Decimal:
        """An amount of this document's minor units as a decimal number of its currency."""
        return decimal_of(minor, self.digits)


# -- as plain data


def canonical(data: Mapping[str, Any]) -> str:
    """One text for equal data: sorted names, no spaces, ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = format(value.normalize(), "f")
        return "0" if text == "-0" else text
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def as_data(document: Document) -> dict[str, Any]:
    """The document as JSON values: names as here, amounts as integers, prices and rates as decimal strings, times in RFC 3339."""
    data: dict[str, Any] = _plain(document)
    return data


def fingerprint_of(data: Mapping[str, Any]) -> str:
    """The fingerprint of a document from what ``as_data`` gave."""
    content = {name: value for name, value in data.items() if name not in ("notes", "updated_at")}
    return hashlib.sha256(canonical({"format": FORMAT, **content}).encode()).hexdigest()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _taxes(rows: list[dict[str, Any]]) -> tuple[Tax, ...]:
    return tuple(Tax(**{**row, "percent": Decimal(row["percent"])}) for row in rows)


def from_data(data: Mapping[str, Any]) -> Document:
    """The document that ``as_data`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    values = dict(data)
    lines = tuple(
        Line(**{**line, "unit_price": Decimal(line["unit_price"]), "taxes": _taxes(line["taxes"])})
        for line in values["lines"]
    )
    refunds = tuple(
        Refund(
            **{
                **refund,
                "created_at": _moment(refund["created_at"]),
                "lines": tuple(RefundLine(**{**line, "taxes": _taxes(line["taxes"])}) for line in refund["lines"]),
            }
        )
        for refund in values["refunds"]
    )
    touches = tuple(
        Touch(
            **{
                **touch,
                "occurred_at": _moment(touch["occurred_at"]),
                "weight": None if touch["weight"] is None else Decimal(touch["weight"]),
            }
        )
        for touch in values["touches"]
    )
    created_at = _moment(values["created_at"])
    if created_at is None:
        raise ValueError("created_at is missing")
    return Document(
        **{
            **values,
            "created_at": created_at,
            "party": Party(**values["party"]),
            "lines": lines,
            "totals": Totals(**values["totals"]),
            "billing": PostalAddress(**values["billing"]) if values["billing"] else None,
            "shipping": PostalAddress(**values["shipping"]) if values["shipping"] else None,
            "discounts": tuple(Discount(**discount) for discount in values["discounts"]),
            "refunds": refunds,
            "payments": tuple(Payment(**payment) for payment in values["payments"]),
            "touches": touches,
            "cancelled_at": _moment(values["cancelled_at"]),
            "updated_at": _moment(values["updated_at"]),
            "notes": tuple(values["notes"]),
        }
    )


# -- what changed


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: ``path`` like ``lines[li_1].quantity``, both values as text, None where it is absent."""

    path: str
    before: str | None
    after: str | None


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            name = inner.get("id") or inner.get("line_id") if isinstance(inner, dict) else None
            yield from _leaves(inner, f"{path}[{name or place}]")
    elif value not in (None, ""):
        yield path, value if isinstance(value, str) else json.dumps(value)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields of two documents' data that differ, by path; all fields of ``after`` when there was none before."""
    old, new = dict(_leaves(dict(before or {}), "")), dict(_leaves(dict(after), ""))
    return tuple(
        Change(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and path.split("[")[0] not in ("notes", "updated_at")
    )
