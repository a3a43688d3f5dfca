"""The contract of every widget over a stand-in that reads Sumeru's documentation otherwise (``sandbox/strange``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.limits import DEFAULT_LIMITS
from tests.test_every_widget import WIDGETS, inner_of, state_of
from tests.upstream import Upstream, upstream
from tests.widgets.fragments import Page, assert_safe_fragment
from widgets import registry
from widgets.http import throttles

PLENTY = dict.fromkeys(DEFAULT_LIMITS, 100_000)
OURS = {"public_reads_per_ip": 100_000, "writes_per_ip": 100_000}


@pytest.fixture
def strange() -> Iterator[Upstream]:
    with upstream(small_catalogue(), personality="strange", limits=PLENTY) as running:
        yield running


@pytest.fixture
def usual() -> Iterator[Upstream]:
    with upstream(small_catalogue(), limits=PLENTY) as running:
        yield running


def example(name: str, product: str) -> dict[str, str]:
    return {key: value.replace("{product}", product) for key, value in registry.all_widgets()[name].example.items()}


def answers(client: Client, shop: Shop, name: str, product: str) -> Iterator[tuple[str, Any]]:
    """Every form; live first, which is ready at once."""
    query = urlencode(example(name, product))
    throttles.reads = throttles.Meter()
    for form in ("live", ".json", ".html", "", "batch"):
        if form in ("live", "batch"):
            yield form, client.get(f"/w/v1/{shop.key}/{form}?{urlencode({'w': f'{name}?{query}'})}")
        else:
            yield form, client.get(f"/w/v1/{shop.key}/{name}{form}?{query}")


def id_of(strange: Upstream, own: str) -> str:
    assert strange.sandbox.strange is not None
    return strange.sandbox.strange.id_of(own)


@pytest.mark.parametrize("name", WIDGETS)
def test_every_form_of_every_widget(
    client: Client, make_shop: Callable[..., Shop], strange: Upstream, name: str
) -> None:
    shop = make_shop(strange.url, storefront_url="https://shop.example/", limits=OURS, **strange.account())
    for form, response in answers(client, shop, name, id_of(strange, "prd_1")):
        assert response.status_code in (200, 401), (form, response.content[:300])
        assert b"Traceback" not in response.content
        if inner := inner_of(form, response):
            assert_safe_fragment(Page(inner))
        if form == "live" and registry.all_widgets()[name].audience != "customer":
            assert state_of(form, response) in ("ready", "empty")


def told(client: Client, shop: Shop, name: str, product: str) -> Any:
    for form, response in answers(client, shop, name, product):
        if form == ".json" and response.status_code == 200:
            return json.loads(response.content)
    return None


VAGUE = {"average", "histogram", "age_s", "html", "inner_html", "json_ld", "css", "token", "key", "session"}


def plain(value: Any, strange: Upstream, urls: tuple[str, ...], key: str = "") -> Any:
    """Without what may legitimately differ: roundings and shapes of averages, seals, names of ids, the stand-in's address."""
    if isinstance(value, dict):
        return {name: plain(each, strange, urls, name) for name, each in value.items() if name not in VAGUE}
    if isinstance(value, list):
        return [plain(each, strange, urls, key) for each in value]
    if isinstance(value, str):
        for url in urls:
            value = value.replace(url, "URL")
        return id_of(strange, re.sub(r"product_id=[^&#]*", "product_id=ID", value))
    return value


@pytest.mark.parametrize("name", [name for name in WIDGETS if registry.all_widgets()[name].audience != "customer"])
def test_the_same_content_as_from_the_usual_stand_in(
    client: Client, make_shop: Callable[..., Shop], strange: Upstream, usual: Upstream, name: str
) -> None:
    """Numbers, prices, flags, texts and times are the same values, whatever they look like on the wire."""
    found = []
    for each in (usual, strange):
        shop = make_shop(each.url, storefront_url="https://shop.example/", limits=OURS, **each.account())
        product = "prd_1" if each is usual else id_of(strange, "prd_1")
        found.append(plain(told(client, shop, name, product), strange, (each.url, shop.key)))
    assert found[0]["state"] in ("ready", "empty")
    assert found[1] == found[0]


@pytest.mark.parametrize("name", WIDGETS)
def test_a_gateway_between_changes_no_content(
    client: Client, make_shop: Callable[..., Shop], strange: Upstream, name: str
) -> None:
    """What was ready stays so, word for word, while every call is answered by somebody else's 404."""
    shop = make_shop(strange.url, storefront_url="https://shop.example/", limits=OURS, **strange.account())
    product = id_of(strange, "prd_1")
    before = {form: inner_of(form, response) for form, response in answers(client, shop, name, product)}
    for key, copy in list(reader.copies._held.items()):
        old = copy[1]
        reader.copies.store(key, reader.Copy(old.value, old.fetched_at - 100_000, old.fresh_s, old.made_under))
    assert strange.sandbox.strange is not None
    strange.sandbox.strange.gateway_every = 1
    seal = re.compile(r'name="(token|key|session)" value="[^"]*"')
    for form, response in answers(client, shop, name, product):
        assert seal.sub("", inner_of(form, response) or "") == seal.sub("", before[form] or ""), form
