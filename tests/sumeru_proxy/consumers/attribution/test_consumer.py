"""The consumer over a real upstream: events and back-fill end alike, ranges resume, estimates credit, a person is erased."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from sumeru_proxy.consumers.attribution import arrivals, consumer, erasure, intake, proof
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import (
    AttributionSettings,
    Conversion,
    ConversionTouch,
    Credit,
    Fit,
    ModelCode,
    Touch,
)
from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.webhooks import installed, ranges
from sumeru_proxy.webhooks.listeners import kind_of
from sumeru_proxy.worker import Worker, handlers
from tests.sumeru_proxy.consumers.attribution.stored import contents, random_orders
from tests.upstream import Upstream, upstream

pytestmark = [pytest.mark.django_db, pytest.mark.stores]
ORDERS = 230


@pytest.fixture
def fed() -> Iterator[Upstream]:
    """A sandbox whose first shop has orders of every kind, one every ten minutes from 2024 on."""
    with upstream(small_catalogue(), limits=False) as sandbox:
        sandbox.sandbox.control.orders.generate({"count": ORDERS, "seed": 3})
        yield sandbox


@pytest.fixture
def fed_shop(fed: Upstream, make_shop: Callable[..., Shop]) -> Shop:
    return make_shop(fed.url, limits={"admin": 1_000_000}, **fed.account())


def work() -> None:
    """Do everything that is due, as the worker would; what waits for the limits is due again at once."""
    worker = Worker(handlers())
    for _ in range(400):
        if not worker.once():
            waiting = Job.objects.filter(state=Job.State.WAITING)
            if not waiting.exists():
                return
            assert set(waiting.values_list("reason", flat=True)) <= {"", Job.Reason.LIMITED}, list(waiting.values())
            waiting.update(next_at=timezone.now())
    raise AssertionError(
        list(Job.objects.exclude(state=Job.State.DONE).values("kind", "state", "reason", "last_error"))
    )


def upstream_orders(fed: Upstream) -> list[dict[str, Any]]:
    world = fed.sandbox.world
    shop = next(iter(world.shops.values()))
    return [shop.orders[key] for key in shop.orders]


def exact(shop: Shop) -> None:
    found = contents(shop)
    days = [order[0] // DAY_MS for order in found["orders"].values()]
    proven = proof.prove(shop.pk, min(days), max(days))
    assert proven.gaps == ()
    assert proven.orders == len(found["orders"]) > 0
    assert (proven.stale, proven.waiting) == (0, 0)


@pytest.mark.thorough
def test_back_fill_takes_every_order_with_its_journey(fed: Upstream, fed_shop: Shop) -> None:
    ranges.start(fed_shop.pk, "attribution:backfill")
    work()
    theirs = {order["id"]: order for order in upstream_orders(fed) if not order.get("test")}
    stored = {row.key: row for row in Conversion.objects.filter(shop=fed_shop)}
    assert stored.keys() == theirs.keys()
    assert len(theirs) >= ORDERS - 10
    for key, row in stored.items():
        order = theirs[key]
        digits = {"JPY": 0, "KWD": 3}.get(order["currency"], 2)
        assert Decimal(row.total).scaleb(-digits) == Decimal(order["total_price"])
        refunded = sum(Decimal(refund["amount"]) for refund in order.get("refunds") or [])
        if order.get("cancelled_at"):
            refunded = max(refunded, Decimal(order["total_price"]))
        assert Decimal(row.refunded).scaleb(-digits) == refunded
        points = {point["id"] for each in order["attributions"] for point in each["touchpoints"]}
        touches = ConversionTouch.objects.filter(conversion=row).values_list("touch__key", flat=True)
        assert set(touches) == {f"sumeru:{point}" for point in points}
    # Sumeru's own linear credit, cent by cent where it says all of it.
    sumeru = Credit.objects.filter(conversion__shop=fed_shop, model=ModelCode.SUMERU, channel=0)
    unsaid = {key for key, order in theirs.items() if not order["attributions"]}
    assert set(sumeru.values_list("conversion__key", flat=True)) >= {key for key in unsaid if stored[key].total}
    exact(fed_shop)


def hear(shop: Shop, order_id: str, event_type: str, number: int) -> None:
    """An event as the intake would store it, with its job."""
    event = InboundEvent.objects.create(
        shop=shop,
        event_id=f"evt_{number}",
        type=event_type,
        occurred_at=timezone.now(),
        body_text=f'{{"data": {{"order_id": "{order_id}"}}}}',
    )
    kind = kind_of(consumer.CONSUMER.listener)  # type: ignore[arg-type]
    jobs.owe(shop.pk, kind, {}, key=event.event_id, order_key=f"attribution:{order_id}", event=event)


@pytest.mark.thorough
def test_events_in_any_order_end_like_the_back_fill(
    fed: Upstream, fed_shop: Shop, make_shop: Callable[..., Shop]
) -> None:
    random_ = random.Random(2)
    names = [order["id"] for order in upstream_orders(fed)]
    heard = [*names, *random_.sample(names, 50), "ord_unknown"]
    random_.shuffle(heard)
    for number, name in enumerate(heard):
        hear(fed_shop, name, random_.choice(("order.created", "order.attributed")), number)
    work()
    # An order without touches is asked for its attributions once more; there are none.
    assert Job.objects.filter(kind="attribution:journey", state=Job.State.DONE).exists()
    other = make_shop(fed.url, name="Other", limits={"admin": 1_000_000}, **fed.account())
    ranges.start(other.pk, "attribution:backfill")
    work()
    mine, theirs = contents(fed_shop), contents(other)
    for part in theirs:
        assert mine[part] == theirs[part], part
    exact(fed_shop)


@pytest.mark.thorough
def test_attributions_by_themselves_give_the_same_journeys(fed: Upstream, fed_shop: Shop) -> None:
    ranges.start(fed_shop.pk, "attribution:backfill")
    work()
    before = contents(fed_shop)
    ConversionTouch.objects.filter(conversion__shop=fed_shop).delete()
    assert contents(fed_shop)["links"] != before["links"]
    ranges.start(fed_shop.pk, "attribution:attributions")
    work()
    after = contents(fed_shop)
    for part in before:
        assert after[part] == before[part], part
    exact(fed_shop)


def test_a_period_is_credited_anew_step_by_step(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = random_orders(60, seed=12)
    intake.take(shop.pk, orders)
    before = contents(shop)
    Credit.objects.all().delete()  # what a fault could have done: sums without credits
    ids = list(Conversion.objects.values_list("pk", flat=True))
    monkeypatch.setattr("sumeru_proxy.consumers.attribution.storage.CHUNK_ORDERS", 25)
    AttributionSettings.objects.update(half_life_days=30, revision=9)
    middle = datetime.fromtimestamp(sorted(order.at_ms for order in orders)[30] / 1_000, UTC)
    job = ranges.start(shop.pk, "attribution:recompute", since=middle)
    work()
    job.refresh_from_db()
    assert job.result["done"] == 30
    assert job.result["pages"] == 2
    late = Conversion.objects.filter(at_ms__gte=arrivals.milliseconds(middle))
    assert set(late.values_list("revision", flat=True)) == {9}
    assert set(Conversion.objects.exclude(pk__in=late).values_list("revision", flat=True)) == {1}
    assert len(ids) == 60
    credits = contents(shop)["credits"]
    later = {order.key: order for order in orders if order.at_ms >= arrivals.milliseconds(middle)}
    found = {key for key, *_rest in credits}
    assert {key for key, order in later.items() if order.total} <= found <= set(later)
    decayed = {key: money for key, money in credits.items() if key[1] == ModelCode.TIME_DECAY}
    assert any(before["credits"][key] != money for key, money in decayed.items() if key in before["credits"])
    rest = {key: money for key, money in credits.items() if key[1] != ModelCode.TIME_DECAY}
    assert all(before["credits"][key] == money for key, money in rest.items())


def open_journeys(shop: Shop, count: int, seed: int) -> None:
    """People who came and ordered nothing: touches of their own."""
    from sumeru_proxy.consumers.attribution import people, words

    random_ = random.Random(seed)
    channels = ("email", "paid_search", "affiliate")
    numbers = words.ids_of(shop.pk, [("channel", name) for name in channels])
    now_ms = arrivals.milliseconds(datetime.now(UTC))
    Touch.objects.bulk_create(
        Touch(
            shop=shop,
            key=f"test:{person}/{place}",
            rank=place,
            at_ms=now_ms - random_.randrange(1, 200 * DAY_MS),
            channel=numbers["channel", random_.choice(channels)],
            person=people.hash_of(f"visitor {person}"),
        )
        for person in range(count)
        for place in range(random_.randrange(1, 4))
    )


def recent(count: int, seed: int) -> list[arrivals.Arrived]:
    """Orders of the last two months."""
    from dataclasses import replace

    orders = random_orders(count, seed=seed)
    shift = arrivals.milliseconds(datetime.now(UTC)) - max(order.at_ms for order in orders) - 60_000
    return [
        replace(
            order,
            at_ms=order.at_ms + shift,
            refunded=0,
            spoken=arrivals.Spoken(
                tuple(replace(touch, at_ms=touch.at_ms + shift) for touch in order.touches), "linear"
            ),
        )
        for order in orders
    ]


@pytest.mark.thorough
def test_models_from_data_are_estimated_and_credited(shop: Shop) -> None:
    intake.take(shop.pk, recent(260, seed=13))
    open_journeys(shop, 220, seed=1)
    installed.owe("attribution", "fit", shop.pk, {}, key="first")
    work()
    (done,) = Job.objects.filter(kind="attribution:fit")
    assert done.result["models"] == [ModelCode.MARKOV, ModelCode.SHAPLEY_RATE]
    fits = {fit.model: fit for fit in Fit.objects.filter(shop=shop)}
    for fit in fits.values():
        assert (fit.conversions, fit.open_journeys, fit.sampled) == (done.result["conversions"], 220, 1)
        assert sum(share for share, _error, _weight in fit.effects.values()) == pytest.approx(1)
        assert all(error > 0 for share, error, _weight in fit.effects.values() if share > 0.02)
    assert {"email", "paid_search", "direct"} <= set(fits[ModelCode.MARKOV].effects)
    (recomputed,) = Job.objects.filter(kind="attribution:recompute")
    assert (recomputed.state, recomputed.result["done"]) == (Job.State.DONE, 260)
    for code in (ModelCode.MARKOV, ModelCode.SHAPLEY_RATE):
        for row in Conversion.objects.filter(shop=shop):
            own = Credit.objects.filter(conversion=row, model=code).values_list("amount", "refunded")
            assert tuple(map(sum, zip(*own, strict=True))) in ((row.total, row.refunded), ())
    exact(shop)
    # An order that comes later is credited by the same estimates.
    (late,) = [order for order in recent(261, seed=13) if order.key == "ord_260"]
    intake.take(shop.pk, [late])
    models = set(Credit.objects.filter(conversion__key="ord_260").values_list("model", flat=True))
    assert not late.total or {ModelCode.MARKOV, ModelCode.SHAPLEY_RATE} <= models


def test_too_few_journeys_are_said_and_nothing_is_estimated(shop: Shop) -> None:
    intake.take(shop.pk, recent(30, seed=14))
    installed.owe("attribution", "fit", shop.pk, {}, key="few")
    work()
    (done,) = Job.objects.filter(kind="attribution:fit")
    assert done.result["needed"] == 200
    assert 0 < done.result["not_enough_journeys"] < 30
    assert not Fit.objects.exists()


def test_the_daily_proof_calls_a_person_when_a_cent_is_missing(shop: Shop) -> None:
    orders = recent(20, seed=15)
    intake.take(shop.pk, orders)
    days_ago = arrivals.milliseconds(datetime.now(UTC)) // DAY_MS * DAY_MS - consumer.PROOF_DAYS * DAY_MS
    installed.owe("attribution", "prove", shop.pk, {}, key="monday")
    work()
    assert Job.objects.get(key="monday").result["orders"] == sum(order.at_ms >= days_ago for order in orders)
    (row,) = Credit.objects.filter(amount__gt=10, conversion__at_ms__gt=days_ago)[:1]
    Credit.objects.filter(pk=row.pk).update(amount=row.amount - 1)
    installed.owe("attribution", "prove", shop.pk, {}, key="tuesday")
    Worker(handlers()).once()
    job = Job.objects.get(key="tuesday")
    assert (job.state, job.detail if hasattr(job, "detail") else "sums_differ") == (Job.State.PARKED, "sums_differ")
    assert "credits of day" in job.last_error


def test_erasure_removes_the_touches_and_the_sums_stay(shop: Shop) -> None:
    orders = random_orders(60, seed=16, customers=5)
    intake.take(shop.pk, orders)
    before = contents(shop)
    person = frozenset({"cus_3", "cus_3@example.com"})
    own = [order for order in orders if order.customer_id == "cus_3"]
    assert own
    exported = erasure.export(shop.pk, person)
    assert {order["id"] for order in exported["orders"]} == {order.key for order in own}
    assert {touch["id"] for touch in exported["touches"]} >= {touch.key for order in own for touch in order.touches}
    planned = erasure.erase(shop.pk, person, True)
    assert contents(shop) == before
    assert erasure.erase(shop.pk, person, False) == planned
    assert planned["attribution_orders"] == len(own)
    after = contents(shop)
    assert after["sums"] == before["sums"]
    assert after["counts"] == before["counts"]
    theirs = {touch.key for order in own for touch in order.touches}
    others = {touch.key for order in orders if order not in own for touch in order.touches}
    assert not set(after["touches"]) & (theirs - others)
    assert set(after["touches"]) >= others
    assert erasure.export(shop.pk, person) == {"orders": [], "touches": []}
    proven = proof.prove(shop.pk, 0, 10**6)
    assert proven.exact
    # Nothing that comes later brings them back: an erased order's id is not known any more, so it would be a new one without a past.
    stored = str([list(Conversion.objects.values()), list(Touch.objects.values())])
    assert "cus_3" not in stored
    assert all(order.key not in after["orders"] for order in own)


def test_prune_forgets_old_touches_without_an_order(shop: Shop) -> None:
    intake.take(shop.pk, random_orders(10, seed=17))
    served = set(ConversionTouch.objects.values_list("touch_id", flat=True))
    open_journeys(shop, 5, seed=2)
    now = datetime.now(UTC)
    assert erasure.prune(now, False)["attribution_touches"] == 0
    later = now + timedelta(days=401)
    expected = Touch.objects.exclude(pk__in=served).count()
    assert erasure.prune(later, True)["attribution_touches"] == expected > 0
    assert erasure.prune(later, False)["attribution_touches"] == expected
    assert set(Touch.objects.values_list("pk", flat=True)) == served


def test_the_consumer_is_installed_by_one_line_and_gone_without_it(settings: Any) -> None:
    assert "attribution" in {each.name for each in installed.consumers()}
    settings.SUMERU_CONSUMERS = [name for name in settings.SUMERU_CONSUMERS if "attribution" not in name]
    assert "attribution" not in {each.name for each in installed.consumers()}
    assert not any(kind.startswith("attribution:") for kind in installed.own_kinds())
