"""Order sync as a consumer: what it hears, the jobs of its own, and its hooks.

An event of an order makes every target's link due and owes one ``write`` job a target; of those that wait only the newest runs, and
it writes all that is due. The nightly ``proof`` reads what changed at Sumeru, and compares the days that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Count
from django.utils import timezone

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.consumers.order_sync import docs_pages, engine, personal, proof, requested_jobs
from sumeru_proxy.consumers.order_sync.admin_pages import pages
from sumeru_proxy.consumers.order_sync.engine import NAME, target_key
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget
from sumeru_proxy.consumers.order_sync.owing import owe_write
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks.listeners import (
    Consumer,
    Done,
    Effect,
    Event,
    JobKind,
    Metric,
    RangeKind,
    Read,
    Step,
    Stride,
    Target,
    Work,
)
from sumeru_proxy.webhooks.walking import over_orders

EVENTS: Final[tuple[str, ...]] = (
    "order.created",
    "order.attributed",
    "order.updated",
    "order.edited",
    "order.paid",
    "order.refunded",
    "order.cancelled",
)
"""Documented are the first two; the others cost nothing and are heard where an account sends them."""
PROOF_HOURS: Final = 72


class OrderListener:
    """Hears of orders, reads each once, and makes it due in every target."""

    name: str = NAME
    events: tuple[str, ...] = EVENTS

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        """See the contract. The document is made before the transaction, the links in it."""
        rows = engine.active(shop)
        if not rows:
            return None
        order = read(include=("attributions",))
        if order is None:
            return None
        ready = engine.map_orders(shop, [order])

        def effect() -> None:
            for row in rows:
                if engine.take(row, ready):
                    owe_write(row)

        return effect


# -- jobs


def _row(body: Mapping[str, Any]) -> OrderTarget | None:
    return OrderTarget.objects.filter(pk=body.get("target") or 0).select_related("shop", "credential").first()


def write(work: Work) -> Done:
    """Write what is due in one target. Raises TargetDown when it is away."""
    row = _row(work.body)
    if row is None or not row.enabled or row.start_at is None:
        return Done({"skipped": "not enabled"})
    if not engine.due_links(row, timezone.now()).exists():
        return Done({"written": 0, "left": _in_hand(row)}, _again(row) if _in_hand(row) else None)
    with open_target(row) as target:
        flushed = engine.flush(row, target)
    result = {"written": flushed.written, "parked": sum(flushed.parked.values()), "left": flushed.left}
    if flushed.left:
        return Done(result, lambda: owe_write(row))
    return Done(result, _again(row) if _in_hand(row) else None)


def _in_hand(row: OrderTarget) -> int:
    return Link.objects.filter(target=row, state=Link.State.DUE, claimed_until__gte=timezone.now()).count()


def _again(row: OrderTarget) -> Effect:
    """What another process has in hand is looked at again when its claim ends: it may have been killed."""
    return lambda: owe_write(row, timezone.now() + engine.CLAIM)


def _target_of(_shop: Shop, body: Mapping[str, Any]) -> Target | None:
    row = _row(body)
    return None if row is None else Target(target_key(row.pk), row.name)


def _back_filled(shop: Shop, orders: Sequence[Order], body: Mapping[str, Any]) -> Effect | None:
    since = datetime.fromisoformat(body["since"]) if body.get("since") else None
    chosen = _row(body)
    rows = [chosen] if chosen is not None else engine.active(shop)
    ready = engine.map_orders(shop, orders)

    def effect() -> None:
        for row in rows:
            if engine.take(row, ready, since=since):
                owe_write(row)

    return effect


# -- the nightly proof


def prove(at: Step) -> Stride:
    """One step of the proof: first pages of what changed, newest first, then the days that it belongs to, one target and day a step."""
    shop, body = at.work.shop, at.work.body
    now = timezone.now()
    hours = body.get("hours", PROOF_HOURS)
    cursor: dict[str, Any] = at.cursor or {
        "since": (now - timedelta(hours=hours)).isoformat(),
        "page": None,
        "days": [],
    }
    rows = {row.pk: row for row in engine.active(shop)}
    if not rows:
        return Stride(None)
    if "todo" not in cursor:
        since = datetime.fromisoformat(cursor["since"])
        page, place = proof.page_of(at.work.sumeru(), since, cursor["page"])
        days = {date.fromisoformat(each) for each in cursor["days"]}
        days |= {order.created_at.date() for order in page.orders}
        ready = engine.map_orders(shop, page.orders)

        def effect() -> None:
            for row in rows.values():
                engine.take(row, ready)

        if not proof.ends(page):
            following = {**cursor, "page": place, "days": sorted(each.isoformat() for each in days)}
            return Stride(following, len(page.orders), effect, skipped=page.skipped)
        days |= set(proof.days_since(since, now))
        todo = [[key, each.isoformat()] for key in sorted(rows) for each in sorted(days)]
        return Stride({"todo": todo}, len(page.orders), effect, skipped=page.skipped)
    (key, day), *rest = cursor["todo"]
    if key in rows:
        with open_target(rows[key]) as target:
            proof.prove(rows[key], target, date.fromisoformat(day), date.fromisoformat(day))
    return Stride({"todo": rest} if rest else None, 0)


def metrics() -> Iterable[Metric]:
    """Orders by target and state, and days that are not green."""
    counts = Link.objects.values("target__shop__key", "target__name", "state").annotate(count=Count("pk"))
    rows = [
        (
            {"shop": each["target__shop__key"], "target": each["target__name"], "state": each["state"]},
            float(each["count"]),
        )
        for each in counts
    ]
    yield Metric(f"{NAME}_orders", "Orders by target and state.", rows)
    red = DayProof.objects.exclude(differing=[]).values("target__shop__key", "target__name").annotate(count=Count("pk"))
    days = [({"shop": each["target__shop__key"], "target": each["target__name"]}, float(each["count"])) for each in red]
    yield Metric(f"{NAME}_differing_days", "Days and currencies in which orders differ.", days)


CONSUMER = Consumer(
    name=NAME,
    title="Order sync",
    listener=OrderListener(),
    kinds=(JobKind("write", "Write orders", write, _target_of, latest_only=True), *requested_jobs.KINDS),
    ranges=(
        RangeKind("backfill", "Back-fill of orders", over_orders(_back_filled)),
        RangeKind("proof", "Daily proof", prove),
    ),
    daily=("proof",),
    erase=personal.erase,
    export=personal.export,
    prune=personal.prune,
    metrics=metrics,
    admin_pages=pages.PAGES,
    docs_pages=docs_pages.PAGES,
    stores=personal.STORES,
)
