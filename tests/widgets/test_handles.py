"""A product by its handle or by its platform's id: found in the catalogue index, without a call."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.test import Client, RequestFactory

from sumeru_proxy import accounts
from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import catalogue, catalogue_walk
from tests.upstream import Upstream
from widgets.http import requests

pytestmark = pytest.mark.stores


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made = make_shop(sandbox.url, **sandbox.account())
    catalogue_walk.enrol()
    assert catalogue_walk.once(lambda shop_id: accounts.client_for(shop_id, "index")) == 0.0
    return made


def handle_of(product_id: str) -> str:
    return CatalogueEntry.objects.get(product_id=product_id).handle


@pytest.mark.parametrize("widget", ["reviews", "rating_badge", "bundles"])
def test_a_handle_gives_what_the_id_gives(client: Client, shop: Shop, sandbox: Upstream, widget: str) -> None:
    handle = handle_of("prd_1")
    address = f"/w/v1/{shop.key}/{widget}.json"
    by_id = client.get(address, {"product_id": "prd_1"}).json()
    calls = sandbox.calls()
    by_handle = client.get(address, {"product_handle": handle}).json()
    assert by_handle["state"] == by_id["state"] == "ready"
    assert sandbox.calls() == calls
    html = by_handle["inner_html"].replace(f"product_handle={handle}", "product_id=prd_1")
    html = html.replace(f'name="product_handle" value="{handle}"', 'name="product_id" value="prd_1"')
    assert html == by_id["inner_html"]
    assert handle in by_handle["html"].partition(">")[0]


def test_the_platforms_id_is_understood(client: Client, shop: Shop) -> None:
    CatalogueEntry.objects.filter(product_id="prd_1").update(other_id="4711")
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "4711"}).json()
    assert answer["data"]["product_id"] == "prd_1"


@pytest.mark.parametrize(
    ("walk", "state"),
    [
        ({}, "empty"),
        ({"completed_began_at": 1.0}, "pending"),
        ({"completed_products": 0}, "pending"),
    ],
    ids=["fresh", "not fresh", "no index"],
)
def test_a_handle_that_nobody_knows(
    client: Client, shop: Shop, sandbox: Upstream, walk: dict[str, float], state: str
) -> None:
    CatalogueWalk.objects.update(**walk)
    calls = sandbox.calls()
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_handle": "no-such"}).json()
    assert (answer["state"], answer["inner_html"]) == (state, "")
    assert sandbox.calls() == calls


def test_an_unknown_handle_brings_the_next_walk_near_but_not_at_once(client: Client, shop: Shop) -> None:
    later = CatalogueWalk.objects.get().next_at
    catalogue.wanted(shop.pk)
    assert CatalogueWalk.objects.get().next_at == later
    catalogue._asked.forget()
    CatalogueWalk.objects.update(completed_at=time.time() - catalogue.FRESH_S)
    catalogue.wanted(shop.pk)
    assert CatalogueWalk.objects.get().next_at <= time.time()


@pytest.mark.parametrize("product_id", ["nope", "prd_999"])
def test_an_unknown_product_is_empty_and_not_without_reviews(client: Client, shop: Shop, product_id: str) -> None:
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": product_id}).json()
    assert (answer["state"], answer["inner_html"]) == ("empty", "")


def test_a_product_without_reviews_has_its_form(client: Client, shop: Shop) -> None:
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "prd_12"}).json()
    assert answer["state"] == "ready"


def test_without_an_index_an_unknown_product_is_empty_too(client: Client, shop: Shop) -> None:
    CatalogueWalk.objects.all().delete()
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "nope"}).json()
    assert answer["state"] == "empty"


def test_a_review_is_about_the_product_of_the_handle(shop: Shop) -> None:
    request = RequestFactory().get("/", {"product_handle": handle_of("prd_2"), "write": "1"})
    parsed = requests.parse(request, requests.find_shop(shop.key), "reviews", request.GET)
    assert parsed.call.params.product_id == "prd_2"
    assert parsed.subject.endswith("/prd_2")
    assert f"product_handle={handle_of('prd_2')}" in parsed.call.link()


def test_a_review_of_a_product_that_nobody_knows_is_not_taken(client: Client, shop: Shop) -> None:
    address = f"/w/v1/{shop.key}/reviews?product_handle=no-such"
    answer = client.post(address, {"rating": 5}, content_type="application/json")
    assert answer.status_code == 404
    CatalogueWalk.objects.update(completed_began_at=1.0)
    catalogue._states.forget()
    answer = client.post(address, {"rating": 5}, content_type="application/json")
    assert answer.status_code == 503


@pytest.mark.parametrize("asked", [{}, {"product_handle": "a/b"}, {"product_handle": "x" * 191}])
def test_which_product_must_be_said(client: Client, shop: Shop, asked: dict[str, str]) -> None:
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", asked)
    assert answer.status_code == 400
