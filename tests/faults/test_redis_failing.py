"""The shared cache away, hanging or emptied, and machines whose clocks disagree: pages stay, and Sumeru hears no more than before."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from sumeru_proxy.client.gate import SHARE_WITHOUT_STORE
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
)
from tests.faults.running_site import Site, Web, site
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@dataclass
class OwnRedis:
    """A Redis that a test may stop, pause and empty."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("no Redis here")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL)
        assert wait_until(self.answers, 10, 0.05)

    def answers(self) -> bool:
        with contextlib.closing(redis.Redis(port=self.port, socket_timeout=1)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = OwnRedis(port, tmp_path_factory.mktemp("redis"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def place_on_it(
    own_redis: OwnRedis, large_upstream: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with site("postgresql", tmp_path_factory.mktemp("on-redis"), large_upstream, CACHE_URL=own_redis.url) as made:
        yield made


@pytest.fixture(scope="module")
def web_on_it(place_on_it: Site) -> Web:
    return place_on_it.web()


WARM = range(40, 60)


def warmed(place: Site, web: Web) -> list[str]:
    """Pages of which both processes hold copies."""
    paths = [bundles(place, number) for number in WARM]
    # Which process answers is chance: often enough that each of them has answered everything.
    assert wait_until(lambda: "pending" not in states(crowd(web.port, paths * 40, at_once=32)), 40, 0.1)
    return paths


@contextlib.contextmanager
def failing(own: OwnRedis, how: str) -> Iterator[None]:
    if how == "dead":
        own.stop()
    elif how == "hanging":
        own.signal(signal.SIGSTOP)
    else:
        with contextlib.closing(redis.Redis(port=own.port)) as client:
            client.flushall()
    try:
        yield
    finally:
        if how == "dead":
            own.start()
        elif how == "hanging":
            own.signal(signal.SIGCONT)


@pytest.mark.parametrize("how", ["dead", "hanging", "flushed"])
def test_pages_stay_and_the_upstream_hears_no_storm(
    how: str, own_redis: OwnRedis, place_on_it: Site, web_on_it: Web, quiet_upstream: Sandbox
) -> None:
    limit = 600
    paths = warmed(place_on_it, web_on_it)
    set_limits(place_on_it, public_reads_per_ip=limit)
    quiet_upstream.control.forget_calls()
    replies = []
    try:
        with failing(own_redis, how):
            began = time.monotonic()
            while time.monotonic() - began < 6:
                replies += crowd(web_on_it.port, paths * 4, at_once=16)
            # What nobody has: each process within its own part of the limit, and each key asked for once by each of them.
            cold = [bundles(place_on_it, number) for number in range(2_100, 2_160)]
            replies += (cold_replies := crowd(web_on_it.port, cold, at_once=60))
            calls = calls_of(quiet_upstream)
        assert {reply.status for reply in replies} == {200}
        warm_replies = replies[: -len(cold)]
        assert "pending" not in states(warm_replies)
        print(
            f"{how}: p50 {percentile(warm_replies, 0.5):.4f}, p99 {percentile(warm_replies, 0.99):.3f}, cold {states(cold_replies)}"
        )
        assert percentile(warm_replies, 0.9) < 0.5
        if how != "flushed":
            pace = pace_of(int(limit * SHARE_WITHOUT_STORE))
            seconds = time.monotonic() - began
            assert 1 <= len(calls) <= 2 * (pace.burst + pace.rate * seconds) + 2
            assert max(per_key(calls).values()) <= 2
        else:
            pace = pace_of(limit)
            assert overrun(calls, pace.rate, pace.burst + 1, slowest_s(replies)) <= 0
            assert set(per_key(calls)) <= {f"prd_{number}" for number in range(2_100, 2_160)}
        # Afterwards it is shared again: a key that is new costs one call for both processes.
        fresh = iter(range(*{"dead": (2_200, 2_300), "hanging": (2_300, 2_400), "flushed": (2_400, 2_500)}[how]))

        def shared_again() -> bool:
            path, before = bundles(place_on_it, number := next(fresh)), len(calls_of(quiet_upstream))
            assert wait_until(lambda: set(states(crowd(web_on_it.port, [path] * 20))) == {"empty"}, 20, 0.2)
            mine = [call["query"]["product_id"] for call in calls_of(quiet_upstream)[before:]]
            return mine == [f"prd_{number}"]

        assert wait_until(shared_again, 20, 0.2)
        assert "Traceback" not in place_on_it.logs()
    finally:
        set_limits(place_on_it)


@pytest.mark.parametrize("shift_s", [3_600, -3_600, 300])
def test_machines_whose_clocks_disagree(
    shift_s: int, shared_place: Site, shared_web: Web, quiet_upstream: Sandbox
) -> None:
    """One machine an hour ahead or behind: copies of the other are shown, nothing is refreshed again and again, nothing is eternal."""
    first = {3_600: 2_300, -3_600: 2_320, 300: 2_340}[shift_s]
    paths = [bundles(shared_place, number) for number in range(first, first + 10)]
    elsewhere = shared_place.web(target="tests.faults.watched_wsgi:application", SHIFT_S=str(shift_s))
    try:
        assert wait_until(lambda: "pending" not in states(crowd(elsewhere.port, paths, at_once=8)), 20)
        assert wait_until(lambda: "pending" not in states(crowd(shared_web.port, paths, at_once=8)), 20)
        until = time.monotonic() + 8
        counted = []
        while time.monotonic() < until:
            replies = crowd(elsewhere.port, paths * 2, at_once=8) + crowd(shared_web.port, paths * 2, at_once=8)
            assert {reply.status for reply in replies} == {200}
            assert set(states(replies)) == {"empty"}
            counted.append(len(calls_of(quiet_upstream)))
        print(f"{shared_place.engine} {shift_s:+d} s: calls {counted[0]} … {counted[-1]} for {len(paths)} keys in 8 s")
        # A second copy per key when clocks differ by more than its life; never call after call.
        assert counted[-1] <= 6 * len(paths)
        shared_place.manage("invalidate", shared_place.key, "bundles")
        before = counted[-1]
        assert wait_until(
            lambda: crowd(shared_web.port, paths, at_once=8) and len(calls_of(quiet_upstream)) >= before + len(paths),
            20,
        )
        with faulty(quiet_upstream, {"kind": "status", "status": 503}):
            assert set(states(crowd(elsewhere.port, paths, at_once=8))) == {"empty"}
    finally:
        elsewhere.kill()
