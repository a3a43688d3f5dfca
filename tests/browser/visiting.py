"""A visitor of the demo's storefront: a browser tab that remembers what the console said, and looks into everything it was sent."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Error, Locator, Page, Response

from sumeru_proxy.sandbox.catalogue import built_in, demo_shops
from tests.traffic import Traffic
from tests.widgets.demo_runs import eventually

WIDTHS = (360, 1280)
MODES = ("server", "script")
# What a shop's servers know and no browser may.
SECRETS = [shop[name] for shop in demo_shops(built_in()) for name in ("public_key", "admin_token") if shop[name]]
# What moves in the storefront's own header while a slow browser is still parsing it is none of the widgets' doing.
COUNT_SHIFTS = """
window.shifted = 0; window.moved = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({ node }) => (node?.nodeType == 3 ? node.parentElement : node));
    if (entry.hadRecentInput || (moved.length && moved.every((node) => node?.closest('.switches, .top')))) continue;
    window.shifted += entry.value;
    window.moved.push(entry.value.toFixed(4) + ': ' + moved.map((node) => node?.outerHTML.slice(0, 80)).join(' | '));
  }
}).observe({ type: 'layout-shift', buffered: true });
"""
# The browser's own words for an answer that is no success; without scripts, a refused form is one.
EXPECTED_422 = "the server responded with a status of 422"
Facts = dict[str, Any]


class Visitor:
    """One tab. ``said`` is everything on its console."""

    def __init__(self, context: BrowserContext, facts: Facts) -> None:
        self.page: Page = context.new_page()
        self.context = context
        self.facts = facts
        self.said: list[str] = []
        self.bodies_seen = 0
        self._responses: list[Response] = []
        self._traffic = Traffic(self.page)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text} {message.location}"))
        self.page.on("pageerror", lambda error: self.said.append(f"exception: {error}"))
        self.page.on("response", lambda response: self._responses.append(response))

    def goto(self, path: str) -> Page:
        """A page of the storefront, loaded to the end."""
        self.page.goto(self.facts["storefront"].rstrip("/") + path)
        self.settle()
        return self.page

    def finished(self, path: str) -> Page:
        """A page with server HTML for every widget: a busy machine may need a second try, since no page waits for its widgets."""
        for _ in range(20):
            page = self.goto(path)
            if page.locator("[class*=wait]").count() == 0:
                return page
        raise AssertionError(f"never finished: {path}")

    def follow(self, link: Locator) -> None:
        """Click what leads to another page, and wait for that; what came before is looked into first."""
        self.settle()
        link.click()
        self.settle()

    def settle(self) -> None:
        """Wait for the network, then look for secrets in every body and header that came."""
        self._traffic.settle()
        responses, self._responses[:] = list(self._responses), []
        for response in responses:
            head = json.dumps(response.all_headers())
            assert not any(secret in head for secret in SECRETS), response.url
            if response.status == 200 and response.request.resource_type != "ping":
                try:
                    body = response.body().decode("utf-8", "replace")
                except Error as error:
                    # What comes in the moment of leaving a page, the browser does not keep.
                    if "navigated away" in error.message or "No resource" in error.message:
                        continue
                    raise
                assert not any(secret in body for secret in SECRETS), response.url
                self.bodies_seen += 1

    def scroll_to_the_end(self) -> None:
        """As a shopper does: by the wheel, a little at a time."""
        self.page.mouse.move(100, 300)
        end = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
        for _ in range(60):
            if self.page.evaluate(end):
                break
            self.page.mouse.wheel(0, 500)
            self.page.wait_for_timeout(60)
        assert self.page.evaluate(end)
        self.settle()

    def press(self, *keys: str) -> None:
        """Keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, wanted: Callable[[], bool], most: int = 80) -> None:
        """Tab until the focus is there. Fails after ``most`` stops."""
        for _ in range(most):
            if wanted():
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"not reached by {most} tabs; the focus is on {self.focused}")

    @property
    def focused(self) -> str:
        """What has the focus, also inside a widget: its name or text."""
        return str(
            self.page.evaluate(
                "(() => { let found = document.activeElement; while (found?.shadowRoot?.activeElement) "
                "found = found.shadowRoot.activeElement; return (found?.name || '') + '|' + (found?.id || '') + '|' + "
                "(found?.value || '') + '|' + (found?.textContent || '').trim().replace(/\\s+/g, ' ').slice(0, 80) })()"
            )
        )

    @property
    def shifted(self) -> float:
        """Cumulative layout shift of the page so far, without session windows: the strictest reading."""
        return float(self.page.evaluate("window.shifted"))

    @property
    def moved(self) -> list[str]:
        """What moved, for the words of a failing test."""
        return list(self.page.evaluate("window.moved"))


Open = Callable[..., Visitor]


def widget(page: Page, kind: str) -> Locator:
    return page.locator(f"sumeru-widget[type={kind}]")


def ready(page: Page, kind: str) -> Locator:
    """The widget, in view and taken over by the loader: clicks are answered in place from then on."""
    found = widget(page, kind)
    found.scroll_into_view_if_needed()
    eventually(lambda: found.evaluate("(el) => el.matches(':state(ready)')"), 15, f"{kind} is ready")
    return found


def product_path(facts: Facts, mode: str, more: str = "") -> str:
    return f"/product/{facts['product']}?mode={mode}{more}"


def read_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def written(facts: Facts, kind: str) -> list[dict[str, Any]]:
    """What of this kind was written to the sandbox."""
    entries: list[dict[str, Any]] = read_json(f"{facts['sandbox']}_sandbox/writes")["data"].get(kind, [])
    return entries


def warm(facts: Facts, name: str, **query: str) -> dict[str, Any]:
    """Ask until there is a copy: reads and quiz steps have the upstream's pace, and a page does not wait for them."""

    def ready() -> dict[str, Any] | None:
        try:
            answer = read_json(f"{facts['widgets']}w/v1/{facts['shop']}/{name}.json?{urlencode(query)}")
        except urllib.error.HTTPError:
            return None
        return answer if answer["state"] in ("ready", "empty") else None

    found: dict[str, Any] = eventually(ready, 40, f"{name} {query}")
    return found


def warm_storefront(facts: Facts) -> Facts:
    """The same facts, once there are copies of what the storefront's pages show first."""
    for name in ("rating_badge", "reviews", "bundles"):
        warm(facts, name, product_id=facts["product"])
    warm(facts, "product_feed", collection="packs", sort="rating", layout="carousel", limit="12")
    warm(facts, "product_feed", collection="camp")
    return facts
