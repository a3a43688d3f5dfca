"""Sumeru's limits under load: never above them, lowered at once by what it says, never raised by it; and its 429s, however odd."""

from __future__ import annotations

import contextlib
import time
from email.utils import formatdate
from typing import Any

import pytest
import redis

from sumeru_proxy.client.limiter import pace_of
from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import (
    bundles,
    calls_of,
    crowd,
    faulty,
    overrun,
    set_limits,
    slowest_s,
    states,
    upstream_limits,
)
from tests.faults.running_site import Site, open_form, redis_url, submit
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LIMIT = 600
SLACK = 1.0


def pressed(place: Site, port: int, upstream: Sandbox, seconds: float) -> tuple[list[dict[str, Any]], float]:
    """The calls while four processes are asked for more than they may ask for, and how late those may have been counted."""
    upstream.control.forget_calls()
    began, lag_s = time.monotonic(), 0.0
    paths = [bundles(place, number) for number in range(1_400, 2_000)]
    while time.monotonic() - began < seconds:
        replies = crowd(port, paths, at_once=100)
        lag_s = max(lag_s, slowest_s(replies))
        assert {reply.status for reply in replies} == {200}
        place.manage("invalidate", place.key, "bundles")
    return calls_of(upstream), lag_s


def test_four_processes_stay_below_every_limit_and_follow_what_sumeru_says(
    shared_place: Site, quiet_upstream: Sandbox
) -> None:
    set_limits(shared_place, public_reads_per_ip=LIMIT)
    web = shared_place.web(processes=4, SUMERU_EGRESS="budget")
    try:
        with upstream_limits(quiet_upstream, public_reads_per_ip=LIMIT):
            pace = pace_of(LIMIT)
            calls, lag_s = pressed(shared_place, web.port, quiet_upstream, 8)
            assert len(calls) > pace.burst  # it was pressed hard enough for the pace to be felt
            assert overrun(calls, pace.rate, pace.burst + SLACK, lag_s) <= 0
            # Sumeru says that half is left of the limit: obeyed from two seconds later.
            half = pace_of(LIMIT // 2)
            with faulty(quiet_upstream, {"kind": "headers", "headers": {"X-RateLimit-Limit": str(LIMIT // 2)}}):
                pressed(shared_place, web.port, quiet_upstream, 2)
                slower, lag_s = pressed(shared_place, web.port, quiet_upstream, 8)
                assert overrun(slower, half.rate, half.burst + SLACK, lag_s) <= 0
            # It says that much more is left than there can be: not believed.
            generous = {"X-RateLimit-Remaining": "1000000", "X-RateLimit-Limit": "1000000"}
            with faulty(quiet_upstream, {"kind": "headers", "headers": generous}):
                same, lag_s = pressed(shared_place, web.port, quiet_upstream, 6)
                assert overrun(same, pace.rate, pace.burst + SLACK, lag_s) <= 0
            statuses = quiet_upstream.calls()["statuses"]
            assert "429" not in statuses, statuses
        print(f"{shared_place.engine}: {len(calls)} calls, then {len(slower)} with half of the limit, then {len(same)}")
    finally:
        web.kill()
        set_limits(shared_place)


def forget_pauses(place: Site) -> None:
    """As if no 429 had ever come: its pause holds for the whole shop, and the next test must not wait for its end."""
    if place.engine == "postgresql":
        with contextlib.closing(redis.Redis.from_url(redis_url())) as memory:
            memory.flushdb()
    else:
        place.manage("shell", "-v", "0", "-c", "from sumeru_proxy.models import Bucket; Bucket.objects.all().delete()")


ODD = [30, "abc", -1, 9_999_999_999, formatdate(0, usegmt=True), None]


def test_a_429_pauses_what_it_is_about_and_nothing_else(shared_place: Site, quiet_upstream: Sandbox) -> None:
    warm = bundles(shared_place, 2_780)
    for position, wait in enumerate(ODD if shared_place.engine == "postgresql" else ODD[:2]):
        web = shared_place.web(SUMERU_EGRESS=f"storm-{position}")
        try:
            assert wait_until(lambda web=web: web.get(warm).json()["state"] == "empty", 20, 0.1)  # type: ignore[misc]
            with faulty(quiet_upstream, {"kind": "429", "retry_after": wait, "endpoint": "bundles"}):
                quiet_upstream.control.forget_calls()
                refused = web.get(bundles(shared_place, 2_790 + position))
                assert (refused.status, refused.json()["state"]) == (200, "pending"), wait
                assert 1 <= int(refused.headers["retry-after"]) <= 60, wait
                # Everybody knows it now: nobody asks, nobody sleeps, what is there is shown.
                others = crowd(web.port, [bundles(shared_place, 2_800 + number) for number in range(20)] + [warm] * 20)
                assert {reply.status for reply in others} == {200}
                assert states(others) == {"pending": 20, "empty": 20}, wait
                assert len(calls_of(quiet_upstream)) == 1, wait
        finally:
            web.kill()
            forget_pauses(shared_place)


def test_writes_go_on_after_a_429(shared_place: Site, quiet_upstream: Sandbox) -> None:
    web = shared_place.web(SUMERU_EGRESS="storm-writes")
    keys = {f"submission-{number:06d}" for number in range(7_000, 7_003)}

    def delivered() -> list[dict[str, Any]]:
        return [each for each in quiet_upstream.control.writes()["reviews"] if each["idempotency_key"] in keys]

    try:
        token = open_form(shared_place, web)
        storm: dict[str, Any] = {"endpoint": "reviews-submit", "times": 2}
        left = {"X-RateLimit-Remaining": "5"}  # else the reset, a minute later, would be waited for
        with faulty(
            quiet_upstream,
            {"kind": "429", "retry_after": 1, **storm},
            {"kind": "headers", "headers": left, **storm},
        ):
            for number in range(3):
                assert submit(shared_place, web, 7_000 + number, token).status in (200, 202)
            worker = shared_place.work()
            assert wait_until(lambda: len(delivered()) == 3, 60, 0.2), shared_place.rows(
                "SELECT kind, state, reason, attempts FROM sumeru_proxy_job"
            )
            assert worker.poll() is None
        assert [entry["applied"] for entry in delivered()] == [1, 1, 1]
    finally:
        shared_place.stop_workers()
        web.kill()
        forget_pauses(shared_place)
