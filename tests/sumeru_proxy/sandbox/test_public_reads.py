"""The public read endpoints, by the shapes of the upstream's documentation."""

from __future__ import annotations

import pytest

from sumeru_proxy.sandbox.server import Sandbox
from tests.sumeru_proxy.sandbox.conversation import OTHER_KEY, Conversation

PRODUCT_FIELDS = {
    "id", "handle", "title", "url", "vendor", "image", "price", "compare_at_price", "currency", "available", "tags",
    "variant_id", "rating",
}  # fmt: skip
REVIEW_FIELDS = {
    "id", "rating", "title", "body", "author", "created_at", "locale", "variant_title", "helpful_count", "media", "reply",
}  # fmt: skip


def test_reviews_have_the_documented_shape(talk: Conversation) -> None:
    answer = talk.get("reviews?product_id=prd_1")
    assert answer.status == 200
    data = answer.data
    assert data["summary"] == {
        "product_id": "prd_1",
        "average": 3.6,
        "count": 45,
        "histogram": {"1": 9, "2": 0, "3": 9, "4": 9, "5": 18},
    }
    assert len(data["reviews"]) == 20
    assert all(set(review) == REVIEW_FIELDS for review in data["reviews"])
    assert set(data["reviews"][0]["author"]) == {"name", "verified_buyer", "country"}
    assert answer.json()["pagination"]["has_next"] is True


def test_pages_hold_every_review_once(talk: Conversation) -> None:
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        answer = talk.get(f"reviews?product_id=prd_1&limit=7&cursor={cursor}").json()
        seen += [review["id"] for review in answer["data"]["reviews"]]
        cursor = answer["pagination"]["next_cursor"]
        if not answer["pagination"]["has_next"]:
            break
    assert cursor is None
    assert len(seen) == len(set(seen)) == 45


def test_a_new_review_does_not_shift_the_next_page(server: Sandbox, talk: Conversation) -> None:
    first = talk.get("reviews?product_id=prd_1&limit=5").json()
    server.control.add_review({"created_at": "2027-01-01T00:00:00Z"}, "prd_1")
    second = talk.get(f"reviews?product_id=prd_1&limit=5&cursor={first['pagination']['next_cursor']}").json()
    ids = [review["id"] for page in (first, second) for review in page["data"]["reviews"]]
    assert ids == [f"rev_{number}" for number in range(45, 35, -1)]


@pytest.mark.parametrize(
    ("sort", "key", "descending"),
    [
        ("-created_at", "created_at", True),
        ("-rating", "rating", True),
        ("rating", "rating", False),
        ("-helpful", "helpful_count", True),
    ],
)
def test_reviews_sort(talk: Conversation, sort: str, key: str, descending: bool) -> None:
    reviews = talk.get(f"reviews?product_id=prd_1&limit=100&sort={sort}").data["reviews"]
    values = [review[key] for review in reviews]
    assert len(set(values)) > 3
    assert values == sorted(values, reverse=descending)


def test_filters_leave_the_summary_alone(talk: Conversation) -> None:
    fives = talk.get("reviews?product_id=prd_1&rating=5&limit=100").data
    pictured = talk.get("reviews?product_id=prd_1&media=1").data
    assert {review["rating"] for review in fives["reviews"]} == {5}
    assert len(fives["reviews"]) == 18
    assert sorted(review["id"] for review in pictured["reviews"]) == ["rev_20", "rev_3", "rev_41"]
    assert fives["summary"]["count"] == pictured["summary"]["count"] == 45


def test_an_unknown_product_has_no_reviews(talk: Conversation) -> None:
    answer = talk.get("reviews?product_id=prd_none")
    assert answer.status == 200
    assert answer.data["reviews"] == []
    assert answer.data["summary"]["count"] == answer.data["summary"]["average"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "reviews",
        "reviews?product_id=prd_1&sort=worst",
        "reviews?product_id=prd_1&rating=6",
        "reviews?product_id=prd_1&media=maybe",
        "reviews?product_id=prd_1&limit=0",
        "reviews?product_id=prd_1&limit=101",
        "reviews?product_id=prd_1&limit=ten",
        "reviews?product_id=prd_1&cursor=bm9uc2Vuc2U",
        "reviews?product_id=prd_1&cursor=%C3%A9%00",
        "bundles",
        "referral",
        "referral?customer_id=cus_1&code=ADA",
        "ab-experiment?experiment=headline",
        "cart-nudge?cart_total=1",
        "cart-nudge?cart_id=c&cart_total=-1",
        "cart-nudge?cart_id=c&cart_total=NaN",
        "upsell?product_ids=prd_1&cart_total=lots",
    ],
)
def test_wrong_parameters_are_named(talk: Conversation, path: str) -> None:
    answer = talk.get(path)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.json()["error"]["details"]["fields"]


def test_a_cursor_of_another_list_is_refused(talk: Conversation) -> None:
    cursor = talk.get("reviews?product_id=prd_1&limit=5").json()["pagination"]["next_cursor"]
    for path in (f"reviews?product_id=prd_2&cursor={cursor}", f"reviews?product_id=prd_1&rating=5&cursor={cursor}"):
        assert talk.get(path).code == "validation_failed"
    changed = ("A" if cursor[5] != "A" else "B").join([cursor[:5], cursor[6:]])
    assert talk.get(f"reviews?product_id=prd_1&cursor={changed}").code == "validation_failed"


def test_the_feed_filters_and_keeps_the_asked_order(server: Sandbox, talk: Conversation) -> None:
    everything = talk.get("product-feed?limit=100").data
    assert len(everything) == 12
    assert all(set(product) == PRODUCT_FIELDS for product in everything)
    assert everything[0]["rating"] == {"average": 3.6, "count": 45}
    assert everything[3]["rating"] is None
    assert everything[0]["image"]["url"].startswith(server.url + "/media/")
    asked = talk.get("product-feed?product_ids=prd_5,prd_none,prd_2").data
    assert [product["id"] for product in asked] == ["prd_5", "prd_2"]
    assert {product["id"] for product in talk.get("product-feed?collection=home&in_stock=1").data} == {
        "prd_2", "prd_4", "prd_8", "prd_10",
    }  # fmt: skip
    assert [product["title"] for product in talk.get("product-feed?q=CEDAR").data] == ["Cedar Rucksack"]


def test_two_shops_share_ids_but_nothing_else(talk: Conversation) -> None:
    own, other = talk.get("product-feed?limit=4").data, talk.get("product-feed?limit=4", X_Public_Key=OTHER_KEY).data
    assert [product["id"] for product in own] == [product["id"] for product in other]
    assert not {product["title"] for product in own} & {product["title"] for product in other}
    reviews = talk.get("reviews?product_id=prd_1", X_Public_Key=OTHER_KEY).data
    assert [review["body"] for review in reviews["reviews"]] == ["From the other shop."] * 2


def test_bundles_are_priced(talk: Conversation) -> None:
    (bundle,) = talk.get("bundles?product_id=prd_2").data
    assert (bundle["price"], bundle["compare_at_price"], bundle["currency"]) == ("31.50", "35.00", "EUR")
    assert [(item["id"], item["quantity"]) for item in bundle["items"]] == [("prd_1", 1), ("prd_2", 2)]
    assert set(bundle["items"][0]) == PRODUCT_FIELDS | {"quantity"}
    assert talk.get("bundles?product_id=prd_9").data == []


def test_upsell_leaves_out_the_cart_and_what_is_too_dear(talk: Conversation) -> None:
    offers = talk.get("upsell?product_ids=prd_1,prd_3&cart_total=40.00&currency=EUR").data
    assert [offer["product"]["id"] for offer in offers] == ["prd_2", "prd_4"]
    assert offers[0]["reason"] == "Often bought together"
    assert offers[0]["discount"] == {"kind": "percentage", "value": "15"}
    assert offers[1]["discount"] is None
    # 14.00 is more than half of 20.00.
    cheap = talk.get("upsell?product_ids=prd_1,prd_3&cart_total=20.00").data
    assert [offer["product"]["id"] for offer in cheap] == ["prd_2"]
    assert talk.get("upsell?product_ids=prd_1&cart_total=40&currency=USD").data == []


def test_an_experiment_is_stable_and_splits(server: Sandbox, talk: Conversation) -> None:
    server.limits.on = False
    first = talk.get("ab-experiment?experiment=headline&visitor_id=v1").data
    assert set(first) == {"experiment", "variant", "payload", "assigned_at"}
    server.clock.shift(100_000)
    assert talk.get("ab-experiment?experiment=headline&visitor_id=v1").data == first
    variants = [talk.get(f"ab-experiment?experiment=headline&visitor_id=v{n}").data["variant"] for n in range(60)]
    assert 15 <= variants.count("bold") <= 45
    assert talk.get("ab-experiment?experiment=none&visitor_id=v").code == "not_found"


@pytest.mark.parametrize(
    ("total", "kind", "remaining"),
    [
        ("20.00", "free_shipping", "30.00"),
        ("50.00", "discount_tier", "50.00"),
        ("100.00", None, None),
        ("0", None, None),
    ],
)
def test_nudges_follow_the_cart(talk: Conversation, total: str, kind: str | None, remaining: str | None) -> None:
    nudge = talk.get(f"cart-nudge?cart_id=c&cart_total={total}&currency=EUR&item_count=1").data
    if kind is None:
        assert nudge is None
    else:
        assert nudge["kind"] == kind
        assert nudge["progress"]["remaining"] == remaining
        assert remaining is not None
        assert remaining in nudge["message"]


def test_a_referral_is_null_until_claimed(talk: Conversation) -> None:
    assert talk.get("referral?customer_id=cus_2").data is None
    own = talk.get("/api/referral/public?customer_id=cus_1").data
    assert own["share_url"] == f"https://small.example/?ref={own['code']}"
    check = talk.get(f"referral?code={own['code'].lower()}").data
    assert (check["valid"], check["referrer_name"]) == (True, "Ada")
    assert talk.get("referral?code=nobody").data["valid"] is False


def test_the_edge_answers_for_its_lifetime(server: Sandbox, talk: Conversation) -> None:
    path = "reviews?product_id=prd_1&limit=1"
    assert talk.get(path).headers["x-cache"] == "MISS"
    server.control.add_review({"created_at": "2027-01-01T00:00:00Z", "edge": "keep"}, "prd_1")
    again = talk.get(path)
    assert again.headers["x-cache"] == "HIT"
    assert again.data["summary"]["count"] == 45
    assert talk.get(path, X_Public_Key=OTHER_KEY).headers["x-cache"] == "MISS"
    server.clock.shift(61)
    late = talk.get(path)
    assert late.headers["x-cache"] == "MISS"
    assert late.data["summary"]["count"] == 46


def test_pictures_are_drawn(talk: Conversation) -> None:
    answer = talk.get("/media/camp-mug-1.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.body == talk.get("/media/camp-mug-1.svg").body
    assert answer.body != talk.get("/media/camp-mug-2.svg").body
    assert talk.get("/media/secret.txt").code == "not_found"


def test_unknown_paths_and_methods(talk: Conversation) -> None:
    assert talk.get("/api/public/nothing").code == "not_found"
    assert talk.call("GET", "/api/public/quiz").status == 405
    assert talk.call("DELETE", "/api/v1/orders/ord_1").status == 405
