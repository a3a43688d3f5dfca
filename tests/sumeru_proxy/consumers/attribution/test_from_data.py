"""Markov and Shapley: worked by hand, against dense linear algebra, against brute force; error bars against a plain recount."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import permutations
from math import fsum, sqrt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution import certainty, markov, shapley
from sumeru_proxy.consumers.attribution.markov import NotEnoughJourneys, Transitions, removal_effects

Walks = list[tuple[tuple[str, ...], bool]]
walks = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6).map(tuple), st.booleans()),
    min_size=1,
    max_size=40,
).filter(lambda found: any(converted for _walk, converted in found))


def transitions_of(found: Walks, order: int = 1) -> Transitions:
    result = Transitions(order)
    for channels, converted in found:
        result.add(channels, converted)
    return result


def random_walks(count: int, channels: int, seed: int) -> Walks:
    random_ = random.Random(seed)
    names = [f"c{number}" for number in range(channels)]
    return [(tuple(random_.choices(names, k=random_.randrange(1, 15))), random_.random() < 0.2) for _ in range(count)]


def dense_probability(found: Walks, order: int, removed: str | None) -> Fraction:
    """P(conversion) from the walks themselves, with fractions and plain Gauss-Jordan elimination over all states."""
    steps: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}
    for channels, converted in found:
        states = [(), *(channels[max(0, end - order) : end] for end in range(1, len(channels) + 1))]
        for state, following in zip(states, [*states[1:], ("!yes" if converted else "!no",)], strict=True):
            row = steps.setdefault(state, {})
            row[following] = row.get(following, 0) + 1
    states = list(steps)
    size = len(states)
    matrix = [[Fraction(int(i == j)) for j in range(size)] + [Fraction(0)] for i in range(size)]
    for i, state in enumerate(states):
        if state and state[-1] == removed:
            continue
        for following, count in steps[state].items():
            part = Fraction(count, sum(steps[state].values()))
            if following == ("!yes",):
                matrix[i][size] += part
            elif following != ("!no",):
                matrix[i][states.index(following)] -= part
    for pivot in range(size):
        swap = next(row for row in range(pivot, size) if matrix[row][pivot])
        matrix[pivot], matrix[swap] = matrix[swap], matrix[pivot]
        matrix[pivot] = [value / matrix[pivot][pivot] for value in matrix[pivot]]
        for row in range(size):
            if row != pivot and matrix[row][pivot]:
                factor = matrix[row][pivot]
                matrix[row] = [value - factor * other for value, other in zip(matrix[row], matrix[pivot], strict=True)]
    return matrix[states.index(())][size]


def test_removal_effects_worked_by_hand() -> None:
    # a→b→yes, a→no, b→yes, b→no. P = 1/2 P(a) + 1/2 P(b); P(b) = 2/3; P(a) = 1/2 · 2/3 = 1/3; P = 1/2.
    # Without a: 1/2 · 2/3 = 1/3, effect 1/3. Without b: 0, effect 1.
    found: Walks = [(("a", "b"), True), (("a",), False), (("b",), True), (("b",), False)]
    effects = removal_effects(transitions_of(found))
    assert effects == pytest.approx({"a": 1 / 3, "b": 1.0}, abs=1e-15)
    assert markov.shares(effects) == pytest.approx({"a": 0.25, "b": 0.75}, abs=1e-15)


def test_a_second_order_sees_what_the_first_cannot() -> None:
    # b converts only after a. At order 1 b's walks look alike.
    found: Walks = [(("a", "b"), True), (("c", "b"), False)]
    assert removal_effects(transitions_of(found, 1))["c"] == pytest.approx(0.5)
    assert removal_effects(transitions_of(found, 2))["c"] == pytest.approx(0.0)


@pytest.mark.parametrize("order", [1, 2, 3])
@settings(max_examples=25)
@given(found=walks)
def test_effects_equal_dense_linear_algebra(order: int, found: Walks) -> None:
    effects = removal_effects(transitions_of(found, order))
    whole = dense_probability(found, order, None)
    assert set(effects) == {channel for channels, _converted in found for channel in channels}
    for channel, effect in effects.items():
        assert abs(effect - float(1 - dense_probability(found, order, channel) / whole)) <= 1e-9


@pytest.mark.parametrize(("order", "channels", "count"), [(2, 9, 400), (3, 4, 300)])
def test_many_states_by_sweeps_equal_dense_linear_algebra(order: int, channels: int, count: int) -> None:
    found = random_walks(count, channels, seed=5)
    counted = transitions_of(found, order)
    assert len({state for state, _following in counted.counts}) > 60
    effects = removal_effects(counted)
    assert abs(effects["c1"] - (1 - _solved(found, order, "c1") / _solved(found, order, None))) <= 1e-9


def _solved(found: Walks, order: int, removed: str | None) -> float:
    """The same system with floating point and full pivoting by rows."""
    counted = transitions_of(found, order)
    states = sorted({state for state, _following in counted.counts})
    index = {state: number for number, state in enumerate(states)}
    totals = [sum(count for (at, _to), count in counted.counts.items() if at == state) for state in states]
    matrix = [[float(i == j) for j in range(len(states))] + [0.0] for i in range(len(states))]
    for (state, following), count in counted.counts.items():
        row = index[state]
        if state and state[-1] == removed:
            continue
        if following in index:
            matrix[row][index[following]] -= count / totals[row]
        elif following == ("\x00converted",):
            matrix[row][-1] += count / totals[row]
    size = len(states)
    for pivot in range(size):
        best = max(range(pivot, size), key=lambda row: abs(matrix[row][pivot]))
        matrix[pivot], matrix[best] = matrix[best], matrix[pivot]
        for row in range(pivot + 1, size):
            factor = matrix[row][pivot] / matrix[pivot][pivot]
            if factor:
                for column in range(pivot, size + 1):
                    matrix[row][column] -= factor * matrix[pivot][column]
    values = [0.0] * size
    for row in range(size - 1, -1, -1):
        rest = fsum(matrix[row][column] * values[column] for column in range(row + 1, size))
        values[row] = (matrix[row][size] - rest) / matrix[row][row]
    return values[index[()]]


def test_counts_in_parts_are_the_same_counts() -> None:
    found = random_walks(300, 5, seed=1)
    whole, parts = transitions_of(found, 2), Transitions(2)
    for start in range(0, 300, 50):
        parts.merge(transitions_of(found[start : start + 50], 2))
    assert parts.counts == whole.counts
    assert removal_effects(parts) == removal_effects(whole)
    parts.merge(transitions_of(found[:50], 2), -1)
    assert parts.counts == transitions_of(found[50:], 2).counts


def test_without_conversions_there_is_no_effect() -> None:
    for counted in (Transitions(), transitions_of([(("a",), False)])):
        with pytest.raises(NotEnoughJourneys):
            removal_effects(counted)
    with pytest.raises(NotEnoughJourneys):
        shapley.values(shapley.Sets())
    with pytest.raises(NotEnoughJourneys):
        certainty.enough(199)
    certainty.enough(200)


def sets_of(found: Walks) -> shapley.Sets:
    result = shapley.Sets()
    for channels, converted in found:
        result.add(channels, converted)
    return result


def brute_force(found: Walks) -> dict[str, Fraction]:
    """Shapley's own definition: the average gain over all orders of joining."""
    names = sorted({channel for channels, _converted in found for channel in channels})

    def worth(members: frozenset[str]) -> Fraction:
        same = [converted for channels, converted in found if frozenset(channels) == members]
        return Fraction(sum(same), len(same)) if same else Fraction(0)

    result = dict.fromkeys(names, Fraction(0))
    orders = list(permutations(names))
    for order in orders:
        for end, channel in enumerate(order):
            result[channel] += worth(frozenset(order[: end + 1])) - worth(frozenset(order[:end]))
    return {channel: total / len(orders) for channel, total in result.items()}


@settings(max_examples=50)
@given(walks)
def test_shapley_equals_brute_force(found: Walks) -> None:
    values = shapley.values(sets_of(found))
    expected = brute_force(found)
    assert set(values) == set(expected)
    for channel, value in expected.items():
        assert values[channel] == pytest.approx(float(value), abs=1e-12)


def test_shapley_worked_by_hand() -> None:
    # v(a) = 1/2, v(b) = 0, v(ab) = 1. a: (1/2 + 1)/2 = 3/4, b: (0 + 1/2)/2 = 1/4.
    found: Walks = [(("a",), True), (("a",), False), (("b",), False), (("a", "b"), True)]
    assert shapley.values(sets_of(found)) == {"a": 0.75, "b": 0.25}
    # v(a) = 1, v(ab) = 0: b makes it worse, a: (1 + 0)/2, b: (0 - 1)/2.
    worse: Walks = [(("a",), True), (("a", "b"), False)]
    assert shapley.values(sets_of(worse)) == {"a": 0.5, "b": -0.5}
    assert shapley.effects(sets_of(worse)) == {"a": 0.5, "b": 0.0}


def test_sixteen_channels_by_their_sets_equal_the_sum_over_all_sets() -> None:
    found = random_walks(3_000, 16, seed=3)
    counted = sets_of(found)
    names = sorted({channel for channels, _converted in found for channel in channels})
    assert len(names) == 16
    bits = {name: 1 << number for number, name in enumerate(names)}
    worth = [0.0] * (1 << 16)
    for members, journeys in counted.journeys.items():
        worth[sum(bits[name] for name in members)] = counted.conversions.get(members, 0) / journeys
    factorials = [1.0]
    for number in range(1, 17):
        factorials.append(factorials[-1] * number)
    by_size = [factorials[size] * factorials[15 - size] / factorials[16] for size in range(16)]
    values = shapley.values(counted)
    for name in names[:3]:
        bit = bits[name]
        gains = (
            by_size[members.bit_count()] * (worth[members | bit] - worth[members])
            for members in range(1 << 16)
            if not members & bit
        )
        assert values[name] == pytest.approx(fsum(gains), abs=1e-12)


def test_beyond_twenty_channels_the_rarest_are_one_group() -> None:
    found: Walks = [((f"c{number:02}",), True) for number in range(25) for _ in range(30 - number)]
    counted = sets_of(found)
    rare = shapley.rarest_beyond(counted)
    assert rare == {f"c{number:02}" for number in range(19, 25)}
    values = shapley.values(counted)
    assert set(values) == {f"c{number:02}" for number in range(25)}
    assert len({values[channel] for channel in rare}) == 1
    assert shapley.OTHER not in values


def test_error_bars_equal_a_plain_recount_without_each_block() -> None:
    found = random_walks(600, 4, seed=9)
    blocks = [transitions_of(found[number :: certainty.BLOCKS]) for number in range(certainty.BLOCKS)]
    whole = transitions_of(found)
    before = dict(whole.counts)
    estimates = certainty.estimates(whole, blocks, removal_effects)
    assert whole.counts == before
    left = [
        markov.shares(
            removal_effects(transitions_of([walk for i, walk in enumerate(found) if i % certainty.BLOCKS != number]))
        )
        for number in range(certainty.BLOCKS)
    ]
    for channel, estimate in estimates.items():
        others = [each[channel] for each in left]
        mean = sum(others) / 50
        assert estimate.error == pytest.approx(sqrt(49 / 50 * sum((each - mean) ** 2 for each in others)), rel=1e-6)
        assert 0 < estimate.error < estimate.share
        assert estimate.weight == round(removal_effects(whole)[channel] * 1_000_000)
    assert sum(estimate.share for estimate in estimates.values()) == pytest.approx(1)


def test_error_bars_of_shapley_with_a_channel_of_one_block_only() -> None:
    found: Walks = [*random_walks(200, 3, seed=2), (("rare",), True)]
    blocks = [sets_of(found[number :: certainty.BLOCKS]) for number in range(certainty.BLOCKS)]
    estimates = certainty.estimates(sets_of(found), blocks, shapley.effects)
    assert estimates["rare"].error > 0


def test_published_data_gives_what_another_package_found() -> None:
    """ChannelAttribution simulates walks, so its effects are near ours; ours are exact for the same counts."""
    published = json.loads(Path(__file__).with_name("published_markov.json").read_text())
    transitions = markov.Transitions(1)
    ends = {"converted": markov._CONVERTED, "nothing": markov._NOTHING}
    for step, count in published["steps"].items():
        state, _to, following = step.partition(">")
        transitions.counts[(state,) if state else markov.START, ends.get(following, (following,))] = count
    assert transitions.conversions == 19_785
    last = {state[0]: count for (state, end), count in transitions.counts.items() if end == markov._CONVERTED}
    assert last == {name: found["last_touch_conversions"] for name, found in published["published"].items()}
    effects = markov.removal_effects(transitions)
    theirs = {name: found["removal_effect"] for name, found in published["published"].items()}
    assert effects.keys() == theirs.keys()
    for name, effect in effects.items():
        assert effect == pytest.approx(theirs[name], abs=0.0102, rel=0), name
        if effect > 0.02:
            assert effect == pytest.approx(theirs[name], rel=0.13), name
    ranked = sorted(effects, key=effects.__getitem__, reverse=True)
    assert ranked[:6] == sorted(theirs, key=theirs.__getitem__, reverse=True)[:6]
