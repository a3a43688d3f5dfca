"""Faults, as a client over a real socket meets them."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any

import pytest

from sumeru_proxy.sandbox.endpoints import find
from sumeru_proxy.sandbox.faults import Faults, of_text, replace_at
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.sandbox.conversation import KEY, OTHER_KEY, Conversation, review

PATH = "reviews?product_id=prd_1&limit=2"


def fault(talk: Conversation, kind: str, **options: Any) -> str:
    answer = talk.call("POST", "/_sandbox/faults", {"kind": kind, **options})
    assert answer.status == 200, answer.body
    return str(answer.data[0]["id"])


def test_latency(talk: Conversation) -> None:
    fault(talk, "latency", seconds=0.3, times=1)
    start = time.monotonic()
    assert talk.get(PATH).status == 200
    assert time.monotonic() - start >= 0.3
    start = time.monotonic()
    talk.get(PATH)
    assert time.monotonic() - start < 0.3


def test_hang_ends_with_the_server() -> None:
    with running(faults=[{"kind": "hang"}]) as server:
        with pytest.raises(TimeoutError):
            Conversation(server, timeout_s=0.3).get(PATH)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as waiting:
            waiting.sendall(f"GET /api/public/{PATH} HTTP/1.1\r\nX-Public-Key: {KEY}\r\n\r\n".encode())
            # The request must have arrived: a connection that was never accepted is reset instead.
            deadline = time.monotonic() + 10
            while server.calls()["total"] < 2 and time.monotonic() < deadline:
                time.sleep(0.005)
            server.stop()
            assert waiting.recv(10) == b""


@pytest.mark.parametrize("wait", ["soon", -1, 9_999_999_999, "Thu, 01 Jan 1970 00:00:00 GMT", 2])
def test_429_with_any_retry_after(talk: Conversation, wait: Any) -> None:
    fault(talk, "429", retry_after=wait)
    answer = talk.get(PATH)
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert answer.headers["retry-after"] == str(wait)


def test_429_without_retry_after(talk: Conversation) -> None:
    fault(talk, "429", retry_after=None)
    answer = talk.get(PATH)
    assert answer.status == 429
    assert "retry-after" not in answer.headers
    assert answer.json()["error"]["details"] == {}


def test_status(talk: Conversation) -> None:
    fault(talk, "status", status=503)
    answer = talk.get(PATH)
    assert (answer.status, answer.code) == (503, "internal_error")


def test_reset_is_a_reset(server: Sandbox, talk: Conversation) -> None:
    fault(talk, "reset")
    # http.client reports an orderly close by a subclass of ConnectionResetError; only the socket knows the difference.
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(f"GET /api/public/{PATH} HTTP/1.1\r\nX-Public-Key: {KEY}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            raw.recv(10)


def test_a_lost_answer_was_acted_upon(server: Sandbox, talk: Conversation) -> None:
    fault(talk, "lose_answer", endpoint="reviews-submit", times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        talk.post("reviews", review(), Idempotency_Key="k1")
    assert talk.post("reviews", review(), Idempotency_Key="k1").headers["idempotency-replayed"] == "true"
    (entry,) = server.control.writes()["reviews"]
    assert (entry["applied"], entry["received"]) == (1, 2)


@pytest.mark.parametrize("kind", ["reset", "status", "429", "html"])
def test_a_refusal_was_not_acted_upon(server: Sandbox, talk: Conversation, kind: str) -> None:
    fault(talk, kind, endpoint="writes", times=1)
    if kind == "reset":
        with pytest.raises(ConnectionResetError):
            talk.post("reviews", review())
    else:
        talk.post("reviews", review())
    assert server.control.writes()["reviews"] == []


def test_truncate(talk: Conversation) -> None:
    fault(talk, "truncate", bytes=10)
    with pytest.raises(http.client.IncompleteRead) as caught:
        talk.get(PATH)
    assert len(caught.value.partial) == 10


def test_malformed_html_and_empty(talk: Conversation) -> None:
    fault(talk, "malformed", times=1)
    with pytest.raises(json.JSONDecodeError):
        talk.get(PATH).json()
    fault(talk, "html", times=1)
    page = talk.get(PATH)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.body.startswith(b"<!doctype html>")
    fault(talk, "empty", times=1)
    assert talk.get(PATH).body == b""
    assert talk.get(PATH).data["reviews"]


def test_huge_is_valid_json(talk: Conversation) -> None:
    fault(talk, "huge")
    answer = talk.get(PATH)
    assert len(answer.body) == 20 * 1024 * 1024
    assert len(answer.data["reviews"]) == 2


def test_missing_fields_and_wrong_types(talk: Conversation) -> None:
    fault(talk, "missing_fields", paths=["data.reviews.*.rating", "data.summary"], times=1)
    data = talk.get(PATH).data
    assert "summary" not in data
    assert ["rating" in item for item in data["reviews"]] == [False, False]
    fault(talk, "wrong_types", paths=["data.reviews.0.author"], value=[1], times=1)
    reviews = talk.get(PATH).data["reviews"]
    assert reviews[0]["author"] == [1]
    assert reviews[1]["author"]["name"]


def test_drip_is_slow_but_whole(talk: Conversation) -> None:
    fault(talk, "drip", interval_s=0.001, endpoint="referral")
    start = time.monotonic()
    assert talk.get("referral?code=none").data["valid"] is False
    assert time.monotonic() - start >= 0.05


def test_headers_are_set(talk: Conversation) -> None:
    fault(talk, "headers", headers={"X-RateLimit-Limit": "7"})
    assert talk.get(PATH).headers["x-ratelimit-limit"] == "7"


def test_scope_by_endpoint_shop_and_times(talk: Conversation) -> None:
    number = fault(talk, "status", endpoint="reviews", shop="other.example", times=2, status=500)
    assert talk.get(PATH).status == 200
    assert talk.get("bundles?product_id=prd_1", X_Public_Key=OTHER_KEY).status == 200
    assert [talk.get(PATH, X_Public_Key=OTHER_KEY).status for _ in range(3)] == [500, 500, 200]
    assert talk.call("GET", "/_sandbox/faults").data == []
    assert talk.call("DELETE", f"/_sandbox/faults/{number}").data == {"ended": 0}


def test_groups_and_clearing(talk: Conversation) -> None:
    number = fault(talk, "status", endpoint="admin", status=502)
    fault(talk, "status", endpoint="re*", status=504)
    assert talk.get("/api/v1/orders").status == 502
    assert talk.get(PATH).status == talk.get("referral?code=x").status == 504
    assert talk.get("bundles?product_id=prd_1").status == 200
    talk.call("DELETE", f"/_sandbox/faults/{number}")
    assert talk.get("/api/v1/orders").status == 200
    assert talk.call("DELETE", "/_sandbox/faults").data == {"ended": 1}


def test_a_fault_strikes_before_the_edge(talk: Conversation) -> None:
    talk.get(PATH)
    fault(talk, "status", times=1)
    assert [talk.get(PATH).status for _ in range(2)] == [500, 200]


def drawn(seed: int) -> list[bool]:
    endpoint, _, _ = find("GET", "/api/public/reviews")
    assert endpoint is not None
    faults = Faults(seed)
    faults.add({"kind": "status", "probability": 0.3})
    return [bool(faults.draw(endpoint, "GET", None)) for _ in range(200)]


def test_probabilities_follow_the_seed() -> None:
    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 <= sum(drawn(1)) <= 90


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "gremlins"},
        {"kind": "status", "times": 0},
        {"kind": "status", "probability": 2},
        {"kind": "status", "nonsense": 1},
        {"kind": "latency", "seconds": "long"},
        {"kind": "missing_fields"},
        {"kind": "body", "base64": "not base64"},
    ],
)
def test_wrong_faults_are_refused(talk: Conversation, asked: dict[str, Any]) -> None:
    assert talk.call("POST", "/_sandbox/faults", asked).code == "validation_failed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reviews:latency,seconds=2,times=3", {"endpoint": "reviews", "kind": "latency", "seconds": 2, "times": 3}),
        ("*:429,retry_after=abc", {"endpoint": "*", "kind": "429", "retry_after": "abc"}),
        (
            "*:missing_fields,paths=data.a+data.b",
            {"endpoint": "*", "kind": "missing_fields", "paths": ["data.a", "data.b"]},
        ),
        ('{"kind": "hang"}', {"kind": "hang"}),
    ],
)
def test_faults_as_text(text: str, expected: dict[str, Any]) -> None:
    assert of_text(text) == expected


@pytest.mark.parametrize("text", ["reviews", "reviews:", "reviews:latency,seconds", "{"])
def test_wrong_fault_texts(text: str) -> None:
    with pytest.raises(ValueError):
        of_text(text)


def test_replacing_leaves_absent_paths() -> None:
    value = {"a": [{"b": 1}, {}, 3]}
    replace_at(value, "a.*.b", "x", False)
    replace_at(value, "a.7.b", "x", False)
    replace_at(value, "c.d", "x", False)
    assert value == {"a": [{"b": "x"}, {}, 3]}


def test_any_bytes_instead_of_the_answer(talk: Conversation) -> None:
    fault(talk, "body", base64="AP8=", status=201, headers={"Content-Encoding": "gzip"}, times=1)
    answer = talk.get(PATH)
    assert (answer.status, answer.body, answer.headers["content-encoding"]) == (201, b"\x00\xff", "gzip")
