"""The demo in Chromium: a storefront on another origin, its widgets as server HTML and by script tag, without JavaScript too."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import MODES, WIDTHS, Open, product_path, ready, widget

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def ratings(page: Page) -> list[str]:
    """The stars of each review in sight, by their text for screen readers."""
    stars = page.locator(".sw-review").locator("svg[role=img]")
    return [stars.nth(place).get_attribute("aria-label") or "" for place in range(stars.count())]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mode", MODES)
def test_reviews_are_shown_filtered_sorted_and_paged_in_place(
    visitor: Open, facts: dict[str, Any], mode: str, width: int
) -> None:
    tab = visitor(width)
    page = tab.goto(product_path(facts, mode))
    reviews = widget(page, "reviews")
    address = page.url
    widget(page, "rating_badge").locator(".sw-badge").wait_for()
    ready(page, "reviews")
    expect(reviews.locator(".sw-review")).to_have_count(10)
    first = reviews.locator(".sw-review").first.inner_text()

    reviews.get_by_role("link", name="Next").click()
    expect(reviews.get_by_role("link", name="Previous")).to_be_visible()
    expect(reviews.locator(".sw-review").first).not_to_have_text(first)
    expect(reviews.locator("h3")).to_be_focused()

    reviews.locator(".sw-hist a").last.click()
    expect(reviews.locator(".sw-hist a[aria-current]")).to_have_count(1)
    assert set(ratings(page)) == {"1 out of 5 stars"}

    reviews.locator("select[name=rating]").select_option("")
    reviews.locator("select[name=sort]").select_option("highest")
    reviews.get_by_role("button", name="Apply").click()
    expect(reviews.locator(".sw-hist a[aria-current]")).to_have_count(0)
    assert set(ratings(page)) == {"5 out of 5 stars"}

    assert page.url == address  # nothing of it left the page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tab.settle()
    assert tab.bodies_seen > 5
    assert tab.said == []


@pytest.mark.parametrize("width", WIDTHS)
def test_server_html_needs_no_javascript(visitor: Open, facts: dict[str, Any], width: int) -> None:
    tab = visitor(width, scripts=False)
    page = tab.finished(product_path(facts, "server"))
    reviews = widget(page, "reviews")
    expect(reviews.locator(".sw-review")).to_have_count(10)
    expect(widget(page, "rating_badge").locator(".sw-badge")).to_be_visible()

    reviews.get_by_role("link", name="Next").click()
    tab.settle()
    assert page.url.startswith(facts["widgets"])
    assert parse_qs(urlsplit(page.url).query)["page"] == ["2"]
    expect(page.locator(".sw-review")).to_have_count(10)
    page.locator("select[name=rating]").select_option("1")
    page.get_by_role("button", name="Apply").click()
    tab.settle()
    assert set(ratings(page)) == {"1 out of 5 stars"}
    page.get_by_role("link", name=re.compile("^Back to")).click()
    tab.settle()
    assert page.url.startswith(facts["storefront"])
    assert tab.said == []


def test_the_script_tag_without_javascript_leaves_links(visitor: Open, facts: dict[str, Any]) -> None:
    tab = visitor(scripts=False)
    page = tab.goto(product_path(facts, "script"))
    link = widget(page, "reviews").get_by_role("link")
    expect(link).to_be_visible()
    link.click()
    tab.settle()
    expect(page.locator(".sw-review")).to_have_count(10)
    assert page.url.startswith(facts["widgets"])
    assert tab.said == []


def asked(page: Page, facts: dict[str, Any]) -> list[str]:
    urls: list[str] = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    return [url for url in urls if url.startswith(facts["widgets"]) and not url.endswith("/pixel.js")]


def test_server_html_is_adopted_and_a_grid_is_one_batch(visitor: Open, facts: dict[str, Any]) -> None:
    tab = visitor()
    page = tab.goto("/")
    tab.scroll_to_the_end()
    complete = page.evaluate("[...document.querySelectorAll('sumeru-widget')].filter((each) => each.shadowRoot).length")
    assert complete == 48
    assert asked(page, facts) == [f"{facts['widgets']}embed/v1.js"]

    page = tab.goto("/?mode=script")
    badges = widget(page, "rating_badge").locator(".sw-badge")
    expect(badges.first).to_be_visible()
    in_view = [url for url in asked(page, facts) if "/batch?" in url]
    assert len(in_view) == 1


def test_structured_data_stands_in_the_page(visitor: Open, facts: dict[str, Any]) -> None:
    page = visitor(scripts=False).finished(product_path(facts, "server"))
    data = json.loads(page.locator("script[type='application/ld+json']").text_content() or "")
    assert data["@type"] == "Product"
    assert data["name"] == page.locator("h1").inner_text()
    assert data["url"].startswith(facts["storefront"])
    assert data["aggregateRating"]["reviewCount"] > 100
    assert len(data["review"]) == 10


@pytest.mark.parametrize("width", WIDTHS)
def test_dark_and_right_to_left(visitor: Open, facts: dict[str, Any], width: int) -> None:
    tab = visitor(width)
    page = tab.finished(product_path(facts, "server", "&theme=dark&dir=rtl"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, "
        "getComputedStyle(document.querySelector('sumeru-widget[type=reviews]').shadowRoot.querySelector('h2')).color]"
    )
    dark, light = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert dark < 150 < 600 < light
    page.get_by_role("link", name="LTR").click()
    tab.settle()
    assert page.evaluate("document.dir") == "ltr"
    assert "theme=dark" in page.url
    assert tab.said == []
