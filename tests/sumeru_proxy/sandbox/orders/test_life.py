"""Orders that live: what happens, and what is told of it, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sumeru_proxy.sandbox.orders.amounts import mismatches
from sumeru_proxy.sandbox.orders.life import EVENT_LINES, STEPS, Plan, event_of, plan
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.installation import wait_until
from tests.sumeru_proxy.sandbox.conversation import Conversation
from tests.sumeru_proxy.sandbox.test_webhooks import Listener, subscribe


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with running(limits=False, webhook_retry_base_s=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def orders_of(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    shop = next(iter(sandbox.world.shops.values()))
    return {key: order for key, order in shop.orders.items() if key.startswith("ord_g")}


def events_of(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(body) for _headers, body in listener.received]


def steps_by_order(played: Plan) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for act in played.acts:
        found.setdefault(act.order, []).append(act.step)
    return found


def test_a_plan_is_the_same_for_the_same_seed_and_on_time_unless_said_otherwise() -> None:
    assert plan(200, 3) == plan(200, 3) != plan(200, 4)
    played = plan(200, 3)
    assert played.sends == tuple((place, place) for place in range(len(played.acts)))
    assert (played.lost, played.repeated) == ((), ())
    by_order = steps_by_order(played)
    assert len(by_order) == 200
    for steps in by_order.values():
        assert steps[:2] == ["created", "attributed"]
        assert [STEPS.index(step) for step in steps] == sorted(STEPS.index(step) for step in steps)
    assert set(Counter(step for steps in by_order.values() for step in steps)) == set(STEPS)
    assert [act.tick for act in played.acts] == sorted(act.tick for act in played.acts)


def test_events_of_a_plan_are_lost_repeated_and_late() -> None:
    played = plan(1_000, 3, repeat=1 / 3, lose=0.05, reach=30)
    total = len(played.acts)
    assert 0.03 < len(played.lost) / total < 0.07
    assert 0.28 < len(played.repeated) / (total - len(played.lost)) < 0.39
    sent = Counter(place for _after, place in played.sends)
    assert set(sent) == set(range(total)) - set(played.lost)
    assert {place for place, times in sent.items() if times == 2} == set(played.repeated)
    assert all(after >= place for after, place in played.sends)
    first = [place for _after, place in played.sends]
    assert first != sorted(first)
    # Some order's later step is told before its earlier one.
    places = {(act.order, act.step): place for place, act in enumerate(played.acts)}
    arrival = {place: position for position, place in reversed(list(enumerate(first)))}
    created, attributed = (
        {order: arrival.get(places[order, step]) for order in range(1_000)} for step in ("created", "attributed")
    )
    arrivals = [(created[order], attributed[order]) for order in range(1_000)]
    assert any(one is not None and other is not None and other < one for one, other in arrivals)


def test_every_order_goes_through_the_steps_that_are_given() -> None:
    played = plan(5, 1, ["created", "attributed", "refunded", "cancelled"])
    assert set(map(tuple, steps_by_order(played).values())) == {("created", "attributed", "refunded", "cancelled")}


def test_a_life_over_http(server: Sandbox, listener: Listener) -> None:
    talk = Conversation(server)
    subscribe(talk, listener.url)
    progress = talk.post(
        "/_sandbox/orders/live", {"count": 60, "seed": 5, "repeat": 0.3, "lose": 0.1, "reach": 40}
    ).data
    assert server.deliveries.settled(20)
    received, orders = events_of(listener), orders_of(server)
    assert not progress["running"]
    assert progress["done"] == progress["acts"] == sum(progress["steps"].values()) + progress["refused"]
    assert len(received) == progress["events"]
    assert set(progress["orders"]) == set(orders)
    assert [order_id for order_id, order in orders.items() if mismatches(order)] == []
    ids = Counter(event["id"] for event in received)
    assert max(ids.values()) == 2
    assert {event["type"] for event in received} == {"order.created", "order.attributed"}
    for event in received:
        assert event["data"]["order_id"] == event["data"]["order"]["id"]
        assert ("attributions" in event["data"]["order"]) == (event["type"] == "order.attributed")
    # The last state of every order was told, except of those that the answer names.
    announced = {(event["data"]["order_id"], event["data"]["order"]["updated_at"]) for event in received}
    silent = {order_id for order_id, order in orders.items() if (order_id, order["updated_at"]) not in announced}
    assert silent == set(progress["unannounced"]) != set()
    assert {"edited", "refunded", "cancelled"} <= set(progress["steps"])
    assert sum(bool(order["refunds"]) for order in orders.values()) > 10


def test_the_same_seed_lives_the_same_life() -> None:
    def final() -> dict[str, Any]:
        with running(limits=False) as sandbox:
            sandbox.control.move_clock({"freeze": True, "set": "2026-06-01T00:00:00Z"})
            sandbox.control.orders.live({"count": 40, "seed": 9})
            return orders_of(sandbox)

    assert final() == final()


def test_times_of_a_life_end_now_and_lives_follow_each_other(server: Sandbox) -> None:
    server.control.move_clock({"freeze": True, "set": "2026-06-01T00:00:00Z"})
    server.control.orders.live({"count": 20, "seed": 1, "every_s": 60})
    server.control.orders.live({"count": 20, "seed": 1, "every_s": 60})
    orders = orders_of(server)
    assert len(orders) == 40
    assert max(order["updated_at"] for order in orders.values()) == "2026-06-01T00:00:00Z"
    for order in orders.values():
        touches = [each["occurred_at"] for entry in order["attributions"] for each in entry["touchpoints"]]
        assert all(touch < order["created_at"] for touch in touches)
        assert order["created_at"] <= order["updated_at"]


@pytest.mark.parametrize(("later", "kinds"), [(None, {"order.created"}), ("order.created", {"order.created"})])
def test_what_announces_a_later_change(server: Sandbox, listener: Listener, later: str | None, kinds: set[str]) -> None:
    talk = Conversation(server)
    subscribe(talk, listener.url)
    body = {"count": 10, "seed": 5, "steps": ["created", "edited"], "later_event": later}
    progress = talk.post("/_sandbox/orders/live", body).data
    assert server.deliveries.settled(10)
    received = events_of(listener)
    assert {event["type"] for event in received} == kinds
    assert len(received) == progress["steps"]["created"] + (progress["steps"]["edited"] if later else 0)
    assert bool(progress["unannounced"]) is (later is None)


def test_single_steps(server: Sandbox, listener: Listener) -> None:
    talk = Conversation(server)
    server.control.orders.generate({"count": 40, "seed": 2, "changed": False})
    subscribe(talk, listener.url)
    order_id = next(key for key, order in orders_of(server).items() if order["payments"] and order["shipping_lines"])
    line = orders_of(server)[order_id]["line_items"][0]

    def step(**body: Any) -> Any:
        return talk.post("/_sandbox/orders/step", {"id": order_id, **body})

    edited = step(step="edited", quantities={line["id"]: line["quantity"] + 2}).data
    assert edited["line_items"][0]["quantity"] == line["quantity"] + 2
    refunded = step(step="refunded", pieces={line["id"]: 1}, shipping=True, reason="Too small").data
    assert (refunded["financial_status"], refunded["refunds"][0]["reason"]) == ("partially_refunded", "Too small")
    cancelled = step(step="cancelled", silent=True).data
    assert (cancelled["financial_status"], len(cancelled["refunds"])) == ("refunded", 2)
    assert mismatches(cancelled) == []
    assert talk.get(f"/api/v1/orders/{order_id}?include=attributions").data == cancelled
    assert step(step="cancelled").code == "validation_failed"
    assert step(step="eaten").code == "validation_failed"
    assert talk.post("/_sandbox/orders/step", {"id": "ord_none", "step": "cancelled"}).code == "not_found"
    assert server.deliveries.settled(10)
    # Senders work side by side, so the two may arrive in either order.
    assert sorted(len(event["data"]["order"]["refunds"]) for event in events_of(listener)) == [0, 1]


def test_a_life_in_the_background_is_watched_and_ended(server: Sandbox) -> None:
    talk = Conversation(server)
    begun = talk.post("/_sandbox/orders/live", {"count": 500, "seed": 1, "pause_s": 0.005}).data
    assert begun["running"]
    assert talk.post("/_sandbox/orders/live", {"count": 1}).code == "validation_failed"
    assert wait_until(lambda: server.control.orders.life.progress["done"] > 0, 10, 0.01)
    assert talk.call("DELETE", "/_sandbox/orders/live").status == 200
    thread = next((each for each in threading.enumerate() if each.name == "sandbox-life"), None)
    if thread is not None:
        thread.join(10)
    progress = talk.get("/_sandbox/orders/live").data
    assert not progress["running"]
    assert 0 < progress["done"] < progress["acts"]
    assert talk.post("/_sandbox/orders/live", {"count": 1}).status == 200


def test_an_event_of_a_very_long_order_leaves_its_lines_out() -> None:
    order = {"id": "ord_1", "line_items": [{}] * (EVENT_LINES + 1), "attributions": []}
    assert "line_items" not in event_of(order, "order.attributed")["data"]["order"]
    short = {**order, "line_items": [{}] * EVENT_LINES}
    assert event_of(short, "order.attributed")["data"]["order"] == short


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("generate", {}),
        ("generate", {"count": 0}),
        ("generate", {"count": "5"}),
        ("generate", {"count": 5, "since": "yesterday"}),
        ("generate", {"count": 5, "shop": "nobody.example"}),
        ("live", {"count": 30_000}),
        ("live", {"count": 1, "lose": 2}),
        ("live", {"count": 1, "repeat": "often"}),
        ("live", {"count": 1, "steps": ["eaten"]}),
        ("live", {"count": 1, "steps": "created"}),
        ("step", {"step": "cancelled"}),
    ],
)
def test_wrong_wishes(server: Sandbox, path: str, body: dict[str, Any]) -> None:
    answer = Conversation(server).post(f"/_sandbox/orders/{path}", body)
    assert answer.status >= 400
    assert orders_of(server) == {}
