"""Real Chromium against the built loader: one context and one pair of servers per test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.loader.stub_hosts import SHOP, Answer, StorefrontHost, WidgetHost

# Writes down every event of the loader and every refused resource, before any script of the page runs.
RECORDER = """
window.seen = []; window.refused = [];
for (const name of ['ready', 'error', 'page', 'submit', 'empty', 'before-submit', 'add-to-cart', 'loaded'])
  addEventListener('sumeru:' + name, (e) => {
    const {formData, error, ...detail} = e.detail;
    if (error) detail.error = {code: error.code ?? null, message: error.message};
    seen.push({name, id: e.target.id || '', composed: e.composed, cancelable: e.cancelable, ...detail});
  }, true);
addEventListener('securitypolicyviolation', (e) => refused.push(e.effectiveDirective + ' ' + e.blockedURI), true);
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shopfront" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@dataclass
class Shopfront:
    """A storefront page with the widget server behind it."""

    context: BrowserContext
    widgets: WidgetHost
    store: StorefrontHost
    page: Page
    complaints: list[str] = field(default_factory=list)

    @property
    def script(self) -> str:
        return f'<script async crossorigin src="{self.widgets.origin}/embed/v1.js" data-shop="{SHOP}"></script>'

    def serve(
        self, body: str, *, path: str = "/", head: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        html = (
            '<!doctype html><html><head><meta charset="utf-8"><title>t</title><meta name="viewport" content="width=device-width">'
            f"{self.script if head is None else head}</head><body>{body}</body></html>"
        )
        self.store.pages[path] = Answer(html, headers=headers or {})

    def open(self, body: str, **serve: Any) -> Page:
        """Serves the body on ``/`` and goes there."""
        self.serve(body, **serve)
        self.page.goto(self.store.origin + serve.get("path", "/"))
        return self.page

    def events(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("name => seen.filter((e) => e.name == name)", name)
        return found

    def wait_events(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        self.page.wait_for_function(
            "([name, count]) => seen.filter((e) => e.name == name).length >= count", arg=[name, count]
        )
        return self.events(name)

    def text(self, selector: str) -> str:
        """What the shadow root says; empty without one."""
        said: str = self.page.evaluate("s => document.querySelector(s).shadowRoot?.textContent || ''", selector)
        return said

    def fence(self) -> None:
        """Returns when a widget added now is ready: whatever the loader meant to ask before has been asked by then."""
        self.page.evaluate(
            """() => new Promise((done) => {
              const el = document.createElement('sumeru-widget');
              el.setAttribute('type', 'fence');
              el.addEventListener('sumeru:ready', () => { el.remove(); done(); });
              el.style.cssText = 'position:fixed;top:0;left:0;width:1px;height:1px';
              document.body.append(el);
            })"""
        )

    @property
    def batches(self) -> list[list[str]]:
        """The keys of every batch, fences left out."""
        asked = [seen.keys for seen in self.widgets.ending("/batch")]
        return [keys for keys in asked if keys != ["fence"]]


@pytest.fixture
def widget_host() -> Iterator[WidgetHost]:
    host = WidgetHost()
    yield host
    host.close()


@pytest.fixture
def storefront_host() -> Iterator[StorefrontHost]:
    host = StorefrontHost()
    yield host
    host.close()


@pytest.fixture
def context_options() -> dict[str, Any]:
    """Options of the browser context; a test overrides it by parametrizing."""
    return {}


@pytest.fixture
def shopfront(
    request: pytest.FixtureRequest,
    widget_host: WidgetHost,
    storefront_host: StorefrontHost,
    context_options: dict[str, Any],
) -> Iterator[Shopfront]:
    browser: Browser = request.getfixturevalue(
        "whole_browser" if request.node.get_closest_marker("bfcache") else "browser"
    )
    context = browser.new_context(**context_options)
    context.set_default_timeout(10_000)
    context.add_init_script(RECORDER)
    page = context.new_page()
    front = Shopfront(context, widget_host, storefront_host, page)
    page.on("console", lambda line: front.complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: front.complaints.append(str(error)))
    yield front
    context.close()
