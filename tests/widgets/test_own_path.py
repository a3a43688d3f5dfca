"""A shop whose widgets are reached by a path on its own storefront: everything leads there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from widgets.admin import snippets
from widgets.http import shops

OWN = "https://shop.example/sumeru"


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def changed(shop: Shop, url: str) -> None:
    shop.public_url = url
    shop.full_clean()
    shop.save()
    shops.forget()


def test_links_and_forms_lead_to_it(client: Client, shop: Shop) -> None:
    path = f"/w/v1/{shop.key}/reviews.html?product_id=prd_1"
    here = client.get(path).content.decode()
    changed(shop, OWN)
    there = client.get(path).content.decode()
    assert "http://testserver" in here
    assert "http://testserver" not in there
    assert there == here.replace("http://testserver", OWN)


def test_a_finished_answer_is_made_again(client: Client, shop: Shop) -> None:
    path = f"/w/v1/{shop.key}/batch?w=reviews%3Fproduct_id%3Dprd_1"
    for url in ("", OWN, ""):
        changed(shop, url)
        assert (OWN in json.loads(client.get(path).content)["items"][0]["html"]) is bool(url)


@pytest.mark.parametrize("url", ["", OWN])
def test_a_whole_page_asks_for_its_parts_beside_itself(client: Client, shop: Shop, url: str) -> None:
    changed(shop, url)
    page = client.get(f"/w/v1/{shop.key}/reviews?product_id=prd_1").content.decode()
    assert 'src="../../../embed/v1.js"' in page
    assert 'href="../../../static/page.css' in page
    unknown = client.get(f"/w/v1/{shop.key}/nothing").content.decode()
    assert 'href="../../../static/page.css' in unknown


def test_its_origin_may_send_forms(client: Client, shop: Shop) -> None:
    changed(shop, OWN)
    body = {"token": "", "key": "", "rating": "5"}
    path = f"/w/v1/{shop.key}/reviews?product_id=prd_1&write=1"
    assert client.post(path, body, headers={"origin": "https://shop.example"}).status_code == 422
    assert client.post(path, body, headers={"origin": "https://other.example"}).status_code == 403


@pytest.mark.parametrize(
    "url", ["shop.example/sumeru", "/sumeru", "https://", "https://shop.example/?a", 'https://a"b/']
)
def test_what_is_no_address_is_refused(shop: Shop, url: str) -> None:
    with pytest.raises(ValidationError, match="URL") as caught:
        changed(shop, url)
    assert list(caught.value.message_dict) == ["public_url"]


def test_a_slash_at_the_end_does_not_matter(shop: Shop) -> None:
    changed(shop, OWN + "/")
    assert shop.public_url == OWN


def test_the_code_to_copy_names_it_for_browsers_and_this_server_for_servers() -> None:
    place = snippets.EmbedPlace("https://widgets.example.com", "SHOP", own_path=OWN)
    assert f'src="{OWN}/embed/v1.js"' in snippets.script_tag(place, pinned=False)
    assert f'href="{OWN}/w/v1/SHOP/reviews' in snippets.element_tag(place, "reviews", "Reviews", {})
    blocks = "".join(block for each in snippets.set_ups(place) for block in each.blocks)
    assert "https://widgets.example.com" in blocks
    assert OWN not in blocks
