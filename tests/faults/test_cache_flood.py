"""A flood of ids that nobody has: memory stays bounded, what shoppers read stays at hand, and Sumeru hears no more than its budget."""

from __future__ import annotations

import re
import time

import pytest

from sumeru_proxy.client.limiter import pace_of
from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import bundles, calls_of, crowd, overrun, set_limits, slowest_s, states
from tests.faults.running_site import Site, Web
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

MIB = 1024 * 1024
LIMIT = 1_200
FLOOD_S = 15.0
HOT_BYTES = 4 * MIB


def figure(web: Web, name: str) -> float:
    """One process's own figure; which process answers is chance."""
    found = re.search(rf"(?m)^{name} ([0-9.e+]+)$", web.get("/metrics").body.decode())
    assert found, name
    return float(found[1])


def test_a_flood_of_strange_ids_pushes_nothing_out(shared_place: Site, quiet_upstream: Sandbox) -> None:
    set_limits(shared_place, public_reads_per_ip=LIMIT)
    web = shared_place.web(SUMERU_EGRESS="flood", SUMERU_HOT_BYTES=str(HOT_BYTES))
    popular = [bundles(shared_place, number) for number in range(2_820, 2_870)]
    try:
        assert wait_until(lambda: "pending" not in states(crowd(web.port, popular * 2, at_once=10)), 60, 0.2)
        crowd(web.port, popular * 4, at_once=10)
        before, lag_s, asked, pending = web.rss_bytes(), 0.0, 0, 0
        quiet_upstream.control.forget_calls()
        began = time.monotonic()
        while time.monotonic() - began < FLOOD_S:
            strange = [f"/w/v1/{shared_place.key}/bundles.json?product_id=x{asked + number}" for number in range(400)]
            replies = crowd(web.port, strange, at_once=40)
            asked += len(strange)
            known = crowd(web.port, popular, at_once=10)
            pending += states(known).get("pending", 0)
            lag_s = max(lag_s, slowest_s(replies), slowest_s(known))
            assert {reply.status for reply in (*replies, *known)} == {200}
            assert figure(web, "sumeru_hot_bytes") <= HOT_BYTES
        calls, pace = calls_of(quiet_upstream), pace_of(LIMIT)
        grown = web.rss_bytes() - before
        print(
            f"{shared_place.engine}: {asked} strange ids, {len(calls)} calls, {grown / MIB:.1f} MiB more in two processes"
        )
        assert pending == 0
        assert overrun(calls, pace.rate, pace.burst + 1, lag_s) <= 0
        assert not {f"prd_{number}" for number in range(2_820, 2_870)} & {call["query"]["product_id"] for call in calls}
        # What was answered is remembered, also that there is no such thing.
        assert len({call["query"]["product_id"] for call in calls}) == len(calls)
        assert grown < 60 * MIB
    finally:
        web.kill()
        set_limits(shared_place)
