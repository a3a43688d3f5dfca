"""Arithmetic of minor units. Pure; nothing here knows an order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal


class Inexact(ValueError):
    """An amount has more decimals than its currency, so that it cannot be paid."""


def minor(amount: Decimal, digits: int) -> int:
    """An amount as minor units: ``(Decimal("11.90"), 2)`` is 1190. Raises Inexact when it has more decimals than ``digits``."""
    scaled = amount.scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise Inexact(f"{amount} has more than {digits} decimals")
    return int(scaled)


def rounded(amount: Decimal, digits: int) -> int:
    """An amount as minor units, halves away from zero."""
    return int(amount.scaleb(digits).to_integral_value(ROUND_HALF_UP))


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` divided in the proportion of ``weights``, exactly: the shares add up to it, missing units go to the largest remainders,
    ties to the earlier. Weights are not negative; when all are 0 the first gets everything. Negative totals mirror positive ones.
    """
    if not weights:
        if total:
            raise ValueError("nothing to spread over")
        return []
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))]
    sign, size = (-1, -total) if total < 0 else (1, total)
    shares = [size * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(size * weights[place] % whole))
    for place in by_remainder[: size - sum(shares)]:
        shares[place] += 1
    return [sign * share for share in shares]


# Rates are made of these steps: what a percentage is taken for when only its amounts are known, the roundest first.
_STEPS = (Decimal(5), Decimal(1), Decimal("0.5"), Decimal("0.1"), Decimal("0.05"), Decimal("0.01"))


def percent_of(net: int, tax: int) -> Decimal:
    """The roundest percentage that explains a tax on a net amount, both rounded to minor units; 0 without tax.

    A guess, for sources that do not tell rates: 83 and 17 give 20, 1000 and 55 give 5.5.
    """
    if tax == 0 or net == 0:
        return Decimal(0)
    net, tax = abs(net), abs(tax)
    low, high = Decimal(200 * tax - 100) / (2 * net + 1), Decimal(200 * tax + 100) / max(1, 2 * net - 1)
    middle = Decimal(100 * tax) / net
    for step in _STEPS:
        candidate = (middle / step).to_integral_value(ROUND_HALF_UP) * step
        if candidate > 0 and low <= candidate <= high:
            return candidate
    return middle.quantize(Decimal("0.0001"))
