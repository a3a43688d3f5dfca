"""One order under one model: which touches count, what they weigh, what they earned, what a refund takes back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sumeru_proxy.consumers.attribution.division import divide, take_back
from sumeru_proxy.consumers.attribution.journeys import (
    JourneyConversion,
    JourneyTouch,
    Options,
    credited,
    journey,
    left_out,
)
from sumeru_proxy.consumers.attribution.rules import Factor, Model


class CreditShare(NamedTuple):
    """What one touch earned of an order, and what a refund took back from it; minor units, ``refunded`` 0 or more."""

    touch: JourneyTouch
    amount: int
    refunded: int


def amounts(
    conversion: JourneyConversion, counted: Sequence[JourneyTouch], model: Model
) -> tuple[Sequence[int], Sequence[int]] | None:
    """What each of the counted touches earned, and what a refund took back from each (empty without a refund).

    None when nobody may be credited: no touch counts, or all weigh zero. The order is then *unattributed* and stays visible as such.
    """
    if not counted:
        return None
    weights = model.weigh(conversion, counted)
    if not any(weights):
        return None
    found = divide(conversion.total, weights)
    return found, take_back(conversion.refunded, found, weights) if conversion.refunded else ()


def credit(conversion: JourneyConversion, counted: Sequence[JourneyTouch], model: Model) -> list[CreditShare]:
    """The credits of an order's counted touches (``journeys.journey``), in order of time; empty when nobody may be credited."""
    found = amounts(conversion, counted, model)
    if found is None:
        return []
    earned, refunds = found
    return [CreditShare(*each) for each in zip(counted, earned, refunds or [0] * len(earned), strict=True)]


@dataclass(frozen=True, slots=True)
class Line:
    """One touch of an explained order: why it was left out (or empty), its factors, their product, its cents."""

    touch: JourneyTouch
    left_out: str
    factors: tuple[Factor, ...]
    weight: int
    amount: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every cent of an order under one model. ``unattributed`` and its refund are what no touch could have."""

    model: str
    lines: tuple[Line, ...]
    weights_sum: int
    unattributed: int
    unattributed_refund: int


def explain(
    conversion: JourneyConversion,
    touches: Sequence[JourneyTouch],
    options: Options,
    model: Model,
    taken: Collection[int] = (),
) -> Explanation:
    """How this order's credit came about: touch × factors = weight = cents, for all of its touches, counted or not.

    ``taken``: ids of touches that an earlier order has already (``Options.one_order_only``). The
    lines' amounts and ``unattributed`` sum to the order's total, the refunds likewise.
    """
    reasons = left_out(conversion, touches, options, taken)
    if not credited(conversion, options):
        reasons = [(touch, reason or "kind") for touch, reason in reasons]
    counted = [touch for touch, reason in reasons if not reason]
    factors = model.explain(conversion, counted) if counted else []
    credits = credit(conversion, counted, model) or [CreditShare(touch, 0, 0) for touch in counted]
    found = iter(zip(factors, credits, strict=True))
    lines = []
    for touch, reason in reasons:
        if reason:
            lines.append(Line(touch, reason, (), 0, 0, 0))
            continue
        own, earned = next(found)
        weight = 1
        for factor in own:
            weight *= factor.number
        lines.append(Line(touch, "", own, weight, earned.amount, earned.refunded))
    return Explanation(
        model.name,
        tuple(lines),
        sum(line.weight for line in lines),
        conversion.total - sum(line.amount for line in lines),
        conversion.refunded - sum(line.refunded for line in lines),
    )


def counted_touches(conversion: JourneyConversion, touches: list[JourneyTouch], options: Options) -> list[JourneyTouch]:
    """The touches that count for this conversion; none when its type is not credited."""
    return journey(conversion, touches, options) if credited(conversion, options) else []
