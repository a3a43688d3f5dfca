"""What a page costs: requests, bytes of URL, connections, preflights, visits, layout."""

from __future__ import annotations

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import Item

SEVEN = ("reviews", "rating-badge", "bundles", "upsell", "quiz", "product-feed", "pixel-note")
IN_VIEW = "style='display:block;height:40px;overflow:hidden'"


def test_seven_widgets_in_view_are_one_batch(shopfront: Shopfront) -> None:
    hosts = "".join(f"<sumeru-widget {IN_VIEW} type='{name}' product-id='prd_1'>…</sumeru-widget>" for name in SEVEN)
    shopfront.open(hosts)
    ready = shopfront.wait_events("ready", 7)
    shopfront.fence()
    assert shopfront.batches == [sorted(f"{name.replace('-', '_')}?product_id=prd_1" for name in SEVEN)]
    assert shopfront.widgets.count("/embed/v1.js") == 1
    assert {event["type"] for event in ready} == {name.replace("-", "_") for name in SEVEN}
    assert all(event["v"] == 1 and event["composed"] for event in ready)
    assert shopfront.page.get_by_text("Reviews of prd_1, page 1").is_visible()
    assert shopfront.complaints == []


def test_private_widgets_go_to_live_and_not_into_the_batch(shopfront: Shopfront) -> None:
    answers: list[Item] = [{"state": "live"}, {"state": "ready", "html": "<p>yours</p>"}]
    shopfront.widgets.items["upsell"] = lambda: answers.pop(0)
    shopfront.open(
        f"<sumeru-widget {IN_VIEW} type=reviews product-id=prd_1></sumeru-widget>"
        f"<sumeru-widget {IN_VIEW} type=cart-nudge cart-total=1200 live></sumeru-widget>"
        f"<sumeru-widget id=u {IN_VIEW} type=upsell product-id=prd_1></sumeru-widget>"
    )
    shopfront.wait_events("ready", 3)
    shopfront.fence()
    assert shopfront.batches == [["reviews?product_id=prd_1", "upsell?product_id=prd_1"]]
    assert sorted(seen.keys for seen in shopfront.widgets.ending("/live")) == [
        ["cart_nudge?cart_total=1200"],
        ["upsell?product_id=prd_1"],
    ]
    assert shopfront.text("#u") == "yours"


def badges(count: int, product: str = "prd_{}") -> str:
    return "".join(
        f"<div data-sumeru-widget='rating-badge' data-product-id='{product.format(n)}'>★</div>" for n in range(count)
    )


def test_48_badges_are_one_short_request(shopfront: Shopfront) -> None:
    shopfront.open(f"<div style='line-height:8px'>{badges(48)}</div>")
    shopfront.wait_events("ready", 48)
    shopfront.fence()
    (batch,) = [seen for seen in shopfront.widgets.ending("/batch") if seen.keys != ["fence"]]
    assert len(batch.keys) == 48
    assert batch.keys == sorted(batch.keys)
    assert len(shopfront.widgets.origin + batch.path + "?" + batch.query) < 2000


def test_equal_widgets_are_asked_once(shopfront: Shopfront) -> None:
    shopfront.open(badges(5, "prd_7"))
    shopfront.wait_events("ready", 5)
    shopfront.fence()
    assert shopfront.batches == [["rating_badge?product_id=prd_7"]]


def test_what_is_too_much_for_one_request_is_split(shopfront: Shopfront) -> None:
    shopfront.open(f"<div style='font-size:1px;line-height:1px'>{badges(130)}</div>")
    shopfront.wait_events("ready", 130)
    assert max(len(keys) for keys in shopfront.batches) <= 60
    assert sum(len(keys) for keys in shopfront.batches) == 130

    long = "gid://shopify/Product/" + "9" * 150 + "{}"
    shopfront.widgets.log.clear()
    shopfront.open(f"<div style='font-size:1px;line-height:1px'>{badges(40, long)}</div>")
    shopfront.wait_events("ready", 40)
    asked = [seen for seen in shopfront.widgets.ending("/batch") if seen.keys != ["fence"]]
    assert max(len(seen.query) for seen in asked) <= 4000
    assert sorted(key for seen in asked for key in seen.keys)[0] == (
        "rating_badge?product_id=gid%3A%2F%2Fshopify%2FProduct%2F" + "9" * 150 + "0"
    )


def test_the_language_of_the_place_is_the_locale(shopfront: Shopfront) -> None:
    shopfront.open(
        "<main lang=de><sumeru-widget type=quiz quiz-id=q1>x</sumeru-widget>"
        "<sumeru-widget type=quiz quiz-id=q2 locale=fr>x</sumeru-widget></main>"
        "<sumeru-widget type=quiz quiz-id=q3 data-foo=1 unknown=1>x</sumeru-widget>"
    )
    shopfront.wait_events("ready", 3)
    assert shopfront.batches == [["quiz?locale=de&quiz_id=q1", "quiz?locale=fr&quiz_id=q2", "quiz?quiz_id=q3"]]


def test_one_connection_and_no_preflight(shopfront: Shopfront) -> None:
    shopfront.open("<sumeru-widget type=reviews product-id=prd_1>x</sumeru-widget>")
    shopfront.wait_events("ready")
    page = shopfront.page
    page.get_by_role("link", name="Next").click()
    shopfront.wait_events("page")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("submit")
    assert {seen.method for seen in shopfront.widgets.log} == {"GET", "POST"}
    assert len({seen.port for seen in shopfront.widgets.log}) == 1


def test_the_second_visit_asks_nothing(shopfront: Shopfront) -> None:
    shopfront.widgets.cache_control = "public, max-age=300"
    body = "<sumeru-widget id=r type=reviews product-id=prd_1>x</sumeru-widget>"
    shopfront.serve(body, path="/second")
    shopfront.open(body)
    shopfront.wait_events("ready")
    before = len(shopfront.widgets.log)
    shopfront.page.goto(shopfront.store.origin + "/second")
    shopfront.wait_events("ready")
    assert "Reviews of prd_1" in shopfront.text("#r")
    assert len(shopfront.widgets.log) == before
    sizes = shopfront.page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => /embed|batch/.test(e.name)).map((e) => e.transferSize)"
    )
    assert sizes == [0, 0]


def test_nothing_moves_when_space_is_reserved(shopfront: Shopfront) -> None:
    tall = "<div style='height:2100px'>tall</div>"
    shopfront.widgets.items["bundles"] = {"state": "ready", "html": tall}
    below = "".join(
        f"<sumeru-widget style='display:block;min-height:2200px' type='{name}'>x</sumeru-widget>" for name in SEVEN[2:]
    )
    badge = "<span data-sumeru-widget=rating-badge data-product-id=prd_1 style='{}'></span>"
    shopfront.open(
        f"<h1>Lamp {badge.format('display:inline-block;height:1.2em;vertical-align:top')}</h1>"
        "<sumeru-widget style='display:block;min-height:600px' type=reviews product-id=prd_1>x</sumeru-widget>"
        f"{below}<p id=end>end</p>"
    )
    page = shopfront.page
    page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => { shift += e.value; }))
            .observe({type: 'layout-shift', buffered: true}); }"""
    )
    page.evaluate(
        """async () => { while (scrollY + innerHeight < document.documentElement.scrollHeight - 1) {
            scrollBy(0, 500); await new Promise((r) => requestAnimationFrame(() => setTimeout(r, 20))); } }"""
    )
    shopfront.wait_events("ready", 7)
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    assert page.evaluate("shift") == 0


def test_a_widget_far_below_waits(shopfront: Shopfront) -> None:
    shopfront.open(
        "<sumeru-widget type=quiz quiz-id=q1>x</sumeru-widget><div style='height:5000px'></div>"
        "<sumeru-widget id=far type=quiz quiz-id=q2>x</sumeru-widget>"
    )
    shopfront.wait_events("ready")
    shopfront.fence()
    assert shopfront.batches == [["quiz?quiz_id=q1"]]
    shopfront.page.locator("#far").scroll_into_view_if_needed()
    shopfront.wait_events("ready", 3)
    assert shopfront.batches == [["quiz?quiz_id=q1"], ["quiz?quiz_id=q2"]]


def test_base_of_a_proxy_and_of_data_api(shopfront: Shopfront) -> None:
    """A first-party proxy keeps its path prefix, and ``data-api`` is stronger than the script's address."""
    origin = shopfront.widgets.origin
    body = "<sumeru-widget type=quiz>x</sumeru-widget>"
    for attributes, expected in (
        (f"src='{origin}/apps/embed/sumeru/embed/v1.js?a=1' data-shop=shp_9", "/apps/embed/sumeru/w/v1/shp_9/batch"),
        (f"src='{origin}/embed/0123abcd/loader.js' data-shop=shp_9", "/w/v1/shp_9/batch"),
        (f"src='{origin}/embed/v1.js' data-shop=shp_9 data-api='{origin}/other/w/'", "/other/w/batch"),
    ):
        shopfront.widgets.log.clear()
        shopfront.open(body, head=f"<script async crossorigin {attributes}></script>")
        shopfront.wait_events("ready")
        assert [seen.path for seen in shopfront.widgets.ending("/batch")] == [expected]
