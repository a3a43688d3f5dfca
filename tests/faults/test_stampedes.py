"""Crowds for what nobody has yet, for what has just become stale, and a whole shop at once: Sumeru hears of each thing once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from sumeru_proxy.client.limiter import pace_of
from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import (
    bundles,
    calls_of,
    crowd,
    faulty,
    overrun,
    per_key,
    percentile,
    set_limits,
    slowest_s,
    states,
    upstream_limits,
)
from tests.faults.running_site import Site, Web
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SLACK = 1.0
"""A call is counted when it arrives, which may be a little later than when it was permitted."""


def warm(web: Web, paths: list[str]) -> None:
    for path in paths:
        assert wait_until(lambda path=path: web.get(path).json()["state"] != "pending", 20, 0.05), path  # type: ignore[misc]


def test_a_cold_stampede_costs_one_call(shared_place: Site, shared_web: Web, quiet_upstream: Sandbox) -> None:
    with faulty(quiet_upstream, {"kind": "latency", "seconds": 0.2}):
        replies = crowd(shared_web.port, [bundles(shared_place, 20)] * 500)
    assert {reply.status for reply in replies} == {200}
    assert per_key(calls_of(quiet_upstream)) == {"prd_20": 1}
    print(f"{shared_place.engine}: {states(replies)}, p99 {percentile(replies, 0.99):.3f} s")
    assert set(states(replies)) <= {"empty", "ready", "pending"}
    assert all(reply.headers["cache-control"] == "no-store" for reply in replies if b'"pending"' in reply.body)
    assert set(states(crowd(shared_web.port, [bundles(shared_place, 20)] * 20))) <= {"empty", "ready"}


def test_a_stale_stampede_costs_one_call_and_waits_for_none(
    shared_place: Site, shared_web: Web, quiet_upstream: Sandbox
) -> None:
    path = bundles(shared_place, 30)
    warm(shared_web, [path])
    crowd(shared_web.port, [path] * 20)
    quiet_upstream.control.forget_calls()
    with faulty(quiet_upstream, {"kind": "latency", "seconds": 3.0}):
        shared_place.manage("invalidate", shared_place.key, "bundles")
        assert wait_until(lambda: not shared_web.get(path).json()["fresh"], 5, 0.05)
        replies = crowd(shared_web.port, [path] * 100)
        assert wait_until(lambda: len(calls_of(quiet_upstream)) == 1, 10, 0.05)
        # It ends only after the crowd was served: nobody waited for the upstream's three seconds.
        assert "pending" not in states(replies)
        assert wait_until(lambda: shared_web.get(path).json()["fresh"], 10, 0.05)
    assert {reply.status for reply in replies} == {200}
    assert percentile(replies, 0.99) < 2.5
    assert wait_until(lambda: all(reply.json()["fresh"] for reply in crowd(shared_web.port, [path] * 10)), 10)
    assert per_key(calls_of(quiet_upstream)) == {"prd_30": 1}


def test_a_mass_expiry_is_paced_and_refreshes_nothing_twice(shared_place: Site, quiet_upstream: Sandbox) -> None:
    limit, count = 1_200, 150
    paths = [bundles(shared_place, number) for number in range(100, 100 + count)]
    web = shared_place.web(SUMERU_EGRESS="mass-expiry")
    try:
        crowd(web.port, paths, at_once=20)
        warm(web, paths)
        set_limits(shared_place, public_reads_per_ip=limit)
        quiet_upstream.control.forget_calls()
        shared_place.manage("invalidate", shared_place.key, "bundles")
        pace = pace_of(limit)

        lag_s = 0.0

        def all_fresh() -> bool:
            nonlocal lag_s
            replies = crowd(web.port, paths * 2, at_once=50)
            lag_s = max(lag_s, slowest_s(replies))  # as busy as the machine was meanwhile
            assert {reply.status for reply in replies} == {200}
            assert "pending" not in states(replies)
            return all(reply.json()["fresh"] for reply in replies)

        assert wait_until(lambda: len(calls_of(quiet_upstream)) >= 1 or not all_fresh(), 5, 0.1)
        assert wait_until(all_fresh, 60, 0.2)
        calls = calls_of(quiet_upstream)
        assert set(per_key(calls).values()) == {1}
        assert len(calls) == count
        assert overrun(calls, pace.rate, pace.burst + SLACK, lag_s) <= 0
    finally:
        web.kill()
        set_limits(shared_place)


@pytest.mark.parametrize(("limit", "count"), [(3_000, 500), (1_200, 200)], ids=["500-distinct-keys", "cold-start"])
def test_many_cold_keys_stay_within_the_budget_and_all_come(
    limit: int, count: int, shared_place: Site, quiet_upstream: Sandbox
) -> None:
    first = 600 if count == 500 else 1_200
    paths = [bundles(shared_place, number) for number in range(first, first + count)]
    pace = pace_of(limit)
    set_limits(shared_place, public_reads_per_ip=limit)
    web = shared_place.web(SUMERU_EGRESS=f"cold-{count}")
    try:
        with upstream_limits(quiet_upstream, public_reads_per_ip=limit):
            replies = crowd(web.port, paths)
            lag_s = slowest_s(replies)
            assert {reply.status for reply in replies} == {200}
            counted = states(replies)
            print(
                f"{shared_place.engine}: first {counted}, p50 {percentile(replies, 0.5):.3f}, p99 {percentile(replies, 0.99):.3f} s"
            )
            assert counted["empty"] >= pace.burst / 4
            assert all(
                1 <= int(reply.headers["retry-after"]) <= 60 for reply in replies if reply.json()["state"] == "pending"
            )

            def all_there() -> bool:
                nonlocal lag_s
                again = crowd(web.port, paths, at_once=50)
                lag_s = max(lag_s, slowest_s(again))
                assert {reply.status for reply in again} == {200}
                return "pending" not in states(again)

            assert wait_until(all_there, 90, 0.25)
            calls = calls_of(quiet_upstream)
            assert quiet_upstream.calls()["statuses"] == {"200": len(calls)}
        assert len(calls) == count
        assert set(per_key(calls).values()) == {1}
        assert overrun(calls, pace.rate, pace.burst + SLACK, lag_s) <= 0
        seconds = calls[-1]["at"] - calls[0]["at"]
        print(
            f"{shared_place.engine}: {count} keys in {seconds:.1f} s, {(count - pace.burst) / pace.rate:.1f} s at best"
        )
        web.kill()
        quiet_upstream.control.forget_calls()
        web = shared_place.web(SUMERU_EGRESS=f"cold-{count}")
        after = crowd(web.port, paths, at_once=50)
        assert states(after) == {"empty": count}
        assert calls_of(quiet_upstream) == []
    finally:
        web.kill()
        set_limits(shared_place)


def test_who_fetches_may_be_killed_and_the_others_fetch_soon(shared_place: Site, quiet_upstream: Sandbox) -> None:
    path = bundles(shared_place, 2_000)
    web = shared_place.web(processes=1)
    other = shared_place.web(processes=1)
    try:
        with faulty(quiet_upstream, {"kind": "hang", "times": 1}):
            with ThreadPoolExecutor(1) as pool:
                lost = pool.submit(web.get, path)
                assert wait_until(lambda: quiet_upstream.faults.active() == [], 10, 0.02)
                web.kill()
                assert isinstance(lost.exception(10), (OSError, HTTPException))
            reply = other.get(path)
            assert (reply.status, reply.json()["state"]) == (
                200,
                "pending",
            )  # whose lease it is may be alive for all we know
            assert wait_until(lambda: other.get(path).json()["state"] == "empty", 15, 0.2)
        assert per_key(calls_of(quiet_upstream))["prd_2000"] <= 2
    finally:
        web.kill()
        other.kill()
