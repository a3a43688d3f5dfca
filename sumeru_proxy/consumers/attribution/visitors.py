"""Visits in the database: our pixel's touches, whose they are, and the orders that they led to. Repeatable, in any order.

An order's journey gets the touches of every visitor known as its customer, its e-mail address or its own, at most WINDOW before it;
but none within a visit's time (SAME_VISIT) of a touch that Sumeru names for the order: that is the same visit, seen twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from sumeru_proxy.consumers.attribution import arrivals, channels, journey_rows, storage, touch_rows, visits
from sumeru_proxy.consumers.attribution.models import (
    AttributionSettings,
    Conversion,
    ConversionTouch,
    Touch,
    VisitorLink,
    Withdrawal,
)
from sumeru_proxy.consumers.attribution.plans import Plan, plan_of
from sumeru_proxy.consumers.attribution.visits import Visits
from sumeru_proxy.models import ShopOrigin

WINDOW: Final = timedelta(days=400)
SAME_VISIT: Final = timedelta(minutes=30)
ORDER_CLAIM: Final = timedelta(days=1)
"""How far an order's time and the moment a page named it may be apart: an id alone must not claim any old order."""
_MS: Final = timedelta(milliseconds=1)


def own_hosts(shop_id: int) -> set[str]:
    """Hosts that are the shop itself."""
    origins = ShopOrigin.objects.filter(shop_id=shop_id).values_list("origin", flat=True)
    return {channels.host_of(origin) for origin in origins} - {""}


def hold(shop_id: int, *, needed: bool) -> AttributionSettings | None:
    """Take a shop's visits and orders one after the other, so that of two who come at once the later sees the earlier. To be called
    before anything else is locked. Not ``needed``: only where visitors are known.
    """
    if not needed and not VisitorLink.objects.filter(shop_id=shop_id).exists():
        return None
    AttributionSettings.objects.get_or_create(shop_id=shop_id)
    return AttributionSettings.objects.select_for_update().get(shop_id=shop_id)


def take(shop_id: int, found: Visits, now_ms: int, plan: Plan | None = None) -> dict[str, int]:
    """Store what a batch of events came to, and credit the orders that it changes; gives counts. Joins the caller's transaction."""
    with transaction.atomic():
        hold(shop_id, needed=True)
        for visitor in sorted(found.withdrawn):
            Withdrawal.objects.get_or_create(shop_id=shop_id, visitor=visitor, defaults={"at_ms": now_ms})
        everyone = {*found.touches, *(each[0] for each in found.names), *(each[0] for each in found.orders)}
        gone = set(
            Withdrawal.objects.filter(shop_id=shop_id, visitor__in=everyone | found.withdrawn).values_list(
                "visitor", flat=True
            )
        )
        changed = _forget(shop_id, gone & found.withdrawn)
        stored = _store(shop_id, found, gone)
        known = _identify(shop_id, found, gone, now_ms)
        visitors = everyone - gone
        changed |= {order.pk for order in orders_of(shop_id, visitors)}
        plan = plan or plan_of(shop_id)
        rows = [row for row in storage.locked(changed) if not row.erased]
        affected = set(journey_rows.changed_by([row.pk for row in rows], plan.options))
        if join(shop_id, rows) or gone & found.withdrawn:
            affected.update(journey_rows.changed_by([row.pk for row in rows], plan.options))
            storage.recompute(shop_id, sorted(affected), plan)
    return {"touches": stored, "identities": known, "withdrawn": len(found.withdrawn), "orders": len(rows)}


def _store(shop_id: int, found: Visits, gone: set[str]) -> int:
    fresh: list[arrivals.ArrivedTouch] = []
    whose: dict[str, str] = {}
    for visitor, touches in found.touches.items():
        if visitor in gone:
            continue
        stored = dict(
            Touch.objects.filter(shop_id=shop_id, person=visitor, key__startswith=visits.SOURCE).values_list(
                "key", "at_ms"
            )
        )
        for touch in touches:
            if touch.key not in stored or touch.at_ms < stored[touch.key]:
                fresh.append(touch)
                whose[touch.key] = visitor
    if fresh:
        touch_rows.store(shop_id, fresh, whose)
        _drop_direct(shop_id, {touch.key.rpartition(":")[0] + ":" for touch in fresh}, set(whose.values()))
    return len(fresh)


def _drop_direct(shop_id: int, begun: Iterable[str], persons: set[str]) -> None:
    """A visit that has another contact has no direct one."""
    keys = set(Touch.objects.filter(shop_id=shop_id, person__in=persons).values_list("key", flat=True))
    spare = [
        beginning + channels.DIRECT
        for beginning in begun
        if beginning + channels.DIRECT in keys
        and any(key.startswith(beginning) and key != beginning + channels.DIRECT for key in keys)
    ]
    Touch.objects.filter(shop_id=shop_id, key__in=spare).delete()


def _identify(shop_id: int, found: Visits, gone: set[str], now_ms: int) -> int:
    rows = [
        VisitorLink(shop_id=shop_id, visitor=visitor, person=person, at_ms=now_ms)
        for visitor, person in sorted(found.names)
        if visitor not in gone
    ]
    rows += [
        VisitorLink(shop_id=shop_id, visitor=visitor, order_key=order_key, at_ms=at_ms)
        for visitor, order_key, at_ms in sorted(found.orders)
        if visitor not in gone
    ]
    VisitorLink.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def name(shop_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Sumeru says which visitors an order's customer was: pairs of visitor and person. Joins the caller's transaction."""
    wanted = sorted({(visitor, person) for visitor, person in pairs if person})
    at_ms = arrivals.milliseconds(datetime.now(UTC))
    gone = set(
        Withdrawal.objects.filter(shop_id=shop_id, visitor__in={each[0] for each in wanted}).values_list(
            "visitor", flat=True
        )
    )
    VisitorLink.objects.bulk_create(
        [
            VisitorLink(shop_id=shop_id, visitor=visitor, person=person, at_ms=at_ms)
            for visitor, person in wanted
            if visitor not in gone
        ],
        ignore_conflicts=True,
    )


def orders_of(shop_id: int, visitors: Iterable[str]) -> list[Conversion]:
    """The orders that touches of these visitors may belong to."""
    links = VisitorLink.objects.filter(shop_id=shop_id, visitor__in=set(visitors))
    persons = {link.person for link in links} - {""}
    keys = {link.order_key for link in links} - {""}
    if not persons and not keys:
        return []
    whose = Q(person__in=persons) | Q(email__in=persons) | Q(key__in=keys)
    return list(Conversion.objects.filter(whose, shop_id=shop_id, erased=False))


def _visitors_by_order(shop_id: int, rows: Sequence[Conversion]) -> dict[int, set[str]]:
    persons = {name for row in rows for name in (row.person, row.email)} - {""}
    keys = {row.key for row in rows}
    links = list(
        VisitorLink.objects.filter(Q(person__in=persons) | Q(order_key__in=keys), shop_id=shop_id).order_by(
            "at_ms", "pk"
        )
    )
    found: dict[int, set[str]] = {}
    for row in rows:
        mine = [link for link in links if link.person and link.person in (row.person, row.email)]
        # An order is one visitor's: the first who names it soon after it was placed.
        claims = [
            link for link in links if link.order_key == row.key and abs(link.at_ms - row.at_ms) <= ORDER_CLAIM // _MS
        ]
        mine += claims[:1]
        if mine:
            found[row.pk] = {link.visitor for link in mine}
            served = [link.pk for link in mine if not link.served]
            if served:
                VisitorLink.objects.filter(pk__in=served).update(served=True)
    return found


def join(shop_id: int, rows: Sequence[Conversion]) -> bool:
    """Bring the pixel's part of these (held) orders' journeys to what is known now; gives whether anything changed."""
    by_order = _visitors_by_order(shop_id, rows) if rows else {}
    old: dict[int, dict[int, int]] = {row.pk: {} for row in rows}
    theirs: dict[int, list[int]] = {row.pk: [] for row in rows}
    steps = ConversionTouch.objects.filter(conversion_id__in=old).values_list(
        "pk", "conversion_id", "touch_id", "touch__key", "touch__at_ms"
    )
    for pk, order_id, touch_id, key, at_ms in steps:
        if key.startswith(visits.SOURCE):
            old[order_id][touch_id] = pk
        elif key.startswith(arrivals.SOURCE):
            theirs[order_id].append(at_ms)
    if not by_order and not any(old.values()):
        return False
    touches: dict[str, list[tuple[int, int]]] = {}
    visitors = {visitor for own in by_order.values() for visitor in own}
    stored = Touch.objects.filter(shop_id=shop_id, person__in=visitors, key__startswith=visits.SOURCE)
    for visitor, pk, at_ms in stored.order_by("at_ms", "rank").values_list("person", "pk", "at_ms"):
        touches.setdefault(visitor, []).append((at_ms, pk))
    gone: list[int] = []
    fresh: list[ConversionTouch] = []
    for row in rows:
        candidates = sorted(
            each
            for visitor in by_order.get(row.pk, ())
            for each in touches.get(visitor, ())
            if row.at_ms - WINDOW // _MS <= each[0] <= row.at_ms
            and not any(abs(each[0] - other) <= SAME_VISIT // _MS for other in theirs[row.pk])
        )
        wanted = {pk for _at_ms, pk in candidates[-arrivals.TOUCHES_LIMIT :]}
        gone += [pk for touch_id, pk in old[row.pk].items() if touch_id not in wanted]
        fresh += [ConversionTouch(conversion_id=row.pk, touch_id=pk) for pk in sorted(wanted - old[row.pk].keys())]
    ConversionTouch.objects.filter(pk__in=gone).delete()
    ConversionTouch.objects.bulk_create(fresh, batch_size=500, ignore_conflicts=True)
    return bool(gone or fresh)


def _forget(shop_id: int, visitors: set[str]) -> set[int]:
    """Remove everything of these visitors; gives the orders whose journeys lose something."""
    if not visitors:
        return set()
    touches = Touch.objects.filter(shop_id=shop_id, person__in=visitors)
    changed = set(ConversionTouch.objects.filter(touch__in=touches).values_list("conversion_id", flat=True))
    touches.delete()
    VisitorLink.objects.filter(shop_id=shop_id, visitor__in=visitors).delete()
    return changed
