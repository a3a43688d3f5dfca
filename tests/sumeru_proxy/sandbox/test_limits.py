"""The limits: pure windows first, then over the wire."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.sandbox.limits import Limits, Scope
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.sandbox.conversation import OTHER_KEY, Conversation


def test_a_window_slides() -> None:
    limits, scopes = Limits(), [Scope("a", 3)]
    verdicts = [limits.take(scopes, 1, at) for at in (0.0, 10.0, 20.0, 30.0)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert (verdicts[3].retry_after_s, verdicts[3].reset_at) == (30, 60.0)
    assert not limits.take(scopes, 1, 59.9).allowed
    assert limits.take(scopes, 1, 60.0).allowed
    assert not limits.take(scopes, 1, 60.1).allowed


def test_all_scopes_or_none() -> None:
    limits, tight, wide = Limits(), Scope("tight", 1), Scope("wide", 2)
    assert limits.take([tight, wide], 1, 0).allowed
    assert not limits.take([tight, wide], 1, 1).allowed
    assert limits.take([wide], 1, 2).allowed


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.integers(1, 4)), max_size=120))
def test_no_minute_ever_holds_more_than_the_limit(steps: list[tuple[float, int]]) -> None:
    limits, scope, now = Limits(), Scope("a", 10), 0.0
    allowed: list[tuple[float, int]] = []
    for pause_s, cost in steps:
        now += pause_s
        verdict = limits.take([scope], cost, now)
        if verdict.allowed:
            allowed.append((now, cost))
        else:
            assert limits.take([scope], 0, now).allowed
            assert sum(size for at, size in allowed if now - 60 < at <= now) + cost > 10
        assert sum(size for at, size in allowed if now - 60 < at <= now) <= 10


def test_the_hundred_and_first_read_is_refused(server: Sandbox, talk: Conversation) -> None:
    server.edge.on = False
    answers = [talk.get("referral?customer_id=cus_1") for _ in range(101)]
    assert [answer.status for answer in answers] == [200] * 100 + [429]
    assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers[:100]] == list(range(99, -1, -1))
    refused = answers[-1]
    assert refused.code == "rate_limited"
    wait_s = int(refused.headers["retry-after"])
    assert 50 <= wait_s <= 60
    assert refused.json()["error"]["details"]["retry_after"] == wait_s
    assert abs(int(refused.headers["x-ratelimit-reset"]) - server.clock.now() - wait_s) <= 2
    # The address is shared by all shops; another address is free.
    assert talk.get("referral?customer_id=cus_1", X_Public_Key=OTHER_KEY).status == 429
    assert talk.get("referral?customer_id=cus_1", X_Sandbox_Client_IP="10.0.0.9").status == 200
    server.clock.shift(wait_s)
    assert talk.get("referral?customer_id=cus_1").status == 200
    assert talk.call("GET", "/_sandbox/calls").data["busiest_minute"]["public_reads"] >= 101


def test_the_shop_has_a_limit_of_its_own() -> None:
    with running(limits={"public_reads_per_shop": 2}) as server:
        talk = Conversation(server)
        path = "referral?customer_id=cus_1"
        answers = [talk.get(path, X_Sandbox_Client_IP=f"10.0.0.{n}").status for n in range(3)]
        assert answers == [200, 200, 429]
        assert talk.get(path, X_Public_Key=OTHER_KEY).status == 200


def test_hits_are_free_and_bulk_counts_per_item(server: Sandbox, talk: Conversation) -> None:
    def remaining(path: str) -> int:
        return int(talk.get(path).headers["x-ratelimit-remaining"])

    assert remaining("reviews?product_id=prd_1") == 99
    assert remaining("reviews?product_id=prd_1") == 99
    assert remaining("product-feed?product_ids=prd_1,prd_2,prd_3") == 98  # a read by ids is one call
    assert remaining("product-feed?limit=3") == 97
    events = [{"id": f"e{n}", "type": "browse", "occurred_at": "2026-05-01T10:00:00Z"} for n in range(40)]
    assert talk.post("pixel", {"events": events}).headers["x-ratelimit-remaining"] == "960"
    assert server.calls()["edge_hits"] == 1


def test_writes_have_twenty_a_minute(talk: Conversation) -> None:
    statuses = [talk.post("referral", {"customer_id": "cus_1"}).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert talk.get("referral?customer_id=cus_1").status == 200


def test_an_admin_plan_allows_a_burst_and_no_more(server: Sandbox, talk: Conversation) -> None:
    free = {"Authorization": "Bearer copt_test_" + "3" * 32}

    def spend() -> int:
        allowed = 0
        while talk.call("GET", "/api/v1/orders?limit=1", None, free).status == 200:
            allowed += 1
        return allowed

    server.clock.freeze(True)
    assert spend() == 20
    for expected in (20, 20, 0):
        server.clock.shift(10)
        assert spend() == expected
    assert talk.get("/api/v1/orders?limit=1").status == 200


def test_limits_can_be_off_and_changed(server: Sandbox, talk: Conversation) -> None:
    talk.call("POST", "/_sandbox/limits", {"set": {"public_reads_per_ip": 1}})
    path = "referral?customer_id=cus_1"
    assert [talk.get(path).status for _ in range(2)] == [200, 429]
    talk.call("POST", "/_sandbox/limits", {"on": False})
    assert talk.get(path).status == 200
    assert talk.call("POST", "/_sandbox/limits", {"set": {"nonsense": 1}}).status == 422
    with pytest.raises(ValueError, match="nonsense"):
        Limits({"nonsense": 1})
