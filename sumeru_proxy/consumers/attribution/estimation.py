"""Effects from data: all journeys counted in one pass in 50 blocks, solved, with error bars, stored as an estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction

from sumeru_proxy.consumers.attribution import certainty, journey_rows, markov, shapley, words
from sumeru_proxy.consumers.attribution.credits import counted_touches
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, Options, credited
from sumeru_proxy.consumers.attribution.models import AttributionSettings, Fit, ModelCode
from sumeru_proxy.consumers.attribution.plans import settings_of

OPEN_LIMIT: Final = 200_000
"""Of journeys without an order about so many are read; of more, every second, fourth … person, counted as often."""
FIT_DAYS: Final = 365


@dataclass(slots=True)
class Counted:
    """What one pass over the journeys counted, in blocks."""

    chains: list[markov.Transitions]
    sets: list[shapley.Sets] = field(default_factory=lambda: [shapley.Sets() for _ in range(certainty.BLOCKS)])
    conversions: int = 0
    open_journeys: int = 0
    one_in: int = 1

    def add(self, block: int, channels: list[str], converted: bool, times: int = 1) -> None:
        """Count one journey in its block."""
        self.chains[block].add(channels, converted, times)
        self.sets[block].add(channels, converted, times)
        if converted:
            self.conversions += times
        else:
            self.open_journeys += times


def _one_in(journeys: int) -> int:
    one_in = 1
    while journeys // one_in > OPEN_LIMIT:
        one_in *= 2
    return one_in


def count(shop_id: int, options: Options, order: int, until_ms: int) -> Counted:
    """Count the journeys of the year before ``until_ms``: orders, and people without one. One pass over each, in bounded memory.

    A journey's block follows from its number (or its person's hash), so the same data gives the same blocks.
    """
    counted = Counted([markov.Transitions(order) for _ in range(certainty.BLOCKS)])
    texts = words.texts_of(shop_id)
    since_ms = until_ms - FIT_DAYS * DAY_MS
    for journey in journey_rows.of_shop(shop_id, options, texts, since_ms=since_ms, until_ms=until_ms):
        if credited(journey.conversion, options) and journey.conversion.refunded < max(1, journey.conversion.total):
            channels = [touch.channel for touch in counted_touches(journey.conversion, journey.touches, options)]
            if channels:
                counted.add(journey.id % certainty.BLOCKS, channels, True)
    people = journey_rows.open_persons(shop_id).filter(at_ms__gte=since_ms).values("person").distinct().count()
    counted.one_in = _one_in(people)
    for person, touches in journey_rows.without_order(shop_id, texts, since_ms=since_ms, one_in=counted.one_in):
        # As if an order could have come at the end of the time that was looked at.
        end = JourneyConversion(min(touches[-1].at_ms, until_ms), 0)
        channels = [touch.channel for touch in counted_touches(end, touches, options)]
        if channels:
            counted.add(int(person[:8], 16) // counted.one_in % certainty.BLOCKS, channels, False, counted.one_in)
    return counted


def _estimated(
    shop_id: int,
    code: ModelCode,
    counted: Counted,
    blocks: list[Any],
    whole: Any,
    effects_of: Callable[[Any], dict[str, float]],
    **more: Any,
) -> Fit:
    for block in blocks:
        whole.merge(block)
    found = certainty.estimates(whole, blocks, effects_of)
    return Fit(
        shop_id=shop_id,
        model=code,
        effects={channel: list(estimate) for channel, estimate in sorted(found.items())},
        conversions=counted.conversions,
        open_journeys=counted.open_journeys,
        sampled=counted.one_in,
        **more,
    )


def store(fits: list[Fit]) -> None:
    """Keep these estimates: orders are credited by them from now on, and those credited before are due again."""
    with transaction.atomic():
        for each in fits:
            each.save()
        if fits:
            AttributionSettings.count_up(fits[0].shop_id)


def fit(shop_id: int, until_ms: int) -> list[Fit]:
    """Estimate every model from data anew; ``store`` keeps them. Raises NotEnoughJourneys below the threshold.

    By conversion rate only where there are journeys without an order: without them every rate is 1 and says nothing.
    """
    stored = settings_of(shop_id)
    counted = count(shop_id, stored.options(), stored.markov_order, until_ms)
    certainty.enough(counted.conversions)
    order = stored.markov_order
    fits = [
        _estimated(
            shop_id,
            ModelCode.MARKOV,
            counted,
            counted.chains,
            markov.Transitions(order),
            markov.removal_effects,
            parameters={"order": order},
        )
    ]
    if counted.open_journeys >= certainty.CONVERSIONS_LEAST:
        values = shapley.Sets()
        for block in counted.sets:
            values.merge(block)
        negative = sorted(channel for channel, value in shapley.values(values).items() if value < 0)
        fits.append(
            _estimated(
                shop_id,
                ModelCode.SHAPLEY_RATE,
                counted,
                counted.sets,
                shapley.Sets(),
                shapley.effects,
                negative=negative,
            )
        )
    return fits
