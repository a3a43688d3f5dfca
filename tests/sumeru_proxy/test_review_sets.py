"""Pages of reviews over blocks: the same as over a plain list, whatever the upstream's block size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.client.shapes import Author, Media, Review, ReviewPage, ReviewSummary
from sumeru_proxy.reading import reviews as review_sets
from sumeru_proxy.reading.reader import Missing, Pending, Query
from sumeru_proxy.reading.reviews import ReviewSelection

START = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO = Media("image", "https://cdn.example/1.jpg", "https://cdn.example/1-small.jpg")


def review(number: int, rating: int = 5, *, day: int | None = None, helpful: int = 0, photo: bool = False) -> Review:
    return Review(
        id=f"rev_{number:05}",
        rating=rating,
        title=f"Title {number}",
        body="Text",
        author=Author("Mara"),
        created_at=START + timedelta(days=number if day is None else day),
        helpful_count=helpful,
        media=(PHOTO,) if photo else (),
    )


def summary_of(reviews: Sequence[Review]) -> ReviewSummary:
    counts = Counter(each.rating for each in reviews)
    average = Decimal(sum(each.rating for each in reviews)) / len(reviews) if reviews else Decimal(0)
    histogram = (counts[1], counts[2], counts[3], counts[4], counts[5])
    return ReviewSummary("prd_1", average, len(reviews), histogram)


def naive(reviews: Sequence[Review], selection: ReviewSelection) -> list[Review]:
    """What a person would write who had all reviews in a list."""
    kept = [
        each
        for each in reviews
        if selection.rating in (None, each.rating) and (not selection.media or len(each.media) > 0)
    ]
    first = {
        "newest": lambda each: 0,
        "highest": lambda each: -each.rating,
        "lowest": lambda each: each.rating,
        "helpful": lambda each: -each.helpful_count,
    }[selection.sort]
    return sorted(kept, key=lambda each: (first(each), -each.created_at.timestamp(), each.id))


class ListSource:
    """The two methods of ``reader.Source`` that read reviews, over a plain list that it pages with cursors."""

    def __init__(self, reviews: Sequence[Review], block_limit: int = 100, summary: ReviewSummary | None = None) -> None:
        self.reviews = reviews
        self.block_limit = block_limit
        self.summary = summary or summary_of(reviews)
        self.reads: list[Query] = []
        self.fresh = True
        self.oldest: float | None = None

    def get(self, wanted: Query) -> Any:
        self.reads.append(wanted)
        assert wanted.method == "reviews"
        arguments: dict[str, Any] = dict(wanted.arguments)
        sort = {"-created_at": "newest", "-rating": "highest", "rating": "lowest", "-helpful": "helpful"}[
            arguments["sort"]
        ]
        found = naive(self.reviews, ReviewSelection(sort, arguments.get("rating"), arguments.get("media", False)))
        start = self.opened(arguments.get("cursor"))
        end = start + min(arguments["limit"], self.block_limit)
        return ReviewPage(self.summary, tuple(found[start:end]), self.sealed(end) if end < len(found) else None)

    def opened(self, cursor: str | None) -> int:
        return int(cursor.removeprefix("after-")) if cursor else 0

    def sealed(self, place: int) -> str:
        return f"after-{place}"


def some_reviews(fewest: int = 0) -> st.SearchStrategy[list[Review]]:
    rows = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 3), st.booleans())
    return st.lists(rows, min_size=fewest, max_size=60).map(
        lambda rows: [review(n, r, day=d, helpful=h, photo=p) for n, (r, d, h, p) in enumerate(rows)]
    )


SELECTIONS = st.builds(
    ReviewSelection, st.sampled_from(sorted(review_sets.UPSTREAM_SORT)), st.none() | st.integers(1, 5), st.booleans()
)


@pytest.mark.thorough
@given(
    reviews=some_reviews(),
    selection=SELECTIONS,
    number=st.integers(1, 12),
    size=st.integers(1, 20),
    block=st.integers(4, 100),
)
@settings(max_examples=400, deadline=None)
def test_page_equals_a_slice_of_the_whole_list(
    reviews: list[Review], selection: ReviewSelection, number: int, size: int, block: int
) -> None:
    source = ListSource(reviews, block_limit=block)
    page = review_sets.review_list(source, "prd_1", selection, number, size)  # type: ignore[arg-type]
    expected = naive(reviews, selection)
    last = max(1, -(-len(expected) // size))
    shown = min(number, last)
    assert page.number == shown
    assert [each.id for each in page.reviews] == [each.id for each in expected[(shown - 1) * size : shown * size]]
    assert page.has_next == (shown < last)
    assert page.has_previous == (shown > 1)
    assert page.total in ((len(expected), None) if selection.media else (len(expected),))
    assert page.pages in ((last, None) if selection.media else (last,))
    assert page.summary == summary_of(reviews)


@given(reviews=some_reviews(13), selection=SELECTIONS, size=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_walking_by_next_shows_every_review_once(reviews: list[Review], selection: ReviewSelection, size: int) -> None:
    source = ListSource(reviews, block_limit=10)
    seen: list[str] = []
    number, more = 1, True
    while more:
        page = review_sets.review_list(source, "prd_1", selection, number, size)  # type: ignore[arg-type]
        assert page.number == number
        seen += [each.id for each in page.reviews]
        number, more = number + 1, page.has_next
    assert seen == [each.id for each in naive(reviews, selection)]


def test_a_product_of_one_block_costs_one_and_the_same_read() -> None:
    source = ListSource([review(n, 1 + n % 5, photo=n % 3 == 0) for n in range(100)])
    for selection in (
        ReviewSelection(),
        ReviewSelection("lowest"),
        ReviewSelection("helpful", 3),
        ReviewSelection("newest", None, True),
    ):
        review_sets.review_list(source, "prd_1", selection, 4, 7)  # type: ignore[arg-type]
    assert set(source.reads) == {review_sets.block_query("prd_1")}
    assert dict(source.reads[0].arguments) == {"product_id": "prd_1", "limit": 100, "sort": "-created_at"}
    assert source.reads[0].topics == ("reviews", "reviews:prd_1", "people")
    assert source.reads[0].fresh_s == 60


@pytest.mark.parametrize(
    ("selection", "number", "reads"),
    [
        (ReviewSelection(), 1, 1),
        (ReviewSelection(), 10, 1),
        (ReviewSelection(), 11, 2),
        (ReviewSelection("helpful"), 1, 2),  # the shared newest block tells the summary, the other the order
        (ReviewSelection("highest", 5), 1, 2),
        (ReviewSelection("newest", 5), 1, 2),
        (ReviewSelection("newest", 2), 1, 1),  # none: the histogram says so
        (ReviewSelection("newest", 1), 1, 1),  # all of them are in the newest block
        (ReviewSelection("newest", None, True), 1, 2),
    ],
)
def test_reads_for_a_product_of_many_blocks(selection: ReviewSelection, number: int, reads: int) -> None:
    reviews = [review(n, 1 if n > 345 else 4 + n % 2, photo=n % 2 == 0) for n in range(350)]
    source = ListSource(reviews)
    page = review_sets.review_list(source, "prd_1", selection, number, 10)  # type: ignore[arg-type]
    assert len(set(source.reads)) == reads
    expected = naive(reviews, selection)
    assert [each.id for each in page.reviews] == [each.id for each in expected[(number - 1) * 10 : number * 10]]


def test_equal_orders_share_a_copy() -> None:
    source = ListSource([review(n, 4 + n % 2) for n in range(350)])
    for sort in ("newest", "highest", "lowest"):
        review_sets.review_list(source, "prd_1", ReviewSelection(sort, 5), 1, 10)  # type: ignore[arg-type]
    assert len(set(source.reads)) == 2


def test_total_is_unknown_for_photos_of_a_large_product_until_the_end() -> None:
    source = ListSource([review(n, photo=n % 2 == 0) for n in range(350)])
    first = review_sets.review_list(source, "prd_1", ReviewSelection(media=True), 1, 50)  # type: ignore[arg-type]
    last = review_sets.review_list(source, "prd_1", ReviewSelection(media=True), 99, 50)  # type: ignore[arg-type]
    assert (first.total, first.pages, first.has_next) == (None, None, True)
    assert (last.total, last.pages, last.number, last.has_next, len(last.reviews)) == (175, 4, 4, False, 25)


def test_unknown_product_has_no_reviews() -> None:
    class Unknown(ListSource):
        def get(self, wanted: Query) -> Any:
            raise Missing

    page = review_sets.review_list(Unknown([]), "prd_9", ReviewSelection(), 3, 10)  # type: ignore[arg-type]
    assert (page.summary.count, page.reviews, page.number, page.total, page.has_next) == (0, (), 1, 0, False)


def test_pending_passes_through() -> None:
    class Closed(ListSource):
        def get(self, wanted: Query) -> Any:
            if len(self.reads) == 1:
                raise Pending(3.0)
            return super().get(wanted)

    with pytest.raises(Pending):
        review_sets.review_list(Closed([review(n) for n in range(150)]), "prd_1", ReviewSelection("helpful"), 1, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("cursor", ["same", "x" * 513])
def test_a_cursor_that_leads_nowhere_ends_the_list(cursor: str) -> None:
    class Odd(ListSource):
        def opened(self, cursor: str | None) -> int:
            return 100 if cursor else 0

        def sealed(self, place: int) -> str:
            return cursor

    source = Odd([review(n) for n in range(500)])
    page = review_sets.review_list(source, "prd_1", ReviewSelection(), 50, 10)  # type: ignore[arg-type]
    reached = 200 if cursor == "same" else 100
    assert (page.number, page.pages, page.has_next) == (reached // 10, reached // 10, False)
    assert page.total == 500
    assert len(source.reads) <= 4


def test_blocks_are_limited() -> None:
    source = ListSource([review(n) for n in range(300)], block_limit=5)
    page = review_sets.review_list(source, "prd_1", ReviewSelection(), 200, 10)  # type: ignore[arg-type]
    assert len(set(source.reads)) == review_sets.BLOCKS_LIMIT
    assert (page.number, page.pages, page.has_next, page.total) == (10, 10, False, 300)


def test_no_page_is_offered_that_cannot_be_asked_for() -> None:
    source = ListSource([review(n) for n in range(2500)])
    assert review_sets.review_list(source, "prd_1", ReviewSelection(), 200, 1).has_next is False  # type: ignore[arg-type]
    assert review_sets.review_list(source, "prd_1", ReviewSelection(), 1, 1).pages == review_sets.PAGE_LIMIT  # type: ignore[arg-type]


def test_a_review_in_two_blocks_is_shown_once() -> None:
    """A new review moves the border between two blocks that were read at different times."""

    class Moving(ListSource):
        def opened(self, cursor: str | None) -> int:
            return max(0, super().opened(cursor) - 1)

    reviews = [review(n) for n in range(150)]
    page = review_sets.review_list(Moving(reviews), "prd_1", ReviewSelection(), 3, 50)  # type: ignore[arg-type]
    assert [each.id for each in page.reviews] == [each.id for each in naive(reviews, ReviewSelection())[100:150]]


@pytest.mark.parametrize("sort", sorted(review_sets.UPSTREAM_SORT))
def test_ties_are_newest_first_then_by_id(sort: str) -> None:
    reviews = [review(3, day=1), review(1, day=1), review(4, day=2), review(2, day=1)]
    ordered = review_sets.select(reviews, ReviewSelection(sort))
    assert [each.id for each in ordered] == ["rev_00004", "rev_00001", "rev_00002", "rev_00003"]


def test_a_summary_that_lags_behind_never_gives_a_page_beyond_its_last() -> None:
    reviews = [review(n) for n in range(350)]
    source = ListSource(reviews, summary=summary_of(reviews[:105]))
    page = review_sets.review_list(source, "prd_1", ReviewSelection(), 20, 10)  # type: ignore[arg-type]
    assert (page.number, page.pages, page.total, page.has_next) == (11, 11, 105, False)
    assert len(set(source.reads)) == 2
