"""Theming as a browser sees it: every token and every part changes something, and a shop's own CSS reaches its widgets and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gallery import ADDRESS, html_of, opened
from tests.widgets.states import ready
from widgets import registry
from widgets.theming import merchant_css
from widgets.theming import tokens as theming

pytestmark = [pytest.mark.browser]

# Enough to show every token: the first state of each widget, and a form with errors.
SOME = [
    state
    for place, state in enumerate(ready())
    if state.widget not in {each.widget for each in ready()[:place]} or state.sent
]
PARTS = [(name, part) for name, widget in sorted(registry.all_widgets().items()) for part in widget.parts]
VALUES = {"font": "TokenFace", "radius": "13.25px", "gap": "13.25px"}
COLOUR = "rgb(1, 2, 3)"
# How many elements inside widgets have the value in any property, a field being focused.
HOLDING = """(value) => {
  document.querySelector('sumeru-widget[type=reviews]').shadowRoot.querySelector('a').focus();
  let count = 0;
  for (const host of document.querySelectorAll('sumeru-widget'))
    for (const el of host.shadowRoot?.querySelectorAll('*:not(style)') ?? []) {
      const style = getComputedStyle(el);
      const used = ['color', 'backgroundColor', 'borderBottomColor', 'outlineColor', 'fill', 'accentColor', 'fontFamily',
        'borderStartStartRadius', 'rowGap'];
      if (used.some((name) => style[name].includes(value))) count++;
    }
  return count;
}"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    yield made
    made.close()


@pytest.fixture(scope="module")
def plain(context: BrowserContext) -> Page:
    return opened(context, html_of(states=ready()))


@pytest.fixture(scope="module")
def few(context: BrowserContext) -> Page:
    page = opened(context, html_of(states=SOME))
    page.keyboard.press("Tab")  # from now on the browser takes the focus for the keyboard's
    return page


def restyled(page: Page, css: str) -> None:
    """Put this CSS into the page, in the place of what was put there before."""
    page.evaluate(
        "(css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [sheet]; }", css
    )  # fmt: skip


@pytest.mark.parametrize("where", [":root", "sumeru-widget"])
@pytest.mark.parametrize("token", theming.TOKENS)
def test_every_token_changes_something(few: Page, token: str, where: str) -> None:
    value = VALUES.get(token, COLOUR)
    restyled(few, "")
    assert few.evaluate(HOLDING, value) == 0
    restyled(few, f"{where} {{ --sumeru-{token}: {value} }}")
    assert few.evaluate(HOLDING, value) > 0


def test_a_shops_tokens_count_and_a_pages_own_are_stronger(context: BrowserContext) -> None:
    tokens = {name: VALUES.get(name, COLOUR) for name in theming.TOKENS}
    look = theming.token_css(tokens)
    page = opened(context, html_of(look=look, states=ready()[:1]))
    page.keyboard.press("Tab")
    for value in {COLOUR, *VALUES.values()}:
        assert page.evaluate(HOLDING, value) > 0
    restyled(page, "sumeru-widget { --sumeru-star: rgb(4, 5, 6) }")
    assert page.evaluate(HOLDING, "rgb(4, 5, 6)") > 0
    page.close()


# The outline's colour of every element with the part, in every state of the widget.
OUTLINES = """([name, part]) => [...document.querySelectorAll(`sumeru-widget[type=${name}]`)]
  .flatMap((host) => [...(host.shadowRoot?.querySelectorAll(`[part~=${part}]`) ?? [])])
  .map((el) => getComputedStyle(el).outlineColor)"""


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_every_part_is_reached_by_the_page(plain: Page, name: str, part: str) -> None:
    restyled(plain, "")
    before = set(plain.evaluate(OUTLINES, [name, part]))
    assert before
    assert COLOUR not in before
    restyled(plain, f"sumeru-widget[type={name}]::part({part}) {{ outline: 1px solid {COLOUR} !important }}")
    assert set(plain.evaluate(OUTLINES, [name, part])) == {COLOUR}


def test_a_shops_css_styles_inside_and_only_there(context: BrowserContext) -> None:
    look = ".sw-title, h1, main { letter-spacing: 7px }"
    assert merchant_css.problems(look) == []
    page = opened(context, html_of(look=look, states=ready()[:1]))
    spacing = "(el) => getComputedStyle(el).letterSpacing"
    assert page.locator(".sw-title").evaluate(spacing) == "7px"
    assert page.locator("h1").evaluate(spacing) == "normal"
    page.close()


def test_no_accepted_css_fetches(context: BrowserContext) -> None:
    """Everything that names an address without a function that is refused."""
    asked: list[str] = []
    look = """
      .sw-title { --u: "https://thief.example/a.png"; cursor: "https://thief.example/c.cur";
        list-style-image: "https://thief.example/d.png"; content: "https://thief.example/e.png";
        filter: "https://thief.example/f.svg" }
    """
    assert merchant_css.problems(look) == []
    context.on("request", lambda request: asked.append(request.url))
    page = opened(context, html_of(look=look, states=ready()[:1]))
    page.wait_for_load_state("networkidle")
    assert ADDRESS in asked
    assert [url for url in asked if "thief" in url] == []
    page.close()


def test_outcomes_are_those_of_the_widgets(plain: Page) -> None:
    """The gallery shows what it says: as many roots as there are states with a fragment."""
    count: Any = plain.evaluate("[...document.querySelectorAll('sumeru-widget')].filter((el) => el.shadowRoot).length")
    assert count == len(ready())
