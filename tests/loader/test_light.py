"""Widgets among the page's own elements: left as they are until a person acts, then paged and answered in place."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Answer


def host(front: Shopfront) -> str:
    content = front.widgets.reviews({"product_id": "prd_1"})
    return f"<sumeru-widget id=r light type=reviews product-id=prd_1>{content}</sumeru-widget>"


def shadow(page: Page) -> bool:
    return bool(page.evaluate("!!document.querySelector('#r').shadowRoot"))


def test_it_is_left_as_it_is(shopfront: Shopfront) -> None:
    content = host(shopfront)
    page = shopfront.open(content)
    shopfront.wait_events("ready")
    shopfront.fence()
    bare = page.evaluate("(html) => new DOMParser().parseFromString(html, 'text/html').body.innerHTML", content)
    assert page.locator("#r").evaluate("(el) => el.outerHTML") == bare
    assert not shadow(page)
    assert shopfront.batches == []


def test_paging_and_filtering_stay_in_place(shopfront: Shopfront) -> None:
    page = shopfront.open(host(shopfront))
    shopfront.wait_events("ready")
    page.get_by_role("link", name="Next").click()
    heading = page.locator("#r > section > h2")
    expect(heading).to_have_text("Reviews of prd_1, page 2, rating any")
    expect(heading).to_be_focused()
    page.get_by_label("Rating").select_option("4")
    page.get_by_role("button", name="Filter").click()
    expect(heading).to_have_text("Reviews of prd_1, page 1, rating 4")
    assert page.url == shopfront.store.origin + "/"
    assert not shadow(page)
    assert len(shopfront.batches) == 2
    assert shopfront.complaints == []


def test_a_form_is_answered_in_place(shopfront: Shopfront) -> None:
    page = shopfront.open(host(shopfront))
    shopfront.wait_events("ready")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("Say who you are.")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#r [data-swap] p")).to_have_text("Thank you, Ada.")
    assert [event["type"] for event in shopfront.wait_events("submit", 2)] == ["reviews", "reviews"]


def test_another_product_comes_in_place(shopfront: Shopfront) -> None:
    page = shopfront.open(host(shopfront))
    shopfront.wait_events("ready")
    page.locator("#r").evaluate("(el) => el.setAttribute('product-id', 'prd_2')")
    expect(page.locator("#r > section > h2")).to_contain_text("Reviews of prd_2")
    assert not shadow(page)


def test_a_submission_that_fails_leaves_the_form(shopfront: Shopfront) -> None:
    page = shopfront.open(host(shopfront))
    shopfront.wait_events("ready")
    shopfront.widgets.tampering = lambda seen: (
        Answer(json.dumps({}), 503, headers={"Access-Control-Allow-Origin": "*"}) if seen.method == "POST" else None
    )
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("error")
    expect(page.get_by_label("Name")).to_have_value("Ada")


@pytest.mark.parametrize("context_options", [{"java_script_enabled": False}])
def test_without_scripts_links_lead_to_the_full_page(shopfront: Shopfront) -> None:
    page = shopfront.open(host(shopfront))
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading")).to_contain_text("Full page reviews?product_id=prd_1&page=2")
