from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client import shapes
from sumeru_proxy.client.errors import Refused, Unreadable
from sumeru_proxy.client.reading import Notes
from sumeru_proxy.client.resource import Resource, read_answer
from sumeru_proxy.client.resources import EVERY

PRODUCT: dict[str, Any] = {
    "id": "prd_1", "handle": "mug", "title": "Mug", "url": "https://shop.example/mug", "vendor": "V",
    "image": {"url": "https://cdn.example/1.svg", "width": 10, "height": "20", "alt": "A"},
    "price": "19.90", "compare_at_price": 25, "currency": "eur", "available": True, "tags": ["a", "b"],
    "variant_id": 12, "rating": {"average": "4.5", "count": 2},
}  # fmt: skip
REVIEW: dict[str, Any] = {
    "id": "rev_1", "rating": 5, "title": "T", "body": "B", "author": {"name": "N", "verified_buyer": True, "country": "de"},
    "created_at": "2026-01-01T00:00:00Z", "locale": "de", "variant_title": "Red", "helpful_count": 3,
    "media": [{"type": "image", "url": "https://cdn.example/p.jpg", "thumb_url": "javascript:x", "width": 1, "height": 1, "alt": ""}],
    "reply": {"body": "Thanks", "created_at": None},
}  # fmt: skip
SUMMARY: dict[str, Any] = {"product_id": "prd_1", "average": 4.5, "count": 2, "histogram": {"1": 0, "5": 2}}
REVIEWS: dict[str, Any] = {
    "data": {"summary": SUMMARY, "reviews": [REVIEW, {**REVIEW, "id": "rev_2"}]},
    "pagination": {"next_cursor": "c", "has_next": True},
}
REWARD = {"kind": "fixed_amount", "value": "10.00", "currency": "EUR", "description": "d"}
ORDER: dict[str, Any] = {
    "id": "ord_1", "number": 1001, "created_at": "2026-01-01T00:00:00Z", "currency": "EUR", "total_price": "40.00",
    "line_items": [{"id": "lin_1", "title": "Mug", "quantity": 2, "price": "20.00"}],
    "customer": {"id": "cus_1", "email": "a@b.c"}, "shipping_address": {"city": "Berlin"},
    "attributions": [{"order_id": "ord_1", "model": "linear", "revenue": "40", "currency": "EUR",
                      "touchpoints": [{"id": "tp_1", "channel": "paid", "weight": "0.5"}]}],
}  # fmt: skip
GOOD: dict[str, tuple[Resource[Any], dict[str, Any]]] = {
    "reviews": (catalogue.REVIEWS, REVIEWS),
    "submit": (catalogue.SUBMIT_REVIEW, {"data": {"id": "rev_1", "status": "pending"}}),
    "products": (catalogue.PRODUCTS, {"data": [PRODUCT], "pagination": {"next_cursor": None, "has_next": False}}),
    "bundles": (
        catalogue.BUNDLES,
        {"data": [{"id": "bun_1", "title": "B", "description": "", "items": [{**PRODUCT, "quantity": 2}], "price": "30.00",
                   "compare_at_price": "39.80", "currency": "EUR", "discount": {"kind": "percentage", "value": 10}}]},
    ),
    "upsell": (catalogue.UPSELL, {"data": [{"product": PRODUCT, "reason": "r", "discount": None}]}),
    "referral": (shopper.REFERRAL, {"data": {"code": "C", "share_url": "https://shop.example/?r=C", "reward": REWARD}}),
    "check": (shopper.CHECK_REFERRAL, {"data": {"code": "C", "valid": True, "referrer_name": "A", "reward": REWARD}}),
    "quiz": (
        shopper.QUIZ,
        {"data": {"quiz_id": "q", "title": "t", "complete": False, "progress": {"answered": 0, "total": 3}, "results": None,
                  "next_question": {"id": "a", "text": "?", "kind": "single",
                                    "options": [{"id": "o", "label": "l", "image": "https://cdn.example/o.svg"}]}}},
    ),
    "experiment": (shopper.EXPERIMENT, {"data": {"experiment": "e", "variant": "b", "payload": {"x": 1}, "assigned_at": None}}),
    "nudge": (
        shopper.NUDGE,
        {"data": {"id": "n", "kind": "free_shipping", "message": "m", "progress": {"current": "1", "target": "2", "remaining": "1"},
                  "cta": {"label": "Go", "url": "/cart"}, "expires_at": None}},
    ),
    "pixel": (shopper.PIXEL_EVENTS, {"data": {"accepted": 2}}),
    "customers": (admin.CUSTOMERS, {"data": [{"id": "cus_1", "opt_in": {"email": True, "sms": False}}]}),
    "orders": (admin.ORDERS, {"data": [ORDER]}),
    "order": (admin.ORDER, {"data": ORDER}),
    "subscribe": (admin.SUBSCRIBE, {"data": {"id": "whk_1", "url": "https://x.example/", "events": ["*"], "secret": "wsec_x",
                                   "active": True}}),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_answers_are_read_without_a_remark(name: str) -> None:
    resource, answer = GOOD[name]
    notes = Notes()
    assert read_answer(resource, answer, notes) is not None
    if name != "reviews":  # its unusable thumbnail address is remarked upon
        assert not notes.misfit
    assert not notes.skipped
    assert not notes.unknown


def test_reviews() -> None:
    page = read_answer(catalogue.REVIEWS, REVIEWS)
    review = page.reviews[0]
    assert (page.summary.average, page.summary.histogram, page.next_cursor) == (Decimal("4.5"), (0, 0, 0, 0, 2), "c")
    assert review.author == shapes.Author("N", True, "DE")
    assert review.media[0].thumb_url == "https://cdn.example/p.jpg"
    assert review.reply == shapes.Reply("Thanks", None)


def test_products() -> None:
    (product,) = read_answer(catalogue.PRODUCTS, {"data": [PRODUCT]}).products
    assert (product.price, product.compare_at_price, product.currency, product.variant_id) == (
        Decimal("19.90"),
        25,
        "EUR",
        "12",
    )
    assert product.image == shapes.Image("https://cdn.example/1.svg", 10, 20, "A")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda a: a.pop("data"), "data"),
        (lambda a: a["data"].pop("summary"), "data.summary"),
        (lambda a: a["data"].update(reviews={}), "data.reviews"),
        (lambda a: a["data"]["summary"].update(count="many"), "data.summary.count"),
        (lambda a: [each.update(rating=6) for each in a["data"]["reviews"]], "data.reviews[0].rating"),
    ],
)
def test_what_is_required_of_reviews(change: Any, path: str) -> None:
    answer = copy.deepcopy(REVIEWS)
    change(answer)
    with pytest.raises(Unreadable) as caught:
        read_answer(catalogue.REVIEWS, answer)
    assert caught.value.path == path


def test_one_broken_review_does_not_cost_the_page() -> None:
    answer = copy.deepcopy(REVIEWS)
    del answer["data"]["reviews"][0]["created_at"]
    notes = Notes()
    assert [review.id for review in read_answer(catalogue.REVIEWS, answer, notes).reviews] == ["rev_2"]
    assert notes.skipped == ["data.reviews[0].created_at"]


def test_a_product_without_reviews_needs_no_average() -> None:
    answer = {"data": {"summary": {"count": 0, "average": None}, "reviews": []}}
    summary = read_answer(catalogue.REVIEWS, answer).summary
    assert (summary.average, summary.histogram) == (None, (0, 0, 0, 0, 0))


def test_a_bundle_stands_or_falls_with_its_items() -> None:
    good = GOOD["bundles"][1]["data"][0]
    broken = copy.deepcopy(good)
    del broken["items"][0]["price"]
    assert [each.id for each in read_answer(catalogue.BUNDLES, {"data": [broken, {**good, "id": "bun_2"}]})] == [
        "bun_2"
    ]
    with pytest.raises(Unreadable) as caught:
        read_answer(catalogue.BUNDLES, {"data": [broken]})
    assert caught.value.path == "data[0].items[0].price"


@pytest.mark.parametrize("resource", [shopper.REFERRAL, shopper.CHECK_REFERRAL, shopper.NUDGE])
def test_null_says_that_there_is_none_but_nothing_does_not(resource: Resource[Any]) -> None:
    assert read_answer(resource, {"data": None}) is None
    with pytest.raises(Unreadable) as caught:
        read_answer(resource, {})
    assert caught.value.path == "data"


def test_an_order_with_an_unreadable_line_is_unreadable_and_counted_in_a_list() -> None:
    broken = copy.deepcopy(ORDER)
    broken["line_items"].append({"id": "lin_2", "quantity": 1})
    with pytest.raises(Unreadable) as caught:
        read_answer(admin.ORDER, {"data": broken})
    assert caught.value.path == "data.line_items[1].price"
    page = read_answer(admin.ORDERS, {"data": [ORDER, broken]})
    assert (len(page.orders), page.skipped) == (1, 1)


def test_people_and_secrets_do_not_show() -> None:
    order = read_answer(admin.ORDER, {"data": ORDER})
    subscription = read_answer(*GOOD["subscribe"])
    assert "a@b.c" not in repr(order)
    assert "Berlin" not in repr(order)
    assert "wsec_x" not in repr(subscription)
    assert subscription.secret == "wsec_x"


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(items):
        yield value, key
        yield from places(each)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just("\ud800\x00"),
)


@pytest.mark.thorough
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.integers(0, 10_000), st.lists(JUNK, min_size=1, max_size=3))
def test_any_junk_anywhere_is_read_or_named(name: str, seed: int, junk: list[Any]) -> None:
    resource, answer = GOOD[name]
    answer = copy.deepcopy(answer)
    source = random.Random(seed)
    for each in junk:
        holder, key = source.choice(list(places(answer)))
        if source.random() < 0.3 and isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder[key] = copy.deepcopy(each)
        if not list(places(answer)):
            break
    path = "data"
    try:
        read_answer(resource, answer)
    except Unreadable as error:
        path = error.path
    assert path.startswith("data")


@pytest.mark.parametrize("answer", [None, [], "x", 5, True])
def test_an_answer_is_an_object(answer: Any) -> None:
    for resource in EVERY:
        with pytest.raises(Unreadable) as caught:
            read_answer(resource, answer)
        assert caught.value.path == "$"


BAD_IDS = ["", " ", "a" * 191, "a\r\nX: y", "a\x00", "a\nb", ".", "..", "a,b", " a", "\ud800", "\u2028", None, 5]


@pytest.mark.parametrize("bad", BAD_IDS, ids=repr)
def test_bad_ids_never_become_a_request(bad: Any) -> None:
    asks: list[Any] = [
        lambda: catalogue.ask_reviews(bad), lambda: catalogue.ask_bundles(bad), lambda: catalogue.ask_upsell([bad]),
        lambda: catalogue.ask_products(product_ids=[bad]), lambda: shopper.ask_referral(bad), lambda: shopper.ask_quiz(bad, "s"),
        lambda: shopper.ask_quiz("q", "s", [("a", [bad])]), lambda: shopper.ask_experiment("e", bad),
        lambda: shopper.ask_nudge(bad, "1", "EUR"), lambda: admin.ask_one("order_id", bad),
        lambda: catalogue.ask_submit_review(bad, 5, "b", "n", "e@x.example"),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.status == 0
        if isinstance(bad, str) and len(bad.strip(" .,")) > 1:
            assert bad not in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: catalogue.ask_reviews("p", limit=101),
        lambda: catalogue.ask_reviews("p", limit=True),
        lambda: catalogue.ask_reviews("p", rating=0),
        lambda: catalogue.ask_reviews("p", sort="created_at"),
        lambda: catalogue.ask_reviews("p", cursor="x" * 513),
        lambda: catalogue.ask_reviews("p", cursor="a\r\nb"),
        lambda: catalogue.ask_upsell([]),
        lambda: catalogue.ask_upsell(["p"], cart_total="-1"),
        lambda: catalogue.ask_upsell(["p"], cart_total="NaN"),
        lambda: catalogue.ask_upsell(["p"], currency="euro"),
        lambda: catalogue.ask_products(product_ids=[f"p{n}" for n in range(101)]),
        lambda: catalogue.ask_products(query="a\x00"),
        lambda: catalogue.ask_submit_review("p", 6, "b", "n", "e@x.example"),
        lambda: catalogue.ask_submit_review("p", 5, "b", "n\r\n", "e@x.example"),
        lambda: catalogue.ask_submit_review("p", 5, "b", "n", "none"),
        lambda: shopper.ask_pixel([]),
        lambda: shopper.ask_pixel([{"id": "1", "type": "t", "occurred_at": "x"}] * 101),
        lambda: shopper.ask_pixel([{"id": "1"}]),
        lambda: shopper.ask_pixel([{"id": "1", "type": "t", "occurred_at": "x", "p": float("nan")}]),
        lambda: admin.ask_list(sort="a b"),
        lambda: admin.ask_list(filters={"a]": "1"}),
        lambda: admin.ask_list(include=["everything"]),
        lambda: admin.ask_update_customer("c", {}),
        lambda: admin.ask_subscribe("http://x.example/", ["*"]),
        lambda: admin.ask_subscribe("https://a@x.example/", ["*"]),
        lambda: admin.ask_subscribe("https://x.example/", []),
        lambda: admin.ask_subscribe("https://x.example/", ["bad event"]),
    ],
)
def test_bad_arguments_are_refused_here(ask: Any) -> None:
    with pytest.raises(Refused) as caught:
        ask()
    assert (caught.value.code, caught.value.status) == ("invalid_argument", 0)


def test_what_is_asked() -> None:
    asked = catalogue.ask_reviews("prd_1", limit=100, sort="-helpful", rating=5, media=True)
    assert asked.query == (
        ("product_id", "prd_1"),
        ("limit", "100"),
        ("sort", "-helpful"),
        ("rating", "5"),
        ("media", "1"),
    )
    assert catalogue.ask_products(product_ids=["a", "b", "a"]).query == (("product_ids", "a,b"),)
    assert [catalogue.ask_products(product_ids=["a", "b"]).cost, catalogue.ask_products(limit=100).cost] == [1, 1]
    assert shopper.ask_pixel([{"id": "1", "type": "t", "occurred_at": "x"}] * 7).cost == 7
    assert admin.ask_list(
        filters={"order_id": "o"}, include=["attributions"], allowed_includes=admin.ORDER_INCLUDES
    ).query == (
        ("filter[order_id]", "o"),
        ("include", "attributions"),
    )
