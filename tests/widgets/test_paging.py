"""Pagers and cut texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.catalog_parts.paging import TEXT_LIMIT_BYTES, cut_to_bytes, fair_limit, page_numbers


@pytest.mark.parametrize(
    ("number", "pages", "shown"),
    [
        (1, 1, []),
        (1, 0, []),
        (1, 2, [1, 2]),
        (1, 4, [1, 2, 3, 4]),
        (1, 9, [1, 2, None, 9]),
        (5, 9, [1, None, 4, 5, 6, None, 9]),
        (4, 9, [1, 2, 3, 4, 5, None, 9]),
        (9, 9, [1, None, 8, 9]),
    ],
)
def test_pages_that_are_named(number: int, pages: int, shown: list[int | None]) -> None:
    assert page_numbers(number, pages) == shown


@given(st.lists(st.integers(0, 20_000), max_size=30), st.integers(0, 100_000))
def test_fair_limit_uses_the_budget_and_no_more(sizes: list[int], budget: int) -> None:
    limit = fair_limit(sizes, budget)
    assert sum(min(size, limit) for size in sizes) <= budget
    assert limit == TEXT_LIMIT_BYTES or sum(min(size, limit + 1) for size in sizes) > budget


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [("abc", 3, "abc"), ("abcdef", 5, "ab…"), ("äöü", 6, "äöü"), ("äöüä", 7, "äö…"), ("a \ud800", 9, "a \ud800")],
)
def test_clipping_counts_bytes_and_keeps_characters_whole(text: str, limit: int, kept: str) -> None:
    assert cut_to_bytes(text, limit) == kept
