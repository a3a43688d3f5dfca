"""What is shown of any product, money in minor units, and the way into the cart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client.shapes import Image
from tests.widgets.commerce import PICTURE, product
from tests.widgets.fragments import NOW, SHOP
from widgets.i18n import formatting


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("10", "EUR", 1000),
        ("19.999", "EUR", 2000),
        ("0.005", "EUR", 1),
        ("1250", "JPY", 1250),
        ("1.2345", "KWD", 1235),
        ("999999999999.99", "USD", 99999999999999),
        ("7", "???", 700),
    ],
)
def test_minor_units(amount: str, currency: str, units: int) -> None:
    assert formatting.minor_units(Decimal(amount), currency) == units


@given(st.integers(0, 10**14), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_minor_units_and_back(units: int, currency: str) -> None:
    assert formatting.minor_units(formatting.from_minor_units(units, currency), currency) == units


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("47.20", "EUR", "45.00"),
        ("163.90", "EUR", "150.00"),
        ("75", "EUR", "75.00"),
        ("0", "EUR", "0.00"),
        ("0.03", "EUR", "0.00"),
        ("4720", "JPY", "4500"),
        ("99999.99", "EUR", "95000.00"),
    ],
)
def test_coarse(amount: str, currency: str, expected: str) -> None:
    assert str(formatting.coarse(Decimal(amount), currency)) == expected


@given(st.integers(10, 10**12))
def test_coarse_is_near_and_never_more(units: int) -> None:
    amount = formatting.from_minor_units(units, "EUR")
    rounded = formatting.coarse(amount, "EUR")
    assert amount * Decimal("0.66") < rounded <= amount
    assert formatting.coarse(rounded, "EUR") == rounded


@pytest.mark.parametrize(
    ("template", "storefront", "expected"),
    [
        ("", "https://shop.example/", "https://shop.example/cart/var_1:1,var_2:3"),
        ("", "", ""),
        (
            "{storefront}/basket?add={variants}",
            "https://shop.example",
            "https://shop.example/basket?add=var_1:1,var_2:3",
        ),
        ("https://pay.example/c/{variants}", "", "https://pay.example/c/var_1:1,var_2:3"),
        ("javascript:alert({variants})", "https://shop.example", ""),
    ],
)
def test_cart_url(template: str, storefront: str, expected: str) -> None:
    shop = replace(SHOP, cart_url=template, storefront_url=storefront)
    assert formatting.cart_url(shop, [("var_1", 1), ("var_2", 3)]) == expected


def test_cart_urls_of_odd_variants() -> None:
    items = [("gid://shopify/ProductVariant/42", 1), ("a,b:c/?#&{storefront}", 2)]
    assert formatting.cart_url(SHOP, items) == "https://shop.example/cart/42:1,%3F%23%26%7Bstorefront%7D:2"


def test_the_same_variant_is_one_line() -> None:
    add = formatting.add_to_cart(SHOP, "bundles", "bun_1", [("v", 1), ("w", 1), ("v", 2)])
    assert add == {
        "detail": {
            "items": [{"variant_id": "v", "quantity": 3}, {"variant_id": "w", "quantity": 1}],
            "source": "bundles",
            "id": "bun_1",
        },
        "url": "https://shop.example/cart/v:3,w:1",
    }
    assert formatting.add_to_cart(SHOP, "bundles", "bun_1", [("v", 1), ("", 1)]) is None
    assert formatting.add_to_cart(SHOP, "bundles", "bun_1", []) is None


@pytest.mark.parametrize(("before", "shown"), [("12.00", "€12.00"), ("10.00", None), ("9.00", None), ("10.004", None)])
def test_a_price_before_is_shown_only_when_it_was_more(before: str, shown: str | None) -> None:
    card = formatting.product_card(SHOP, product(1, compare_at_price=Decimal(before)), "en")
    assert (card["compare_at"] or {}).get("text") == shown


def test_a_card_cannot_be_swollen() -> None:
    card = formatting.product_card(
        SHOP, product(1, title="x" * 500, image=Image("https://cdn.example/" + "y" * 2_000)), "en"
    )
    assert len(card["title"]) == 160
    assert card["image"] is None


def test_an_alternative_text_that_repeats_the_title_is_left_out() -> None:
    assert formatting.product_card(SHOP, product(1), "en")["image"]["alt"] == "On a table"
    same = product(1, image=replace(PICTURE, alt="thing 1"))
    assert formatting.product_card(SHOP, same, "en")["image"]["alt"] == ""


def test_ahead() -> None:
    for ahead, words in (
        (timedelta(minutes=25), "in 25 minutes"),
        (timedelta(seconds=3), "in 1 minute"),
        (timedelta(days=2), "in 2 days"),
    ):
        assert formatting.ahead(NOW + ahead, NOW, "en") == words


def test_share() -> None:
    assert [formatting.share(Decimal(each), "en") for each in ("10", "12.5", "0")] == ["10%", "12.5%", "0%"]
