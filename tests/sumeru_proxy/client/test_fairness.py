"""Shops share an address and client networks a shop: never over a limit, nobody starves, nothing is lost."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sumeru_proxy.client import fairness
from sumeru_proxy.client.account import Account
from sumeru_proxy.client.limiter import LimitHeaders, Scope, State, settle, take
from sumeru_proxy.client.resource import READS

START = 1_800_000_000.0
RATE = 1.5


@cache
def scopes_of(shop: str, network: str) -> tuple[Scope, ...]:
    return Account(host="https://api.sumeru.systems", shop_domain=f"{shop}.example").scopes(READS, network)


class Address:
    """All shops behind one address, in a store that is a dictionary."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.passed: Counter[tuple[str, str]] = Counter()
        self.log: list[float] = []

    def ask(self, shop: str, network: str, now: float, lane: str = "page") -> float:
        scopes = scopes_of(shop, network)
        changed, wait_s = take(scopes, {each.key: self.states.get(each.key, {}) for each in scopes}, lane, 1, now)
        self.states.update(changed)
        if wait_s <= 0:
            self.passed[shop, network] += 1
            self.log.append(now)
        return wait_s

    def of_shop(self, shop: str) -> int:
        return sum(count for (name, _), count in self.passed.items() if name == shop)


def flood(address: Address, shop: str, networks: int, start: float, seconds: float, per_second: float = 4.0) -> float:
    """Strangers of so many networks ask in turn; gives when they end."""
    for number in range(int(seconds * per_second)):
        address.ask(shop, f"stranger {number % networks}", start + number / per_second)
    return start + seconds


@pytest.mark.parametrize("networks", [1, 10, 100])
def test_a_shopper_of_another_shop_finds_a_call_at_once(networks: int) -> None:
    address = Address()
    address.ask("quiet", "shopper", START - 60)
    now = flood(address, "loud", networks, START, 100)
    assert address.ask("quiet", "shopper", now) == 0.0


@pytest.mark.parametrize("networks", [1, 10, 100])
def test_a_new_shopper_of_the_same_shop_finds_a_call_at_once(networks: int) -> None:
    address = Address()
    address.ask("loud", "first shopper", START - 60)
    now = flood(address, "loud", networks, START, 60 + 4 * networks)
    assert address.ask("loud", "second shopper", now) == 0.0


def test_who_is_alone_gets_everything() -> None:
    address = Address()
    flood(address, "only", 1, START, 300)
    assert address.of_shop("only") >= 0.97 * RATE * 300


def test_two_busy_shops_halve_the_address_whatever_they_ask() -> None:
    address = Address()
    for tick in range(600):
        now = START + tick / 4
        for number in range(4):
            address.ask("loud", f"n{number}", now)
        address.ask("calm", "n", now)
    total = address.of_shop("loud") + address.of_shop("calm")
    assert total >= 0.97 * RATE * 150
    assert address.of_shop("calm") >= 0.4 * total


def test_a_shop_that_comes_back_gets_its_share_and_not_what_it_lent() -> None:
    address = Address()
    flood(address, "a", 1, START, 400)
    before = address.of_shop("a")
    for tick in range(600):
        now = START + 400 + tick / 4
        address.ask("a", "n", now)
        address.ask("b", "n", now)
    assert address.of_shop("a") - before >= 0.35 * RATE * 150
    assert address.of_shop("b") >= 0.45 * RATE * 150


def test_networks_of_a_shop_share_it() -> None:
    address = Address()
    for tick in range(600):
        now = START + tick / 4
        for _ in range(3):
            address.ask("shop", "loud", now)
        address.ask("shop", "calm", now)
    assert address.passed["shop", "calm"] >= 0.4 * address.of_shop("shop")
    assert address.passed["shop", "loud"] >= 0.4 * address.of_shop("shop")


def test_a_storefronts_own_server_has_the_share_of_many() -> None:
    address = Address()
    for tick in range(600):
        now = START + tick / 4
        for name in (fairness.SERVER, "one", "two", "three"):
            address.ask("shop", name, now)
    assert address.passed["shop", fairness.SERVER] >= 2 * address.passed["shop", "one"]
    assert address.passed["shop", "one"] > 0


def test_what_costs_nothing_does_not_count() -> None:
    address = Address()
    scopes = scopes_of("a", "n")
    address.ask("a", "n", START)
    told = LimitHeaders(cache_hit=True)
    address.states.update(
        settle(scopes, {each.key: address.states[each.key] for each in scopes}, told, 1, START, START)
    )
    assert all(fairness.calls_lately(address.states[each.key]["parties"], each.party, START) == 0 for each in scopes)


def test_what_is_remembered_is_bounded() -> None:
    parties: dict[str, list[float]] = {}
    for number in range(1_000):
        parties = fairness.counted(parties, f"n{number}", 1.0, START)
        parties = fairness.noted(parties, f"w{number}", START + 5, START)
    assert len(parties) <= fairness.PARTIES_LIMIT


def test_a_time_that_cannot_be_is_no_waiting() -> None:
    parties = {"other": [0.0, 0.0, START, START + 10**6], "me": [50.0, 50.0, START, 0.0]}
    assert fairness.left_to_others(parties, "me", START) == 0.0


def test_a_state_tells_nobodys_network() -> None:
    address = Address()
    address.ask("shop", "203.0.113.77", START)
    assert "203.0.113.77" not in repr(address.states)


class Sharing(RuleBasedStateMachine):
    """Any shops and networks ask whenever they like, some as often as they can."""

    def __init__(self) -> None:
        super().__init__()
        self.address = Address()
        self.now = START
        self.waiting_since: dict[tuple[str, str], float] = {}

    @rule(pause=st.sampled_from([0.0, 0.1, 0.7, 3.0, 40.0]))
    def time_passes(self, pause: float) -> None:
        self.now += pause

    @rule(
        shop=st.sampled_from("abc"), network=st.sampled_from("xyz"), lane=st.sampled_from(["page", "refresh", "spare"])
    )
    def somebody_asks(self, shop: str, network: str, lane: str) -> None:
        self.address.ask(shop, network, self.now, lane)

    @rule(shop=st.sampled_from("abc"), network=st.sampled_from("xyz"), times=st.integers(5, 30))
    def somebody_hammers(self, shop: str, network: str, times: int) -> None:
        for _ in range(times):
            self.address.ask(shop, network, self.now)
            self.now += 0.05

    @rule(shop=st.sampled_from("abc"), network=st.sampled_from("xyz"))
    def who_waits_as_told_passes_soon(self, shop: str, network: str) -> None:
        """While another hammers all the time."""
        began, wait_s = self.now, self.address.ask(shop, network, self.now)
        while wait_s > 0:
            until = self.now + wait_s
            while self.now < until:
                self.address.ask("a", "x" if (shop, network) != ("a", "x") else "y", self.now)
                self.now += 0.5
            wait_s = self.address.ask(shop, network, self.now)
            # Had it been greedy before, others that had less go first; but nobody is owed more than a few minutes.
            assert self.now - began < 600.0

    @rule()
    def nothing_is_lost(self) -> None:
        """Whoever it is: with somebody asking all the time, no more than a burst is left lying."""
        before = len(self.address.log)
        for tick in range(80):
            self.address.ask("b", "z", self.now + tick / 4)
        self.now += 20.0
        assert len(self.address.log) - before >= RATE * 20 - 5

    @invariant()
    def never_over_the_limit(self) -> None:
        log = list(self.address.log)
        assert all(last - first > 60.0 for first, last in zip(log, log[95:], strict=False))


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
