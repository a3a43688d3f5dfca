"""Comparing and repairing at once, for the command and the admin's button; the nightly job does the same step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from django.db.models import Count

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.client.windows import Window
from sumeru_proxy.consumers.order_sync import proof
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.consumers.order_sync.proof import Expected, Key, Sums
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable

SPAN_ORDERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one target: the comparison by day and currency, and how many orders were (or would be) repaired."""

    row: OrderTarget
    days: dict[Key, Sums] = field(default_factory=dict)
    repaired: int = 0


def sync(
    rows: Sequence[OrderTarget], sumeru: Sumeru, since: datetime, *, dry_run: bool, now: datetime
) -> Iterator[Outcome]:
    """Read what changed at Sumeru since, then prove the days that it belongs to, for each target; repairs unless ``dry_run``, which
    changes nothing on either side. Raises TargetDown and the client's errors. May be repeated.
    """
    days = set(proof.days_since(since, now))
    orders: dict[str, Order] = {}
    pages = sumeru.order_pages(
        max_pages=None, limit=proof.PAGE, include=("attributions",), window=Window("updated_at", since=since)
    )
    repaired = {row.pk: 0 for row in rows}
    for page in pages:
        if dry_run:
            orders |= {order.id: order for order in page.orders}
            days |= {order.created_at.astimezone(UTC).date() for order in page.orders}
        else:
            before = {row.pk: _due(row) for row in rows}
            days |= proof.take_page(rows, page, now)
            for row in rows:
                repaired[row.pk] += max(0, _due(row) - before[row.pk])
    for row in rows:
        outcome = Outcome(row)
        count = repaired[row.pk]
        with open_target(row) as target:
            for first, last in spans(days, _counts(row)):
                if dry_run:
                    expected = _expected(row, orders.values(), first, last)
                    sums = proof.compare(expected, proof.booked_orders(row, target, first, last))
                    count += sum(len(each.differing) for each in sums.values())
                else:
                    sums, marked = proof.prove(row, target, first, last)
                    count += marked
                outcome.days.update(sums)
        yield replace(outcome, repaired=count)


def _due(row: OrderTarget) -> int:
    return Link.objects.filter(target=row, state=Link.State.DUE).count()


def spans(days: set[date], counts: Mapping[date, int], most: int = SPAN_ORDERS) -> Iterator[tuple[date, date]]:
    """Days as spans without gaps, each of about ``most`` orders (``counts``, by day): bounded work at a time, and few calls for days
    without any. A day with more is a span of its own. Pure.
    """
    first: date | None = None
    last: date | None = None
    count_in_span = 0
    for day in sorted(days):
        count = counts.get(day, 0)
        if first is not None and last is not None and (day - last).days == 1 and count_in_span + count <= most:
            last, count_in_span = day, count_in_span + count
            continue
        if first is not None and last is not None:
            yield first, last
        first, last, count_in_span = day, day, count
    if first is not None and last is not None:
        yield first, last


def _counts(row: OrderTarget) -> dict[date, int]:
    rows = Link.objects.filter(target=row).values_list("day").annotate(count=Count("pk"))
    return dict(rows)


def _expected(row: OrderTarget, orders: Iterable[Order], since: date, until: date) -> list[Expected]:
    """What the links say, overruled by what was just read: without storing any of it."""
    expected = {each.order_id: each for each in proof.expected_orders(row, since, until)}
    skipped = set(
        Link.objects.filter(target=row, state__in=(Link.State.SKIPPED, Link.State.ERASED)).values_list(
            "order_id", flat=True
        )
    )
    for order in orders:
        day = order.created_at.astimezone(UTC).date()
        new = order.id not in expected and (row.start_at is None or order.created_at < row.start_at)
        if not since <= day <= until or new or order.id in skipped:
            continue
        try:
            document = map_order(order, row.shop.key)
        except NotMappable as error:
            expected[order.id] = Expected(order.id, order.number, day, order.currency, 0, 0, "open", error.reason)
            continue
        if document.test and not row.test_orders:
            expected.pop(order.id, None)
            continue
        before = expected.get(order.id)
        totals = document.totals
        expected[order.id] = Expected(
            order.id,
            order.number,
            day,
            order.currency,
            totals.total,
            totals.refunded,
            document.state,
            before.unsent if before else "due",
        )
    return list(expected.values())
