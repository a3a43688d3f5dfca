"""Made-up orders through the admin API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from sumeru_proxy.sandbox.orders.amounts import mismatches
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.sandbox.conversation import Conversation

COUNT = 330


@pytest.fixture(scope="module")
def talk() -> Iterator[Conversation]:
    with running(limits=False, orders={"count": COUNT, "seed": 4, "since": "2026-05-01T00:00:00Z"}) as sandbox:
        yield Conversation(sandbox)


def walk(talk: Conversation, path: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = talk.get(
            f"/api/v1/{path}?{urlencode({'limit': '100', **query, **({'cursor': cursor} if cursor else {})})}"
        )
        assert answer.status == 200, answer.body
        found += answer.data
        cursor = answer.json()["pagination"]["next_cursor"]
        if not cursor:
            return found


@pytest.mark.parametrize(
    "sort", ["created_at", "-created_at", "updated_at", "-updated_at", "id", "number", "-currency"]
)
def test_pages_hold_every_order_once_and_sorted(talk: Conversation, sort: str) -> None:
    orders = walk(talk, "orders", sort=sort)
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    keys = [order[field] for order in orders]
    assert keys == sorted(keys, reverse=descending)
    assert len({order["id"] for order in orders}) == len(orders) == COUNT + 5


def test_orders_come_whole_with_attributions_when_included(talk: Conversation) -> None:
    made_up = [order for order in walk(talk, "orders", include="attributions") if order["id"].startswith("ord_g")]
    assert [mismatches(order) for order in made_up if mismatches(order)] == []
    assert {"refunds", "payments", "discounts", "shipping_lines", "taxes_included", "test"} <= set(made_up[0])
    assert sum(bool(order["attributions"]) for order in made_up) > COUNT * 0.8
    one = made_up[40]
    assert talk.get(f"/api/v1/orders/{one['id']}?include=attributions").data == one
    bare = talk.get(f"/api/v1/orders/{one['id']}").data
    assert bare == {name: value for name, value in one.items() if name != "attributions"}
    assert set(talk.get(f"/api/v1/orders/{one['id']}?fields=refunds").data) == {"id", "refunds"}


def test_attributions_by_pages_are_those_of_the_orders(talk: Conversation) -> None:
    listed = walk(talk, "attribution", sort="created_at")
    inside = [entry for order in walk(talk, "orders", include="attributions") for entry in order["attributions"]]
    assert sorted(listed, key=str) == sorted(inside, key=str)
    assert {"device", "visitor_id", "landing_url"} <= set(listed[-1]["touchpoints"][0])
    chosen = ",".join(sorted({entry["order_id"] for entry in inside})[:30])
    own = walk(talk, "attribution", **{"filter[order_id]": chosen})
    assert {entry["order_id"] for entry in own} == set(chosen.split(","))


def test_a_window_of_time(talk: Conversation) -> None:
    window = {"filter[created_at][gte]": "2026-05-01T10:00:00Z", "filter[created_at][lt]": "2026-05-01T20:00:00Z"}
    found = walk(talk, "orders", sort="created_at", **window)
    everything = walk(talk, "orders", sort="created_at")
    assert found == [o for o in everything if "2026-05-01T10:00:00Z" <= o["created_at"] < "2026-05-01T20:00:00Z"]
    assert len(found) == 60
    late = walk(talk, "orders", sort="created_at", **{"filter[updated_at][gt]": "2026-05-04T00:00:00Z"})
    assert late == [order for order in everything if order["updated_at"] > "2026-05-04T00:00:00Z"]


def test_other_filters(talk: Conversation) -> None:
    everything = walk(talk, "orders")
    assert walk(talk, "orders", **{"filter[test]": "true"}) == [order for order in everything if order.get("test")]
    customer = next(order["customer"]["id"] for order in everything if order["customer"] and order["customer"]["id"])
    own = walk(talk, "orders", **{"filter[customer.id]": customer})
    assert own == [order for order in everything if (order["customer"] or {}).get("id") == customer]
    with_orders = talk.get(f"/api/v1/customers/{customer}?include=orders").data
    assert sorted(order["id"] for order in with_orders["orders"]) == sorted(order["id"] for order in own)
    assert with_orders["orders_count"] == len([order for order in own if not order["test"]])


def test_a_cursor_goes_on_where_it_was_although_orders_are_added() -> None:
    with running(limits=False, orders={"count": 50, "seed": 4}) as sandbox:
        talk = Conversation(sandbox)
        first = talk.get("/api/v1/orders?limit=30&sort=created_at").json()
        sandbox.control.orders.generate({"count": 20, "seed": 4})
        cursor = first["pagination"]["next_cursor"]
        rest = talk.get(f"/api/v1/orders?limit=100&sort=created_at&cursor={cursor}").data
        ids = [order["id"] for order in [*first["data"], *rest]]
        assert len(ids) == len(set(ids)) == 75


@pytest.mark.parametrize(("habit", "status"), [("ignored", 200), ("refused", 422)])
def test_an_account_without_comparison_filters(habit: str, status: int) -> None:
    with running(limits=False, orders={"count": 20, "seed": 4}) as sandbox:
        sandbox.control.change_habits({"comparison_filters": habit, "sort": "ignored"})
        talk = Conversation(sandbox)
        answer = talk.get("/api/v1/orders?limit=100&sort=created_at&filter[created_at][gte]=2030-01-01T00:00:00Z")
        assert answer.status == status
        if status == 200:
            assert len(answer.data) == 25
            assert answer.data[0]["created_at"] > answer.data[-1]["created_at"]
        assert talk.post("/_sandbox/habits", {"sort": "sometimes"}).code == "validation_failed"


def test_reset_brings_the_made_up_orders_back() -> None:
    with running(limits=False, orders={"count": 20, "seed": 4}) as sandbox:
        shop = next(iter(sandbox.world.shops.values()))
        before = dict(shop.orders)
        sandbox.control.orders.step({"id": "ord_g4", "step": "cancelled", "silent": True})
        sandbox.control.orders.generate({"count": 20})
        sandbox.control.reset()
        assert dict(next(iter(sandbox.world.shops.values())).orders) == before


def test_the_journal_keeps_what_was_drawn_and_done(tmp_path: Any) -> None:
    def state(sandbox: Sandbox) -> dict[str, Any]:
        shop = next(iter(sandbox.world.shops.values()))
        return {"orders": dict(shop.orders), "customers": dict(shop.customers), "generated": shop.generated}

    journal = tmp_path / "state"
    with running(limits=False, state=journal) as sandbox:
        sandbox.control.orders.generate({"count": 15, "seed": 2})
        sandbox.control.orders.live({"count": 10, "seed": 2})
        sandbox.control.orders.step({"id": "ord_g3", "step": "cancelled"})
        before = state(sandbox)
    with running(limits=False, state=journal) as sandbox:
        assert state(sandbox) == before
    assert len(before["orders"]) == 30
