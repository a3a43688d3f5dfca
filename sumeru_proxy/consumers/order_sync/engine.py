"""Bringing targets to what Sumeru says: orders become documents in links, links that are due are written, outcomes are remembered.

``take`` is cheap and asks no target; ``flush`` asks the target and may be run by several processes at once, since each link is claimed
before it is sent. Both may be repeated and killed at any instant: what was sent but not noted is found by the target's own keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.consumers.order_sync.document import Document, as_data, canonical, fingerprint_of
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.consumers.order_sync.recording import FlushReport, document_before, document_of, note, sending_of
from sumeru_proxy.consumers.order_sync.targets.interface import Entry, NotMappable, Target
from sumeru_proxy.models import Shop

NAME: Final = "order_sync"
CLAIM: Final = timedelta(seconds=180)
"""Longer than any one ``write`` may take; after it a link that a killed process had is free again."""
TEST_ORDER: Final = "test_order"
RESULTS_AT_ONCE: Final = 10
"""So many outcomes are stored in one transaction: few commits, and nobody waits long for SQLite's one writer."""


def target_key(row_id: int) -> str:
    """By what the outbox knows a target: its breaker and probe."""
    return f"{NAME}:{row_id}"


def active(shop: Shop) -> list[OrderTarget]:
    """The shop's targets that orders are written to: enabled, and a person has chosen from when on."""
    return list(
        OrderTarget.objects.filter(shop=shop, enabled=True, start_at__isnull=False).select_related("shop", "credential")
    )


# -- taking orders


@dataclass(frozen=True, slots=True)
class MappedOrder:
    """An order and its document in the columns of a link, worked out before a transaction begins; ``error`` when it has none."""

    order: Order
    values: dict[str, Any] = field(repr=False)
    test: bool = False
    error: NotMappable | None = None


def map_orders(shop: Shop, orders: Iterable[Order]) -> list[MappedOrder]:
    """Each order as its document, once for all targets of the shop."""
    results = []
    for order in orders:
        try:
            document = map_order(order, shop.key)
            results.append(MappedOrder(order, _facts(document), document.test))
        except NotMappable as error:
            results.append(MappedOrder(order, {"fingerprint": ""}, error=error))
    return results


def take(
    row: OrderTarget,
    orders: Iterable[Order | MappedOrder],
    *,
    since: datetime | None = None,
    now: datetime | None = None,
) -> int:
    """Remember what these orders should be in the target; gives how many are due now. Joins the caller's transaction; may be repeated.

    Orders from before the target's start are left alone unless they are there already, or ``since`` (a back-fill that a person started)
    reaches further back. An order older than what is known (by ``updated_at``) changes nothing.
    """
    now = now or timezone.now()
    records = [each if isinstance(each, MappedOrder) else map_orders(row.shop, [each])[0] for each in orders]
    by_id = {each.order.id: each for each in records}
    links = {link.order_id: link for link in Link.objects.filter(target=row, order_id__in=list(by_id))}
    due = 0
    new: list[Link] = []
    unchanged: list[int] = []
    for one in by_id.values():
        order = one.order
        link = links.get(order.id)
        if link is not None and _says_the_same(link, one):
            unchanged.append(link.pk)
            due += int(link.state == Link.State.DUE)
            continue
        start = min((each for each in (row.start_at, since) if each is not None), default=None)
        if link is None and (start is None or order.created_at < start):
            continue
        due += _take(row, one, link, now, new)
    if unchanged:
        Link.objects.filter(pk__in=unchanged).update(seen_at=now)
    if new:
        # Another process may have made some of them meanwhile.
        Link.objects.bulk_create(
            new, update_conflicts=True, unique_fields=["target", "order_id"], update_fields=[*_COLUMNS, "changed_at"]
        )
    return due


_COLUMNS: Final = (
    *("number", "day", "currency", "order_updated_at", "seen_at", "person", "total", "refunded", "order_state"),
    *("document_text", "fingerprint", "state", "reason", "text"),
)
"""What ``take`` says of an order."""


def _says_the_same(link: Link, one: MappedOrder) -> bool:
    """Whether nothing but the time of reading is new; what a person or a target's test option decides anew is looked at in any case."""
    if one.test or link.state == Link.State.SKIPPED or not link.document_text:
        return False
    same = bool(link.fingerprint) and link.fingerprint == one.values["fingerprint"]
    return same and link.order_updated_at == one.order.updated_at and link.state != Link.State.ERASED


def _take(row: OrderTarget, one: MappedOrder, link: Link | None, now: datetime, new: list[Link]) -> int:
    order = one.order
    if link is not None and link.state == Link.State.ERASED:
        return 0
    if link is not None and link.order_updated_at and order.updated_at and order.updated_at < link.order_updated_at:
        return 0
    values: dict[str, Any] = {
        "number": order.number[:60],
        "day": order.created_at.date(),
        "currency": order.currency,
        "order_updated_at": order.updated_at,
        "seen_at": now,
    }
    values |= one.values
    if one.error is not None:
        problem = {"state": Link.State.PARKED, "reason": one.error.reason, "text": one.error.text[:300]}
        _store(row, order.id, link, new, values | problem)
        return 0
    fingerprint = values["fingerprint"]
    if one.test and not row.test_orders:
        _store(row, order.id, link, new, values | {"state": Link.State.SKIPPED, "reason": TEST_ORDER, "text": ""})
        return 0
    was_test = link is not None and link.state == Link.State.SKIPPED and link.reason == TEST_ORDER
    same = link is not None and link.fingerprint == fingerprint and not was_test
    if same and link is not None and (link.state != Link.State.DUE or link.document_text):
        # Sent, parked or skipped as it is: only what was pruned comes back.
        _store(row, order.id, link, new, values)
        return int(link.state == Link.State.DUE)
    if link is not None and link.state == Link.State.SKIPPED and link.reason != TEST_ORDER:
        _store(row, order.id, link, new, values)  # a person decided
        return 0
    state = Link.State.SENT if link is not None and link.sent_fingerprint == fingerprint else Link.State.DUE
    _store(row, order.id, link, new, values | {"state": state, "reason": "", "text": ""})
    return int(state == Link.State.DUE)


def _facts(document: Document) -> dict[str, Any]:
    data = as_data(document)
    return {
        "person": document.party.key[:190],
        "total": document.totals.total,
        "refunded": document.totals.refunded,
        "order_state": document.state,
        "document_text": canonical(data),
        "fingerprint": fingerprint_of(data),
    }


def _store(row: OrderTarget, order_id: str, link: Link | None, new: list[Link], values: dict[str, Any]) -> None:
    if link is None:
        new.append(Link(target=row, order_id=order_id, **values))
    else:
        # Only while no newer reading was stored meanwhile.
        newest = Link.objects.filter(pk=link.pk)
        if values["order_updated_at"] is not None:
            newest = newest.filter(Q(order_updated_at=None) | Q(order_updated_at__lte=values["order_updated_at"]))
        newest.update(**values, changed_at=values["seen_at"])


# -- writing what is due


def due_links(row: OrderTarget, now: datetime) -> QuerySet[Link]:
    """The links that are due and that no process has in hand, oldest first."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return Link.objects.filter(free, target=row, state=Link.State.DUE).exclude(document_text="").order_by("pk")


def _claim_links(row: OrderTarget, most: int, order_ids: Sequence[str] | None, now: datetime) -> list[Link]:
    until = now + CLAIM + timedelta(microseconds=uuid.uuid4().int % 1_000_000)  # names this claim
    free = due_links(row, now)
    if order_ids is not None:
        free = free.filter(order_id__in=order_ids)
    ids = list(free.values_list("pk", flat=True)[:most])
    if not ids:
        return []
    Link.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), pk__in=ids, state=Link.State.DUE).update(
        claimed_until=until
    )
    return list(Link.objects.filter(pk__in=ids, claimed_until=until).order_by("pk"))


def flush(
    row: OrderTarget,
    target: Target,
    *,
    most: int = 200,
    for_s: float = 40.0,
    order_ids: Sequence[str] | None = None,
) -> FlushReport:
    """Write what is due, in the target's batches, until ``most`` or ``for_s`` seconds are reached.

    Raises TargetDown when the target goes away; what was acknowledged by then is noted. Several may run at once.
    """
    flushed = FlushReport()
    began = timezone.now()
    tried = 0
    while tried < most and (timezone.now() - began).total_seconds() < for_s:
        links = _claim_links(row, min(target.batch_size, most - tried), order_ids, timezone.now())
        if not links:
            break
        tried += len(links)
        try:
            readable = [(link, document) for link in links if (document := document_of(link, flushed)) is not None]
            entries = [Entry(document, document_before(link), link.remote_id) for link, document in readable]
            outcomes = target.write(entries) if entries else []
        except BaseException:
            _release(links)
            raise
        # What needs no lock is worked out before the transaction.
        results = [
            (link, document, outcome, sending_of(link, outcome))
            for (link, document), outcome in zip(readable, outcomes, strict=True)
        ]
        for start in range(0, len(results), RESULTS_AT_ONCE):
            with transaction.atomic():
                for link, document, outcome, sending in results[start : start + RESULTS_AT_ONCE]:
                    note(link, document, outcome, sending, flushed)
    flushed.left = due_links(row, timezone.now()).count()
    return flushed


def _release(links: Sequence[Link]) -> None:
    for link in links:
        Link.objects.filter(pk=link.pk, claimed_until=link.claimed_until).update(claimed_until=None)


# -- what a person does


def send_again(links: QuerySet[Link]) -> int:
    """Make links due again, whatever was sent; gives how many. May be repeated. Then let ``flush`` run."""
    return (
        links.exclude(state=Link.State.ERASED)
        .exclude(document_text="")
        .update(state=Link.State.DUE, reason="", text="", note="", claimed_until=None, changed_at=timezone.now())
    )


def skip(links: QuerySet[Link], note: str) -> int:
    """Leave orders out, with a reason that a person gave; gives how many. They no longer count in the proof."""
    return links.exclude(state__in=(Link.State.ERASED, Link.State.SENT)).update(
        state=Link.State.SKIPPED,
        reason="by_hand",
        note=note[:300],
        text="",
        claimed_until=None,
        changed_at=timezone.now(),
    )


def reopen(row: OrderTarget) -> int:
    """Make due what a start date that was moved back now includes and what differs from what was sent; gives how many are due."""
    Link.objects.filter(target=row, state=Link.State.SENT).exclude(fingerprint=F("sent_fingerprint")).update(
        state=Link.State.DUE
    )
    return due_links(row, timezone.now()).count()
