"""What an order did to the books, as a list: the sale, each refund, the cancellation of what was left. Pure.

Entries, tables and invoices are all made from these, so that they cannot disagree. Amounts are minor units and never negative in a
sale; refunds and cancellations are given as positive amounts that go the other way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sumeru_proxy.consumers.order_sync.document import CANCELLED, PRODUCT, Document, Line, Refund, Tax

SALE: Final = "sale"
REFUND: Final = "refund"
CANCELLATION: Final = "cancellation"

GOODWILL: Final = "goodwill"
GIFT_CARD: Final = "gift_card"


@dataclass(frozen=True, slots=True)
class Item:
    """A line's part in a movement. ``kind``: product, shipping, gift_card (one that is sold) or goodwill (what no line explains).

    ``net`` and ``tax`` are after ``discount``, which is without tax here. ``taxes`` add up to ``tax``, unless rates are unknown.
    """

    kind: str
    line_id: str
    title: str
    quantity: int
    net: int
    tax: int
    taxes: tuple[Tax, ...] = ()
    discount: int = 0
    sku: str = ""

    @property
    def gross(self) -> int:
        """Net and tax together."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Movement:
    """``id`` is the refund's, else empty. ``day`` is its own, in UTC: a refund of March of an order of February is March's."""

    kind: str
    id: str
    day: date
    items: tuple[Item, ...]
    rounding: int = 0

    @property
    def total(self) -> int:
        """What the buyer paid, got back, or no longer owes."""
        return sum(item.gross for item in self.items) + self.rounding

    @property
    def net(self) -> int:
        """Without tax and rounding."""
        return sum(item.net for item in self.items)

    @property
    def tax(self) -> int:
        """The tax in it."""
        return sum(item.tax for item in self.items)


def movements_of(document: Document) -> tuple[Movement, ...]:
    """The sale, the refunds in their order, and the cancellation of what was not refunded (left out when nothing is left)."""
    sale = Movement(
        SALE,
        "",
        document.day,
        tuple(_sold(line, document.taxes_included) for line in document.lines),
        document.totals.rounding,
    )
    movements = [sale, *(_refund_movement(refund, document) for refund in document.refunds)]
    if document.state == CANCELLED:
        left = _left(movements)
        if left:
            day = document.cancelled_at.date() if document.cancelled_at else document.day
            movements.append(Movement(CANCELLATION, "", day, left, document.totals.rounding))
    return tuple(movements)


def _kind(line: Line) -> str:
    return GIFT_CARD if line.gift_card else line.kind


def _sold(line: Line, taxes_included: bool) -> Item:
    return Item(
        _kind(line),
        line.id,
        line.title,
        line.quantity,
        line.net,
        line.tax,
        line.taxes,
        net_discount(line, taxes_included),
        line.sku,
    )


def net_discount(line: Line, taxes_included: bool) -> int:
    """The line's discount without tax: what its net amount would be more without the discount."""
    if not taxes_included or not line.discount:
        return line.discount
    before = line.gross + line.discount
    if line.taxes:
        share = Decimal(100) / (100 + sum(tax.percent for tax in line.taxes))
    else:
        share = Decimal(line.net) / line.gross if line.gross else Decimal(1)
    net_before = int((before * share).to_integral_value(ROUND_HALF_UP))
    return max(0, net_before - line.net)


def _refund_movement(refund: Refund, document: Document) -> Movement:
    lines = {line.id: line for line in document.lines}
    items = []
    for part in refund.lines:
        line = lines.get(part.line_id)
        kind, title, sku = (_kind(line), line.title, line.sku) if line else (PRODUCT, part.line_id or "Refund", "")
        items.append(
            Item(kind, part.line_id, title, part.quantity, part.net, part.tax, part.taxes, sku=sku),
        )
    if refund.loose or refund.loose_tax:
        net, tax = refund.loose - refund.loose_tax, refund.loose_tax
        items.append(Item(GOODWILL, "", "Refund", 0, net, tax, _one_rate(document, net, tax)))
    return Movement(REFUND, refund.id, (refund.created_at or document.created_at).date(), tuple(items))


def _one_rate(document: Document, net: int, tax: int) -> tuple[Tax, ...]:
    """The rate of an amount that comes without one: the order's, when it has one only and that explains the tax."""
    rates = {each.percent for line in document.lines for each in line.taxes if each.percent}
    if not tax or len(rates) != 1:
        return ()
    percent = rates.pop()
    return (Tax(percent, tax),) if abs(net * percent / 100 - tax) <= 1 else ()


def _left(movements: Iterable[Movement]) -> tuple[Item, ...]:
    sale, *refunds = movements
    gone: dict[str, list[Item]] = {}
    loose: list[Item] = []
    known = {item.line_id for item in sale.items}
    for refund in refunds:
        for item in refund.items:
            (gone.setdefault(item.line_id, []) if item.line_id in known else loose).append(item)
    left = []
    for item in sale.items:
        back = gone.get(item.line_id, [])
        taxes = {tax.percent: tax for tax in item.taxes}
        for part in back:
            for tax in part.taxes:
                before = taxes.get(tax.percent, Tax(tax.percent, 0, tax.title))
                taxes[tax.percent] = Tax(tax.percent, before.amount - tax.amount, before.title)
        net, tax_left = item.net - sum(each.net for each in back), item.tax - sum(each.tax for each in back)
        if net or tax_left:
            quantity = max(0, item.quantity - sum(each.quantity for each in back))
            left.append(
                Item(item.kind, item.line_id, item.title, quantity, net, tax_left, tuple(taxes.values()), sku=item.sku)
            )
    for item in loose:  # was given back without a line: that much less is left
        back_taxes = tuple(Tax(tax.percent, -tax.amount, tax.title) for tax in item.taxes)
        left.append(Item(GOODWILL, "", item.title, 0, -item.net, -item.tax, back_taxes))
    return tuple(left)
