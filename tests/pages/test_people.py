"""People on pages with the real widgets: what they refused, how they read, what they reach by keyboard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_states import OVERFLOWING
from tests.pages.shopper import BADGE, REVIEWS, SEVEN, Shopper
from tests.pages.test_traffic import A_PERSONS_PACE_MS

pytestmark = [pytest.mark.browser]

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
PRERENDERING = "Object.defineProperty(document, 'prerendering', { get: () => true, configurable: true })"
KEPT = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean)"
LEAVE = """() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true })); }"""


def with_pixel(shopper: Shopper, attributes: str) -> Page:
    page = shopper.open(BADGE + REVIEWS, head=shopper.tag() + shopper.tag("/embed/pixel.js", attributes))
    shopper.heard("ready", 2)
    page.wait_for_function("window.sumeru?.pixel")
    return page


@pytest.mark.parametrize(
    ("attributes", "init"),
    [
        ('data-consent="granted"', GPC),
        ('data-consent="denied"', ""),
        ("", ""),
        ('data-consent="granted"', PRERENDERING),
    ],
    ids=["GPC", "denied", "not asked", "prerendering"],
)
def test_nothing_is_told_or_kept_without_consent(shopper: Shopper, attributes: str, init: str) -> None:
    shopper.page.add_init_script(init)
    page = with_pixel(shopper, attributes)
    page.evaluate("sumeru.track('sign_up')")
    page.evaluate(LEAVE)
    shopper.fence()
    assert shopper.passage.of("events") == []
    assert page.evaluate(KEPT) == []
    assert shopper.context.cookies() == []


def test_what_may_be_told_is_told_once_to_the_real_server(shopper: Shopper) -> None:
    page = with_pixel(shopper, 'data-consent="granted"')
    with page.expect_response("**/events") as told:
        page.evaluate(LEAVE)
    assert told.value.status == 202
    told_of = [event["type"] for seen in shopper.passage.of("events") for event in json.loads(seen.body)["events"]]
    assert told_of.count("page_view") == 1


TARGETS = """() => { const found = [];
  for (const host of document.querySelectorAll('sumeru-widget'))
    for (const el of host.shadowRoot?.querySelectorAll('button, [part~=button], [part~=add]') ?? []) {
      if (!el.checkVisibility() || el.closest('.sw-vh')) continue;
      const { width, height } = el.getBoundingClientRect();
      found.push([el.localName + '.' + el.part + ' ' + el.textContent.trim().slice(0, 30), Math.round(width), Math.round(height)]);
    }
  return found; }"""


def scrolled(shopper: Shopper, names: tuple[str, ...]) -> None:
    for name in names:
        shopper.widget(name).scroll_into_view_if_needed()
        expect(shopper.widget(name).locator("[part]").first).to_be_attached()


ALL = ("badge", "reviews", "bundles", "feed", "upsell", "nudge")
PAGE = "<style>sumeru-widget{display:block}</style>" + "".join(
    f"<article id=a{number}>{each}</sumeru-widget></article>"
    for number, each in enumerate(SEVEN.split("</sumeru-widget>"))
    if each
)


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 320, "height": 640}},
        {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
        {"viewport": {"width": 1280, "height": 800}},
    ],
    ids=["320 px", "1280 px at 200 %", "1280 px"],
)
def test_pages_fit_and_buttons_are_large_enough(shopper: Shopper) -> None:
    """1.4.10 and 2.5.8; what acts is 44 px high, so that it can be hit by a thumb."""
    page = shopper.open(PAGE)
    scrolled(shopper, ALL)
    assert page.evaluate(OVERFLOWING) == []
    targets: list[Any] = page.evaluate(TARGETS)
    assert len(targets) > 3
    assert [target for target in targets if target[1] < 44 or target[2] < 44] == []


@pytest.mark.parametrize(
    "options", [{"forced_colors": "active", "reduced_motion": "reduce"}], ids=["forced colours, reduced motion"]
)
def test_a_journey_by_keyboard_alone(shopper: Shopper) -> None:
    """Page 2, an invalid review, the same corrected, thanks: the focus is always where the next thing is."""
    page = shopper.open(PAGE)
    shopper.heard("ready", 2)
    reviews = shopper.widget("reviews")
    active = "document.querySelector('#reviews').shadowRoot.activeElement"

    def focused(selector: str) -> bool:
        return bool(page.evaluate(f"(selector) => {active}.matches(selector)", selector))

    assert page.evaluate("document.activeElement === document.body"), "nothing takes the focus by itself"
    reviews.get_by_role("link", name="Next").focus()
    page.keyboard.press("Enter")
    shopper.heard("page")
    assert focused("h3[data-focus]")
    reviews.get_by_role("link", name="Write a review").focus()
    page.keyboard.press("Enter")
    shopper.heard("page", 2)
    expect(reviews.get_by_role("heading", name="Write a review")).to_be_focused()
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    reviews.get_by_role("button", name="Send review").focus()
    page.keyboard.press("Enter")
    shopper.heard("submit")
    assert focused("input[name=rating][aria-invalid=true]")
    outline = page.evaluate(f"getComputedStyle({active}.nextElementSibling).outlineStyle")
    assert outline != "none", "seen in forced colours, too"
    page.keyboard.press("ArrowRight")
    for label, text in (("Your review", "Dry."), ("Your name", "Kay"), ("Your e-mail", "kay@shopper.example")):
        reviews.get_by_label(label).focus()
        page.keyboard.type(text)
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    page.keyboard.press("Enter")
    shopper.heard("submit", 2)
    assert focused("[part=thanks]")
    assert shopper.said == []
