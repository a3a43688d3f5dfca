"""One order under all models of a plan, summed by channel and campaign. Pure; the database is read and written elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sumeru_proxy.consumers.attribution.credits import amounts, counted_touches
from sumeru_proxy.consumers.attribution.division import take_back
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch, credited
from sumeru_proxy.consumers.attribution.models import ModelCode
from sumeru_proxy.consumers.attribution.plans import Plan

Key = tuple[int, str, str]
"""Model, channel, campaign; an empty channel is what nobody could be credited with."""
Money = tuple[int, int]
"""Credited, taken back."""
NOBODY: Final = ("", "")
PATH_CHANNELS_LIMIT: Final = 12
LENGTH_LIMIT: Final = 1_000
_THEIRS: Final = int(ModelCode.SUMERU)


@dataclass(frozen=True, slots=True)
class Computed:
    """What an order comes to. ``credits`` of each model sum to the order's total and refund; ``path`` are its channels in order.

    ``credited``: whether its type is credited at all; an order without revenue is, and has no credits.
    """

    credited: bool
    credits: Mapping[Key, Money]
    length: int
    days: int
    path: str
    version: int


def path_of(counted: Sequence[JourneyTouch]) -> str:
    """The channels in order of time, repetitions in a row once, the last twelve of them."""
    names: list[str] = []
    for touch in counted:
        if not names or names[-1] != touch.channel:
            names.append(touch.channel)
    cut = names[-PATH_CHANNELS_LIMIT:]
    return " > ".join(cut if len(cut) == len(names) else ["…", *cut])


def _theirs(
    conversion: JourneyConversion, touches: Sequence[JourneyTouch], theirs: Mapping[int, int]
) -> dict[Key, Money]:
    """Sumeru's own credit: its amounts, and the rest of the order's total for nobody; a refund is taken in proportion."""
    keys = [(_THEIRS, touch.channel, touch.campaign) for touch in touches if touch.id in theirs]
    parts = [theirs[touch.id] for touch in touches if touch.id in theirs]
    keys.append((_THEIRS, *NOBODY))
    parts.append(conversion.total - sum(parts))
    refunds = take_back(conversion.refunded, parts, [0] * (len(parts) - 1) + [1])
    found: dict[Key, Money] = {}
    for key, amount, refunded in zip(keys, parts, refunds, strict=True):
        before = found.get(key, (0, 0))
        found[key] = (before[0] + amount, before[1] + refunded)
    return {key: money for key, money in found.items() if money != (0, 0)}


def compute(
    plan: Plan, conversion: JourneyConversion, touches: list[JourneyTouch], theirs: Mapping[int, int] | None = None
) -> Computed:
    """The order under every model of the plan. ``theirs``: Sumeru's own credit by touch.

    A conversion of a type that is not credited comes to nothing at all.
    """
    company = plan.company_at(conversion.at_ms)
    version = company[1].version if company else 0
    if not credited(conversion, plan.options):
        return Computed(False, {}, 0, 0, "", version)
    counted = counted_touches(conversion, touches, plan.options)
    # Touches of the same channel and campaign are summed: where each one goes is the same for all models.
    places: dict[tuple[str, str], int] = {}
    place_of = [places.setdefault((touch.channel, touch.campaign), len(places)) for touch in counted]
    totals: dict[Key, Money] = {}
    for code, model in plan.models_at(conversion.at_ms):
        found = amounts(conversion, counted, model)
        if found is None:
            totals[(code, *NOBODY)] = (conversion.total, conversion.refunded)
            continue
        sums, backs = [0] * len(places), [0] * len(places)
        for place, amount in zip(place_of, found[0], strict=True):
            sums[place] += amount
        if found[1]:
            for place, amount in zip(place_of, found[1], strict=True):
                backs[place] += amount
        for (channel, campaign), place in places.items():
            if sums[place] or backs[place]:
                totals[code, channel, campaign] = (sums[place], backs[place])
    if plan.with_theirs:
        totals |= _theirs(conversion, touches, theirs or {})
    days = (conversion.at_ms - counted[0].at_ms) // DAY_MS if counted else 0
    return Computed(True, totals, min(len(counted), LENGTH_LIMIT), days, path_of(counted), version)
