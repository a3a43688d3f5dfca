"""What the demo shop does itself: its cart, its cookies, who is signed in, what it asks before it remembers anything."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sdk import customer_tokens as sdk_tokens
from tests.widgets.test_demo_storefront import SHOP, serving, shop_of, well, widget_server
from widgets.demo import about, carts, cookies, customer_tokens, frame, people, site, storefront, visits
from widgets.demo.widget_html import Wish

SECRET = "s" * 40
KNOWN = about.About(
    name="Test & Co",
    currency="EUR",
    collections=(("home", "Home & Hearth"),),
    bundles=(
        about.Bundle("Pair", (("prd_1", 1), ("prd_2", 2)), "percentage", "10"),
        about.Bundle("Twins", (("prd_1", 2),), "fixed_amount", "1000"),
    ),
    people=(("cus_1", "Ada <b>"), ("cus_2", "Ben")),
    quiz="quiz_1",
    experiment="headline",
    variants=(("control", "Calm"), ("bold", "Bold <i>")),
)


def send(shop: frame.Shop, path: str, form: dict[str, str], held: dict[str, str] | None = None, **more: Any) -> Any:
    return site.answer(shop, visits.visit_of(path, held, form, **more))


def kept(answer: visits.Answer, held: dict[str, str] | None = None) -> dict[str, str]:
    """The cookies a browser has after the answer."""
    found = dict(held or {})
    for cookie in answer.cookies:
        name, _mark, rest = cookie.partition("=")
        assert "; HttpOnly; SameSite=Lax" in rest
        found.pop(name, None)
        if "Max-Age=0" not in rest:
            found[name] = rest.partition(";")[0]
    return cookies.parse("; ".join(f"{name}={value}" for name, value in found.items()))


@pytest.fixture
def shop() -> Iterator[frame.Shop]:
    with widget_server(well) as (base, _asked):
        yield shop_of(base, 12, KNOWN, customer_secret=SECRET)


def body(shop: frame.Shop, target: str, held: dict[str, str] | None = None) -> str:
    answer = site.answer(shop, visits.visit_of(target, held))
    assert answer.status == 200, answer
    return answer.body.decode()


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
    assert cart.plus([("a", 500)]).lines[0] == ("a", carts.MOST_EACH)
    full = carts.Cart("c").plus([(f"v{number}", 1) for number in range(carts.MOST_LINES + 5)])
    assert len(full.lines) == carts.MOST_LINES
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
        about.Bundle("Two", (("a", 2),), "fixed_price", "18"),
        about.Bundle("Three", (("a", 1), ("b", 2)), "percentage", "12.5"),
        about.Bundle("Odd", (("a", 1),), "who knows", "9"),
        about.Bundle("Gone", (("a", 1), ("z", 1)), "fixed_amount", "9"),
    ]
    assert carts.savings(quantities, {"a": Decimal(10), "b": Decimal(15)}, bundles) == expected


def test_a_set_never_costs_less_than_nothing() -> None:
    bundle = about.Bundle("Twins", (("a", 2),), "fixed_amount", "1000")
    assert carts.saving(bundle, {"a": Decimal("1.50")}) == Decimal("3.00")


def test_cookies_are_ours_or_nothing() -> None:
    jar = cookies.Jar("k" * 40)
    held = cookies.parse(jar.set(cookies.CART, "c.var_1:2,var_2:1").partition(";")[0])
    assert jar.read(held, cookies.CART) == "c.var_1:2,var_2:1"
    assert cookies.Jar("other" * 9).read(held, cookies.CART) == ""
    assert jar.read({cookies.CUSTOMER: held[cookies.CART]}, cookies.CUSTOMER) == ""
    changed = held[cookies.CART].replace("var_1:2", "var_1:9")
    assert jar.read({cookies.CART: changed}, cookies.CART) == ""
    assert jar.read({}, cookies.CART) == ""
    with pytest.raises(ValueError, match="too long"):
        jar.set(cookies.CART, "x" * 4_000)


def test_the_fullest_cart_fits_its_cookie(shop: frame.Shop) -> None:
    cart = carts.Cart("c" * 16).plus([(f"{'v' * 60}{number:04}", 20) for number in range(carts.MOST_LINES)])
    assert shop.jar.set(cookies.CART, cart.text())


@pytest.mark.parametrize("header", ["", "a", "a=b; =", "shop_cart=\x00", "x" * 50_000, 'a="b'])
def test_odd_cookie_headers_are_harmless(shop: frame.Shop, header: str) -> None:
    assert "Your cart" in body(shop, "/cart", cookies.parse(header))


def test_the_token_is_the_widget_servers_own_byte_for_byte() -> None:
    token = customer_tokens.mint(SECRET, SHOP, "cus_1", 1_800_000_000.7)
    assert token == sdk_tokens.mint(SECRET, SHOP, "cus_1", now=1_800_000_000.7)
    assert sdk_tokens.verify(token, [SECRET], SHOP, 1_800_000_100) == "cus_1"


def test_without_scripts_a_link_adds_and_leads_to_the_cart(shop: frame.Shop) -> None:
    first = site.answer(shop, visits.visit_of("/cart/var_1:1?theme=dark"))
    assert (first.status, first.headers["Location"]) == (303, "/cart?theme=dark")
    held = kept(first)
    second = site.answer(shop, visits.visit_of("/cart/var_2:2", held))
    text = body(shop, "/cart", kept(second, held))
    assert text.count('class="line"') == 2
    assert 'id="cart-count">3<' in text
    assert "Set: Pair" in text  # 10 % of three times 1,234.50
    assert "-€370.35" in text
    assert "€3,333.15" in text


def test_forms_change_the_cart_with_and_without_scripts(shop: frame.Shop) -> None:
    plain = send(shop, "/cart/add", {"items": "var_3:2"})
    assert plain.status == 303
    held = kept(plain)
    more = send(shop, "/cart", {"variant": "var_3", "quantity": "5"}, held, wants_json=True)
    told = json.loads(more.body)
    assert told["count"] == 5
    assert "€6,172.50" in told["main"]
    assert "<template" not in told["main"]  # a nonce would be another answer's
    gone = send(shop, "/cart", {"variant": "var_3", "quantity": "0"}, kept(more, held), wants_json=True)
    assert json.loads(gone.body)["count"] == 0
    assert "nothing in it" in json.loads(gone.body)["main"]


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
        ("/consent", {"consent": "maybe"}),
    ],
)
def test_forms_that_mean_nothing_are_refused(shop: frame.Shop, path: str, form: dict[str, str]) -> None:
    answer = send(shop, path, form)
    assert answer.status == 400
    assert answer.cookies == ()


def test_the_cart_tells_its_widgets_what_it_holds() -> None:
    with widget_server(well) as (base, asked):
        shop = shop_of(base, 12, KNOWN)
        held = kept(site.answer(shop, visits.visit_of("/cart/var_3:2,var_4:1")))
        body(shop, "/cart", held)
        queries = {urlsplit(each).path.rpartition("/")[2]: parse_qs(urlsplit(each).query) for each in asked}
        scripted = body(shop, "/cart?mode=script", held)
    assert queries["cart_nudge.json"]["cart_total"] == ["3703.50"]
    assert queries["cart_nudge.json"]["item_count"] == ["3"]
    assert queries["upsell.json"]["product_ids"] == ["prd_3,prd_4"]
    (cart_id,) = queries["cart_nudge.json"]["cart_id"]
    assert (
        f'type="cart_nudge" cart-id="{cart_id}" cart-total="3703.50" currency="EUR" item-count="3" live=""' in scripted
    )


def test_nothing_is_kept_before_a_yes(shop: frame.Shop) -> None:
    for target in ("/", "/products/thing-1", "/quiz", "/cart", "/account", "/?consent=denied"):
        assert site.answer(shop, visits.visit_of(target)).cookies == ()
    asked = body(shop, "/quiz")
    assert 'aria-label="Measuring"' in asked
    declined = body(shop, "/quiz?consent=denied")
    assert 'data-consent="denied"' in declined
    assert 'aria-label="Measuring"' not in declined
    assert 'href="/account?consent=denied"' in declined  # and no page asks again


def test_a_yes_is_kept_and_names_the_visitor(shop: frame.Shop) -> None:
    held = kept(send(shop, "/consent", {"consent": "granted", "back": "/quiz?theme=dark"}))
    assert set(held) == {cookies.CONSENT, cookies.VISITOR}
    text = body(shop, "/quiz", held)
    assert 'data-consent="granted"' in text
    assert 'aria-label="Measuring"' not in text
    visitor = shop.jar.read(held, cookies.VISITOR)
    again = send(shop, "/consent", {"consent": "granted"}, held, wants_json=True)
    assert shop.jar.read(kept(again, held), cookies.VISITOR) == visitor
    assert urlencode({"visitor_id": visitor}) in body(shop, "/products/thing-1?mode=script", held).replace("&amp;", "&")


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
        shop = shop_of(base, 12, KNOWN, customer_secret=SECRET)
        assert "Ada &lt;b&gt;" in body(shop, "/account")
        assert asked == []
        held = kept(send(shop, "/account", {"customer": "cus_2"}))
        text = body(shop, "/account", held)
        (query,) = [parse_qs(urlsplit(each).query) for each in asked]
        signed_out = kept(send(shop, "/account", {"customer": ""}, held), held)
    assert "Hello, <bdi>Ben</bdi>" in text
    assert sdk_tokens.verify(query["customer_token"][0], [SECRET], SHOP, time.time()) == "cus_2"
    assert cookies.CUSTOMER not in signed_out
    assert SECRET not in text


def test_a_product_page_has_every_block_that_the_shop_has() -> None:
    with widget_server(well) as (base, asked):
        shop = shop_of(base, 12, KNOWN)
        text = body(shop, "/products/thing-1")
        kinds = sorted(urlsplit(each).path.rpartition("/")[2].removesuffix(".json") for each in asked)
        other = body(shop, "/products/thing-5?mode=script")
    assert kinds == ["ab_experiment", "bundles", "product_feed", "rating_badge", "reviews"]
    assert '<p class="promise">Calm</p><p class="promise" slot="bold" hidden>Bold &lt;i&gt;</p></sumeru-widget>' in text
    assert re.search(r'params="variants=control%2Cbold" live=""><template shadowrootmode="open"><style nonce=', text)
    assert 'type="bundles"' not in other
    assert 'params="layout=carousel"' in other


def test_the_thanks_of_a_form_without_scripts_are_asked_for() -> None:
    with widget_server(well) as (base, asked):
        body(shop_of(base, 3), "/products/thing-1?sumeru_result=reviews:pending")
        body(shop_of(base, 3), "/products/thing-1?sumeru_result=referral:accepted")
        body(shop_of(base, 3), "/products/thing-1?sumeru_result=reviews:%3Cb%3E")
    results = [parse_qs(urlsplit(each).query).get("result") for each in asked if "reviews.json" in each]
    assert results == [["pending"], None, None]


def test_what_stands_in_no_attribute_stands_in_params() -> None:
    wish = Wish("x", {"product_id": "p", "customer_token": "t&", "limit": ""}, live=True)
    assert wish.attributes == {"product-id": "p", "params": "customer_token=t%26", "live": ""}


def test_a_catalogue_tells_what_its_shop_is_about() -> None:
    facts = about.facts_of(small_catalogue()["shops"][0])
    known = about.read(json.loads(json.dumps(facts)))
    assert known.collections == (("outdoor", "Outdoor"), ("home", "Home"))
    assert known.bundled == {"prd_1", "prd_2"}
    assert (known.quiz, known.experiment, known.variants[1]) == ("quiz_1", "headline", ("bold", "Made to last"))
    assert known.people[0] == ("cus_1", "Ada Example")
    bare = about.read(about.facts_of({"name": "Bare", "currency": "USD", "products": []}))
    assert (bare.quiz, bare.experiment, bare.bundled) == ("", "", frozenset())


@pytest.mark.parametrize(
    ("headers", "text", "status"),
    [
        ({"Origin": "http://{host}"}, "items=var_1:1", 303),
        ({}, "items=var_1:1", 303),
        ({"Origin": "https://evil.example"}, "items=var_1:1", 403),
        ({"Origin": "null"}, "items=var_1:1", 403),
        ({"Origin": "http://{host}"}, "items=" + "x" * 20_000, 413),
        ({"Origin": "http://{host}"}, "&".join(f"a{number}=1" for number in range(50)), 400),
        ({"Origin": "http://{host}"}, b"items=\xff", 400),
    ],
)
def test_only_the_shops_own_forms_are_taken(headers: dict[str, str], text: str | bytes, status: int) -> None:
    with serving(storefront.Server("127.0.0.1", 0, shop_of("http://127.0.0.1:9", 3))) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            filled = {name: value.replace("{host}", f"127.0.0.1:{port}") for name, value in headers.items()}
            connection.request("POST", "/cart/add", text, filled)
            answer = connection.getresponse()
            assert answer.status == status
            assert bool(answer.headers.get("Set-Cookie")) == (status == 303)
        finally:
            connection.close()
