"""axe-core on every page of the storefront, with its widgets: light and dark, both directions of writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.pages import PATHS, prepared, shown
from tests.browser.visiting import Facts, Open

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).resolve().parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def serious(page: Page) -> list[dict[str, Any]]:
    """axe's serious and critical findings, also inside the widgets."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": RULES}, "rules": {"target-size": {"enabled": True}}}
    result = page.evaluate("(options) => axe.run(document, options)", options)
    assert len(result["passes"]) > 10
    return [
        {
            "rule": each["id"],
            "where": [node["target"] for node in each["nodes"]],
            "why": each["nodes"][0]["failureSummary"],
        }
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    "look", ["theme=light&dir=ltr", "theme=dark&dir=ltr", "theme=light&dir=rtl", "theme=dark&dir=rtl"]
)
@pytest.mark.parametrize("name", PATHS)
def test_axe_finds_nothing_serious(visitor: Open, facts: Facts, name: str, look: str) -> None:
    tab = visitor(360 if "rtl" in look else 1280)
    page = tab.goto(f"{prepared(tab, facts, name)}?{look}")
    tab.scroll_to_the_end()
    shown(page, name)
    assert serious(page) == []
