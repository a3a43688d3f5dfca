"""Events in any order, late, repeated, unknown or not at all: what is shown in the end is what Sumeru holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sumeru_proxy import accounts
from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.client.shapes import Product
from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.reading import feed, freshness, reader, stamps
from sumeru_proxy.reading.reader import Query, Source
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.webhooks import intake
from tests.faults.running_site import PLENTY
from tests.upstream import Upstream, upstream

PRODUCTS = ("prd_1", "prd_2", "prd_3")
CUSTOMERS = ("cus_1", "cus_2")
LONG_S = 7 * 86_400.0
"""Copies that would not age by themselves during a test."""
_numbers = itertools.count(1)


class Stage:
    """A shop, its Sumeru, and its refresher."""

    def __init__(self, shop: Shop, sandbox: Upstream) -> None:
        self.shop, self.sandbox = shop, sandbox
        self.refresher = freshness.Refresher(lambda shop_id: accounts.client_for(shop_id, "refresh"))

    def clear(self) -> None:
        reader.copies.forget()
        stamps.forget()
        InboundEvent.objects.all().delete()
        Job.objects.all().delete()

    def source(self) -> Source:
        return Source(
            self.shop.pk, lambda: accounts.client_for(self.shop.pk, "page"), self.refresher.ask, self.refresher.count
        )

    def product(self, name: str) -> Product:
        found = self.source().products([name], LONG_S)[name]
        assert found is not None
        return found

    def customer_code(self, name: str) -> str:
        wanted = Query("referral", (("customer_id", name),), ("customers", f"customer:{name}"), LONG_S)
        try:
            found = self.source().get(wanted)
        except reader.Missing:
            return ""
        return str(found.code)

    def refresh(self) -> None:
        """What the refresher does behind the pages, at once."""
        while self.refresher.waiting:
            assert self.refresher.refresh_one() == 0.0

    def change(self, product: str, price: str) -> None:
        self.sandbox.sandbox.control.change_product({"price": price}, product)

    def take(self, event_type: str, data: dict[str, Any], event_id: str = "", late: timedelta = timedelta(0)) -> str:
        now = datetime.now(UTC)
        event_id = event_id or f"evt_{next(_numbers)}"
        raw = {"id": event_id, "type": event_type, "created_at": (now - late).isoformat(), "data": data}
        raw["shop_domain"] = self.shop.domain
        return intake.take(self.shop.pk, intake.read_envelope(json.dumps(raw).encode()), now)


@pytest.fixture
def stage(make_shop: Callable[..., Shop]) -> Iterator[Stage]:
    with upstream(small_catalogue(), limits=PLENTY) as sandbox:
        yield Stage(
            make_shop(sandbox.url, limits=dict.fromkeys([*DEFAULT_LIMITS], 1_000_000), **sandbox.account()), sandbox
        )


def sold(*products: str) -> tuple[str, dict[str, Any]]:
    return "order.created", {"order_id": "ord_1", "line_items": [{"product_id": each} for each in products]}


# What happens, in the order in which it happens: Sumeru changes (and owes an event), a page is read, an owed event arrives (any of
# them, perhaps again, perhaps an hour late), an event comes that means nothing here.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.sampled_from(PRODUCTS), st.integers(1, 999)),
        st.tuples(st.just("read"), st.sampled_from(PRODUCTS)),
        st.tuples(st.just("refresh")),
        st.tuples(st.just("deliver"), st.integers(0, 9), st.booleans(), st.booleans()),
        st.tuples(
            st.just("noise"),
            st.sampled_from(["moon.landed", "campaign.launched", "journey.exited", "order.attributed"]),
        ),
    ),
    max_size=25,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, order=st.randoms(use_true_random=False))
def test_any_order_of_events_ends_in_what_sumeru_holds(stage: Stage, steps: list[tuple[Any, ...]], order: Any) -> None:
    stage.clear()
    prices = dict.fromkeys(PRODUCTS, "")
    owed: list[tuple[str, tuple[str, dict[str, Any]]]] = []
    delivered: list[tuple[str, tuple[str, dict[str, Any]]]] = []
    for product in PRODUCTS:
        prices[product] = str(stage.product(product).price)
    for step in steps:
        if step[0] == "change":
            prices[step[1]] = f"{step[2]}.00"
            stage.change(step[1], prices[step[1]])
            owed.append((f"evt_{next(_numbers)}", sold(step[1])))
        elif step[0] == "read":
            stage.product(step[1])
        elif step[0] == "refresh":
            stage.refresh()
        elif step[0] == "noise":
            assert stage.take(step[1], {"order_id": "ord_9", "id": "x"}) == "taken"
        elif owed:
            event = owed.pop(step[1] % len(owed))
            late = timedelta(hours=1) if step[2] else timedelta(0)
            assert stage.take(*event[1], event_id=event[0], late=late) == "taken"
            delivered.append(event)
            if step[3]:
                again = delivered[step[1] % len(delivered)]
                assert stage.take(*again[1], event_id=again[0]) == "seen"
    order.shuffle(owed)
    for event_id, (event_type, data) in owed:
        stage.take(event_type, data, event_id=event_id)
    for product in PRODUCTS:  # a page that is shown now may be a copy; the next one is not
        stage.product(product)
    stage.refresh()
    for product in PRODUCTS:
        assert str(stage.product(product).price) == prices[product], product
    assert stage.refresher.waiting == 0


def test_every_permutation_of_what_one_customer_does(stage: Stage) -> None:
    """All orders of the mapped kinds of events, one after the other, with a page read after each event."""
    events: list[tuple[str, dict[str, Any]]] = [
        sold("prd_1"),
        ("customer.updated", {"customer_id": "cus_2"}),
        ("order.attributed", {"order": {"id": "ord_1", "customer": {"id": "cus_2"}}}),
        ("gdpr.completed", {"customer_id": "cus_1"}),
    ]
    for number, arranged in enumerate(itertools.permutations(events)):
        stage.clear()
        for name in CUSTOMERS:
            stage.customer_code(name)
        stage.product("prd_1")
        stage.change("prd_1", f"{number + 1}.00")
        for event_type, data in arranged:
            assert stage.take(event_type, data) == "taken"
            stage.product("prd_1")
        stage.refresh()
        assert str(stage.product("prd_1").price) == f"{number + 1}.00"
        for name in CUSTOMERS:
            before = stage.sandbox.calls("referral")
            stage.customer_code(name)
            stage.refresh()
            assert stage.sandbox.calls("referral") == before + 1, (name, arranged)
    assert number == 23


def test_a_block_of_the_feed_is_refreshed_too(stage: Stage) -> None:
    wanted = feed.block_query(feed.FeedSelection())
    before = {each.id: each.price for each in stage.source().get(wanted).products}
    stage.change("prd_1", "55.00")
    stamps.invalidate(stage.shop.pk, ["products"])
    assert {each.id: each.price for each in stage.source().get(wanted).products} == before
    stage.refresh()
    assert {each.id: str(each.price) for each in stage.source().get(wanted).products}["prd_1"] == "55.00"


def test_unknown_events_are_stored_and_mean_nothing(stage: Stage) -> None:
    stage.product("prd_1")
    calls = stage.sandbox.calls()
    for event_type in ("moon.landed", "review.created", "product.updated", "a.b.c.d"):
        assert stage.take(event_type, {"product_id": "prd_1", "id": "prd_1"}) == "taken"
    stage.product("prd_1")
    assert (stage.refresher.waiting, stage.sandbox.calls()) == (0, calls)
    assert InboundEvent.objects.filter(state="taken").count() == 4
    assert not Job.objects.exists()


def test_without_webhooks_a_copys_lifetime_is_enough(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.source().products(["prd_1"], 300.0)["prd_1"]
    stage.change("prd_1", "77.00")
    now = reader.time.time()
    for age_s, fresh in ((299.0, True), (301.0, False)):
        monkeypatch.setattr(reader.time, "time", lambda age_s=age_s: now + age_s)
        stage.source().products(["prd_1"], 300.0)
        assert stage.refresher.waiting == (0 if fresh else 1)
    stage.refresh()
    assert str(stage.product("prd_1").price) == "77.00"
