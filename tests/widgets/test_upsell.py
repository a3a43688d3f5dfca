"""The widget `upsell`: what is offered next to a cart, at which price, and how few reads many carts take."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from sumeru_proxy.client.resources_catalogue import UPSELL
from sumeru_proxy.client.shapes import Discount, UpsellOffer
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.reading.reader import Missing, Pending
from tests.upstream import Upstream
from tests.widgets.commerce import HOSTILE, Answers, adds, made, product
from tests.widgets.fragments import call_of
from widgets.base import Nothing
from widgets.catalog.upsell import Upsell, discounted_units, offers_query


def offer(number: int, price: str = "10.00", discount: Discount | None = None, **changes: Any) -> UpsellOffer:
    return UpsellOffer(product(number, price, **changes), "Often bought together", discount)


def show(*offers: UpsellOffer, options: dict[str, Any] | None = None, **asked: str) -> Any:
    return made(Upsell(), Answers(offers), options, **{"product_ids": "prd_1", "cart_total": "40", **asked})


@pytest.mark.parametrize(
    ("kind", "value", "price", "expected"),
    [
        ("percentage", "10", 3300, 2970),
        ("percentage", "12.5", 999, 874),
        ("percentage", "33.3333", 100, 67),
        ("percentage", "100", 1000, 1000),
        ("percentage", "250", 1000, 1000),
        ("percentage", "0", 1000, 1000),
        ("fixed_amount", "2.50", 1000, 750),
        ("fixed_amount", "10", 1000, 1000),
        ("fixed_amount", "99", 1000, 1000),
        ("fixed_price", "7", 1000, 700),
        ("fixed_price", "0", 1000, 1000),
        ("fixed_price", "12", 1000, 1000),
        ("two_for_one", "1", 1000, 1000),
    ],
)
def test_discounted(kind: str, value: str, price: int, expected: int) -> None:
    assert discounted_units(price, Discount(kind, Decimal(value)), "EUR") == expected
    assert discounted_units(price, None, "EUR") == price


def test_an_offer_in_words() -> None:
    context, page, _ = show(offer(2, "33.00", Discount("percentage", Decimal(10))))
    assert set(context) == {"heading", "offers"}
    assert page.text == "You may also like Often bought together Thing 2 €29.70 Before: €33.00 Save 10% Add Thing 2"
    detail = {"items": [{"variant_id": "var_2", "quantity": 1}], "source": "upsell", "id": "prd_2"}
    assert adds(page) == [(detail, "https://shop.example/cart/var_2:1")]
    assert context["offers"][0]["discount"] == {"kind": "percentage", "value": Decimal(10)}


def test_a_discount_is_told_against_the_price_it_lowers() -> None:
    _, page, _ = show(offer(2, "40.00", Discount("fixed_amount", Decimal("4")), compare_at_price=Decimal(50)))
    assert "€36.00 Before: €40.00 Save €4.00" in page.text
    assert "50" not in page.text


def test_never_what_is_in_the_cart_or_sold_out_or_twice() -> None:
    context, _, _ = show(
        offer(1), offer(2, available=False), offer(3), offer(4), offer(3, "1.00"), product_ids="prd_1,prd_4"
    )
    assert [each["product_id"] for each in context["offers"]] == ["prd_3"]


def test_what_is_left_out_does_not_use_up_the_limit() -> None:
    context, _, _ = show(offer(1), *(offer(number) for number in range(2, 9)), limit="2")
    assert [each["product_id"] for each in context["offers"]] == ["prd_2", "prd_3"]
    context, _, _ = show(*(offer(number) for number in range(2, 9)), options={"limit": 4})
    assert len(context["offers"]) == 4


def test_nothing_fits() -> None:
    for offers in ((), (offer(1),), (offer(2, available=False),)):
        with pytest.raises(Nothing):
            show(*offers)


def test_an_empty_cart_asks_nobody() -> None:
    source = Answers((offer(2),))
    with pytest.raises(Nothing):
        made(Upsell(), source, cart_total="0")
    assert source.reads == []


@pytest.mark.parametrize("trouble", [Missing(), Pending(2.0)])
def test_trouble_is_passed_on(trouble: Exception) -> None:
    with pytest.raises(type(trouble)):
        made(Upsell(), Answers(trouble), product_ids="prd_1")


def test_carts_share_a_read() -> None:
    widget = Upsell()
    same = {
        offers_query(call_of(widget, product_ids=ids, cart_total=total, limit=limit))
        for ids, total, limit in (("a,b", "45", "1"), ("b,a", "46.10", "12"), ("b,,a,b", "49.99", "3"))
    }
    assert len(same) == 1
    assert dict(same.pop().arguments) == {
        "product_ids": ("a", "b"),
        "cart_total": "45.00",
        "currency": "USD",
        "limit": 24,
    }
    others = [
        offers_query(call_of(widget, product_ids="a,b", **more))
        for more in ({}, {"cart_total": "50"}, {"currency": "eur"})
    ]
    assert [dict(each.arguments)["cart_total"] for each in others] == [None, "50.00", None]
    assert dict(others[2].arguments)["currency"] == "EUR"


def test_without_variant_and_page_there_is_nothing_to_do_with_it() -> None:
    with translation.override("en"), pytest.raises(Nothing):
        show(offer(2, handle="", variant_id=""))
    context, page, _ = show(offer(2, variant_id=""))
    assert context["offers"][0]["add"] is None
    assert adds(page) == []


def test_hostile_text_is_text() -> None:
    hostile = UpsellOffer(product(2, title=HOSTILE), HOSTILE, Discount(HOSTILE, Decimal(1)))
    _, page, html = show(hostile, options={"heading": HOSTILE[:80]})
    assert "<script" not in html
    assert "{{ call.shop }}" in page.text


def test_the_largest_fits() -> None:
    offers = [
        UpsellOffer(product(number, title='"' * 500, variant_id='"' * 200), "&" * 500, None) for number in range(2, 30)
    ]
    context, _, html = show(*offers, limit="12")
    assert len(html.encode()) < 64 * 1024
    assert 3 < len(context["offers"]) <= 12


def test_right_to_left() -> None:
    _, page, _ = made(Upsell(), Answers((offer(2),)), language="ar", product_ids="prd_1")
    assert page.elements[0][1]["dir"] == "rtl"


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made_shop = make_shop(sandbox.url, **sandbox.account())
    Shop.objects.filter(pk=made_shop.pk).update(storefront_url="https://shop.example", currency="EUR")
    return made_shop


QUERY = "product_ids=prd_1&cart_total=40.00"


def test_in_every_form_and_never_stored(client: Client, shop: Shop, sandbox: Upstream) -> None:
    base = f"/w/v1/{shop.key}/"
    answers = {form: client.get(f"{base}upsell{form}?{QUERY}") for form in (".json", ".html", "")}
    data = json.loads(answers[".json"].content)
    assert [each["product_id"] for each in data["data"]["offers"]] == ["prd_2", "prd_3", "prd_4"]
    assert [each["price"]["text"] for each in data["data"]["offers"]] == ["€10.20", "€11.05", "€14.00"]
    assert data["html"] == answers[".html"].content.decode()
    assert data["inner_html"] in answers[""].content.decode()
    item = {"w": f"upsell?{QUERY}"}
    answers["live"] = client.get(base + "live", item)
    assert json.loads(answers["live"].content)["items"][0]["html"] == data["inner_html"]
    for response in answers.values():
        assert response["Cache-Control"] == "no-store"
    public = json.loads(client.get(base + "batch", item).content)["items"][0]
    assert (public["state"], public["html"]) == ("live", "")
    assert sandbox.calls("upsell") == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("product_ids=prd_1&cart_total=much", "cart_total"),
        ("product_ids=prd_1&cart_total=-1", "cart_total"),
        ("product_ids=prd_1&cart_total=NaN", "cart_total"),
        ("product_ids=prd_1&cart_total=1e99", "cart_total"),
        ("product_ids=prd_1&currency=EURO", "currency"),
        ("product_ids=prd_1&limit=13", "limit"),
        ("product_ids=a%0Ab", "product_ids"),
    ],
)
def test_bad_input_is_named(client: Client, shop: Shop, query: str, field: str) -> None:
    response = client.get(f"/w/v1/{shop.key}/upsell.json?{query}")
    assert response.status_code == 400
    assert list(json.loads(response.content)["error"]["details"]) == [field]


def test_empty_parameters_are_none(client: Client, shop: Shop) -> None:
    response = client.get(f"/w/v1/{shop.key}/upsell.json?product_ids=&cart_total=&currency=&limit=")
    assert (response.status_code, json.loads(response.content)["state"]) == (200, "empty")


def test_upstream_down_with_and_without_a_copy(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/w/v1/{shop.key}/upsell.json?{QUERY}"
    good = json.loads(client.get(address).content)
    sandbox.fault("status", status=500)
    now = reader.time.time()
    monkeypatch.setattr(reader.time, "time", lambda: now + UPSELL.fresh_s + 1)
    stale, cold = json.loads(client.get(address).content), json.loads(client.get(address + "0").content)
    assert (stale["state"], stale["fresh"], stale["data"]) == ("ready", False, good["data"])
    cold = json.loads(client.get(address.replace("prd_1", "prd_5")).content)
    assert cold["state"] == "pending"
