"""The catalogue index and the walk that fills it, against a real stand-in upstream."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sumeru_proxy import accounts, memory
from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk
from sumeru_proxy.client.shapes import ProductPage
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import catalogue, catalogue_walk, stamps
from tests.upstream import Upstream

pytestmark = pytest.mark.stores


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    """With room for a walk's calls one right after the other; its lane's pace is the limiter's matter."""
    sandbox.sandbox.application.limits.change({"public_reads_per_ip": 2_000})
    return make_shop(sandbox.url, **sandbox.account(), limits={"public_reads_per_ip": 2_000})


def client(shop_id: int) -> Any:
    return accounts.client_for(shop_id, "index")


def walk_of(shop: Shop) -> CatalogueWalk:
    return CatalogueWalk.objects.get(shop=shop)


def walked(shop: Shop) -> CatalogueWalk:
    """Walk until the pass is whole, as fast as the feed gives pages."""
    catalogue_walk.enrol()
    CatalogueWalk.objects.filter(shop=shop).update(next_at=0.0)
    before = walk_of(shop).passes
    while walk_of(shop).passes == before:
        walk = catalogue_walk.take(time.time())
        assert walk is not None
        catalogue_walk.step(walk, client, time.time())
    memory.forget_all()
    return walk_of(shop)


def test_a_pass_reads_the_whole_feed(shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_walk, "PAGE", 8)
    walk = walked(shop)
    assert (walk.pages, walk.products, walk.completed_products, walk.cursor) == (2, 12, 12, "")
    assert sandbox.calls("product-feed") == 2
    assert catalogue.state(shop.pk) == catalogue.IndexState(complete=True, fresh=True, failing=False, products=12)
    assert catalogue_walk.take(time.time()) is None  # the next pass is not due


def test_a_restart_goes_on_where_the_walk_was(shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_walk, "PAGE", 5)
    catalogue_walk.enrol()
    assert catalogue_walk.once(client) == 0.0
    memory.forget_all()
    assert not catalogue.state(shop.pk).complete
    assert walk_of(shop).cursor
    assert CatalogueEntry.objects.count() == 5
    catalogue_walk.once(client)
    catalogue_walk.once(client)
    assert sandbox.calls("product-feed") == 3
    assert CatalogueEntry.objects.count() == walk_of(shop).completed_products == 12


def test_one_worker_at_a_time_has_a_walk(shop: Shop) -> None:
    catalogue_walk.enrol()
    now = time.time()
    assert catalogue_walk.take(now) is not None
    assert catalogue_walk.take(now) is None
    assert catalogue_walk.take(now + catalogue_walk.LEASE_S + 1) is not None  # the other one died


def test_products_are_found_by_id_handle_and_platform_id(shop: Shop) -> None:
    walked(shop)
    row = CatalogueEntry.objects.get(product_id="prd_1")
    CatalogueEntry.objects.filter(pk=row.pk).update(other_id="4711")
    found = catalogue.names(shop.pk, ["prd_1", "prd_nope", "4711", "gid://shopify/Product/4711"])
    assert {asked: each.product_id for asked, each in found.items()} == {
        "prd_1": "prd_1",
        "4711": "prd_1",
        "gid://shopify/Product/4711": "prd_1",
    }
    by_handle = catalogue.by_handle(shop.pk, row.handle)
    assert by_handle is not None
    assert by_handle.product_id == "prd_1"
    assert catalogue.by_handle(shop.pk, "no-such-handle") is None


def test_another_shops_products_are_not_this_ones(
    shop: Shop, make_shop: Callable[..., Shop], sandbox: Upstream
) -> None:
    walked(shop)
    other = make_shop(sandbox.url, name="Other", **sandbox.account(1))
    assert catalogue.names(other.pk, ["prd_1"]) == {}
    assert not catalogue.state(other.pk).complete


@pytest.mark.parametrize(
    "asked", [b"gid://shopify/Product/12", b"gid://SHOPIFY/product/12", b"12"], ids=lambda each: each.decode()
)
def test_a_platforms_id_has_one_form(asked: bytes) -> None:
    assert catalogue.platform_id(asked.decode()) == "12"


def test_a_product_of_the_index_is_the_product_of_the_feed(shop: Shop) -> None:
    walked(shop)
    told = accounts.client_for(shop.pk, "page").products(product_ids=["prd_1", "prd_2"]).products
    copies = catalogue.kept(shop.pk, ["prd_1", "prd_2", "prd_nope"], 300.0)
    assert {each.id: each for each in told} == {each: copy.value for each, copy in copies.items()}


def test_a_product_that_cannot_be_read_is_there_all_the_same(shop: Shop) -> None:
    catalogue.put(shop.pk, ProductPage((), None, ("prd_odd", "")), 1, time.time(), {})
    assert catalogue.names(shop.pk, ["prd_odd"]).keys() == {"prd_odd"}
    assert catalogue.kept(shop.pk, ["prd_odd"], 300.0) == {}


def test_a_product_of_the_index_becomes_stale_as_a_copy_does(shop: Shop) -> None:
    walked(shop)

    def state(product_id: str) -> str:
        copy = catalogue.kept(shop.pk, [product_id], 300.0)[product_id]
        topics = ("everything", "products", f"product:{product_id}")
        return copy.state(time.time(), stamps.current(shop.pk, topics))

    assert state("prd_1") == "fresh"
    stamps.invalidate(shop.pk, ["product:prd_1"])
    assert (state("prd_1"), state("prd_2")) == ("stale", "fresh")
    stamps.invalidate(shop.pk, ["products"], hard=True)
    assert state("prd_2") == "withdrawn"


def test_a_product_leaves_the_index_when_two_passes_do_not_name_it(shop: Shop, sandbox: Upstream) -> None:
    walked(shop)
    CatalogueEntry.objects.create(shop=shop, product_id="prd_old", product_text="{}", passes=1, seen_at=0.0)
    walked(shop)
    assert CatalogueEntry.objects.filter(product_id="prd_old").exists()
    walked(shop)
    assert not CatalogueEntry.objects.filter(product_id="prd_old").exists()
    assert CatalogueEntry.objects.count() == 12


def test_a_feed_that_fails_is_tried_later_and_costs_no_entry(shop: Shop, sandbox: Upstream) -> None:
    walked(shop)
    sandbox.fault("status", status=500)
    for failures in (1, 2):
        CatalogueWalk.objects.update(next_at=0.0)
        assert catalogue_walk.once(client) == 0.0
        assert walk_of(shop).failures == failures
        assert walk_of(shop).next_at > time.time() + 20
    memory.forget_all()
    state = catalogue.state(shop.pk)
    assert (state.complete, state.failing) == (True, True)
    assert CatalogueEntry.objects.count() == 12
    sandbox.heal()
    assert walked(shop).failures == 0


def test_a_feed_without_products_makes_no_complete_index(shop: Shop, sandbox: Upstream) -> None:
    CatalogueWalk.objects.create(shop=shop, passes=3, completed_at=time.time(), completed_products=0)
    assert catalogue.state(shop.pk) == catalogue.IndexState()


def test_waiting_for_the_limit_is_no_failure(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("429", retry_after=7)
    catalogue_walk.enrol()
    assert 6 <= catalogue_walk.once(client) <= 8
    walk = walk_of(shop)
    assert (walk.failures, walk.error, walk.lease_until) == (0, "", 0.0)


def test_a_cursor_that_is_refused_begins_the_pass_anew(
    shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_walk, "PAGE", 8)
    catalogue_walk.enrol()
    CatalogueWalk.objects.update(cursor="made-up", pages=1)
    catalogue_walk.once(client)
    assert (walk_of(shop).cursor, walk_of(shop).failures) == ("", 1)
    assert walked(shop).completed_products == 12


def test_a_shop_that_is_asked_for_is_walked_first(
    shop: Shop, make_shop: Callable[..., Shop], sandbox: Upstream
) -> None:
    other = make_shop(sandbox.url, name="Other", **sandbox.account(1))
    catalogue_walk.enrol()
    now = time.time()
    CatalogueWalk.objects.update(next_at=now - 5)
    catalogue.wanted(other.pk)
    first = catalogue_walk.take(now)
    assert first is not None
    assert first.shop_id == other.pk
