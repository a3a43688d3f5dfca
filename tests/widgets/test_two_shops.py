"""Two shops with the same product ids on one server never see each other's data, in any layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader, stamps
from tests.upstream import Upstream

FORMS = (
    "reviews.json?product_id=prd_1",
    "reviews.html?product_id=prd_1",
    "reviews?product_id=prd_1",
    "batch?w=reviews?product_id=prd_1",
)
MARK = "From the other shop."


@pytest.fixture
def two(make_shop: Callable[..., Shop], sandbox: Upstream) -> tuple[Shop, Shop]:
    first = make_shop(sandbox.url, name="First", origin="https://first.example", **sandbox.account(0))
    second = make_shop(sandbox.url, name="Second", origin="https://second.example", **sandbox.account(1))
    return first, second


def test_same_address_same_product_other_shop(client: Client, two: tuple[Shop, Shop]) -> None:
    first, second = two
    for _round in range(2):  # the second round comes from copies
        for form in FORMS:
            assert MARK not in client.get(f"/w/v1/{first.key}/{form}").content.decode()
            assert MARK in client.get(f"/w/v1/{second.key}/{form}").content.decode()


def test_copies_are_named_by_shop(client: Client, two: tuple[Shop, Shop]) -> None:
    for shop in two:
        client.get(f"/w/v1/{shop.key}/reviews.json?product_id=prd_1")
    keys = list(reader.copies._held)
    assert len(keys) == len(set(keys))
    assert {key.split(":")[2] for key in keys} == {str(shop.pk) for shop in two}


def test_an_answer_for_one_is_no_validator_for_the_other(client: Client, two: tuple[Shop, Shop]) -> None:
    first, second = two
    etag = client.get(f"/w/v1/{first.key}/{FORMS[0]}")["ETag"]
    assert client.get(f"/w/v1/{second.key}/{FORMS[0]}", headers={"if-none-match": etag}).status_code == 200


def test_a_failing_upstream_of_one_never_shows_the_other(
    client: Client, two: tuple[Shop, Shop], sandbox: Upstream
) -> None:
    first, second = two
    client.get(f"/w/v1/{second.key}/{FORMS[0]}")
    sandbox.fault("status", status=500, shop=first.domain)
    answer = json.loads(client.get(f"/w/v1/{first.key}/{FORMS[0]}").content)
    assert answer["state"] == "pending"
    assert MARK not in json.dumps(answer)


def test_invalidating_one_leaves_the_other_fresh(client: Client, two: tuple[Shop, Shop]) -> None:
    first, second = two
    bundles = "bundles.json?product_id=prd_1"  # one read; reviews are not whole before their product was read, too
    for shop in two:
        assert json.loads(client.get(f"/w/v1/{shop.key}/{bundles}").content)["fresh"] is True
    stamps.invalidate(first.pk, ["bundles"])
    assert json.loads(client.get(f"/w/v1/{first.key}/{bundles}").content)["fresh"] is False
    assert json.loads(client.get(f"/w/v1/{second.key}/{bundles}").content)["fresh"] is True


def test_an_origin_of_one_may_not_read_the_other(client: Client, two: tuple[Shop, Shop]) -> None:
    first, second = two
    for shop, origin in ((first, "https://second.example"), (second, "https://first.example")):
        response = client.get(f"/w/v1/{shop.key}/{FORMS[0]}", headers={"origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.django_db(transaction=True)
@pytest.mark.thorough
def test_under_load_every_answer_is_for_who_asked(
    make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any
) -> None:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    shops = [make_shop(sandbox.url, name=str(number), **sandbox.account(number)) for number in (0, 1)]
    # The small shops' limits would turn most answers into "pending", which proves nothing.
    sandbox.sandbox.limits.on = False

    def ask(number: int) -> bool | None:
        try:
            shop = shops[number % 2]
            body = Client().get(f"/w/v1/{shop.key}/{FORMS[number % len(FORMS)]}&x={number}").content.decode()
            if number % 37 == 0:
                stamps.invalidate(shop.pk, ["reviews"], hard=number % 2 == 0)
            if MARK in body:
                return shop is shops[1]
            return None if "Customer reviews" not in body else shop is shops[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(600)))
    assert False not in outcomes
    assert outcomes.count(True) > 100
