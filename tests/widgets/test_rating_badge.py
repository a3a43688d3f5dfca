"""The widget `rating_badge`: one badge, a grid of badges, and how few reads they take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import translation

from sumeru_proxy.client.shapes import Product, Rating, ReviewPage, ReviewSummary
from sumeru_proxy.reading import ratings
from sumeru_proxy.reading.reader import Missing, Pending, Query
from tests.widgets.fragments import Page, assert_safe_fragment, call_of
from widgets.base import Context, Nothing
from widgets.catalog.rating_badge import RatingBadge

JACKET = Product("prd_1", "rain-jacket", "Rain jacket", "", Decimal(99), "EUR", available=True)


def product(product_id: str, average: str | None = "4.46", count: int = 12) -> Product:
    return replace(
        JACKET, id=product_id, handle=product_id, rating=Rating(Decimal(average), count) if average else None
    )


class Shelf:
    """A source with products (absent = not to be had) and kept review blocks; asking for other blocks is an upstream read."""

    def __init__(
        self,
        products: Sequence[Product] = (),
        kept: Mapping[str, tuple[str, int]] | None = None,
        upstream: Mapping[str, tuple[str, int]] | None = None,
        unknown: Sequence[str] = (),
        age_s: float = 0.0,
    ) -> None:
        self.feed: dict[str, Product | None] = {each.id: each for each in products} | dict.fromkeys(unknown)
        self.kept = dict(kept or {})
        self.upstream = upstream
        self.age_s = age_s
        self.fresh = True
        self.oldest: float | None = None
        self.product_calls: list[list[str]] = []
        self.review_reads: list[str] = []

    def preload(self, queries: Iterable[Query]) -> None:
        """Nothing is slow here."""

    def products(
        self, ids: Sequence[str], fresh_s: float = 300.0, *, behind: bool = False
    ) -> dict[str, Product | None]:
        self.product_calls.append(list(ids))
        return {each: self.feed[each] for each in ids if each in self.feed}

    def ratings(self, shown: Mapping[str, Product | None]) -> dict[str, Rating]:
        said = {each: Rating(Decimal(average), count) for each, (average, count) in self.kept.items()}
        decided = {
            each: ratings.decide(said.get(each), self.age_s, product.rating if product else None)
            for each, product in shown.items()
        }
        return {each: rating for each, rating in decided.items() if rating}

    def get(self, wanted: Query) -> Any:
        product_id = str(dict(wanted.arguments)["product_id"])
        if product_id not in self.kept:
            self.review_reads.append(product_id)
            if self.upstream is None:
                raise Pending(2.0)
            if product_id not in self.upstream:
                raise Missing
            self.kept[product_id] = self.upstream[product_id]
        average, count = self.kept[product_id]
        return ReviewPage(ReviewSummary(product_id, Decimal(average), count, None), (), "more")


def made(source: Shelf, options: Mapping[str, Any] | None = None, **asked: str) -> tuple[Context, Page]:
    widget = RatingBadge()
    call = call_of(widget, options, **asked)
    with translation.override("en"):
        context = widget.context(call, source)  # type: ignore[arg-type]
        page = Page(render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop}))
    assert_safe_fragment(page)
    assert json.dumps(context, cls=DjangoJSONEncoder)
    return context, page


def test_one_badge() -> None:
    context, page = made(Shelf([product("prd_1")]), product_id="prd_1")
    assert context == {
        "single": True,
        "items": [
            {
                "product_id": "prd_1",
                "average": Decimal("4.5"),
                "count": 12,
                "url": "https://shop.example/products/prd_1#reviews",
                "html": "",
            }
        ],
    }
    assert page.all("svg", role="img", aria_label="4.5 out of 5 stars")
    assert page.text == "4.5 12 reviews"
    assert page.all("a", href="https://shop.example/products/prd_1#reviews")
    assert page.elements[0] == ("span", {"class": "sw-rating_badge", "part": "badge", "lang": "en", "dir": "ltr"})


def test_a_grid_of_badges() -> None:
    source = Shelf([product("a"), product("b", "3", 1), product("c", None)], unknown=["d"])
    context, page = made(source, product_ids="a,b,c,d")
    assert [(item["product_id"], item["count"]) for item in context["items"]] == [("a", 12), ("b", 1)]
    assert [attrs["data-product-id"] for attrs in page.all("li", part="badge")] == ["a", "b"]
    assert page.text == "4.5 12 reviews 3.0 1 review"
    for item in context["items"]:
        piece = Page(item["html"])
        assert_safe_fragment(piece)
        assert len(piece.all("a", href=item["url"])) == 1
    assert len(source.product_calls) == 1
    assert source.review_reads == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"link_to": "none"}, ""),
        ({"link_to": "reviews"}, "https://widgets.example/w/v1/shopkey/reviews?product_id=prd_1"),
        ({}, "https://shop.example/products/prd_1#reviews"),
    ],
)
def test_where_it_leads(options: dict[str, str], expected: str) -> None:
    context, page = made(Shelf([product("prd_1")]), options, product_id="prd_1")
    assert context["items"][0]["url"] == expected
    assert [attrs["href"] for attrs in page.all("a")] == ([expected] if expected else [])


def test_without_the_product_it_leads_to_all_reviews() -> None:
    context, _ = made(Shelf(kept={"prd_1": ("5", 2)}), product_id="prd_1", locale="en")
    assert context["items"][0]["url"] == "https://widgets.example/w/v1/shopkey/reviews?locale=en&product_id=prd_1"


def test_the_reviews_word_is_preferred_so_that_a_page_agrees_with_itself() -> None:
    context, _ = made(Shelf([product("prd_1")], kept={"prd_1": ("4.7", 13)}), product_id="prd_1")
    assert (context["items"][0]["average"], context["items"][0]["count"]) == (Decimal("4.7"), 13)


def test_an_old_word_is_not_and_does_not_make_the_badge_stale() -> None:
    source = Shelf([product("prd_1")], kept={"prd_1": ("1.0", 1)}, age_s=ratings.REVIEWS_WORD_S)
    context, _ = made(source, product_id="prd_1")
    assert context["items"][0]["count"] == 12
    assert source.fresh


def test_an_old_word_is_better_than_nothing() -> None:
    context, _ = made(Shelf(kept={"prd_1": ("5", 3)}, age_s=10 * ratings.REVIEWS_WORD_S), product_id="prd_1")
    assert context["items"][0]["count"] == 3


def test_a_feed_without_stars_is_filled_by_the_reviews() -> None:
    source = Shelf([product("prd_1", None)], upstream={"prd_1": ("4.2", 5)})
    context, _ = made(source, product_id="prd_1")
    assert context["items"][0]["count"] == 5
    assert source.review_reads == ["prd_1"]


def test_a_grid_of_a_feed_without_stars_reads_kept_reviews_only() -> None:
    source = Shelf([product("a", None), product("b", None)], kept={"b": ("4", 8)}, upstream={"a": ("5", 1)})
    context, _ = made(source, product_ids="a,b")
    assert [(item["product_id"], item["count"]) for item in context["items"]] == [("b", 8)]
    assert source.review_reads == []


def test_many_single_badges_of_one_page_take_one_product_read_and_no_review_reads() -> None:
    source = Shelf([product(f"p{n}", "4" if n % 2 else None) for n in range(48)], upstream={})
    widget = RatingBadge()
    calls = [call_of(widget, product_id=f"p{n}") for n in range(48)]
    widget.prefetch(calls, source)  # type: ignore[arg-type]
    assert source.product_calls == [[f"p{n}" for n in range(48)]]
    shown = 0
    for call in calls:
        try:
            shown += len(widget.context(call, source)["items"])  # type: ignore[arg-type]
        except Nothing:
            continue
    assert shown == 24
    assert source.review_reads == []


@pytest.mark.parametrize("asked", [{"product_id": "prd_1"}, {"product_ids": "prd_1,prd_2"}])
def test_no_reviews_no_badge(asked: dict[str, str]) -> None:
    source = Shelf([product("prd_1", "0", 0), product("prd_2", "0", 0)])
    with pytest.raises(Nothing):
        made(source, **asked)
    _, page = made(source, {"show_empty": True}, **asked)
    assert page.text.startswith("No reviews yet")


def test_a_grid_does_not_say_that_there_are_no_reviews_when_nobody_said_so() -> None:
    source = Shelf([product("a", None), product("b", None)])
    with pytest.raises(Nothing):
        made(source, {"show_empty": True}, product_ids="a,b")


def test_an_unknown_average_is_no_stars() -> None:
    unrated = replace(product("prd_1"), rating=Rating(None, 7))
    _, page = made(Shelf([unrated]), product_ids="prd_1")
    assert page.text == "7 reviews"
    assert not page.all("svg")
    context, _ = made(Shelf([unrated], upstream={"prd_1": ("4.2", 7)}), product_id="prd_1")
    assert context["items"][0]["average"] == Decimal("4.2")


def test_unknown_product_is_nothing() -> None:
    with pytest.raises(Nothing):
        made(Shelf(unknown=["prd_1"], upstream={}), {"show_empty": True}, product_id="prd_1")


@pytest.mark.parametrize("asked", [{"product_id": "prd_1"}, {"product_ids": "prd_1,prd_2"}])
def test_pending_when_nothing_is_known(asked: dict[str, str]) -> None:
    with pytest.raises(Pending):
        made(Shelf(), **asked)


def test_a_grid_shows_what_is_known_and_says_that_it_is_not_fresh() -> None:
    source = Shelf([product("a")])
    context, _ = made(source, product_ids="a,b")
    assert len(context["items"]) == 1
    assert not source.fresh


def test_nothing_of_the_feed_becomes_markup() -> None:
    hostile = replace(product("prd_1"), handle='"><script>alert(1)</script>', title="<b>")
    _, page = made(Shelf([hostile]), product_id="prd_1")
    assert {tag for tag, _ in page.elements} == {"span", "a", "svg", "rect", "b"}


@pytest.mark.parametrize(
    "wrong", [{}, {"product_id": "a", "product_ids": "b"}, {"product_ids": ",".join(map(str, range(101)))}]
)
def test_bad_parameters_are_refused(wrong: dict[str, str]) -> None:
    assert not RatingBadge.Params(data=wrong).is_valid()
