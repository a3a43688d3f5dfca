"""From the client's order to the document that every target starts from. Pure: the same order gives the same document.

How an order's amounts add up is written in ``client/resources_orders.py``. What an order does not tell is derived from what it does, and
named in the document's ``notes``; what would need an invention raises NotMappable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync import places
from sumeru_proxy.consumers.order_sync.amounts import Inexact, minor, percent_of, rounded, spread
from sumeru_proxy.consumers.order_sync.document import (
    CANCELLED,
    OPEN,
    PRODUCT,
    SHIPPING,
    Discount,
    Document,
    Line,
    Party,
    Payment,
    PostalAddress,
    Refund,
    RefundLine,
    Tax,
    Totals,
    Touch,
    digits_of,
)
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable

PRICE_FORM_ASSUMED: Final = "price_form_assumed"
DISCOUNT_SPREAD: Final = "discount_spread"
TAX_SPREAD: Final = "tax_spread"
RATE_DERIVED: Final = "rate_derived"
SHIPPING_TAX_DERIVED: Final = "shipping_tax_derived"
REFUND_TAX_DERIVED: Final = "refund_tax_derived"
NOTES: Final = {
    PRICE_FORM_ASSUMED: "whether prices hold their tax is not told and was derived from the sums",
    DISCOUNT_SPREAD: "the discount of the whole order was spread over the lines",
    TAX_SPREAD: "taxes are told for the whole order only and were spread over the lines",
    RATE_DERIVED: "tax rates are not told and were derived from the amounts",
    SHIPPING_TAX_DERIVED: "the tax on shipping is not told and was derived from the order's",
    REFUND_TAX_DERIVED: "the tax of a refund is not told and was derived from its lines",
}
"""What a document's notes mean, by their word."""

_TOUCH_LIMIT = 500


@dataclass(slots=True)
class _Draft:
    """A line while it is worked out: amounts in minor units, None while not known."""

    id: str
    kind: str
    title: str
    quantity: int
    price: Decimal
    base: int
    discount: int | None
    tax: int | None
    tax_lines: tuple[shapes.TaxLine, ...] | None
    sku: str = ""
    product_id: str = ""
    variant_id: str = ""
    gift_card: bool = False

    @property
    def amount(self) -> int:
        return self.base - (self.discount or 0)


def map_order(order: shapes.Order, shop: str) -> Document:
    """The order as a document of the shop with this slug.

    Raises NotMappable: ``amount_precision`` for an amount that has more decimals than its currency, ``no_lines`` for an order without
    anything in it, ``discount_too_large`` for a discount above what it is taken from.
    """
    digits = digits_of(order.currency)
    notes: list[str] = []
    try:
        total = minor(order.total_price, digits)
        drafts = _drafts(order, digits)
        if not drafts:
            raise NotMappable("no_lines", "the order has no lines")
        _settle_discounts(order, drafts, digits, notes)
        _settle_taxes(order, drafts, digits, notes)
        included = _price_form(order, drafts, total, notes)
        lines = tuple(_line(draft, included, digits, notes) for draft in _with_rates(drafts, included, notes))
        refunds = tuple(_refund(refund, lines, digits, notes) for refund in order.refunds or ())
        payments = tuple(
            Payment(payment.kind, minor(payment.amount, digits), payment.gateway) for payment in order.payments or ()
        )
    except Inexact as error:
        raise NotMappable("amount_precision", f"{error} of {order.currency}") from None
    net, tax = sum(line.net for line in lines), sum(line.tax for line in lines)
    totals = Totals(
        total=total,
        net=net,
        tax=tax,
        rounding=total - net - tax,
        discount=sum(line.discount for line in lines),
        refunded=sum(refund.amount for refund in refunds),
    )
    touches, channel, campaign = _touches(order.attributions)
    billing, shipping = places.address_of(order.billing_address), places.address_of(order.shipping_address)
    return Document(
        shop=shop,
        order_id=order.id,
        number=order.number or order.id,
        created_at=order.created_at,
        currency=order.currency,
        digits=digits,
        taxes_included=included,
        state=OPEN if order.cancelled_at is None else CANCELLED,
        party=_party(order, billing or shipping),
        lines=lines,
        totals=totals,
        billing=billing,
        shipping=shipping,
        discounts=_discounts(order, digits),
        refunds=refunds,
        payments=payments,
        cancelled_at=order.cancelled_at,
        financial_status=order.financial_status,
        source_name=order.source_name,
        test=bool(order.test),
        channel=channel,
        campaign=campaign,
        touches=touches,
        updated_at=order.updated_at,
        notes=tuple(dict.fromkeys(notes)),
    )


# -- lines


def _sum_of(parts: Sequence[shapes.TaxLine] | Sequence[shapes.OrderDiscount] | None, digits: int) -> int | None:
    return None if parts is None else sum(minor(part.amount, digits) for part in parts)


def _minor_or_none(amount: Decimal | None, digits: int) -> int | None:
    return None if amount is None else minor(amount, digits)


def _first(*amounts: int | None) -> int | None:
    return next((amount for amount in amounts if amount is not None), None)


def _drafts(order: shapes.Order, digits: int) -> list[_Draft]:
    drafts = [
        _Draft(
            id=line.id,
            kind=PRODUCT,
            title=line.title or line.sku or line.id,
            quantity=line.quantity,
            price=line.price,
            base=rounded(line.price * line.quantity, digits),
            discount=_first(_minor_or_none(line.discount, digits), _sum_of(line.discounts, digits)),
            tax=_first(_minor_or_none(line.tax, digits), _sum_of(line.tax_lines, digits)),
            tax_lines=line.tax_lines,
            sku=line.sku,
            product_id=line.product_id,
            variant_id=line.variant_id,
            gift_card=bool(line.gift_card),
        )
        for line in order.line_items
    ]
    shipping = order.shipping_lines
    if not shipping and order.shipping_price:
        shipping = (shapes.ShippingLine(order.shipping_price, title="Shipping"),)
    for place, charge in enumerate(shipping or (), 1):
        drafts.append(
            _Draft(
                id=f"shipping:{charge.id or place}",
                kind=SHIPPING,
                title=charge.title or "Shipping",
                quantity=1,
                price=charge.price,
                base=rounded(charge.price, digits),
                discount=_minor_or_none(charge.discount, digits),
                tax=_first(_minor_or_none(charge.tax, digits), _sum_of(charge.tax_lines, digits)),
                tax_lines=charge.tax_lines,
            )
        )
    return drafts


def _settle_discounts(order: shapes.Order, drafts: list[_Draft], digits: int, notes: list[str]) -> None:
    """Spread over the lines what of the order's discount none of them has."""
    on_lines = sum(draft.discount or 0 for draft in drafts)
    whole = _first(_minor_or_none(order.total_discounts, digits), _sum_of(order.discounts, digits))
    missing = 0 if whole is None else whole - on_lines
    if missing > 0:
        # Lines that say nothing of a discount bear it; when all do say something, it is the order's own and all bear it.
        silent = [draft for draft in drafts if draft.discount is None and draft.kind == PRODUCT]
        bearers = silent or [draft for draft in drafts if draft.kind == PRODUCT] or drafts
        for draft, share in zip(bearers, spread(missing, [max(0, each.amount) for each in bearers]), strict=True):
            draft.discount = (draft.discount or 0) + share
        notes.append(DISCOUNT_SPREAD)
    for draft in drafts:
        if draft.amount < 0:
            raise NotMappable("discount_too_large", f"line {draft.id}: its discount is larger than its price")


def _settle_taxes(order: shapes.Order, drafts: list[_Draft], digits: int, notes: list[str]) -> None:
    """Give each line that does not tell its tax a share of what is left of the order's."""
    silent = [draft for draft in drafts if draft.tax is None]
    if not silent:
        return
    left = (_minor_or_none(order.total_tax, digits) or 0) - sum(draft.tax or 0 for draft in drafts)
    shares = spread(max(0, left), [0 if draft.gift_card else max(0, draft.amount) for draft in silent])
    for draft, share in zip(silent, shares, strict=True):
        draft.tax = share
    if left > 0:
        notes.append(SHIPPING_TAX_DERIVED if all(draft.kind == SHIPPING for draft in silent) else TAX_SPREAD)


def _price_form(order: shapes.Order, drafts: list[_Draft], total: int, notes: list[str]) -> bool:
    if order.taxes_included is not None:
        return order.taxes_included
    amount, tax = sum(draft.amount for draft in drafts), sum(draft.tax or 0 for draft in drafts)
    if tax:
        notes.append(PRICE_FORM_ASSUMED)
    return abs(total - amount) <= abs(total - amount - tax)


def _net(draft: _Draft, included: bool) -> int:
    return draft.amount - (draft.tax or 0) if included else draft.amount


def _with_rates(drafts: list[_Draft], included: bool, notes: list[str]) -> list[_Draft]:
    """Give lines without tax rates those that their amounts speak for: one for the whole order where it fits, else each its own."""
    silent = [draft for draft in drafts if draft.tax and not _has_rates(draft)]
    if not silent:
        return drafts
    notes.append(RATE_DERIVED)
    whole = percent_of(sum(_net(draft, included) for draft in silent), sum(draft.tax or 0 for draft in silent))
    for draft in silent:
        net, tax = _net(draft, included), draft.tax or 0
        fits = abs(net * whole / 100 - tax) <= 1
        rate = (whole if fits else percent_of(net, tax)) / 100
        draft.tax_lines = (shapes.TaxLine(Decimal(tax), rate),)
    return drafts


def _has_rates(draft: _Draft) -> bool:
    return bool(draft.tax_lines) and all(tax.rate is not None for tax in draft.tax_lines or ())


def _taxes(tax: int, parts: tuple[shapes.TaxLine, ...] | None, digits: int) -> tuple[Tax, ...]:
    """The parts as taxes that add up to ``tax``. Parts that were derived carry no amounts of their own."""
    rated = [part for part in parts or () if part.rate is not None]
    if not rated:
        return ()
    amounts = [rounded(part.amount, digits) for part in rated]
    if sum(amounts) != tax:
        amounts = spread(tax, [int(Decimal(part.rate or 0) * 1_000_000) for part in rated])
    return tuple(
        Tax((part.rate or Decimal(0)) * 100, amount, part.title) for part, amount in zip(rated, amounts, strict=True)
    )


def _line(draft: _Draft, included: bool, digits: int, notes: list[str]) -> Line:
    tax = draft.tax or 0
    return Line(
        id=draft.id,
        kind=draft.kind,
        title=draft.title,
        quantity=draft.quantity,
        unit_price=draft.price,
        net=_net(draft, included),
        tax=tax,
        discount=draft.discount or 0,
        taxes=_taxes(tax, draft.tax_lines, digits),
        sku=draft.sku,
        product_id=draft.product_id,
        variant_id=draft.variant_id,
        gift_card=draft.gift_card,
    )


# -- discounts and refunds


def _discounts(order: shapes.Order, digits: int) -> tuple[Discount, ...]:
    return tuple(Discount(each.code or each.title, minor(each.amount, digits)) for each in order.discounts or ())


def _refund(refund: shapes.Refund, lines: Sequence[Line], digits: int, notes: list[str]) -> Refund:
    parts = [(part.line_id, part.quantity, part.amount, part.tax, part.tax_lines) for part in refund.lines]
    if refund.shipping is not None:
        shipping = next((line.id for line in lines if line.kind == SHIPPING), "")
        parts.append((shipping, 0, refund.shipping.amount, refund.shipping.tax, refund.shipping.tax_lines))
    by_id = {line.id: line for line in lines}
    refund_lines = []
    for line_id, quantity, amount, tax_amount, tax_lines in parts:
        gross, line = minor(amount, digits), by_id.get(line_id)
        tax = _first(_minor_or_none(tax_amount, digits), _sum_of(tax_lines, digits))
        if tax is None:
            tax = spread(gross, [line.tax, line.net])[0] if line and line.gross else 0
            notes.append(REFUND_TAX_DERIVED)
        taxes = _taxes(tax, tax_lines, digits)
        if not taxes and tax and line and line.taxes:
            shares = spread(tax, [abs(each.amount) for each in line.taxes])
            taxes = tuple(replace(each, amount=share) for each, share in zip(line.taxes, shares, strict=True))
        refund_lines.append(RefundLine(line_id, quantity, gross - tax, tax, taxes))
    tax = _minor_or_none(refund.tax, digits)
    return Refund(
        id=refund.id,
        created_at=refund.created_at,
        amount=minor(refund.amount, digits),
        tax=sum(each.tax for each in refund_lines) if tax is None else tax,
        lines=tuple(refund_lines),
        note=refund.reason,
    )


# -- people and touches


def _party(order: shapes.Order, address: PostalAddress | None) -> Party:
    buyer = order.customer or shapes.Buyer("")
    email = (buyer.email or order.email).strip()
    if buyer.id:
        key = buyer.id
    else:
        seed = email.casefold() or f"order:{order.id}"
        key = "guest-" + hashlib.sha256(seed.encode()).hexdigest()[:20]
    first, last = buyer.first_name.strip(), buyer.last_name.strip()
    if not (first or last) and address is not None:
        last = address.name
    return Party(key, buyer.id, email, first, last, address.phone if address else "")


def _touches(attributions: Sequence[shapes.Attribution]) -> tuple[tuple[Touch, ...], str, str]:
    """The touches of the first attribution, oldest first, and the channel and campaign of the one with the most weight (the latest of
    equal ones)."""
    if not attributions:
        return (), "", ""
    points = sorted(
        attributions[0].touchpoints, key=lambda point: point.occurred_at.timestamp() if point.occurred_at else 0.0
    )[-_TOUCH_LIMIT:]
    if not points:
        return (), "", ""
    heaviest = max(enumerate(points), key=lambda pair: (pair[1].weight or Decimal(0), pair[0]))[1]
    touches = tuple(
        Touch(point.channel, point.source, point.medium, point.campaign_id, point.occurred_at, point.weight)
        for point in points
    )
    return touches, heaviest.channel, heaviest.campaign_id
