"""Webhooks: subscribing, signatures, retries, dead letters."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sumeru_proxy.sandbox.deliveries import pause_s
from sumeru_proxy.sandbox.server import Sandbox
from tests.sumeru_proxy.sandbox.conversation import Conversation


class Listener(ThreadingHTTPServer):
    """Records deliveries; answers with the statuses given, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.always: int | None = None
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
        status = self.server.always or (self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def subscribe(talk: Conversation, url: str, *events: str) -> dict[str, Any]:
    answer = talk.post("/api/v1/webhook-subscriptions", {"url": url, "events": list(events) or ["*"], "secret": "auto"})
    assert answer.status == 201
    return dict(answer.data)


def emit(talk: Conversation, kind: str = "order.attributed", **more: Any) -> dict[str, Any]:
    answer = talk.call("POST", "/_sandbox/webhooks/emit", {"type": kind, "data": {"order_id": "ord_1"}, **more})
    assert answer.status == 200, answer.body
    return dict(answer.data)


def test_a_delivery_is_signed_over_its_raw_body(server: Sandbox, talk: Conversation, listener: Listener) -> None:
    subscription = subscribe(talk, listener.url)
    assert subscription["id"].startswith("whk_")
    assert subscription["secret"].startswith("wsec_")
    envelope = emit(talk)["envelope"]
    assert server.deliveries.settled(5)
    ((headers, body),) = listener.received
    expected = hmac.new(subscription["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-sumeru-signature"] == f"sha256={expected}"
    assert json.loads(body) == envelope
    assert set(envelope) == {"id", "type", "created_at", "shop_domain", "data"}
    assert envelope["shop_domain"] == "small.example"
    assert server.control.list_deliveries("delivered")[0]["event_id"] == envelope["id"]


def test_only_what_was_subscribed_arrives(server: Sandbox, talk: Conversation, listener: Listener) -> None:
    subscribe(talk, listener.url, "order.attributed")
    emit(talk, "order.created")
    emit(talk, "order.attributed", shop="other.example")
    emit(talk, "order.attributed", id="evt_mine", copies=2)
    assert server.deliveries.settled(5)
    assert [json.loads(body)["id"] for _, body in listener.received] == ["evt_mine", "evt_mine"]
    assert talk.call("POST", "/_sandbox/webhooks/emit", {"type": "reviews.changed"}).code == "validation_failed"


@pytest.mark.parametrize("tamper", ["signature", "body", "unsigned"])
def test_tampered_deliveries_do_not_verify(
    server: Sandbox, talk: Conversation, listener: Listener, tamper: str
) -> None:
    secret = subscribe(talk, listener.url)["secret"]
    emit(talk, tamper=tamper)
    assert server.deliveries.settled(5)
    ((headers, body),) = listener.received
    good = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers.get("x-sumeru-signature") != good
    assert json.loads(body)["type"] == "order.attributed"


def test_a_failing_endpoint_is_tried_again(server: Sandbox, talk: Conversation, listener: Listener) -> None:
    listener.statuses = [500, 401, 503]
    subscribe(talk, listener.url)
    emit(talk)
    assert server.deliveries.settled(10)
    (delivery,) = server.control.list_deliveries()
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 401, 503, 200]
    assert len({body for _, body in listener.received}) == 1


def test_after_four_retries_it_is_a_dead_letter_and_may_be_replayed(
    server: Sandbox, talk: Conversation, listener: Listener
) -> None:
    listener.statuses = [500] * 5
    subscribe(talk, listener.url)
    (number,) = emit(talk)["deliveries"]
    assert server.deliveries.settled(20)
    (dead,) = talk.call("GET", "/_sandbox/webhooks/deliveries?state=dead").data
    assert (dead["id"], len(dead["attempts"])) == (number, 5)
    assert talk.call("POST", f"/_sandbox/webhooks/deliveries/{number}/replay").status == 200
    assert server.deliveries.settled(5)
    assert talk.call("GET", "/_sandbox/webhooks/deliveries?state=dead").data == []
    assert len(listener.received) == 6
    assert talk.call("POST", "/_sandbox/webhooks/deliveries/dlv_none/replay").code == "not_found"


def test_an_endpoint_that_keeps_failing_is_disabled(server: Sandbox, talk: Conversation, listener: Listener) -> None:
    server.deliveries.retry_base_s = 0.001
    listener.always = 500
    failing = subscribe(talk, listener.url)
    for _ in range(3):
        emit(talk)
        assert server.deliveries.settled(10)
    (shown,) = talk.get("/api/v1/webhook-subscriptions").data
    assert (shown["id"], shown["active"]) == (failing["id"], False)
    assert emit(talk)["deliveries"] == []


def test_nobody_listening_is_a_failure_too(server: Sandbox, talk: Conversation) -> None:
    server.deliveries.retry_base_s = 0.001
    subscribe(talk, "http://127.0.0.1:1/hook")
    emit(talk)
    assert server.deliveries.settled(10)
    assert server.control.list_deliveries("dead")[0]["attempts"][0]["error"] == "ConnectionRefusedError"


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://x.example/", "events": ["*"]},
        {"url": "http:///nohost", "events": ["*"]},
        {"url": "https://x.example/", "events": []},
        {"url": "https://x.example/", "events": ["order.exploded"]},
        {"url": "https://x.example/", "events": ["*"], "secret": "short"},
    ],
)
def test_wrong_subscriptions(talk: Conversation, body: dict[str, Any]) -> None:
    assert talk.post("/api/v1/webhook-subscriptions", body).code == "validation_failed"


def test_the_secret_is_shown_once_and_rotates(talk: Conversation, listener: Listener) -> None:
    first = subscribe(talk, listener.url)
    assert first["secret"].encode() not in talk.get("/api/v1/webhook-subscriptions").body
    path = f"/api/v1/webhook-subscriptions/{first['id']}"
    rotated = talk.post(f"{path}/rotate", {})
    assert rotated.data["secret"] != first["secret"]
    assert talk.call("DELETE", path).status == 204
    assert talk.call("DELETE", path).code == "not_found"


def test_pauses_grow() -> None:
    assert [pause_s(attempt, 1.0, 0.5) for attempt in (2, 3, 4, 5)] == [1, 2, 4, 8]
    assert (pause_s(2, 1.0, 0.0), pause_s(2, 1.0, 1.0)) == (0.5, 1.5)
