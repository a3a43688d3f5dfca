"""The Next.js storefront, built for production and driven in Chromium under its strict Content-Security-Policy."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.visiting import SECRETS, Facts, warm
from tests.storefronts.touring import ROOT, Tourist, build, heap, serving, table
from tests.widgets.demo_runs import Run, eventually

FOLDER = ROOT / "tests" / "storefronts" / "nextjs"
PRODUCTS = {
    "prd_1001": "Tarn Daypack 22 L",
    "prd_1005": "Corrie Daypack 22 L",
    "prd_1002": "Ember Enamel Mug",
    "prd_1006": "Bothy Enamel Mug",
}

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Shop:
    """Where everything is."""

    storefront: str
    facts: Facts
    build_s: float


@pytest.fixture(scope="module")
def shop(demo: Run, facts: Facts, origins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    node = shutil.which("node")
    assert node
    next_ = [node, "node_modules/next/dist/bin/next"]
    quiet = {"NEXT_TELEMETRY_DISABLED": "1"}
    build_s = build(FOLDER, ".next", [*next_, "build"], quiet)
    storefront = origins["nextjs"]
    for name in ("reviews", "rating_badge", "bundles"):
        for product in PRODUCTS:
            warm(facts, name, product_id=product)
    warm(facts, "quiz", quiz_id="quiz_gift")
    environment = {
        **quiet,
        "WIDGETS_URL": facts["widgets"].rstrip("/"),
        "WIDGETS_SHOP": facts["shop"],
        "WIDGETS_TIMEOUT_MS": "10000",  # these tests are about what happens in time; the machine may be busy
        "PHOTOS_URL": facts["sandbox"].rstrip("/"),
        "SUMERU_CUSTOMER_SECRET": (demo.folder / "customer_secret").read_text(encoding="ascii"),
    }
    command = [*next_, "start", "-H", "127.0.0.1", "-p", storefront.rpartition(":")[2]]
    with serving(FOLDER, command, storefront, environment, tmp_path_factory.mktemp("nextjs") / "log"):
        yield Shop(storefront, facts, build_s)


@pytest.fixture
def tour(browser: Browser, shop: Shop) -> Iterator[Callable[..., Tourist]]:
    contexts: list[BrowserContext] = []

    def begin(*, scripts: bool = True, width: int = 1280) -> Tourist:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Tourist(context, shop.storefront, shop.facts["widgets"])

    yield begin
    for context in contexts:
        context.close()


def link(path: str) -> str:
    return f'a[href="{path}"]'


def to_product(tourist: Tourist, product: str) -> None:
    tourist.follow(link(f"/products/{product}"), PRODUCTS[product])


def test_twenty_client_navigations(tour: Callable[..., Tourist], shop: Shop) -> None:
    tourist = tour()
    page = tourist.goto("/products/prd_1001")
    document = page.evaluate("performance.timeOrigin")
    expected = {"prd_1001": tourist.text("reviews")}
    assert "327" in expected["prd_1001"]
    stops = [
        *[("product", each) for each in ("prd_1005", "prd_1002", "prd_1006", "prd_1001")],
        ("/collections/packs", "Packs"), ("product", "prd_1001"), ("product", "prd_1002"), ("/quiz", "Which gift?"), ("/cart", "Cart"),
        ("/collections/camp", "Camp"), ("product", "prd_1006"), ("product", "prd_1001"), ("/cart", "Cart"), ("/", "Shop"),
        ("/collections/packs", "Packs"), ("product", "prd_1005"), ("product", "prd_1001"), ("/quiz", "Which gift?"),
        ("/collections/camp", "Camp"), ("product", "prd_1002"),
    ]  # fmt: skip
    assert len(stops) == 20
    for kind, name in stops:
        since = len(tourist.requests)
        if kind == "product":
            to_product(tourist, name)
            badge = page.locator("sumeru-widget[type=rating_badge]").first
            assert badge.get_attribute("product-id") == name
            reviews = page.locator("sumeru-widget[type=reviews]")
            reviews.scroll_into_view_if_needed()
            eventually(
                lambda reviews=reviews: reviews.evaluate("(el) => el.matches(':state(ready)')"),
                20,
                f"reviews of {name}",
            )
            shown = tourist.text("reviews")
            assert expected.setdefault(name, shown) == shown
            assert reviews.count() == 1
        else:
            tourist.follow(f"nav {link(kind)}", name)
        loads = tourist.loads(since)
        assert loads["v1.js"] == 0
        assert max(tourist.asked(since).values(), default=0) <= 1, tourist.asked(since)
    assert len(set(expected.values())) == len(expected) == 4
    assert page.evaluate("performance.timeOrigin") == document
    assert tourist.loads()["v1.js"] == 1
    watched = tourist.watched()
    print(
        table(
            "Next.js, 20 client navigations",
            [
                ("requests to the widget server", dict(tourist.loads())),
                ("layout shift, whole tour", f"{watched['shifted']:.4f}"),
                ("long tasks (ms)", watched["long"]),
                ("build (s; 0 = as before)", f"{shop.build_s:.1f}"),
            ],
        )
    )
    assert tourist.said == []


def test_documents_bring_their_widgets(tour: Callable[..., Tourist]) -> None:
    tourist = tour()
    first = tourist.visit("/products/prd_1001")
    assert tourist.loads() == {"v1.js": 1}
    second = tourist.visit("/products/prd_1001")
    assert second.widget_bytes == 0
    collection = tourist.visit("/collections/packs")
    assert tourist.page.locator("sumeru-widget[type=rating_badge]").count() == 2
    assert tourist.loads()["batch"] == 0
    rows = [
        (f"{name}: {what}", getattr(counted, what))
        for name, counted in (("first visit", first), ("second visit", second), ("collection", collection))
        for what in ("requests", "bytes", "widget_bytes", "until_painted", "painted_ms")
    ]
    print(table("Next.js, documents", [*rows, ("layout shift", f"{tourist.watched()['shifted']:.4f}")]))
    assert tourist.said == []


@pytest.mark.parametrize("width", [360, 1280])
def test_server_html_moves_nothing(tour: Callable[..., Tourist], width: int) -> None:
    tourist = tour(width=width)
    tourist.goto("/products/prd_1001")
    assert tourist.watched()["shifted"] == 0
    assert tourist.said == []


def test_without_scripts(tour: Callable[..., Tourist]) -> None:
    tourist = tour(scripts=False)
    tourist.page.goto(tourist.storefront + "/products/prd_1001")
    reviews = tourist.page.locator("sumeru-widget[type=reviews]")
    reviews.get_by_role("heading", name="Customer reviews").wait_for()
    color = reviews.locator("section").first.evaluate("(el) => getComputedStyle(el).display")
    assert color
    tourist.page.goto(tourist.storefront + "/quiz")
    tourist.page.locator("sumeru-widget[type=quiz]").get_by_role("button").first.wait_for()


def test_structured_data_once_and_in_the_document_only(tour: Callable[..., Tourist]) -> None:
    tourist = tour()
    page = tourist.goto("/products/prd_1001")
    script = page.locator("script[type='application/ld+json']")
    assert script.count() == 1
    assert (
        page.evaluate("JSON.parse(document.querySelector('[type=\"application/ld+json\"]').textContent)['@type']")
        == "Product"
    )
    to_product(tourist, "prd_1002")
    assert script.count() == 0
    assert tourist.said == []


def test_a_widget_fills_the_storefronts_cart(tour: Callable[..., Tourist]) -> None:
    tourist = tour()
    page = tourist.goto("/products/prd_1001")
    bundles = page.locator("sumeru-widget[type=bundles]")
    bundles.scroll_into_view_if_needed()
    eventually(lambda: bundles.evaluate("(el) => el.matches(':state(ready)')"), 20, "bundles are ready")
    bundles.locator("[data-add]").first.click()
    eventually(lambda: page.locator("#cart-count").inner_text() != "0", 10, "the cart was filled")
    page.get_by_role("button", name="Add to cart").click()
    tourist.follow("nav " + link("/cart"), "Cart")
    assert page.evaluate("location.pathname") == "/cart"
    nudge = page.locator("sumeru-widget[type=cart_nudge]")
    eventually(lambda: nudge.evaluate("(el) => el.matches(':state(ready)')"), 20, "the nudge is ready")
    assert tourist.loads()["live"] >= 1
    assert tourist.said == []


def test_back_to_a_page_that_came_as_a_document(tour: Callable[..., Tourist]) -> None:
    tourist = tour()
    page = tourist.goto("/products/prd_1001")
    before = tourist.text("reviews")
    to_product(tourist, "prd_1002")
    page.go_back()
    page.get_by_role("heading", level=1, name=PRODUCTS["prd_1001"]).wait_for()
    page.locator("sumeru-widget[type=reviews]").scroll_into_view_if_needed()
    eventually(lambda: tourist.text("reviews") == before, 20, "the first product's reviews are back")
    assert tourist.said == []


def test_nothing_is_left_after_a_hundred_mounts(tour: Callable[..., Tourist]) -> None:
    tourist = tour()
    tourist.goto("/products/prd_1001")
    pair = ("prd_1002", "prd_1001")
    for product in pair * 5:
        to_product(tourist, product)
    before = heap(tourist.page)
    for product in pair * 50:
        tourist.page.locator(link(f"/products/{product}")).first.click()
        tourist.page.get_by_role("heading", level=1, name=PRODUCTS[product], exact=True).wait_for()
    tourist.settle()
    after = heap(tourist.page)
    rows = [(name, f"{before[name]} → {after[name]}") for name in before]
    print(table("Next.js, 100 navigations between two products", rows))
    assert after["listeners"] - before["listeners"] < 100
    assert after["nodes"] - before["nodes"] < 1_000
    assert after["bytes"] - before["bytes"] < 2_000_000
    assert tourist.said == []


def test_a_signed_in_customer_sees_what_is_theirs(tour: Callable[..., Tourist], shop: Shop) -> None:
    tourist = tour()
    tourist.goto("/friends")
    assert "Sign in to get your own link" in tourist.text("referral")
    tourist.context.add_cookies([{"name": "customer", "value": "cus_1", "url": shop.storefront}])
    tourist.goto("/friends")
    assert "Sign in to get your own link" not in tourist.text("referral")
    assert "Your code:" in tourist.text("referral")
    assert tourist.said == []


def test_the_first_party_path_serves_browsers_and_is_no_open_proxy(shop: Shop) -> None:
    key = shop.facts["shop"]

    def status(path: str) -> int:
        try:
            with urllib.request.urlopen(f"{shop.storefront}/sumeru/{path}", timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    badge = f"w/v1/{key}/rating_badge.json?product_id=prd_1001"
    assert status("embed/v1.js") == status(badge) == 200
    refused = ("admin/", "metrics", "w/v1/shp_other/reviews.json", f"w/v1/{key}/../../../admin/")
    assert [status(path) for path in refused] == [404] * len(refused)


def test_no_credential_in_what_browsers_get(shop: Shop) -> None:
    served = [path for path in (FOLDER / ".next" / "static").rglob("*") if path.is_file()]
    assert len(served) > 5
    for path in served:
        text = path.read_bytes()
        assert not any(secret.encode() in text for secret in SECRETS), path
        assert b"createHmac" not in text, path
