"""What changed weights would shift: a sample of orders in memory for the hand on the slider, all orders of a period step by step."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import QuerySet

from sumeru_proxy import memory
from sumeru_proxy.consumers.attribution import journey_rows
from sumeru_proxy.consumers.attribution.company import WeightTable
from sumeru_proxy.consumers.attribution.credits import counted_touches, credit
from sumeru_proxy.consumers.attribution.journeys import JourneyConversion, JourneyTouch
from sumeru_proxy.consumers.attribution.models import Conversion as ConversionRow
from sumeru_proxy.consumers.attribution.models import ModelCode
from sumeru_proxy.consumers.attribution.plans import Plan, plan_of
from sumeru_proxy.consumers.attribution.reports import NOBODY

SAMPLE_ORDERS: Final = 5_000
CACHE_S: Final = 300.0
SAMPLES_LIMIT: Final = 4
_CHUNK: Final = 500

Shifts = dict[str, tuple[int, int]]
"""Channel → what it has of the revenue now, and what it would have; minor units. Both sum to the revenue."""
Counted = tuple[JourneyConversion, Sequence[JourneyTouch]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Orders of a period with their counted touches. ``orders`` of ``of`` were read; what they earn now is computed already."""

    orders: int
    of: int
    journeys: Sequence[Counted]
    now: Mapping[str, int]
    read_at: float = field(default_factory=time.monotonic)


def _add(sums: dict[str, int], journey: Counted, table: WeightTable) -> None:
    conversion, counted = journey
    credits = credit(conversion, counted, table.model())
    if not credits:
        sums[NOBODY] = sums.get(NOBODY, 0) + conversion.total
    for touch, amount, _refunded in credits:
        sums[touch.channel] = sums.get(touch.channel, 0) + amount


def sums_under(journeys: Iterable[Counted], table: WeightTable) -> dict[str, int]:
    """What each channel earns of these orders under one table, whatever their time."""
    sums: dict[str, int] = {}
    for journey in journeys:
        _add(sums, journey, table)
    return sums


def sums_in_force(journeys: Iterable[Counted], plan: Plan) -> dict[str, int]:
    """What each channel earns of these orders under the versions in force at their times."""
    sums: dict[str, int] = {}
    for journey in journeys:
        company = plan.company_at(journey[0].at_ms)
        if company is not None:
            _add(sums, journey, company[1])
    return sums


def _journeys(ids: Sequence[int], plan: Plan) -> list[Counted]:
    rows = list(ConversionRow.objects.filter(pk__in=ids, erased=False).order_by("pk"))
    found, _words = journey_rows.of_rows(rows, plan.options)
    return [(each.conversion, counted_touches(each.conversion, each.touches, plan.options)) for each in found]


def orders_between(shop_id: int, since_ms: int, until_ms: int, currency: str) -> QuerySet[ConversionRow]:
    """The orders of a period, with touches or not; their types are those that are credited."""
    options = plan_of(shop_id, ()).options
    rows = ConversionRow.objects.filter(
        shop_id=shop_id, at_ms__gte=since_ms, at_ms__lt=until_ms, currency=currency, erased=False
    )
    if options.kinds:
        rows = rows.filter(kind__in=options.kinds)
    return rows


def ids_between(shop_id: int, since_ms: int, until_ms: int, currency: str) -> list[int]:
    """The same orders' numbers, in the order of time."""
    rows = orders_between(shop_id, since_ms, until_ms, currency)
    return list(rows.order_by("at_ms", "pk").values_list("pk", flat=True))


def read_sample(shop_id: int, since_ms: int, until_ms: int, currency: str, most: int = SAMPLE_ORDERS) -> Sample:
    """Every so-manyth order of the period, at most ``most``, spread evenly over time."""
    plan = plan_of(shop_id, (int(ModelCode.COMPANY),))
    ids = ids_between(shop_id, since_ms, until_ms, currency)
    step = -(-len(ids) // most) or 1
    chosen = ids[::step]
    journeys = [
        each for start in range(0, len(chosen), _CHUNK) for each in _journeys(chosen[start : start + _CHUNK], plan)
    ]
    return Sample(len(journeys), len(ids), journeys, sums_in_force(journeys, plan))


class Samples:
    """The last few samples of this process, each for five minutes: dragging a slider asks many times for the same one."""

    def __init__(self) -> None:
        self._cache: dict[tuple[int, int, int, str], Sample] = {}
        self._lock = threading.Lock()
        memory.register(self)

    def of(self, shop_id: int, since_ms: int, until_ms: int, currency: str) -> Sample:
        """The sample of this period, read when it is not there or too old."""
        key = (shop_id, since_ms, until_ms, currency)
        with self._lock:
            cached = self._cache.get(key)
        if cached is not None and time.monotonic() - cached.read_at < CACHE_S:
            return cached
        found = read_sample(*key)
        with self._lock:
            self._cache.pop(key, None)
            self._cache[key] = found
            while len(self._cache) > SAMPLES_LIMIT:
                self._cache.pop(next(iter(self._cache)))
        return found

    def forget(self) -> None:
        """Read everything anew."""
        with self._lock:
            self._cache.clear()


samples = memory.register(Samples())


def shifts(now: Mapping[str, int], then: Mapping[str, int]) -> Shifts:
    """Both side by side, the largest change first."""
    names = sorted(now.keys() | then.keys(), key=lambda name: (-abs(then.get(name, 0) - now.get(name, 0)), name))
    return {name: (now.get(name, 0), then.get(name, 0)) for name in names}


def shift_of(sample: Sample, table: WeightTable) -> Shifts:
    """What the table would shift of a sample's revenue."""
    return shifts(sample.now, sums_under(sample.journeys, table))


def shift_of_orders(shop_id: int, ids: Sequence[int], table: WeightTable) -> Shifts:
    """What the table would shift of these orders' revenue; parts of a period add up to the whole."""
    plan = plan_of(shop_id, (int(ModelCode.COMPANY),))
    journeys = _journeys(ids, plan)
    return shifts(sums_in_force(journeys, plan), sums_under(journeys, table))
