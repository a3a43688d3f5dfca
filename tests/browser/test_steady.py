"""Every page of the storefront is read to its end: nothing moves, nothing is too wide, nothing is said on the console."""

from __future__ import annotations

import pytest

from tests.browser.pages import PATHS, prepared, shown
from tests.browser.visiting import MODES, WIDTHS, Facts, Open

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PATHS)
def test_nothing_moves(visitor: Open, facts: Facts, name: str, mode: str, width: int) -> None:
    """Layout shift while the page is read to its end: none with server HTML, at most 0.01 with the script tag."""
    tab = visitor(width)
    path = prepared(tab, facts, name) + f"?mode={mode}"
    page = tab.finished(path) if mode == "server" else tab.goto(path)
    tab.scroll_to_the_end()
    shown(page, name)
    assert tab.shifted == 0 if mode == "server" else tab.shifted <= 0.01, tab.moved
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.said == []
