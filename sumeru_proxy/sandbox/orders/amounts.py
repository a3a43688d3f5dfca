"""How an order adds up, in whole minor units of its currency (cents; yen; fils, of which a dinar has 1,000).

The rule. A line's value is ``price * quantity``. Its own discounts come off first, then its share of the order's discounts, which
are divided in proportion to what remains of the lines (gift cards take no part), largest remainder first, ties to the earlier line.
Each tax is calculated per line, and per shipping charge, on what remains after the discounts, and rounded there, halves up: with
prices that hold their tax ``base * rate / (1 + sum of rates)``, else ``base * rate``. Sums are sums of what was rounded, so that
everything on ``resources_orders``' list of sums is exact. A refund of k of n pieces has gone back cumulatively, ``round(amount *
k / n)`` less what went back before, so that all pieces together give back exactly what was paid for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

Item = dict[str, Any]
DIGITS: Final = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "TND": 3}
_RATE_SCALE: Final = 1_000_000


def digits_of(currency: str) -> int:
    """Decimals of a currency; 2 unless it is known to differ."""
    return DIGITS.get(currency, 2)


def minor(amount: str, digits: int) -> int:
    """An amount of the API in minor units. Raises ValueError when it has more decimals than the currency."""
    whole, _, part = amount.partition(".")
    if len(part) > digits:
        raise ValueError(f"{amount} has more than {digits} decimals")
    return int(whole + part.ljust(digits, "0"))


def major(amount: int, digits: int) -> str:
    """Minor units as the API writes them: ``1234`` is ``12.34``, ``1234`` yen ``1234``, ``1234`` fils ``1.234``."""
    if not digits:
        return str(amount)
    sign, text = ("-", str(-amount)) if amount < 0 else ("", str(amount))
    text = text.rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def half_up_quotient(numerator: int, denominator: int) -> int:
    """A quotient of non-negative whole numbers, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in proportion to the weights: exact, largest remainders first, ties to the earlier. All 0 when no weight is."""
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    missing = total - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[:missing]:
        shares[place] += 1
    return shares


def _scaled_rate(rate: str) -> int:
    return minor(rate, 6)


def taxes(base: int, rates: Sequence[int], inside: bool) -> list[int]:
    """The taxes on ``base`` (minor units) at these rates (millionths)."""
    divisor = _RATE_SCALE + sum(rates) if inside else _RATE_SCALE
    return [half_up_quotient(base * rate, divisor) for rate in rates]


def _add_tax(item: Item, base: int, inside: bool, digits: int) -> int:
    """Writes an item's ``tax_lines`` and ``tax`` for this base; gives the tax."""
    amounts = taxes(base, [_scaled_rate(line["rate"]) for line in item["tax_lines"]], inside)
    item["tax_lines"] = [
        {**line, "amount": major(amount, digits)} for line, amount in zip(item["tax_lines"], amounts, strict=True)
    ]
    item["tax"] = major(sum(amounts), digits)
    return sum(amounts)


def _discount_amount(discount: Item, base: int, digits: int) -> int:
    """What a discount takes off ``base``, at most all of it."""
    if discount["kind"] == "percentage":
        return min(base, half_up_quotient(base * minor(discount["value"], 2), 10_000))
    return min(base, minor(discount["value"], digits))


def with_amounts(order: Item) -> Item:
    """The order with every derived amount made anew; ``order`` is not changed.

    What it is made from: currency, ``taxes_included``; per line ``price``, ``quantity``, the rates in ``tax_lines`` and the own
    entries in ``discounts`` (level ``line``); per shipping line ``price`` and rates; and the entries of the order's ``discounts``
    of the levels ``order`` and ``shipping``. Refunds are left as they are, and a payment too: see ``changes``.
    """
    digits, inside = digits_of(order["currency"]), bool(order["taxes_included"])
    lines = [dict(line) for line in order["line_items"]]
    shipping = [dict(charge) for charge in order["shipping_lines"]]
    rests = [minor(line["price"], digits) * line["quantity"] for line in lines]
    subtotal, total_discounts = sum(rests), 0
    line_discounts: dict[tuple[str | None, str], Item] = {}
    for place, line in enumerate(lines):
        own = []
        for discount in line["discounts"]:
            if discount["level"] != "line":
                continue
            amount = _discount_amount(discount, rests[place], digits)
            if amount:
                rests[place] -= amount
                own.append({**discount, "amount": major(amount, digits)})
                key = (discount["code"], discount["title"])
                so_far = minor(line_discounts[key]["amount"], digits) if key in line_discounts else 0
                line_discounts[key] = {**discount, "amount": major(so_far + amount, digits)}
        line["discounts"] = own
    order_discounts = []
    for discount in order["discounts"]:
        if discount["level"] == "order":
            weights = [0 if line.get("gift_card") else rest for line, rest in zip(lines, rests, strict=True)]
            amount = _discount_amount(discount, sum(weights), digits)
            for place, share in enumerate(split(amount, weights)):
                if share:
                    rests[place] -= share
                    lines[place]["discounts"].append({**discount, "amount": major(share, digits)})
            order_discounts.append({**discount, "amount": major(amount, digits)})
    total_tax = 0
    for line, rest in zip(lines, rests, strict=True):
        discount = minor(line["price"], digits) * line["quantity"] - rest
        total_discounts += discount
        line["discount"] = major(discount, digits)
        total_tax += _add_tax(line, rest, inside, digits)
    shipping_price = 0
    free = next((discount for discount in order["discounts"] if discount["level"] == "shipping"), None)
    shipping_discount = 0
    for charge in shipping:
        price = minor(charge["price"], digits)
        off = _discount_amount(free, price, digits) if free else 0
        shipping_price, shipping_discount = shipping_price + price, shipping_discount + off
        charge["discount"] = major(off, digits)
        total_tax += _add_tax(charge, price - off, inside, digits)
    if free and shipping_discount:
        order_discounts.append({**free, "amount": major(shipping_discount, digits)})
    total_discounts += shipping_discount
    total = subtotal - total_discounts + shipping_price + (0 if inside else total_tax)
    return {
        **order, "line_items": lines, "shipping_lines": shipping, "discounts": [*order_discounts, *line_discounts.values()],
        "subtotal_price": major(subtotal, digits), "total_discounts": major(total_discounts, digits),
        "shipping_price": major(shipping_price, digits), "total_tax": major(total_tax, digits),
        "total_price": major(total, digits),
    }  # fmt: skip


def paid_for(item: Item, order: Item) -> int:
    """What a buyer paid for a whole line, or for a shipping charge (``quantity`` is then 1), with its tax, in minor units."""
    digits = digits_of(order["currency"])
    value = minor(item["price"], digits) * int(item.get("quantity", 1)) - minor(item["discount"], digits)
    return value if order["taxes_included"] else value + minor(item["tax"], digits)


def refunded_so_far(order: Item) -> int:
    """All refunds of an order together, in minor units."""
    digits = digits_of(order["currency"])
    return sum(minor(refund["amount"], digits) for refund in order["refunds"])


def mismatches(order: Item) -> list[str]:
    """What does not add up in an order of the API, in words; empty when everything does. Calculated from the texts alone."""
    mismatches: list[str] = []

    def same(name: str, total_text: str, parts: Iterable[str | Decimal]) -> None:
        total = sum((Decimal(part) for part in parts), Decimal(0))
        if Decimal(total_text) != total:
            mismatches.append(f"{name}: {total_text}, but its parts give {total}")

    lines, shipping, digits = order["line_items"], order["shipping_lines"], digits_of(order["currency"])
    for item in [*lines, *shipping]:
        same(f"{item['id']}.tax", item["tax"], (each["amount"] for each in item["tax_lines"]))
    for line in lines:
        same(f"{line['id']}.discount", line["discount"], (each["amount"] for each in line["discounts"]))
    same("subtotal_price", order["subtotal_price"], (Decimal(line["price"]) * line["quantity"] for line in lines))
    same("shipping_price", order["shipping_price"], (charge["price"] for charge in shipping))
    same("total_discounts", order["total_discounts"], (item["discount"] for item in [*lines, *shipping]))
    same("total_discounts by code", order["total_discounts"], (each["amount"] for each in order["discounts"]))
    same("total_tax", order["total_tax"], (item["tax"] for item in [*lines, *shipping]))
    parts = [Decimal(order["subtotal_price"]), -Decimal(order["total_discounts"]), Decimal(order["shipping_price"])]
    same("total_price", order["total_price"], [*parts, *([] if order["taxes_included"] else [order["total_tax"]])])
    if order["financial_status"] not in ("pending", "voided"):
        same("payments", order["total_price"], (payment["amount"] for payment in order["payments"]))
    for refund in order["refunds"]:
        items = [*refund["lines"], *([refund["shipping"]] if refund["shipping"] else [])]
        for item in items:
            same(f"{refund['id']}.tax", item["tax"], (each["amount"] for each in item["tax_lines"]))
        if items:
            same(f"{refund['id']}.amount", refund["amount"], (item["amount"] for item in items))
        same(f"{refund['id']}.tax", refund["tax"], (item["tax"] for item in items))
    if refunded_so_far(order) > minor(order["total_price"], digits):
        mismatches.append("refunds: more than the order's total")
    return mismatches
