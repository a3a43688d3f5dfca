"""The models that are rules: which weight each touch of a journey gets, as whole numbers. Pure.

Definitions follow those that Google Analytics used until November 2023, when it kept only last click and its data-driven model
(support.google.com/analytics/answer/10596866), unless a line says otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm, prod
from typing import Final, NamedTuple

from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch, is_direct

Weigh = Callable[[JourneyConversion, Sequence[JourneyTouch]], list[int]]


class Factor(NamedTuple):
    """One reason of a weight: what was looked at, what was found there, and the whole number that it multiplies with."""

    dimension: str
    value: str
    number: int


Explain = Callable[[JourneyConversion, Sequence[JourneyTouch]], list[tuple[Factor, ...]]]


@dataclass(frozen=True, slots=True)
class Model:
    """A way to weigh a journey. ``weigh`` gives a weight for each touch; ``explain`` its factors, whose product is the weight.

    Both are given the touches that count, in order of time, at least one.
    """

    name: str
    weigh: Weigh
    explain: Explain


def _named(
    name: str, dimension: str, weigh: Weigh, value: Callable[[JourneyConversion, Sequence[JourneyTouch], int], str]
) -> Model:
    def explain(conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[tuple[Factor, ...]]:
        weights = weigh(conversion, touches)
        return [(Factor(dimension, value(conversion, touches, index), weight),) for index, weight in enumerate(weights)]

    return Model(name, weigh, explain)


def place(index: int, count: int) -> str:
    """Where a touch stands in its journey: ``only``, ``first``, ``middle`` or ``last``."""
    if count == 1:
        return "only"
    return "first" if index == 0 else "last" if index == count - 1 else "middle"


def _place(_conversion: JourneyConversion, touches: Sequence[JourneyTouch], index: int) -> str:
    return place(index, len(touches))


def _last(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
    weights = [0] * len(touches)
    weights[-1] = 1
    return weights


def _first(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
    weights = [0] * len(touches)
    weights[0] = 1
    return weights


def _last_non_direct(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
    weights = [0] * len(touches)
    for index in range(len(touches) - 1, -1, -1):
        if not is_direct(touches[index].channel):
            weights[index] = 1
            return weights
    weights[-1] = 1
    return weights


def _linear(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
    return [1] * len(touches)


LAST: Final = _named("last", "position", _last, _place)
"""Weight 1 for the last touch, 0 for all others."""

LAST_NON_DIRECT: Final = _named(
    "last_non_direct", "channel", _last_non_direct, lambda _c, touches, i: touches[i].channel
)
"""Weight 1 for the last touch whose channel is known; when all are direct, for the last."""

FIRST: Final = _named("first", "position", _first, _place)
"""Weight 1 for the first touch, 0 for all others."""

LINEAR: Final = _named("linear", "position", _linear, _place)
"""Weight 1 for each touch."""

# 2 ** (32 - 2 ** -i) for i = 1 … 16, rounded: the same table in JavaScript, so that both compute with whole numbers only.
HALVINGS: Final = (
    3_037_000_500,
    3_611_622_603,
    3_938_502_376,
    4_112_874_773,
    4_202_935_003,
    4_248_701_965,
    4_271_771_996,
    4_283_353_945,
    4_289_156_690,
    4_292_061_010,
    4_293_513_907,
    4_294_240_540,
    4_294_603_903,
    4_294_785_595,
    4_294_876_445,
    4_294_921_870,
)
DECAY_SCALE: Final = 1_000_000


def _powers(constants: Sequence[int]) -> tuple[int, ...]:
    table = []
    for bits in range(1 << len(constants)):
        value = 1 << 32
        for place_, constant in enumerate(constants):
            if bits >> (len(constants) - 1 - place_) & 1:
                value = value * constant >> 32
        table.append(value)
    return tuple(table)


_COARSE, _FINE = _powers(HALVINGS[:8]), _powers(HALVINGS[8:])


def decay(age_ms: int, half_life_ms: int) -> int:
    """``1,000,000 * 2 ** -(age / half-life)`` as a whole number, at least 1.

    Exact at whole half-lives, else up to 11 units too large. Whole numbers throughout (the fraction of a half-life is taken in
    65,536ths), so every machine and language gives the same.
    """
    halvings, rest = divmod(age_ms, half_life_ms)
    if halvings > 20:
        return 1
    step = (rest << 16) // half_life_ms
    return max(1, DECAY_SCALE * _COARSE[step >> 8] * _FINE[step & 255] >> (64 + halvings))


def time_decay(half_life_days: int = 7) -> Model:
    """Weight ``2 ** -(age / half-life)`` in millionths, at least 1. Seven days are the default of Google Analytics and HubSpot.

    Age is a matter of time, not of the touch's number in the journey. Raises ValueError outside of 1 to 365 days.
    """
    if not 1 <= half_life_days <= 365:
        raise ValueError("half_life_days must be 1 to 365")
    half_life_ms = half_life_days * DAY_MS

    def weigh(conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
        at_ms = conversion.at_ms
        return [decay(at_ms - touch.at_ms, half_life_ms) for touch in touches]

    def days(conversion: JourneyConversion, touches: Sequence[JourneyTouch], index: int) -> str:
        tenths = (conversion.at_ms - touches[index].at_ms) * 10 // DAY_MS
        return f"{tenths // 10}.{tenths % 10} d"

    return _named("time_decay", "age", weigh, days)


def position(first: int = 40, middle: int = 20, last: int = 40) -> Model:
    """``first`` and ``last`` parts for the ends, ``middle`` shared equally by all between them; 40/20/40 unless given.

    One touch has everything, two share as ``first`` to ``last`` (so 50/50). Weights: ``first * m``, ``middle`` for each of the m
    touches between, ``last * m``. When two touches meet with both ends at 0, they share equally. Raises ValueError for parts below 0
    or above 1,000, or for parts that are all 0.
    """
    if min(first, middle, last) < 0 or max(first, middle, last) > 1_000 or not first + middle + last:
        raise ValueError("parts must be 0 to 1000, and not all 0")

    def weigh(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
        count = len(touches)
        if count == 1:
            return [1]
        if count == 2:
            return [first, last] if first + last else [1, 1]
        between = count - 2
        return [first * between, *[middle] * between, last * between]

    return _named("position", "position", weigh, _place)


def shapley_equal() -> Model:
    """Each conversion is shared equally by the distinct channels of its journey, and a channel's part by its touches.

    This is the exact Shapley value of the game "a set of channels is worth the conversions whose journeys it contains": a conversion
    is then a unanimity game of its journey's channels, whose value is 1/n for each member (L. S. Shapley, "A value for n-person
    games", 1953, lemma 2). A touch weighs the least common multiple of the channels' counts, divided by its own channel's count.
    """

    def weigh(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
        counts = Counter(touch.channel for touch in touches)
        multiple = lcm(*counts.values())
        return [multiple // counts[touch.channel] for touch in touches]

    return _named("shapley_equal", "channel", weigh, lambda _c, touches, i: touches[i].channel)


def by_effects(name: str, effects: Mapping[str, int]) -> Model:
    """Each touch weighs its channel's effect (millionths, from ``markov`` or ``shapley``); a channel without one weighs 0."""

    def weigh(_conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
        return [effects.get(touch.channel, 0) for touch in touches]

    return _named(name, "channel", weigh, lambda _c, touches, i: touches[i].channel)


def product_of(factors: Sequence[Factor]) -> int:
    """The weight that these factors make."""
    return prod(factor.number for factor in factors)
