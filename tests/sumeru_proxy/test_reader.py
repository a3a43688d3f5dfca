"""Reading through kept copies, against a real stand-in upstream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from sumeru_proxy import accounts
from sumeru_proxy.client.resources_catalogue import BUNDLES
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import fetching, products, reader, reviews, stamps
from sumeru_proxy.reading.copies import Copy
from sumeru_proxy.reading.reader import Missing, Pending, Query
from tests.sumeru_proxy.client.doors import Clock, door
from tests.upstream import Upstream

REVIEWS = Query("reviews", (("product_id", "prd_1"), ("limit", 100)), ("reviews", "reviews:prd_1"), 60.0)


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def age(copy_key: str, seconds: float) -> None:
    """Make the kept copy older, as if time had passed."""
    copy = reader.copies.load(copy_key)
    assert copy is not None
    reader.copies.store(copy_key, reader.Copy(copy.value, copy.fetched_at - seconds, copy.fresh_s, copy.made_under))


def test_one_fetch_then_copies(shop: Shop, sandbox: Upstream) -> None:
    for _ in range(3):
        source = accounts.source_for(shop.pk)
        assert source.get(REVIEWS).summary.count == 45
        assert source.fresh
    assert sandbox.calls("reviews") == 1


def test_stale_is_served_at_once_and_refreshed_behind(shop: Shop, sandbox: Upstream) -> None:
    key = REVIEWS.key(shop.pk)
    accounts.source_for(shop.pk).get(REVIEWS)
    age(key, 100)
    sandbox.fault("latency", endpoint="reviews", seconds=0.5)
    source = accounts.source_for(shop.pk)
    began = time.monotonic()
    assert source.get(REVIEWS).summary.count == 45
    assert time.monotonic() - began < 0.4
    assert not source.fresh
    assert 99 < source.age_s(time.time()) < 110
    assert accounts.refresher.waiting == 1
    sandbox.heal()
    assert accounts.refresher.refresh_one() == 0.0
    assert accounts.source_for(shop.pk).get(REVIEWS)
    assert sandbox.calls("reviews") == 2
    source = accounts.source_for(shop.pk)
    source.get(REVIEWS)
    assert source.fresh


FAILURES: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "429", "retry_after": 30},
    {"kind": "429", "retry_after": None},
    {"kind": "429", "retry_after": "9999999999"},
    {"kind": "reset"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "truncate"},
    {"kind": "malformed"},
    {"kind": "huge"},
    {"kind": "missing_fields", "paths": ["data.summary"]},
    {"kind": "wrong_types", "paths": ["data.summary.count"], "value": {"a": 1}},
    {"kind": "missing_fields", "paths": ["data"]},
]


@pytest.mark.parametrize("fault", FAILURES, ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_a_failure_keeps_the_last_good_copy_and_is_never_kept(
    shop: Shop, sandbox: Upstream, fault: dict[str, Any]
) -> None:
    key = REVIEWS.key(shop.pk)
    accounts.source_for(shop.pk).get(REVIEWS)
    age(key, 100)
    before = reader.copies.load(key)
    sandbox.fault(**fault)
    source = accounts.source_for(shop.pk)
    source.get(REVIEWS)
    accounts.refresher.refresh_one()
    assert reader.copies.load(key) == before
    assert accounts.source_for(shop.pk).get(REVIEWS).summary.count == 45


@pytest.mark.parametrize("fault", FAILURES, ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_without_a_copy_a_failure_is_pending(shop: Shop, sandbox: Upstream, fault: dict[str, Any]) -> None:
    sandbox.fault(**fault)
    with pytest.raises(Pending) as caught:
        accounts.source_for(shop.pk).get(REVIEWS)
    assert 0 < caught.value.retry_after_s <= 61
    assert reader.copies.load(REVIEWS.key(shop.pk)) is None


def test_a_failed_fetch_is_not_tried_again_by_everybody(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("status", status=500)
    for _ in range(10):
        with pytest.raises(Pending):
            accounts.source_for(shop.pk).get(REVIEWS)
    assert sandbox.calls("reviews") == 1


def test_a_dead_upstream_is_pending_quickly(shop: Shop, sandbox: Upstream) -> None:
    sandbox.sandbox.stop()
    began = time.monotonic()
    with pytest.raises(Pending):
        accounts.source_for(shop.pk).get(REVIEWS)
    assert time.monotonic() - began < 3.5


def test_a_change_makes_copies_stale_and_a_hard_one_unusable(shop: Shop, sandbox: Upstream) -> None:
    accounts.source_for(shop.pk).get(REVIEWS)
    stamps.invalidate(shop.pk, ["reviews:prd_1"])
    source = accounts.source_for(shop.pk)
    source.get(REVIEWS)
    assert not source.fresh
    assert sandbox.calls("reviews") == 1
    stamps.invalidate(shop.pk, ["reviews:prd_1"], hard=True)
    sandbox.fault("status", status=500)
    with pytest.raises(Pending):
        accounts.source_for(shop.pk).get(REVIEWS)
    assert accounts.source_for(shop.pk).load(REVIEWS) is None


def test_a_change_during_the_fetch_is_not_lost(shop: Shop, sandbox: Upstream) -> None:
    class Changing:
        """A client during whose call the data changes."""

        def reviews(self, **arguments: Any) -> Any:
            stamps.invalidate(shop.pk, ["reviews:prd_1"])
            return accounts.client_for(shop.pk, "page").reviews(**arguments)

    fetching.fetch(shop.pk, Changing(), REVIEWS)  # type: ignore[arg-type]
    source = accounts.source_for(shop.pk)
    source.get(REVIEWS)
    assert not source.fresh


def test_unknown_products_are_kept_as_absent(shop: Shop, sandbox: Upstream) -> None:
    for _ in range(3):
        assert accounts.source_for(shop.pk).products(["prd_404"]) == {"prd_404": None}
    assert sandbox.calls("product-feed") == 1


def test_many_products_cost_one_call_and_are_kept_one_by_one(shop: Shop, sandbox: Upstream) -> None:
    ids = [f"prd_{number}" for number in range(1, 13)]
    found = accounts.source_for(shop.pk).products(ids)
    assert [product.id for product in found.values() if product] == ids
    assert accounts.source_for(shop.pk).products(["prd_3", "prd_7"]).keys() == {"prd_3", "prd_7"}
    assert sandbox.calls("product-feed") == 1


def test_stale_products_are_refreshed_together(shop: Shop, sandbox: Upstream) -> None:
    ids = [f"prd_{number}" for number in range(1, 13)]
    accounts.source_for(shop.pk).products(ids)
    stamps.invalidate(shop.pk, ["products"])
    assert len(accounts.source_for(shop.pk).products(ids)) == 12
    accounts.refresher.refresh_one()
    assert accounts.refresher.waiting == 0
    assert sandbox.calls("product-feed") == 2
    source = accounts.source_for(shop.pk)
    source.products(ids)
    assert source.fresh


def test_a_not_found_is_an_absence_not_a_failure(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("status", status=404, code="not_found", times=1)
    for _ in range(2):
        with pytest.raises(Missing):
            accounts.source_for(shop.pk).get(REVIEWS)
    assert sandbox.calls("reviews") == 1


@pytest.mark.django_db(transaction=True)
def test_a_cold_stampede_costs_one_call(make_shop: Callable[..., Shop], sandbox: Upstream) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    sandbox.fault("latency", endpoint="reviews", seconds=0.2)
    gate = threading.Barrier(20)

    def ask(_number: int) -> str:
        try:
            gate.wait(10)
            accounts.source_for(shop.pk).get(REVIEWS)
            return "served"
        except Pending:
            return "pending"
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(ask, range(20)))
    assert sandbox.calls("reviews") == 1
    assert outcomes.count("served") >= 1
    assert set(outcomes) <= {"served", "pending"}


def test_a_broken_cache_is_an_empty_one(shop: Shop, sandbox: Upstream, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",  # nothing listens on the discard port
            "OPTIONS": {"socket_connect_timeout": 0.2},
        }
    }
    assert accounts.source_for(shop.pk).get(REVIEWS).summary.count == 45
    assert accounts.source_for(shop.pk).get(REVIEWS).summary.count == 45
    assert sandbox.calls("reviews") == 1  # this process still holds its own copy


@pytest.mark.thorough
def test_the_budget_is_never_overrun_and_what_does_not_fit_is_pending(shop: Shop, sandbox: Upstream) -> None:
    outcomes = []
    for number in range(150):
        wanted = Query("reviews", (("product_id", f"prd_x{number}"), ("limit", 1)), (), 60.0)
        try:
            accounts.source_for(shop.pk).get(wanted)
            outcomes.append("served")
        except Pending:
            outcomes.append("pending")
    assert "pending" in outcomes
    assert sandbox.busiest_minute() <= 100
    assert not [call for call in sandbox.recent() if call["status"] == 429]


def test_a_product_that_cannot_be_read_is_not_absent(shop: Shop, sandbox: Upstream) -> None:
    """One null price in a shared call: the others are kept, and what shoppers see of this one stays."""
    before = accounts.source_for(shop.pk).products(["prd_1", "prd_2", "prd_3"])
    stamps.invalidate(shop.pk, ["products"])
    sandbox.fault("wrong_types", endpoint="product-feed", paths=["data.1.price"], value=None)
    accounts.source_for(shop.pk).products(["prd_1", "prd_2", "prd_3"])
    assert accounts.refresher.refresh_one() == 0.0
    after = accounts.source_for(shop.pk).products(["prd_1", "prd_2", "prd_3"])
    assert after == before
    assert "prd_5" not in accounts.source_for(shop.pk).products(["prd_4", "prd_5", "prd_6"]), "no copy, no absence"
    key = products.single_query("prd_5", 300.0).key(shop.pk)
    assert reader.copies.load(key) is None


def test_what_is_on_a_later_page_of_the_feed_is_not_absent(shop: Shop, sandbox: Upstream) -> None:
    fault = {"paths": ["pagination.has_next", "pagination.next_cursor"], "value": "more"}
    sandbox.fault("wrong_types", endpoint="product-feed", **fault)
    assert accounts.source_for(shop.pk).products(["prd_1", "prd_404"]).keys() == {"prd_1"}


def test_where_each_id_costs_one_a_grid_is_asked_for_in_parts(shop: Shop, sandbox: Upstream) -> None:
    sandbox.sandbox.control.change_habits({"bulk_cost": "item"})
    sandbox.sandbox.edge.on = False
    clock = Clock()
    sumeru = door(sandbox.url, clock=clock, limits={}, public_key=sandbox.account()["public_key"])
    ids = [f"prd_{number}" for number in range(1, 13)]
    assert len(products.fetch(shop.pk, sumeru, ids, 300.0)) == 12
    clock.now += 61
    assert len(products.fetch(shop.pk, sumeru, ids, 300.0)) == 10, "the rest in a moment, when others had their turn"
    clock.now += 5
    assert len(products.fetch(shop.pk, sumeru, ids[10:], 300.0)) == 2
    assert [call["cost"] for call in sandbox.recent()] == [12, 10, 2]


def test_a_pause_is_pending_with_its_time_and_blocks_no_other_refresh(shop: Shop, sandbox: Upstream) -> None:
    Shop.objects.update(limits={"public_reads_per_ip": 9_000})
    sandbox.sandbox.limits.change({"public_reads_per_ip": 9_000})
    queries = [reviews.block_query(f"prd_{number}") for number in range(1, 6)]
    source = accounts.source_for(shop.pk)
    for query in queries:
        source.get(query)
    sandbox.fault("missing_fields", endpoint="bundles", paths=["data"])
    for number in range(1, 13):
        with suppress(Pending):
            accounts.source_for(shop.pk).get(Query.of(BUNDLES, product_id=f"prd_{number}"))
    spent = sandbox.calls("bundles")
    with pytest.raises(Pending) as caught:
        accounts.source_for(shop.pk).get(Query.of(BUNDLES, product_id="prd_99"))
    assert caught.value.retry_after_s > 2
    stale = Copy((), time.time() - 1000, 300.0, ())
    bundle_query = Query.of(BUNDLES, product_id="prd_50")
    reader.copies.store(bundle_query.key(shop.pk), stale)
    stamps.invalidate(shop.pk, ["reviews"])
    source = accounts.source_for(shop.pk)
    assert source.get(bundle_query) == ()
    for query in queries:
        source.get(query)
    while accounts.refresher.waiting:
        assert accounts.refresher.refresh_one() == 0.0, "nothing waits behind what is paused"
    source.get(bundle_query)
    assert accounts.refresher.waiting == 0, "not asked for again before its pause is over"
    assert sandbox.calls("bundles") == spent
    assert sandbox.calls("reviews") == 10
