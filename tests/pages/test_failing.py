"""Networks and servers that fail under the real widgets: hanging, resetting, blocked; and the back button."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.loader.stub_hosts import Answer, Seen
from tests.pages.shopper import NEAR, REVIEWS, SEVEN, Shopper

pytestmark = [pytest.mark.browser]


def data(seen: Seen) -> bool:
    return seen.path.startswith("/w/")


def test_a_script_that_never_comes_holds_nothing_up(shopper: Shopper) -> None:
    """The page's own content is all there, and complete, while the script hangs."""
    shopper.passage.holds = lambda seen: seen.path.endswith(".js")
    shopper.serve(REVIEWS + "<script>window.end = true</script>")
    page = shopper.goto(wait_until="domcontentloaded")
    assert page.evaluate("[window.end, document.readyState, typeof sumeru]") == [True, "interactive", "undefined"]
    expect(page.locator("#fallback")).to_be_visible()
    shopper.passage.release.set()
    shopper.heard("ready")  # and when it comes after all, it works
    shopper.shows("reviews", ".sw-review")


@pytest.mark.parametrize("answer", [Answer("busy", 503), Answer(reset=True)], ids=["503", "reset"])
def test_widgets_that_cannot_be_had_are_asked_for_twice(shopper: Shopper, answer: Answer) -> None:
    """Calls of ``fetch`` are counted, because Chromium itself repeats a request whose kept-alive connection was reset."""
    shopper.context.add_init_script(
        "window.calls = []; const real = fetch; window.fetch = (url, ...rest) => { calls.push(url); return real(url, ...rest); }"
    )
    shopper.passage.instead = lambda seen: answer if data(seen) else None
    page = shopper.open(REVIEWS)
    (event,) = shopper.heard("error")
    assert event["id"] == "reviews"
    expect(page.locator("#fallback")).to_be_visible()
    calls = page.evaluate("calls")
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert [line for line in shopper.said if line.startswith("exception")] == []


def test_one_failing_kind_of_answer_leaves_the_others(shopper: Shopper) -> None:
    """What belongs to one visitor fails; what is everybody's is there."""
    shopper.passage.instead = lambda seen: Answer("busy", 503) if seen.path.endswith("/live") else None
    shopper.open(NEAR + SEVEN)
    assert {event["id"] for event in shopper.heard("error", 3)} == {"test", "upsell", "nudge"}
    assert {event["id"] for event in shopper.heard("ready", 4)} == {"badge", "reviews", "bundles", "feed"}


@pytest.mark.parametrize("what", ["script", "data"])
def test_what_a_blocker_stops_leaves_the_links(shopper: Shopper, what: str) -> None:
    pattern = "**/embed/**" if what == "script" else "**/w/v1/**"
    shopper.page.route(pattern, lambda route: route.abort("blockedbyclient"))
    page = shopper.open(REVIEWS)
    if what == "data":
        shopper.heard("error")
    page.wait_for_load_state("load")
    expect(page.locator("#fallback")).to_be_visible()
    assert [seen for seen in shopper.passage.log if data(seen)] == []
    assert [line for line in shopper.said if line.startswith("exception")] == []


def test_offline_in_the_middle_of_reading(shopper: Shopper) -> None:
    """What is on the page stays; a page that cannot be had leads where the link leads, unless the storefront prevents it."""
    page = shopper.open(REVIEWS)
    shopper.heard("ready")
    page.evaluate("addEventListener('sumeru:error', (event) => event.preventDefault())")
    first = shopper.widget("reviews").locator(".sw-review").first.inner_text()
    shopper.context.set_offline(True)
    shopper.widget("reviews").get_by_role("link", name="Next").click()
    shopper.heard("error")
    assert shopper.widget("reviews").locator(".sw-review").first.inner_text() == first
    shopper.context.set_offline(False)
    shopper.widget("reviews").get_by_role("link", name="Next").click()
    shopper.heard("page")
    expect(shopper.widget("reviews").locator(".sw-review").first).not_to_have_text(first)


@pytest.mark.bfcache
def test_back_is_instant_and_asks_only_for_what_lives(shopper: Shopper) -> None:
    shopper.serve("<p>Elsewhere</p>", path="/other", head="")
    page = shopper.open(NEAR + SEVEN)
    shopper.heard("ready", 7)
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; })")
    shopper.goto("/other")
    shopper.passage.log.clear()
    page.evaluate("history.back()")
    page.wait_for_function("window.persisted === true")
    shopper.heard("ready", 10)
    assert shopper.passage.names == ["live"]
    shopper.shows("reviews", ".sw-title")
    assert shopper.said == []


def test_a_thousand_widgets_leave_nothing(shopper: Shopper) -> None:
    """Mounted and removed again: neither nodes nor memory grow with their number."""
    page = shopper.open("<div id=place style='font-size:8px;line-height:8px'></div>")
    shopper.heard("loaded")
    session = shopper.context.new_cdp_session(page)
    page.evaluate(
        """() => { window.rounds = async (count) => { for (let n = 0; n < count; n++) {
            const done = new Promise((resolve) => { let left = 50;
              window.onReady = () => --left || resolve(); addEventListener('sumeru:ready', onReady); });
            place.innerHTML = [...Array(50).keys()].map((i) => i % 2
              ? `<sumeru-widget type=rating-badge product-id=prd_${i % 10 + 21}></sumeru-widget>`
              : `<span data-sumeru-widget=rating-badge data-product-id=prd_${i % 10 + 21}></span>`).join(' ');
            await done; removeEventListener('sumeru:ready', onReady); delete window.onReady;
          } place.innerHTML = ''; heard.length = 0; }; }"""
    )

    def left() -> tuple[int, int]:
        for _ in range(3):
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"], session.send("Memory.getDOMCounters")["nodes"]

    page.evaluate("rounds(4)")
    heap, nodes = left()
    page.evaluate("rounds(20)")
    heap_after, nodes_after = left()
    assert heap_after - heap < 200_000
    assert nodes_after - nodes < 100
