from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from sumeru_proxy.client.api import Observed
from sumeru_proxy.client.errors import Limited, Refused
from sumeru_proxy.client.limiter import MemoryStore
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.client.doors import Clock, door


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    limits = {"public_reads_per_ip": 10_000, "writes_per_ip": 10_000, "admin_pro": 10_000, "admin_free": 10_000}
    with running(limits=limits, edge=False) as found:
        yield found


def test_every_storefront_endpoint(sandbox: Sandbox) -> None:
    sumeru = door(sandbox.url)
    page = sumeru.reviews("prd_1", limit=10)
    assert (page.summary.count, len(page.reviews), page.next_cursor is not None) == (45, 10, True)
    assert sumeru.reviews("prd_1", rating=1, limit=100).reviews[0].rating == 1
    assert sum(len(each.reviews) for each in sumeru.review_pages("prd_1", limit=20)) == 45
    assert sumeru.reviews("prd_unknown").summary.count == 0
    assert [each.id for each in sumeru.products(product_ids=["prd_2", "prd_1", "nothing"]).products] == [
        "prd_2",
        "prd_1",
    ]
    assert len([product for each in sumeru.product_pages(limit=5) for product in each.products]) == 12
    (bundle,) = sumeru.bundles("prd_1")
    assert {item.product.id for item in bundle.items} == {"prd_1", "prd_2"}
    assert all(offer.product.id != "prd_1" for offer in sumeru.upsell(["prd_1"], Decimal("10"), "EUR", 3))
    assert sumeru.experiment("headline", "v1") == sumeru.experiment("headline", "v1")
    nudge = sumeru.nudge("cart_1", "10.00", "EUR", 1)
    assert nudge is not None
    assert nudge.progress is not None
    assert nudge.progress.remaining == 40
    assert sumeru.referral("cus_3") is None
    claimed = sumeru.claim_referral("cus_3")
    assert sumeru.referral("cus_3") == claimed
    check = sumeru.check_referral(claimed.code)
    assert check is not None
    assert check.valid
    step = sumeru.quiz("quiz_1", "ses_1")
    assert step.next_question is not None
    again = sumeru.quiz("quiz_1", "ses_1", [(step.next_question.id, [step.next_question.options[0].id])])
    assert again.answered == 1
    assert sumeru.submit_review("prd_1", 5, "Fine.\nReally.", "Ada", "ada@shopper.example").status in (
        "pending",
        "published",
    )
    event = {"id": "e1", "type": "browse", "occurred_at": "2026-11-01T00:00:00Z", "visitor_id": "v"}
    assert sumeru.pixel([event, {**event, "id": "e2"}]).accepted == 2


def test_every_admin_endpoint(sandbox: Sandbox) -> None:
    sumeru = door(sandbox.url, "worker")
    assert len(sumeru.customers(limit=2).customers) == 2
    assert len([each for page in sumeru.customer_pages(limit=2) for each in page.customers]) == 3
    assert sumeru.customer("cus_1").opt_in == ("email",)
    assert sumeru.update_customer("cus_1", {"tags": ["vip", "new"]}).tags == ("vip", "new")
    orders = sumeru.orders(limit=5, sort="-created_at", include=["attributions"]).orders
    assert orders[0].id == "ord_5"
    assert orders[0].attributions[0].touchpoints[0].weight == Decimal("0.5")
    assert len([order for page in sumeru.order_pages(limit=2) for order in page.orders]) == 5
    order = sumeru.order("ord_1")
    assert (order.total_price, order.line_items[0].quantity, order.number) == (Decimal("40.00"), 2, "1001")
    assert [each.order_id for each in sumeru.attribution(filters={"order_id": "ord_1"}).attributions] == ["ord_1"]
    assert len([each for page in sumeru.attribution_pages(limit=2) for each in page.attributions]) == 5
    assert sumeru.subscribe("https://widgets.example/hooks", ["order.attributed"]).secret.startswith("wsec_")
    with pytest.raises(Refused) as caught:
        sumeru.order("ord_none")
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert caught.value.request_id.startswith("req_")


def test_identities(sandbox: Sandbox) -> None:
    by_domain = door(sandbox.url, public_key=None, token=None)
    assert by_domain.reviews("prd_1").summary.count == 45
    with pytest.raises(Refused) as caught:
        by_domain.orders()
    assert (caught.value.code, caught.value.status) == ("no_credential", 0)
    with pytest.raises(Refused) as caught:
        door(sandbox.url, public_key="pk_live_wrong").reviews("prd_1")
    assert (caught.value.code, caught.value.status) == ("unauthenticated", 401)
    with pytest.raises(Refused) as caught:
        door(sandbox.url, token="copt_test_" + "3" * 32).customers()
    assert (caught.value.code, caught.value.status) == ("forbidden", 403)
    assert door(sandbox.url, referral_path="/api/referral/public").referral("cus_1") is not None


def test_two_shops_on_one_pool_never_mix(sandbox: Sandbox) -> None:
    store = MemoryStore()
    shops = [
        door(sandbox.url, store=store),
        door(sandbox.url, store=store, public_key="pk_live_" + "2" * 32, shop_domain="other.example"),
    ]
    counts: list[tuple[int, int]] = []

    def work(which: int) -> None:
        for _ in range(20):
            counts.append((which, shops[which].reviews("prd_1").summary.count))

    threads = [threading.Thread(target=work, args=(number % 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(counts) == {(0, 45), (1, 2)}
    assert len(counts) == 160


def test_we_never_earn_a_429_while_asking_as_fast_as_we_may() -> None:
    limits = {"public_reads_per_ip": 120, "writes_per_ip": 30}
    refused: list[int] = []
    with running(limits=limits, edge=False) as found:
        clock = Clock()
        sumeru = door(found.url, clock=clock, limits=limits, observer=lambda seen: refused.append(seen.meta.status))
        done = 0
        until = time.monotonic() + 3
        while time.monotonic() < until:
            clock.now = time.time()
            try:
                sumeru.products(product_ids=["prd_1", "prd_2"]) if done % 3 else sumeru.reviews("prd_1")
                done += 1
            except Limited:
                time.sleep(0.01)
        assert found.calls()["busiest_minute"]
    assert 429 not in refused
    assert done >= 6


def test_a_cache_hit_costs_nothing() -> None:
    with running() as found:
        hits: list[Observed] = []
        sumeru = door(found.url, limits={}, observer=hits.append)
        for _ in range(40):
            sumeru.reviews("prd_1")
        assert [seen.meta.cache_hit for seen in hits] == [False] + [True] * 39


def test_a_lower_limit_is_obeyed() -> None:
    with running(limits={"public_reads_per_ip": 12}, edge=False) as found:
        clock = Clock()
        sumeru = door(found.url, clock=clock, limits={})
        sumeru.reviews("prd_1")
        taken = 0
        for _ in range(20):
            with contextlib.suppress(Limited):
                sumeru.reviews("prd_2")
                taken += 1
        assert taken <= 2
