"""Crediting on many machines: ranges of orders on Dask distributed, read from the database or from ``touches.parquet``.

Needs ``pip install 'sumeru-widgets[attribution-parallel,parquet]'``. Each range is the same pure function as everywhere (``computation``),
and sums of whole numbers add up, so the cents are those of one process, however many workers there are. Workers need this server's
code and settings (``DJANGO_SETTINGS_MODULE``, ``DATABASE_URL``); those that read Parquet ask no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import cloudpickle
import pyarrow.parquet as parquet

from sumeru_proxy.consumers.attribution import range_worker, warehouse, words
from sumeru_proxy.consumers.attribution.computation import compute
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch
from sumeru_proxy.consumers.attribution.models import DaySum
from sumeru_proxy.consumers.attribution.plans import Plan

Sums = dict[tuple[int, str, int, str, str], tuple[int, int]]
"""(day, currency, model, channel, campaign) → credited and taken back."""
RANGES_EACH: Final = 8
"""Ranges for each worker: few enough to cost nothing, enough that none waits long for the last one."""


class Source(NamedTuple):
    """Where journeys are read: a shop of the database, or the folder of an export when ``folder`` is given."""

    shop_id: int
    folder: str = ""


class OrderRange(NamedTuple):
    """Orders by their numbers, both ends included."""

    first: int
    last: int


def ranges_of(first: int, last: int, count: int) -> list[OrderRange]:
    """Divide numbers into at most ``count`` ranges of about the same size, without a gap."""
    size = max(1, -(-(last - first + 1) // max(1, count)))
    return [OrderRange(start, min(last, start + size - 1)) for start in range(first, last + 1, size)]


def _rows(source: Source, part: OrderRange) -> Iterator[dict[str, Any]]:
    if not source.folder:
        yield from warehouse.touch_rows_of(source.shop_id, first_id=part.first, last_id=part.last)
        return
    file = parquet.ParquetFile(Path(source.folder) / "touches.parquet")
    column = file.schema_arrow.get_field_index("number")
    for group in range(file.num_row_groups):
        seen = file.metadata.row_group(group).column(column).statistics
        # Rows stand by their orders' numbers: most groups are known to be another range's without being read.
        if seen is None or not (seen.max < part.first or seen.min > part.last):
            for row in file.read_row_group(group).to_pylist():
                if part.first <= row["number"] <= part.last:
                    yield row


def _journeys(
    rows: Iterator[dict[str, Any]],
) -> Iterator[tuple[str, JourneyConversion, list[JourneyTouch], dict[int, int]]]:
    number, order = None, None
    touches: list[JourneyTouch] = []
    theirs: dict[int, int] = {}
    currency = ""
    for row in rows:
        if row["number"] != number:
            if order is not None:
                yield currency, order, touches, theirs
            number, currency, touches, theirs = row["number"], row["currency"], [], {}
            order = JourneyConversion(row["order_at_ms"], row["total"], row["refunded"], row["customer"], row["kind"])
        if row.get("at_ms") is not None:
            words = (row["channel"], row["campaign"], row["device"], row["landing"])
            touches.append(JourneyTouch(row["at_ms"], row["rank"], *words))
            if row["theirs"] is not None:
                theirs[row["rank"]] = row["theirs"]
    if order is not None:
        yield currency, order, touches, theirs


def credit_range(source: Source, plan: Plan, part: OrderRange) -> Sums:
    """What the orders of one range come to under every model of the plan. May run anywhere and be repeated."""
    sums: Sums = {}
    for currency, order, touches, theirs in _journeys(_rows(source, part)):
        day = order.at_ms // DAY_MS
        for (model, channel, campaign), money in compute(plan, order, touches, theirs).credits.items():
            key = (day, currency, model, channel, campaign)
            before = sums.get(key, (0, 0))
            sums[key] = (before[0] + money[0], before[1] + money[1])
    return sums


def _credit_part(source: Source, plan: Plan, first: int, last: int) -> Sums:
    return credit_range(source, plan, OrderRange(first, last))


def merged(parts: Sequence[Sums]) -> Sums:
    """The sums of several ranges together; their order does not matter."""
    found: Sums = {}
    for part in parts:
        for key, money in part.items():
            before = found.get(key, (0, 0))
            found[key] = (before[0] + money[0], before[1] + money[1])
    return found


def credit(client: Any, source: Source, plan: Plan, ranges: Sequence[OrderRange]) -> Sums:
    """Credit all ranges on a ``distributed.Client``; a worker that dies has its ranges done by another. Nothing is stored.

    Raises ValueError for a plan whose touches serve one order only: whether they do cannot be seen inside a range.
    """
    if plan.options.one_order_only:
        raise ValueError("a touch that serves one order only cannot be credited by ranges")
    packed = cloudpickle.dumps(partial(_credit_part, source, plan))
    futures = client.map(partial(range_worker.run, packed), [tuple(each) for each in ranges], pure=False)
    return merged(client.gather(futures))


def differences(shop_id: int, found: Sums) -> int:
    """How many sums differ from those that are stored; both must be of the same choices. Sums of nothing do not count."""
    texts = words.texts_of(shop_id)
    stored: Sums = {}
    fields = ("day", "currency", "model", "channel", "campaign", "amount", "refunded")
    for day, currency, model, channel, campaign, *money in DaySum.objects.filter(shop_id=shop_id).values_list(*fields):
        stored[day, currency, model, texts.get(channel, ""), texts.get(campaign, "")] = (money[0], money[1])
    keys = found.keys() | stored.keys()
    return sum(found.get(key, (0, 0)) != stored.get(key, (0, 0)) for key in keys)
