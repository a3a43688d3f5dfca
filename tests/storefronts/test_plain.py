"""The plain storefront in Chromium: static HTML on its own origin, against the demo's widget server."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.test_axe import serious
from tests.browser.test_forms import A_PERSONS_PACE_MS, PATH, answer, arrived, fill
from tests.browser.visiting import COUNT_SHIFTS, EXPECTED_422, WIDTHS, Facts, Visitor, ready, warm, widget
from tests.storefronts.plain_host import OWN_PATH, PAGES, PlainHost, own_path, plain
from tests.widgets.demo_runs import Run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Which requests had come, and how heavy they were, when the first widget was on the page.
RECORDER = """
addEventListener('sumeru:ready', (event) => {
  window.first ||= performance.getEntriesByType('resource')
    .filter((entry) => /\\/(embed|w)\\//.test(entry.name) && entry.responseEnd)
    .reduce((sum, entry) => ({ requests: sum.requests + 1, bytes: sum.bytes + entry.transferSize, ms: Math.round(performance.now()) }),
      { requests: 0, bytes: 0, ms: 0 });
}, true);
"""
SHOWN = {
    "product": ("reviews", ".sw-review"),
    "collection": ("product_feed", ".sw-card"),
    "cart": ("upsell", "[part=offer]"),
    "quiz": ("quiz", ".sw-option"),
    "friends": ("referral", "form"),
}
Open = Callable[..., Visitor]


@pytest.fixture(scope="module")
def shop(demo: Run, facts: Facts) -> Iterator[PlainHost]:
    for number in range(len(PATH) + 1):
        warm(facts, "quiz", quiz_id="quiz_gift", answers=";".join(f"{name}:{value}" for name, value in PATH[:number]))
    for number in range(1, 9):
        warm(facts, "rating_badge", product_id=f"prd_{number}")
    warm(facts, "product_feed", collection="packs", limit="12")
    with plain(demo, facts) as host:
        yield host


@pytest.fixture
def visit(browser: Browser, facts: Facts, shop: PlainHost) -> Iterator[Open]:
    contexts: list[BrowserContext] = []

    def open_tab(width: int = 1280, *, scripts: bool = True) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
        context.add_init_script(COUNT_SHIFTS + RECORDER)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context, {**facts, "storefront": shop.origin})

    yield open_tab
    for context in contexts:
        context.close()


def shown(page: Page, name: str) -> None:
    kind, part = SHOWN.get(name, SHOWN["product"])
    place = widget(page, kind)
    place.scroll_into_view_if_needed()
    expect(place.locator(part).first).to_be_visible()


def requests(page: Page, facts: Facts) -> list[dict[str, Any]]:
    """What the page asked the widget server for: address below it, and bytes over the network."""
    found: list[dict[str, Any]] = page.evaluate(
        "(base) => performance.getEntriesByType('resource').filter((entry) => entry.name.startsWith(base))"
        ".map((entry) => ({ path: entry.name.slice(base.length), bytes: entry.transferSize }))",
        facts["widgets"],
    )
    return found


def kinds(page: Page, facts: Facts) -> list[str]:
    return [re.split(r"[?]", each["path"])[0].rpartition("/")[2] for each in requests(page, facts)]


def test_twenty_navigations(visit: Open, facts: Facts, capsys: pytest.CaptureFixture[str]) -> None:
    tab = visit()
    page = tab.goto("/product.html")
    rows = []
    for number in range(20):
        name = PAGES[number % len(PAGES)]
        if number:
            page.get_by_role("navigation").get_by_role("link", name=name.title()).click()
        shown(page, name)
        tab.settle()
        asked = kinds(page, facts)
        most = {"v1.js": 1, "batch": 1, "live": 1} if name in ("quiz", "cart", "friends") else {"v1.js": 1, "batch": 1}
        assert set(asked) <= set(most), asked
        assert asked.count("v1.js") == 1
        assert asked.count("live") <= 1
        # One request for what is near the window; a page read to its end may need one more.
        assert asked.count("batch") <= 2, asked
        if number < len(PAGES):
            rows.append((name, page.evaluate("window.first")))
    assert tab.said == []
    with capsys.disabled():
        print("\nuntil the first widget is on the page:")
        for name, first in rows:
            print(f"  {name:<11}{first['requests']:>3} requests{first['bytes']:>7} bytes{first['ms']:>6} ms")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*PAGES, "server"])
def test_nothing_moves(visit: Open, name: str, width: int) -> None:
    tab = visit(width)
    page = tab.goto(f"/{name}.html")
    tab.scroll_to_the_end()
    shown(page, name)
    assert tab.shifted == 0 if name == "server" else tab.shifted <= 0.01, tab.shifted
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.said == []


def test_the_second_visit_costs_nothing(visit: Open, facts: Facts) -> None:
    tab = visit()
    for _visit in range(2):
        page = tab.goto("/product.html")
        shown(page, "product")
        tab.settle()
    assert kinds(page, facts).count("v1.js") == 1
    assert [each["bytes"] for each in requests(page, facts) if not each["path"].endswith(".jpg")] == [0, 0]


@pytest.mark.parametrize("name", ["pinned", "strict", "server"])
def test_other_ways_to_embed(visit: Open, facts: Facts, name: str) -> None:
    tab = visit()
    page = tab.goto(f"/{name}.html")
    reviews = ready(page, "reviews")
    expect(widget(page, "rating_badge").locator(".sw-badge")).to_be_visible()
    address = page.url
    reviews.get_by_role("link", name="Next").click()
    expect(reviews.get_by_role("link", name="Previous")).to_be_visible()
    expect(reviews.locator("h3")).to_be_focused()
    assert page.url == address
    loader = "loader.js" if name == "pinned" else "v1.js"
    expected = [loader, "batch"] if name == "server" else [loader, "batch", "batch"]
    assert kinds(page, facts) == expected
    assert tab.said == []


def test_a_path_on_the_storefront(visit: Open, demo: Run, facts: Facts, shop: PlainHost) -> None:
    with own_path(demo, facts, shop.origin + OWN_PATH):
        tab = visit()
        page = tab.goto("/own/product.html")
        reviews = ready(page, "reviews")
        address = page.url
        reviews.get_by_role("link", name="Next").click()
        expect(reviews.get_by_role("link", name="Previous")).to_be_visible()
        assert (page.url, requests(page, facts)) == (address, [])
        reviews.get_by_role("link", name="Write a review").click()
        expect(reviews.get_by_role("textbox", name="Your review")).to_be_visible()
        assert page.url == address
        # And without scripts: the whole page, its style sheet and what it leads to.
        tab = visit(scripts=False)
        page = tab.goto("/own/product.html")
        page.get_by_role("link", name="Read the reviews").click()
        page.get_by_role("link", name="Next").click()
        expect(page.get_by_role("link", name="Previous")).to_be_visible()
        assert page.url.startswith(shop.origin + OWN_PATH)
        assert page.evaluate("[...document.styleSheets].every((sheet) => sheet.cssRules.length)")
        assert requests(page, facts) == []
        assert tab.said == []


def test_a_preloaded_batch_is_the_loaders_own_request(visit: Open, facts: Facts) -> None:
    tab = visit()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url) if "/w/v1/" in request.url else None)
    page = tab.goto("/preload.html")
    ready(page, "reviews")
    tab.settle()
    assert len(page.evaluate("performance.getEntriesByType('resource').filter((each) => /batch/.test(each.name))")) == 1
    assert set(asked) == {page.locator("link[rel=preload]").evaluate("(link) => link.href")}
    assert tab.said == []


def test_scripts_of_the_page(visit: Open) -> None:
    tab = visit()
    tab.page.add_init_script("addEventListener('sumeru:ready', () => (window.times = (window.times ?? 0) + 1), true)")
    page = tab.goto("/scripts.html")
    offers = ready(page, "upsell")
    offers.locator("[data-add]").first.click()
    expect(page.locator("#count")).to_have_text("1")
    assert page.url.endswith("/scripts.html")
    page.wait_for_function("window.times >= 2 && window.sumeru.pixel")
    assert [each for each in kinds(page, tab.facts) if each == "events"] == []  # without consent nothing is sent
    assert tab.said == []


def test_the_pages_style_sheet_reaches_widgets(visit: Open) -> None:
    title = ready(visit().goto("/product.html"), "reviews").locator("[part~=title]").first
    assert "Georgia" in title.evaluate("(el) => getComputedStyle(el).fontFamily")


def test_a_changed_script_does_not_run(visit: Open) -> None:
    tab = visit()
    tab.page.route(
        "**/loader.js", lambda route: route.fulfill(body="window.bad = 1", headers={"access-control-allow-origin": "*"})
    )
    page = tab.goto("/pinned.html")
    expect(page.get_by_role("link", name="Read the reviews")).to_be_visible()
    assert page.evaluate("window.bad") is None


def test_offline(visit: Open) -> None:
    tab = visit()
    page = tab.goto("/product.html")
    reviews = ready(page, "reviews")
    first = reviews.locator(".sw-review").first.inner_text()
    tab.context.set_offline(True)
    page.evaluate("document.querySelector('sumeru-widget[type=reviews]').setAttribute('page', '3')")
    page.wait_for_function("document.querySelector('sumeru-widget[type=reviews]').matches(':state(error)')")
    expect(page.get_by_role("link", name="Read the reviews")).to_be_visible()
    tab.context.set_offline(False)
    page.evaluate("sumeru.refresh(document.querySelector('sumeru-widget[type=reviews]'))")
    expect(reviews.locator(".sw-review").first).not_to_have_text(first)


def fails(status: int, body: str = "") -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body=body, headers={"access-control-allow-origin": "*"})


@pytest.mark.parametrize(
    ("pattern", "how", "told"),
    [
        ("**/embed/**", lambda route: route.abort("blockedbyclient"), False),
        ("**/w/v1/**", lambda route: route.abort("blockedbyclient"), True),
        ("**/w/v1/**", fails(429, '{"error": {"code": "rate_limited"}}'), True),
        ("**/w/v1/**", fails(500, "Traceback"), True),
        ("**/w/v1/**", fails(200, "<html>captive portal</html>"), True),
        ("**/w/v1/**", lambda route: None, False),
    ],
    ids=["loader blocked", "data blocked", "429", "500", "garbage", "never"],
)
def test_the_fallback_stays(visit: Open, pattern: str, how: Callable[[Route], None], told: bool) -> None:
    """``told``: the page hears of it by an event, after the second try."""
    tab = visit()
    errors: list[str] = []
    tab.page.on("pageerror", lambda error: errors.append(str(error)))
    tab.page.add_init_script("addEventListener('sumeru:error', () => (window.failed = true), true)")
    tab.page.route(pattern, how)
    page = tab.page
    page.goto(f"{tab.facts['storefront']}/product.html")
    if told:
        page.wait_for_function("window.failed")
    link = page.get_by_role("link", name="Read the reviews")
    expect(link).to_be_visible()
    expect(page.get_by_role("heading", name="Product")).to_be_visible()
    address = link.get_attribute("href") or ""
    page.unroute(pattern)
    page.goto(address)  # where the link leads; the widget may fill itself as soon as it can
    expect(page.locator(".sw-review").first).to_be_visible()
    assert errors == []


@pytest.mark.parametrize("policy", ["require-corp", "credentialless"])
def test_isolated_pages(visit: Open, policy: str) -> None:
    tab = visit()
    page = tab.goto(f"/product.html?coep={policy}")
    shown(page, "product")
    reviews = ready(page, "reviews")
    reviews.get_by_role("link", name="Next").click()
    expect(reviews.get_by_role("link", name="Previous")).to_be_visible()
    # Pictures come from hosts of others, which must agree when the page demands it.
    assert [line for line in tab.said if not (policy == "require-corp" and "/media/" in line)] == []


def test_reading_without_scripts(visit: Open, facts: Facts) -> None:
    tab = visit(360, scripts=False)
    page = tab.goto("/product.html")
    tab.follow(page.get_by_role("link", name="Read the reviews"))
    expect(page.locator(".sw-review")).to_have_count(10)
    tab.follow(page.get_by_role("link", name="Next"))
    expect(page.get_by_role("link", name="Previous")).to_be_visible()
    page.locator("select[name=rating]").select_option("5")
    tab.follow(page.get_by_role("button", name="Apply"))
    expect(page.locator(".sw-hist a[aria-current]")).to_have_count(1)
    page = tab.goto("/server.html")
    expect(page.locator(".sw-review")).to_have_count(10)
    assert tab.said == []


def test_writing_a_review_without_scripts(visit: Open, facts: Facts) -> None:
    text = f"From a plain page {uuid.uuid4().hex}"
    tab = visit(360, scripts=False)
    page = tab.goto("/product.html")
    tab.follow(page.get_by_role("link", name="Read the reviews"))
    tab.follow(page.get_by_role("link", name="Write a review"))
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    fill(page.locator("form[method=post]"), text)
    tab.follow(page.get_by_role("button", name="Send review"))
    assert "sumeru_result=reviews%3Apending" in page.url
    arrived(facts, text)
    assert [line for line in tab.said if EXPECTED_422 not in line] == []


def test_the_quiz_without_scripts(visit: Open, facts: Facts) -> None:
    tab = visit(scripts=False)
    page = tab.goto("/quiz.html")
    tab.follow(page.get_by_role("link", name="Start the quiz"))
    for labels in (
        ["Somebody who is always outside"],
        ["Honest rain"],
        ["Warm light", "A good scent"],
        ["A proper present"],
    ):
        answer(tab, page, *labels)
        tab.settle()
    expect(page.get_by_role("heading", name="These fit you")).to_be_visible()
    assert tab.said == []


def test_a_referral_without_scripts(visit: Open, facts: Facts) -> None:
    tab = visit(scripts=False)
    page = tab.goto("/friends.html")
    tab.follow(page.get_by_role("link", name="Check a friend"))
    page.get_by_label("A friend's code").fill("NOSUCHCODE")
    tab.follow(page.get_by_role("button", name="Check"))
    expect(page.get_by_role("status").first).to_contain_text("NOSUCHCODE")
    assert tab.said == []


def test_the_overlay_finds_nothing_wrong_and_says_what_is(visit: Open, facts: Facts) -> None:
    tab = visit(360)
    page = tab.goto("/product.html")
    shown(page, "product")
    page.evaluate("(src) => import(src)", f"{facts['widgets']}embed/debug.js")
    panel = page.locator("sumeru-debug")
    expect(panel.get_by_role("status")).to_have_text("2 widgets, 0 errors, 0 other findings")
    expect(panel.locator("tbody tr")).to_have_count(2)
    expect(panel.locator("tbody td").nth(1)).to_have_text("fresh")
    assert serious(page) == []
    assert tab.said == []
    page.evaluate("document.querySelector('sumeru-widget').removeAttribute('product-id')")
    expect(panel.locator("li")).to_contain_text("missing_parameter")
