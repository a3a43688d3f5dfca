"""What any refresher could reach: mean ages when every key is refreshed at regular intervals, from the budget alone. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def zipf(count: int, exponent: float = 1.0) -> list[float]:
    """The shares of ``count`` keys, most popular first; they sum to 1."""
    weights = [1.0 / rank**exponent for rank in range(1, count + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def intervals(shares: Sequence[float], per_second: float, least_s: float) -> list[float]:
    """Seconds between refreshes of each key that make the traffic-weighted age smallest.

    Minimise Σ p·T/2 with Σ 1/T = ``per_second`` (Lagrange: T = c/√p); no key sooner than ``least_s``, because a copy that is still
    fresh is not asked for again. ``c`` is found by bisection.
    """
    roots = [math.sqrt(share) for share in shares]
    if len(roots) / least_s <= per_second:
        return [least_s] * len(roots)
    low, high = 0.0, len(roots) / per_second
    for _ in range(100):
        middle = (low + high) / 2
        if sum(1.0 / max(least_s, middle / root) for root in roots) > per_second:
            low = middle
        else:
            high = middle
    return [max(least_s, high / root) for root in roots]


def weighted_age_s(shares: Sequence[float], every_s: Sequence[float]) -> float:
    """The mean age a shopper meets when keys are refreshed at these intervals: half an interval, weighted by traffic."""
    return sum(share * each / 2 for share, each in zip(shares, every_s, strict=True))


def plain_ttl_s(count: int, per_second: float, least_s: float) -> float:
    """The one lifetime for all keys that the same budget can keep."""
    return max(least_s, count / per_second)


def on_read_age_s(shares: Sequence[float], reads_per_second: float, per_second: float, least_s: float) -> float:
    """The smallest mean age of a refresher that only refreshes what a shopper has just read.

    After T seconds the next read (exponentially distributed) meets an old copy and has it renewed: a cycle lasts T + 1/r, holds r·T + 1
    reads, and their ages sum to r·T²/2 + T + 1/r. The common multiplier of the budget is found by bisection, each T by its derivative.
    """

    def cycle(rate: float, price: float) -> tuple[float, float]:
        # Minimise (r·T²/2 + T + 1/r + price) / (T + 1/r): with u = T + 1/r it is r·u/2 + (1/(2r) + price)/u.
        u = max(least_s + 1.0 / rate, math.sqrt((1.0 / rate + 2.0 * price) / rate))
        return u, (rate * u * u / 2 + 1.0 / (2 * rate)) / u

    rates = [share * reads_per_second for share in shares]
    low, high = 0.0, 1e12
    for _ in range(200):
        price = math.sqrt(max(low, 1e-6) * high)
        if sum(1.0 / cycle(rate, price)[0] for rate in rates) > per_second:
            low = price
        else:
            high = price
    return sum(cycle(rate, high)[1] for rate in rates) / reads_per_second
