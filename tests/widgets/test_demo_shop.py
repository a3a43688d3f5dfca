"""What the demo shop does itself: its cart, its cookies, who is signed in, what it asks before it remembers anything."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import override_settings

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sdk import customer_tokens
from tests.widgets.demo_shopper import SANDBOX, SHOP, Shopper, shop_of, site
from tests.widgets.test_demo_storefront import well, widget_server
from widgets.demo import carts, frame, people
from widgets.demo import shop as shops
from widgets.demo.shop import Bundle
from widgets.demo.widget_html import WidgetServer, Wish

SECRET = "s" * 40
KNOWN: dict[str, Any] = {
    "collections": (("home", "Home & Hearth"),),
    "bundles": (
        Bundle("Pair", (("prd_1", 1), ("prd_2", 2)), "percentage", "10"),
        Bundle("Twins", (("prd_1", 2),), "fixed_amount", "1000"),
    ),
    "customers": (("cus_1", "Ada <b>"), ("cus_2", "Ben"), ("cus 3", "No token can carry this id")),
    "quiz": "quiz_1",
    "experiment": "headline",
    "variants": (("control", "Calm"), ("bold", "Bold <i>")),
    "customer_secret": SECRET,
}


@pytest.fixture
def shopper() -> Iterator[Shopper]:
    with widget_server(well) as (base, _asked):
        yield Shopper(shop_of(base, 12, **KNOWN))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("var_1:2", [("var_1", 2)]),
        ("var_1:2,var-2:1", [("var_1", 2), ("var-2", 1)]),
        ("", []),
        ("var_1", []),
        ("var_1:0", []),
        ("var_1:-1", []),
        ("var_1:1,", []),
        ("var_1:1,;x:1", []),
        ("var_1:1000", []),
        ("var_1:٣", []),
    ],
)
def test_items_of_a_link(text: str, items: list[tuple[str, int]]) -> None:
    assert carts.items_of(text) == items


def test_a_cart_grows_changes_and_has_limits() -> None:
    cart = carts.Cart("c").plus([("a", 2), ("b", 1), ("a", 3)])
    assert cart.lines == (("a", 5), ("b", 1))
    assert cart.count == 6
    assert cart.with_quantity("a", 0).lines == (("b", 1),)
    assert cart.plus([("a", 500)]).lines[0] == ("a", carts.MAX_EACH)
    full = carts.Cart("c").plus([(f"v{number}", 1) for number in range(carts.MAX_LINES + 5)])
    assert len(full.lines) == carts.MAX_LINES
    assert full.plus([("v0", 1)]).lines[0] == ("v0", 2)


def test_a_cart_survives_its_text() -> None:
    cart = carts.Cart("c1", (("var_1", 2), ("var-2", 1)))
    assert carts.of_text(cart.text(), "new") == cart
    assert carts.of_text(carts.Cart("c1").text(), "new") == carts.Cart("c1")
    assert carts.of_text("nonsense", "new") == carts.Cart("new")


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ({"a": 1, "b": 1}, []),
        ({"a": 1, "b": 2}, [("Three", Decimal("5.00"))]),
        ({"a": 2, "b": 4}, [("Three", Decimal("10.00"))]),
        # What is in the better set counts for no other.
        ({"a": 2, "b": 2}, [("Three", Decimal("5.00"))]),
        ({"a": 3, "b": 2}, [("Three", Decimal("5.00")), ("Two", Decimal("2.00"))]),
        ({}, []),
    ],
)
def test_sets_save(quantities: dict[str, int], expected: list[tuple[str, Decimal]]) -> None:
    bundles = [
        Bundle("Two", (("a", 2),), "fixed_price", "18"),
        Bundle("Three", (("a", 1), ("b", 2)), "percentage", "12.5"),
        Bundle("Odd", (("a", 1),), "who knows", "9"),
        Bundle("Gone", (("a", 1), ("z", 1)), "fixed_amount", "9"),
    ]
    assert carts.savings(quantities, {"a": Decimal(10), "b": Decimal(15)}, bundles) == expected


def test_a_set_never_costs_less_than_nothing() -> None:
    bundle = Bundle("Twins", (("a", 2),), "fixed_amount", "1000")
    assert carts.saving(bundle, {"a": Decimal("1.50")}) == Decimal("3.00")


def test_cookies_are_ours_or_nothing(shopper: Shopper) -> None:
    shopper.get("/cart/var_1:2,var_2:1")
    held = shopper.cookies[frame.CART]
    assert shopper.cookie(frame.CART).endswith(".var_1:2,var_2:1")
    for name, changed in (
        (frame.CUSTOMER, held),
        (frame.CART, held.replace("var_1:2", "var_1:9")),
        (frame.CART, held.partition(":")[0]),
    ):
        shopper.client.cookies.clear()
        shopper.client.cookies[name] = changed
        assert shopper.cookie(name) == ""
    assert Shopper(shopper.shop).cookie(frame.CART) == ""
    with site(shopper.shop), override_settings(SECRET_KEY="other" * 9):
        response = HttpResponse()
        frame.set_cookie(response, frame.CART, "c.var_1:2")
    shopper.client.cookies = response.cookies
    assert shopper.cookie(frame.CART) == ""


def test_cookies_are_for_the_shops_server_only(shopper: Shopper) -> None:
    morsel = shopper.get("/cart/var_1:2").cookies[frame.CART]
    assert (morsel["httponly"], morsel["samesite"], morsel["max-age"]) == (True, "Lax", 30 * 86_400)


def test_the_fullest_cart_fits_its_cookie(shopper: Shopper) -> None:
    cart = carts.Cart("c" * 16).plus([(f"{'v' * 60}{number:04}", 20) for number in range(carts.MAX_LINES)])
    response = HttpResponse()
    with site(shopper.shop):
        frame.set_cookie(response, frame.CART, cart.text())
    assert len(response.cookies[frame.CART].coded_value) < 4_000


@pytest.mark.parametrize("header", ["", "a", "a=b; =", "shop_cart=\x00", "x" * 50_000, 'a="b'])
def test_odd_cookie_headers_are_harmless(shopper: Shopper, header: str) -> None:
    assert "Your cart" in shopper.get("/cart", cookie=header).content.decode()


def test_without_scripts_a_link_adds_and_leads_to_the_cart(shopper: Shopper) -> None:
    first = shopper.get("/cart/var_1:1?theme=dark")
    assert (first.status_code, first.headers["Location"]) == (303, "/cart?theme=dark")
    shopper.get("/cart/var_2:2")
    text = shopper.text("/cart")
    assert text.count('class="line"') == 2
    assert 'id="cart-count">3<' in text
    assert "Set: Pair" in text  # 10 % of three times 1,234.50
    assert "-€370.35" in text
    assert "€3,333.15" in text


def test_forms_change_the_cart_with_and_without_scripts(shopper: Shopper) -> None:
    assert shopper.post("/cart/add", {"items": "var_3:2"}).status_code == 303
    more = json.loads(shopper.post("/cart", {"variant": "var_3", "quantity": "5"}, accept="application/json").content)
    assert more["count"] == 5
    assert "€6,172.50" in more["main"]
    assert "<template" not in more["main"]  # a nonce would be another answer's
    gone = json.loads(shopper.post("/cart", {"variant": "var_3", "quantity": "0"}, accept="application/json").content)
    assert gone["count"] == 0
    assert "nothing in it" in gone["main"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/cart", {"variant": "var_1", "quantity": "many"}),
        ("/cart", {"variant": "var_1"}),
        ("/cart", {"variant": "var_999", "quantity": "1"}),
        ("/cart", {"variant": "var_1", "quantity": "²"}),
        ("/cart/add", {"items": "var_999:1"}),
        ("/cart/add", {}),
        ("/account", {"customer": "cus_999"}),
        ("/account", {"customer": "cus 3"}),
        ("/consent", {"consent": "maybe"}),
    ],
)
def test_forms_that_mean_nothing_are_refused(shopper: Shopper, path: str, form: dict[str, str]) -> None:
    assert shopper.post(path, form).status_code == 400
    assert shopper.cookies == {}


def test_the_cart_tells_its_widgets_what_it_holds() -> None:
    with widget_server(well) as (base, asked):
        shopper = Shopper(shop_of(base, 12, **KNOWN))
        shopper.get("/cart/var_3:2,var_4:1")
        shopper.text("/cart")
        queries = {urlsplit(each).path.rpartition("/")[2]: parse_qs(urlsplit(each).query) for each in asked}
        scripted = shopper.text("/cart?mode=script")
    assert queries["cart_nudge.json"]["cart_total"] == ["3703.50"]
    assert queries["cart_nudge.json"]["item_count"] == ["3"]
    assert queries["upsell.json"]["product_ids"] == ["prd_3,prd_4"]
    (cart_id,) = queries["cart_nudge.json"]["cart_id"]
    assert (
        f'type="cart_nudge" cart-id="{cart_id}" cart-total="3703.50" currency="EUR" item-count="3" live=""' in scripted
    )


def test_a_cart_loses_what_the_shop_no_longer_sells(shopper: Shopper) -> None:
    shopper.get("/cart/var_1:1,var_9:2")
    shopper.shop = replace(shopper.shop, products=shopper.shop.products[:5])
    assert shopper.text("/cart").count('class="line"') == 1


def test_nothing_is_kept_before_a_yes(shopper: Shopper) -> None:
    for target in ("/", "/products/thing-1", "/quiz", "/cart", "/account", "/?consent=denied"):
        shopper.text(target)
    assert shopper.cookies == {}
    assert 'aria-label="Measuring"' in shopper.text("/quiz")
    declined = shopper.text("/quiz?consent=denied")
    assert 'data-consent="denied"' in declined
    assert 'aria-label="Measuring"' not in declined
    assert 'href="/account?consent=denied"' in declined  # and no page asks again


def test_a_yes_is_kept_and_names_the_visitor(shopper: Shopper) -> None:
    answer = shopper.post("/consent", {"consent": "granted", "back": "/quiz?theme=dark"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/quiz?theme=dark")
    assert set(shopper.cookies) == {frame.CONSENT, frame.VISITOR}
    text = shopper.text("/quiz")
    assert 'data-consent="granted"' in text
    assert 'aria-label="Measuring"' not in text
    visitor = shopper.cookie(frame.VISITOR)
    assert len(visitor) == 32
    assert shopper.post("/consent", {"consent": "granted"}, accept="application/json").content == b"{}"
    assert shopper.cookie(frame.VISITOR) == visitor
    product = shopper.text("/products/thing-1?mode=script").replace("&amp;", "&")
    assert f'visitor-id="{visitor}"' in product


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("/quiz?theme=dark", "/quiz?theme=dark"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_stays_in_the_shop(back: str, expected: str) -> None:
    assert people.own_address(back) == expected


def test_signing_in_proves_who_it_is_to_the_widget_server() -> None:
    with widget_server(well) as (base, asked):
        shopper = Shopper(shop_of(base, 12, **KNOWN))
        assert "Ada &lt;b&gt;" in shopper.text("/account")
        assert asked == []
        shopper.post("/account", {"customer": "cus_2"})
        text = shopper.text("/account")
        (query,) = [parse_qs(urlsplit(each).query) for each in asked]
        shopper.post("/account", {"customer": ""})
    assert "Hello, <bdi>Ben</bdi>" in text
    assert customer_tokens.verify(query["customer_token"][0], [SECRET], SHOP, time.time()) == "cus_2"
    assert frame.CUSTOMER not in shopper.cookies
    assert SECRET not in text


def test_a_product_page_has_every_block_that_the_shop_has() -> None:
    with widget_server(well) as (base, asked):
        shopper = Shopper(shop_of(base, 12, **KNOWN))
        text = shopper.text("/products/thing-1")
        kinds = sorted(urlsplit(each).path.rpartition("/")[2].removesuffix(".json") for each in asked)
        other = shopper.text("/products/thing-5?mode=script")
    assert kinds == ["ab_experiment", "bundles", "product_feed", "rating_badge", "reviews"]
    assert '<p class="promise">Calm</p><p class="promise" slot="bold" hidden>Bold &lt;i&gt;</p></sumeru-widget>' in text
    assert re.search(r'variants="control,bold" live=""><template shadowrootmode="open"><style nonce=', text)
    assert 'type="bundles"' not in other
    assert 'layout="carousel"' in other


def test_the_thanks_of_a_form_without_scripts_are_asked_for() -> None:
    with widget_server(well) as (base, asked):
        Shopper(shop_of(base, 3)).text("/products/thing-1?sumeru_result=reviews:pending")
        Shopper(shop_of(base, 3)).text("/products/thing-1?sumeru_result=referral:accepted")
        Shopper(shop_of(base, 3)).text("/products/thing-1?sumeru_result=reviews:%3Cb%3E")
    results = [parse_qs(urlsplit(each).query).get("result") for each in asked if "reviews.json" in each]
    assert results == [["pending"], None, None]


def test_every_parameter_stands_in_its_attribute() -> None:
    wish = Wish("x", {"product_id": "p", "in_stock": "1", "limit": ""}, live=True)
    assert wish.attributes == {"product-id": "p", "in-stock": "1", "live": ""}


def test_a_shop_is_what_its_catalogue_says() -> None:
    widgets = WidgetServer("http://widgets.test", SHOP)
    shop = shops.shop_of(small_catalogue()["shops"][0], widgets, SANDBOX, customer_secret=SECRET)
    assert [each.id for each in shop.products] == [f"prd_{number}" for number in range(1, 13)]
    first = shop.by_handle["alder-rucksack"]
    assert (first.price, first.variant, first.collection) == ("€11.00", "var_1", "outdoor")
    assert first.picture == "/media/outdoor-alder-rucksack.svg"
    assert "outdoor-alder-rucksack.svg" in shop.pictures
    assert shop.by_id["prd_4"].was == "€39.00"
    assert shop.collections == (("outdoor", "Outdoor"), ("home", "Home"))
    assert shop.bundles == (Bundle("Starter set", (("prd_1", 1), ("prd_2", 2)), "percentage", "10"),)
    assert shop.bundled == {"prd_1", "prd_2"}
    assert (shop.quiz, shop.experiment, shop.variants[1]) == ("quiz_1", "headline", ("bold", "Made to last"))
    assert shop.customers[0] == ("cus_1", "Ada Example")
    bare = shops.shop_of({"domain": "bare.example", "currency": "USD", "products": []}, widgets, SANDBOX)
    assert (bare.name, bare.quiz, bare.experiment, bare.bundled) == ("bare.example", "", "", frozenset())


@pytest.mark.parametrize(
    ("origin", "text", "status"),
    [
        ("http://testserver", "items=var_1:1", 303),
        (None, "items=var_1:1", 303),
        ("https://evil.example", "items=var_1:1", 403),
        ("null", "items=var_1:1", 403),
        ("http://testserver", "items=var_1:1&more=" + "x" * 15_000, 303),
        ("http://testserver", "items=var_1:1&more=" + "x" * 20_000, 400),
        ("http://testserver", "items=var_1:1" + "".join(f"&a{number}=1" for number in range(60)), 400),
        ("http://testserver", b"items=\xff", 400),
    ],
)
def test_only_the_shops_own_forms_are_taken(
    shopper: Shopper, origin: str | None, text: str | bytes, status: int
) -> None:
    headers = {} if origin is None else {"origin": origin}
    with site(shopper.shop):
        form = "application/x-www-form-urlencoded"
        answer = shopper.client.post("/cart/add", text, content_type=form, headers=headers)
    assert answer.status_code == status
    assert bool(shopper.cookies) == (status == 303)
