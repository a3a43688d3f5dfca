"""Servers that hang, fail, reset or are not ready yet; items that are empty or broken."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Answer, Item, Seen

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a id=fallback href='/reviews'>Read</a></sumeru-widget>"
CORS = {"Access-Control-Allow-Origin": "*"}


def test_loader_hangs(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = lambda seen: Answer(hang=True)
    shopfront.serve(REVIEWS)
    page = shopfront.page
    page.goto(shopfront.store.origin, wait_until="domcontentloaded")
    assert page.locator("#fallback").is_visible()
    assert page.evaluate("performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart") < 2000


@pytest.mark.parametrize(
    "answer",
    [Answer('{"error": {"code": "busy"}}', 503, headers=CORS), Answer("busy", 503), Answer(reset=True)],
    ids=["503", "opaque", "reset"],
)
@pytest.mark.parametrize("recovers", [True, False])
def test_one_retry(shopfront: Shopfront, answer: Answer, recovers: bool) -> None:
    """Calls of ``fetch`` are counted, because Chromium itself repeats a request whose kept-alive connection was reset."""
    shopfront.context.add_init_script(
        "window.calls = 0; const real = fetch;"
        "window.fetch = (url, ...rest) => { calls += !url.includes('fence'); return real(url, ...rest); };"
    )
    fails_until = [float("inf")]

    def failing(seen: Seen) -> Answer | None:
        if not seen.path.endswith("/batch") or seen.keys == ["fence"]:
            return None
        if recovers:
            # The pause before the second try is half a second or more.
            fails_until[0] = min(fails_until[0], time.monotonic() + 0.25)
        return answer if time.monotonic() < fails_until[0] else None

    shopfront.widgets.tampering = failing
    shopfront.serve(REVIEWS)
    page = shopfront.page
    page.goto(shopfront.store.origin)
    if recovers:
        shopfront.wait_events("ready")
    else:
        (event,) = shopfront.wait_events("error")
        assert event["error"]["message"]
        assert page.locator("#fallback").is_visible()
        assert page.evaluate("document.querySelector('#r').matches(':state(error)')")
    shopfront.fence()
    assert page.evaluate("calls") == 2
    assert [line for line in shopfront.complaints if "Failed to load" not in line and "CORS" not in line] == []


def test_a_refusal_is_not_tried_again(shopfront: Shopfront) -> None:
    body = '{"error": {"code": "unknown_shop", "message": "No such shop."}}'
    shopfront.widgets.next_answers = [Answer(body, 404, "application/json", CORS)]
    shopfront.open(REVIEWS)
    (event,) = shopfront.wait_events("error")
    assert event["error"] == {"code": "unknown_shop", "message": "No such shop."}
    shopfront.fence()
    assert len(shopfront.batches) == 1


def test_nine_seconds(shopfront: Shopfront) -> None:
    """Only the clock is faster: a request without an answer is given up, tried once more, and given up."""
    shopfront.context.add_init_script(
        "window.limits = []; const real = AbortSignal.timeout.bind(AbortSignal);"
        "AbortSignal.timeout = (ms) => { limits.push(ms); return real(ms / 60); };"
    )
    shopfront.widgets.next_answers = [Answer(hang=True)] * 2
    page = shopfront.open(REVIEWS)
    (event,) = shopfront.wait_events("error")
    assert "timed out" in event["error"]["message"]
    assert page.evaluate("limits") == [9000, 9000]
    assert page.locator("#fallback").is_visible()


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (None, None),
        ({"state": "error", "status": 404, "error": {"code": "not_found", "message": "m"}}, "not_found"),
        ({"html": "<p>no state</p>"}, None),
        ("text", None),
    ],
)
def test_one_broken_item_is_alone(shopfront: Shopfront, item: Any, code: str | None) -> None:
    shopfront.widgets.items["reviews"] = item
    page = shopfront.open(REVIEWS + "<sumeru-widget id=q type=quiz quiz-id=q1>x</sumeru-widget>")
    shopfront.wait_events("ready")
    (event,) = shopfront.wait_events("error")
    assert (event["id"], event["error"]["code"]) == ("r", code)
    assert page.locator("#fallback").is_visible()
    assert "quiz" in shopfront.text("#q")


def test_an_empty_widget_leaves_the_fallback(shopfront: Shopfront) -> None:
    shopfront.widgets.items["reviews"] = {"state": "empty", "html": ""}
    page = shopfront.open(REVIEWS)
    (event,) = shopfront.wait_events("empty")
    assert event["key"] == "reviews?product_id=prd_1"
    assert shopfront.events("ready") == []
    assert page.locator("#fallback").is_visible()


def test_an_empty_widget_with_text_shows_it(shopfront: Shopfront) -> None:
    shopfront.widgets.items["reviews"] = {"state": "empty", "html": "<p>Be the first.</p>"}
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("empty")
    assert page.get_by_text("Be the first.").is_visible()
    assert not page.locator("#fallback").is_visible()


def pending_then(shopfront: Shopfront, times: int) -> None:
    left = {"reviews": times, "quiz": times}

    def item(name: str) -> Item:
        left[name] -= 1
        if left[name] >= 0:
            return {"state": "pending", "retry_after_s": 0.2}
        return {"state": "ready", "html": "<p>there</p>"}

    shopfront.widgets.items["reviews"] = lambda: item("reviews")
    shopfront.widgets.items["quiz"] = lambda: item("quiz")


def test_pending_is_asked_again_together(shopfront: Shopfront) -> None:
    pending_then(shopfront, 2)
    page = shopfront.open(REVIEWS + "<sumeru-widget type=quiz quiz-id=q1>x</sumeru-widget>")
    shopfront.wait_events("ready", 2)
    both = ["quiz?quiz_id=q1", "reviews?product_id=prd_1"]
    assert shopfront.batches == [both, both, both]
    assert page.evaluate("seen.filter((e) => e.name == 'error')") == []


def test_pending_is_given_up(shopfront: Shopfront) -> None:
    pending_then(shopfront, 9)
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("error")
    assert len(shopfront.batches) == 4
    assert page.locator("#fallback").is_visible()


def test_failing_for_another_product_brings_the_fallback_back(shopfront: Shopfront) -> None:
    """What belongs to another product is worse than the plain link; a refresh that fails keeps what is there."""
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    shopfront.widgets.items["reviews"] = None
    page.evaluate("sumeru.refresh(document.querySelector('#r'))")
    shopfront.wait_events("error")
    assert "Reviews of prd_1" in shopfront.text("#r")
    page.evaluate("document.querySelector('#r').setAttribute('product-id', 'prd_2')")
    shopfront.wait_events("error", 2)
    assert shopfront.text("#r") == ""
    assert page.locator("#fallback").is_visible()
    del shopfront.widgets.items["reviews"]
    page.evaluate("sumeru.refresh(document.querySelector('#r'))")
    shopfront.wait_events("ready", 2)
    assert "Reviews of prd_2" in shopfront.text("#r")


def test_an_element_that_cannot_have_a_root(shopfront: Shopfront) -> None:
    shopfront.open("<a id=a href=/x data-sumeru-widget=quiz>Quiz</a><sumeru-widget type=quiz>x</sumeru-widget>")
    (event,) = shopfront.wait_events("error")
    assert event["id"] == "a"
    shopfront.wait_events("ready")


def test_a_listener_that_throws_stops_nothing(shopfront: Shopfront) -> None:
    page = shopfront.open(
        "<script>addEventListener('sumeru:ready', () => { throw Error('theirs') })</script>"
        + REVIEWS
        + "<sumeru-widget id=q type=quiz>x</sumeru-widget>"
    )
    shopfront.wait_events("ready", 2)
    assert "quiz" in shopfront.text("#q")
    assert page.evaluate("seen.filter((e) => e.name == 'error')") == []


def test_only_the_first_answers_are_tampered(shopfront: Shopfront) -> None:
    """The stub itself: what it was told to do once is done once."""
    shopfront.widgets.next_answers = [Answer("x", 503)]
    seen = Seen("GET", "/w/v1/shp_1/batch", "w=quiz%3F", 1, {}, "")
    assert [shopfront.widgets.answer(seen).status for _ in range(2)] == [503, 200]
