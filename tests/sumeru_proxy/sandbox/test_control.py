"""The control API, the record of calls, and the state file."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running, small_catalogue
from tests.sumeru_proxy.sandbox.conversation import Conversation, review


def test_calls_are_counted_without_credentials(server: Sandbox, talk: Conversation) -> None:
    talk.get("reviews?product_id=prd_1")
    talk.get("reviews?product_id=prd_1")
    talk.call("GET", "/api/public/bundles?product_id=prd_1", None, {})
    shown = talk.call("GET", "/_sandbox/calls?recent=10")
    data = shown.data
    assert (data["total"], data["edge_hits"]) == (3, 1)
    assert data["endpoints"] == {"reviews": 2, "bundles": 1}
    assert data["shops"] == {"small.example": 2, "": 1}
    assert data["busiest_minute"] == {"public_reads": 2}
    assert [(call["credential"], call["credential_ok"]) for call in data["recent"]] == [
        ("public_key", True), ("public_key", True), ("none", False),
    ]  # fmt: skip
    assert data["recent"][0]["query"] == {"product_id": "prd_1"}
    assert "x-public-key" in data["recent"][0]["headers"]
    assert b"pk_live_" not in shown.body
    talk.call("DELETE", "/_sandbox/calls")
    assert server.calls()["total"] == 0


def test_the_clock_moves(server: Sandbox, talk: Conversation) -> None:
    assert talk.call("POST", "/_sandbox/clock", {"set": "2030-01-01T00:00:00Z", "freeze": True}).data["frozen"]
    talk.call("POST", "/_sandbox/clock", {"shift_s": 60})
    assert talk.call("GET", "/_sandbox/clock").data["now"] in ("2030-01-01T00:01:00Z", "2030-01-01T00:01:01Z")
    assert talk.post("reviews", review()).status == 201
    stored = server.control.writes()["reviews"][0]["created_at"]
    assert stored.startswith("2030-01-01T00:01")
    assert talk.call("POST", "/_sandbox/clock", {"set": "later"}).status == 422


def test_products_and_reviews_change(talk: Conversation) -> None:
    before = talk.get("product-feed?product_ids=prd_2").data[0]
    talk.call("PATCH", "/_sandbox/products/prd_2", {"price": "99.00"})
    after = talk.get("product-feed?product_ids=prd_2").data[0]
    assert after == {**before, "price": "99.00"}
    added = talk.call("POST", "/_sandbox/products/prd_2/reviews", {"rating": 1, "title": "New"}).data
    talk.call("PATCH", f"/_sandbox/reviews/{added['id']}", {"title": "Newer"})
    assert talk.get("reviews?product_id=prd_2").data["reviews"][0]["title"] == "Newer"
    talk.call("DELETE", f"/_sandbox/reviews/{added['id']}")
    assert talk.get("reviews?product_id=prd_2").data["summary"]["count"] == 3
    assert talk.call("PATCH", "/_sandbox/products/prd_none", {}).code == "not_found"


def test_a_new_review_shows_in_a_list_that_was_read_before(talk: Conversation) -> None:
    path = "reviews?product_id=prd_2&sort=-rating"
    before = [item["id"] for item in talk.get(path).data["reviews"]]
    added = talk.call("POST", "/_sandbox/products/prd_2/reviews", {"rating": 5}).data["id"]
    assert [item["id"] for item in talk.get(path).data["reviews"]] == [added, *before]
    talk.call("DELETE", f"/_sandbox/reviews/{added}")
    assert [item["id"] for item in talk.get(path).data["reviews"]] == before


def test_orders_and_shops_change(talk: Conversation) -> None:
    talk.call("POST", "/_sandbox/orders", {"order": {"id": "ord_1", "financial_status": "refunded"}})
    assert talk.get("/api/v1/orders/ord_1").data["financial_status"] == "refunded"
    talk.call("PATCH", "/_sandbox/shops/small.example", {"origins": ["http://new.example"]})
    headers = {"X-Shop-Domain": "small.example", "Origin": "http://new.example"}
    assert talk.call("GET", "/api/public/bundles?product_id=prd_1", None, headers).status == 200


def test_reset_returns_to_the_catalogue(server: Sandbox, talk: Conversation) -> None:
    talk.post("reviews", review(), Idempotency_Key="k")
    server.control.add_faults({"kind": "hang"})
    server.control.publish_reviews({})
    talk.call("POST", "/_sandbox/reset")
    assert talk.get("reviews?product_id=prd_1").data["summary"]["count"] == 45
    assert server.control.writes()["reviews"] == []
    assert "idempotency-replayed" not in talk.post("reviews", review(), Idempotency_Key="k").headers


def test_a_page_in_a_browser_is_kept_out(talk: Conversation) -> None:
    answer = talk.call("GET", "/_sandbox/calls", None, {"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert talk.call("GET", "/_sandbox/nothing").code == "not_found"


def test_stop_ends_the_server() -> None:
    with running() as server:
        assert Conversation(server).call("POST", "/_sandbox/stop").status == 200
        assert server.wait(5)
        with pytest.raises(OSError):
            Conversation(server).get("reviews?product_id=prd_1")


def test_a_connection_carries_many_requests_and_chunked_bodies(server: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"X-Public-Key": "pk_live_" + "1" * 32}
    raw = json.dumps(review()).encode()
    for _ in range(3):
        connection.request("POST", "/api/public/reviews", iter([raw[:10], raw[10:]]), headers, encode_chunked=True)
        assert connection.getresponse().read().startswith(b'{"data"')
        connection.request("HEAD", "/api/public/bundles?product_id=prd_1", None, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_what_happened_survives_a_restart(tmp_path: Path) -> None:
    state, catalogue = tmp_path / "state", small_catalogue()
    with running(catalogue, state=state) as server:
        talk = Conversation(server)
        first = talk.post("reviews", review(product_id="prd_9"), Idempotency_Key="k")
        talk.post("referral", {"customer_id": "cus_3"})
        body = {"url": "http://127.0.0.1:1/", "events": ["*"]}
        secret = talk.post("/api/v1/webhook-subscriptions", body).data["secret"]
        visitor = talk.get("ab-experiment?experiment=headline&visitor_id=v").data
        talk.call("PATCH", "/_sandbox/products/prd_2", {"price": "99.00"})
    with running(catalogue, state=state) as server:
        talk = Conversation(server)
        again = talk.post("reviews", review(product_id="prd_9"), Idempotency_Key="k")
        assert (again.data, again.headers["idempotency-replayed"]) == (first.data, "true")
        assert talk.get("referral?customer_id=cus_3").data["code"]
        assert next(iter(server.world.subscriptions.values()))["secret"] == secret
        assert talk.get("ab-experiment?experiment=headline&visitor_id=v").data == visitor
        assert talk.get("product-feed?product_ids=prd_2").data[0]["price"] == "99.00"
        assert talk.post("reviews", review()).data["id"] != first.data["id"]
        talk.call("POST", "/_sandbox/reset")
    with running(catalogue, state=state) as server:
        assert server.control.writes()["reviews"] == []


def test_a_torn_last_line_is_as_if_it_had_not_happened(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(state=state) as server:
        talk = Conversation(server)
        for number in range(3):
            talk.post("reviews", review(title=f"Number {number}"))
    whole = state.read_bytes()
    state.write_bytes(whole[:-25])
    with running(state=state) as server:
        assert [entry["title"] for entry in server.control.writes()["reviews"]] == ["Number 0", "Number 1"]
        Conversation(server).post("reviews", review(title="Number 4"))
    with running(state=state) as server:
        titles = [entry["title"] for entry in server.control.writes()["reviews"]]
        assert titles == ["Number 0", "Number 1", "Number 4"]


def test_the_state_of_another_catalogue_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(state=state) as server:
        Conversation(server).post("reviews", review())
    other = small_catalogue()
    other["shops"][0]["domain"] = "renamed.example"
    with pytest.raises(ValueError, match="another catalogue"), running(other, state=state):
        pass


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:9000"}, 200),
        ({"Origin": "http://127.0.0.1:8001"}, 200),
        ({"Host": "evil.example"}, 403),  # a name that was made to lead to this machine
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Host": ""}, 403),
    ],
)
def test_only_pages_and_programs_of_this_machine_reach_the_controls(
    talk: Conversation, headers: dict[str, str], status: int
) -> None:
    assert talk.call("GET", "/_sandbox/calls", None, headers).status == status
    assert talk.call("DELETE", "/_sandbox/calls", None, headers).status == status
