"""What a person does inside a widget: pages, filters, sends a form, adds to the cart."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Answer

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a href='/reviews'>Read</a></sumeru-widget>"
FOCUSED = "document.querySelector('#r').shadowRoot.activeElement"


@pytest.fixture
def page(shopfront: Shopfront) -> Page:
    opened = shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    return opened


def test_paging_swaps_and_moves_the_focus(shopfront: Shopfront, page: Page) -> None:
    assert page.evaluate(f"{FOCUSED} === null"), "no focus is taken on first sight"
    page.get_by_role("link", name="Next").click()
    (event,) = shopfront.wait_events("page")
    assert event["key"] == "reviews?page=2&product_id=prd_1"
    assert page.evaluate(f"{FOCUSED}.textContent") == "Reviews of prd_1, page 2, rating any"
    assert page.url == shopfront.store.origin + "/"
    assert shopfront.batches[-1] == ["reviews?page=2&product_id=prd_1"]
    assert shopfront.events("ready")[1:] == []
    assert shopfront.complaints == []


def test_a_filter_form_with_its_button(shopfront: Shopfront, page: Page) -> None:
    page.get_by_label("Rating").select_option("4")
    page.get_by_role("button", name="Filter").click()
    (event,) = shopfront.wait_events("page")
    assert event["key"] == "reviews?product_id=prd_1&rating=4&sort=newest"
    assert page.evaluate(f"{FOCUSED}.textContent").endswith("rating 4")


def test_busy_while_swapping(shopfront: Shopfront, page: Page) -> None:
    """``aria-busy`` stands on the old content as long as the answer is awaited, and the host gets no attribute."""
    attributes = page.evaluate("document.querySelector('#r').getAttributeNames()")
    page.evaluate(
        """() => { const root = document.querySelector('#r').shadowRoot; window.busy = [];
            new MutationObserver((all) => all.forEach((m) => busy.push(m.target.localName + m.target.ariaBusy)))
              .observe(root, {attributes: true, subtree: true}); }"""
    )
    page.get_by_role("link", name="Next").click()
    shopfront.wait_events("page")
    assert page.evaluate("busy") == ["sectiontrue"]
    assert page.evaluate("document.querySelector('#r').shadowRoot.querySelector('[aria-busy]')") is None
    assert (
        page.evaluate("document.querySelector('#r').getAttributeNames()") == attributes == ["id", "type", "product-id"]
    )


def test_a_modified_click_belongs_to_the_browser(shopfront: Shopfront, page: Page) -> None:
    with shopfront.context.expect_page() as opened:
        page.get_by_role("link", name="Next").click(modifiers=["Control"])
    opened.value.wait_for_load_state()
    assert opened.value.get_by_role("heading").inner_text() == "Full page reviews?product_id=prd_1&page=2"
    assert shopfront.events("page") == []


def test_a_page_that_cannot_be_had_is_gone_to(shopfront: Shopfront, page: Page) -> None:
    shopfront.widgets.items["reviews"] = {"state": "error", "status": 404, "error": {"code": "gone", "message": "m"}}
    page.get_by_role("link", name="Next").click()
    page.get_by_role("heading", name="Full page reviews?page=2&product_id=prd_1").wait_for()


def test_the_page_may_prevent_going_there(shopfront: Shopfront, page: Page) -> None:
    shopfront.widgets.items["reviews"] = {"state": "error", "status": 404, "error": {"code": "gone", "message": "m"}}
    page.evaluate("addEventListener('sumeru:error', (e) => e.preventDefault())")
    page.get_by_role("link", name="Next").click()
    (event,) = shopfront.wait_events("error")
    assert event["error"] == {"code": "gone", "message": "m"}
    assert event["url"] == f"{shopfront.widgets.base}reviews?page=2&product_id=prd_1"
    assert "page 1" in shopfront.text("#r")
    assert page.evaluate("document.querySelector('#r').shadowRoot.querySelector('section').ariaBusy") is None
    del shopfront.widgets.items["reviews"]
    page.get_by_role("link", name="Next").click()
    assert shopfront.wait_events("page")[0]["key"] == "reviews?page=2&product_id=prd_1"


def test_a_form_is_refused_then_taken(shopfront: Shopfront, page: Page) -> None:
    page.evaluate("addEventListener('sumeru:before-submit', (e) => e.detail.formData.set('source', 'quiz'))")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("submit")
    assert page.evaluate(f"{FOCUSED}.name") == "author"
    assert page.get_by_role("status").inner_text() == "Say who you are."
    page.get_by_label("Name").fill("Ada & Bob")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("submit", 2)
    assert page.evaluate(f"{FOCUSED}.textContent") == "Thank you, Ada & Bob."
    assert "Reviews of prd_1, page 1" in shopfront.text("#r"), "only the part around the form was replaced"
    sent = [seen for seen in shopfront.widgets.log if seen.method == "POST"]
    assert [seen.body for seen in sent] == [
        "product_id=prd_1&author=&source=quiz&via=loader",
        "product_id=prd_1&author=Ada+%26+Bob&source=quiz&via=loader",
    ]
    assert sent[0].headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert sent[0].headers["accept"] == "*/*"
    assert shopfront.complaints == []


def test_a_prevented_submission_is_not_sent(shopfront: Shopfront, page: Page) -> None:
    page.evaluate("addEventListener('sumeru:before-submit', (e) => e.preventDefault())")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("before-submit")
    shopfront.fence()
    assert [seen for seen in shopfront.widgets.log if seen.method == "POST"] == []


def test_a_lost_submission_keeps_what_was_written(shopfront: Shopfront, page: Page) -> None:
    shopfront.widgets.tampering = lambda seen: Answer(reset=True) if seen.method == "POST" else None
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    (event,) = shopfront.wait_events("error")
    assert event["error"]["message"] == "Failed to fetch"
    assert page.get_by_label("Name").input_value() == "Ada"
    assert page.url == shopfront.store.origin + "/"
    shopfront.widgets.tampering = None
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("submit")
    assert page.evaluate(f"{FOCUSED}.textContent") == "Thank you, Ada."


def test_a_second_press_sends_nothing(shopfront: Shopfront, page: Page) -> None:
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").evaluate("(button) => { button.click(); button.click(); }")
    shopfront.wait_events("submit")
    shopfront.fence()
    assert len([seen for seen in shopfront.widgets.log if seen.method == "POST"]) == 1


def test_add_to_cart_is_offered_to_the_page(shopfront: Shopfront) -> None:
    lines = '{"items":[{"variant_id":"var_1","quantity":2}],"source":"bundles"}'
    link = f"<a data-add='{lines}' href='/cart/add?id=var_1'>Add</a>"
    shopfront.widgets.items["bundles"] = {"state": "ready", "html": link}
    shopfront.serve("<h1>Cart</h1>", path="/cart/add")
    page = shopfront.open("<sumeru-widget id=b type=bundles>x</sumeru-widget>")
    shopfront.wait_events("ready")
    page.evaluate("window.stop = (e) => e.preventDefault(); addEventListener('sumeru:add-to-cart', stop)")
    page.get_by_role("link", name="Add").click()
    (event,) = shopfront.wait_events("add-to-cart")
    assert (event["items"], event["id"], event["composed"], event["cancelable"]) == (
        [{"variant_id": "var_1", "quantity": 2}],
        "b",
        True,
        True,
    )
    assert page.url == shopfront.store.origin + "/"
    page.evaluate("removeEventListener('sumeru:add-to-cart', stop)")
    page.get_by_role("link", name="Add").click()
    page.wait_for_url("**/cart/add?id=var_1")
