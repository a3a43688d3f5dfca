"""What is held of a person, their erasure, and what is forgotten with time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from sumeru_proxy.consumers.attribution import arrivals, people, shift_runs, words
from sumeru_proxy.consumers.attribution.models import (
    ChannelSum,
    Conversion,
    ConversionTouch,
    DayCount,
    DaySum,
    Touch,
    VisitorLink,
    Withdrawal,
)

OPEN_RETENTION: Final = timedelta(days=400)
"""A touch that led to no order goes after this time: longer than the year that estimates read."""
WITHDRAWAL_RETENTION: Final = timedelta(days=30)
"""Events older than two days are taken from nobody, and a visitor who agrees again is a new one."""
_CHUNK: Final = 1_000


def _persons(person: frozenset[str]) -> list[str]:
    return sorted({people.hash_of(name) for name in person} - {""})


def _orders_of(shop_id: int, person: frozenset[str]) -> QuerySet[Conversion]:
    hashes = _persons(person)
    return Conversion.objects.filter(Q(person__in=hashes) | Q(email__in=hashes), shop_id=shop_id)


def _links_of(shop_id: int, person: frozenset[str], order_keys: list[str]) -> list[VisitorLink]:
    """Which visitors this person was."""
    whose = Q(person__in=_persons(person)) | Q(order_key__in=order_keys)
    return list(VisitorLink.objects.filter(whose, shop_id=shop_id))


def erase(shop_id: int, person: frozenset[str], dry_run: bool) -> Mapping[str, int]:
    """Remove the person's touches and all that joins their orders to them; the credits stay, as totals of nobody's.

    An erased order is never read or computed again. Touches that another person's order has, too, keep no reference to this one.
    """
    orders = _orders_of(shop_id, person)
    ids = list(orders.values_list("pk", flat=True))
    links = _links_of(shop_id, person, [row.key for row in orders])
    visitors = {link.visitor for link in links}
    own = Q(person__in=[*_persons(person), *visitors], shop_id=shop_id)
    served = Touch.objects.filter(pk__in=ConversionTouch.objects.filter(conversion_id__in=ids).values("touch_id"))
    others = ConversionTouch.objects.filter(touch_id=OuterRef("pk")).exclude(conversion_id__in=ids)
    touches = set(Touch.objects.filter(own).values_list("pk", flat=True)) | set(served.values_list("pk", flat=True))
    shared = set(Touch.objects.filter(Exists(others), pk__in=touches).values_list("pk", flat=True))
    counts = {"attribution_touches": len(touches - shared), "attribution_orders": len(ids)}
    if not dry_run:
        ConversionTouch.objects.filter(conversion_id__in=ids).delete()
        Touch.objects.filter(pk__in=touches - shared).delete()
        Touch.objects.filter(pk__in=shared).update(person="")
        VisitorLink.objects.filter(shop_id=shop_id, visitor__in=visitors).delete()
        for row in Conversion.objects.filter(pk__in=ids):
            # The id at the shop would lead back to the person; the row's own number keeps it unique.
            Conversion.objects.filter(pk=row.pk).update(erased=True, key=f"erased-{row.pk}", person="", email="")
    return counts


def export(shop_id: int, person: frozenset[str]) -> Mapping[str, Any]:
    """What is held of the person, as JSON."""
    texts = words.texts_of(shop_id)
    orders = list(_orders_of(shop_id, person).order_by("at_ms"))
    served = ConversionTouch.objects.filter(conversion__in=orders).values("touch_id")
    visitors = {link.visitor for link in _links_of(shop_id, person, [order.key for order in orders])}
    own = Q(person__in=[*_persons(person), *visitors])
    rows = Touch.objects.filter(own | Q(pk__in=served), shop_id=shop_id).order_by("at_ms")

    def moment(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat()

    return {
        "orders": [
            {
                "id": order.key,
                "at": moment(order.at_ms),
                "total": str(arrivals.major(order.total, order.currency)),
                "currency": order.currency,
                "customer": order.customer,
            }
            for order in orders
        ],
        "touches": [
            {
                "id": touch.key,
                "at": moment(touch.at_ms),
                "channel": texts.get(touch.channel, ""),
                "campaign": texts.get(touch.campaign, ""),
                "device": texts.get(touch.device, ""),
                "landing": texts.get(touch.landing, ""),
                "source": touch.source,
                "medium": touch.medium,
            }
            for touch in rows
        ],
    }


def prune(now: datetime, dry_run: bool) -> Mapping[str, int]:
    """Forget touches that led to no order and are old, and sums that came to nothing. In small steps; may be repeated."""
    before = arrivals.milliseconds(now - OPEN_RETENTION)
    withdrawn = Withdrawal.objects.filter(at_ms__lt=arrivals.milliseconds(now - WITHDRAWAL_RETENTION))
    links = VisitorLink.objects.filter(at_ms__lt=before)
    served = ConversionTouch.objects.filter(touch_id=OuterRef("pk"))
    touches = Touch.objects.filter(~Exists(served), at_ms__lt=before)
    zero = Q(amount=0, refunded=0)
    counts = {
        "attribution_touches": 0,
        "attribution_sums": 0,
        "attribution_visitors": withdrawn.count() + links.count(),
    }
    counts["attribution_shifts"] = shift_runs.prune(now, dry_run)
    if not dry_run:
        withdrawn.delete()
        links.delete()
    for rows, name in (
        (touches, "attribution_touches"),
        (DaySum.objects.filter(zero), "attribution_sums"),
        (ChannelSum.objects.filter(zero), "attribution_sums"),
        (DayCount.objects.filter(zero, orders=0), "attribution_sums"),
    ):
        last = 0
        while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_CHUNK]):
            counts[name] += len(ids)
            last = ids[-1]
            if not dry_run:
                rows.model._default_manager.filter(pk__in=ids).filter(
                    Q() if name.endswith("touches") else zero
                ).delete()
    return counts
