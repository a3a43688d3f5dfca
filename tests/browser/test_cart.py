"""Sets, offers and nudges at work: by mouse, by keyboard, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import MODES, Facts, Open, product_path, ready, warm, widget
from tests.widgets.demo_runs import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DAYPACK, MUG, BEANIE = "var_1001", "var_1002", "var_1147"


def count(page: Page) -> str:
    return page.locator("#cart-count").inner_text()


@pytest.mark.parametrize("mode", MODES)
def test_a_set_goes_into_the_shops_own_cart(visitor: Open, facts: Facts, mode: str) -> None:
    tab = visitor()
    page = tab.goto(product_path(facts, mode))
    address = page.url
    ready(page, "bundles")
    page.get_by_role("link", name="Add bundle").first.click()
    expect(page.locator("#cart-count")).to_have_text("4")
    expect(page.get_by_role("status").filter(has_text="4 things are in your cart")).to_be_visible()
    assert page.url == address
    tab.follow(page.get_by_role("link", name="See the cart"))
    expect(page.locator(".line")).to_have_count(3)
    expect(page.locator("#total")).to_have_text("€156.40")  # what the set was said to cost
    assert tab.said == []


def test_a_set_by_keyboard(visitor: Open, facts: Facts) -> None:
    tab = visitor(360)
    page = tab.goto(product_path(facts, "server"))
    ready(page, "bundles")
    tab.tab_to(lambda: "Add bundle" in tab.focused)
    tab.press("Enter")
    expect(page.locator("#cart-count")).to_have_text("4")
    assert tab.said == []


def test_a_set_without_scripts(visitor: Open, facts: Facts) -> None:
    tab = visitor(scripts=False)
    page = tab.finished(product_path(facts, "server"))
    tab.follow(page.get_by_role("link", name="Add bundle").first)
    assert page.url == f"{facts['storefront']}cart"
    expect(page.locator(".line")).to_have_count(3)
    expect(page.locator("#total")).to_have_text("€156.40")
    page.locator(f"#many-{MUG}").select_option("5")
    tab.follow(page.locator(".line", has_text="Mug").get_by_role("button", name="Update"))
    assert count(page) == "7"
    assert tab.said == []


@pytest.mark.parametrize("mode", MODES)
def test_the_nudge_follows_the_cart(visitor: Open, facts: Facts, mode: str) -> None:
    tab = visitor()
    tab.context.request.get(f"{facts['storefront']}cart/{MUG}:1")
    page = tab.goto(f"/cart?mode={mode}")
    nudge = ready(page, "cart_nudge")
    expect(nudge.locator("[part=message]")).to_have_text("Only €59.00 to go until delivery is free")
    address = page.url
    page.locator(f"#many-{MUG}").select_option("2")
    expect(nudge.locator("[part=message]")).to_have_text("Only €43.00 to go until delivery is free")
    expect(page.locator("#total")).to_have_text("€32.00")
    page.locator(f"#many-{MUG}").select_option("5")
    expect(nudge.locator("[part=message]")).to_contain_text("€70.00")  # the next goal is 150
    assert page.url == address
    assert tab.said == []


def test_the_cart_by_keyboard(visitor: Open, facts: Facts) -> None:
    tab = visitor(360)
    tab.context.request.get(f"{facts['storefront']}cart/{MUG}:1,{BEANIE}:1")
    page = tab.goto("/cart")
    tab.tab_to(lambda: f"many-{MUG}" in tab.focused)
    tab.press("ArrowDown")
    expect(page.locator("#total")).to_have_text("€65.00")
    expect(page.locator(f"#many-{MUG}")).to_be_focused()  # although the list was made anew
    tab.tab_to(lambda: "Remove" in tab.focused)
    tab.press("Enter")
    expect(page.locator(".line")).to_have_count(1)
    expect(page.locator("#cart-title")).to_be_focused()
    assert tab.said == []


@pytest.mark.parametrize("mode", MODES)
def test_offers_come_go_and_go_into_the_cart(visitor: Open, facts: Facts, mode: str) -> None:
    tab = visitor()
    tab.context.request.get(f"{facts['storefront']}cart/{DAYPACK}:1")
    page = tab.goto(f"/cart?mode={mode}")
    offers = ready(page, "upsell").locator("[part=offer]")
    beanie = offers.filter(has_text="Skerry Wool Beanie")
    expect(beanie).to_be_visible()
    beanie.get_by_role("link", name="Add").click()
    expect(page.locator(".line")).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="Skerry Wool Beanie is in your cart.")).to_be_visible()
    expect(beanie).to_have_count(0)  # it is in the cart now
    page.get_by_role("button", name="Remove Skerry Wool Beanie").click()
    expect(beanie).to_be_visible()
    page.get_by_role("button", name="Remove Tarn Daypack 22 L").click()
    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    expect(widget(page, "upsell")).to_have_count(0)
    assert tab.said == []


def test_an_offer_without_scripts(visitor: Open, facts: Facts) -> None:
    tab = visitor(scripts=False)
    warm(facts, "upsell", product_ids="prd_1001", cart_total="119.00", currency="EUR")
    tab.context.request.get(f"{facts['storefront']}cart/{DAYPACK}:1")
    page = tab.finished("/cart")
    tab.follow(widget(page, "upsell").locator("[part=offer]").first.get_by_role("link", name="Add"))
    assert page.url == f"{facts['storefront']}cart"
    expect(page.locator(".line")).to_have_count(2)
    assert tab.said == []


@pytest.mark.parametrize("mode", MODES)
def test_a_collection_is_filtered_sorted_and_paged_in_place(visitor: Open, facts: Facts, mode: str) -> None:
    tab = visitor()
    page = tab.goto(f"/collections/camp?mode={mode}")
    feed = ready(page, "product_feed")
    address = page.url
    expect(feed.locator(".sw-card")).to_have_count(12)
    feed.get_by_role("link", name="Next").click()
    expect(feed.get_by_text("Page 2 of 5")).to_be_visible()
    feed.locator("select[name=sort]").select_option("price_high")
    feed.get_by_role("checkbox", name="In stock").check()
    feed.get_by_role("button", name="Apply").click()
    expect(feed.get_by_text("Page 1 of")).to_be_visible()
    prices = [float(text.replace("€", "")) for text in feed.locator(".sw-card b[part=price]").all_inner_texts()]
    assert prices == sorted(prices, reverse=True)
    expect(feed.get_by_text("Sold out")).to_have_count(0)
    assert page.url == address
    tab.follow(feed.locator(".sw-card a").first)
    assert page.url.startswith(f"{facts['storefront']}products/")
    assert ("mode=script" in page.url) == (mode == "script")  # the way of showing is kept on the way
    assert tab.said == []


def test_a_collection_without_scripts_and_a_carousel_by_keyboard(visitor: Open, facts: Facts) -> None:
    tab = visitor(scripts=False)
    page = tab.finished("/collections/camp")
    tab.follow(page.get_by_role("link", name="Next"))
    expect(page.get_by_text("Page 2 of 5")).to_be_visible()
    assert page.url.startswith(facts["widgets"])
    tab.follow(page.locator(".sw-card a").first)
    assert page.url.startswith(f"{facts['storefront']}products/")
    assert tab.said == []

    tab = visitor(360)
    page = tab.goto(product_path(facts, "server"))
    strip = widget(page, "product_feed").locator("[part=carousel]")
    strip.focus()
    tab.press("ArrowRight", "ArrowRight")
    eventually(lambda: strip.evaluate("(el) => el.scrollLeft > 20"), 5, "the strip moves")
    assert tab.said == []
