"""Orders as Sumeru has them now, read once for all who need them at the same time.

A reading serves a job when it began after the job was owed: row numbers, not clocks, say so. Jobs are owed after Sumeru's event came, so
what is read is never older than the event. Readings are kept in this process for some seconds only; attributions are always with them.
When many orders wait, one call brings a hundred of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Max
from django.utils import timezone

from sumeru_proxy import memory
from sumeru_proxy.client import arguments, errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.resources_admin import BY_ID_CHARS, ORDER_INCLUDES
from sumeru_proxy.client.shapes_admin import Order, OrderPage
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox.delivering import client_of
from sumeru_proxy.webhooks.listeners import KIND_PREFIX

KEPT_S: Final = 30.0
KEPT_MOST: Final = 500
MANY_ORDERS: Final = 20
"""When more orders than this wait, they are read by the page."""
PAGE: Final = 100
WITHOUT_PAGES_S: Final = 600.0
"""For so long pages are not tried again for a shop whose pages did not bring what was asked for."""
_FEW: Final = 5
"""A page that brings fewer of the waiting orders than this is not worth its call."""
_ID_MOST: Final = 150
"""A longer id may have been cut in an order key."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """``newest_job`` is the highest row number of a job when the reading began; ``at`` is monotonic. ``order`` None: there is none."""

    order: Order | None
    newest_job: int
    at: float


class Readings:
    """Thread-safe. ``open_client`` gives a client that tries once; ``clock`` gives monotonic seconds."""

    def __init__(
        self, open_client: Callable[[Shop], Sumeru] = client_of, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_client = open_client
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str], _Reading] = {}
        self._turns: dict[int, threading.Lock] = {}
        self._alone_until: dict[int, float] = {}
        memory.register(self)

    def order(self, shop: Shop, order_id: str, job_id: int, include: Collection[str] = ()) -> Order | None:
        """The order, from a reading that began after the job with this row number was owed; None when Sumeru has none.

        Raises the client's errors. A shop's readings take turns in this process: who waits finds what the one before has read.
        """
        for each in include:
            arguments.choice("include", each, ORDER_INCLUDES)
        found = self._usable(shop.pk, order_id, job_id)
        if found is not None:
            return found.order
        with self._lock:
            turn = self._turns.setdefault(shop.pk, threading.Lock())
        with turn:
            found = self._usable(shop.pk, order_id, job_id)
            if found is None:
                self._read_page(shop, order_id)
                found = self._usable(shop.pk, order_id, job_id)
            return found.order if found is not None else self._read_one(shop, order_id)

    def forget(self) -> None:
        """Drop all readings."""
        with self._lock:
            self._kept.clear()
            self._alone_until.clear()

    def _usable(self, shop_id: int, order_id: str, job_id: int) -> _Reading | None:
        with self._lock:
            found = self._kept.get((shop_id, order_id))
        good = found is not None and found.newest_job >= job_id and self._clock() - found.at < KEPT_S
        return found if good else None

    def _keep(self, shop_id: int, orders: Iterable[tuple[str, Order | None]], newest_job: int, at: float) -> None:
        with self._lock:
            for order_id, order in orders:
                self._kept.pop((shop_id, order_id), None)  # to the end: the first are the oldest
                self._kept[shop_id, order_id] = _Reading(order, newest_job, at)
            old = [key for key, each in self._kept.items() if at - each.at >= KEPT_S]
            for key in [*old, *list(self._kept)[: max(0, len(self._kept) - len(old) - KEPT_MOST)]]:
                self._kept.pop(key, None)

    @staticmethod
    def _newest_job() -> int:
        return Job.objects.aggregate(newest=Max("pk"))["newest"] or 0

    def _read_one(self, shop: Shop, order_id: str) -> Order | None:
        newest_job, at = self._newest_job(), self._clock()
        order: Order | None
        try:
            order = self._open_client(shop).order(order_id, ORDER_INCLUDES)
        except errors.Refused as error:
            # Only Sumeru's own word says that there is no such order: a gateway's 404 has another code.
            if error.status != 404 or error.code != "not_found":
                raise
            order = None
        self._keep(shop.pk, [(order_id, order)], newest_job, at)
        return order

    # -- many at once

    def _waiting_ids(self, shop_id: int) -> list[str]:
        # Those that workers hold already are about to ask.
        rows = Job.objects.filter(
            state__in=(Job.State.WAITING, Job.State.CLAIMED),
            shop_id=shop_id,
            kind__startswith=KIND_PREFIX,
            next_at__lte=timezone.now(),
        ).exclude(order_key="")
        keys = rows.order_by("pk").values_list("order_key", flat=True)[: PAGE * 4]
        ids = dict.fromkeys(key.partition(":")[2] for key in keys)
        return [each for each in ids if 0 < len(each) <= _ID_MOST][:PAGE]

    def _read_page(self, shop: Shop, order_id: str) -> None:
        """Read what waits, with this order, in one call when it is much. Not everything need be in the answer."""
        if self._alone_until.get(shop.pk, 0.0) > self._clock():
            return
        ids = [order_id, *(each for each in self._waiting_ids(shop.pk) if each != order_id)][:PAGE]
        while sum(len(each) + 3 for each in ids) > BY_ID_CHARS:
            ids.pop()
        if len(ids) <= MANY_ORDERS:
            return
        sumeru = self._open_client(shop)
        # Whether an account knows the first way is assumed; the second one reads what changed last, which is what events speak of.
        ways: tuple[Callable[[], OrderPage], ...] = (
            lambda: sumeru.orders_by_id(ids, ORDER_INCLUDES),
            lambda: sumeru.orders(limit=PAGE, sort="-updated_at", include=ORDER_INCLUDES),
        )
        for way in ways:
            newest_job, at = self._newest_job(), self._clock()
            try:
                page = way()
            except errors.Refused:
                continue
            self._keep(shop.pk, [(order.id, order) for order in page.orders], newest_job, at)
            if len({order.id for order in page.orders} & set(ids)) >= _FEW:
                return
        self._alone_until[shop.pk] = self._clock() + WITHOUT_PAGES_S


readings = Readings()
"""This process's."""


def personal_texts(order: Order | None) -> tuple[str, ...]:
    """What in an order names its people, to be masked in a target's words."""
    if order is None:
        return ()
    found: list[str] = []
    if order.customer is not None:
        found += [order.customer.email, order.customer.first_name, order.customer.last_name]
        found.append(f"{order.customer.first_name} {order.customer.last_name}")
    for address in (order.shipping_address, order.billing_address):
        if address is not None:
            found += [address.first_name, address.last_name, address.company, address.address1, address.address2]
            found += [address.zip, address.phone]
    return tuple({text.strip() for text in found if text.strip()})
