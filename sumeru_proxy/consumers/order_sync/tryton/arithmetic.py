"""What Tryton will add up, known before it is asked. Pure; checked against real answers by the tests.

Tryton multiplies unit price and quantity, rounds each line's amount half to even to the currency's rounding, computes each tax from the
unrounded product, and rounds taxes per line or per document, as the company's configuration says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import cycle
from typing import Final

PER_LINE: Final = "line"
PER_DOCUMENT: Final = "document"


@dataclass(frozen=True, slots=True)
class Priced:
    """One line of a sale as Tryton computes it; ``taxes`` are ids."""

    quantity: int
    unit_price: Decimal
    taxes: tuple[int, ...] = ()


def round_to(amount: Decimal, rounding: Decimal) -> Decimal:
    """An amount as a multiple of the currency's rounding, halves to even."""
    return (amount / rounding).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * rounding


def _settled(amounts: dict[int, Decimal], rounding: Decimal) -> dict[int, Decimal]:
    """Round the taxes of one group; what rounding them singly added beyond a unit is taken back, one unit a tax."""
    settled, remainder = {}, Decimal(0)
    for tax, amount in amounts.items():
        settled[tax] = round_to(amount, rounding)
        remainder += settled[tax] - amount
    left = round_to(remainder, rounding)
    if abs(left) >= rounding and any(settled.values()):
        unit = rounding.copy_sign(left)
        for tax in cycle(settled):
            if settled[tax]:
                settled[tax] -= unit
                left -= unit
                if abs(left) < rounding:
                    break
    return settled


def sums(
    lines: Sequence[Priced], rates: Mapping[int, Decimal], rounding: Decimal, tax_rounding: str
) -> tuple[Decimal, Decimal]:
    """Tryton's untaxed amount and tax of these lines. ``rates`` are fractions by tax id, ``rounding`` the currency's (0.01)."""
    untaxed, tax = Decimal(0), Decimal(0)
    groups: dict[tuple[tuple[int, ...], bool], dict[int, Decimal]] = {}
    for line in lines:
        product = line.unit_price * line.quantity
        untaxed += round_to(product, rounding)
        amounts = {each: product * rates[each] for each in line.taxes}
        if tax_rounding == PER_LINE:
            tax += sum(_settled(amounts, rounding).values(), Decimal(0))
        else:
            group = groups.setdefault((line.taxes, product >= 0), {})
            for each, amount in amounts.items():
                group[each] = group.get(each, Decimal(0)) + amount
    for group in groups.values():
        tax += sum(_settled(group, rounding).values(), Decimal(0))
    return untaxed, tax
