"""Pages of a product's reviews, made from as few upstream reads as possible.

Reads are the scarce thing (100 a minute for everything), so Sumeru is asked for blocks of BLOCK reviews. A product whose reviews fit into
one block costs one read, whatever shoppers filter, sort or page: that is computed here. Only larger ones are asked for by filter and
order, block after block as far as the page needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from sumeru_proxy.client.resources_catalogue import REVIEWS
from sumeru_proxy.client.shapes import Review, ReviewPage, ReviewSummary
from sumeru_proxy.reading import ratings
from sumeru_proxy.reading.reader import Missing, Query, Source, Unknown

BLOCK = 100
BLOCKS_LIMIT = 20
PAGE_LIMIT = 200
"""The last page that can be asked for."""
CURSOR_LIMIT_CHARS = 512
UPSTREAM_SORT = {"newest": "-created_at", "highest": "-rating", "lowest": "rating", "helpful": "-helpful"}


@dataclass(frozen=True, slots=True)
class ReviewSelection:
    """Which reviews, in which order. ``sort`` is a key of UPSTREAM_SORT; ``media``: only those with an attachment."""

    sort: str = "newest"
    rating: int | None = None
    media: bool = False


@dataclass(frozen=True, slots=True)
class ReviewList:
    """One page. ``number`` is the page that is shown, not the one asked for; ``pages`` and ``total`` are None while unknown.

    ``filtered`` is False when Sumeru turned out not to answer the filter that was asked for: these are all reviews.
    """

    summary: ReviewSummary
    reviews: tuple[Review, ...]
    number: int
    pages: int | None
    total: int | None
    has_next: bool
    filtered: bool = True

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1


def block_query(product_id: str, selection: ReviewSelection | None = None, cursor: str | None = None) -> Query:
    """The read of one block; without a selection all reviews, newest first, which is the copy that several widgets share."""
    selection = selection or ReviewSelection()
    arguments: dict[str, str | int | bool] = {
        "product_id": product_id,
        "limit": BLOCK,
        "sort": UPSTREAM_SORT[selection.sort],
    }
    if selection.rating is not None:
        arguments["rating"] = selection.rating
    if selection.media:
        arguments["media"] = True
    if cursor is not None:
        arguments["cursor"] = cursor
    return Query.of(REVIEWS, None, **arguments)


def select(reviews: Iterable[Review], selection: ReviewSelection) -> list[Review]:
    """The reviews that match, in order; ties by newest first, then by id, so that pages never overlap."""
    matching = [review for review in reviews if _matches(review, selection)]
    matching.sort(key=attrgetter("id"))
    matching.sort(key=attrgetter("created_at"), reverse=True)
    if selection.sort == "helpful":
        matching.sort(key=attrgetter("helpful_count"), reverse=True)
    elif selection.sort != "newest":
        matching.sort(key=attrgetter("rating"), reverse=selection.sort == "highest")
    return matching


def _matches(review: Review, selection: ReviewSelection) -> bool:
    right_stars = selection.rating is None or review.rating == selection.rating
    return right_stars and (bool(review.media) or not selection.media)


def matching_count(summary: ReviewSummary, selection: ReviewSelection) -> int | None:
    """How many reviews match, as far as the summary tells; None when it does not."""
    if selection.media:
        return None
    if selection.rating is None:
        return summary.count
    return summary.histogram[selection.rating - 1] if summary.histogram else None


def review_list(source: Source, product_id: str, selection: ReviewSelection, number: int, size: int) -> ReviewList:
    """Page ``number`` (from 1) of ``size`` reviews; a number beyond the end gives the last page.

    A product whose reviews Sumeru does not know has none. Raises reader.Unknown for one that the shop does not have, and reader.Pending
    when a block is neither kept nor to be had; what was read until then is kept, so a later try gets further.
    """
    if selection.rating is not None and selection.sort in ("highest", "lowest"):
        selection = ReviewSelection("newest", selection.rating, selection.media)  # the same order by another name
    try:
        first: ReviewPage = source.get(block_query(product_id))
    except Unknown:
        raise
    except Missing:
        return ReviewList(ReviewSummary(product_id, None, 0, (0, 0, 0, 0, 0)), (), 1, 1, 0, has_next=False)
    summary = ratings.summary_of(first)
    selected = select(_distinct(first.reviews), selection)
    # The newest block may hold every review of a rating even when it does not hold every review.
    if first.next_cursor is None or matching_count(summary, selection) == len(selected):
        return _cut(summary, selected, number, size, total=len(selected))
    return _chained_page(source, product_id, selection, summary, number, size)


def _chained_page(
    source: Source, product_id: str, selection: ReviewSelection, summary: ReviewSummary, number: int, size: int
) -> ReviewList:
    expected = matching_count(summary, selection)
    number = min(number, PAGE_LIMIT)
    if expected is not None:
        number = min(number, _pages(expected, size))
        if expected == 0:
            return _cut(summary, [], 1, size, total=0)
    chain = _chain(source, product_id, selection, number * size)
    if chain.mixed:
        found = review_list(source, product_id, ReviewSelection(selection.sort), number, size)
        return replace(found, filtered=False)
    if not chain.more:
        return _cut(summary, chain.reviews, number, size, total=len(chain.reviews) if chain.whole else expected)
    pages = None if expected is None else min(_pages(expected, size), _pages(BLOCKS_LIMIT * BLOCK, size), PAGE_LIMIT)
    page_reviews = tuple(chain.reviews[(number - 1) * size : number * size])
    has_next = number < (PAGE_LIMIT if pages is None else pages)
    return ReviewList(summary, page_reviews, number, pages, expected, has_next)


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def _cut(summary: ReviewSummary, reviews: list[Review], number: int, size: int, total: int | None) -> ReviewList:
    """A page of a list that is held as far as it can be reached."""
    pages = min(_pages(len(reviews), size), PAGE_LIMIT)
    number = min(number, pages)
    page_reviews = tuple(reviews[(number - 1) * size : number * size])
    return ReviewList(summary, page_reviews, number, pages, total, has_next=number < pages)


def _distinct(reviews: Iterable[Review]) -> list[Review]:
    # A review may stand in two blocks when a new one arrived between the two reads.
    return list({review.id: review for review in reviews}.values())


@dataclass(frozen=True, slots=True)
class _Chain:
    """``more``: further blocks can be asked for; ``whole``: the upstream said that this is the end; ``mixed``: what came was not
    what was asked for."""

    reviews: list[Review]
    more: bool
    whole: bool
    mixed: bool = False


def _chain(source: Source, product_id: str, selection: ReviewSelection, needed: int) -> _Chain:
    """Blocks until ``needed`` reviews are there or the list ends. The upstream may give fewer per block than it was asked for."""
    reviews: dict[str, Review] = {}
    cursor: str | None = None
    seen: set[str] = set()
    for _block in range(BLOCKS_LIMIT):
        try:
            block: ReviewPage = source.get(block_query(product_id, selection, cursor))
        except Missing:
            return _Chain(list(reviews.values()), more=False, whole=True)
        if not all(_matches(review, selection) for review in block.reviews):
            return _Chain([], more=False, whole=False, mixed=True)
        for review in block.reviews:
            reviews.setdefault(review.id, review)
        cursor = block.next_cursor
        if cursor is None:
            return _Chain(list(reviews.values()), more=False, whole=True)
        if cursor in seen or len(cursor) > CURSOR_LIMIT_CHARS:
            return _Chain(list(reviews.values()), more=False, whole=False)
        seen.add(cursor)
        if len(reviews) >= needed:
            return _Chain(list(reviews.values()), more=True, whole=False)
    return _Chain(list(reviews.values()), more=False, whole=False)
