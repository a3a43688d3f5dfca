"""Sumeru that accepts and never answers, or answers a byte at a time: pages stay as quick as ever, and nothing is left hanging."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sumeru_proxy.client.breaker import FAILURES_IN_A_ROW, OPEN_FIRST_S
from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import bundles, calls_of, crowd, faulty, percentile, states
from tests.faults.running_site import Site, Web
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HANG_S = 15.0


def held(web: Web) -> tuple[int, int]:
    """Threads and descriptors of all processes that answer."""
    pids = web.workers()
    threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids)
    return threads, sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def test_a_hanging_upstream_is_probed_now_and_then_and_holds_up_nobody(
    shared_place: Site, quiet_upstream: Sandbox
) -> None:
    web = shared_place.web(SUMERU_EGRESS="hang")
    paths = [bundles(shared_place, number) for number in range(2_740, 2_760)]
    try:
        assert wait_until(lambda: "pending" not in states(crowd(web.port, paths * 4, at_once=8)), 40, 0.1)
        crowd(web.port, paths * 10, at_once=16)
        healthy = crowd(web.port, paths * 10, at_once=16)
        before = held(web)
        with faulty(quiet_upstream, {"kind": "hang", "endpoint": "bundles"}):
            quiet_upstream.control.forget_calls()
            shared_place.manage("invalidate", shared_place.key, "bundles")
            began, replies = time.monotonic(), []
            while (seconds := time.monotonic() - began) < HANG_S:
                replies += crowd(web.port, paths * 4, at_once=16)
            calls = calls_of(quiet_upstream)
        assert {reply.status for reply in replies} == {200}
        assert "pending" not in states(replies)
        # Two processes may each have one under way when the breaker opens; then one probe for both at a time.
        most = FAILURES_IN_A_ROW + 2 + seconds / OPEN_FIRST_S
        print(
            f"{shared_place.engine}: p99 {percentile(healthy, 0.99) * 1000:.1f} ms healthy, "
            f"{percentile(replies, 0.99) * 1000:.1f} ms while it hangs; {len(calls)} calls in {seconds:.0f} s"
        )
        assert 1 <= len(calls) <= most
        assert wait_until(lambda: all(reply.json()["fresh"] for reply in crowd(web.port, paths, at_once=8)), 90, 0.5)
        # Each process may keep a connection or two to Sumeru and to its stores open beyond those of before.
        assert wait_until(lambda: held(web)[0] <= before[0] + 4 and held(web)[1] <= before[1] + 12, 20, 0.2), (
            before,
            held(web),
        )
    finally:
        web.kill()


def test_a_byte_a_second_is_given_up_and_the_copy_stays(shared_place: Site, quiet_upstream: Sandbox) -> None:
    web = shared_place.web(SUMERU_EGRESS="drip")
    warm, cold = (bundles(shared_place, number) for number in (2_770, 2_771))
    try:
        assert wait_until(lambda: web.get(warm).json()["state"] == "empty", 20, 0.1)
        with faulty(quiet_upstream, {"kind": "drip", "interval_s": 1.0, "endpoint": "bundles"}):
            before = held(web)
            reply = web.get(cold, timeout_s=30)  # the whole body would take longer than that
            print(f"{shared_place.engine}: given up after {reply.seconds:.2f} s")
            assert (reply.status, reply.json()["state"]) == (200, "pending")
            shared_place.manage("invalidate", shared_place.key, "bundles")
            assert wait_until(lambda: not web.get(warm).json()["fresh"], 10, 0.05)
            assert wait_until(lambda: len(calls_of(quiet_upstream)) >= 2, 20, 0.05)
            assert web.get(warm).json()["state"] == "empty"
            # Two processes may each have begun to refresh and taken another thread for requests meanwhile; those stay.
            assert wait_until(lambda: held(web)[0] <= before[0] + 6, 20, 0.2), (before, held(web))
        assert wait_until(lambda: web.get(cold).json()["state"] == "empty", 60, 0.2)
    finally:
        web.kill()
