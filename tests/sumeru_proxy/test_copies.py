"""What a process holds of Sumeru's answers is bounded by what they weigh; what Sumeru does not know is kept shortly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.conf import settings

from sumeru_proxy.client.shapes import Author, ProductPage, Rating, ReferralCheck, Review, ReviewPage, ReviewSummary
from sumeru_proxy.reading.copies import Copies, Copy

pytestmark = pytest.mark.stores

SUMMARY = ReviewSummary("prd_1", Decimal("4.5"), 100, (0, 0, 0, 50, 50))


def page(count: int) -> ReviewPage:
    each = Review("rev_1", 5, "", "Good", Author("Ada"), datetime(2026, 1, 1, tzinfo=UTC))
    return ReviewPage(SUMMARY, (each,) * count)


def copy_of(value: object) -> Copy:
    return Copy(value, 0.0, 60.0, ())


def held(copies: Copies) -> list[str]:
    return list(copies._held)


def test_large_copies_push_out_earlier_than_small_ones() -> None:
    large, small = Copies(), Copies()
    for number in range(1_000):
        large.store(f"large:{number}", copy_of(page(100)))
        small.store(f"small:{number}", copy_of(Rating(Decimal("4.5"), 7)))
    assert len(held(small)) == 1_000
    assert 150 < len(held(large)) < 200
    assert held(large)[-1] == "large:999"


def test_a_copy_in_the_place_of_another_counts_once() -> None:
    copies = Copies()
    copies.store("kept", copy_of(page(1)))
    for _ in range(1_000):
        copies.store("again", copy_of(page(100)))
    assert held(copies) == ["kept", "again"]
    copies.forget()
    copies.store("after", copy_of(page(100)))
    assert (held(copies), copies._records) == (["after"], 101)


def test_one_copy_larger_than_everything_is_held_alone() -> None:
    copies = Copies()
    copies.store("huge", copy_of(page(30_000)))
    assert held(copies) == ["huge"]
    copies.store("next", copy_of(page(1)))
    assert held(copies) == ["next"]


def test_any_number_of_made_up_ids_pushes_out_nothing_that_is_seen() -> None:
    """26,000 refused ids pushed every real copy out of the memory and of the local cache."""
    copies = Copies()
    for number in range(100):
        copies.store(f"real:{number}", copy_of(page(1)))
    nothing = [None, (), ReviewPage(ReviewSummary("x", Decimal(0), 0, (0, 0, 0, 0, 0)), ()), ProductPage(())]
    for number in range(26_000):
        copies.store(f"made-up:{number}", copy_of(nothing[number % 4]))
    assert len(held(copies)) == 100
    assert len(copies._nothings) == 2_000
    assert copies.load("made-up:25999") == copy_of(nothing[3])
    if settings.CACHE_URL.startswith("local:"):
        assert len(Copies().load_many([f"real:{number}" for number in range(100)])) == 100
    # What was unknown and is known now takes its place among the others, and back.
    copies.store("made-up:25999", copy_of(page(3)))
    copies.store("real:0", copy_of(None))
    assert (held(copies)[-1], len(held(copies)), copies._records) == ("made-up:25999", 100, 99 * 2 + 4)


def test_what_sumeru_does_not_know_is_kept_for_an_hour_and_anything_else_for_a_week() -> None:
    assert copy_of(None).keep_s == 3_660
    assert copy_of(page(1)).keep_s == 604_860
    empty = ReviewPage(ReviewSummary("x", Decimal(0), 0, (0, 0, 0, 0, 0)), ())
    assert copy_of(()).keep_s == copy_of(empty).keep_s == copy_of(ProductPage(())).keep_s == 3_660
    assert copy_of(ReferralCheck("GUESS", valid=False)).keep_s == 3_660


@pytest.mark.parametrize(
    ("age_s", "state"), [(0, "fresh"), (59, "fresh"), (60, "stale"), (-300, "fresh"), (-301, "stale")]
)
def test_another_machines_clock_does_not_make_copies_stale(age_s: float, state: str) -> None:
    assert Copy(1, 1_000_000.0, 60.0, ()).state(1_000_000.0 + age_s, {}) == state
