"""No number that nobody gave, and one rating of one product wherever it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from sumeru_proxy.client.shapes import Media, ProductPage, Rating, Review, ReviewPage, ReviewSummary
from sumeru_proxy.reading import ratings
from sumeru_proxy.reading.reader import Source
from tests.sumeru_proxy.test_review_sets import summary_of
from tests.widgets.fragments import call_of
from tests.widgets.test_reviews import JACKET, ReviewSource, full_review, made
from widgets.base import Context, Widget
from widgets.catalog.product_feed import ProductFeed
from widgets.catalog.rating_badge import RatingBadge
from widgets.catalog.reviews import Reviews
from widgets.catalog_parts.review_media import PICTURES


def test_every_photo_of_a_review_can_be_reached() -> None:
    photos = tuple(Media("image", f"https://cdn.example/{n}.jpg", f"https://cdn.example/{n}s.jpg") for n in range(30))
    context, page, _ = made(ReviewSource([replace(full_review(), media=photos)]))
    assert [attrs["href"] for attrs in page.all("a", part="photo")] == [photo.url for photo in photos]
    assert [attrs["src"] for attrs in page.all("img")] == [photo.thumb_url for photo in photos[:PICTURES]]
    assert len(context["reviews"][0]["media"]) == 30
    assert "Show all (30)" in page.text


def test_addresses_without_a_host_are_the_storefronts() -> None:
    media = (Media("image", "/files/1.jpg", "files/1s.jpg"), Media("video", "https://cdn.example/v.mp4", "/v.jpg"))
    _, page, _ = made(ReviewSource([replace(full_review(), media=media)]))
    assert [attrs["src"] for attrs in page.all("img")] == [
        "https://shop.example/files/1s.jpg",
        "https://shop.example/v.jpg",
    ]
    assert page.all("a", href="https://shop.example/files/1.jpg")


def many(count: int = 120) -> list[Review]:
    return [replace(full_review(), id=f"rev_{n}", rating=1 + n % 5) for n in range(count)]


def test_without_a_histogram_no_number_is_made_up() -> None:
    whole = summary_of(many())
    context, page, _ = made(ReviewSource(many(), summary=replace(whole, histogram=None, average=None)))
    assert (context["summary"]["average"], context["summary"]["histogram"]) == (None, [])
    assert not page.all("ul", part="histogram")
    assert not page.all("b", part="average")
    assert not page.all("select", name="rating")
    assert page.all("select", name="sort")
    assert "120 reviews" in page.text
    assert Reviews().json_ld(call_of(Reviews(), product_id="prd_1"), context) is None


def test_a_filter_of_an_unknown_number_is_answered_all_the_same() -> None:
    whole = summary_of(many())
    source = ReviewSource(many(), summary=replace(whole, histogram=None))
    context, page, _ = made(source, rating="5")
    assert {review["rating"] for review in context["reviews"]} == {5}
    assert "No reviews match" not in page.text


def test_a_filter_that_is_ignored_is_not_said_to_be_applied() -> None:
    class Ignoring(ReviewSource):
        def get(self, query: Any) -> Any:
            arguments = tuple((name, value) for name, value in query.arguments if name not in ("rating", "media"))
            return super().get(replace(query, arguments=arguments))

    context, page, _ = made(Ignoring(many(), summary=replace(summary_of(many()), histogram=None)), rating="2")
    assert len({review["rating"] for review in context["reviews"]}) == 5
    assert context["filter"]["rating"] is None
    assert "No reviews match" not in page.text
    assert not page.all("ul", aria_label="Active filters")


def test_when_all_reviews_are_at_hand_they_are_counted() -> None:
    few = many(7)
    told = replace(summary_of(few), histogram=None, average=None)
    context, _, _ = made(ReviewSource(few, summary=told))
    assert [row["count"] for row in context["summary"]["histogram"]] == [1, 1, 1, 2, 2]
    assert context["summary"]["average"] == Decimal("2.6")  # 18 / 7


# -- one product, one rating


EXACT = (3, 5, 12, 176, 150)
"""346 ratings whose mean is 4.3439…: Sumeru says 4.35 of them here, 4.4 there."""


class Upstream:
    """A client of Sumeru that says another average in its feed than with its reviews."""

    def __init__(self, in_reviews: str, in_feed: str | None, histogram: Any = EXACT, count: int = 346) -> None:
        self.summary = ReviewSummary("prd_1", Decimal(in_reviews), count, histogram)
        self.product = replace(JACKET, id="prd_1", rating=Rating(Decimal(in_feed), count) if in_feed else None)

    def in_lane(self, _lane: str) -> Upstream:
        return self

    def reviews(self, **_asked: Any) -> ReviewPage:
        return ReviewPage(self.summary, (full_review(),), "more")

    def products(self, product_ids: Sequence[str] = (), **_asked: Any) -> ProductPage:
        return ProductPage((self.product,))


def everywhere(upstream: Upstream) -> dict[str, Any]:
    """What each place shows of the product, in the order in which a shopper comes by them: the reviews' word is known then."""

    def context(widget: Widget, **asked: str) -> tuple[Context, Any]:
        source = Source(1, lambda: upstream, lambda *_: None)  # type: ignore[arg-type, return-value]
        call = call_of(widget, **asked)
        with translation.override("en"):
            found = widget.context(call, source)
        return found, widget.json_ld(call, found)

    shown, json_ld = context(Reviews(), product_id="prd_1")
    found = {"reviews": shown["summary"], "json_ld": json_ld["aggregateRating"]["ratingValue"]}
    found["badge"] = context(RatingBadge(), product_id="prd_1")[0]["items"][0]
    found["badges"] = context(RatingBadge(), product_ids="prd_1,prd_2")[0]["items"][0]
    found["feed"] = context(ProductFeed())[0]["products"][0]["rating"]
    found["picked"] = context(ProductFeed(), product_ids="prd_1")[0]["products"][0]["rating"]
    return {name: Decimal(str(each["average"] if isinstance(each, Mapping) else each)) for name, each in found.items()}


@pytest.mark.stores
@pytest.mark.parametrize(
    ("upstream", "average"),
    [
        (Upstream("4.35", "4.35"), "4.3"),
        (Upstream("4.35", "4.4"), "4.3"),
        (Upstream("4.3439", "4"), "4.3"),
        (Upstream("4.35", "4.3", histogram=None), "4.4"),
        (Upstream("4.3", None), "4.3"),
    ],
    ids=["twice rounded", "rounded to tenths", "rounded to a star", "without a histogram", "a feed without stars"],
)
def test_one_product_has_one_rating(db: None, upstream: Upstream, average: str) -> None:
    assert set(everywhere(upstream).values()) == {Decimal(average)}


@pytest.mark.parametrize(
    ("reviews", "age_s", "feed", "shown"),
    [
        (None, 0, None, None),
        (None, 0, Rating(Decimal("4.4"), 9), "4.4"),
        (Rating(Decimal("4.3"), 9), 0, None, "4.3"),
        (Rating(Decimal("4.3"), 9), 10**6, Rating(Decimal("4.4"), 9), "4.3"),  # nothing has happened since
        (Rating(Decimal("4.3"), 8), 3_599, Rating(Decimal("4.4"), 9), "4.3"),
        (Rating(Decimal("4.3"), 8), 3_600, Rating(Decimal("4.4"), 9), "4.4"),
        (Rating(None, 9), 0, Rating(Decimal("4.4"), 9), "4.4"),
    ],
)
def test_which_word_counts(reviews: Rating | None, age_s: float, feed: Rating | None, shown: str | None) -> None:
    decided = ratings.decide(reviews, age_s, feed)
    assert (None if decided is None else str(decided.average)) == shown
