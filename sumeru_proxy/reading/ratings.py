"""A product's stars: one rule for badge, grid, feed, reviews and structured data, and nothing that nobody said.

Sumeru says them twice, with a product's reviews and in the product feed, rounded as it likes. The reviews' word is the better one:
their histogram gives the exact average (4.346 → 4.3, where the feed's 4.35 would give 4.4). So what reviews said is kept by itself, in a
small copy beside the large one, and counts wherever the product is shown.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from sumeru_proxy.client.resources_catalogue import REVIEWS
from sumeru_proxy.client.shapes import Rating, ReviewPage, ReviewSummary
from sumeru_proxy.reading.copies import Copy, Query, copies

REVIEWS_WORD_S: Final = 3_600.0
"""After this time another count of the feed is the newer word; while the counts are the same, the reviews' word stays."""
_FILTERS: Final = ("rating", "media", "cursor")


def summary_of(page: ReviewPage) -> ReviewSummary:
    """The totals of a first, unfiltered page: exact where that can be told, None where nobody said anything.

    When the page holds every review, what its summary lacks is counted.
    """
    summary = page.summary
    if summary.histogram is None and page.next_cursor is None:
        stars = [review.rating for review in {each.id: each for each in page.reviews}.values()]
        if len(stars) == summary.count:
            one, two, three, four, five = (stars.count(star) for star in range(1, 6))
            summary = replace(summary, histogram=(one, two, three, four, five))
    histogram = summary.histogram
    if histogram and sum(histogram) == summary.count and summary.count:
        total = sum(stars * count for stars, count in enumerate(histogram, start=1))
        summary = replace(summary, average=Decimal(total) / summary.count)
    return summary


def rating_of(page: ReviewPage) -> Rating:
    """The same as a product's rating."""
    summary = summary_of(page)
    return Rating(summary.average, summary.count)


def decide(by_reviews: Rating | None, age_s: float, by_feed: Rating | None) -> Rating | None:
    """What is shown: the reviews' word (``age_s`` seconds old), unless the feed knows of another number of reviews since; None when
    neither says anything.
    """
    if by_reviews is None or by_feed is None:
        return by_reviews or by_feed
    if by_reviews.count == by_feed.count:
        return by_reviews if by_reviews.average is not None else by_feed
    return by_reviews if age_s < REVIEWS_WORD_S else by_feed


def remember(shop_id: int, query: Query, copy: Copy) -> None:
    """Keep the stars of a page of reviews that was just read, when it is the product's first and whole one."""
    asked = dict(query.arguments)
    if query.method == REVIEWS.name and isinstance(copy.value, ReviewPage) and not any(map(asked.get, _FILTERS)):
        small = query_of(str(asked["product_id"]))
        copies.store(small.key(shop_id), replace(copy, value=rating_of(copy.value)))


def query_of(product_id: str) -> Query:
    """The name under which the reviews' word is kept. Nothing is ever asked by it."""
    return Query("rating", (("product_id", product_id),))
