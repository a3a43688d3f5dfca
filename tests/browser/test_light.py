"""Widgets among the page's own elements (``light=1``): a rule of the page wins as it is, and ours stay inside the widget."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.gallery import opened
from tests.widgets.states import STATES
from widgets import registry
from widgets.http import rendering

pytestmark = pytest.mark.browser

# As weak as a rule can be, and not important.
THEIRS = ".sw-title{color:rgb(1,2,3)} *{letter-spacing:2px} h3,[part~=title]{font-size:33px} sumeru-widget{--sumeru-star:rgb(9,9,9)}"
LOOK = ":where(:host){--sumeru-star:rgb(7,7,7);--sumeru-radius:3px}.sw-title{color:red;font-size:9px}"


def page_of(browser: Browser, *, light: bool, theirs: str = "") -> Page:
    widgets = registry.all_widgets()
    state = next(each for each in STATES if each.widget == "reviews")
    css = rendering.styles([widgets["reviews"]], LOOK)
    widget = rendering.element(state.made("en"), rendering.layered(css) if light else css, light=light)
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>t</title>"
        f"<style>body{{font:16px sans-serif}}{theirs}</style>"
        f"<body><h1 class=sw-title>Shop</h1><svg id=own width=9 height=9></svg><div dir=rtl>"
        f"<svg id=rtl width=9 height=9></svg></div>{widget}"
    )
    return opened(browser.new_context(viewport={"width": 900, "height": 800}), html)


# What a rule has become, by element, in the order of the widget's own elements; transforms and the like included.
LOOKS = """() => {
  const host = document.querySelector('sumeru-widget');
  return [...(host.shadowRoot || host).querySelectorAll('[class],a,p,h2,h3,li')].map((el) => {
    const s = getComputedStyle(el);
    return [el.localName, s.display, s.color, s.fontSize, s.padding, s.fill, s.backgroundColor, s.borderRadius, s.minHeight, s.width];
  });
}"""


def test_alone_it_looks_as_ever(browser: Browser) -> None:
    shadow, light = (page_of(browser, light=light).evaluate(LOOKS) for light in (False, True))
    assert len(shadow) > 30
    assert light == shadow


def test_a_rule_of_the_page_wins_and_tokens_work(browser: Browser) -> None:
    page = page_of(browser, light=True, theirs=THEIRS)
    title = page.locator("sumeru-widget [part~=title]").first
    found = title.evaluate(
        "(el) => [getComputedStyle(el).color, getComputedStyle(el).fontSize, getComputedStyle(el).letterSpacing]"
    )
    assert found == ["rgb(1, 2, 3)", "33px", "2px"]
    assert page.locator("sumeru-widget .sw-on").first.evaluate("(el) => getComputedStyle(el).fill") == "rgb(9, 9, 9)"
    assert page.locator("sumeru-widget .sw-box").first.evaluate("(el) => getComputedStyle(el).borderRadius") == "3px"


def test_ours_reach_nothing_outside(browser: Browser) -> None:
    page = page_of(browser, light=True)
    bare = "(el) => [getComputedStyle(el).transform, getComputedStyle(el).fontSize, getComputedStyle(el).color]"
    assert page.locator("#rtl").evaluate(bare)[0] == "none"
    assert page.locator("h1").evaluate(bare) == ["none", "32px", "rgb(0, 0, 0)"]
    assert page.locator("sumeru-widget").evaluate("(el) => getComputedStyle(el).display") == "block"
