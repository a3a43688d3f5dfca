"""Orders into credits: once, whatever arrives twice, late or out of order; every sum equals what it sums."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from django.db.models import F

from sumeru_proxy.consumers.attribution import explanation, intake, proof, storage, weight_tables
from sumeru_proxy.consumers.attribution.company import Rule
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import (
    AttributionSettings,
    ChannelSum,
    Conversion,
    Credit,
    DayCount,
    DaySum,
    ModelCode,
    Touch,
)
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.stored import (
    START_MS,
    contents,
    earlier,
    random_orders,
    summed,
)

pytestmark = [pytest.mark.django_db, pytest.mark.stores]
FIRST_DAY, LAST_DAY = START_MS // DAY_MS - 5, START_MS // DAY_MS + 100


def weights_in_force(*shops: Shop) -> None:
    for shop in shops:
        rules = [Rule("channel", "email", 2_000), Rule("customer", "new", 1_500), Rule("position", "first", 300)]
        weight_tables.publish(weight_tables.draft(shop.pk, rules), START_MS + 20 * DAY_MS)


def exact(shop: Shop) -> None:
    """Everything a shop holds adds up: per order and model, per day, and by the proof's own sums."""
    found = contents(shop)
    rule_models = {code for code in ModelCode if code not in (ModelCode.MARKOV, ModelCode.SHAPLEY_RATE)}
    by_order = summed(found["credits"], found["orders"])
    for key, (_at, _currency, total, refunded, *_rest) in found["orders"].items():
        for code in rule_models:
            assert by_order.get((key, code), (0, 0)) == (total, refunded), (key, code)
    proven = proof.prove(shop.pk, FIRST_DAY, LAST_DAY)
    assert proven.gaps == ()
    assert (proven.stale, proven.waiting) == (0, 0)
    assert proven.orders == len(found["orders"])
    assert proven.compared > len(rule_models)


def test_shuffled_repeated_and_outdated_arrivals_end_like_a_fresh_computation(shop: Shop, other_shop: Shop) -> None:
    weights_in_force(shop, other_shop)
    orders = random_orders(120, seed=4)
    random_ = random.Random(8)
    arrivals = [*orders, *random_.sample(orders, 60), *(earlier(order, random_) for order in orders)]
    random_.shuffle(arrivals)
    for order in arrivals:
        intake.take(shop.pk, [order])
    intake.take(other_shop.pk, orders)
    found, fresh = contents(shop), contents(other_shop)
    # Touches that only an outdated order had stay stored, without a journey.
    assert {key: found["touches"][key] for key in fresh["touches"]} == fresh["touches"]
    for part in ("orders", "links", "credits", "counts", "sums", "channels"):
        assert found[part] == fresh[part], part
    exact(shop)
    assert Conversion.objects.filter(shop=shop, version=1).exists()
    assert Conversion.objects.filter(shop=shop, version=0).exists()
    assert {"new", "returning", ""} == set(Conversion.objects.filter(shop=shop).values_list("customer", flat=True))


def test_one_touch_one_order(shop: Shop, other_shop: Shop) -> None:
    for each in (shop, other_shop):
        AttributionSettings.objects.create(shop=each, one_order_only=True, look_back_days=0)
    orders = random_orders(60, seed=6)
    random_ = random.Random(1)
    arrivals = [*orders, *orders, *(earlier(order, random_) for order in orders)]
    random_.shuffle(arrivals)
    for order in arrivals:
        intake.take(shop.pk, [order])
    intake.take(other_shop.pk, orders)
    found, fresh = contents(shop), contents(other_shop)
    for part in ("orders", "links", "credits", "counts", "sums", "channels"):
        assert found[part] == fresh[part], part
    exact(shop)
    served: dict[str, list[str]] = {}
    for order in orders:
        for line in explanation.explained(shop.pk, order.key).by_model[ModelCode.LINEAR].lines:  # type: ignore[union-attr]
            if not line.left_out:
                served.setdefault(str(line.touch.id), []).append(order.key)
    assert max(len(keys) for keys in served.values()) == 1
    by_key = {order.key: order for order in orders}
    shared = [touch.key for order in orders for touch in order.touches]
    twice = {key for key in shared if shared.count(key) > 1}
    assert twice
    for key in twice:
        touch = next(touch for order in orders for touch in order.touches if touch.key == key)
        after = [order for order in orders if touch in (order.touches) and order.at_ms >= touch.at_ms]
        first = min(after, key=lambda order: (order.at_ms, order.key))
        assert served[str(Touch.objects.get(shop=shop, key=key).rank)] == [by_key[first.key].key]


def test_a_refund_takes_back_from_the_same_touches(shop: Shop) -> None:
    (order,) = [each for each in random_orders(40, seed=2) if each.total > 10_000 and len(each.touches or ()) > 3][:1]
    intake.take(shop.pk, [replace(order, refunded=0)])
    before = contents(shop)["credits"]
    assert all(refunded == 0 for _amount, refunded in before.values())
    intake.take(shop.pk, [replace(order, refunded=order.total, changed_ms=order.changed_ms + 1)])
    after = contents(shop)["credits"]
    assert after == {key: (amount, amount) for key, (amount, _refunded) in before.items()}
    exact(shop)


def test_changed_choices_make_credits_stale_until_they_are_recomputed(shop: Shop, other_shop: Shop) -> None:
    orders = random_orders(50, seed=3)
    intake.take(shop.pk, orders)
    exact(shop)
    AttributionSettings.objects.filter(shop=shop).update(direct="never", half_life_days=3, look_back_days=20)
    AttributionSettings.count_up(shop.pk)
    assert proof.prove(shop.pk, FIRST_DAY, LAST_DAY).stale == 50
    ids = list(Conversion.objects.filter(shop=shop).order_by("-key").values_list("pk", flat=True))
    plan = plan_of(shop.pk)
    for start in range(0, len(ids), 7):
        storage.recompute(shop.pk, ids[start : start + 7], plan)
        storage.recompute(shop.pk, ids[start : start + 7], plan)
    AttributionSettings.objects.create(shop=other_shop, direct="never", half_life_days=3, look_back_days=20, revision=2)
    intake.take(other_shop.pk, orders)
    for part in ("orders", "credits", "counts", "sums", "channels"):
        assert contents(shop)[part] == contents(other_shop)[part], part
    exact(shop)


def test_types_that_are_not_credited_come_to_nothing(shop: Shop) -> None:
    AttributionSettings.objects.create(shop=shop, kinds=["signup"])
    intake.take(shop.pk, random_orders(5, seed=1))
    found = contents(shop)
    assert (len(found["orders"]), found["credits"], found["sums"], found["counts"]) == (5, {}, {}, {})
    assert proof.prove(shop.pk, FIRST_DAY, LAST_DAY).orders == 0


@pytest.mark.parametrize("table", [Credit, DaySum, ChannelSum, DayCount])
def test_the_proof_sees_one_cent(shop: Shop, table: type[Credit]) -> None:
    intake.take(shop.pk, random_orders(30, seed=5))
    assert proof.prove(shop.pk, FIRST_DAY, LAST_DAY).exact
    (row,) = table.objects.filter(amount__gt=100)[:1]
    table.objects.filter(pk=row.pk).update(amount=F("amount") + 1)
    proven = proof.prove(shop.pk, FIRST_DAY, LAST_DAY)
    assert {gap.what for gap in proven.gaps} == {
        Credit: {"credits", "sums", "channels"},
        DaySum: {"sums"},
        ChannelSum: {"channels"},
        DayCount: {"counts"} if row.__dict__.get("what") == "length" else set(),
    }[table]
    if proven.gaps:
        assert abs(proven.gaps[0].found[0] - proven.gaps[0].expected[0]) == 1


def test_orders_whose_credit_sumeru_sees_differently(shop: Shop) -> None:
    orders = random_orders(40, seed=7)
    intake.take(shop.pk, orders)
    listed = {key: moved for key, _currency, moved in proof.prove(shop.pk, FIRST_DAY, LAST_DAY).differing}
    credits = contents(shop)["credits"]
    for order in orders:
        parts: dict[tuple[str, str], int] = {}
        for (key, model, channel, campaign), (amount, _refunded) in credits.items():
            if key == order.key and model in (ModelCode.COMPANY, ModelCode.SUMERU):
                sign = 1 if model == ModelCode.COMPANY else -1
                parts[channel, campaign] = parts.get((channel, campaign), 0) + sign * amount
        moved = sum(map(abs, parts.values())) // 2
        assert listed.get(order.key, moved) == moved
    assert len(listed) == 20
    assert list(listed.values()) == sorted(listed.values(), reverse=True)


def test_an_explained_order_is_what_its_credits_hold(shop: Shop) -> None:
    weights_in_force(shop)
    orders = random_orders(30, seed=9)
    intake.take(shop.pk, orders)
    credits = contents(shop)["credits"]
    for order in orders:
        found = explanation.explained(shop.pk, order.key)
        assert found is not None
        assert found.current
        assert len(found.by_model) == 8
        for code, each in found.by_model.items():
            cents: dict[tuple[str, int, str, str], list[int]] = {}
            for line in each.lines:
                own = cents.setdefault((order.key, code, line.touch.channel, line.touch.campaign), [0, 0])
                own[0] += line.amount
                own[1] += line.refunded
            nobody = cents.setdefault((order.key, code, "", ""), [0, 0])
            nobody[0] += each.unattributed
            nobody[1] += each.unattributed_refund
            explained_cents = {key: tuple(money) for key, money in cents.items() if any(money)}
            stored = {key: money for key, money in credits.items() if key[:2] == (order.key, code) and any(money)}
            assert explained_cents == stored
            assert found.stored.get(code, (0, 0)) == (order.total, order.refunded)
    assert explanation.explained(shop.pk, "ord_unknown") is None


def test_shops_do_not_see_each_other(shop: Shop, other_shop: Shop) -> None:
    orders = random_orders(20, seed=10)
    intake.take(shop.pk, orders[:10])
    before = contents(shop)
    intake.take(other_shop.pk, orders)
    assert contents(shop) == before
    assert explanation.explained(shop.pk, orders[15].key) is None
