"""The package's React component with the built loader: React 18 and 19, development and production, under StrictMode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Answer

PACKAGE = Path(__file__).parents[1] / "package"
TRUSTED = "require-trusted-types-for 'script'"
RESULT = {
    "type": "reviews",
    "params": {"product_id": "prd_1"},
    "state": "ready",
    "innerHtml": "<section><h2>Reviews from the server</h2></section>",
    "css": "h2{color:rgb(9, 9, 9)}",
    "jsonLd": {"@type": "Product", "name": "Pack"},
    "href": "https://shop.example/reviews",
}

pytestmark = pytest.mark.skipif(
    not (PACKAGE / "node_modules" / "esbuild").exists(), reason="npm ci has not been run in tests/package"
)


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=PACKAGE, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def page(react: str, mode: str) -> tuple[str, str]:
    """The HTML from the server and the script for the browser."""
    node = shutil.which("node")
    assert node
    other = react == "18"
    imports = ["--import", "./react-18.mjs"] if other else []
    html = run(node, *imports, "hydration/server.mjs", NODE_ENV=mode, RESULT=json.dumps(RESULT))
    aliases = ["--alias:react=react-18", "--alias:react-dom=react-dom-18"] if other else []
    script = run(
        "node_modules/.bin/esbuild",
        "hydration/client.mjs",
        "--bundle",
        f'--define:process.env.NODE_ENV="{mode}"',
        *aliases,
    )
    return html, script


@pytest.fixture(
    params=[(react, mode) for react in ("18", "19") for mode in ("development", "production")], ids="-".join
)
def hydrated(request: pytest.FixtureRequest, shopfront: Shopfront) -> Shopfront:
    """The page, hydrated and with the loader on it."""
    html, script = page(*request.param)
    shopfront.store.pages["/app.js"] = Answer(script, content_type="text/javascript")
    body = (
        f'<div id="root">{html}</div><script type="application/json" id="result">{json.dumps(RESULT)}</script>'
        '<script src="/app.js"></script>'
    )
    # React's development builds compare by innerHTML, which Trusted Types forbid.
    policy = {"Content-Security-Policy": TRUSTED} if request.param[1] == "production" else {}
    shopfront.open(body, headers=policy)
    shopfront.wait_events("ready")
    return shopfront


def said(front: Shopfront) -> list[str]:
    """What was complained about, but for React's advertisement."""
    return [line for line in front.complaints if "React DevTools" not in line]


def test_server_html_is_adopted_once(hydrated: Shopfront) -> None:
    assert "from the server" in hydrated.text("sumeru-widget")
    hydrated.page.click("#again")
    hydrated.page.get_by_text("Rendered 1").wait_for()
    hydrated.fence()
    assert "from the server" in hydrated.text("sumeru-widget")
    assert (
        hydrated.page.evaluate(
            "getComputedStyle(document.querySelector('sumeru-widget').shadowRoot.querySelector('h2')).color"
        )
        == "rgb(9, 9, 9)"
    )
    assert hydrated.batches == []
    assert hydrated.widgets.count(".js") == 1
    assert len([event for event in hydrated.events("ready") if event["type"] == "reviews"]) == 1
    assert hydrated.page.locator("[type='application/ld+json']").count() == 1
    assert hydrated.page.evaluate("recovered") == []
    assert said(hydrated) == []


def test_another_product_is_another_element(hydrated: Shopfront) -> None:
    hydrated.page.click("#prd_2")
    hydrated.wait_events("ready", 2)
    assert "Reviews of prd_2" in hydrated.text("sumeru-widget")
    assert hydrated.batches == [["reviews?product_id=prd_2"]]
    # Back to the page that came as a document: its HTML is in the page's data still, and cannot be used again.
    hydrated.page.click("#first")
    hydrated.wait_events("ready", 3)
    assert "Reviews of prd_1" in hydrated.text("sumeru-widget")
    assert hydrated.page.locator("sumeru-widget").count() == 1
    assert said(hydrated) == []


def test_events_reach_the_latest_property_and_end_with_the_element(hydrated: Shopfront) -> None:
    page = hydrated.page
    page.click("#again")
    page.get_by_text("Rendered 1").wait_for()
    page.evaluate("heard.length = 0; window.host = document.querySelector('sumeru-widget')")
    tell = "host.dispatchEvent(new CustomEvent('sumeru:ready', { bubbles: true, composed: true, detail: {} }))"
    page.evaluate(tell)
    assert page.evaluate("heard") == [1]
    page.click("#none")
    page.locator("sumeru-widget").wait_for(state="detached")
    page.evaluate(tell)
    assert page.evaluate("heard") == [1]
    assert said(hydrated) == []


def test_a_hundred_mounts_leave_nothing(hydrated: Shopfront) -> None:
    page = hydrated.page

    def counted() -> dict[str, int]:
        session = page.context.new_cdp_session(page)
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        counters: dict[str, int] = session.send("Memory.getDOMCounters")
        session.detach()
        return counters

    def mount(times: int) -> None:
        for _ in range(times):
            for id in ("prd_2", "none"):
                page.evaluate(
                    "(id) => new Promise((done) => { document.getElementById(id).click(); setTimeout(done) })", id
                )
        hydrated.fence()

    mount(10)
    before = counted()
    mount(100)
    after = counted()
    assert after["jsEventListeners"] - before["jsEventListeners"] < 20
    assert after["nodes"] - before["nodes"] < 100
    assert said(hydrated) == []
