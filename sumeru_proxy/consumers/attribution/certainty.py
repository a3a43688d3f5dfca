"""How certain effects from data are, and when there is too little of it to say anything. Pure.

The journeys are counted in 50 blocks; leaving out one block after another gives 50 estimates, and their spread the standard error
(delete-a-group jackknife: B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 11). Counts add up, so leaving a
block out is a subtraction and not a second reading of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import fsum, sqrt
from typing import Final, NamedTuple, Protocol, Self, TypeVar

from sumeru_proxy.consumers.attribution.markov import NotEnoughJourneys, shares

BLOCKS: Final = 50
CONVERSIONS_LEAST: Final = 200
MILLIONTHS: Final = 1_000_000


class Part(Protocol):
    """Counts that can be added and taken away."""

    def merge(self, other: Self, sign: int = 1) -> None:
        """Add another part, or take it away."""


P = TypeVar("P", bound=Part)


class Estimate(NamedTuple):
    """A channel's effect: its part of the whole (0 to 1), the standard error of that part, and its weight in millionths."""

    share: float
    error: float
    weight: int


def _without_each(whole: P, blocks: Sequence[P]) -> Iterator[P]:
    for block in blocks:
        whole.merge(block, -1)
        yield whole
        whole.merge(block)


def estimates(whole: P, blocks: Sequence[P], effects_of: Callable[[P], dict[str, float]]) -> dict[str, Estimate]:
    """Each channel's estimate. ``whole`` must be the sum of ``blocks``; it is as before afterwards.

    A block whose absence leaves no conversion is not used. Weights are the effects, not the shares, rounded to millionths.
    """
    effects = effects_of(whole)
    found: list[dict[str, float]] = []
    for rest in _without_each(whole, blocks):
        try:
            found.append(shares(effects_of(rest)))
        except NotEnoughJourneys:
            continue
    result = {}
    for channel, share in shares(effects).items():
        others = [each.get(channel, 0.0) for each in found]
        count = len(others)
        mean = fsum(others) / count if count else 0.0
        error = sqrt((count - 1) / count * fsum((each - mean) ** 2 for each in others)) if count > 1 else 0.0
        result[channel] = Estimate(share, error, round(effects[channel] * MILLIONTHS))
    return result


def enough(conversions: int, least: int = CONVERSIONS_LEAST) -> None:
    """Raises NotEnoughJourneys below the threshold under which a data-driven model would show noise as numbers."""
    if conversions < least:
        raise NotEnoughJourneys(conversions, least)
