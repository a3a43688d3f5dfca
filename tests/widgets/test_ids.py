"""An id is opaque text of up to 190 characters: it comes whole through addresses, attributes, lists, tokens and topics."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from sumeru_proxy.client.resources_catalogue import BUNDLES, REVIEWS
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.reader import Query
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from widgets import base, registry
from widgets.http import forms

IDS = [
    "gid://shopify/Product/1",
    "gid://shopify/Cart/x?key=a&b=c#d",
    "hero.banner",
    "two words",
    "ß/ü — 好👍",
    "back\\slash\\",
    '"><img src=x onerror=1>',
    "%2F%00+",
    "{{7*7}}",
    "../../x",
    "...",
    "x" * 190,
    "好" * 190,
]


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


@pytest.mark.parametrize("each", IDS)
def test_every_field_of_every_widget_takes_it(each: str) -> None:
    fields = [
        (widget.name, str(name), field)
        for widget in registry.all_widgets().values()
        for name, field in widget.Params().fields.items()
        if isinstance(field, base.IdentifierField | base.IdentifierListField)
    ]
    assert len(fields) >= 12
    for widget, name, field in fields:
        single = isinstance(field, base.IdentifierField)
        value = field.run_validation(each if single else f" {each},other,")
        assert value == (each if single else (each, "other")), (widget, name)


@pytest.mark.parametrize("wrong", ["", "x" * 191, "a\nb", "a\x00b", "a\x7fb", "a\u2028b", "\ud800", "a,b", ".", ".."])
def test_what_is_no_id(wrong: str) -> None:
    assert not base.is_identifier(wrong)


def test_blanks_around_an_id_are_nobodys() -> None:
    assert base.IdentifierField().run_validation(" prd_1\n") == "prd_1"
    assert base.IdentifierListField(max_length=9).run_validation(" a , b,,a,\n") == ("a", "b")


@pytest.fixture(scope="module")
def odd_products() -> Iterator[Upstream]:
    """A shop with a product of each id."""
    catalogue = small_catalogue()
    for each in catalogue["shops"]:
        first = each["products"][0]
        each["products"] += [{**first, "id": wanted, "handle": f"odd-{number}"} for number, wanted in enumerate(IDS)]
    with upstream(catalogue) as sandbox:
        yield sandbox


@pytest.mark.parametrize("each", IDS)
def test_it_comes_back_in_address_attribute_and_form(
    client: Client, make_shop: Callable[..., Shop], odd_products: Upstream, each: str
) -> None:
    shop = make_shop(odd_products.url, **odd_products.account())
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": each, "write": "1"})
    assert answer.status_code == 200
    body = answer.json()
    if body["state"] != "ready":
        pytest.fail(body["state"])
    text = body["html"]
    assert html.unescape(re.findall(r' product-id="([^"]*)"', text)[0]) == each
    addresses = [html.unescape(found) for found in re.findall(r'(?:href|action)="([^"]*/reviews\?[^"]*)"', text)]
    assert addresses
    assert {parse_qs(urlsplit(found).query)["product_id"][0] for found in addresses} == {each}
    assert urlsplit(addresses[0]).path == f"/w/v1/{shop.key}/reviews"
    assert body["data"]["product_id"] == each
    token = re.findall(r'name="token" value="([^"]*)"', text)[0]
    assert len(token) < 400
    with pytest.raises(forms.Refused):
        forms.check(token, f"{shop.key}/reviews/other")


def test_long_ids_have_topics_that_a_row_holds(shop: Shop) -> None:
    long = ["x" * 189 + end for end in "ab"]
    topics = [
        next(topic for topic in Query.of(BUNDLES, product_id=each).topics if topic.startswith("product:"))
        for each in long
    ]
    assert len(set(topics)) == 2
    assert all(len(each) <= 120 for each in topics)
    stamps.invalidate(shop.pk, [f"product:{long[0]}"])
    assert stamps.current(shop.pk, topics)[topics[0]].soft == 1
    assert stamps.current(shop.pk, topics)[topics[1]].soft == 0
    asked = Query.of(REVIEWS, product_id="prd_1", limit=1, cursor="", sort="", rating=None, media=False)
    assert "reviews:prd_1" in asked.topics
