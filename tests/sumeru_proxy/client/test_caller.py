from __future__ import annotations

import json
import logging
import pickle
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from sumeru_proxy.client import session
from sumeru_proxy.client.api import Account, Observed
from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable, Unreadable
from sumeru_proxy.client.limiter import StoreUnavailable
from sumeru_proxy.client.resources_catalogue import REVIEWS, ask_reviews
from tests.sumeru_proxy.client.doors import PUBLIC_KEY, REVIEWS_JSON, TOKEN, Clock, door
from tests.sumeru_proxy.client.scripted import (
    Received,
    fixed,
    hang,
    json_answer,
    raw,
    reset,
    scripted,
)


def test_page_lane_never_sleeps_and_asks_once() -> None:
    for lane in ("page", "refresh", "write"):
        clock = Clock()
        with scripted(json_answer({}, 503)) as server:
            with pytest.raises(Unavailable) as caught:
                door(server.url, lane, clock).reviews("prd_1")
            assert len(server.received) == 1
        assert clock.slept == []
        assert (caught.value.status, caught.value.ambiguous) == (503, False)


def test_the_worker_waits_and_uses_one_key_for_all_tries() -> None:
    clock = Clock()
    turns = iter([(503, []), (429, ["Retry-After: 7"]), (500, ["Retry-After: abc"]), (200, [])])

    def answer(_: Received, sock: socket.socket) -> bool:
        status, headers = next(turns)
        body = {"data": {"id": "rev_1", "status": "pending"}} if status == 200 else {"error": {"code": "x"}}
        sock.sendall(raw(status, json.dumps(body).encode(), *headers))
        return True

    with scripted(answer) as server:
        sumeru = door(server.url, "worker", clock)
        assert sumeru.submit_review("prd_1", 5, "b", "n", "e@x.example").id == "rev_1"
        assert len({each.headers["idempotency-key"] for each in server.received}) == 1
        assert len({each.body for each in server.received}) == 1
    assert clock.slept == pytest.approx([0.25, 7.5, 1.0])


def test_the_worker_gives_up_after_five() -> None:
    clock = Clock()
    with scripted(json_answer({}, 429, "Retry-After: 1")) as server:
        with pytest.raises(Limited) as caught:
            door(server.url, "worker", clock).reviews("prd_1")
        assert len(server.received) == 5
    assert caught.value.retry_after_s == 1.0
    assert len(clock.slept) == 4


def test_an_earlier_lost_answer_keeps_a_write_ambiguous() -> None:
    turns = iter([reset, json_answer({"error": {"code": "validation_failed"}}, 422)])
    with scripted(lambda request, sock: next(turns)(request, sock)) as server, pytest.raises(Refused) as caught:
        door(server.url, "worker").submit_review("prd_1", 5, "b", "n", "e@x.example")
    assert caught.value.ambiguous is True


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 451, 499])
def test_refusals(status: int) -> None:
    with scripted(json_answer({"error": {"code": f"evil {TOKEN}", "message": "m"}}, status)) as server:
        with pytest.raises(Refused) as caught:
            door(server.url, "worker").reviews("prd_1")
        assert len(server.received) == 1
    assert (caught.value.status, caught.value.code) == (status, f"http_{status}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422, 451])
@pytest.mark.parametrize(
    "answer",
    [
        lambda status: raw(status, b"<html>Not found</html>", content_type="text/html"),
        lambda status: json_answer({}, status),
        lambda status: json_answer({"error": "not_found"}, status),
        lambda status: json_answer({"error": {"message": "no code"}}, status),
        lambda status: json_answer({"error": {"code": 404}}, status),
        lambda status: json_answer(["error"], status),
    ],
    ids=["html", "empty", "error is text", "no code", "code is a number", "list"],
)
def test_only_sumeru_s_own_error_refuses(status: int, answer: Any) -> None:
    """A gateway's page says nothing about the thing: it may be there, and the write may be taken in a minute."""
    made = answer(status)
    with scripted(fixed(made) if isinstance(made, bytes) else made) as server:
        with pytest.raises(Unavailable) as caught:
            door(server.url).reviews("prd_1")
        assert (caught.value.reason, caught.value.status, caught.value.ambiguous) == ("not_sumeru", status, False)
        with pytest.raises(Unavailable) as caught:
            door(server.url).submit_review("prd_1", 5, "b", "n", "e@x.example")
    assert caught.value.ambiguous is True


@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 503, 504, 520, 599])
def test_outages(status: int) -> None:
    with scripted(json_answer({}, status)) as server, pytest.raises(Unavailable) as caught:
        door(server.url).quiz("q", "s")
    assert (caught.value.status, caught.value.ambiguous) == (status, True)


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        (["Retry-After: 30"], {}, 30),
        (["Retry-After: abc"], {}, 10),
        (["Retry-After: -1"], {}, 1),
        (["Retry-After: 9999999999"], {}, 60),
        ([], {"error": {"details": {"retry_after": 12}}}, 12),
        ([], {"error": {"details": {"retry_after": [1]}}}, 10),
        ([], {"error": "x"}, 10),
    ],
)
def test_429s(headers: list[str], body: Any, wait_s: float) -> None:
    with scripted(json_answer(body, 429, *headers)) as server:
        sumeru = door(server.url)
        with pytest.raises(Limited) as caught:
            sumeru.reviews("prd_1")
        assert (caught.value.retry_after_s, caught.value.status) == (wait_s, 429)
        with pytest.raises(Limited) as caught:
            sumeru.reviews("prd_1")
        assert caught.value.status == 0
        assert len(server.received) == 1


def test_the_breaker_opens_and_one_probe_closes_it() -> None:
    clock = Clock()
    with scripted(json_answer({}, 500)) as server:
        sumeru = door(server.url, clock=clock)
        for _ in range(10):
            with pytest.raises(Unavailable):
                sumeru.reviews("prd_1")
        assert len(server.received) == 5
        with pytest.raises(Unavailable) as caught:
            sumeru.reviews("prd_1")
        assert caught.value.reason == "breaker_open"
        server.answer = json_answer(REVIEWS_JSON)
        clock.now += 2.1
        assert sumeru.reviews("prd_1").reviews == ()
        assert sumeru.reviews("prd_1").reviews == ()
    assert len(server.received) == 7


def test_refusals_do_not_open_the_breaker() -> None:
    with scripted(json_answer({"error": {"code": "not_found"}}, 404)) as server:
        sumeru = door(server.url)
        for _ in range(8):
            with pytest.raises(Refused):
                sumeru.reviews("prd_1")
        assert len(server.received) == 8


def test_pages_end_at_a_repeated_cursor_and_at_twenty() -> None:
    numbers = iter(range(10_000))

    def answer(request: Received, sock: socket.socket) -> bool:
        cursor = "same" if "prd_same" in request.target else f"c{next(numbers)}"
        sock.sendall(
            raw(200, json.dumps({**REVIEWS_JSON, "pagination": {"next_cursor": cursor, "has_next": True}}).encode())
        )
        return True

    with scripted(answer) as server:
        sumeru = door(server.url)
        assert len(list(sumeru.review_pages("prd_same"))) == 2
        assert len(list(sumeru.review_pages("prd_other"))) == 20
        assert len(server.received) == 22


def test_an_evil_cursor_stays_a_query_value() -> None:
    with scripted(json_answer(REVIEWS_JSON)) as server:
        door(server.url).reviews("../../v1/api-keys", cursor="http://127.0.0.1:9/?x=../#")
        assert server.received[0].target == (
            "/api/public/reviews?product_id=..%2F..%2Fv1%2Fapi-keys&cursor=http%3A%2F%2F127.0.0.1%3A9%2F%3Fx%3D..%2F%23"
        )


@pytest.mark.parametrize("bad", ["short", "has space", "x" * 201, "k\r\nX-Evil: 1", "clé-clé-clé", ""])
def test_bad_idempotency_keys(bad: str) -> None:
    with pytest.raises(Refused):
        door("http://127.0.0.1:9").claim_referral("cus_1", idempotency_key=bad)


def test_metadata_and_observer() -> None:
    headers = [
        "X-RateLimit-Limit: 100",
        "X-RateLimit-Remaining: 97",
        "X-RateLimit-Reset: 1800000000",
        "X-Cache: hit",
        "X-Request-Id: req_9",
    ]
    seen: list[Observed] = []
    with scripted(json_answer(REVIEWS_JSON, 200, *headers)) as server:
        answer = door(server.url, observer=seen.append).call(REVIEWS, ask_reviews("prd_1"))
    meta = answer.meta
    assert (meta.limit, meta.remaining, meta.reset_at, meta.cache_hit, meta.request_id) == (
        100,
        97,
        1.8e9,
        True,
        "req_9",
    )
    assert [(each.meta, each.error, each.sent) for each in seen] == [(meta, "", True)]


def test_a_failing_observer_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def observer(_: Observed) -> None:
        raise RuntimeError(TOKEN)

    with scripted(json_answer(REVIEWS_JSON)) as server:
        door(server.url, observer=observer).reviews("prd_1")
    assert "RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_without_a_store_a_process_allows_itself_a_part() -> None:
    class Gone:
        def change(self, keys: Any, decide: Any) -> Any:
            raise StoreUnavailable

    with scripted(json_answer(REVIEWS_JSON)) as server:
        sumeru = door(server.url, store=Gone(), limits={})
        done = 0
        for _ in range(50):
            try:
                sumeru.reviews("prd_1")
                done += 1
            except Limited:
                break
        assert 1 <= done <= 5


def test_nothing_that_leaks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canaries = (TOKEN, PUBLIC_KEY, "canary-query", "canary@shopper.example", "canary-upstream")
    upstream = {"error": {"code": "canary-upstream", "message": "canary-upstream", "request_id": TOKEN}}
    answers = [
        reset,
        json_answer(upstream, 500),
        json_answer(upstream, 422),
        json_answer(upstream, 429),
        json_answer(upstream),
    ]
    errors: list[SumeruError] = []
    for answer in answers:
        with scripted(answer) as server:
            sumeru = door(server.url)
            with pytest.raises(SumeruError) as reading:
                sumeru.reviews("canary-query")
            with pytest.raises(SumeruError) as writing:
                sumeru.submit_review("canary-query", 5, "b", "n", "canary@shopper.example")
            with pytest.raises(SumeruError) as asking:
                sumeru.order("canary-query")
            errors += [reading.value, writing.value, asking.value]
            shown = repr(sumeru) + repr(sumeru.account) + str(sumeru.account.scopes("admin"))
            assert not [canary for canary in canaries if canary in shown]
    for error in errors:
        assert error.__cause__ is None
        text = str(error) + repr(error) + repr(error.args) + str(error.__dict__) + str(pickle.dumps(error))
        while error.__context__ is not None:
            assert isinstance(error.__context__, SumeruError)
            error = error.__context__
            text += str(error.__dict__)
        assert not [canary for canary in canaries if canary in text]
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith("sumeru_proxy.client")
    )
    assert not [canary for canary in canaries if canary in logged]


def test_a_page_call_ends_within_its_budget() -> None:
    with scripted(hang) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            door(server.url, budget=replace(session.PAGE_BUDGET, read_s=0.3, total_s=0.5)).reviews("prd_1")
        assert time.monotonic() - began < 1.0


def test_html_with_200_is_an_outage_and_garbage_is_unreadable() -> None:
    with scripted(fixed(raw(200, b"<html>", content_type="text/html"))) as server, pytest.raises(Unavailable):
        door(server.url).reviews("prd_1")
    with scripted(json_answer({"errors": [{"message": "x"}]})) as server, pytest.raises(Unreadable) as caught:
        door(server.url).reviews("prd_1")
    assert (caught.value.path, caught.value.endpoint) == ("data", "reviews")


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "http://api.example"},
        {"public_key": "pk\r\nX: y"},
        {"public_key": "pk key"},
        {"token": "copt_é"},
        {"shop_domain": "a\nb"},
        {"shop_domain": "a/b"},
        {"referral_path": "/api/../v1"},
        {"referral_path": "//evil.example/x"},
        {"limits": {"nothing": 5}},
        {"limits": {"admin": 0}},
        {"limits": {"admin": True}},
    ],
)
def test_malformed_accounts(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"host": "https://api.example", "public_key": PUBLIC_KEY, **wrong}
    with pytest.raises(ValueError) as caught:
        Account(**given)
    for name in ("public_key", "token"):
        assert str(wrong.get(name, "~")) not in str(caught.value)


def test_unknown_lanes() -> None:
    with pytest.raises(ValueError):
        door("http://127.0.0.1:9", "fast")
