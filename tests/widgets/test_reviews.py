"""The widget `reviews`: what it lets out, its HTML and its structured data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import translation

from sumeru_proxy.client.shapes import Author, Image, Media, Product, Reply, Review
from sumeru_proxy.reading.reader import Missing, Pending, Query, Unknown
from tests.sumeru_proxy.test_review_sets import ListSource, review
from tests.widgets.fragments import NOW, SHOP, Page, assert_safe_fragment, call_of
from widgets.base import Context
from widgets.catalog.reviews import Reviews

JACKET = Product(
    "prd_1",
    "rain-jacket",
    "Rain jacket",
    "",
    Decimal(99),
    "EUR",
    available=True,
    image=Image("https://cdn.example/j.jpg"),
)
HOSTILE = "</p></bdi><script>alert(1)</script>\" onmouseover='x' \u202e{{ call.shop }}{% now %}<!-- &amp;"


class ReviewSource(ListSource):
    """As ListSource, and with products."""

    def __init__(
        self, reviews: Sequence[Review], products: Mapping[str, Product | None] | None = None, **more: Any
    ) -> None:
        super().__init__(reviews, **more)
        self.feed = {"prd_1": JACKET} if products is None else products
        self.asked: list[list[str]] = []

    def preload(self, queries: Iterable[Query]) -> None:
        """Nothing is slow here."""

    def products(
        self, ids: Sequence[str], fresh_s: float = 300.0, *, behind: bool = False
    ) -> dict[str, Product | None]:
        self.asked.append(list(ids))
        return {each: self.feed[each] for each in ids if each in self.feed}


def made(source: ListSource, options: Mapping[str, Any] | None = None, **asked: str) -> tuple[Context, Page, str]:
    widget = Reviews()
    call = call_of(widget, options, **{"product_id": "prd_1", **asked})
    with translation.override("en"):
        context = widget.context(call, source)  # type: ignore[arg-type]
        html = render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop})
    page = Page(html)
    assert_safe_fragment(page)
    return context, page, html


def full_review() -> Review:
    return Review(
        id="rev_1",
        rating=4,
        title="Warm",
        body="First.\n\nSecond\nline.",
        author=Author("Mara", verified_buyer=True, country="DE"),
        created_at=NOW - timedelta(days=3),
        locale="de_at",
        variant_title="Navy / M",
        helpful_count=2,
        media=(Media("image", "https://cdn.example/1.jpg", "https://cdn.example/1s.jpg", 800, 600, "On a ridge"),),
        reply=Reply("Thank you.", NOW - timedelta(days=2)),
    )


def test_context_is_an_allow_list() -> None:
    context, _, _ = made(ReviewSource([full_review()]))
    assert set(context) == {
        "product_id",
        "product",
        "heading",
        "summary",
        "filter",
        "reviews",
        "page",
        "links",
        "form",
        "result",
    }
    assert context["reviews"] == [
        {
            "id": "rev_1",
            "rating": 4,
            "title": "Warm",
            "body": "First.\n\nSecond\nline.",
            "author": {"name": "Mara", "verified_buyer": True, "country": "DE"},
            "created_at": NOW - timedelta(days=3),
            "locale": "de-AT",
            "variant_title": "Navy / M",
            "helpful_count": 2,
            "media": [
                {
                    "kind": "image",
                    "url": "https://cdn.example/1.jpg",
                    "thumb_url": "https://cdn.example/1s.jpg",
                    "width": 800,
                    "height": 600,
                    "alt": "On a ridge",
                }
            ],
            "media_url": "",
            "reply": {"body": "Thank you.", "created_at": NOW - timedelta(days=2)},
        }
    ]
    assert context["summary"]["average"] == Decimal("4.0")
    assert [(row["rating"], row["count"], row["percent"]) for row in context["summary"]["histogram"]] == [
        (5, 0, 0),
        (4, 1, 100),
        (3, 0, 0),
        (2, 0, 0),
        (1, 0, 0),
    ]
    assert json.loads(json.dumps(context, cls=DjangoJSONEncoder))["reviews"][0]["id"] == "rev_1"


def test_html_says_everything_in_words() -> None:
    _, page, html = made(ReviewSource([full_review()]))
    assert "Customer reviews" in page.text
    for words in (
        "Warm",
        "Mara",
        "✓ Verified buyer",
        "Germany",
        "Navy / M",
        "2 people found this helpful",
        "3 days ago",
    ):
        assert words in page.text
    assert "Reply from Alpine" in page.text
    assert "<p>First.</p><p>Second<br>line.</p>" in html
    assert page.all("time", title="May 29, 2026", datetime="2026-05-29T00:00:00+00:00")
    assert [attrs["aria-label"] for attrs in page.all("svg", role="img")] == ["4 out of 5 stars", "4 out of 5 stars"]
    assert page.all("img", alt="On a ridge", width="80", height="80", loading="lazy", decoding="async")
    assert page.all("a", href="https://cdn.example/1.jpg", rel="noopener nofollow ugc")
    assert page.all("div", dir="auto", lang="de-AT")
    root = page.elements[0]
    assert root == (
        "section",
        {
            "class": "sw-reviews sw-stack",
            "part": "reviews",
            "lang": "en",
            "dir": "ltr",
            "aria-label": "Customer reviews",
        },
    )


def test_direction_follows_the_language() -> None:
    widget = Reviews()
    call = call_of(widget, language="ar", product_id="prd_1")
    context = widget.context(call, ReviewSource([full_review()]))  # type: ignore[arg-type]
    page = Page(render_to_string(widget.template, {"w": context, "call": call}))
    assert page.elements[0][1]["dir"] == "rtl"


def test_nothing_that_shoppers_write_becomes_markup() -> None:
    hostile = replace(
        full_review(),
        title=HOSTILE,
        body=HOSTILE * 60,
        author=Author(HOSTILE, country="<b"),
        locale=HOSTILE,
        variant_title=HOSTILE,
        media=(
            Media("image", "https://cdn.example/'\"><script>", 'https://cdn.example/"onload=x', alt=HOSTILE),
            Media("image", "javascript:alert(1)", "https://cdn.example/2.jpg"),
            Media("video", "https://cdn.example/v.mp4", "data:image/png;base64,AA=="),
        ),
        reply=Reply(HOSTILE, None),
    )
    _, clean, _ = made(ReviewSource([replace(full_review(), body="x" * 4000, media=full_review().media * 2)]))
    context, page, html = made(ReviewSource([hostile], products={"prd_1": replace(JACKET, title=HOSTILE)}))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in clean.elements}
    assert "alert(1)" in page.text
    assert "<script" not in html
    assert len(context["reviews"][0]["media"]) == 2
    assert [attrs["src"] for attrs in page.all("img")] == ['https://cdn.example/"onload=x']
    assert (Reviews().json_ld(call_of(Reviews(), product_id="prd_1"), context) or {})["name"] == HOSTILE


def test_heading_of_the_merchant_is_escaped() -> None:
    _, page, _ = made(ReviewSource([full_review()]), {"heading": "<b>Ours</b>"})
    assert page.all("section", aria_label="<b>Ours</b>")
    assert "<b>Ours</b>" in page.text


def test_the_shops_name_is_escaped_once() -> None:
    widget = Reviews()
    call = replace(call_of(widget, product_id="prd_1"), shop=replace(SHOP, name="Nuts & <Bolts>"))
    context = widget.context(call, ReviewSource([full_review()]))  # type: ignore[arg-type]
    assert "Reply from Nuts & <Bolts>" in Page(render_to_string(widget.template, {"w": context, "call": call})).text


def test_no_reviews_yet() -> None:
    source = ReviewSource([])
    context, page, _ = made(source, rating="5", page="7")
    assert "There are no reviews yet." in page.text
    assert context["summary"]["average"] is None
    assert (context["page"]["number"], context["page"]["total"]) == (1, 0)
    assert not page.all("form")
    assert page.all("p", data_focus="", tabindex="-1")
    assert source.asked == [["prd_1"]]  # whether there is such a product at all
    assert Reviews().json_ld(call_of(Reviews(), product_id="prd_1"), context) is None


def test_a_product_whose_reviews_nobody_knows_has_none() -> None:
    class Silent(ReviewSource):
        def get(self, wanted: Query) -> Any:
            raise Missing

    _, page, _ = made(Silent([]))
    assert "There are no reviews yet." in page.text


def test_a_product_that_the_shop_does_not_have_is_no_product_without_reviews() -> None:
    with pytest.raises(Unknown):
        made(ReviewSource([], {"prd_1": None}))

    class Strange(ReviewSource):
        def get(self, wanted: Query) -> Any:
            raise Unknown

    with pytest.raises(Unknown):
        made(Strange([]))


def test_while_nobody_knows_whether_there_is_such_a_product_its_form_is_there() -> None:
    _, page, _ = made(ReviewSource([], {}))
    assert "There are no reviews yet." in page.text


def test_pending_reaches_the_caller() -> None:
    class Closed(ReviewSource):
        def get(self, wanted: Query) -> Any:
            raise Pending(2.0)

    with pytest.raises(Pending):
        made(Closed([]))


def test_no_review_matches() -> None:
    context, page, _ = made(ReviewSource([review(1, 5), review(2, 4)]), rating="1", media="1")
    assert context["reviews"] == []
    assert "No reviews match these filters." in page.text
    assert page.all("h3", tabindex="-1", data_focus="")
    assert page.all("a", href="https://widgets.example/w/v1/shopkey/reviews?product_id=prd_1")


def query(url: str) -> dict[str, str]:
    assert url.startswith("https://widgets.example/w/v1/shopkey/reviews?")
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_links_keep_what_was_chosen() -> None:
    source = ReviewSource([review(n, 5, photo=True) for n in range(25)])
    context, page, _ = made(source, rating="5", media="1", sort="helpful", limit="5", page="2", locale="en")
    chosen = {"product_id": "prd_1", "rating": "5", "media": "1", "sort": "helpful", "limit": "5", "locale": "en"}
    links = context["links"]
    assert query(links["previous"]) == chosen
    assert query(links["next"]) == {**chosen, "page": "3"}
    assert query(links["without_rating"]) == {name: value for name, value in chosen.items() if name != "rating"}
    assert query(links["without_media"]) == {name: value for name, value in chosen.items() if name != "media"}
    assert query(context["summary"]["histogram"][1]["url"]) == {**chosen, "rating": "4"}
    assert query(links["all"]) == {name: value for name, value in chosen.items() if name not in ("rating", "media")}
    assert [each and each["number"] for each in links["pages"]] == [1, 2, 3, 4, 5]
    (current,) = page.all("a", aria_current="page")
    assert query(current["href"]) == {**chosen, "page": "2"}
    assert {"data-go" in attrs for attrs in page.all("a") if "widgets.example" in attrs["href"]} == {True}
    assert "Page 2" in current["aria-label"]
    hidden = {attrs["name"]: attrs["value"] for attrs in page.all("input", type="hidden")}
    assert hidden == {"product_id": "prd_1", "limit": "5", "locale": "en"}
    assert page.all("form", method="get", data_go="", action="https://widgets.example/w/v1/shopkey/reviews")
    selected = [attrs["value"] for attrs in page.all("option") if "selected" in attrs]
    assert selected == ["helpful", "5"]
    assert page.all("input", name="media", checked="")
    assert "6–10 of 25 reviews" in page.text


@pytest.mark.parametrize(("asked", "shown"), [("1", 1), ("3", 3), ("200", 3)])
def test_a_page_beyond_the_end_is_the_last(asked: str, shown: int) -> None:
    page = made(ReviewSource([review(n) for n in range(25)]), page=asked)[0]["page"]
    assert (page["number"], page["has_next"]) == (shown, shown < 3)


def test_unknown_total_has_previous_and_next_only() -> None:
    context, page, _ = made(ReviewSource([review(n, photo=n % 2 == 0) for n in range(350)]), media="1", page="2")
    assert context["page"]["total"] is None
    assert context["links"]["pages"] == []
    assert "Reviews 11–20" in page.text
    assert page.all("a", rel="prev")
    assert page.all("a", rel="next")


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({"show_photos": False}, "On a ridge"),
        ({"show_replies": False}, "Thank you."),
        ({"show_country": False}, '"DE"'),
    ],
)
def test_what_the_merchant_hides_is_not_let_out(options: dict[str, bool], gone: str) -> None:
    shown, _, _ = made(ReviewSource([full_review()]))
    hidden, _, html = made(ReviewSource([full_review()]), options)
    assert gone in json.dumps(shown, cls=DjangoJSONEncoder)
    assert gone not in json.dumps(hidden, cls=DjangoJSONEncoder)
    assert gone not in html


def test_filters_can_be_switched_off() -> None:
    closed = {"show_filters": False, "accept_reviews": False}
    _, page, _ = made(ReviewSource([full_review(), review(2)]), closed)
    assert not page.all("form")
    assert not [attrs for attrs in page.all("a") if "data-go" in attrs]


def test_merchants_page_size_and_order() -> None:
    source = ReviewSource([review(n, 1 + n % 5) for n in range(30)])
    context, _, _ = made(source, {"page_size": 3, "default_sort": "lowest"})
    assert [each["rating"] for each in context["reviews"]] == [1, 1, 1]
    assert context["filter"]["sort"] == "lowest"


def test_structured_data() -> None:
    source = ReviewSource([full_review(), replace(review(2, 5), title="", body="", author=Author(""))])
    context, _, _ = made(source)
    data = Reviews().json_ld(call_of(Reviews(), product_id="prd_1"), context)
    assert data is not None
    assert data["@id"] == "https://shop.example/products/rain-jacket#product"
    assert (data["@type"], data["name"], data["image"]) == ("Product", "Rain jacket", "https://cdn.example/j.jpg")
    assert data["aggregateRating"]["ratingValue"] == 4.5
    assert data["aggregateRating"]["reviewCount"] == 2
    by_name = {each["author"]["name"]: each for each in data["review"]}
    assert by_name["Mara"] == {
        "@type": "Review",
        "@id": "https://shop.example/products/rain-jacket#review-rev_1",
        "author": {"@type": "Person", "name": "Mara"},
        "datePublished": "2026-05-29",
        "reviewRating": {"@type": "Rating", "ratingValue": 4, "bestRating": 5, "worstRating": 1},
        "name": "Warm",
        "reviewBody": "First.\n\nSecond\nline.",
    }
    assert set(by_name["Anonymous"]) == {"@type", "@id", "author", "datePublished", "reviewRating"}
    assert json.dumps(data)


@pytest.mark.parametrize(("options", "products"), [({"json_ld": False}, None), ({}, {}), ({}, {"prd_1": None})])
def test_no_structured_data_without_a_name_or_when_switched_off(
    options: dict[str, bool], products: Mapping[str, Product | None] | None
) -> None:
    source = ReviewSource([full_review()], products)
    context, _, _ = made(source, options)
    assert Reviews().json_ld(call_of(Reviews(), options, product_id="prd_1"), context) is None
    assert len(source.asked) == (0 if options else 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"product_id": "a\nb"},
        {"product_id": "p", "page": "0"},
        {"product_id": "p", "page": "201"},
        {"product_id": "p", "rating": "6"},
        {"product_id": "p", "sort": "random"},
        {"product_id": "p", "limit": "51"},
    ],
)
def test_bad_parameters_are_refused(wrong: dict[str, str]) -> None:
    assert not Reviews.Params(data=wrong).is_valid()


def test_empty_choices_of_the_form_mean_all() -> None:
    call = call_of(Reviews(), product_id="p", rating="", sort="")
    assert (call.params.rating, call.params.sort, call.params.media) == ("", "", False)
    assert call.link() == "https://widgets.example/w/v1/shopkey/reviews?page=1&product_id=p"


def test_several_calls_read_their_products_at_once() -> None:
    source = ReviewSource([])
    widget = Reviews()
    widget.prefetch([call_of(widget, product_id=each) for each in ("b", "a", "b")], source)  # type: ignore[arg-type]
    assert source.asked == [["a", "b"]]
