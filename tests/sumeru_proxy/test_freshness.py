"""The refresher's rules: which copy first, how counts fade, what is asked again, when a lease is no longer ours."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client import errors
from sumeru_proxy.reading import copies, fetching, freshness, leases, stamps
from sumeru_proxy.reading.copies import Copy, Query
from sumeru_proxy.reading.freshness import HALF_LIFE_S, Popularity, Refresher, priority

pytestmark = pytest.mark.stores

SHOP = 1


def query(number: int, fresh_s: float = 60.0) -> Query:
    return Query("reviews", (("product_id", f"prd_{number}"),), (), fresh_s)


class Clock:
    """Monotonic and wall time of the modules under test, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    monkeypatch.setattr(time, "time", made)
    return made


@pytest.fixture(autouse=True)
def no_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever invalidated: these rules need no database."""
    monkeypatch.setattr(stamps, "current", lambda _shop, topics, **_more: dict.fromkeys(topics, stamps.Value(0, 0)))


class Cache:
    """A shared cache that runs out by the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.values: dict[str, tuple[Any, float]] = {}

    def get(self, key: str) -> Any:
        value, until = self.values.get(key, (None, 0.0))
        return value if self.clock.now < until else None

    def add(self, key: str, value: Any, timeout: float) -> bool:
        if self.get(key) is not None:
            return False
        self.values[key] = (value, self.clock.now + timeout)
        return True

    def set(self, key: str, value: Any, timeout: float) -> None:
        self.values[key] = (value, self.clock.now + timeout)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@pytest.fixture
def cache(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    made = Cache(clock)
    monkeypatch.setattr(leases, "cache", made)
    yield made
    leases.forget()


class Client:
    """A client whose answers or errors are given in advance, by product."""

    def __init__(self, outcomes: dict[str, Exception | str] | None = None) -> None:
        self.outcomes = outcomes or {}
        self.asked: list[str] = []

    def reviews(self, product_id: str) -> str:
        self.asked.append(product_id)
        outcome = self.outcomes.get(product_id, f"reviews of {product_id}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def refresher_of(client: Client) -> Refresher:
    return Refresher(lambda _shop: client)  # type: ignore[arg-type,return-value]


def store(clock: Clock, wanted: Query, age_s: float) -> None:
    copies.copies.store(wanted.key(SHOP), Copy("old", clock.now - age_s, wanted.fresh_s, ()))


def refreshed(refresher: Refresher, client: Client) -> list[str]:
    while refresher.waiting:
        refresher.refresh_one()
    return client.asked


# -- priority


@given(st.floats(1e-6, 1e3), st.floats(1, 1e6), st.floats(1.01, 100))
def test_priority_grows_with_rate_and_with_the_square_of_age(rate: float, age_s: float, factor: float) -> None:
    assert priority(rate * factor, age_s) == pytest.approx(factor * priority(rate, age_s))
    assert priority(rate, age_s * factor) == pytest.approx(factor**2 * priority(rate, age_s))


def test_the_copy_with_the_largest_rate_times_square_of_age_comes_first(clock: Clock) -> None:
    client = Client()
    refresher = refresher_of(client)
    # rate x age²: 8 x 100² = 80,000 · 1 x 300² = 90,000 · 2 x 200² = 80,000 with a hair less
    for number, (times, age_s) in enumerate(((8, 100.0), (1, 300.0), (2, 199.0))):
        store(clock, query(number), age_s)
        refresher.count(SHOP, query(number), times)
        refresher.ask(SHOP, query(number))
    assert refreshed(refresher, client) == ["prd_1", "prd_0", "prd_2"]


def test_time_in_the_queue_counts_as_age(clock: Clock) -> None:
    client = Client()
    refresher = refresher_of(client)
    for number, age_s in ((0, 100.0), (1, 130.0)):
        store(clock, query(number), age_s)
        refresher.count(SHOP, query(number), 5 if number == 0 else 2)
    refresher.ask(SHOP, query(1))
    clock.now += 600  # now prd_1 is 730 s old, and what is asked for later is not older by that
    store(clock, query(0), 100.0)
    refresher.count(SHOP, query(0), 3)
    refresher.ask(SHOP, query(0))
    assert refreshed(refresher, client) == ["prd_1", "prd_0"]


# -- decay


def test_a_count_halves_in_a_half_life() -> None:
    popularity = Popularity()
    popularity.count("a", 0.0, 8)
    rates = [popularity.rate("a", HALF_LIFE_S * number) for number in range(4)]
    assert rates == pytest.approx([8 * math.log(2) / HALF_LIFE_S / 2**number for number in range(4)])


def test_a_steady_rate_is_measured_as_what_it_is() -> None:
    popularity = Popularity()
    for second in range(10 * int(HALF_LIFE_S)):
        popularity.count("a", float(second))
    assert popularity.rate("a", 10 * HALF_LIFE_S) == pytest.approx(1.0, rel=0.01)


def test_the_least_read_keys_are_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "_COUNTS_LIMIT", 10)
    popularity = Popularity()
    for number in range(11):
        popularity.count(f"key {number}", 0.0, number + 1)
    assert [number for number in range(11) if popularity.rate(f"key {number}", 0.0)] == [6, 7, 8, 9, 10]


# -- what is asked again


def test_a_refresh_that_may_work_later_stays_in_the_queue(clock: Clock, cache: Cache) -> None:
    client = Client({"prd_1": errors.Unavailable(reason="timeout", endpoint="reviews")})
    refresher = refresher_of(client)
    store(clock, query(1), 100.0)
    refresher.ask(SHOP, query(1))
    assert refresher.refresh_one() > 0
    assert refresher.waiting == 1
    client.outcomes.clear()
    clock.now += leases.FAILED_PAUSE_S + 0.1
    refresher.refresh_one()
    assert client.asked == ["prd_1", "prd_1"]
    assert refresher.waiting == 0


def test_a_refresh_that_cannot_work_is_not_asked_again(clock: Clock) -> None:
    refused = errors.Refused(endpoint="reviews", code="forbidden", status=403)
    client = Client({"prd_1": refused})
    refresher = refresher_of(client)
    store(clock, query(1), 100.0)
    refresher.ask(SHOP, query(1))
    refresher.refresh_one()
    assert refresher.waiting == 0


def test_what_was_refreshed_a_moment_ago_is_left(clock: Clock) -> None:
    """Clocks of machines may differ by more than a copy's life: each would refresh the other's copies without end."""
    client = Client()
    refresher = refresher_of(client)
    store(clock, query(1), 100.0)
    refresher.ask(SHOP, query(1))
    refresher.refresh_one()
    refresher.ask(SHOP, query(1))
    assert refresher.waiting == 0
    clock.now += query(1).fresh_s / 2 + 1
    refresher.ask(SHOP, query(1))
    assert refresher.waiting == 1


# -- leases


def test_a_lease_is_given_back_at_the_end(cache: Cache) -> None:
    with leases.lease("key") as leased:
        assert leased
        with leases.lease("key") as second:
            assert not second
    with leases.lease("key") as leased:
        assert leased


def test_a_lease_that_ran_out_is_another_process_s_and_is_left_alone(cache: Cache, clock: Clock) -> None:
    with leases.lease("key"):
        clock.now += leases.LEASE_S + 1
        cache.set("lease:key", "held by another", timeout=leases.LEASE_S)
    assert cache.get("lease:key") == "held by another"


def test_after_a_failure_nobody_begins_again_for_a_moment(cache: Cache, clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="no answer"), leases.lease("key"):
        raise RuntimeError("no answer")
    with leases.lease("key") as leased:
        assert not leased
    leases.forget()  # another process, which knows the shared cache alone
    with leases.lease("key") as leased:
        assert not leased
    clock.now += leases.FAILED_PAUSE_S + 0.1
    with leases.lease("key") as leased:
        assert leased


# -- what Sumeru does not know


def test_an_absent_value_is_asked_for_again_after_a_minute(clock: Clock) -> None:
    client = Client({"prd_1": errors.Refused(endpoint="reviews", code="not_found", status=404)})
    copy = fetching.fetch(SHOP, client, query(1, fresh_s=3_600.0))  # type: ignore[arg-type]
    assert copy.value is None
    assert copy.fresh_s == fetching.ABSENT_FRESH_S
    assert copy.state(clock.now + fetching.ABSENT_FRESH_S - 1, {}) == "fresh"
    assert copy.state(clock.now + fetching.ABSENT_FRESH_S, {}) == "stale"
    assert copy.keep_s == fetching.ABSENT_FRESH_S + copies.KEEP_ABSENT_S


def test_a_good_copy_is_not_replaced_by_one_absence(clock: Clock) -> None:
    """First see it good, then say "not found" for some minutes: shoppers keep the good copy, and one good answer ends the doubt."""
    missing = errors.Refused(endpoint="reviews", code="not_found", status=404)
    client = Client()
    fetching.fetch(SHOP, client, query(1))  # type: ignore[arg-type]
    fetched_at = clock.now
    client.outcomes["prd_1"] = missing
    for _minute in range(5):
        clock.now += 59
        copy = fetching.fetch(SHOP, client, query(1))  # type: ignore[arg-type]
        assert (copy.value, copy.fetched_at) == ("reviews of prd_1", fetched_at)
    client.outcomes.clear()
    clock.now += 59
    assert fetching.fetch(SHOP, client, query(1)).absent_since == 0.0  # type: ignore[arg-type]
    client.outcomes["prd_1"] = missing
    assert fetching.fetch(SHOP, client, query(1)).value == "reviews of prd_1"  # type: ignore[arg-type]
    clock.now += fetching.CONFIRM_ABSENT_S
    assert fetching.fetch(SHOP, client, query(1)).value is None  # type: ignore[arg-type]


def test_what_must_not_be_shown_is_absent_at_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    fetching.fetch(SHOP, client, Query("reviews", (("product_id", "prd_1"),), ("reviews",)))  # type: ignore[arg-type]
    monkeypatch.setattr(stamps, "current", lambda _shop, topics, **_more: dict.fromkeys(topics, stamps.Value(1, 1)))
    client.outcomes["prd_1"] = errors.Refused(endpoint="reviews", code="not_found", status=404)
    copy = fetching.fetch(SHOP, client, Query("reviews", (("product_id", "prd_1"),), ("reviews",)))  # type: ignore[arg-type]
    assert copy.value is None
