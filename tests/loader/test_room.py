"""The room that the embed code keeps: enough at every width, and given back when there is nothing to show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Answer
from tests.widgets.states import STATES
from widgets import registry
from widgets.http import rendering

pytestmark = pytest.mark.thorough
SHOP_CSS = (Path(__file__).parents[1] / "storefronts" / "plain" / "shop.css").read_text()
ROOM = SHOP_CSS[SHOP_CSS.index("sample: room") : SHOP_CSS.index("end of sample")].split("*/", 1)[1].removesuffix("/* ")
# The state of each type that shops see most; reviews are longer than any room and stand last.
READY = {
    "rating_badge": "one",
    "bundles": "two",
    "upsell": "offers",
    "quiz": "the first question",
    "referral": "own link",
    "cart_nudge": "discount, for a while",
    "product_feed": "a grid",
    "reviews": "a page",
}
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => { shifts += each.value; }))
  .observe({type: 'layout-shift', buffered: true});
"""
HEIGHTS = "Object.fromEntries([...document.querySelectorAll('sumeru-widget')].map((el) => [el.getAttribute('type'), el.offsetHeight]))"
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def served(front: Shopfront, width: int, before: str = "") -> dict[str, int]:
    """The page in a column of this width, its widgets held back; gives the heights that are kept for them."""
    front.context.add_init_script(SHIFTS)
    body = "".join(f"<sumeru-widget type={each}></sumeru-widget>" for each in READY)
    style = f"body{{margin:0;font:16px sans-serif}}main{{width:{width}px;container-type:inline-size}}{ROOM}"
    page = front.open(f"<style>{style}</style>{before}<main>{body}</main>", head="")
    heights: dict[str, int] = page.evaluate(HEIGHTS)
    page.evaluate(
        "([src, shop]) => document.head.append(Object.assign(document.createElement('script'), {src: `${src}?shop=${shop}`}))",
        re.findall(r'src="([^"]*)" data-shop="([^"]*)"', front.script)[0],
    )
    return heights


@pytest.mark.parametrize("context_options", [{"viewport": {"width": 1300, "height": 9000}}])
@pytest.mark.parametrize("width", [360, 600, 900, 1280])
def test_nothing_moves_when_the_widgets_come(shopfront: Shopfront, width: int) -> None:
    widgets = registry.all_widgets()
    shopfront.widgets.css = rendering.styles([widgets[each] for each in READY], "")
    for state in STATES:
        if READY.get(state.widget) == str(state).partition(": ")[2]:
            inner = state.made("en").inner.replace("https://", f"{shopfront.store.origin}/")
            shopfront.widgets.items[state.widget] = {"state": "ready", "status": 200, "html": inner}
    assert shopfront.widgets.items.keys() == READY.keys()
    before = served(shopfront, width)
    shopfront.wait_events("ready", len(READY))
    shopfront.page.evaluate(SETTLED)
    after = shopfront.page.evaluate(HEIGHTS)
    assert {
        name: (before[name], after[name]) for name in READY if name != "reviews" and before[name] != after[name]
    } == {}
    assert shopfront.page.evaluate("shifts") == 0


@pytest.mark.parametrize("context_options", [{"viewport": {"width": 1300, "height": 800}}])
@pytest.mark.parametrize("width", [360, 600, 900, 1280])
@pytest.mark.parametrize("outcome", ["empty", "error"])
def test_room_is_given_back(shopfront: Shopfront, width: int, outcome: str) -> None:
    """Below the window, so nobody sees it go."""
    if outcome == "empty":
        shopfront.widgets.items = {name: {"state": "empty", "status": 200, "html": ""} for name in READY}
    else:
        shopfront.widgets.tampering = lambda seen: Answer(reset=True) if seen.path.endswith("/batch") else None
    before = served(shopfront, width, "<div style='height:810px'>Text</div>")
    assert min(before.values()) >= 25
    shopfront.page.wait_for_function(f"Object.values({HEIGHTS}).every((height) => !height)")
    assert len(shopfront.events(outcome)) >= len(READY)
    assert shopfront.page.evaluate("shifts") == 0
