"""Ids that the catalogue index does not hold: who makes them up costs nobody calls, and what is new is found all the same."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from sumeru_proxy import accounts
from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk
from sumeru_proxy.client.resources_catalogue import BUNDLES
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import catalogue, catalogue_walk, reviews, strangers
from sumeru_proxy.reading.reader import Missing, Pending, Query, Source
from tests.upstream import Upstream

pytestmark = pytest.mark.stores


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    """With a complete index of its twelve products that is not fresh any more."""
    made = make_shop(sandbox.url, **sandbox.account())
    catalogue_walk.enrol()
    assert catalogue_walk.once(lambda shop_id: accounts.client_for(shop_id, "index")) == 0.0
    CatalogueWalk.objects.update(completed_began_at=time.time() - 2 * catalogue.FRESH_S)
    return made


def source(shop: Shop, network: str = "192.0.2.1") -> Source:
    return accounts.source_for(shop.pk, network)


def outcome(shop: Shop, query: Query) -> str:
    try:
        source(shop).get(query)
    except (Missing, Pending) as error:
        return type(error).__name__
    return "there"


def test_what_the_index_holds_is_fetched_at_once(shop: Shop, sandbox: Upstream) -> None:
    assert outcome(shop, reviews.block_query("prd_1")) == "there"
    assert sandbox.calls("reviews") == 1


def test_an_unknown_id_costs_no_call_of_its_own(shop: Shop, sandbox: Upstream) -> None:
    calls = sandbox.calls()
    for number in range(60):
        assert outcome(shop, reviews.block_query(f"nope_{number}")) == "Pending"
        assert outcome(shop, Query.of(BUNDLES, product_id=f"nope_{number}")) == "Pending"
    assert sandbox.calls() == calls
    assert accounts.checks.check_one() == 0.0
    assert sandbox.calls() == calls + 1
    assert accounts.checks.waiting == 0
    assert outcome(shop, reviews.block_query("nope_7")) == "Unknown"
    assert sandbox.calls() == calls + 1


def test_a_product_that_is_new_is_found_by_the_check(shop: Shop, sandbox: Upstream) -> None:
    CatalogueEntry.objects.filter(product_id="prd_2").delete()
    assert outcome(shop, reviews.block_query("prd_2")) == "Pending"
    accounts.checks.check_one()
    assert outcome(shop, reviews.block_query("prd_2")) == "there"


def test_a_fresh_index_knows_what_is_not_there(shop: Shop, sandbox: Upstream) -> None:
    CatalogueWalk.objects.update(completed_began_at=time.time())
    calls = sandbox.calls()
    assert outcome(shop, reviews.block_query("nope")) == "Unknown"
    assert sandbox.calls() == calls
    assert accounts.checks.waiting == 1  # what came since the walk is found


def test_products_come_from_the_index_without_a_call(shop: Shop, sandbox: Upstream) -> None:
    calls = sandbox.calls()
    page = source(shop)
    found = page.products(["prd_1", "prd_2", "nope"])
    assert {each: product.id for each, product in found.items() if product} == {"prd_1": "prd_1", "prd_2": "prd_2"}
    assert "nope" not in found
    assert page.strange
    assert sandbox.calls() == calls


def test_an_old_product_of_the_index_is_shown_and_refreshed_behind_the_page(shop: Shop, sandbox: Upstream) -> None:
    CatalogueEntry.objects.update(seen_at=time.time() - 4_000)
    calls = sandbox.calls()
    page = source(shop)
    assert page.products(["prd_1", "prd_2"]).keys() == {"prd_1", "prd_2"}
    assert not page.fresh
    assert accounts.refresher.waiting == 2
    accounts.refresher.refresh_one()
    assert sandbox.calls() == calls + 1
    again = source(shop)
    assert again.products(["prd_1", "prd_2"]).keys() == {"prd_1", "prd_2"}
    assert again.fresh


@pytest.mark.parametrize("walk", [{"completed_products": 0}, {"completed_at": 1.0}, {"failures": 2}])
def test_without_a_good_index_nobody_is_held_up(shop: Shop, sandbox: Upstream, walk: dict[str, float]) -> None:
    CatalogueWalk.objects.update(**walk)
    CatalogueEntry.objects.filter(product_id="prd_2").delete()
    assert outcome(shop, reviews.block_query("prd_2")) == "there"


def test_a_feed_that_fails_makes_nothing_unreachable(shop: Shop, sandbox: Upstream) -> None:
    CatalogueEntry.objects.filter(product_id="prd_2").delete()
    assert outcome(shop, reviews.block_query("prd_2")) == "Pending"
    sandbox.fault("status", status=500, endpoint="product-feed")
    accounts.checks.check_one()
    assert outcome(shop, reviews.block_query("prd_2")) == "there"


def test_waiting_for_the_limit_forgets_no_id(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("429", retry_after=5)
    outcome(shop, reviews.block_query("nope"))
    assert accounts.checks.check_one() == pytest.approx(5, abs=1)
    assert accounts.checks.waiting == 1


def test_an_id_that_the_feed_refuses_holds_up_no_other(shop: Shop, sandbox: Upstream) -> None:
    CatalogueEntry.objects.filter(product_id="prd_2").delete()
    page = source(shop)
    page.products(["prd_2", "gid://odd/1"])
    sandbox.fault("status", status=422, endpoint="product-feed", times=1)
    accounts.checks.check_one()
    assert accounts.checks.sort_out(shop.pk, "", ["gid://odd/1"]).absent == {"gid://odd/1"}
    assert accounts.checks.waiting == 1


def checks() -> strangers.Checks:
    return strangers.Checks(lambda _shop_id: pytest.fail("asked"))


def test_networks_and_shops_take_turns() -> None:
    waiting = checks()
    waiting._note(1, "loud", [f"a{number}" for number in range(150)])
    waiting._note(1, "quiet", ["b"])
    waiting._note(2, "quiet", ["c"])
    first, second, third = waiting.take(), waiting.take(), waiting.take()
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first[0], second[0], third[0]) == (1, 2, 1)
    assert len(first[1]) == strangers.IDS_PER_CALL
    assert "b" in first[1][:2]
    assert second[1] == ["c"]
    assert waiting.take() is None


def test_what_waits_is_bounded() -> None:
    waiting = checks()
    for network in range(100):
        waiting._note(1, f"n{network}", [f"{network}-{number}" for number in range(300)])
    assert waiting.waiting == strangers._IDS_LIMIT
    assert max(len(ids) for ids in waiting._waiting[1].values()) <= strangers._IDS_PER_NETWORK
    waiting._note(1, "late", ["real"])
    assert waiting.waiting == strangers._IDS_LIMIT
    assert list(waiting._waiting[1]["late"]) == ["real"]


def test_long_ids_share_an_address_that_servers_take() -> None:
    waiting = checks()
    waiting._note(1, "n", [f"{number:0>180}" for number in range(100)])
    taken = waiting.take()
    assert taken is not None
    assert len(",".join(taken[1])) <= strangers.CHARS_PER_CALL + 190
