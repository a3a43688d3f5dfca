"""One page with every state of every widget as server HTML: cheap enough to look at in every language, width and colour scheme.

The page is given to the browser by interception, pictures included; nothing is listening anywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from playwright.sync_api import BrowserContext, Page, Route

from tests.widgets.states import STATES, State
from widgets import registry
from widgets.http import rendering
from widgets.i18n import languages

ADDRESS = "https://gallery.example/"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
# What the loader would do: the states that styles ask for. Both at once, so that what either shows is there.
STATES_ON = """
customElements.define('sumeru-widget', class extends HTMLElement {
  constructor() { super(); const { states } = this.attachInternals(); states.add('ready'); states.add('error'); }
});
"""


def html_of(
    language: str = "en", *, around: str = "", css: str = "", look: str = "", states: Sequence[State] = STATES
) -> str:
    """The page. ``css`` is the page's own, ``look`` a shop's inside the widgets. Each state stands in ``#s<its number>``.

    ``around`` is the page's language where it is not that of the widgets.
    """
    around = around or language
    widgets = registry.all_widgets()
    blocks = "".join(
        f'<article id="s{number}" aria-label="{state}">'
        f"{rendering.element(state.made(language), rendering.styles([widgets[state.widget]], look))}</article>"
        for number, state in enumerate(states)
    )
    return (
        f'<!doctype html><html lang="{around}" dir="{languages.direction(around)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">'
        "<title>States</title><style>body{margin:16px;font:16px sans-serif;background:Canvas;color:CanvasText}"
        f"article{{margin-block:32px}}{css}</style>"
        f"<script>{STATES_ON}</script></head><body><main><h1>States</h1>{blocks}</main></body></html>"
    )


def opened(context: BrowserContext, html: str) -> Page:
    """A tab with this page, its pictures and nothing else of the web."""

    def answer(route: Route) -> None:
        if route.request.url == ADDRESS:
            route.fulfill(content_type="text/html; charset=utf-8", body=html)
        elif route.request.resource_type == "image":
            route.fulfill(content_type="image/png", body=PIXEL)
        else:
            route.abort()

    context.route("**/*", answer)
    page = context.new_page()
    page.goto(ADDRESS)
    return page
