"""Storefront pages with the pixel on them, and what the events address heard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, Request

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import LOADER, SHOP, Answer, Seen
from widgets.http import events

PIXEL = LOADER.with_name("pixel.js")
CORS = {"Access-Control-Allow-Origin": "*"}
PART = "<p part=list style='height:200px'>content</p>"


def linked(text: str) -> str:
    """Structured data as pages hold it."""
    return f'<script type="application/ld+json">{text}</script>'


REVIEWS = (
    "<sumeru-widget id=r type=reviews product-id=prd_1 style='display:block'><template shadowrootmode=open>"
    "<section part=reviews style='height:200px'><h2>Reviews</h2><a part=write href='#w' data-go>Write</a>"
    "<ul><li data-product-id=prd_9><b>x</b><button part='add big' data-add='{}'>Add <i id=deep>now</i></button></li></ul></section>"
    "</template></sumeru-widget>"
)
BEACONS = """
window.beacons = 0; const real = navigator.sendBeacon;
navigator.sendBeacon = function (...all) { beacons++; return real.apply(this, all); };
"""
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true, configurable: true})"


@dataclass
class Tracked:
    """A storefront page with the pixel; ``answer`` is what the events address says."""

    front: Shopfront
    answer: Callable[[Seen], Answer]
    arrivals: list[float] = field(default_factory=list)
    begun: list[Request] = field(default_factory=list)
    failed: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.begun.append(request))
        self.page.on("requestfailed", lambda request: self.failed.append(request))

    @property
    def page(self) -> Page:
        return self.front.page

    def tag(self, attributes: str = "", *, loader: bool = False, first: bool = False) -> str:
        origin = self.front.widgets.origin
        pixel = f'<script async crossorigin src="{origin}/embed/pixel.js" data-shop="{SHOP}" {attributes}></script>'
        if not loader:
            return pixel
        return pixel + self.front.script if first else self.front.script + pixel

    def open(self, body: str = "", attributes: str = "data-consent=granted", **serve: Any) -> Page:
        """Goes to a page with the pixel and waits until it is there."""
        page = self.front.open(body, **{"head": self.tag(attributes), **serve})
        page.wait_for_function("window.sumeru?.pixel")
        return page

    @property
    def requests(self) -> list[Seen]:
        return [seen for seen in self.front.widgets.log if seen.path.endswith("/events")]

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [event for seen in self.requests for event in json.loads(seen.body)["events"]]

    def types(self) -> list[str]:
        return [event["type"] for event in self.sent]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.sent if event["type"] == kind]

    def until(self, condition: Callable[[], object], *, hiding: bool = False) -> None:
        """Returns when the condition holds; ``hiding`` sends the page to the background again and again meanwhile."""
        end = time.monotonic() + 30
        while not condition():
            if hiding:
                self.hide()
            assert time.monotonic() < end, f"never happened; sent were {self.types()}"
            self.page.wait_for_timeout(20)

    def hide(self) -> None:
        """The page goes to the background and comes back; returns when the server has seen whatever that sent."""
        self.page.evaluate(
            """() => { for (const hidden of [true, false]) {
                 Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});
                 document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); } }"""
        )
        self.fence()

    def fence(self) -> None:
        """Returns when the server has seen what the pixel sent until now.

        A beacon of our own shows that the browser has told of all before it; they travel on other connections and may come later.
        """
        before = self.front.widgets.count("/fence")
        self.page.evaluate("url => navigator.sendBeacon(url, '')", f"{self.front.widgets.origin}/fence")
        self.until(lambda: self.front.widgets.count("/fence") > before)
        self.until(lambda: any(request.url.endswith("/fence") for request in self.begun[-5:]))
        self.until(lambda: len(self.requests) >= self._on_their_way())

    def _on_their_way(self) -> int:
        events = [request for request in self.begun if request.url.endswith("/events") and request.method == "POST"]
        return len(events) - sum(request in self.failed for request in events)

    def stored(self) -> list[Any]:
        found: list[Any] = self.page.evaluate(
            "async () => [Object.keys(localStorage).sort(), sessionStorage.length, document.cookie, (await indexedDB.databases()).length]"
        )
        return found


def valid(tracked: Tracked) -> None:
    """Every body is one that the server takes, and no request asked first."""
    assert tracked.requests
    for seen in tracked.requests:
        assert seen.method == "POST"
        assert seen.path == f"/w/v1/{SHOP}/events"
        assert seen.headers["content-type"] == "text/plain;charset=UTF-8"
        assert len(seen.body.encode()) <= 60_000
        serializer = events.EventFields(data=events.parse(seen.body.encode())[0], many=True)
        assert serializer.is_valid(), serializer.errors
    assert {event["consent"] for event in tracked.sent} == {"granted"}
    assert not [seen for seen in tracked.front.widgets.log if seen.method == "OPTIONS"]


def painted(page: Page) -> None:
    """Returns when what can be seen has been reported to those who observe it."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
