"""Division to the minor unit: sums, bounds, ties, refunds, currencies of any precision, and the same cents from JavaScript."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution.division import NoWeight, divide, take_back
from tests.sumeru_proxy.consumers.attribution.both_languages import differences

totals = st.integers(-(10**18), 10**18)
weights = st.lists(st.integers(0, 10**24), min_size=1, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("total", "parts", "shares"),
    [
        (1_000, [1, 1, 1], [334, 333, 333]),  # 10.00 over three: the cent goes to the earliest
        (100, [1, 2, 3, 1], [14, 29, 43, 14]),  # 14.29 28.57 42.86 14.29: .57 and .86 are served
        (-1_000, [1, 1, 1], [-334, -333, -333]),
        (0, [5, 0], [0, 0]),
        (7, [0, 3, 0], [0, 7, 0]),
        (1_190, [1, 1], [595, 595]),  # yen have no cents
        (4_408, [40, 20, 40], [1_763, 882, 1_763]),  # 4.408 Kuwaiti dinar in fils: 1763.2 881.6 1763.2
        (1, [1, 1], [1, 0]),
    ],
)
def test_worked_by_hand(total: int, parts: list[int], shares: list[int]) -> None:
    assert divide(total, parts) == shares


@given(totals, weights)
def test_sums_bounds_and_zero_weight(total: int, parts: list[int]) -> None:
    shares = divide(total, parts)
    assert sum(shares) == total
    for share, weight in zip(shares, parts, strict=True):
        assert abs(share - Fraction(total * weight, sum(parts))) < 1
        assert weight or share == 0
    assert divide(-total, parts) == [-share for share in shares]


@given(totals, weights, st.randoms())
def test_the_order_of_touches_matters_only_between_equal_remainders(
    total: int, parts: list[int], random_: object
) -> None:
    shuffled = list(parts)
    random_.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = divide(total, parts), divide(total, shuffled)
    assert sorted(zip(parts, first, strict=True)) == sorted(zip(shuffled, second, strict=True)) or any(
        Fraction(abs(total) * a, sum(parts)) % 1 == Fraction(abs(total) * b, sum(parts)) % 1
        for i, a in enumerate(parts)
        for b in parts[i + 1 :]
    )


@given(st.integers(0, 10**15), weights, st.data())
def test_a_larger_weight_never_earns_less(total: int, parts: list[int], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(parts) - 1))
    more = list(parts)
    more[index] += data.draw(st.integers(1, 10**20))
    assert divide(total, more)[index] >= divide(total, parts)[index]
    shares = divide(total, parts)
    for weight, share in zip(parts, shares, strict=True):
        for other, theirs in zip(parts, shares, strict=True):
            assert weight <= other or share >= theirs


@given(st.integers(0, 10**15), weights, st.data())
def test_refunds_come_from_the_same_touches(total: int, parts: list[int], data: st.DataObject) -> None:
    credits = divide(total, parts)
    refunded = data.draw(st.integers(0, total))
    taken = take_back(refunded, credits, parts)
    assert sum(taken) == refunded
    assert all(0 <= back <= credit for back, credit in zip(taken, credits, strict=True))
    assert take_back(total, credits, parts) == credits


def test_a_refund_of_an_order_without_revenue_follows_the_weights() -> None:
    assert take_back(5, [0, 0], [1, 4]) == [1, 4]


def test_refusals() -> None:
    with pytest.raises(NoWeight):
        divide(1, [0, 0])
    with pytest.raises(NoWeight):
        divide(1, [])
    with pytest.raises(ValueError, match="negative"):
        divide(1, [2, -1])
    assert divide(0, []) == []


def test_javascript_gives_the_same_cents() -> None:
    compared, different = differences(count=1_500, seed=11)
    assert compared > 20_000
    assert different == 0
