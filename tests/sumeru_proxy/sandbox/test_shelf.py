"""Lists by bisection give what sorting and filtering everything would give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.sandbox import shelf as shelves
from sumeru_proxy.sandbox.listing import in_order
from sumeru_proxy.sandbox.shelf import Condition, Ordering, Shelf, sort_key, value_at

TIMES = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 6)]
ITEMS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([f"ord_{n}" for n in range(12)]),
        "created_at": st.sampled_from(TIMES),
        "updated_at": st.sampled_from([*TIMES, None]),
        "customer": st.sampled_from([None, {"id": None}, {"id": "cus_1"}, {"id": "cus_2"}]),
        "test": st.booleans(),
        "total_price": st.sampled_from(["5.00", "40.00", "100.00"]),
        "tags": st.sampled_from([[], ["a"], ["a", "b"]]),
    }
)
CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["created_at", "updated_at"]), st.sampled_from(["gt", "gte", "lt", "lte"]), st.sampled_from(TIMES)),
    st.tuples(st.just("total_price"), st.sampled_from(["gt", "lte"]), st.sampled_from(["9", "40", "100.0"])),
    st.tuples(
        st.sampled_from(["id", "customer.id", "created_at", "test", "tags", "total_price"]),
        st.just(""),
        st.sampled_from(["ord_1", "ord_3,ord_1,ord_99", "cus_1", "cus_2,cus_1", TIMES[1], "true", "a", "40.00", ""]),
    ),
)  # fmt: skip
STEPS = st.lists(st.one_of(ITEMS, st.sampled_from([f"ord_{n}" for n in range(12)])), max_size=40)


def all_pages(shelf: Shelf, sort: str, descending: bool, limit: int, conditions: list[Condition]) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page, more = shelf.page_of(sort, descending, limit, after, conditions)
        found += [item_id for _key, item_id in page]
        assert len(page) <= limit
        if not more:
            return found
        assert len(page) == limit
        after = page[-1]


@settings(max_examples=300, deadline=None)
@given(
    STEPS,
    st.sampled_from(["created_at", "updated_at", "id", "total_price", "customer.id"]),
    st.booleans(),
    st.integers(1, 5),
    st.lists(CONDITIONS, max_size=2),
    st.sampled_from([0, 2, 2_000]),
)
def test_pages_are_those_of_sorting_everything(
    steps: list[Any], sort: str, descending: bool, limit: int, filters: list[tuple[str, str, str]], few: int
) -> None:
    conditions = [Condition.of(*each) for each in filters]
    shelf, plain = Shelf(columns=("created_at", "customer.id")), dict[str, Any]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelves, "FEW", few)  # both ways of looking must find the same
        for place, step in enumerate(steps):
            if isinstance(step, str):
                plain.pop(step, None)
                shelf.pop(step, None)
            else:
                plain[step["id"]] = step
                shelf[step["id"]] = step
            if place % 7 == 0:  # an order that exists already is kept up
                shelf.page_of(sort, descending, 2, None, conditions)
        chosen = [item for item in plain.values() if all(each.holds(value_at(item, each.path)) for each in conditions)]
        ordered = in_order(chosen, lambda item: sort_key(value_at(item, sort)), descending)
        assert all_pages(shelf, sort, descending, limit, conditions) == [item["id"] for item in ordered]
    assert dict(shelf) == plain


@pytest.mark.parametrize(
    ("comparison", "text", "holds"),
    [
        ("gte", "2026-03-01T00:00:00Z", True),
        ("gte", "2026-03-01T00:00:00.5Z", False),
        ("gt", "2026-02-28T23:59:59.5Z", True),
        ("lt", "2026-03-01T00:00:00.5Z", True),
        ("lte", "2026-02-28T23:59:59.9+00:00", False),
        ("gte", "2026-03-01T01:00:00+01:00", True),
        ("gt", "2026-03-01T01:00:00+01:00", False),
    ],
)
def test_times_compare_as_times(comparison: str, text: str, holds: bool) -> None:
    assert Condition.of("created_at", comparison, text).holds("2026-03-01T00:00:00Z") is holds


def test_amounts_compare_as_numbers() -> None:
    assert Condition.of("total_price", "gt", "9.5").holds("40.00")
    assert not Condition.of("total_price", "gt", "100").holds("40.00")


def test_an_ordering_forgets_what_is_removed() -> None:
    ordering = Ordering([("b", "1"), ("a", "1"), ("c", None)])
    ordering.remove("a", "1")
    ordering.remove("c", None)
    assert (ordering.keys, ordering.ids) == (["1"], {"1": ["b"]})


def test_what_is_read_is_a_copy() -> None:
    shelf = Shelf([{"id": "a", "created_at": "x", "more": [1]}])
    shelf["a"]["more"].append(2)
    assert shelf["a"]["more"] == [1]
    assert list(shelf) == ["a"]
    with pytest.raises(KeyError):
        shelf["b"]
