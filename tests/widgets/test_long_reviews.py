"""Reviews of any length: a page of them stays small, and no review is cut for another."""

from __future__ import annotations

from dataclasses import replace

from sumeru_proxy.client.shapes import Reply
from tests.sumeru_proxy.test_review_sets import review
from tests.widgets.fragments import NOW
from tests.widgets.test_reviews import ReviewSource, full_review, made


def test_ten_long_reviews_stay_under_64_kilobytes() -> None:
    long = "It is warm, it's light & it packs into nothing. " * 400
    reviews = [
        replace(full_review(), id=f"rev_{n}", body=long, reply=Reply(long, NOW), media=full_review().media * 20)
        for n in range(10)
    ]
    _, page, html = made(ReviewSource(reviews))
    assert len(page.all("li", part="review")) == 10
    assert len(page.all("details")) > 10
    assert page.all("a", href="https://widgets.example/w/v1/shopkey/reviews?limit=1&page=10&product_id=prd_1")
    assert len(html.encode()) < 64 * 1024


def test_one_long_review_among_short_ones_is_not_cut() -> None:
    long = replace(review(1), body="Warm and light. " * 500)
    context, _, _ = made(ReviewSource([long, *(review(n) for n in range(2, 10))]))
    assert {len(each["body"]) for each in context["reviews"]} == {len(long.body.strip()), 4}
