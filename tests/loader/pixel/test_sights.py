"""What the pixel notices by itself, and where."""

from __future__ import annotations

import json

import pytest

from tests.loader.pixel.pages import PART, REVIEWS, Tracked, linked, painted, valid


def test_a_visit(tracked: Tracked) -> None:
    """All that a page gives by itself, after three idle seconds."""
    page = tracked.open(
        REVIEWS
        + "<div data-sumeru-widget=rating-badge data-product-id=prd_2>"
        + PART
        + "</div><sumeru-widget type=quiz quiz-id=q1>not there yet</sumeru-widget>"
        + "<sumeru-widget id=far type=bundles product-id=prd_1 style='display:block;margin-top:3000px'>"
        + PART
        + "</sumeru-widget>",
        head="<script>window.sumeru = window.sumeru || {q: []}; sumeru.q.push((api) => api.track('sign_up', {plan: 'gold'}))</script>"
        + tracked.tag("data-consent=granted"),
    )
    tracked.until(lambda: tracked.arrivals)
    # On a slow machine something may come after the three seconds.
    tracked.until(lambda: len(tracked.sent) == 5)
    assert len(tracked.requests) <= 2
    valid(tracked)
    assert sorted(tracked.types()) == ["page_view", "product_view", "sign_up", "widget_view", "widget_view"]
    assert [event["properties"] for event in tracked.of("widget_view")] == [
        {"widget": "reviews", "product_id": "prd_1"},
        {"widget": "rating_badge", "product_id": "prd_2"},
    ]
    assert tracked.of("product_view")[0]["properties"] == {"product_id": "prd_1"}
    assert tracked.of("sign_up")[0]["properties"] == {"plan": "gold"}
    assert {event["url"] for event in tracked.sent} == {tracked.front.store.origin + "/"}
    assert len({event["id"] for event in tracked.sent}) == 5
    assert len({(event["visitor_id"], event["session_id"]) for event in tracked.sent}) == 1
    page.evaluate("document.querySelector('#far').scrollIntoView()")
    tracked.until(lambda: len(tracked.of("widget_view")) == 3)
    page.evaluate("scrollTo(0, 0)")
    painted(page)
    page.evaluate("document.querySelector('#far').scrollIntoView()")
    tracked.hide()
    assert len(tracked.of("widget_view")) == 3
    assert tracked.front.complaints == []


def test_a_block_taller_than_the_window_is_seen(tracked: Tracked) -> None:
    """A third of the window is enough; a quarter, which is also less than half of the block, is not."""
    page = tracked.open(
        "<div style='height:75vh'></div><div id=w data-sumeru-widget=product-feed style='height:500vh'>"
        + PART
        + "</div>"
    )
    painted(page)
    tracked.hide()
    assert tracked.of("widget_view") == []
    page.evaluate("scrollTo(0, innerHeight * .2)")
    tracked.until(lambda: page.evaluate("scrollY > 0"))
    painted(page)
    tracked.hide()
    assert [event["properties"] for event in tracked.of("widget_view")] == [{"widget": "product_feed"}]


def test_an_element_with_other_content_is_seen_again(tracked: Tracked) -> None:
    page = tracked.open(REVIEWS)
    tracked.hide()
    page.evaluate(
        "r.setAttribute('product-id', 'prd_2'); r.dispatchEvent(new CustomEvent('sumeru:ready', {bubbles: true, detail: {}}))"
    )
    painted(page)
    tracked.hide()
    assert [event["properties"]["product_id"] for event in tracked.of("widget_view")] == ["prd_1", "prd_2"]


def test_clicks_say_which_part_and_no_text(tracked: Tracked) -> None:
    page = tracked.open(REVIEWS + "<button id=own>Mine</button>")
    page.locator("#r a").click()
    page.locator("#deep").click()
    page.locator("#r h2").click()
    page.locator("#own").click()
    tracked.hide()
    assert [event["properties"] for event in tracked.of("widget_click")] == [
        {"widget": "reviews", "product_id": "prd_1", "part": "write", "action": "go"},
        {"widget": "reviews", "product_id": "prd_9", "part": "add big", "action": "add"},
    ]
    for text in ("Write", "now", "Mine"):
        assert text not in "".join(seen.body for seen in tracked.requests)


def test_experiments_are_exposed_once(tracked: Tracked) -> None:
    shown = '{"experiment":"hero","variant":"bold"}'
    inner = f"<template shadowrootmode=open><div part=experiment data-exposure='{shown}'><slot></slot></div></template>"
    page = tracked.open(
        f"<sumeru-widget id=a type=ab-experiment experiment=hero>{inner}<h1>Out there</h1></sumeru-widget>"
        f"<sumeru-widget type=ab-experiment experiment=hero>{inner}</sumeru-widget>"
        "<div data-sumeru-widget=ab-experiment><p part=experiment data-exposure='not json'>x</p></div>"
    )
    page.evaluate("a.dispatchEvent(new CustomEvent('sumeru:ready', {bubbles: true, composed: true, detail: {}}))")
    tracked.hide()
    assert [event["properties"] for event in tracked.of("experiment_exposure")] == [
        {"experiment": "hero", "variant": "bold"}
    ]
    assert tracked.front.complaints == []


def test_adding_to_the_cart(tracked: Tracked) -> None:
    """Also when the page's own listener, which comes later, lets nobody else hear of it."""
    page = tracked.open(REVIEWS)
    page.evaluate(
        """() => { addEventListener('sumeru:add-to-cart', (event) => event.stopImmediatePropagation(), true);
            r.dispatchEvent(new CustomEvent('sumeru:add-to-cart', {bubbles: true, composed: true,
              detail: {v: 1, type: 'bundles', key: 'bundles?product_id=prd_1&customer_token=secret',
                items: [{variant_id: '1', quantity: 2}], source: 'bundles', id: 'bun_1'}})); }"""
    )
    tracked.hide()
    (event,) = tracked.of("add_to_cart")
    items = [{"variant_id": "1", "quantity": 2}]
    assert event["properties"] == {"widget": "bundles", "items": items, "source": "bundles", "id": "bun_1"}


@pytest.mark.parametrize(
    ("attributes", "head", "told"),
    [
        ("data-product-id=prd_7", '<meta property="product:retailer_item_id" content="prd_8">', {"product_id": "prd_7"}),
        ("", '<meta property="product:retailer_item_id" content="prd_8">', {"product_id": "prd_8"}),
        ("", linked('{"@type":"Product","sku":"S1","productID":"9"}'), {"product_id": "9", "sku": "S1"}),
        ("", linked('{"@graph":[{"@type":"WebSite"},{"@type":["Product","Book"],"sku":"S1"}]}'), {"sku": "S1"}),
        ("", linked('{broken') + linked('[{"@type":"ProductGroup","productID":"4"}]'), {"product_id": "4"}),
        ("", linked('[{"@type":"Product","sku":"S1"},{"@type":"Product","sku":"S2"}]'), None),
        ("", linked('{"@type":"WebSite","name":"x"}'), None),
    ],
)  # fmt: skip
def test_which_product_the_page_is_about(
    tracked: Tracked, attributes: str, head: str, told: dict[str, str] | None
) -> None:
    tracked.open("", head=head + tracked.tag("data-consent=granted " + attributes))
    tracked.hide()
    assert [event["properties"] for event in tracked.of("product_view")] == ([told] if told else [])
    assert tracked.front.complaints == []


def test_pages_without_loads(tracked: Tracked) -> None:
    page = tracked.open("<main>one</main>")
    origin = tracked.front.store.origin
    page.evaluate("history.pushState(0, '', '/two?a=1#part'); document.querySelector('main').textContent = 'two'")
    tracked.until(lambda: len(tracked.of("page_view")) == 2, hiding=True)
    page.evaluate("location.hash = 'other'; document.querySelector('main').textContent = 'two still'")
    page.evaluate("history.replaceState(0, '', '/three'); sumeru.track('early')")
    tracked.hide()
    page.go_back()
    page.wait_for_url("**/two?a=1#part")
    tracked.hide()
    views = [
        (event["url"].removeprefix(origin), event["referrer"].removeprefix(origin)) for event in tracked.of("page_view")
    ]
    assert views == [("/", ""), ("/two?a=1", "/"), ("/three", "/two?a=1"), ("/two?a=1", "/three")]
    assert tracked.of("early")[0]["url"] == origin + "/three"
    valid(tracked)


@pytest.mark.bfcache
def test_a_page_that_comes_back_from_the_cache(tracked: Tracked) -> None:
    page = tracked.open("<p>one</p>")
    tracked.front.serve("", path="/next", head="")
    page.evaluate("addEventListener('pageshow', (e) => { window.restored = e.persisted })")
    page.goto(tracked.front.store.origin + "/next")
    page.evaluate("history.back()")
    page.wait_for_function("window.restored")
    tracked.hide()
    assert tracked.types() == ["page_view", "page_view"]


@pytest.mark.parametrize(
    "path",
    [
        "/p?email=joe%40x.example&b=2",
        "/p?email=joe@x.example&b=2",
        "/p?e=joe%2540x.example&b=2",
        "/p?m=ask+joe.b%2Bc@x.example+now&b=2",
        "/joe@x.example/p?b=2#joe@x.example",
        "/p?b=2&next=" + "/a" * 1100 + "?joe@x.example",
    ],
)
def test_no_mail_address_and_no_endless_url(tracked: Tracked, path: str) -> None:
    tracked.front.serve("", head=tracked.tag("data-consent=granted"), path=path.partition("?")[0])
    tracked.page.goto(
        tracked.front.store.origin + path, referer=tracked.front.store.origin + "/from?email=joe@x.example&b=2"
    )
    tracked.page.wait_for_function("window.sumeru?.pixel")
    tracked.hide()
    assert len(tracked.sent) == 1
    for name in ("url", "referrer"):
        told = tracked.sent[0][name]
        assert "joe" not in told
        assert "#" not in told
        assert "b=2" in told
        assert len(told) <= 2048
    valid(tracked)


@pytest.mark.parametrize(
    "referrer", ["android-app://com.example.mail/", "http://intranet/a", "https://my_blog.example/"]
)
def test_an_address_that_the_server_refuses_spoils_no_batch(tracked: Tracked, referrer: str) -> None:
    tracked.page.add_init_script(f"Object.defineProperty(document, 'referrer', {{get: () => {json.dumps(referrer)}}})")
    tracked.open()
    tracked.hide()
    assert tracked.sent[0]["referrer"] == ""
    valid(tracked)


@pytest.mark.parametrize("consent", ["granted", "denied", ""])
def test_the_page_hears_of_a_widget_that_is_seen_whatever_may_be_sent(tracked: Tracked, consent: str) -> None:
    """Once for each content of an element, from the element itself; it says what the widget is about and nothing of the visitor."""
    listen = (
        "<script>window.views = []; addEventListener('sumeru:view', (event) => "
        "views.push([event.target.id, event.composed, JSON.parse(JSON.stringify(event.detail))]))</script>"
    )
    page = tracked.open(
        REVIEWS + "<div style='height:3000px'></div><div id=far data-sumeru-widget=rating-badge data-product-id=prd_2>"
        f"{PART}</div>",
        head=listen + tracked.tag(f"data-consent={consent}" if consent else ""),
    )
    first = ["r", True, {"v": 1, "widget": "reviews", "product_id": "prd_1"}]
    page.wait_for_function("views.length")
    assert page.evaluate("views") == [first]
    page.evaluate("far.scrollIntoView()")
    page.wait_for_function("views.length == 2")
    page.evaluate("scrollTo(0, 0)")
    painted(page)
    page.evaluate(
        "r.setAttribute('product-id', 'prd_3'); r.dispatchEvent(new CustomEvent('sumeru:ready', {bubbles: true, detail: {}}))"
    )
    page.wait_for_function("views.length == 3")
    assert page.evaluate("views") == [
        first,
        ["far", True, {"v": 1, "widget": "rating_badge", "product_id": "prd_2"}],
        ["r", True, {"v": 1, "widget": "reviews", "product_id": "prd_3"}],
    ]
    assert tracked.front.complaints == []
