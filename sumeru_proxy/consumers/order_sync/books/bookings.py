"""Movements as double entries: postings that add up to zero, to accounts of the merchant's choice. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.books.movements import (
    GIFT_CARD,
    REFUND,
    SALE,
    Item,
    Movement,
    movements_of,
)
from sumeru_proxy.consumers.order_sync.document import SHIPPING, Document, Tax

PAYMENT: Final = "payment"
_PAID: Final = ("paid", "partially_refunded", "refunded")
_ACCOUNT = re.compile(r"(?:Assets|Liabilities|Equity|Income|Expenses)(?::[A-Z0-9][A-Za-z0-9-]{0,60}){1,8}\Z")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which account an amount goes to. ``tax_rates``: accounts by percentage (``{"19": "Liabilities:Tax:19"}``), ``tax`` for all
    others; ``payments``: accounts by the payment's gateway or kind (``{"card": "Assets:Bank"}``), ``paid`` for all others.
    """

    receivable: str = "Assets:Receivable:Orders"
    sales: str = "Income:Sales"
    shipping: str = "Income:Shipping"
    discounts: str = "Income:Discounts"
    refunds: str = "Income:Refunds"
    rounding: str = "Expenses:Rounding"
    gift_cards: str = "Liabilities:Gift-Cards"
    tax: str = "Liabilities:Tax"
    paid: str = "Assets:Payments"
    tax_rates: Mapping[str, str] = field(default_factory=dict)
    payments: Mapping[str, str] = field(default_factory=dict)

    def every(self) -> tuple[str, ...]:
        """All accounts, each once, sorted."""
        single = [getattr(self, each.name) for each in fields(self) if isinstance(getattr(self, each.name), str)]
        return tuple(sorted({*single, *self.tax_rates.values(), *self.payments.values()}))

    def of_tax(self, percent: Decimal | None) -> str:
        """The account of a tax of this percentage."""
        return self.tax if percent is None else self.tax_rates.get(plain(percent), self.tax)

    def of_payment(self, kind: str, gateway: str) -> str:
        """The account that a payment arrives in; a gift card takes from what is owed to holders of gift cards."""
        if gateway in self.payments:
            return self.payments[gateway]
        if kind in self.payments:
            return self.payments[kind]
        return self.gift_cards if kind == GIFT_CARD else self.paid


def accounts_of(raw: object) -> Accounts:
    """Accounts from options. Raises ValueError that names the option."""
    if not isinstance(raw, Mapping):
        raise ValueError("accounts must be an object")
    names = {each.name for each in fields(Accounts)}
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in names:
            raise ValueError(f"accounts: {str(name)[:40]} is not one of {', '.join(sorted(names))}")
        if name in ("tax_rates", "payments"):
            if not isinstance(value, Mapping) or len(value) > 50:
                raise ValueError(f"accounts.{name} must be an object of at most 50 accounts")
            values[name] = {
                _rate(key) if name == "tax_rates" else str(key)[:60]: _account(f"accounts.{name}", each)
                for key, each in value.items()
            }
        else:
            values[name] = _account(f"accounts.{name}", value)
    return Accounts(**values)


def _account(option: str, value: object) -> str:
    if not isinstance(value, str) or not _ACCOUNT.match(value):
        raise ValueError(f"{option} must be an account such as Income:Sales or Assets:Bank:Main")
    return value


def _rate(value: object) -> str:
    try:
        percent = Decimal(str(value)[:20])
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise ValueError("accounts.tax_rates must be percentages such as 19 or 5.5")
    return plain(percent)


def plain(number: Decimal) -> str:
    """A decimal number as short as it can be written, without an exponent."""
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account, in minor units; debits are positive. ``percent`` is a tax's rate."""

    account: str
    amount: int
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """Postings of one moment that add up to zero. ``kind``: sale, payment, refund or cancellation; ``refund_id`` of a refund."""

    kind: str
    day: date
    postings: tuple[Posting, ...]
    refund_id: str = ""


def bookings_of(document: Document, accounts: Accounts) -> tuple[Booking, ...]:
    """All bookings of an order, oldest movement first; each adds up to zero. What moves nothing is left out."""
    purse = _Purse(document, accounts)
    bookings = []
    for movement in movements_of(document):
        postings = _goods(movement, accounts, 1 if movement.kind != SALE else -1)
        if movement.kind == SALE:
            postings.append(Posting(accounts.receivable, movement.total))
        elif movement.kind == REFUND:
            postings.extend(Posting(account, -amount) for account, amount in purse.give_back(movement.total))
        else:
            postings.append(Posting(accounts.receivable, -movement.total))
        bookings.append(Booking(movement.kind, movement.day, _merged(postings), movement.id))
        if movement.kind == SALE and purse.paid:
            arrived = [Posting(account, amount) for account, amount in purse.paid]
            settled = Posting(accounts.receivable, -sum(amount for _account, amount in purse.paid))
            bookings.append(Booking(PAYMENT, movement.day, _merged([*arrived, settled])))
    return tuple(booking for booking in bookings if booking.postings)


def _goods(movement: Movement, accounts: Accounts, sign: int) -> list[Posting]:
    postings = []
    for item in movement.items:
        postings.append(Posting(_income(item, accounts, movement.kind), sign * (item.net + item.discount)))
        postings.append(Posting(accounts.discounts, -sign * item.discount))
        postings.extend(Posting(accounts.of_tax(tax.percent), sign * tax.amount, tax.percent) for tax in item.taxes)
        postings.append(Posting(accounts.tax, sign * (item.tax - _sum(item.taxes))))
    postings.append(Posting(accounts.rounding, sign * movement.rounding))
    return postings


def _sum(taxes: Iterable[Tax]) -> int:
    return sum(tax.amount for tax in taxes)


def _income(item: Item, accounts: Accounts, kind: str) -> str:
    if item.kind == GIFT_CARD:
        return accounts.gift_cards
    if kind != SALE:
        return accounts.refunds
    return accounts.shipping if item.kind == SHIPPING else accounts.sales


class _Purse:
    """What was paid, by account, and what of it is left to be given back: first what was not a gift card."""

    def __init__(self, document: Document, accounts: Accounts) -> None:
        named = sorted(document.payments, key=lambda payment: payment.kind == GIFT_CARD)
        self.paid = [(accounts.of_payment(payment.kind, payment.gateway), payment.amount) for payment in named]
        if not named and document.financial_status in _PAID and document.totals.total:
            self.paid = [(accounts.paid, document.totals.total)]
        self._left = list(self.paid)
        self._other = accounts.paid

    def give_back(self, amount: int) -> list[tuple[str, int]]:
        parts = []
        for place, (account, left) in enumerate(self._left):
            part = min(amount, max(0, left))
            if part > 0:
                parts.append((account, part))
                self._left[place] = (account, left - part)
                amount -= part
        if amount:
            parts.append((self._other, amount))
        return parts


def _merged(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    sums: dict[tuple[str, Decimal | None], int] = {}
    for posting in postings:
        key = (posting.account, posting.percent)
        sums[key] = sums.get(key, 0) + posting.amount
    return tuple(Posting(account, amount, percent) for (account, percent), amount in sums.items() if amount)
