"""The smallest consumer that uses everything: it brings orders to a *ledger*, a target made of rows in the stamps' table.

``tests.sumeru_proxy.example_consumer.CONSUMER`` in ``SUMERU_LISTENERS`` installs it. ``LEDGER`` says how the target behaves, in this
process; ``EXAMPLE_DOWN`` names a file whose being there means, for all processes, that it is away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import Shop, Stamp
from sumeru_proxy.webhooks.listeners import (
    AdminPage,
    Consumer,
    Done,
    Effect,
    Event,
    JobKind,
    Metric,
    NotMappable,
    Person,
    RangeKind,
    Read,
    Refused,
    Setting,
    Step,
    Stored,
    Stride,
    Target,
    TargetDown,
    Work,
)
from sumeru_proxy.webhooks.walking import over_orders


class Ledger:
    """How the target behaves, and what it was asked."""

    def __init__(self) -> None:
        self.down = False
        self.retry_after_s = 0.0
        self.refused: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.pages: list[list[str]] = []
        self.takes_s = 0.0
        self.events: list[str] = []

    def take(self, order: Order | None) -> None:
        """Book an order, or say why not."""
        file = os.environ.get("EXAMPLE_DOWN")
        if self.down or (file and Path(file).exists()):
            self.asked.append("down")
            raise TargetDown(self.retry_after_s, "502 Bad Gateway for ada@mail.example")
        if order is None:
            raise NotMappable("no_order", "the order is gone")
        self.asked.append(order.id)
        if order.id in self.refused:
            raise self.refused[order.id]
        time.sleep(self.takes_s)


LEDGER = Ledger()


def booked(shop: Shop, order_id: str) -> Effect:
    """Counts how often an order's effect happened, under the topic ``booked:<order>``."""

    def effect() -> None:
        topic = f"booked:{order_id}"
        if not Stamp.objects.filter(shop=shop, topic=topic).update(value=F("value") + 1):
            Stamp.objects.create(shop=shop, topic=topic, value=1)

    return effect


class Example:
    """Hears of orders."""

    name = "example"
    events: tuple[str, ...] = ("order.created", "order.attributed")

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        """Bring the event's order to the ledger."""
        LEDGER.events.append(event.id)
        order = read(("attributions",))
        LEDGER.take(order)
        return booked(shop, order.id) if order is not None else None


def bring_order(work: Work) -> Done:
    """One order by its id."""
    order = work.order(work.body["order_id"])
    LEDGER.take(order)
    return Done({"order": work.body["order_id"]}, booked(work.shop, work.body["order_id"]))


def bring_page(shop: Shop, orders: Sequence[Order], body: Mapping[str, Any]) -> Effect:
    """A page of orders."""
    LEDGER.pages.append([order.id for order in orders])
    for order in orders:
        LEDGER.take(order)
    if os.environ.get("EXAMPLE_DIES_AT") in LEDGER.pages[-1] and not Path(os.environ["EXAMPLE_DIED"]).exists():
        Path(os.environ["EXAMPLE_DIED"]).touch()
        os._exit(9)
    effects = [booked(shop, order.id) for order in orders]
    return lambda: [effect() for effect in effects] and None


def count_up(step: Step) -> Stride:
    """A range that needs no Sumeru: counts to the body's ``to`` by tens."""
    at = int(step.cursor or 0)
    end = int(step.work.body["to"])
    following = min(at + 10, end)
    failed = Refused("thirteen", "not this one") if at == 30 and step.work.body.get("refuse") else None
    effect = booked(step.work.shop, f"count-{at}")
    return Stride(
        following if following < end else None, following - at, None if failed else effect, end, failed=failed
    )


def erase(shop_id: int, person: Person, dry_run: bool) -> Mapping[str, int]:
    """Forget a person: the ledger knows them by ``person:<name>`` topics."""
    rows = Stamp.objects.filter(shop_id=shop_id, topic__in=[f"person:{name}" for name in person])
    return {"example_rows": rows.count() if dry_run else rows.delete()[0]}


def prune(now: datetime, dry_run: bool) -> Mapping[str, int]:
    """Forget what is old."""
    rows = Stamp.objects.filter(topic="old")
    return {"example_old": rows.count() if dry_run else rows.delete()[0]}


def visits(work: Work) -> Done:
    """Count visitor events."""
    return Done({"events": len(work.body["events"])})


def admin_page(request: HttpRequest, shop: Shop) -> HttpResponse:
    """A page about a shop."""
    return HttpResponse(f"ledger of {shop.name}", content_type="text/plain")


def _ledger(shop: Shop, body: Mapping[str, Any]) -> Target:
    return Target("ledger", "The ledger")


CONSUMER = Consumer(
    name="example",
    title="Example ledger",
    listener=Example(),
    target_of=lambda shop: _ledger(shop, {}),
    kinds=(
        JobKind("order", "Order for the ledger", bring_order, _ledger, latest_only=True),
        JobKind("visits", "Visits", visits),
        JobKind("proof", "Daily proof", lambda work: Done({"day": work.key})),
    ),
    ranges=(
        RangeKind("history", "All orders into the ledger", over_orders(bring_page), _ledger),
        RangeKind("count", "Count", count_up),
    ),
    daily=("proof",),
    visits="visits",
    erase=erase,
    export=lambda shop_id, person: {"known": sorted(person)},
    prune=prune,
    metrics=lambda: [Metric("example_booked", "Orders booked.", [({}, float(len(LEDGER.asked)))])],
    admin_pages=(AdminPage("ledger", "Ledger", admin_page, "sumeru_proxy.view_shop"),),
    settings=(Setting("EXAMPLE_COLOUR", "blue", "the colour of the ledger"),),
    stores=(Stored("sumeru_proxy.Stamp", "counts of booked orders", False, "for ever"),),
)
