"""A value is whole or it is not that value; a number that nobody gave is unknown."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client import shapes
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.reading import Notes
from sumeru_proxy.client.resource import read_answer
from tests.sumeru_proxy.client.test_resources import GOOD, ORDER, PRODUCT, REVIEW, REVIEWS, REWARD, SUMMARY


def summary_with(**changes: Any) -> tuple[shapes.ReviewSummary, Notes]:
    answer = copy.deepcopy(REVIEWS)
    answer["data"]["summary"].update(count=50_000, **changes)
    notes = Notes()
    return read_answer(catalogue.REVIEWS, answer, notes).summary, notes


@pytest.mark.parametrize(
    ("histogram", "known"),
    [
        ({"1": 0, "2": 0, "3": 0, "4": 20_000, "5": 30_000}, (0, 0, 0, 20_000, 30_000)),
        ({"4": "20000", "5": "30000"}, (0, 0, 0, 20_000, 30_000)),  # the others are nobody's: these are everybody
        ({"1": 1, "2": 0, "3": 0, "4": 20_000, "5": 30_000}, (1, 0, 0, 20_000, 30_000)),  # one read a moment before
        ({"4": 10, "5": 30_000}, None),
        ({"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}, None),
        ({"1": 4, "2": 1, "3": 5, "4": 30, "5": 60}, None),  # percentages
        ({"1": 0.04, "2": 0.01, "3": 0.05, "4": 0.3, "5": 0.6}, None),
        ({"one": 1, "five": 49_999}, None),
        ([0, 0, 0, 20_000, 30_000], None),
        ([{"rating": 5, "count": 50_000}], None),
        ({}, None),
        ("none", None),
        (None, None),
        ({"1": -1, "2": 0, "3": 0, "4": 0, "5": 50_001}, None),
    ],
)
def test_a_histogram_is_whole_or_unknown(histogram: Any, known: Any) -> None:
    summary, notes = summary_with(histogram=histogram)
    assert summary.histogram == known
    assert notes.withheld == (set() if known else {"data.summary.histogram"})


@pytest.mark.parametrize(
    ("average", "known"),
    [("4.35", Decimal("4.35")), (4, 4), (0, None), (87, None), (None, None), ("", None), ({}, None)],
)
def test_an_average_is_one_of_stars_or_unknown(average: Any, known: Any) -> None:
    summary, notes = summary_with(average=average, histogram={"5": 50_000})
    assert summary.average == known
    assert notes.withheld == ({"data.summary.average"} if known is None else set())
    product = {**PRODUCT, "rating": {"average": average, "count": 3}}
    (read,) = read_answer(catalogue.PRODUCTS, {"data": [product]}).products
    assert read.rating == shapes.Rating(known, 3)


@pytest.mark.parametrize("currency", ["USDC", "US", "", None, "XXX", "Euro", 978])
def test_a_price_in_an_unknown_currency_is_unreadable(currency: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        read_answer(catalogue.PRODUCTS, {"data": [{**PRODUCT, "currency": currency}]})
    assert caught.value.path == "data[0].currency"
    with pytest.raises(Unreadable):
        read_answer(admin.ORDER, {"data": {**ORDER, "currency": currency}})


@pytest.mark.parametrize(
    ("reward", "known"),
    [
        ({**REWARD, "currency": "USDC"}, False),  # ten of these are not ten of the shop's
        ({**REWARD, "currency": None}, True),
        ({**REWARD, "kind": "percentage", "currency": "USDC"}, True),
    ],
)
def test_a_reward_in_an_unknown_currency_is_none(reward: Any, known: bool) -> None:
    answer = {"data": {"code": "C", "share_url": "/?r=C", "reward": reward}}
    found = read_answer(shopper.REFERRAL, answer)
    assert found is not None
    assert (found.reward is not None, found.share_url) == (known, "/?r=C")


@pytest.mark.parametrize(
    ("country", "code"), [("Germany", ""), ("DEU", "DE"), ("CHN", "CN"), ("ge", "GE"), ("ZZ", ""), (None, "")]
)
def test_a_country_is_a_code_or_unknown(country: Any, code: str) -> None:
    review = {**REVIEW, "author": {"name": "N", "country": country}}
    page = read_answer(catalogue.REVIEWS, {"data": {"summary": SUMMARY, "reviews": [review]}})
    assert page.reviews[0].author.country == code


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("image", 1), ("VIDEO", 1), ("model3d", 0), ("image/jpeg", 0), ("audio", 0), ("videoclip", 0), (None, 0)],
)
def test_media_of_an_unknown_type_is_left_out(kind: Any, shown: int) -> None:
    review = {**REVIEW, "media": [{"type": kind, "url": "//cdn.example/x"}]}
    page = read_answer(catalogue.REVIEWS, {"data": {"summary": SUMMARY, "reviews": [review]}})
    assert [media.url for media in page.reviews[0].media] == ["https://cdn.example/x"] * shown


def test_an_id_is_whole_or_none() -> None:
    long = "r" * 191
    notes = Notes()
    reviews = [{**REVIEW, "id": long}, {**REVIEW, "id": "r" * 190}, {**REVIEW, "id": "a\x00b"}]
    page = read_answer(catalogue.REVIEWS, {"data": {"summary": SUMMARY, "reviews": reviews}}, notes)
    assert [review.id for review in page.reviews] == ["r" * 190]
    assert notes.skipped == ["data.reviews[0].id", "data.reviews[2].id"]


@pytest.mark.parametrize(("quantity", "read"), [(2, 2), ("3.0", 3), (None, 1), ("two", None), (0, None), (1.5, None)])
def test_a_quantity_that_cannot_be_read_is_not_one(quantity: Any, read: int | None) -> None:
    bundle = copy.deepcopy(GOOD["bundles"][1]["data"][0])
    bundle["items"][0]["quantity"] = quantity
    answer = {"data": [GOOD["bundles"][1]["data"][0], {**bundle, "id": "bun_2"}]}
    found = {each.id: each.items[0].quantity for each in read_answer(catalogue.BUNDLES, answer)}
    assert found.get("bun_2") == read
