"""From a document to what Tryton is given: lines, header, addresses, return sales. Pure; ids come from ``facts.py``.

All sales of an order share its id: ``web_id`` is the order's id for the first, and for those that follow (whose origin is the first) the
id and ``/refund/<refund>``, ``/reversal/<n>`` or ``/version/<n>``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.amounts import percent_of
from sumeru_proxy.consumers.order_sync.document import (
    SHIPPING,
    Document,
    Party,
    PostalAddress,
    Refund,
    Tax,
    canonical,
    decimal_of,
)
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable
from sumeru_proxy.consumers.order_sync.tryton.arithmetic import Priced, sums
from sumeru_proxy.consumers.order_sync.tryton.facts import Currency, Facts, Product
from sumeru_proxy.consumers.order_sync.tryton.options import Options

VERSION: Final = 1
"""Part of every mark: raised when the same document should become another sale."""
ROUNDING_TEXT: Final = "Rounding"
_CODE_CHARS = 120


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line to be made: ``product`` None where Tryton has not even the fallback product."""

    product: Product | None
    quantity: int
    unit_price: Decimal
    description: str
    taxes: tuple[int, ...] = ()

    def values(self) -> dict[str, Any]:
        """As Tryton takes it."""
        data: dict[str, Any] = {
            "type": "line",
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "description": self.description,
        }
        if self.product is not None:
            data |= {"product": self.product.id, "unit": self.product.unit}
        if self.taxes:
            data["taxes"] = [["add", list(self.taxes)]]
        return data


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale to be made: its own id there, what it must add up to (in the currency), its lines, and a mark of all that it says.

    ``rounding`` is the amount of the rounding line, in minor units.
    """

    web_id: str
    day: date
    total: Decimal
    lines: tuple[SaleLine, ...]
    rounding: int
    mark: str

    @property
    def description(self) -> str:
        """The text that carries the mark: by it a sale is recognised as up to date."""
        return f"Sumeru [{self.mark}]"


def party_code(party: Party, options: Options) -> str:
    """The code of a person's party there: a database constraint, so nobody exists twice."""
    return (options.prefix + party.key)[:_CODE_CHARS]


def child_id(document: Document, kind: str, name: object) -> str:
    """The ``web_id`` of a sale that follows the first."""
    return f"{document.order_id}/{kind}/{name}"


def currency_of(document: Document, facts: Facts) -> Currency:
    """The order's own currency there. Raises NotMappable (``currency_unknown``): another one would be a wrong amount."""
    currency = facts.currencies.get(document.currency)
    if currency is None:
        raise NotMappable("currency_unknown", f"Tryton has no currency {document.currency}")
    return currency


# -- lines


def _unit_price(net: int, quantity: int, digits: int, facts: Facts) -> Decimal:
    step = Decimal(1).scaleb(-facts.price_digits)
    return (decimal_of(net, digits) / quantity).quantize(step, rounding=ROUND_HALF_EVEN)


def _tax_ids(taxes: Sequence[Tax], document: Document, facts: Facts, options: Options, day: date) -> tuple[int, ...]:
    ids = (facts.tax(each.percent, day, options.taxes) for each in taxes if each.amount or each.percent)
    return tuple(each for each in ids if each is not None)


def order_lines(
    document: Document, facts: Facts, options: Options, products: Mapping[str, Product]
) -> tuple[list[SaleLine], list[str]]:
    """The order's lines, and the SKUs that Tryton does not have. Raises NotMappable for a rate that it does not have."""
    other, shipping, _refund, _rounding = (products.get(sku) for sku in options.own_skus)
    sale_lines, missing = [], []
    for line in document.lines:
        product = shipping if line.kind == SHIPPING else products.get(line.sku)
        text = line.title
        if product is None and line.kind != SHIPPING:
            product = other
            missing.append(line.sku or line.id)
            text = f"{line.title} ({line.sku})" if line.sku else line.title
        quantity = line.quantity or (1 if line.net else 0)
        if quantity:
            price = _unit_price(line.net, quantity, document.digits, facts)
            taxes = _tax_ids(line.taxes, document, facts, options, document.day)
            sale_lines.append(SaleLine(product, quantity, price, text, taxes))
    return sale_lines, missing


def _refund_lines(
    document: Document, refund: Refund, facts: Facts, options: Options, products: Mapping[str, Product]
) -> list[SaleLine]:
    """What a refund gives back as lines of a return sale: goods as negative quantities, money as the refund product's negative price."""
    other, shipping, money, _rounding = (products.get(sku) for sku in options.own_skus)
    by_id = {line.id: line for line in document.lines}
    day = refund.created_at.date() if refund.created_at else document.day
    sale_lines = []
    for part in refund.lines:
        line = by_id.get(part.line_id)
        taxes = _tax_ids(part.taxes, document, facts, options, day)
        title = line.title if line else part.line_id
        if part.quantity and line is not None and line.kind != SHIPPING:
            price = _unit_price(part.net, part.quantity, document.digits, facts)
            sale_lines.append(SaleLine(products.get(line.sku) or other, -part.quantity, price, title, taxes))
        elif part.gross:
            product = shipping if line is not None and line.kind == SHIPPING else money
            price = _unit_price(part.net, 1, document.digits, facts)
            sale_lines.append(SaleLine(product, -1, price, f"Refund: {title}", taxes))
    if refund.loose:
        net = refund.loose - refund.loose_tax
        tax = Tax(percent_of(net, refund.loose_tax), refund.loose_tax)
        taxes = _tax_ids((tax,), document, facts, options, day) if refund.loose_tax else ()
        sign = 1 if refund.loose < 0 else -1
        price = _unit_price(abs(net), 1, document.digits, facts)
        sale_lines.append(SaleLine(money, sign, price, f"Refund {refund.note}".strip(), taxes))
    return sale_lines


def _with_rounding_line(
    lines: list[SaleLine],
    total: int,
    document: Document,
    facts: Facts,
    options: Options,
    products: Mapping[str, Product],
) -> tuple[tuple[SaleLine, ...], int]:
    """The lines with one that closes what Tryton's arithmetic leaves, and its amount. Raises NotMappable (``total_differs``) above the
    tolerance, with both sums."""
    currency = currency_of(document, facts)
    priced = [Priced(line.quantity, line.unit_price, line.taxes) for line in lines]
    untaxed, tax = sums(priced, facts.rates, currency.rounding, facts.tax_rounding)
    left = document.amount(total) - untaxed - tax
    if not left:
        return tuple(lines), 0
    rounding = int(left.scaleb(document.digits).to_integral_value())
    most = max(2, options.tolerance * len(lines)) if options.tolerance else 0
    if abs(rounding) > most or document.amount(rounding) != left or left % currency.rounding:
        raise NotMappable(
            "total_differs",
            f"the order is {document.amount(total)} {document.currency}, Tryton's lines add up to {untaxed + tax}",
        )
    product = products.get(options.own_skus[3])
    return (*lines, SaleLine(product, 1, left, ROUNDING_TEXT)), rounding


# -- sales


def _mark(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical({"version": VERSION, **parts}).encode()).hexdigest()[:16]


def _address_parts(address: PostalAddress | None) -> list[str]:
    return [] if address is None else [getattr(address, name) for name in PostalAddress.__dataclass_fields__]


def sale_of(document: Document, facts: Facts, options: Options, products: Mapping[str, Product]) -> Sale:
    """The order as a sale. Raises NotMappable."""
    lines, _missing = order_lines(document, facts, options, products)
    sale_lines, rounding = _with_rounding_line(lines, document.totals.total, document, facts, options, products)
    line_texts = [
        [
            line.id,
            line.title,
            line.sku,
            line.quantity,
            line.net,
            line.tax,
            [str(tax.percent.normalize()) for tax in line.taxes],
        ]
        for line in document.lines
    ]
    mark = _mark(
        {
            "party": document.party.key,
            "number": document.number,
            "day": document.day.isoformat(),
            "currency": document.currency,
            "total": document.totals.total,
            "addresses": [_address_parts(document.billing), _address_parts(document.shipping)],
            "lines": line_texts,
        }
    )
    return Sale(document.order_id, document.day, document.amount(document.totals.total), sale_lines, rounding, mark)


def refund_of(
    document: Document, refund: Refund, facts: Facts, options: Options, products: Mapping[str, Product]
) -> Sale:
    """A refund as a return sale. Raises NotMappable."""
    lines = _refund_lines(document, refund, facts, options, products)
    sale_lines, rounding = _with_rounding_line(lines, -refund.amount, document, facts, options, products)
    day = max(document.day, refund.created_at.date()) if refund.created_at else document.day
    parts = [[line.line_id, line.quantity, line.net, line.tax] for line in refund.lines]
    mark = _mark({"refund": refund.id, "amount": refund.amount, "tax": refund.tax, "lines": parts})
    return Sale(
        child_id(document, "refund", refund.id), day, document.amount(-refund.amount), sale_lines, rounding, mark
    )


def reversal_of(
    document: Document,
    rows: Sequence[Mapping[str, Any]],
    total: Decimal,
    number: int,
    day: date,
    facts: Facts,
    options: Options,
    products: Mapping[str, Product],
) -> Sale:
    """A sale that takes back the lines that Tryton holds (``rows``, which add up to ``total``). Raises NotMappable."""
    lines = [
        SaleLine(
            Product(row["product"], row["unit"]) if row["product"] else None,
            -int(row["quantity"]),
            row["unit_price"],
            row["description"] or "",
            tuple(row["taxes"]),
        )
        for row in rows
        if row["quantity"]
    ]
    minor = int(total.scaleb(document.digits).to_integral_value())
    sale_lines, rounding = _with_rounding_line(lines, -minor, document, facts, options, products)
    web_id = child_id(document, "reversal", number)
    return Sale(web_id, day, -total, sale_lines, rounding, _mark({"reversal": number, "order": document.order_id}))


def comment_of(document: Document) -> str:
    """Channel, campaign and touches, for people; written in any state of a sale."""
    rows = []
    if document.channel:
        rows.append(f"Channel: {document.channel}")
    if document.campaign:
        rows.append(f"Campaign: {document.campaign}")
    if document.touches:
        rows.append("Touches: " + " > ".join(touch.channel for touch in document.touches[-20:]))
    if document.discounts:
        codes = (f"{each.code or 'discount'} {document.amount(each.amount)}" for each in document.discounts)
        rows.append("Discounts: " + ", ".join(codes))
    if document.test:
        rows.append("Test order")
    return "\n".join(rows)


# -- people

PHONE: Final = "phone"
PHONES: Final = (PHONE, "mobile")


def address_values(address: PostalAddress | None, party: Party, facts: Facts) -> dict[str, Any]:
    """A postal address as Tryton takes it; a country that it does not have stays in the text."""
    address = address or PostalAddress()
    country = facts.countries.get(address.country)
    last = ", ".join(part for part in (address.city, address.region) if part)
    streets = [address.street, address.street2]
    if country is None and address.country_text:
        streets.append(address.country_text)
    names = [address.company, address.name if address.company or address.name != party.name else ""]
    return {
        "party_name": names[0] or names[1] or None,
        "attn": names[1] if names[0] and names[1] else None,
        "street": "\n".join(part for part in streets if part) or None,
        "postal_code": address.postal_code or None,
        "city": last or None,
        "country": country,
    }


def same_address(values: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether an address there says what these values say."""
    country = row.get("country")
    address = {**row, "country": country["id"] if isinstance(country, dict) else country}
    return all((address.get(name) or None) == (value or None) for name, value in values.items())


ADDRESS_FIELDS: Final = ("party_name", "attn", "street", "postal_code", "city", "country.id")


def party_values(document: Document, addresses: Sequence[Mapping[str, Any]], options: Options) -> dict[str, Any]:
    """The person of an order as a party, with these addresses."""
    party = document.party
    values: dict[str, Any] = {
        "name": party.name,
        "code": party_code(party, options),
        "addresses": [["create", [dict(each) for each in addresses]]],
    }
    contacts = [{"type": "email", "value": party.email.casefold()}] if party.email else []
    if party.phone:
        contacts.append({"type": PHONE, "value": party.phone})
    if contacts:
        values["contact_mechanisms"] = [["create", contacts]]
    return values


def with_web_id(sale: Sale, web_id: str) -> Sale:
    """The same sale under another id of its own."""
    return replace(sale, web_id=web_id)
