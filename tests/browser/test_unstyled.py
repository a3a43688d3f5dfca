"""Widgets of a shop that wants no styles of ours: everything can be read and used, whatever the storefront adds or does not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import gallery
from tests.browser.test_axe import serious
from tests.widgets.states import STATES, State
from widgets import registry
from widgets.http import rendering

pytestmark = pytest.mark.browser

NAMES = ("reviews", "quiz", "bundles", "referral", "rating_badge")


def unstyled(state: State, *, css: bool) -> str:
    styles = rendering.styles([registry.all_widgets()[state.widget]], "", styled=False)
    return rendering.element(state.made("en"), styles if css else "")


def page_of(browser: Browser, *, css: bool = True) -> Page:
    blocks = "".join(
        f"<article id=s{number}>{unstyled(state, css=css)}</article>"
        for number, state in enumerate(STATES)
        if state.widget in NAMES
    )
    html = (
        '<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><title>t</title>'
        f"<body><main><h1>Shop</h1>{blocks}</main>"
    )
    return gallery.opened(browser.new_context(viewport={"width": 360, "height": 800}), html)


EVERYWHERE = """(selector) => [...document.querySelectorAll('sumeru-widget')].flatMap((host) =>
  [...(host.shadowRoot?.querySelectorAll(selector) || [])])"""


def test_only_what_states_need_is_sent() -> None:
    widgets = registry.all_widgets()
    assert len(rendering.styles([widgets["bundles"]], "", styled=False)) < 100
    assert rendering.styles([widgets["bundles"]], "p{margin:0}", styled=False).endswith("p{margin:0}")
    assert len(rendering.styles([widgets["reviews"]], "", styled=False)) < 200
    state = next(each for each in STATES if each.widget == "bundles")
    assert "<style" not in unstyled(state, css=False)


@pytest.mark.parametrize("css", [True, False])
def test_nobody_meets_the_trap_for_robots(browser: Browser, css: bool) -> None:
    """Also when the page's policy refused even the little that is sent."""
    page = page_of(browser, css=css)
    shown = page.evaluate(f"({EVERYWHERE})('[name=website]').map((el) => el.checkVisibility())")
    assert len(shown) >= 3
    assert not any(shown)


def test_sizes_and_colours_of_pictures(browser: Browser) -> None:
    page = page_of(browser)
    boxes = page.evaluate(
        f"({EVERYWHERE})('svg').map((el) => el.getBoundingClientRect()).map((box) => [box.width, box.height])"
    )
    assert len(boxes) > 5
    assert {tuple(box) for box in boxes} <= {(100, 20), (100, 8)}
    fills = page.evaluate(f"({EVERYWHERE})('svg rect').map((el) => getComputedStyle(el).fill)")
    assert set(fills) == {"rgb(187, 187, 187)", "rgb(170, 102, 0)"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_failed_sendings_and_buttons_for_scripts_stay_hidden(browser: Browser) -> None:
    page = page_of(browser)
    shown = page.evaluate(f"({EVERYWHERE})('[data-unsent],[data-unread],.sw-acts').map((el) => el.checkVisibility())")
    assert len(shown) >= 3
    assert not any(shown)


def test_the_keyboard_reaches_every_control(browser: Browser) -> None:
    page = page_of(browser)
    wanted = page.evaluate(
        f"({EVERYWHERE})('a[href],button,select,textarea,summary,input:not([type=hidden]):not([type=radio])')"
        ".filter((el) => el.checkVisibility() && el.tabIndex >= 0).length"
    )
    assert wanted > 20
    page.evaluate(
        """() => { window.reached = new Set();
          for (const { shadowRoot } of document.querySelectorAll('sumeru-widget'))
            shadowRoot?.addEventListener('focusin', (e) => reached.add(e.target)); }"""
    )
    for _ in range(wanted * 2):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement == document.body"):
            break
    missed = page.evaluate(
        f"({EVERYWHERE})('a[href],button,select,textarea,summary,input:not([type=hidden]):not([type=radio])')"
        ".filter((el) => el.checkVisibility() && el.tabIndex >= 0 && !reached.has(el)).map((el) => el.outerHTML)"
    )
    assert missed == []


def test_axe_finds_nothing_serious(browser: Browser) -> None:
    found = [each for each in serious(page_of(browser)) if each["rule"] != "target-size"]
    assert found == []
