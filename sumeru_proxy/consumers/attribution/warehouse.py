"""Touches, weights and credits as Parquet files for warehouses. Needs pyarrow: ``pip install 'sumeru-widgets[parquet]'``.

Amounts are minor units, times milliseconds since 1970 (UTC). Persons are not in the files: neither names nor hashes. Written in parts, in
bounded memory; each file appears whole under its name or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as arrow
import pyarrow.parquet as parquet

from sumeru_proxy.consumers.attribution import journey_rows, weight_tables, words
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, Options
from sumeru_proxy.consumers.attribution.models import Conversion, Credit, WeightVersion
from sumeru_proxy.consumers.attribution.reports import name_of

PART_ROWS: Final = 50_000
_TEXT, _WHOLE = arrow.string(), arrow.int64()
TOUCHES: Final = arrow.schema(
    {
        **dict.fromkeys(("number", "order_at_ms", "total", "refunded"), _WHOLE),
        **dict.fromkeys(("order", "currency", "customer", "kind"), _TEXT),
        **dict.fromkeys(("at_ms", "rank"), _WHOLE),
        **dict.fromkeys(("channel", "campaign", "device", "landing"), _TEXT),
        "theirs": _WHOLE,
    }
)
"""One row a touch of an order, by the orders' numbers; an order without touches has one row whose ``at_ms`` is null."""
CREDITS: Final = arrow.schema(
    {
        "number": _WHOLE,
        **dict.fromkeys(("order", "currency", "model", "channel", "campaign"), _TEXT),
        **dict.fromkeys(("day", "amount", "refunded"), _WHOLE),
    }
)
"""One row a channel and campaign of an order under a model; an empty channel is what nobody could be credited with."""
WEIGHTS: Final = arrow.schema(
    {"version": _WHOLE, "effective_ms": _WHOLE, "dimension": _TEXT, "value": _TEXT, "thousandths": _WHOLE}
)
"""One row a rule; a version without rules has one row whose dimension is null, a draft no ``effective_ms``."""

Rows = Iterable[Mapping[str, Any]]


def write(path: Path, schema: Any, rows: Rows) -> int:
    """Write rows to a new file, replacing what stands there; gives how many. Raises OSError."""
    count = 0
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            for chunk in _chunks(rows):
                writer.write_table(arrow.Table.from_pylist(chunk, schema=schema))
                count += len(chunk)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _chunks(rows: Rows) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == PART_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def touch_rows_of(shop_id: int, *, first_id: int | None = None, last_id: int | None = None) -> Iterator[dict[str, Any]]:
    """The rows of ``TOUCHES`` of a shop, or of a range of its orders' numbers. Every touch is there, whether it counts or not."""
    rows = Conversion.objects.filter(shop_id=shop_id, erased=False)
    rows = rows if first_id is None else rows.filter(pk__gte=first_id)
    rows = rows if last_id is None else rows.filter(pk__lte=last_id)
    names = iter(rows.order_by("pk").values_list("pk", "key", "currency").iterator(chunk_size=5_000))
    texts = words.texts_of(shop_id)
    for journey in journey_rows.of_shop(shop_id, Options(look_back_days=0), texts, first_id=first_id, last_id=last_id):
        number, key, currency = next(names)
        while number < journey.id:
            number, key, currency = next(names)
        order = journey.conversion
        own = {
            "number": number,
            "order": key,
            "currency": currency,
            "order_at_ms": order.at_ms,
            "total": order.total,
            "refunded": order.refunded,
            "customer": order.customer,
            "kind": order.kind,
        }
        if not journey.touches:
            yield own
        for touch in journey.touches:
            yield {
                **own,
                "at_ms": touch.at_ms,
                "rank": touch.id,
                "channel": touch.channel,
                "campaign": touch.campaign,
                "device": touch.device,
                "landing": touch.landing,
                "theirs": journey.theirs.get(touch.id),
            }


def _credit_rows(shop_id: int) -> Iterator[dict[str, Any]]:
    texts = words.texts_of(shop_id)
    fields = ("conversion_id", "conversion__key", "conversion__currency", "conversion__at_ms", "conversion__erased")
    rows = Credit.objects.filter(conversion__shop_id=shop_id).order_by("conversion_id", "model", "pk")
    for number, key, currency, at_ms, erased, model, channel, campaign, amount, refunded in rows.values_list(
        *fields, "model", "channel", "campaign", "amount", "refunded"
    ).iterator(chunk_size=5_000):
        yield {
            "number": number,
            "order": "" if erased else key,
            "currency": currency,
            "model": name_of(model),
            "channel": texts.get(channel, ""),
            "campaign": texts.get(campaign, ""),
            "day": at_ms // DAY_MS,
            "amount": amount,
            "refunded": refunded,
        }


def _weight_rows(shop_id: int) -> Iterator[dict[str, Any]]:
    for version in WeightVersion.objects.filter(shop_id=shop_id).order_by("number"):
        own = {"version": version.number, "effective_ms": version.effective_ms}
        rules = weight_tables.rules_of(version)
        if not rules:
            yield own
        for rule in rules:
            yield {**own, **rule._asdict()}


def export(shop_id: int, folder: Path) -> dict[str, int]:
    """Write ``touches.parquet``, ``credits.parquet`` and ``weights.parquet`` into a folder; gives their rows. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "touches": write(folder / "touches.parquet", TOUCHES, touch_rows_of(shop_id)),
        "credits": write(folder / "credits.parquet", CREDITS, _credit_rows(shop_id)),
        "weights": write(folder / "weights.parquet", WEIGHTS, _weight_rows(shop_id)),
    }
