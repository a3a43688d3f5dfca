"""Stale copies that web processes leave to the worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from sumeru_proxy import accounts, refreshing
from sumeru_proxy.client import resources_catalogue
from sumeru_proxy.models import Shop, StaleCopy
from sumeru_proxy.reading import freshness, handing_over
from sumeru_proxy.reading.copies import Copy, Query, copies

DAYS = timedelta(days=1).total_seconds()


@pytest.fixture
def shop(sandbox: Any, make_shop: Callable[..., Shop]) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def kept(shop: Shop, sandbox: Any, age_s: float, product_id: str = "prd_1") -> Query:
    """A copy of a product's reviews of this age; gives its read."""
    query = Query.of(resources_catalogue.REVIEWS, product_id=product_id)
    page = accounts.client_for(shop.pk, "page").reviews(product_id)
    copies.store(query.key(shop.pk), Copy(page, time.time() - age_s, query.fresh_s, ()))
    return query


def age_of(shop: Shop, query: Query) -> float:
    copies.forget()
    copy = copies.load(query.key(shop.pk))
    assert copy is not None
    return time.time() - copy.fetched_at


def worker_refresher() -> freshness.Refresher:
    return freshness.Refresher(lambda shop_id: accounts.client_for(shop_id, "refresh"))


def test_a_copy_six_days_old_is_refreshed_by_the_worker_alone(shop: Shop, sandbox: Any, settings: Any) -> None:
    settings.SUMERU_REFRESH = "none"  # the thread that hands over is called by hand
    query = kept(shop, sandbox, 6 * DAYS)
    calls = sandbox.calls("reviews")
    accounts.refresher.ask(shop.pk, query)
    assert accounts.refresher.hand_over() == 1
    assert accounts.refresher.waiting == 0
    assert sandbox.calls("reviews") == calls  # the web process asked nobody
    refresher = worker_refresher()
    assert refreshing.once(refresher) == 0.0
    assert sandbox.calls("reviews") == calls + 1
    assert age_of(shop, query) < 60
    assert not StaleCopy.objects.exists()
    assert refreshing.once(refresher) == refreshing.IDLE_S


@pytest.mark.django_db(transaction=True)
def test_off_hands_over_by_itself_and_asks_nobody(shop: Shop, sandbox: Any, settings: Any) -> None:
    settings.SUMERU_REFRESH = "off"
    query = kept(shop, sandbox, 6 * DAYS)
    calls = sandbox.calls("reviews")
    web = worker_refresher()
    web.count(shop.pk, query, 30)
    web.ask(shop.pk, query)
    deadline = time.monotonic() + 10
    while not StaleCopy.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    (row,) = StaleCopy.objects.all()
    assert (row.shop, sandbox.calls("reviews")) == (shop, calls)
    assert row.rate > 0
    web.ask(shop.pk, query)
    assert web.waiting == 0  # it was handed over a moment ago


def test_the_most_read_comes_first_and_each_to_one_worker(shop: Shop, sandbox: Any) -> None:
    queries = {product_id: kept(shop, sandbox, DAYS, product_id) for product_id in ("prd_1", "prd_2", "prd_3")}
    rates = {"prd_1": 1.0, "prd_2": 9.0, "prd_3": 3.0}
    handed = [handing_over.Handed(query.key(shop.pk), shop.pk, query, rates[name]) for name, query in queries.items()]
    handing_over.put(handed)
    handing_over.put(handed)
    assert [dict(each.query.arguments)["product_id"] for each in handing_over.take(2)] == ["prd_2", "prd_3"]
    assert [each.query for each in handing_over.take()] == [queries["prd_1"]]
    assert handing_over.take() == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"product_id": "prd_1"},
        {"product_ids": ("prd_1", "prd_2"), "limit": 4, "in_stock": True, "cursor": None},
        {"product_ids": (("a", 1), ("b", 2.5)), "query": "ü “quoted”"},
    ],
)
def test_reads_survive_the_way(arguments: dict[str, Any]) -> None:
    query = Query("products", tuple(arguments.items()), ("feed", "product:prd_1"), 300.0)
    again = handing_over.query_of(handing_over.text_of(query))
    assert again == query
    assert again.key(7) == query.key(7)


def test_what_does_not_survive_it_is_left_out(shop: Shop) -> None:
    query = Query("products", (("product_ids", frozenset({"a"})),))
    handing_over.put([handing_over.Handed(query.key(shop.pk), shop.pk, query, 1.0)])
    assert not StaleCopy.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_loop_ends_when_told(shop: Shop, sandbox: Any) -> None:
    query = kept(shop, sandbox, 6 * DAYS)
    handing_over.put([handing_over.Handed(query.key(shop.pk), shop.pk, query, 1.0)])
    stopping = threading.Event()
    thread = threading.Thread(target=refreshing.run, args=(stopping,))
    thread.start()
    deadline = time.monotonic() + 10
    while StaleCopy.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    stopping.set()
    thread.join(10)
    connections.close_all()
    assert not thread.is_alive()
    assert age_of(shop, query) < 60


def test_memory_of_a_process_is_not_refreshed_for_others(settings: Any) -> None:
    settings.CACHE_URL = "local://"
    assert not refreshing.shares_copies()
    settings.CACHE_URL = "redis://127.0.0.1:6379/0"
    assert refreshing.shares_copies()
