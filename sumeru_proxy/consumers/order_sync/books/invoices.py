"""A movement as an invoice (380) or credit note (381) by EN 16931: parties, lines, tax by category, sums. Pure.

The amounts are the shop's own: nothing is calculated anew that it charged. What the norm cannot express raises NotMappable with the
reason, so that a person decides: two taxes on one line, a currency with three decimals, a buyer without a country.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.books.movements import (
    CANCELLATION,
    GIFT_CARD,
    REFUND,
    SALE,
    Item,
    Movement,
    movements_of,
)
from sumeru_proxy.consumers.order_sync.document import Document, PostalAddress
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable

INVOICE: Final = "380"
CREDIT_NOTE: Final = "381"
VOUCHER_REASON: Final = "Voucher, taxed when it is redeemed"
_PAID: Final = ("paid", "partially_refunded", "refunded")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells. ``vat_id`` begins with the country's code; ``zero_category``: Z (zero rated) or E (exempt, with ``zero_reason``).

    ``unknown_country`` is taken for buyers whose address names none; empty: such an order parks. ``terms`` stand on what is unpaid.
    """

    name: str
    vat_id: str
    country: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    registration: str = ""
    zero_category: str = "Z"
    zero_reason: str = ""
    unknown_country: str = ""
    terms: str = "Payable at once"
    prefix: str = ""


def seller_of(raw: object) -> Seller:
    """The seller from options. Raises ValueError that names the option."""
    if not isinstance(raw, Mapping):
        raise ValueError("seller must be an object")
    names = {each.name for each in fields(Seller)}
    for name, value in raw.items():
        if name not in names:
            raise ValueError(f"seller: {str(name)[:40]} is not one of {', '.join(sorted(names))}")
        if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            raise ValueError(f"seller.{name} must be one line of at most 200 characters")
    for name in ("name", "vat_id", "country"):
        if not raw.get(name):
            raise ValueError(f"seller.{name} is needed for e-invoices")
    seller = Seller(**raw)
    for name in ("country", "unknown_country"):
        value = getattr(seller, name)
        if value and not _COUNTRY.match(value):
            raise ValueError(f"seller.{name} must be an ISO 3166-1 code such as DE")
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*.]{2,14}", seller.vat_id):
        raise ValueError("seller.vat_id must begin with the country's code, such as DE123456789")
    if seller.zero_category not in ("Z", "E") or (seller.zero_category == "E" and not seller.zero_reason):
        raise ValueError("seller.zero_category must be Z, or E with seller.zero_reason")
    return seller


@dataclass(frozen=True, slots=True)
class Category:
    """A VAT category: S, Z or E, with its rate; ``reason`` for E."""

    code: str
    percent: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: ``net = quantity * price - discount``, rounded to the currency."""

    title: str
    sku: str
    quantity: int
    price: Decimal
    net: int
    discount: int
    category: Category


@dataclass(frozen=True, slots=True)
class Subtotal:
    """One line of the VAT breakdown."""

    category: Category
    base: int
    tax: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice or credit note with its sums in minor units of ``document``'s currency."""

    document: Document
    seller: Seller
    type_code: str
    number: str
    day: date
    buyer_name: str = field(repr=False)
    address: PostalAddress = field(repr=False)
    lines: tuple[InvoiceLine, ...]
    subtotals: tuple[Subtotal, ...]
    net: int
    tax: int
    prepaid: int
    rounding: int
    note: str = ""
    preceding: tuple[str, date] | None = None

    @property
    def payable(self) -> int:
        """What is still to be paid, or given back."""
        return self.net + self.tax - self.prepaid + self.rounding


def invoices_of(document: Document, seller: Seller) -> tuple[Invoice, ...]:
    """The order's invoice, a credit note for each refund and one for what a cancellation leaves.

    Raises NotMappable: ``invoice_currency``, ``invoice_several_taxes``, ``invoice_rate_unknown``, ``invoice_tax_differs``,
    ``invoice_country``.
    """
    if document.digits > 2:
        raise NotMappable("invoice_currency", f"an e-invoice has two decimals at most, {document.currency} has more")
    invoices: list[Invoice] = []
    numbers = numbers_of(document, seller)
    for place, movement in enumerate(movements_of(document)):
        number = numbers[-1] if movement.kind == CANCELLATION else numbers[place]
        invoices.append(_invoice(document, seller, movement, number, invoices[0] if invoices else None))
    return tuple(invoices)


def numbers_of(document: Document, seller: Seller) -> tuple[str, ...]:
    """The numbers of ``invoices_of``, also where the invoices themselves cannot be made any more."""
    first = f"{seller.prefix}{document.number}"
    refunds = tuple(f"{first}-R{number}" for number in range(1, len(document.refunds) + 1))
    return (first, *refunds, f"{first}-C")


def _invoice(document: Document, seller: Seller, movement: Movement, number: str, first: Invoice | None) -> Invoice:
    lines, sums = [], dict[Category, list[int]]()
    for item in movement.items:
        category = _category(item, seller)
        lines.append(_line(item, category, document.digits))
        base_and_tax = sums.setdefault(category, [0, 0])
        base_and_tax[0] += item.net
        base_and_tax[1] += item.tax
    subtotals = tuple(Subtotal(category, base, tax) for category, (base, tax) in sums.items())
    for subtotal in subtotals:
        _check_tax(subtotal, document)
    name, address = _buyer(document, seller)
    return Invoice(
        document=document,
        seller=seller,
        type_code=INVOICE if first is None else CREDIT_NOTE,
        number=number,
        day=movement.day,
        buyer_name=name,
        address=address,
        lines=tuple(lines),
        subtotals=subtotals,
        net=movement.net,
        tax=movement.tax,
        prepaid=_prepaid(document, movement),
        rounding=movement.rounding,
        note="" if movement.kind == SALE else f"{movement.kind} {document.number}",
        preceding=(first.number, first.day) if first else None,
    )


def _prepaid(document: Document, movement: Movement) -> int:
    if movement.kind == REFUND:
        return movement.total
    if movement.kind == SALE:
        if document.payments:
            return sum(payment.amount for payment in document.payments)
        return document.totals.total if document.financial_status in _PAID else 0
    return 0


def _category(item: Item, seller: Seller) -> Category:
    rated = [tax for tax in item.taxes if tax.percent or tax.amount]
    if len(rated) > 1:
        raise NotMappable(
            "invoice_several_taxes", f"line {item.line_id}: an e-invoice line has one tax, this has several"
        )
    if not rated:
        if item.tax:
            raise NotMappable("invoice_rate_unknown", f"line {item.line_id}: the rate of its tax is not known")
        if item.kind == GIFT_CARD:
            return Category("E", Decimal(0), VOUCHER_REASON)
        return Category(seller.zero_category, Decimal(0), seller.zero_reason)
    return Category("S", rated[0].percent)


def _check_tax(subtotal: Subtotal, document: Document) -> None:
    """The norm allows a tax to differ from base x rate by less than one whole unit of the currency."""
    stated = document.amount(abs(subtotal.tax))
    computed = (document.amount(abs(subtotal.base)) * subtotal.category.percent / 100).quantize(
        Decimal("0.01"), ROUND_HALF_UP
    )
    if abs(stated - computed) >= 1 or (round(subtotal.category.percent) == 0 and round(stated)):
        rate = format(subtotal.category.percent.normalize(), "f")
        raise NotMappable("invoice_tax_differs", f"the tax at {rate} % is {stated}, but its base gives {computed}")


def _line(item: Item, category: Category, digits: int) -> InvoiceLine:
    quantity, before, discount = item.quantity, item.net + item.discount, item.discount
    if quantity <= 0:  # money without goods
        quantity = 1
    if before < 0:
        quantity = -quantity
    return InvoiceLine(
        item.title, item.sku, quantity, _price(abs(before), abs(quantity), digits), item.net, discount, category
    )


def _price(amount: int, quantity: int, digits: int) -> Decimal:
    """A price that gives the amount when multiplied and rounded, with as few decimals as that takes."""
    exact = Decimal(amount).scaleb(-digits) / quantity
    unit = Decimal(1).scaleb(-digits)
    for decimals in range(digits, 13):
        price = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if (price * quantity).quantize(unit, ROUND_HALF_UP) == Decimal(amount).scaleb(-digits):
            return price
    return exact


def _buyer(document: Document, seller: Seller) -> tuple[str, PostalAddress]:
    address = document.billing or document.shipping or PostalAddress()
    country = address.country or seller.unknown_country
    if not country:
        raise NotMappable(
            "invoice_country", "the buyer's address names no country; seller.unknown_country can name one"
        )
    changes: dict[str, Any] = {each.name: getattr(address, each.name) for each in fields(address)}
    name = address.company or address.name or document.party.name
    return name, PostalAddress(**{**changes, "country": "1A" if country == "XK" else country})
