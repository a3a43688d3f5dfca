"""Shapley values of channels by conversion rate. Pure and exact: no sampling.

The worth v(S) of a set of channels is the conversion rate of the journeys whose distinct channels are exactly S; sets that were never
seen are worth 0. The Shapley value of a channel is its average gain over all orders in which the channels may join:
``sum over S without c of |S|! (n-|S|-1)! / n! * (v(S + c) - v(S))``. Sources: L. S. Shapley, "A value for n-person games" (1953);
K. Zhao, S. H. Mahboobi, S. R. Bagheri, "Shapley value methods for attribution modeling in online advertising" (arXiv 1804.05327).

Written by the sets that were seen, each v(S) occurs once with a plus for every member and once with a minus for every other channel, so
the exact value costs (sets seen) × (channels) instead of 2 ** channels. The equal split (``rules.shapley_equal``) is the other game.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import factorial
from typing import Final

from sumeru_proxy.consumers.attribution.markov import NotEnoughJourneys

CHANNELS_LIMIT: Final = 20
OTHER: Final = "(other)"


@dataclass(slots=True)
class Sets:
    """How many journeys with exactly these channels there were, and how many of them converted. Parts add up exactly."""

    journeys: Counter[frozenset[str]] = field(default_factory=Counter)
    conversions: Counter[frozenset[str]] = field(default_factory=Counter)

    def add(self, channels: Iterable[str], converted: bool, times: int = 1) -> None:
        """Count one journey, or ``times`` equal ones. A journey without a touch says nothing."""
        found = frozenset(channels)
        if found:
            self.journeys[found] += times
            if converted:
                self.conversions[found] += times

    def merge(self, other: Sets, sign: int = 1) -> None:
        """Add another part's counts, or take them away with ``sign=-1``."""
        for mine, theirs in ((self.journeys, other.journeys), (self.conversions, other.conversions)):
            for channels, count in theirs.items():
                mine[channels] += sign * count
                if not mine[channels]:
                    del mine[channels]


def rarest_beyond(sets: Sets, channel_limit: int = CHANNELS_LIMIT) -> frozenset[str]:
    """The channels to be taken together as ``(other)``, so that at most ``channel_limit`` names remain; the rarest by journeys."""
    frequency: Counter[str] = Counter()
    for channels, count in sets.journeys.items():
        for channel in channels:
            frequency[channel] += count
    if len(frequency) <= channel_limit:
        return frozenset()
    ranked = sorted(frequency, key=lambda channel: (-frequency[channel], channel))
    return frozenset(ranked[channel_limit - 1 :])


def _grouped(sets: Sets, rare: frozenset[str]) -> Sets:
    result = Sets()
    for mine, theirs in ((result.journeys, sets.journeys), (result.conversions, sets.conversions)):
        for channels, count in theirs.items():
            mine[(channels - rare) | {OTHER} if channels & rare else channels] += count
    return result


def values(sets: Sets, channel_limit: int = CHANNELS_LIMIT) -> dict[str, float]:
    """The Shapley value of each channel; may be negative, since more channels do not always convert better.

    The rarest channels beyond ``channel_limit`` all have the value of their group. The values of the names (the group counting once)
    sum to v(all channels), which is 0 unless some journey had them all. Raises NotEnoughJourneys without any conversion.
    """
    if not any(sets.conversions.values()):
        raise NotEnoughJourneys(0, 1)
    rare = rarest_beyond(sets, channel_limit)
    counted = _grouped(sets, rare) if rare else sets
    names = sorted(frozenset[str]().union(*counted.journeys))
    count = len(names)
    whole = factorial(count)
    # v(S) with |S| = s counts for each member with (s-1)! (n-s)! / n!, against each other channel with s! (n-s-1)! / n!.
    gains = [Fraction(0)] + [Fraction(factorial(s - 1) * factorial(count - s), whole) for s in range(1, count + 1)]
    losses = [Fraction(factorial(s) * factorial(count - s - 1), whole) for s in range(count)] + [Fraction(0)]
    result = dict.fromkeys(names, Fraction(0))
    lost = Fraction(0)  # what a set takes from those outside is taken from all, and given back to its members
    for channels in sorted(counted.journeys, key=sorted):
        worth = Fraction(counted.conversions.get(channels, 0), counted.journeys[channels])
        if worth:
            size = len(channels)
            lost += worth * losses[size]
            back = worth * (gains[size] + losses[size])
            for channel in channels:
                result[channel] += back
    found = {channel: float(value - lost) for channel, value in result.items()}
    if rare:
        found |= dict.fromkeys(rare, found.pop(OTHER))
    return found


def effects(sets: Sets, channel_limit: int = CHANNELS_LIMIT) -> dict[str, float]:
    """``values`` with negative ones set to 0, as weights must not be negative; a report has to say which were."""
    return {channel: max(0.0, value) for channel, value in values(sets, channel_limit).items()}
