"""Money divided by whole-number weights, to the last minor unit.

Largest remainder (Hamilton's method): each share is the floor of ``total * weight / sum``; the units still missing go one each to the
largest remainders. Source: M. L. Balinski, H. P. Young, "Fair Representation", 1982, chapter 3. The same lines exist in JavaScript
(``static/attribution/credit.mjs``); a test compares the cents of both.
"""

from __future__ import annotations

from collections.abc import Sequence


class NoWeight(ValueError):
    """There is money and nobody who may have it: no weight, or none above zero."""


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """Shares of ``total`` (minor units, may be negative) in proportion to ``weights`` (whole numbers from 0 up).

    The sum of the shares is ``total``, each is within one unit of its exact value, zero weight gets zero, and of equal remainders the
    earlier one is served first. ``divide(-total)`` is the mirror of ``divide(total)``. Raises NoWeight when ``total`` is not zero and
    all weights are, ValueError for a negative weight.
    """
    if total < 0:
        return [-share for share in divide(-total, weights)]
    whole = sum(weights)
    if weights and min(weights) < 0:
        raise ValueError("a weight is negative")
    if not whole:
        if total:
            raise NoWeight("no weight above zero")
        return [0] * len(weights)
    count = len(weights)
    if weights.count(weights[0]) == count:
        # Equal remainders: the missing units go to the earliest.
        share, missing = divmod(total, count)
        return [share + 1] * missing + [share] * (count - missing)
    products = [total * weight for weight in weights]
    shares = [product // whole for product in products]
    missing = total - sum(shares)
    if missing:
        remainders = [product - share * whole for product, share in zip(products, shares, strict=True)]
        # The sort is stable, so equal remainders stay in the order of the touches.
        for index in sorted(range(count), key=remainders.__getitem__, reverse=True)[:missing]:
            shares[index] += 1
    return shares


def take_back(refunded: int, credits: Sequence[int], weights: Sequence[int]) -> list[int]:
    """How a refund (minor units, 0 or more) is taken from the touches that were credited, as amounts of 0 or more.

    It is divided in proportion to the credits themselves, so a touch never gives back more than it got as long as the refund is not
    larger than the order, and a full refund gives back exactly everything. A refund of an order without revenue follows the weights.
    """
    whole = sum(credits)
    if whole > 0 and min(credits) >= 0:
        return divide(refunded, credits)
    return divide(refunded, weights)
