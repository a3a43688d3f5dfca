"""Credits and their sums by day: written together, in one transaction, for some orders at a time.

Sums are changed by the difference between new and old credits, so they stay right whatever is recomputed, how often and in which order.
Locks are taken in one order everywhere: orders by number, then words, then sums by key; two workers can therefore not block each other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import connection, models, transaction

from sumeru_proxy.consumers.attribution import journey_rows, words
from sumeru_proxy.consumers.attribution.computation import Computed, compute
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import ChannelSum, Conversion, Credit, DayCount, DaySum, Label
from sumeru_proxy.consumers.attribution.plans import Plan
from sumeru_proxy.webhooks import installed

CHUNK_ORDERS: Final = 500
FEW: Final = 200
CONSUMER_NAME: Final = "attribution"
ANNOUNCEMENT: Final = "credited"
ANNOUNCED_LIMIT: Final = 50
_Rows = list[tuple[Any, ...]]
_CREDIT: Final = ("conversion_id", "model", "channel", "campaign", "amount", "refunded")
_SUM_KEY: Final = ("shop_id", "day", "model", "currency", "channel", "campaign")
_CHANNEL_KEY: Final = ("shop_id", "day", "model", "currency", "customer", "channel")
_COUNT_KEY: Final = ("shop_id", "day", "currency", "customer", "what", "value")
_TYPES: Final = {"currency": "text", "customer": "text", "what": "text"}


class Changes:
    """Differences of day sums and counts, gathered over some orders; ``by_order`` of credits, where they are ``announced``."""

    def __init__(self, *, announced: bool = False) -> None:
        self.announced = announced
        self.by_order: dict[int, dict[tuple[int, int, int], tuple[int, int]]] = {}
        self.sums: dict[tuple[Any, ...], tuple[int, int]] = {}
        self.channels: dict[tuple[Any, ...], tuple[int, int]] = {}
        self.counts: dict[tuple[Any, ...], tuple[int, int, int]] = {}

    def credit(self, row: Conversion, model: int, channel: int, campaign: int, amount: int, refunded: int) -> None:
        """Add a credit of this order; negative amounts take it away."""
        day = row.at_ms // DAY_MS
        key: tuple[Any, ...] = (row.shop_id, day, model, row.currency, channel, campaign)
        before = self.sums.get(key, (0, 0))
        self.sums[key] = (before[0] + amount, before[1] + refunded)
        key = (row.shop_id, day, model, row.currency, row.customer, channel)
        before = self.channels.get(key, (0, 0))
        self.channels[key] = (before[0] + amount, before[1] + refunded)
        if self.announced:
            own = self.by_order.setdefault(row.pk, {})
            before = own.get((model, channel, campaign), (0, 0))
            own[model, channel, campaign] = (before[0] + amount, before[1] + refunded)

    @property
    def changed_orders(self) -> list[int]:
        """The orders whose credit is another one than before, ascending."""
        return sorted(pk for pk, own in self.by_order.items() if any(money != (0, 0) for money in own.values()))

    def count(self, row: Conversion, sign: int) -> None:
        """Add the order's properties, or take them away with ``sign=-1``."""
        for what, value in (
            (DayCount.What.LENGTH, row.length),
            (DayCount.What.DAYS, row.days),
            (DayCount.What.PATH, row.path),
        ):
            key = (row.shop_id, row.at_ms // DAY_MS, row.currency, row.customer, str(what), value)
            before = self.counts.get(key, (0, 0, 0))
            self.counts[key] = (
                before[0] + sign,
                before[1] + sign * row.total,
                before[2] + sign * row.refunded,
            )

    def write(self) -> None:
        """Add the differences to the stored sums. Joins the caller's transaction."""
        _add(DaySum, _SUM_KEY, ("amount", "refunded"), self.sums)
        _add(ChannelSum, _CHANNEL_KEY, ("amount", "refunded"), self.channels)
        _add(DayCount, _COUNT_KEY, ("orders", "amount", "refunded"), self.counts)
        self.sums, self.channels, self.counts = {}, {}, {}


def _add(
    model: type[models.Model],
    key: Sequence[str],
    values: Sequence[str],
    changes: dict[tuple[Any, ...], Any],
) -> None:
    rows = [(*where, *change) for where, change in sorted(changes.items()) if any(change)]
    if not rows:
        return
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join((*key, *values))
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in values)
    # Names are this module's own constants; values are parameters.
    conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_TYPES.get(name, 'bigint')}[]" for name in (*key, *values))
            sql = f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays}) {conflict}"  # noqa: S608
            cursor.execute(sql, [list(column) for column in zip(*rows, strict=True)])
        else:
            places = ", ".join(["%s"] * (len(key) + len(values)))
            sql = f"INSERT INTO {table} ({columns}) VALUES ({places}) {conflict}"  # noqa: S608
            cursor.executemany(sql, rows)


def _insert_credits(rows: _Rows) -> None:
    if not rows:
        return
    table = connection.ops.quote_name(Credit._meta.db_table)
    columns = ", ".join(_CREDIT)
    with connection.cursor() as cursor:
        places = f"({', '.join(['%s'] * len(_CREDIT))})"
        sql = f"INSERT INTO {table} ({columns}) VALUES "  # noqa: S608
        if connection.vendor != "postgresql":
            cursor.executemany(sql + places, rows)
        elif len(rows) > FEW:
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.execute(sql + ", ".join([places] * len(rows)), [value for row in rows for value in row])


def _update_rows(rows: _Rows) -> None:
    if not rows:
        return
    table = connection.ops.quote_name(Conversion._meta.db_table)
    names = ("length", "days", "version", "path", "revision")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(["%s::bigint[]"] * (len(names) + 1))
            changes = ", ".join(f"{name} = fresh.{name}" for name in names)
            cursor.execute(
                f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS fresh ({', '.join(names)}, pk) "  # noqa: S608
                f"WHERE {table}.id = fresh.pk",
                [list(column) for column in zip(*rows, strict=True)],
            )
        else:
            changes = ", ".join(f"{name} = %s" for name in names)
            cursor.executemany(f"UPDATE {table} SET {changes} WHERE id = %s", rows)  # noqa: S608


def save(rows: Sequence[Conversion], fields: Sequence[str]) -> None:
    """Write these fields of these orders."""
    if len(rows) <= 2:
        for row in rows:
            row.save(update_fields=fields)
    else:
        Conversion.objects.bulk_update(rows, fields, batch_size=100)


def locked(ids: Iterable[int]) -> list[Conversion]:
    """These orders by number, each held until the transaction ends (SQLite's writer holds all)."""
    numbers = list(ids)
    if not numbers:
        return []
    rows = Conversion.objects.filter(pk__in=numbers).order_by("pk")
    if connection.features.has_select_for_update:
        rows = rows.select_for_update()
    return list(rows)


def retract(rows: Sequence[Conversion], changes: Changes) -> None:
    """Take the stored credits of these (locked, not yet changed) orders out of the sums and delete them."""
    by_id = {row.pk: row for row in rows if row.revision}  # the others have no credits
    if not by_id:
        return
    table = connection.ops.quote_name(Credit._meta.db_table)
    numbers = sorted(by_id)
    places = ", ".join(["%s"] * len(numbers))
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE conversion_id IN ({places}) RETURNING {', '.join(_CREDIT)}",  # noqa: S608
            numbers,
        )
        for number, model, channel, campaign, amount, refunded in cursor.fetchall():
            changes.credit(by_id[number], model, channel, campaign, -amount, -refunded)
    for row in by_id.values():
        changes.count(row, -1)


def apply(
    shop_id: int,
    rows: Sequence[Conversion],
    found: dict[int, Computed],
    plan: Plan,
    changes: Changes,
    read_words: Mapping[words.Word, int],
) -> None:
    """Store what these orders come to. Orders that were not computed have no credits. ``read_words`` need not be asked for."""
    needed = {(Label.Kind.PATH.value, each.path) for each in found.values()}
    for each in found.values():
        for _model, channel, campaign in each.credits:
            needed.add((Label.Kind.CHANNEL.value, channel))
            needed.add((Label.Kind.CAMPAIGN.value, campaign))
    numbers = {("channel", ""): 0, ("campaign", ""): 0, **read_words}
    numbers |= words.ids_of(shop_id, needed - numbers.keys())
    credits: _Rows = []
    for row in rows:
        own = found.get(row.pk)
        if own is None:
            continue
        for (model, channel, campaign), (amount, refunded) in own.credits.items():
            ids = (numbers[Label.Kind.CHANNEL, channel], numbers[Label.Kind.CAMPAIGN, campaign])
            credits.append((row.pk, model, *ids, amount, refunded))
            changes.credit(row, model, *ids, amount, refunded)
        row.length, row.days, row.version = own.length, own.days, own.version
        row.path = numbers[Label.Kind.PATH, own.path]
        row.revision = plan.revision if own.credited else 0
        if own.credited:
            changes.count(row, 1)
    _insert_credits(credits)
    _update_rows([(row.length, row.days, row.version, row.path, row.revision, row.pk) for row in rows])


def recompute(shop_id: int, ids: Sequence[int], plan: Plan, changes: Changes | None = None) -> int:
    """Bring the credits of these orders and their sums to what the plan says, in one transaction; gives how many orders that were.

    Repeatable, in any order, by several workers at once. Joins the caller's transaction where there is one, whose ``changes`` of the
    sums are written with these. An erased order keeps the
    credits that it had.
    """
    with transaction.atomic():
        rows = [row for row in locked(journey_rows.changed_by(ids, plan.options)) if not row.erased]
        changes = changes or Changes(announced=plan.announced)
        retract(rows, changes)
        journeys, read_words = journey_rows.of_rows(rows, plan.options)
        found = {each.id: compute(plan, each.conversion, each.touches, each.theirs) for each in journeys}
        apply(shop_id, rows, found, plan, changes, read_words)
        changes.write()
        told = changes.changed_orders
        for start in range(0, len(told), ANNOUNCED_LIMIT):
            body = {"orders": told[start : start + ANNOUNCED_LIMIT]}
            installed.owe(CONSUMER_NAME, ANNOUNCEMENT, shop_id, body, key=f"credited-{uuid.uuid4()}")
    return len(rows)
