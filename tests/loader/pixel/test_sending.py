"""How events leave: batches, beacons, failures, and other scripts on the page."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import brotli
import pytest
from playwright.sync_api import Route

from tests.loader.pixel.pages import BEACONS, CORS, PIXEL, REVIEWS, Tracked, painted, valid
from tests.loader.stub_hosts import LOADER, Answer


def test_leaving_sends_a_beacon(tracked: Tracked) -> None:
    tracked.page.add_init_script(BEACONS)
    page = tracked.open()
    tracked.front.serve("", path="/next", head="")
    page.evaluate("addEventListener('pagehide', () => { document.title; localStorage.counted = beacons })")
    page.evaluate("sumeru.track('last', {a: 1})")
    page.goto(tracked.front.store.origin + "/next")
    tracked.until(lambda: "last" in tracked.types())
    assert sorted(tracked.types()) == ["last", "page_view"]  # on a busy machine the first may have left by itself
    assert page.evaluate("localStorage.counted") == "1"
    valid(tracked)


def test_a_refused_beacon_is_fetched(tracked: Tracked) -> None:
    tracked.page.add_init_script("navigator.sendBeacon = () => false")
    page = tracked.open()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true}); dispatchEvent(new Event('visibilitychange'))"
    )
    tracked.until(lambda: tracked.requests)
    assert tracked.types() == ["page_view"]
    valid(tracked)


def test_twenty_do_not_wait(tracked: Tracked) -> None:
    page = tracked.open()
    tracked.hide()
    page.evaluate("for (let n = 0; n < 20; n++) sumeru.track('step', {n})")
    tracked.until(lambda: len(tracked.of("step")) == 20)
    assert len(tracked.arrivals) == 2
    assert tracked.arrivals[1] - datetime.fromisoformat(tracked.of("step")[0]["occurred_at"]).timestamp() < 2.5


def test_a_burst_becomes_few_requests_within_the_limits(tracked: Tracked) -> None:
    page = tracked.open()
    small = page.evaluate("[...Array(250).keys()].filter((n) => sumeru.track('small', {n})).length")
    tracked.until(lambda: len(tracked.of("small")) == small == 250)
    assert len(tracked.requests) <= 4
    large = page.evaluate(
        "[...Array(100).keys()].filter((n) => sumeru.track('large', {n, text: 'ä'.repeat(600)})).length"
    )
    tracked.until(lambda: len(tracked.of("large")) == large == 100)
    ids = [event["id"] for event in tracked.sent]
    assert len(ids) == len(set(ids))
    valid(tracked)


def test_a_refused_request_is_tried_once_more(tracked: Tracked) -> None:
    page = tracked.open()
    tracked.hide()
    tracked.answer = lambda seen: Answer("", 503, headers=CORS)
    page.evaluate("for (let n = 0; n < 20; n++) sumeru.track('step', {n})")
    tracked.until(lambda: len(tracked.requests) == 3)
    first, second = (sorted(event["id"] for event in json.loads(seen.body)["events"]) for seen in tracked.requests[1:])
    assert first == second
    tracked.answer = lambda seen: Answer("", 202, headers=CORS)
    page.evaluate("sumeru.track('fresh')")
    tracked.until(lambda: tracked.of("fresh"))
    assert len(tracked.of("step")) == 2 * 20


def test_a_blocker_is_no_trouble(tracked: Tracked) -> None:
    """Nothing is thrown, and what waits is bounded."""
    errors: list[str] = []
    tracked.page.on("pageerror", lambda error: errors.append(str(error)))
    tracked.page.add_init_script("addEventListener('unhandledrejection', () => { window.unhandled = true })")
    asked: list[str] = []

    def block(route: Route) -> None:
        asked.append(route.request.url)
        route.abort("blockedbyclient")

    tracked.page.route("**/events", block)
    page = tracked.open(REVIEWS)
    taken = page.evaluate("[...Array(5000).keys()].filter((n) => sumeru.track('step', {n})).length")
    assert taken < 500
    tracked.until(lambda: len(asked) >= 2)
    page.locator("#r a").click()
    tracked.hide()
    assert errors == []
    assert not page.evaluate("window.unhandled")
    assert tracked.requests == []


def test_a_policy_that_forbids_it_is_no_trouble(tracked: Tracked) -> None:
    tracked.front.widgets.items.clear()
    policy = f"default-src 'self'; script-src {tracked.front.widgets.origin}; connect-src 'none'"
    page = tracked.open("", headers={"Content-Security-Policy": policy})
    page.evaluate("sumeru.track('step')")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true}); dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_function("refused.length > 0")
    assert tracked.requests == []
    assert page.evaluate("sumeru.track('more')")


@pytest.mark.parametrize(
    ("properties", "taken"),
    [
        ("undefined", True),
        ("{}", True),
        ("{a: null, b: [1, {c: true}], d: new Date(0), e: () => 1, f: NaN, g: undefined}", True),
        ("{a: {b: {c: {d: {e: 1}}}}}", True),
        ("{a: {b: {c: {d: {}}}}}", True),
        ("{a: {b: {c: {d: {e: {}}}}}}", False),
        ("{a: {b: {c: {d: [[1]]}}}}", False),
        ("{a: {b: {c: {d: {e: [], f: 1}}}}}", False),
        ("{a: {b: {c: {d: {e: 'x]'}}}}}", True),
        ("{a: [[[['[]', '{}']]]]}", True),
        ("{text: 'x'.repeat(4000)}", True),
        ("{text: 'x'.repeat(4096)}", False),
        ("{text: 'ä'.repeat(675)}", True),
        ("{text: '€'.repeat(440)}", True),
        ("{text: '😀'.repeat(337)}", True),
        ("{text: '\\ud800'.repeat(500)}", True),
        ("{text: '😀'.repeat(700)}", False),
        ("{list: Array(900).fill(1)}", False),
        ("{list: Array(250).fill(1)}", True),
        ("{a: 1e300, b: -0, c: 5e-324, d: 2 ** 70}", True),
        ("null", False),
        ("[1]", False),
        ("'text'", False),
        ("7", False),
        ("(() => { const a = {}; a.a = a; return a; })()", False),
        ("{get a() { throw Error('mine'); }}", False),
        ("{a: 1n}", False),
    ],
)
def test_what_is_taken_is_what_the_server_takes(tracked: Tracked, properties: str, taken: bool) -> None:
    page = tracked.open()
    assert page.evaluate(f"!!sumeru.track('custom.kind:a-b_9', {properties})") is taken
    tracked.hide()
    assert len(tracked.of("custom.kind:a-b_9")) == taken
    valid(tracked)


@pytest.mark.parametrize("kind", ["''", "'Sign Up'", "'9'", "'a'.repeat(65)", "undefined", "null", "{}", "'a\\n'"])
def test_a_kind_that_is_none(tracked: Tracked, kind: str) -> None:
    page = tracked.open()
    refused = page.evaluate(f"!sumeru.track({kind})")
    tracked.hide()
    valid(tracked)
    assert refused
    assert tracked.types() == ["page_view"]


def test_two_pixels_are_one(tracked: Tracked) -> None:
    tag = tracked.tag("data-consent=granted")
    page = tracked.open("", head=tag + tag.replace("/embed/", "/embed/0123456789abcdef/"))
    tracked.until(lambda: tracked.front.widgets.count("/pixel.js") == 2)
    page.wait_for_load_state("load")
    page.evaluate("sumeru.track('once')")
    tracked.hide()
    assert tracked.types() == ["page_view", "once"]


@pytest.mark.parametrize("first", [True, False])
def test_with_the_loader(tracked: Tracked, first: bool) -> None:
    """In either order: one object with both interfaces, and the loader's widgets are seen."""
    slow = "**/v1.js" if first else "**/pixel.js"
    held: list[Any] = []
    tracked.page.route(slow, lambda route: held.append(route))
    tracked.front.serve(
        "<sumeru-widget id=w type=quiz quiz-id=q1></sumeru-widget>",
        head="<script>window.tell = (...all) => window.sumeru?.pixel ? sumeru.track(...all)"
        " : addEventListener('sumeru:pixel', () => sumeru.track(...all), {once: true}); tell('sign_up')</script>"
        + tracked.tag("data-consent=granted", loader=True, first=first),
    )
    tracked.page.goto(tracked.front.store.origin, wait_until="commit")
    tracked.page.wait_for_function("window.sumeru && (sumeru.pixel || sumeru.v)")
    tracked.page.evaluate("(sumeru.q ||= []).push((api) => { window.given = api })")
    tracked.until(lambda: held)
    held[0].continue_()
    tracked.page.wait_for_function("window.sumeru.pixel && sumeru.v && window.given === sumeru")
    tracked.front.wait_events("ready")
    painted(tracked.page)
    tracked.page.evaluate("tell('later'); sumeru.q.push((api) => api.track('queued'))")
    tracked.until(lambda: "queued" in tracked.types(), hiding=True)
    assert sorted(tracked.types()) == ["later", "page_view", "queued", "sign_up", "widget_view"]
    assert tracked.of("widget_view")[0]["properties"] == {"widget": "quiz", "quiz_id": "q1"}
    assert (
        tracked.page.evaluate("[typeof sumeru.mount, typeof sumeru.refresh, typeof sumeru.consent]") == ["function"] * 3
    )
    assert tracked.front.complaints == []
    valid(tracked)


def test_a_prerendered_page_waits(tracked: Tracked) -> None:
    tracked.page.add_init_script(
        "window.early = true; Object.defineProperty(document, 'prerendering', {get: () => early, configurable: true})"
    )
    page = tracked.open(REVIEWS)
    page.evaluate("sumeru.consent('granted'); sumeru.track('step')")
    tracked.hide()
    assert tracked.requests == []
    assert tracked.stored() == [[], 0, "", 0]
    page.evaluate("early = false; document.dispatchEvent(new Event('prerenderingchange'))")
    painted(page)
    tracked.hide()
    assert sorted(tracked.types()) == ["page_view", "product_view", "step", "widget_view"]


def test_size_and_manifest() -> None:
    data = PIXEL.read_bytes()
    assert len(brotli.compress(data, quality=11)) <= 2400
    facts = json.loads((LOADER.parent / "manifest.json").read_text())["pixel"]
    assert facts["file"] == PIXEL.name
    assert facts["bytes"] == len(data)
    assert facts["hash"] == hashlib.sha256(data).hexdigest()[:16]
    assert facts["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()
