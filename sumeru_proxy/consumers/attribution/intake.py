"""Orders and touches into the database, and their credits with them, in one transaction: once, however often and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from sumeru_proxy.client.shapes_admin import Attribution
from sumeru_proxy.consumers.attribution import journey_rows, people, storage, touch_rows, visitors, visits
from sumeru_proxy.consumers.attribution.arrivals import (
    SOURCE,
    Arrived,
    Spoken,
    new_or_returning,
    spoken_of,
)
from sumeru_proxy.consumers.attribution.models import Conversion, ConversionTouch
from sumeru_proxy.consumers.attribution.plans import Plan, plan_of, settings_of

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
        for row in storage.locked(ids)
        if not row.erased and row.changed_ms <= by_key[row.key].changed_ms
    ]


def _sort_customers(shop_id: int, persons: set[str], changes: storage.Changes) -> set[int]:
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
    changed = storage.locked(wrong)
    storage.retract(changed, changes)
    for row in changed:
        row.customer, row.revision = wrong[row.pk], 0
    storage.save(changed, ["customer", "revision"])
    return set(wrong)


Steps = dict[tuple[int, int], int | None]
"""(order, touch) → what Sumeru credits to it."""


def _steps(shop_id: int, spoken: Sequence[tuple[Conversion, Spoken]]) -> Steps:
    """Store the touches that Sumeru names; gives the journeys that they make."""
    persons = {touch.key: row.person for row, each in spoken for touch in each.touches}
    numbers = touch_rows.store(shop_id, [touch for _row, each in spoken for touch in each.touches], persons)
    return {(row.pk, numbers[touch.key[:200]]): touch.theirs for row, each in spoken for touch in each.touches}


def _link(steps: Steps, *, with_theirs: bool = True) -> None:
    rows = [
        ConversionTouch(conversion_id=key[0], touch_id=key[1], theirs=theirs) for key, theirs in sorted(steps.items())
    ]
    unique = ["conversion", "touch"]
    if with_theirs:
        ConversionTouch.objects.bulk_create(
            rows, batch_size=500, update_conflicts=True, unique_fields=unique, update_fields=["theirs"]
        )
    else:
        ConversionTouch.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _unlink(order_ids: Sequence[int], steps: Steps) -> None:
    """Take out of these orders' journeys what Sumeru does not name any more; touches from elsewhere stay."""
    old = ConversionTouch.objects.filter(conversion_id__in=order_ids, touch__key__startswith=SOURCE)
    gone = [pk for pk, *where in old.values_list("pk", "conversion_id", "touch_id") if tuple(where) not in steps]
    ConversionTouch.objects.filter(pk__in=gone).delete()


def take(shop_id: int, orders: Sequence[Arrived], plan: Plan | None = None) -> int:
    """Store these orders as they are now and credit them; gives how many were news. Joins the caller's transaction.

    Repeatable in any order: an order that is older than what is stored (by its time of change) is passed over, a touch is stored once.
    An order whose person was erased stays as it is.
    """
    if not orders:
        return 0
    with transaction.atomic():
        visitors.hold(shop_id, needed=False)
        plan = plan or plan_of(shop_id)
        pairs = _rows_of(shop_id, orders)
        if not pairs:
            return 0
        ids = [row.pk for row, _order in pairs]
        affected = set(journey_rows.changed_by(ids, plan.options))
        changes = storage.Changes(announced=plan.announced)
        storage.retract([row for row, _order in pairs], changes)
        before: set[str] = set()
        for row, order in pairs:
            email = people.hash_of(order.email)
            person = people.hash_of(order.customer_id) or email
            before.add(row.person)
            row.person, row.email, row.revision = person, email, 0
            row.orders_count = order.orders_count
            row.customer = row.customer if person else ""
            row.their_model = order.spoken.model[:60] if order.spoken else row.their_model
            row.at_ms, row.currency, row.changed_ms = order.at_ms, order.currency, order.changed_ms
            row.total, row.refunded = order.total, order.refunded
        storage.save([row for row, _order in pairs], _FIELDS)
        # An order of whose journey nothing is said keeps it.
        spoken = [(row, order.spoken) for row, order in pairs if order.spoken is not None]
        steps = _steps(shop_id, spoken)
        _unlink([row.pk for row, _spoken in spoken], steps)
        _link(steps)
        named = [
            (visits.visitor_of(visitor_id), row.person or row.email)
            for row, each in spoken
            for visitor_id in each.visitor_ids
        ]
        if named:
            visitors.name(shop_id, named)
        visitors.join(shop_id, [row for row, _order in pairs])
        others = _sort_customers(shop_id, before | {row.person for row, _order in pairs}, changes)
        affected.update(others, journey_rows.changed_by(ids, plan.options))
        storage.recompute(shop_id, sorted(affected), plan, changes)
    return len(pairs)


def take_touches(shop_id: int, attributions: Iterable[Attribution], plan: Plan | None = None) -> int:
    """Add what Sumeru attributes to orders that are stored already, and credit these; gives how many they were.

    For accounts whose orders come without attributions. An order's attributions may come by several calls: touches are added, and the
    amounts to compare with are those of the model that comes first (see ``arrivals.spoken_of``). Orders that are not stored (or
    erased) are passed over: their own back-fill brings them. Repeatable; joins the caller's transaction.
    """
    by_order: dict[str, list[Attribution]] = {}
    for attribution in attributions:
        by_order.setdefault(attribution.order_id, []).append(attribution)
    with transaction.atomic():
        visitors.hold(shop_id, needed=False)
        plan = plan or plan_of(shop_id)
        preferred = settings_of(shop_id).their_model
        ids = Conversion.objects.filter(shop_id=shop_id, kind="order", key__in=by_order, erased=False)
        rows = storage.locked(ids.values_list("pk", flat=True))
        affected = set(journey_rows.changed_by([row.pk for row in rows], plan.options))
        better: list[tuple[Conversion, Spoken]] = []
        others: list[tuple[Conversion, Spoken]] = []
        for row in rows:
            spoken = spoken_of(by_order[row.key], row.at_ms, row.currency, preferred)
            stored, found = row.their_model, spoken.model[:60]
            first = not stored or (found != preferred, found) <= (stored != preferred, stored)
            (better if first else others).append((row, spoken))
            row.their_model = found if first else stored
        _link(_steps(shop_id, others), with_theirs=False)
        chosen = [row for row, _spoken in better]
        ConversionTouch.objects.filter(conversion__in=chosen, touch__key__startswith=SOURCE).update(theirs=None)
        _link(_steps(shop_id, better))
        storage.save(chosen, ["their_model"])
        visitors.join(shop_id, rows)
        affected.update(journey_rows.changed_by([row.pk for row in rows], plan.options))
        storage.recompute(shop_id, sorted(affected), plan)
    return len(rows)
