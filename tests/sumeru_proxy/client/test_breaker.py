from __future__ import annotations

from sumeru_proxy.client.breaker import PROBE_MOST_S, State, admit, record

NOW = 1_800_000_000.0


def after(results: str, state: State | None = None) -> State:
    current: State = state or {}
    for result in results:
        current = record(current, result == "1", False, NOW)
    return current


def test_five_failures_in_a_row_open_it() -> None:
    assert admit(after("0000"), NOW).wait_s == 0
    assert admit(after("00000"), NOW).wait_s == 2.0
    assert admit(after("000010000"), NOW).wait_s == 0


def test_more_than_half_of_twenty_open_it() -> None:
    assert admit(after("01" * 10), NOW).wait_s == 0
    assert admit(after("0" + "01" * 9 + "0"), NOW).wait_s > 0
    assert admit(after("00101010101010101"), NOW).wait_s == 0, "not before twenty are known"


def test_one_probe_for_all_then_closed_or_twice_as_long() -> None:
    state = after("00000")
    assert admit(state, NOW + 1.9).wait_s > 0
    first = admit(state, NOW + 2.0)
    assert (first.wait_s, first.probe) == (0, True)
    assert first.state is not None
    second = admit(first.state, NOW + 2.1)
    assert second.wait_s > 0
    assert not second.probe
    assert record(first.state, True, True, NOW + 3) == {}
    waits = []
    now = NOW + 2.0
    current = first.state
    for _ in range(6):
        current = record(current, False, True, now)
        waits.append(round(admit(current, now).wait_s))
        now += waits[-1]
        probe = admit(current, now)
        assert probe.probe
        assert probe.state is not None
        current = probe.state
    assert waits == [4, 8, 16, 30, 30, 30]


def test_stragglers_do_not_change_an_open_breaker() -> None:
    state = after("00000")
    assert record(state, True, False, NOW) == state
    assert record(state, False, False, NOW) == state


def test_a_probe_that_died_is_replaced() -> None:
    probing = admit(after("00000"), NOW + 2).state
    assert probing is not None
    assert not admit(probing, NOW + 2 + PROBE_MOST_S - 1).probe
    assert admit(probing, NOW + 2 + PROBE_MOST_S).probe


def test_one_who_read_the_clock_earlier_does_not_probe_too() -> None:
    probing = admit(after("00000"), NOW + 3).state
    assert probing is not None
    assert not admit(probing, NOW + 2.9).probe


def test_a_clock_that_was_set_back_lets_a_probe_through() -> None:
    assert admit(after("00000"), NOW - 7200).probe
