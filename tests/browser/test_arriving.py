"""A page that arrives piece by piece: whatever the browser paints in between, what is painted stays where it is.

A slow network or a busy machine makes the parser stop anywhere inside a widget's server HTML. Here it stops after every tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.gallery import html_of, opened
from tests.browser.visiting import WIDTHS
from tests.widgets.states import STATES

pytestmark = [pytest.mark.browser]

FULLEST = (
    "reviews: filtered",
    "rating_badge: a grid",
    "bundles: two",
    "upsell: offers",
    "quiz: several answers",
    "quiz: results",
    "cart_nudge: discount, for a while",
    "product_feed: a grid",
    "product_feed: filtered to nothing",
)
# By tag at the beginning and the end; the long lists between them are more of the same.
FIRST, LAST = 150, 15
# A button that arrives in a frame of its own takes its place from the text before it; nothing larger is left.
LIMIT = 0.01
# Writes one piece a frame, through the parser that a page from the network goes through; gives each shift with the piece it came with.
WRITE = """async (pieces) => {
  const shifts = [];
  let written = '';
  const take = (entries) => entries.forEach(({value, sources}) => shifts.push({value, written,
    moved: sources.map(({previousRect: a, currentRect: b}) => [a.x, a.y, a.width, b.x, b.y, b.width].map(Math.round).join(' '))}));
  const watch = new PerformanceObserver((list) => take(list.getEntries()));
  watch.observe({type: 'layout-shift'});
  document.open();
  for (const piece of [...pieces, '', '']) {
    document.write(piece);
    written = piece || written;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    take(watch.takeRecords());
  }
  return shifts;
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    yield made
    made.close()


def pieces_of(html: str) -> list[str]:
    """The page cut behind every tag; what cannot be painted in part stays together."""
    pieces = [found[0] for found in re.finditer(r"(?s)<(style|script|svg|select)\b.*?</\1>\s*|<[^>]+>[^<]*", html)]
    assert "".join(pieces) == html
    return [*pieces[:FIRST], "".join(pieces[FIRST:-LAST]), *pieces[-LAST:]] if len(pieces) > FIRST + LAST else pieces


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FULLEST)
def test_nothing_moves_while_a_page_arrives(context: BrowserContext, name: str, width: int) -> None:
    """Every frame between two tags together, added up."""
    (state,) = [state for state in STATES if str(state) == name]
    page = opened(context, "<!doctype html><title>Nothing yet</title>")
    page.set_viewport_size({"width": width, "height": 800})
    shifts = page.evaluate(WRITE, pieces_of(html_of(states=[state])))
    assert page.locator("sumeru-widget").evaluate("(el) => el.shadowRoot.children.length") > 1
    assert sum(shift["value"] for shift in shifts) <= LIMIT, shifts
