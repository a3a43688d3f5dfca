"""The widget `product_feed`: cards, filters, pages, carousel, and the searches of strangers."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from sumeru_proxy.client.resources_catalogue import PRODUCTS
from sumeru_proxy.client.shapes import Image, Product, ProductPage, Rating
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import feed, reader
from sumeru_proxy.reading.reader import Missing, Pending
from tests.upstream import Upstream
from tests.widgets.commerce import HOSTILE, Answers, made, product
from tests.widgets.fragments import Page, call_of
from widgets.base import Nothing
from widgets.catalog.product_feed import ProductFeed
from widgets.http import shops
from widgets.models import Placement

STARS = Rating(Decimal("4.46"), 12)


def show(products: list[Product], options: dict[str, Any] | None = None, more: bool = False, **asked: str) -> Any:
    return made(ProductFeed(), Answers(ProductPage(tuple(products), "next" if more else None)), options, **asked)


def shelf(count: int, **changes: Any) -> list[Product]:
    return [product(number, f"{number}.00", **changes) for number in range(1, count + 1)]


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def fields(page: Page) -> dict[str, str]:
    return {attrs["name"]: attrs.get("value", "") for tag, attrs in page.elements if tag in ("input", "select")}


def test_a_card_in_words() -> None:
    context, page, _ = show([product(1, "16.00", compare_at_price=Decimal(20), rating=STARS)])
    assert set(context) == {"heading", "layout", "collection", "products", "filter", "page", "links"}
    assert set(context["products"][0]) == {
        "product_id", "variant_id", "title", "vendor", "url", "image", "price", "compare_at", "available", "rating",
    }  # fmt: skip
    assert context["products"][0]["rating"] == {"average": Decimal("4.5"), "count": 12}
    assert "Thing 1 12 reviews(12) €16.00 Before: €20.00" in page.text
    assert page.all("svg", role="img", aria_label="4.5 out of 5 stars")
    assert page.all("a", href="https://shop.example/products/thing-1")
    assert page.all("img", width="400", height="400", loading="lazy", decoding="async", alt="On a table")
    assert page.all("li", part="product", data_product_id="prd_1")


def test_sold_out_without_reviews_and_without_a_picture() -> None:
    _, page, _ = show([product(1, available=False, image=None, rating=Rating(Decimal(0), 0))])
    assert "Thing 1 €10.00 Sold out" in page.text
    assert not page.all("img")
    assert not page.all("svg")


def test_options_of_the_cards() -> None:
    thing = product(1, vendor="Ridge", rating=STARS)
    assert "Ridge" not in show([thing])[1].text
    context, page, _ = show([thing], {"show_vendor": True, "show_ratings": False})
    assert "Ridge" in page.text
    assert context["products"][0]["rating"] is None


def test_pages() -> None:
    context, page, _ = show(shelf(30), limit="12", page="2", collection="lamps")
    assert [each["product_id"] for each in context["products"]] == [f"prd_{n}" for n in range(13, 25)]
    assert context["page"] == {
        "number": 2, "pages": 3, "first": 13, "last": 24, "total": 30, "has_next": True, "has_previous": True,
    }  # fmt: skip
    assert "13–24 of 30 products" in page.text
    assert "Page 2 of 3" in page.text
    assert [query_of(attrs["href"]) for attrs in page.all("a", rel="next")] == [
        {"collection": "lamps", "limit": "12", "page": "3"}
    ]
    assert [query_of(attrs["href"]) for attrs in page.all("a", rel="prev")] == [{"collection": "lamps", "limit": "12"}]
    assert all("data-go" in attrs for attrs in page.all("a", rel="next") + page.all("a", rel="prev"))


def test_one_page_needs_no_pager() -> None:
    _, page, _ = show(shelf(3))
    assert not page.all("nav")
    assert page.text.startswith("3 products")


def test_the_form_keeps_what_it_does_not_show() -> None:
    asked = {"collection": "lamps", "limit": "5", "locale": "en", "query": "thing", "layout": "grid", "page": "2"}
    _, page, _ = show(shelf(30), **asked)
    assert fields(page) == {
        "collection": "lamps", "limit": "5", "layout": "grid", "locale": "en", "query": "thing", "sort": "", "in_stock": "1",
    }  # fmt: skip
    form = page.all("form", method="get")[0]
    assert form["action"] == "https://widgets.example/w/v1/shopkey/product_feed"
    assert "data-go" in form
    _, page, _ = show(
        shelf(3), {"show_search": True, "show_filters": False}, query="thing", sort="rating", in_stock="1"
    )
    assert fields(page) == {"query": "thing", "sort": "rating", "in_stock": "1"}
    assert page.all("input", type="search", name="query", value="thing", maxlength="60")
    assert page.all("input", type="hidden", name="sort")


def test_order_and_stock() -> None:
    things = [product(1, "30"), product(2, "10", available=False), product(3, "20", rating=STARS)]
    for sort, expected in (
        ("", "123"), ("featured", "123"), ("price_low", "231"), ("price_high", "132"), ("rating", "312"),
    ):  # fmt: skip
        context, page, _ = show(things, sort=sort)
        assert [each["product_id"][-1] for each in context["products"]] == list(expected)
    assert [attrs["value"] for attrs in page.all("option", selected="")] == ["rating"]
    context, page, _ = show(things, in_stock="1")
    assert [each["product_id"][-1] for each in context["products"]] == ["1", "3"]
    assert page.all("input", type="checkbox", name="in_stock", checked="")
    context, page, _ = show(things, {"in_stock_only": True})
    assert len(context["products"]) == 2
    assert not page.all("input", type="checkbox")


def test_an_order_that_cannot_be_had_is_not_offered() -> None:
    context, page, _ = show(shelf(30), more=True, sort="price_high")
    assert (context["filter"]["sorts"], context["filter"]["sort"]) == ([], "featured")
    assert not page.all("select")
    assert page.text.startswith("Products 1–12")
    assert context["page"]["total"] is None


def test_nothing_found_leads_back() -> None:
    context, page, _ = show(shelf(3), query="sofa", collection="lamps")
    assert "No products match. Show all" in page.text
    assert query_of(context["links"]["all"]) == {"collection": "lamps", "layout": "grid"}
    assert page.all("p", tabindex="-1")[0]["data-focus"] == ""
    assert show(shelf(3), query="x")[0]["filter"]["query"] == ""  # one letter is no search


@pytest.mark.parametrize(("options", "asked"), [({}, {}), ({"show_filters": False}, {"query": "sofa"})])
def test_nothing(options: dict[str, Any], asked: dict[str, str]) -> None:
    with pytest.raises(Nothing):
        show([], options, **asked)


def test_trouble_is_passed_on() -> None:
    with pytest.raises(Pending):
        made(ProductFeed(), Answers(Pending(2.0)))
    with pytest.raises(Nothing):
        made(ProductFeed(), Answers(Missing()), collection="nowhere")


def test_a_carousel_can_be_scrolled_by_keyboard() -> None:
    context, page, _ = show(shelf(30), {"heading": "New in"}, layout="carousel", limit="8", page="3")
    region = page.all("div", role="region")[0]
    assert (region["tabindex"], region["aria-label"]) == ("0", "New in")
    assert [each["product_id"] for each in context["products"]] == [f"prd_{n}" for n in range(1, 9)]
    assert not page.all("form")
    assert page.text.startswith("New in")
    assert query_of(page.all("a", data_go="")[0]["href"]) == {"layout": "grid", "limit": "8"}


def test_products_picked_one_by_one() -> None:
    stock = {"prd_1": product(1), "prd_2": None, "prd_3": product(3)}
    source = Answers(AssertionError("the feed is not read"), stock)
    context, page, _ = made(ProductFeed(), source, product_ids="prd_3,prd_2,prd_1")
    assert [each["product_id"] for each in context["products"]] == ["prd_3", "prd_1"]
    assert source.fresh
    assert fields(page)["product_ids"] == "prd_3,prd_2,prd_1"
    made(ProductFeed(), source, product_ids="prd_1,prd_4")
    assert not source.fresh
    with pytest.raises(Pending):
        made(ProductFeed(), source, product_ids="prd_4")


def test_structured_data() -> None:
    widget = ProductFeed()
    context, _, _ = show(shelf(30), page="2")
    data = widget.json_ld(call_of(widget, {"json_ld": True}), context)
    assert data is not None
    assert data["itemListElement"][0] == {
        "@type": "ListItem", "position": 13, "url": "https://shop.example/products/thing-13", "name": "Thing 13",
    }  # fmt: skip
    assert widget.json_ld(call_of(widget), context) is None


def test_hostile_text_is_text() -> None:
    thing = product(1, title=HOSTILE, vendor=HOSTILE, image=Image("https://cdn.example/a.jpg", alt=HOSTILE))
    _, page, html = show([thing], {"show_vendor": True, "heading": HOSTILE[:80], "show_search": True}, query="script")
    assert "<script" not in html
    assert page.text.count("{{ call.shop }}") == 3


def test_the_largest_fits() -> None:
    huge = Image("https://cdn.example/?" + "&" * 900, alt="'" * 500)
    context, _, html = show(shelf(48, title='"' * 500, vendor="<" * 500, image=huge), {"show_vendor": True}, limit="48")
    assert len(html.encode()) < 64 * 1024
    assert len(context["products"]) > 3
    context, _, html = show(shelf(48, rating=STARS, compare_at_price=Decimal(99)), {"show_vendor": True}, limit="48")
    assert len(context["products"]) == 48
    assert len(html.encode()) < 64 * 1024


def test_right_to_left() -> None:
    _, page, _ = made(ProductFeed(), Answers(ProductPage(tuple(shelf(3)))), language="fa")
    assert page.elements[0][1]["dir"] == "rtl"


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made_shop = make_shop(sandbox.url, **sandbox.account())
    Shop.objects.filter(pk=made_shop.pk).update(storefront_url="https://shop.example", currency="EUR")
    return made_shop


def test_in_every_form(client: Client, shop: Shop, sandbox: Upstream) -> None:
    base = f"/w/v1/{shop.key}/"
    data = json.loads(client.get(base + "product_feed.json?collection=outdoor").content)
    assert [each["product_id"] for each in data["data"]["products"]] == [f"prd_{n}" for n in range(1, 12, 2)]
    assert data["html"] == client.get(base + "product_feed.html?collection=outdoor").content.decode()
    full = client.get(base + "product_feed?collection=outdoor")
    assert data["inner_html"] in full.content.decode()
    batch = client.get(base + "batch", {"w": "product_feed?collection=outdoor"})
    assert json.loads(batch.content)["items"][0]["html"] == data["inner_html"]
    for response in (full, batch):
        assert "public" in response["Cache-Control"]
    assert sandbox.calls("product-feed") == 1


def test_one_read_serves_every_view_of_a_small_collection(client: Client, shop: Shop, sandbox: Upstream) -> None:
    views = ["", "sort=price_high", "in_stock=1", "query=rucksack", "query=Alder", "page=2&limit=4", "layout=carousel"]
    for view in views:
        data = json.loads(client.get(f"/w/v1/{shop.key}/product_feed.json?{view}").content)
        assert data["state"] == "ready", view
    assert sandbox.calls("product-feed") == 1


def test_following_the_links_shows_every_product_once(client: Client, shop: Shop) -> None:
    url, seen = f"/w/v1/{shop.key}/product_feed?limit=5", []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        data = json.loads(client.get(url.replace("/product_feed?", "/product_feed.json?")).content)["data"]
        seen += [each["product_id"] for each in data["products"]]
        url = urlsplit(data["links"]["next"])._replace(scheme="", netloc="").geturl()
    assert seen == [f"prd_{number}" for number in range(1, 13)]


def test_strangers_words_do_not_eat_the_budget(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BLOCK", 5)  # so that twelve products are many
    monkeypatch.setattr(feed.time, "time", lambda: 1_000_000.0 * 60)
    states = [
        json.loads(client.get(f"/w/v1/{shop.key}/product_feed.json?query=word{number}").content)["state"]
        for number in range(9)
    ]
    assert states == ["ready"] * feed.SEARCHES + ["pending"] * (9 - feed.SEARCHES)
    assert sandbox.calls("product-feed") == 1 + feed.SEARCHES


def test_a_placement_decides_the_layout(client: Client, shop: Shop) -> None:
    Placement.objects.create(
        shop=shop, widget="product_feed", name="home", options={"layout": "carousel", "page_size": 3}
    )
    shops.forget()
    data = json.loads(client.get(f"/w/v1/{shop.key}/product_feed.json?placement=home").content)["data"]
    assert (data["layout"], len(data["products"])) == ("carousel", 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("query=" + "x" * 61, "query"),
        ("page=0", "page"),
        ("page=101", "page"),
        ("limit=49", "limit"),
        ("sort=newest", "sort"),
        ("layout=list", "layout"),
        ("collection=a%0Ab", "collection"),
        ("collection=a&product_ids=b", "non_field_errors"),
    ],
)
def test_bad_input_is_named(client: Client, shop: Shop, query: str, field: str) -> None:
    response = client.get(f"/w/v1/{shop.key}/product_feed.json?{query}")
    assert response.status_code == 400
    assert list(json.loads(response.content)["error"]["details"]) == [field]


def test_upstream_down_with_and_without_a_copy(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/w/v1/{shop.key}/product_feed.json?collection="
    good = json.loads(client.get(address + "home").content)
    sandbox.fault("status", status=500)
    now = reader.time.time()
    monkeypatch.setattr(reader.time, "time", lambda: now + PRODUCTS.fresh_s + 1)
    stale, cold = (json.loads(client.get(address + each).content) for each in ("home", "outdoor"))
    assert (stale["state"], stale["fresh"], stale["data"]) == ("ready", False, good["data"])
    assert cold["state"] == "pending"
