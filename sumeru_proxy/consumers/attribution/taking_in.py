"""Orders and touches into the database, and their credits with them, in one transaction: once, however often and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from sumeru_proxy.consumers.attribution import people, storing, streaming, words
from sumeru_proxy.consumers.attribution.arriving import SOURCE, Arrived, ArrivedTouch, new_or_returning, rank_of
from sumeru_proxy.consumers.attribution.models import Conversion, ConversionTouch, Label, Touch
from sumeru_proxy.consumers.attribution.plans import Plan, plan_of

_FIELDS = (
    "at_ms",
    "currency",
    "total",
    "refunded",
    "orders_count",
    "customer",
    "person",
    "email",
    "changed_ms",
    "revision",
)


def _rows_of(shop_id: int, orders: Sequence[Arrived]) -> list[tuple[Conversion, Arrived]]:
    """The orders' rows, made where they are missing, held by this transaction; without what is older than what is stored."""
    by_key = {order.key: order for order in orders}
    Conversion.objects.bulk_create(
        [
            Conversion(shop_id=shop_id, key=key, at_ms=order.at_ms, currency=order.currency, total=0, changed_ms=-1)
            for key, order in sorted(by_key.items())
        ],
        ignore_conflicts=True,
    )
    ids = Conversion.objects.filter(shop_id=shop_id, kind="order", key__in=by_key).values_list("pk", flat=True)
    return [
        (row, by_key[row.key])
        for row in storing.locked(ids)
        if not row.erased and row.changed_ms <= by_key[row.key].changed_ms
    ]


def _sort_customers(shop_id: int, persons: set[str], changes: storing.Changes) -> set[int]:
    """Mark these persons' orders as new or returning; gives those that changed, taken out of the sums."""
    by_person: dict[str, list[Conversion]] = {}
    rows = Conversion.objects.filter(shop_id=shop_id, person__in=persons - {""}, erased=False)
    for row in rows.order_by("at_ms", "key"):
        by_person.setdefault(row.person, []).append(row)
    wrong: dict[int, str] = {}
    for own in by_person.values():
        for row, word in zip(own, new_or_returning([row.orders_count for row in own]), strict=True):
            if row.customer != word:
                wrong[row.pk] = word
    changed = storing.locked(wrong)
    storing.retract(changed, changes)
    for row in changed:
        row.customer, row.revision = wrong[row.pk], 0
    storing.save(changed, ["customer", "revision"])
    return set(wrong)


def _store_touches(shop_id: int, touches: Iterable[ArrivedTouch], person_by_key: dict[str, str]) -> dict[str, int]:
    by_key = {touch.key: touch for touch in touches}
    needed = {
        word
        for touch in by_key.values()
        for word in (
            (Label.Kind.CHANNEL.value, touch.channel),
            (Label.Kind.CAMPAIGN.value, touch.campaign),
            (Label.Kind.DEVICE.value, touch.device),
            (Label.Kind.LANDING.value, touch.landing),
        )
    }
    numbers = words.ids_of(shop_id, needed)
    rows = [
        Touch(
            shop_id=shop_id,
            key=key[:200],
            at_ms=touch.at_ms,
            rank=rank_of(key),
            channel=numbers[Label.Kind.CHANNEL, touch.channel],
            campaign=numbers[Label.Kind.CAMPAIGN, touch.campaign],
            device=numbers[Label.Kind.DEVICE, touch.device],
            landing=numbers[Label.Kind.LANDING, touch.landing],
            source=touch.source[:190],
            medium=touch.medium[:190],
            person=person_by_key.get(key, ""),
        )
        for key, touch in sorted(by_key.items())
    ]
    Touch.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["shop", "key"],
        update_fields=["at_ms", "channel", "campaign", "device", "landing", "source", "medium", "person"],
    )
    found: dict[str, int] = {}
    keys = sorted(by_key)
    for start in range(0, len(keys), 500):
        rows_found = Touch.objects.filter(shop_id=shop_id, key__in=[key[:200] for key in keys[start : start + 500]])
        found |= dict(rows_found.values_list("key", "pk"))
    return found


def _link(pairs: Sequence[tuple[Conversion, Arrived]], numbers: dict[str, int]) -> None:
    """Make the orders' journeys what Sumeru says; touches from elsewhere stay. Nothing said about touches changes nothing."""
    spoken = [(row, order.touches) for row, order in pairs if order.touches is not None]
    ids = [row.pk for row, _touches in spoken]
    needed = {(row.pk, numbers[touch.key[:200]]): touch.theirs for row, touches in spoken for touch in touches or ()}
    old = ConversionTouch.objects.filter(conversion_id__in=ids, touch__key__startswith=SOURCE)
    gone = [pk for pk, *where in old.values_list("pk", "conversion_id", "touch_id") if tuple(where) not in needed]
    ConversionTouch.objects.filter(pk__in=gone).delete()
    ConversionTouch.objects.bulk_create(
        [
            ConversionTouch(conversion_id=conversion_id, touch_id=touch_id, theirs=theirs)
            for (conversion_id, touch_id), theirs in sorted(needed.items())
        ],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["conversion", "touch"],
        update_fields=["theirs"],
    )


def take(shop_id: int, orders: Sequence[Arrived], plan: Plan | None = None) -> int:
    """Store these orders as they are now and credit them; gives how many were news. Joins the caller's transaction.

    Repeatable in any order: an order that is older than what is stored (by its time of change) is passed over, a touch is stored once.
    An order whose person was erased stays as it is.
    """
    if not orders:
        return 0
    with transaction.atomic():
        plan = plan or plan_of(shop_id)
        pairs = _rows_of(shop_id, orders)
        if not pairs:
            return 0
        ids = [row.pk for row, _order in pairs]
        affected = set(streaming.changed_by(ids, plan.options))
        changes = storing.Changes()
        storing.retract([row for row, _order in pairs], changes)
        persons: dict[str, str] = {}
        before: set[str] = set()
        for row, order in pairs:
            email = people.hash_of(order.email)
            person = people.hash_of(order.customer_id) or email
            before.add(row.person)
            row.person, row.email, row.revision = person, email, 0
            row.orders_count = order.orders_count
            row.customer = row.customer if person else ""
            row.at_ms, row.currency, row.changed_ms = order.at_ms, order.currency, order.changed_ms
            row.total, row.refunded = order.total, order.refunded
            persons |= {touch.key: person for touch in order.touches or ()}
        storing.save([row for row, _order in pairs], _FIELDS)
        touches = [touch for _row, order in pairs for touch in order.touches or ()]
        _link(pairs, _store_touches(shop_id, touches, persons))
        others = _sort_customers(shop_id, before | {row.person for row, _order in pairs}, changes)
        affected.update(others, streaming.changed_by(ids, plan.options))
        storing.recompute(shop_id, sorted(affected), plan, changes)
    return len(pairs)
