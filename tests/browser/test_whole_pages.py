"""The page that a widget has to itself, in every state that can be met: axe, reflow, and a way on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext

from tests.browser.gallery import opened
from tests.browser.test_axe import AXE, RULES
from tests.widgets.states import STATES, State
from widgets.http import rendering
from widgets.i18n import languages

pytestmark = [pytest.mark.browser]

WANTED = (
    "reviews: a page",
    "reviews: the form with errors",
    "reviews: pending",
    "reviews: error",
    "bundles: nothing",
    "cart_nudge: reached",
)
SHOWN = [state for state in STATES if str(state) in WANTED]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    yield made
    made.close()


def whole_page(state: State, language: str) -> str:
    """The page as ``pages.page_answer`` fills it, with its own style sheet in it."""
    made = state.made(language)
    with translation.override(language):
        html = render_to_string(
            "widgets/page.html",
            {
                "rendered": made,
                "element": rendering.element(made, rendering.styles([made.widget], "")),
                "shop": made.call.shop,
                "lang": language,
                "dir": languages.direction(language),
                "loader": "https://gallery.example/embed/v1.js",
                "script": "https://gallery.example/embed/share.js",
                "again": made.call.link(),
                "page_css": "page.css",
                "page_icon": "icon.svg",
            },
        )
    css = next((Path(settings.BASE_DIR) / "static").rglob("page.css")).read_text("utf-8")
    return html.replace('<link rel="stylesheet" href="page.css">', f"<style>{css}</style>")


def test_all_states_of_the_page_are_looked_at() -> None:
    assert [str(state) for state in SHOWN] == list(WANTED)
    assert {state.expected for state in SHOWN} == {"ready", "pending", "error", "empty"}


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("state", SHOWN, ids=str)
def test_axe_finds_nothing(context: BrowserContext, state: State, language: str) -> None:
    page = opened(context, whole_page(state, language))
    options: dict[str, Any] = {
        "runOnly": {"type": "tag", "values": RULES},
        "rules": {"target-size": {"enabled": True}},
        "resultTypes": ["violations"],
    }
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme, width in (("light", 1280), ("dark", 320)):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = page.evaluate("(options) => axe.run(document, options)", options)
        assert len(found["passes"]) > 10
        assert [(each["id"], each["nodes"][0]["failureSummary"]) for each in found["violations"]] == []


@pytest.mark.parametrize("state", [state for state in SHOWN if state.expected in ("pending", "error")], ids=str)
def test_what_is_not_there_says_so_and_leads_on(context: BrowserContext, state: State) -> None:
    page = opened(context, whole_page(state, "en"))
    assert "not available right now" in page.get_by_role("status").inner_text()
    assert page.get_by_role("link", name="Try again").get_attribute("href") == state.made().call.link()
