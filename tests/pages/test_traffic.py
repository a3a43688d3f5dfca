"""What goes over the network for a page: requests, connections, preflights, bytes; and what a second visit costs."""

from __future__ import annotations

from typing import Any

import brotli
import pytest
from playwright.sync_api import expect

from tests.loader.stub_hosts import Answer, Seen
from tests.pages.conftest import BADGES
from tests.pages.shopper import BADGE, NEAR, REVIEWS, SEVEN, Shopper
from widgets.http import embed

pytestmark = [pytest.mark.browser]

A_PERSONS_PACE_MS = 2_200
ALL_BADGES = "".join(f"<sumeru-widget type=rating-badge product-id={product}></sumeru-widget> " for product in BADGES)


def test_the_loader_and_the_first_view_are_small(shopper: Shopper) -> None:
    script = embed.loader()
    assert len(script.br) <= 2_400
    assert len(script.gzip) <= 2_800
    shopper.open(REVIEWS)
    shopper.heard("ready")
    sizes: list[int] = shopper.page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => /v1.js|batch/.test(e.name)).map((e) => e.encodedBodySize)"
    )
    assert len(sizes) == 2
    assert 0 < sum(sizes) <= 6_000


def test_seven_widgets_are_two_requests_and_the_script(shopper: Shopper) -> None:
    shopper.open(NEAR + SEVEN)
    ready = shopper.heard("ready", 7)
    assert {event["type"] for event in ready} == {
        "rating_badge", "reviews", "bundles", "ab_experiment", "product_feed", "upsell", "cart_nudge"
    }  # fmt: skip
    shopper.fence()
    assert sorted(shopper.passage.names) == ["batch", "live", "v1.js"]
    assert shopper.said == []


def test_a_grid_of_badges_is_one_short_request(shopper: Shopper) -> None:
    page = shopper.open(f"<div style='font-size:10px;line-height:12px'>{ALL_BADGES}</div>")
    shopper.heard("ready", len(BADGES))
    expect(page.locator(".sw-badge")).to_have_count(len(BADGES))
    shopper.fence()
    (batch,) = shopper.passage.of("batch")
    assert batch.keys == sorted(f"rating_badge?locale=en&product_id={product}" for product in BADGES)
    assert len(batch.query) < 4_000  # most that the server and every CDN take


@pytest.mark.xfail(
    strict=True, reason="each key repeats the page's language, which one parameter of the request could say"
)
def test_the_request_of_a_grid_is_shorter_than_2_kb(shopper: Shopper) -> None:
    shopper.open(f"<div style='font-size:10px;line-height:12px'>{ALL_BADGES}</div>")
    shopper.heard("ready", len(BADGES))
    (batch,) = shopper.passage.of("batch")
    assert len(f"{shopper.passage.origin}{batch.path}?{batch.query}") < 2_000


def test_a_journey_is_one_connection_without_preflights(shopper: Shopper) -> None:
    """Load, page, events, submission. Over HTTP/1.1 one connection means that none was of another kind than the script's."""
    page = shopper.open(REVIEWS, head=shopper.tag() + shopper.tag("/embed/pixel.js", 'data-consent="granted"'))
    shopper.heard("ready")
    page.wait_for_function("window.sumeru?.pixel")
    ports_of_scripts = {seen.port for seen in shopper.passage.log if seen.path.endswith(".js")}
    reviews = shopper.widget("reviews")
    reviews.get_by_role("link", name="Next").click()
    shopper.heard("page")
    page.evaluate("for (let n = 0; n < 25; n++) sumeru.track('step', {n})")
    with page.expect_response("**/events") as told:
        pass
    assert told.value.status == 202
    reviews.get_by_role("link", name="Write a review").click()
    shopper.heard("page", 2)
    form = reviews.locator("form[method=post]")
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    form.locator("label[for=sw-r4]").click()
    form.get_by_label("Your review").fill("Dry all day.")
    form.get_by_label("Your name").fill("Nora Shopper")
    form.get_by_label("Your e-mail").fill("nora@shopper.example")
    form.get_by_role("button", name="Send review").click()
    shopper.heard("submit")
    assert {"v1.js", "pixel.js", "batch", "events", "reviews"} <= set(shopper.passage.names)
    assert {seen.method for seen in shopper.passage.log} == {"GET", "POST"}
    # The two scripts are asked for at the same moment, so that over HTTP/1.1 each has its own; nothing later opens another.
    assert shopper.passage.ports == ports_of_scripts
    assert shopper.said == []


def old(seen: Seen) -> dict[str, str]:
    """As a CDN says that its copy is past its time, and may still be shown while one asks again."""
    return {"Age": "301" if seen.path.endswith(".js") else "61"}


SIZES = "performance.getEntriesByType('resource').filter((e) => /v1.js|batch/.test(e.name)).map((e) => e.transferSize)"


def test_the_second_visit_asks_nothing(shopper: Shopper) -> None:
    shopper.serve(BADGE + REVIEWS, path="/second")
    shopper.open(BADGE + REVIEWS)
    shopper.heard("ready", 2)
    shopper.passage.log.clear()
    page = shopper.goto("/second")
    shopper.heard("ready", 2)
    shopper.shows("reviews", ".sw-review")
    assert page.evaluate(SIZES) == [0, 0]
    assert shopper.passage.log == []


def test_a_stale_visit_does_not_wait_for_a_slow_server(shopper: Shopper) -> None:
    shopper.passage.more_headers = old
    shopper.serve(REVIEWS, path="/second")
    shopper.open(REVIEWS)
    shopper.heard("ready")
    shopper.passage.log.clear()
    shopper.passage.holds = lambda seen: True
    shopper.goto("/second")
    shopper.heard("ready")
    shopper.shows("reviews", ".sw-review")  # while nothing has been answered
    asked = [seen.headers.get("if-none-match", "") for seen in shopper.passage.log]
    assert asked, "the stale copies are asked for again behind the page"
    assert all(asked)
    assert shopper.said == []


@pytest.mark.parametrize("answer", [Answer("busy", 503), Answer(reset=True)], ids=["503", "reset"])
def test_a_stale_visit_does_not_need_the_server(shopper: Shopper, answer: Answer) -> None:
    shopper.passage.more_headers = old
    shopper.serve(REVIEWS, path="/second")
    shopper.open(REVIEWS)
    shopper.heard("ready")
    shopper.passage.log.clear()
    shopper.passage.instead = lambda seen: answer
    shopper.goto("/second")
    shopper.heard("ready")
    shopper.shows("reviews", ".sw-review")


def test_a_revalidation_costs_no_body(shopper: Shopper) -> None:
    """What is past its time and unchanged is confirmed by headers alone, for the script and for the widgets."""
    answers: list[int] = []
    shopper.page.on("response", lambda response: answers.append(response.status))
    shopper.passage.more_headers = old
    shopper.open(REVIEWS)
    shopper.heard("ready")
    for name in ("v1.js", "batch"):
        seen, *_ = shopper.passage.of(name)  # the browser may have asked again behind the page
        first = shopper.context.request.get(f"{shopper.passage.origin}{seen.path}?{seen.query}", headers=_plain(seen))
        again = shopper.context.request.get(
            f"{shopper.passage.origin}{seen.path}?{seen.query}",
            headers={**_plain(seen), "if-none-match": first.headers["etag"]},
        )
        assert (first.status, again.status, again.body()) == (200, 304, b"")


def _plain(seen: Seen) -> dict[str, Any]:
    return {name: seen.headers[name] for name in ("accept-encoding", "origin") if name in seen.headers}


def test_what_is_sent_is_compressed(shopper: Shopper) -> None:
    shopper.open(REVIEWS)
    shopper.heard("ready")
    sizes = shopper.page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => /v1.js|batch/.test(e.name))"
        ".map((e) => [e.encodedBodySize, e.decodedBodySize])"
    )
    assert len(sizes) == 2
    assert all(encoded < decoded / 1.7 for encoded, decoded in sizes), sizes
    assert sizes[0][0] == len(brotli.compress(embed.loader().identity, quality=11))


@pytest.mark.parametrize("second", ["same", "pinned"])
def test_two_loaders_are_one(shopper: Shopper, second: str) -> None:
    script = embed.loader()
    other = (
        shopper.tag()
        if second == "same"
        else shopper.tag(f"/embed/{script.hash}/loader.js", f'integrity="{script.integrity}"')
    )
    shopper.open(NEAR + BADGE + REVIEWS, head=shopper.tag() + other)
    shopper.heard("ready", 2)
    shopper.page.wait_for_load_state("load")
    shopper.fence()
    assert len(shopper.passage.of("batch")) == 1
    assert sorted(event["id"] for event in shopper.heard("ready") if event["id"]) == ["badge", "reviews"]
    assert len(shopper.heard("loaded")) == 1
    assert shopper.said == []
