"""A shopper on a page that a test wrote, with the real widgets on it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.loader.stub_hosts import Answer, StorefrontHost
from tests.pages.between import Between

# Every event of the loader, every refused resource, every layout shift; from the beginning of each document.
RECORDER = """
window.heard = []; window.refused = [];
for (const name of ['ready', 'error', 'empty', 'page', 'submit', 'add-to-cart', 'loaded'])
  addEventListener('sumeru:' + name, (e) => heard.push({name, id: e.target.id || '', type: e.detail.type,
    code: e.detail.error?.code ?? null}), true);
addEventListener('securitypolicyviolation', (e) => refused.push(e.effectiveDirective + ' ' + e.blockedURI), true);
"""
BADGE = "<sumeru-widget id=badge type=rating-badge product-id=prd_1><a href='/stars'>Stars</a></sumeru-widget>"
REVIEWS = "<sumeru-widget id=reviews type=reviews product-id=prd_1><a id=fallback href='/all'>Read the reviews</a></sumeru-widget>"
# As the admin prints them: ``live`` is one visitor's own.
SEVEN = (
    BADGE
    + REVIEWS
    + "<sumeru-widget id=bundles type=bundles product-id=prd_1>x</sumeru-widget>"
    + "<sumeru-widget id=feed type=product-feed limit=8>x</sumeru-widget>"
    + "<sumeru-widget id=test type=ab-experiment experiment=hero live>x</sumeru-widget>"
    + "<sumeru-widget id=upsell type=upsell product-ids=prd_1 cart-total=40 currency=EUR live>x</sumeru-widget>"
    + "<sumeru-widget id=nudge type=cart-nudge cart-id=c1 cart-total=20 currency=EUR live>x</sumeru-widget>"
)
# So small that all of them are near the window.
NEAR = "<style>sumeru-widget{display:block;max-height:60px;overflow:hidden}</style>"


class Shopper:
    """One tab. ``said`` is everything on its console."""

    def __init__(self, context: BrowserContext, passage: Between, store: StorefrontHost, key: str) -> None:
        self.context, self.passage, self.store, self.key = context, passage, store, key
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text} {message.location}"))
        self.page.on("pageerror", lambda error: self.said.append(f"exception: {error}"))

    @property
    def base(self) -> str:
        """Where the shop's widgets are."""
        return f"{self.passage.origin}/w/v1/{self.key}/"

    def tag(self, path: str = "/embed/v1.js", more: str = "") -> str:
        """A script element as the admin prints it."""
        return f'<script async crossorigin src="{self.passage.origin}{path}" data-shop="{self.key}" {more}></script>'

    def serve(
        self, body: str, *, path: str = "/", head: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.store.pages[path] = Answer(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"{self.tag() if head is None else head}</head><body><main><h1>Shop</h1>{body}</main></body></html>",
            headers=headers or {},
        )

    def goto(self, path: str = "/", **options: Any) -> Page:
        self.page.goto(self.store.origin + path, **options)
        return self.page

    def open(self, body: str, **serve: Any) -> Page:
        """Serves the body and goes there."""
        self.serve(body, **serve)
        return self.goto(serve.get("path", "/"))

    def heard(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The events of this name, once there are so many."""
        self.page.wait_for_function(
            "([name, count]) => heard.filter((e) => e.name == name).length >= count", arg=[name, count]
        )
        found: list[dict[str, Any]] = self.page.evaluate("(name) => heard.filter((e) => e.name == name)", name)
        return found

    def fence(self) -> None:
        """Returns when a widget added now is ready: whatever the loader meant to ask before has been asked by then."""
        before = self.passage.log[:]
        self.page.evaluate(
            """() => new Promise((done) => {
              const el = document.createElement('sumeru-widget');
              el.setAttribute('type', 'product-feed'); el.setAttribute('limit', '7');
              el.style.cssText = 'position:fixed;top:0;left:0;width:1px;height:1px;overflow:hidden';
              el.addEventListener('sumeru:ready', () => { el.remove(); done(); });
              document.body.append(el);
            })"""
        )
        fences = [seen for seen in self.passage.log[len(before) :] if seen.keys == ["product_feed?limit=7&locale=en"]]
        self.passage.log[:] = [seen for seen in self.passage.log if seen not in fences]

    def widget(self, name: str) -> Locator:
        return self.page.locator(f"#{name}")

    def shows(self, name: str, part: str) -> None:
        expect(self.widget(name).locator(part).first).to_be_visible()
