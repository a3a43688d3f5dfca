from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.client import limiter
from sumeru_proxy.client.limiter import (
    LANES,
    SHARES,
    LimitHeaders,
    MemoryStore,
    Scope,
    State,
    pace_of,
    settle,
    spoken_of,
    take,
)
from sumeru_proxy.client.resource import PIXEL, READS, WRITES

START = 1_800_000_000.0


class Bucket:
    """Scopes with their states, driven by hand."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes
        self.states: dict[str, State] = {scope.key: {} for scope in scopes}

    def take(self, lane: str, now: float, cost: int = 1) -> float:
        changed, wait_s = take(self.scopes, self.states, lane, cost, now)
        self.states.update(changed)
        return wait_s

    def settle(self, told: LimitHeaders, now: float, cost: int = 1, taken_at: float | None = None) -> None:
        self.states.update(settle(self.scopes, self.states, told, cost, now if taken_at is None else taken_at, now))


def reads(limit: int = 100, key: str = "ip", **more: object) -> Scope:
    return Scope(key, limit, READS, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "rate", "burst"),
    [
        (100, 1.5, 5),
        (20, 0.3, 1),
        (1_000, 15, 50),
        (10_000, 150, 500),
        (60, 0.9, 3),
        (300, 4.5, 15),
        (600, 9, 30),
        (1_500, 22.5, 75),
    ],
)
def test_paces(limit: int, rate: float, burst: float) -> None:
    pace = pace_of(limit)
    assert pace.rate == pytest.approx(rate)
    assert pace.burst == pytest.approx(burst)


@given(st.integers(1, 200_000), st.integers(1, 100))
def test_every_pace_stays_below_its_limit(limit: int, largest: int) -> None:
    pace = pace_of(limit, largest)
    assert pace.rate > 0
    assert pace.burst >= 1
    if limit >= 5:
        assert pace.rate * 60 + pace.burst <= 0.95 * limit + 1e-9


STEP = st.tuples(
    st.sampled_from(LANES),
    st.one_of(st.just(0.0), st.floats(0, 0.7), st.floats(0, 8), st.floats(30, 90)),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.05, 0.5, 3.0, None]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([(1, READS), (3, READS), (20, WRITES), (100, READS), (60, WRITES), (1_000, PIXEL)]),
    st.lists(STEP, min_size=20, max_size=250),
    st.booleans(),
)
@pytest.mark.thorough
def test_no_sliding_minute_exceeds_the_limit(
    kind: tuple[int, str], steps: list[tuple[str, float, int, float | None]], bulky: bool
) -> None:
    """All lanes mixed, bursts of attempts, bulk costs, and cache hits that are refunded late (they do not count)."""
    limit, limit_class = kind
    logged = limit_class == READS
    bucket = Bucket(Scope("s", limit, limit_class, 100 if limit_class == PIXEL else 1, logged))
    counted: deque[tuple[float, int]] = deque()
    refunds: list[tuple[float, float, int]] = []
    now = START
    for lane, pause, cost, latency in steps:
        now += pause
        for due in [each for each in refunds if each[0] <= now]:
            refunds.remove(due)
            bucket.settle(LimitHeaders(cache_hit=True), due[0], due[2], due[1])
        cost = cost if bulky and limit_class in (READS, PIXEL) and cost <= limit else 1
        for _ in range(12):
            if bucket.take(lane, now, cost) > 0:
                break
            if latency is None or random.Random(now).random() < 0.5:
                counted.append((now, cost))
            else:
                refunds.append((now + latency, now, cost))
        while counted and counted[0][0] < now - 60.0:
            counted.popleft()
        assert sum(each for _, each in counted) <= limit


@pytest.mark.parametrize(("limit", "limit_class"), [(100, READS), (20, WRITES), (1_000, PIXEL), (600, READS)])
@pytest.mark.thorough
def test_the_budget_is_used_and_never_exceeded_when_all_lanes_push(limit: int, limit_class: str) -> None:
    bucket = Bucket(Scope("s", limit, limit_class, 100 if limit_class == PIXEL else 1, limit_class == READS))
    done: Counter[str] = Counter()
    window: deque[float] = deque()
    busiest = 0
    source = random.Random(7)
    lanes = [lane for lane in limiter.SHARES[limit_class] if lane not in limiter.CAPPED]
    for tick in range(100 * 600):
        now = START + tick / 100
        for lane in source.sample(lanes, len(lanes)):
            if bucket.take(lane, now) <= 0:
                done[lane] += 1
                window.append(now)
        while window and window[0] < now - 60:
            window.popleft()
        busiest = max(busiest, len(window))
    total = sum(done.values())
    assert busiest <= 0.95 * limit + 1e-9
    assert total >= 0.97 * pace_of(limit).rate * 600 - 2 or limit_class == PIXEL
    for lane in lanes:
        assert done[lane] >= 0.9 * limiter.SHARES[limit_class][lane] * total, (lane, done)


@pytest.mark.parametrize("greedy", ["page", "refresh", "worker"])
def test_a_lane_alone_borrows_everything(greedy: str) -> None:
    bucket = Bucket(reads())
    taken = sum(bucket.take(greedy, START + tick / 10) <= 0 for tick in range(6000))
    assert taken >= 0.95 * 1.5 * 600


def test_a_capped_lane_gets_its_share_and_no_more_however_idle_the_rest_is() -> None:
    bucket = Bucket(reads(logged=True))
    taken = sum(bucket.take("check", START + tick / 10) <= 0 for tick in range(6000))
    assert 0.9 * 0.05 * 1.5 * 600 <= taken <= 0.05 * 1.5 * 600 + 1


def test_a_capped_lane_is_not_starved() -> None:
    bucket = Bucket(reads(logged=True))
    taken = 0
    for tick in range(6000):
        for lane in ("page", "refresh", "index"):
            bucket.take(lane, START + tick / 10)
        taken += bucket.take("check", START + tick / 10) <= 0
    assert taken >= 0.8 * 0.05 * 1.5 * 600


def test_a_page_finds_its_tokens_at_once_while_a_refresher_borrows() -> None:
    bucket = Bucket(reads())
    for tick in range(600):
        bucket.take("refresh", START + tick / 10)
        bucket.take("worker", START + tick / 10)
    assert [bucket.take("page", START + 60.0) for _ in range(2)] == [0.0, 0.0]


def test_a_waiting_worker_is_not_starved_by_a_busy_page_lane() -> None:
    bucket = Bucket(reads())
    done: Counter[str] = Counter()
    retry_at = START
    for tick in range(6000):
        now = START + tick / 10
        done["page"] += bucket.take("page", now) <= 0
        if now >= retry_at:
            wait_s = bucket.take("worker", now)
            done["worker"] += wait_s <= 0
            retry_at = now + wait_s
    assert done["worker"] >= 0.8 * SHARES[READS]["worker"] * 1.5 * 600


def test_all_scopes_or_none() -> None:
    bucket = Bucket(reads(100, "ip"), reads(20, "shop"))
    assert bucket.take("page", START) == 0
    before = bucket.states["ip"]["tat"]
    assert bucket.take("page", START) > 0
    assert bucket.states["ip"]["tat"] == before


def test_waiting_as_told_succeeds_soon() -> None:
    """Others may have to go first, so the first wait need not be the last; but there is an end to it."""
    source = random.Random(3)
    bucket = Bucket(reads())
    now = START
    for _ in range(400):
        lane = source.choice(["page", "refresh", "worker"])
        waits = 0
        while (wait_s := bucket.take(lane, now)) > 0:
            now += wait_s
            waits += 1
            assert waits <= 4
        now += source.random() * 0.3


def test_headers_only_lower() -> None:
    calm = Bucket(reads())
    calm.take("page", START)
    before = dict(calm.states)
    calm.settle(LimitHeaders(limit=100_000, remaining=99_999, reset_at=START + 60), START)
    calm.settle(LimitHeaders(limit=100, remaining=100, reset_at=START + 60), START)
    assert calm.states == before

    bucket = Bucket(reads())
    bucket.take("page", START)
    bucket.settle(LimitHeaders(limit=100, remaining=2, reset_at=START + 30), START)
    taken = [bucket.take("page", START + 0.01) for _ in range(4)]
    assert [wait == 0 for wait in taken] == [True, True, False, False]


@pytest.mark.parametrize("late_s", [0.5, 3.0, 20.0])
def test_an_answer_that_is_recorded_late_gives_nothing_back(late_s: float) -> None:
    """A process may read its clock, then wait for the store while others count; or its clock may be a little behind theirs."""
    bucket = Bucket(reads(600))
    taken = sum(bucket.take("page", START) <= 0 for _ in range(100))
    assert taken == 30
    bucket.settle(LimitHeaders(limit=600, remaining=570, reset_at=START + 60), START - late_s)
    assert bucket.take("page", START) > 0


def test_calls_that_others_count_a_moment_ahead_stay_in_the_log() -> None:
    bucket = Bucket(reads(100, key="bulk", logged=True))
    assert bucket.take("page", START, cost=2) <= 0
    assert bucket.take("page", START - 1.0) <= 0
    assert bucket.take("page", START + 20, cost=73) > 0
    assert bucket.take("page", START + 20, cost=72) <= 0


def test_nothing_remaining_closes_until_the_reset() -> None:
    bucket = Bucket(reads())
    bucket.settle(LimitHeaders(limit=100, remaining=0, reset_at=START + 30), START)
    assert bucket.take("page", START + 29.9) == pytest.approx(0.1)
    assert bucket.take("page", START + 30.1) == 0


def test_a_smaller_limit_shrinks_the_rate_until_its_reset() -> None:
    bucket = Bucket(reads())
    taken = 0
    for tick in range(1, 6000):
        now = START + tick / 10
        if bucket.take("refresh", now) <= 0:
            taken += 1
            bucket.settle(LimitHeaders(limit=50, remaining=40, reset_at=now + 20), now)
    assert taken <= 600 / 60 * 50
    quiet = START + 600 + 61
    assert sum(bucket.take("page", quiet) <= 0 for _ in range(10)) == 5, "back to the configured burst"


@pytest.mark.parametrize(("said", "closed"), [(30.0, 30.0), (9_999_999_999.0, 60.0), (-1.0, 1.0), (0.0, 1.0)])
def test_a_429_closes_for_its_clamped_time(said: float, closed: float) -> None:
    bucket = Bucket(reads())
    bucket.settle(LimitHeaders(limit=100, remaining=50, refused_s=said), START)
    assert bucket.take("page", START) == pytest.approx(closed)
    assert bucket.take("page", START + closed + 0.01) == 0


@pytest.mark.parametrize(
    ("limit", "keys"),
    [(100, {"ip"}), (10_000, {"shop"}), (50, {"ip"}), (5_000, {"shop"}), (20_000, set()), (None, {"ip", "shop"})],
)
def test_whom_an_answer_speaks_of(limit: int | None, keys: set[str]) -> None:
    assert {scope.key for scope in spoken_of((reads(100, "ip"), reads(10_000, "shop")), limit)} == keys


def test_a_hit_is_given_back() -> None:
    bucket = Bucket(reads())
    for _ in range(50):
        assert bucket.take("page", START) == 0
        bucket.settle(LimitHeaders(limit=100, remaining=3, cache_hit=True), START)


def test_a_late_refund_gives_back_no_more_than_was_left() -> None:
    """A hit on an idle bucket, then a miss: afterwards the bucket is no fuller than after the miss alone."""
    for logged in (False, True):
        both, alone = Bucket(reads(logged=logged)), Bucket(reads(logged=logged))
        both.take("page", START)
        for bucket in (both, alone):
            assert bucket.take("page", START + 0.6) == 0
        both.settle(LimitHeaders(cache_hit=True), START + 0.62, taken_at=START)
        assert both.states["ip"]["tat"] >= alone.states["ip"]["tat"] - 1e-6
        left = [sum(bucket.take("page", START + 0.63) <= 0 for _ in range(9)) for bucket in (both, alone)]
        assert left[0] <= left[1]


def test_bulk_calls_pass_when_the_minute_has_room() -> None:
    bucket = Bucket(reads(100, logged=True))
    assert bucket.take("page", START, 48) == 0
    assert bucket.take("page", START + 1, 1) == 0, "others go on meanwhile"
    assert bucket.take("page", START + 3, 46) > 0, "the bucket is not full yet"
    assert bucket.take("page", START + 30, 27) > 0, "single reads find a quarter of the minute"
    assert bucket.take("page", START + 30, 26) == 0
    assert sum(bucket.take("page", START + 35 + second, 1) == 0 for second in range(24)) == 20, "95 in this minute"
    assert bucket.take("refresh", START + 62, 1) == 0
    assert limiter.fits((reads(100, logged=True),), 100)
    assert not limiter.fits((reads(100, logged=True),), 101)
    assert not limiter.fits((Scope("w", 20, WRITES),), 2)


def test_a_clock_that_was_set_back_does_not_close_for_hours() -> None:
    bucket = Bucket(reads(100, logged=True))
    for _ in range(8):
        bucket.take("page", START + 7200)
    bucket.settle(LimitHeaders(limit=60, remaining=0, refused_s=60, reset_at=START + 7260), START + 7200)
    assert bucket.take("page", START) <= 60
    assert bucket.take("page", START + 61) == 0


def test_a_memory_store_is_atomic_over_threads() -> None:
    store = MemoryStore()

    def work() -> None:
        for _ in range(500):

            def decide(states: Mapping[str, State]) -> tuple[dict[str, State], None]:
                return {key: {"n": states[key].get("n", 0) + 1} for key in ("a", "b")}, None

            store.change(["a", "b"], decide)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.change(["a"], lambda states: ({}, states["a"]["n"])) == 4000
