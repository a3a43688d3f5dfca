"""The widget `bundles`: what a set saves, when it can be bought, and how it gets into the cart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy.client.resources_catalogue import BUNDLES
from sumeru_proxy.client.shapes import Bundle, BundleItem
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.reading.reader import Missing, Pending
from tests.upstream import Upstream
from tests.widgets.commerce import HOSTILE, Answers, adds, made, product
from widgets.base import Nothing
from widgets.catalog.bundles import Bundles, saving_units


def bundle(name: str = "bun_1", **changes: Any) -> Bundle:
    """One thing for 10 EUR and two for 20 EUR each, together for 42.50 EUR instead of 50."""
    items = (BundleItem(product(1), 1), BundleItem(product(2, "20.00"), 2))
    plain = Bundle(name, "Starter set", "Goes well.", items, Decimal("42.50"), "EUR", Decimal("50.00"))
    return replace(plain, **changes)


def show(*bundles: Bundle, **options: Any) -> Any:
    return made(Bundles(), Answers(bundles), options, product_id="prd_1")


@pytest.mark.parametrize(
    ("price", "compare_at", "parts", "expected"),
    [
        (900, 1000, 1000, (1000, 100)),
        (900, None, 1000, (1000, 100)),
        (900, 950, 1000, (950, 50)),
        (1000, 1000, 1000, (None, 0)),
        (1100, 1000, 1000, (None, 0)),
        (900, 800, 1000, (None, 0)),
        (900, None, None, (None, 0)),
        (0, 1000, 1000, (1000, 1000)),
    ],
)
def test_saving(price: int, compare_at: int | None, parts: int | None, expected: tuple[int | None, int]) -> None:
    assert saving_units(price, compare_at, parts) == expected


def test_a_bundle_in_words() -> None:
    context, page, _ = show(bundle())
    assert set(context) == {"product_id", "heading", "bundles"}
    shown = context["bundles"][0]
    assert shown["saving"] == {"amount": Decimal("7.50"), "currency": "EUR", "text": "€7.50"}
    assert (shown["saving_percent"], shown["item_count"]) == (15, 3)
    assert page.text == (
        "Better together Starter set Goes well. Thing 1 €10.00 Thing 2 2 × €20.00 "
        "€42.50 Before: €50.00 You save €7.50 Add bundle: Starter set"
    )
    assert page.elements[0][1]["aria-label"] == "Better together"
    assert page.all("img", width="400", height="400", loading="lazy", alt="On a table")
    assert page.all("a", href="https://shop.example/products/thing-2")


def test_add_to_cart() -> None:
    _, page, _ = show(bundle())
    lines = [{"variant_id": "var_1", "quantity": 1}, {"variant_id": "var_2", "quantity": 2}]
    detail = {"items": lines, "source": "bundles", "id": "bun_1"}
    assert adds(page) == [(detail, "https://shop.example/cart/var_1:1,var_2:2")]


def test_what_floats_would_get_wrong() -> None:
    items = tuple(BundleItem(product(number, "0.10"), 1) for number in (1, 2, 3))
    context, _, _ = show(bundle(items=items, price=Decimal("0.20"), compare_at_price=None))
    assert context["bundles"][0]["saving"]["text"] == "€0.10"
    assert context["bundles"][0]["compare_at"]["text"] == "€0.30"


@pytest.mark.parametrize("compare_at", ["42.50", "40", "42.504"])
def test_no_saving_is_no_saving(compare_at: str) -> None:
    context, page, _ = show(bundle(compare_at_price=Decimal(compare_at)))
    assert context["bundles"][0]["saving"] is context["bundles"][0]["compare_at"] is None
    assert "save" not in page.text
    assert not page.all("s")


def test_items_of_another_currency_are_not_added_up() -> None:
    items = (BundleItem(product(1, currency="USD"), 1), BundleItem(product(2, "90.00"), 1))
    context, _, _ = show(bundle(items=items, compare_at_price=None))
    assert context["bundles"][0]["saving"] is None


def sold_out(name: str = "bun_gone") -> Bundle:
    return bundle(name, items=(BundleItem(product(1), 1), BundleItem(product(2, available=False), 1)))


def test_sold_out_bundles_are_hidden() -> None:
    context, _, _ = show(sold_out(), bundle())
    assert [each["id"] for each in context["bundles"]] == ["bun_1"]
    with pytest.raises(Nothing):
        show(sold_out())


def test_or_shown_last_and_without_a_button() -> None:
    context, page, _ = show(sold_out(), bundle(), show_unavailable=True)
    assert [(each["id"], each["available"]) for each in context["bundles"]] == [("bun_1", True), ("bun_gone", False)]
    assert context["bundles"][1]["add"] is None
    assert len(adds(page)) == 1
    assert "Thing 2 €10.00 · Sold out" in page.text
    assert page.text.endswith("Sold out at the moment")


def test_without_a_variant_there_is_nothing_to_add() -> None:
    context, page, _ = show(bundle(items=(BundleItem(product(1, variant_id=""), 1),)))
    assert context["bundles"][0]["add"] is None
    assert adds(page) == []


def test_limits() -> None:
    crowd = bundle("crowd", items=tuple(BundleItem(product(number), 1) for number in range(13)))
    empty = bundle("empty", items=())
    context, _, _ = show(crowd, empty, *(bundle(f"bun_{number}") for number in range(9)))
    assert [each["id"] for each in context["bundles"]] == ["bun_0", "bun_1", "bun_2"]


def test_no_bundles_is_nothing() -> None:
    with pytest.raises(Nothing):
        show()
    for trouble in (Missing(), Pending(2.0)):
        with pytest.raises(type(trouble)):
            made(Bundles(), Answers(trouble), product_id="prd_1")


def test_hostile_text_is_text() -> None:
    thing = product(1, title=HOSTILE, variant_id='v"><b>')
    _, page, html = show(
        bundle(HOSTILE, title=HOSTILE, description=HOSTILE, items=(BundleItem(thing, 1),)), heading=HOSTILE[:80]
    )
    assert "<script" not in html
    assert page.text.count("{{ call.shop }}") >= 3
    assert adds(page)[0][0]["items"] == [{"variant_id": 'v"><b>', "quantity": 1}]
    assert adds(page)[0][0]["id"] == HOSTILE


def test_the_largest_fits() -> None:
    items = tuple(BundleItem(product(number, title='"' * 500, variant_id='"' * 200), 9_999) for number in range(12))
    big = bundle(title='"' * 500, description="ü&" * 9_000, items=items)
    context, _, html = show(*[replace(big, id=f"bun_{number}") for number in range(3)])
    assert len(html.encode()) < 64 * 1024
    assert len(context["bundles"]) == 1


def test_right_to_left() -> None:
    _, page, _ = made(Bundles(), Answers((bundle(),)), language="he", product_id="prd_1")
    assert (page.elements[0][1]["dir"], page.elements[0][1]["lang"]) == ("rtl", "he")


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made_shop = make_shop(sandbox.url, **sandbox.account())
    Shop.objects.filter(pk=made_shop.pk).update(storefront_url="https://shop.example", currency="EUR")
    return made_shop


def test_in_every_form(client: Client, shop: Shop, sandbox: Upstream) -> None:
    base = f"/w/v1/{shop.key}/"
    data = json.loads(client.get(base + "bundles.json?product_id=prd_1").content)
    assert data["state"] == "ready"
    assert data["data"]["bundles"][0]["add"]["url"] == "https://shop.example/cart/var_1:1,var_2:2"
    assert data["data"]["bundles"][0]["saving"]["text"] == "€3.50"
    assert data["html"] == client.get(base + "bundles.html?product_id=prd_1").content.decode()
    full = client.get(base + "bundles?product_id=prd_1")
    assert data["inner_html"] in full.content.decode()
    batch = client.get(base + "batch?w=bundles%3Fproduct_id%3Dprd_1")
    assert json.loads(batch.content)["items"][0]["html"] == data["inner_html"]
    for response in (full, batch):
        assert "public" in response["Cache-Control"]
    assert sandbox.calls("bundles") == 1


def test_a_product_without_bundles(client: Client, shop: Shop) -> None:
    for product_id in ("prd_3", "unknown"):
        data = json.loads(client.get(f"/w/v1/{shop.key}/bundles.json?product_id={product_id}").content)
        assert (data["state"], data["data"]) == ("empty", None)


def test_upstream_down_with_and_without_a_copy(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/w/v1/{shop.key}/bundles.json?product_id="
    good = json.loads(client.get(address + "prd_1").content)
    sandbox.fault("status", status=503)
    now = reader.time.time()
    monkeypatch.setattr(reader.time, "time", lambda: now + BUNDLES.fresh_s + 1)
    stale, cold = (json.loads(client.get(address + each).content) for each in ("prd_1", "prd_2"))
    assert (stale["state"], stale["fresh"], stale["data"]) == ("ready", False, good["data"])
    assert (cold["state"], cold["html"].count("<template")) == ("pending", 0)
