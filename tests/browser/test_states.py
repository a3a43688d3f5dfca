"""WCAG 2.2 AA of every widget in every state: axe, reflow, text spacing, focus, forced colours, motion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gallery import html_of, opened
from tests.browser.test_axe import AXE, RULES
from tests.widgets.states import STATES, ready

pytestmark = [pytest.mark.browser]

# About how a whole page is built, which is the storefront's: this one has each widget many times.
OF_PAGES = ["landmark-unique", "heading-order"]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    yield made
    made.close()


@pytest.fixture(scope="module", params=["en", "he"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def html(language: str) -> str:
    return html_of(language)


def findings(page: Page) -> list[str]:
    """Everything that axe has to say, by state."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"target-size": {"enabled": True}, **{name: {"enabled": False} for name in OF_PAGES}}
    options = {"runOnly": {"type": "tag", "values": RULES}, "rules": rules, "resultTypes": ["violations"]}
    result = page.evaluate("(options) => axe.run(document, options)", options)
    assert len(result["passes"]) > 20
    found = []
    for each in result["violations"]:
        for node in each["nodes"]:
            target = str(node["target"])
            number = re.search(r"#s(\d+)", target)
            state = STATES[int(number[1])] if number else "the page"
            found.append(f"{state}: {each['id']}: {target}: {node['failureSummary']}")
    return found


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(context: BrowserContext, html: str, scheme: Any, width: int) -> None:
    page = opened(context, html)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    assert findings(page) == []


# Everything wider than its place, but for what is meant to scroll, to be clipped or to be read out only.
OVERFLOWING = """() => {
  const found = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push(`page ${page.scrollWidth} > ${page.clientWidth}`);
  for (const host of document.querySelectorAll('sumeru-widget')) {
    const edge = host.closest('article').getBoundingClientRect();
    for (const el of host.shadowRoot?.querySelectorAll('*') ?? []) {
      if (el.closest('.sw-strip, .sw-vh, style, .sw-photo') || el.closest('select')) continue;
      const box = el.getBoundingClientRect();
      if (box.width && (box.left < edge.left - 6 || box.right > edge.right + 6))
        found.push(`${host.closest('article').id} ${el.tagName}.${el.className} ${box.left}–${box.right}`);
    }
  }
  return found;
}"""
# What WCAG 1.4.12 lets a reader set.
SPACING = "*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}p{margin-bottom:2em!important}"


@pytest.mark.parametrize("look", ["320 px", "320 px, spaced", "1280 px at 200 %", "text at 200 %"])
def test_everything_fits(context: BrowserContext, language: str, look: str) -> None:
    """1.4.4, 1.4.10, 1.4.12: no scrolling sideways, nothing beyond its place."""
    css = "html,body{font-size:32px}" if look == "text at 200 %" else ""
    page = opened(context, html_of(language, css=css, look=SPACING if "spaced" in look else ""))
    width = {"320 px": 320, "320 px, spaced": 320}.get(look, 640)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(OVERFLOWING) == []


FOCUSABLE = "a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex='0']"
# Outlines of what the keyboard reaches; a star of the form shows it on its label.
UNSEEN = f"""() => {{
  const found = [];
  let seen = 0;
  for (const host of document.querySelectorAll('sumeru-widget'))
    for (const el of host.shadowRoot?.querySelectorAll({FOCUSABLE!r}) ?? []) {{
      if (el.closest('.sw-vh') || !el.checkVisibility()) continue;
      el.focus();
      if (host.shadowRoot.activeElement !== el) {{ found.push(`${{host.type}} no focus: ${{el.outerHTML.slice(0, 80)}}`); continue; }}
      seen++;
      const shown = el.closest('.sw-rate') ? el.nextElementSibling : el;
      const style = getComputedStyle(shown);
      if (style.outlineStyle != 'auto' && (style.outlineStyle == 'none' || parseFloat(style.outlineWidth) < 2))
        found.push(`${{host.closest('article').id}} ${{style.outline}}: ${{el.outerHTML.slice(0, 120)}}`);
    }}
  return [seen, found];
}}"""


@pytest.mark.parametrize("forced", ["none", "active"])
def test_focus_is_always_seen(context: BrowserContext, html: str, forced: Any) -> None:
    page = opened(context, html)
    page.emulate_media(forced_colors=forced)
    page.keyboard.press("Tab")  # from now on the browser takes the focus for the keyboard's
    seen, found = page.evaluate(UNSEEN)
    assert found == []
    assert seen > 300


def test_what_is_chosen_is_told_apart_in_forced_colours(context: BrowserContext, html: str) -> None:
    page = opened(context, html)
    page.emulate_media(forced_colors="active")
    number = next(n for n, state in enumerate(STATES) if str(state) == "reviews: the form")
    star = "(id) => getComputedStyle(document.querySelector(id).shadowRoot.querySelector('[for=sw-r3]')).webkitTextFillColor"
    place = f"#s{number} sumeru-widget"
    before = page.evaluate(star, place)
    page.locator(f"#s{number} label[for=sw-r4]").click()
    assert page.evaluate(star, place) != before  # three of four stars are filled
    assert page.locator(f"#s{number} #sw-r4").is_checked()


# Of every root element in a widget: its direction, and whether it is spoken in the page's language.
DIRECTIONS = """() => [...document.querySelectorAll('sumeru-widget:not([type=ab_experiment])')].filter((host) => host.shadowRoot)
  .map((host) => host.shadowRoot.lastElementChild).map((root) => `${root.lang} ${getComputedStyle(root).direction}`)"""


@pytest.mark.parametrize(("language", "around", "told"), [("he", "en", "he rtl"), ("en", "he", "en ltr")])
def test_a_widget_keeps_its_direction_on_any_page(
    context: BrowserContext, language: str, around: str, told: str
) -> None:
    page = opened(context, html_of(language, around=around, states=ready()))
    assert set(page.evaluate(DIRECTIONS)) == {told}
    assert page.evaluate("getComputedStyle(document.body).direction") == ("rtl" if around == "he" else "ltr")
    assert page.evaluate(OVERFLOWING) == []


def test_nothing_moves() -> None:
    """There is no motion that could be asked to be reduced. Whoever adds some adds the media query, and changes this."""
    styles = "".join(path.read_text("utf-8") for path in (Path(settings.BASE_DIR) / "static/widgets").glob("*.css"))
    assert not re.search(r"transition|animation|scroll-behavior|@keyframes", styles)
    assert len(styles) > 5_000
