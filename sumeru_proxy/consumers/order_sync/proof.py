"""The daily proof: both sides of a day compared, order by order and to the smallest unit; and what repairs a difference.

What Sumeru says is taken from links that were read just before (``walk`` does that), so a day of any size needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.shapes_admin import OrderPage
from sumeru_proxy.client.windows import Window
from sumeru_proxy.consumers.order_sync import engine
from sumeru_proxy.consumers.order_sync.document import CANCELLED
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget
from sumeru_proxy.consumers.order_sync.targets.interface import BookedOrder, Target
from sumeru_proxy.webhooks.walking import read_page

MISSING: Final = "missing"
SURPLUS: Final = "surplus"
PAGE: Final = 100
DIFFERENCE_LIMIT: Final = 500
"""So many differing orders are listed for a day and currency; all are counted and repaired."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An order as it should be booked. ``unsent`` says why it is not yet, in a word (``due``, or a parked order's reason)."""

    order_id: str
    number: str
    day: date
    currency: str
    total: int
    refunded: int
    state: str
    unsent: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """An order that differs: ``fields`` are rows of name, at Sumeru, in the target; ``missing`` and ``surplus`` are names, too."""

    order_id: str
    number: str
    currency: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Sums:
    """Counts and sums of one day and currency on both sides, and the orders that differ. Sums: net of refunds, without cancelled ones."""

    orders: int = 0
    total: int = 0
    target_orders: int = 0
    target_total: int = 0
    differing: list[Difference] = field(default_factory=list)

    @property
    def green(self) -> bool:
        """Whether both sides agree."""
        return not self.differing and (self.orders, self.total) == (self.target_orders, self.target_total)


Key = tuple[date, str]


def compare(expected: Iterable[Expected], booked: Iterable[BookedOrder]) -> dict[Key, Sums]:
    """Both sides by day and currency. Pure. An order booked under another day or currency differs on the day where it belongs."""
    by_day: dict[Key, Sums] = {}
    in_target = {each.order_id: each for each in booked}
    for order in expected:
        sums = by_day.setdefault((order.day, order.currency), Sums())
        sums.orders += 1
        sums.total += 0 if order.state == CANCELLED else order.total - order.refunded
        there = in_target.pop(order.order_id, None)
        fields = _fields(order, there)
        if there is not None and (there.day, there.currency) == (order.day, order.currency):
            _count(sums, there)
        if fields:
            sums.differing.append(Difference(order.order_id, order.number, order.currency, tuple(fields)))
    for there in in_target.values():
        sums = by_day.setdefault((there.day, there.currency), Sums())
        _count(sums, there)
        surplus = ((SURPLUS, "", there.remote_id),)
        sums.differing.append(Difference(there.order_id, there.number, there.currency, surplus))
    return by_day


def _count(sums: Sums, there: BookedOrder) -> None:
    sums.target_orders += 1
    sums.target_total += 0 if there.state == CANCELLED else there.total - there.refunded


def _fields(order: Expected, there: BookedOrder | None) -> list[tuple[str, str, str]]:
    if there is None:
        return [(MISSING, order.unsent or "sent", "")]
    pairs = [
        ("state", order.state, there.state),
        ("currency", order.currency, there.currency),
        ("day", order.day, there.day),
    ]
    if order.state != CANCELLED:
        pairs += [("total", order.total, there.total), ("refunded", order.refunded, there.refunded)]
    return [(name, str(ours), str(theirs)) for name, ours, theirs in pairs if ours != theirs]


# -- one side


def expected_orders(row: OrderTarget, since: date, until: date) -> Iterable[Expected]:
    """What the target should hold of these days: every order that a person did not leave out."""
    links = Link.objects.filter(target=row, day__gte=since, day__lte=until).exclude(
        state__in=(Link.State.SKIPPED, Link.State.ERASED)
    )
    names = ("order_id", "number", "day", "currency", "total", "refunded", "order_state", "state", "reason")
    for order_id, number, day, currency, total, refunded, order_state, state, reason in links.values_list(
        *names
    ).iterator(chunk_size=2_000):
        unsent = "" if state == Link.State.SENT else reason or state
        yield Expected(order_id, number, day, currency, total, refunded, order_state or "open", unsent)


def acknowledged_orders(row: OrderTarget, since: date, until: date) -> Iterable[BookedOrder]:
    """What a target that cannot be read back acknowledged, for these days."""
    links = Link.objects.filter(target=row, day__gte=since, day__lte=until).exclude(sent_fingerprint="")
    for link in links.exclude(state=Link.State.SKIPPED).iterator(chunk_size=500):
        data: Mapping[str, Any] = link.sent_data
        same = link.sent_fingerprint == link.fingerprint
        if not same and not data:
            continue  # its text was pruned: nothing can be said
        yield BookedOrder(
            order_id=link.order_id,
            remote_id=link.remote_id,
            day=link.day,
            currency=link.currency if same else data["currency"],
            total=link.total if same else data["totals"]["total"],
            refunded=link.refunded if same else data["totals"]["refunded"],
            state=link.order_state if same else data["state"],
            number=link.remote_number,
        )


def booked_orders(row: OrderTarget, target: Target, since: date, until: date) -> list[BookedOrder]:
    """What the target holds of these days, without orders that were left out here."""
    orders = list(target.orders_between(since, until) if target.reads_back else acknowledged_orders(row, since, until))
    out: set[str] = set()
    ids = [each.order_id for each in orders]
    for start in range(0, len(ids), 500):
        left_out = Link.objects.filter(
            target=row, order_id__in=ids[start : start + 500], state__in=(Link.State.SKIPPED, Link.State.ERASED)
        )
        out.update(left_out.values_list("order_id", flat=True))
    return [each for each in orders if each.order_id not in out]


# -- a proof


def check(row: OrderTarget, target: Target, since: date, until: date) -> dict[Key, Sums]:
    """Compare these days; changes nothing. Raises TargetDown."""
    return compare(expected_orders(row, since, until), booked_orders(row, target, since, until))


def mark_due(row: OrderTarget, differences: Iterable[Difference]) -> int:
    """Make the orders that differ due again; gives how many. What is parked stays for a person, what only the target has is left there."""
    ids = [each.order_id for each in differences if each.fields[0][0] != SURPLUS]
    count = 0
    for start in range(0, len(ids), 500):
        links = Link.objects.filter(target=row, order_id__in=ids[start : start + 500], state=Link.State.SENT)
        count += engine.send_again(links)
    return count


def store(row: OrderTarget, sums: Mapping[Key, Sums], repaired: Mapping[Key, int], now: datetime) -> None:
    """Keep the outcome of a comparison, a row for each day and currency; days that are no longer there lose theirs."""
    for (day, currency), each in sums.items():
        rows = [
            [one.order_id, one.number, [list(part) for part in one.fields]] for one in each.differing[:DIFFERENCE_LIMIT]
        ]
        DayProof.objects.update_or_create(
            target=row,
            day=day,
            currency=currency,
            defaults={
                "orders": each.orders,
                "total": each.total,
                "target_orders": each.target_orders,
                "target_total": each.target_total,
                "differing": rows,
                "repaired": repaired.get((day, currency), 0),
                "checked_at": now,
            },
        )


def prove(
    row: OrderTarget, target: Target, since: date, until: date, *, repair: bool = True
) -> tuple[dict[Key, Sums], int]:
    """Write what is due of these days, compare, repair what differs, compare again, keep the outcome.

    Gives the last comparison and how many orders had to be repaired. Without ``repair`` it only compares and keeps nothing. Raises
    TargetDown. May be repeated: a second run repairs 0.
    """
    if not repair:
        sums = check(row, target, since, until)
        return sums, 0
    _flush_days(row, target, since, until)
    sums = check(row, target, since, until)
    counts = {key: len([one for one in each.differing if one.fields[0][0] != SURPLUS]) for key, each in sums.items()}
    marked = mark_due(row, (one for each in sums.values() for one in each.differing))
    if marked:
        _flush_days(row, target, since, until)
        sums = check(row, target, since, until)
    left = {key: len(each.differing) for key, each in sums.items()}
    store(row, sums, {key: max(0, count - left.get(key, 0)) for key, count in counts.items()}, timezone.now())
    return sums, marked


def _flush_days(row: OrderTarget, target: Target, since: date, until: date) -> None:
    ids = Link.objects.filter(target=row, state=Link.State.DUE, day__gte=since, day__lte=until)
    due = list(ids.values_list("order_id", flat=True)[:5_000])
    for start in range(0, len(due), 500):
        engine.flush(row, target, most=500, for_s=600, order_ids=due[start : start + 500])


# -- reading Sumeru


def page_of(
    sumeru: Sumeru, since: datetime, place: Mapping[str, Any] | None
) -> tuple[OrderPage, dict[str, Any] | None]:
    """One page of the orders that changed since, newest first, attributions included, and the next place; see ``walking.read_page``."""
    return read_page(sumeru, Window("updated_at", since=since), "-updated_at", place)


def take_page(rows: Sequence[OrderTarget], page: OrderPage, now: datetime) -> set[date]:
    """Take a page's orders into links; gives the days that they belong to."""
    ready = engine.map_orders(rows[0].shop, page.orders) if rows else []
    with transaction.atomic():
        for row in rows:
            engine.take(row, ready, now=now)
    return {order.created_at.astimezone(UTC).date() for order in page.orders}


def ends(page: OrderPage) -> bool:
    """Whether a walk, newest first, has passed its window."""
    return page.next_cursor is None or (page.outside > 0 and not page.orders)


def days_since(since: datetime, now: datetime) -> list[date]:
    """The days of a window, as they begin in UTC."""
    first, last = since.astimezone(UTC).date(), now.astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
