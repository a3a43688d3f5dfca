"""Structured data: valid for rich results in every state, one Product however many widgets, nothing where there is nothing to say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy.client.shapes import Author
from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from tests.widgets.fragments import call_of
from tests.widgets.states import STATES, State, few_reviews, ready, review
from tests.widgets.structured_data import problems
from tests.widgets.test_reviews import JACKET, ReviewSource
from widgets.catalog.reviews import Reviews
from widgets.http import rendering, responses
from widgets.models import Placement

SCRIPT = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
SAY_SOMETHING = {str(state) for state in ready() if state.widget == "reviews" and state.name != "none yet"}


def written(html: str) -> list[dict[str, Any]]:
    """The structured data in a page's HTML, as a search engine reads it without running scripts."""
    return [json.loads(text) for text in SCRIPT.findall(html)]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("state", STATES, ids=str)
def test_every_state_says_what_search_engines_take(state: State, language: str) -> None:
    made = state.made(language)
    found = written(rendering.element(made, ""))
    assert [problems(each) for each in found if problems(each)] == []
    assert (str(state) in SAY_SOMETHING) == bool(found)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("name"),
        lambda data: data.pop("aggregateRating"),
        lambda data: data["aggregateRating"].update(reviewCount=0),
        lambda data: data["aggregateRating"].update(ratingValue="4.5"),
        lambda data: data["aggregateRating"].update(ratingValue=5.1),
        lambda data: data["aggregateRating"].pop("bestRating"),
        lambda data: data["review"][0].pop("author"),
        lambda data: data["review"][0]["author"].update(name="x" * 100),
        lambda data: data["review"][0].update(datePublished="1 June"),
        lambda data: data["review"][0]["reviewRating"].update(ratingValue=0),
        lambda data: data.update(image="/a.jpg"),
        lambda data: data.update(review=[]),
        lambda data: data.update({"@type": "Thing"}),
    ],
)
def test_the_schema_refuses(spoil: Callable[[Any], Any]) -> None:
    data = json.loads(responses.to_json(STATES[0].made().json_ld))
    assert problems(data) == []
    spoil(data)
    assert problems(data)


@pytest.mark.parametrize("name", ["", "   ", "x" * 300, "A <b>bold</b> name"])
def test_any_authors_name_gives_a_valid_one(name: str) -> None:
    data = replace(STATES[0], source=lambda: ReviewSource([review(1, author=Author(name))])).made().json_ld
    assert data is not None
    assert problems(json.loads(responses.to_json(data))) == []


def test_markup_in_texts_stays_inside_the_script() -> None:
    hostile = "</script><script>alert(1)</script><!--"
    source = lambda: ReviewSource([review(1, title=hostile, body=hostile)], {"prd_1": replace(JACKET, title=hostile)})  # noqa: E731
    html = rendering.element(replace(STATES[0], source=source).made(), "")
    assert html.count("</script>") == 1
    (data,) = written(html)
    assert data["name"] == data["review"][0]["name"] == data["review"][0]["reviewBody"] == hostile


@pytest.mark.parametrize("asked", [{}, {"page": "2"}, {"rating": "5"}, {"sort": "lowest"}, {"write": "1"}, {"result": "pending"},
                                   {"locale": "de"}, {"limit": "3"}, {"media": "1"}, {"placement": "footer"}])  # fmt: skip
@pytest.mark.parametrize("handle", ["rain-jacket", ""])
def test_one_id_per_product_whatever_is_asked(asked: dict[str, str], handle: str) -> None:
    """With or without an address of its own, a product is one node: the storefront's own Product merges with it by the id."""
    source = ReviewSource([review(n) for n in range(1, 20)], {"prd_1": replace(JACKET, handle=handle)})
    made = rendering.render(Reviews(), call_of(Reviews(), product_id="prd_1", **asked), source)  # type: ignore[arg-type]
    assert made.json_ld is not None
    own = "https://shop.example/products/rain-jacket#product"
    fallback = "https://widgets.example/w/v1/shopkey/reviews?product_id=prd_1#product"
    assert made.json_ld["@id"] == (own if handle else fallback)


def test_nothing_is_said_about_reviews_that_are_not_there() -> None:
    for source in (lambda: ReviewSource([]), lambda: ReviewSource([], {"prd_1": None})):
        assert replace(STATES[0], source=source, expected="").made().json_ld is None
    assert replace(STATES[0], source=few_reviews).made().json_ld is not None


def merged(nodes: list[dict[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Nodes by id with all values of each property, as a reader of linked data puts together what several scripts say."""
    graph: dict[str, dict[str, list[Any]]] = {}

    def value_of(value: Any) -> Any:
        return take(value) if isinstance(value, dict) and "@id" in value else value

    def take(node: dict[str, Any]) -> str:
        place = graph.setdefault(str(node["@id"]), {})
        for name, value in node.items():
            for each in value if isinstance(value, list) else [value]:
                if (one := value_of(each)) not in place.setdefault(name, []):
                    place[name].append(one)
        return str(node["@id"])

    for node in nodes:
        take(node)
    return graph


def test_what_two_widgets_and_the_storefront_say_is_one_product() -> None:
    storefront = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": "https://shop.example/products/thing#product",
        "sku": "A1",
    }
    jacket = replace(JACKET, handle="thing")
    state = replace(STATES[0], source=lambda: ReviewSource([review(n) for n in range(1, 9)], {"prd_1": jacket}))
    said = [
        each.made().json_ld or {} for each in (state, replace(state, asked={**state.asked, "limit": "2", "page": "2"}))
    ]
    graph = merged([storefront, *json.loads(responses.to_json(said))])
    products = [node for node in graph.values() if node["@type"] == ["Product"]]
    assert len(products) == 1
    assert (products[0]["sku"], len(products[0]["aggregateRating"]), len(products[0]["review"])) == (["A1"], 1, 8)
    assert [
        name for node in graph.values() for name, values in node.items() if len(values) > 1 and name != "review"
    ] == []


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made: Shop = make_shop(
        sandbox.url,
        storefront_url="https://shop.example/",
        product_url="https://shop.example/products/{handle}",
        **sandbox.account(),
    )
    return made


def test_a_page_with_many_widgets_has_one_product(client: Client, shop: Shop) -> None:
    """The first HTML of a server-rendered product page, without a script having run."""
    Placement.objects.create(shop=shop, widget="product_feed", options={"json_ld": True})
    asked = ("reviews.html?product_id=prd_1", "rating_badge.html?product_id=prd_1", "bundles.html?product_id=prd_1",
             "product_feed.html?limit=4")  # fmt: skip
    page = "".join(client.get(f"/w/v1/{shop.key}/{each}").content.decode() for each in asked)
    assert page.count("<template shadowrootmode") == len(asked)
    found = written(page)
    assert [each["@type"] for each in found] == ["Product", "ItemList"]
    assert [problems(each) for each in found] == [[], []]
    assert found[0]["@id"] == f"{found[0]['url']}#product"
    first = found[0]["review"][0]["reviewBody"]
    assert first.split("\n")[0][:40] in page.replace("&#x27;", "'").replace("&quot;", '"').partition("<script type")[0]
