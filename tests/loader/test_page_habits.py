"""What pages do to widgets without meaning to, one habit a test: the list of those that once broke something, or would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import LOADER, SHOP, Answer
from tests.widgets.fragments import call_of
from tests.widgets.test_reviews import ReviewSource, full_review
from widgets.catalog.reviews import Reviews
from widgets.http import rendering

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a href='/reviews'>Read</a></sumeru-widget>"
TEMPLATES = Path(__file__).parents[2] / "templates"
MODULES = Path(__file__).parents[1] / "browser" / "node_modules"
ROOT = "document.querySelector('#r').shadowRoot"


def with_overlay(front: Shopfront, body: str, **serve: str) -> Page:
    front.serve(body, **serve)
    front.page.goto(front.store.origin + "/?sumeru-debug")
    return front.page


# -- Template engines read the page's own HTML

RUNS = "constructor.constructor('window.pwn=1')()"
WRITTEN = f"a {{{{ {RUNS} }}}} b [[ {RUNS} ]] c ${{ {RUNS} }} d"
ENGINES = {
    "Vue": ("vue/dist/vue.global.prod.js", "Vue.createApp({}).mount('#app')"),
    "Vue with other delimiters": (
        "vue/dist/vue.global.prod.js",
        "const app = Vue.createApp({}); app.config.compilerOptions.delimiters = ['[[', ']]']; app.mount('#app')",
    ),
    "petite-vue": ("petite-vue/dist/petite-vue.iife.js", "PetiteVue.createApp({}).mount('#app')"),
    "AngularJS": ("angular/angular.min.js", "angular.bootstrap(document.querySelector('#app'), [])"),
    "Alpine": (
        "alpinejs/dist/cdn.min.js",
        "document.querySelector('#app').setAttribute('x-data', '{}'); Alpine.initTree(document.querySelector('#app'))",
    ),
}


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.skipif(not (MODULES / "vue").exists(), reason="npm ci has not been run in tests/browser")
def test_a_template_engine_runs_over_the_page(shopfront: Shopfront, engine: str, light: bool) -> None:
    """What a shopper wrote is shown as it was written, in texts, names, attributes and structured data."""
    author = replace(full_review().author, name=f"Ann {WRITTEN}")
    media = tuple(replace(each, alt=WRITTEN) for each in full_review().media)
    written = replace(full_review(), title=WRITTEN, body=WRITTEN, author=author, media=media)
    rendered = rendering.render(Reviews(), call_of(Reviews(), product_id="prd_1"), ReviewSource([written]))  # type: ignore[arg-type]
    assert rendered.state == "ready"
    html = rendering.element(rendered, "", light=light).replace("https://cdn.example", shopfront.store.origin)
    source, start = ENGINES[engine]
    shopfront.store.pages["/engine.js"] = Answer((MODULES / source).read_bytes(), content_type="text/javascript")
    page = shopfront.open(
        f"<div id=app>{html}</div><p id=own v-text ng-bind>own</p><script src=/engine.js></script>", head=""
    )
    page.evaluate(start)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate("window.pwn") is None
    if light:
        heading = page.locator("[part=review] h4")
        assert heading.text_content() == WRITTEN
        assert page.locator("[part=author] bdi").first.text_content() == f"Ann {WRITTEN}"
        assert page.locator("[part=photo] img").first.get_attribute("alt") == WRITTEN
    ld = page.evaluate("JSON.parse(document.querySelector('[type*=ld]')?.textContent ?? 'null')")
    # Vue takes every script out of what it compiles.
    assert ld is None or ld["review"][0]["reviewBody"] == WRITTEN


# -- Tag managers rewrite the script's element


def test_a_tag_manager_keeps_nothing_but_the_address(shopfront: Shopfront) -> None:
    src = f"{shopfront.widgets.origin}/embed/v1.js?shop={SHOP}"
    head = f'<script>document.head.append(Object.assign(document.createElement("script"), {{src: "{src}"}}))</script>'
    shopfront.open(REVIEWS, head=head)
    shopfront.wait_events("ready")
    assert shopfront.batches == [["reviews?product_id=prd_1"]]


@pytest.mark.parametrize("data", [f'data-shop=" {SHOP} "', f'data-api="/w/v1/{SHOP}"', 'data-api="{base}//"'])
def test_people_type_more_or_less_than_was_meant(shopfront: Shopfront, data: str) -> None:
    tag = shopfront.script.replace(f'data-shop="{SHOP}"', data.format(base=shopfront.widgets.base))
    shopfront.open(REVIEWS, head=tag)
    shopfront.wait_events("ready")
    assert [seen.path for seen in shopfront.widgets.ending("/batch")] == [f"/w/v1/{SHOP}/batch"]


def test_a_script_that_lost_its_shop_says_so_and_asks_nothing(shopfront: Shopfront) -> None:
    page = with_overlay(shopfront, REVIEWS, head=shopfront.script.replace(f'data-shop="{SHOP}"', ""))
    expect(page.locator("sumeru-debug").locator("li", has_text="· no_shop:")).to_be_visible()
    assert shopfront.complaints == ["Sumeru: no data-shop"]
    assert [seen.path for seen in shopfront.widgets.log if "/w/" in seen.path] == []
    expect(page.get_by_role("link", name="Read")).to_be_visible()


def test_a_bundler_makes_every_script_a_module(shopfront: Shopfront) -> None:
    shopfront.open(REVIEWS, head=shopfront.script.replace("<script", '<script type="module"'))
    shopfront.wait_events("ready")
    assert shopfront.complaints == []


# -- Attributes


def test_every_parameter_is_an_attribute_and_a_slip_is_named(shopfront: Shopfront) -> None:
    body = (
        "<sumeru-widget type=product_feed layout=carousel in-stock=1 query='a b' limit=4 colour=red>x</sumeru-widget>"
    )
    page = with_overlay(shopfront, body)
    shopfront.wait_events("ready")
    assert shopfront.batches == [["product_feed?in_stock=1&layout=carousel&limit=4&query=a+b"]]
    named = page.locator("sumeru-debug").locator("li", has_text="· unknown_attribute:")
    expect(named).to_have_count(1)
    expect(named).to_contain_text("colour")


def test_ids_of_any_kind(shopfront: Shopfront) -> None:
    wanted = "gid://shopify/Product/1?a=b&c#d {{x}} ü%2F"
    page = shopfront.open("")
    shopfront.wait_events("loaded")
    page.evaluate(
        """(id) => { const el = document.createElement('sumeru-widget'); el.id = 'r'; el.setAttribute('type', 'reviews');
             el.setAttribute('product-id', id); document.body.append(el); }""",
        wanted,
    )
    shopfront.wait_events("ready")
    assert f"Reviews of {wanted}, page 1" in shopfront.text("#r")


# -- A translator changes the page's language and wraps its texts


def test_a_translator_passes_over_the_page(shopfront: Shopfront) -> None:
    page = shopfront.open(f"<main lang=en><h1>Jacket</h1>{REVIEWS}</main>")
    shopfront.wait_events("ready")
    page.evaluate(
        """() => { document.documentElement.lang = 'auto'; document.documentElement.className = 'translated-ltr';
             const h1 = document.querySelector('h1'); h1.innerHTML = '<font><font>Jacke</font></font>';
             document.querySelector('#r a').innerHTML = '<font>Lesen</font>'; }"""
    )
    page.evaluate("sumeru.refresh(document.querySelector('#r'))")
    shopfront.wait_events("ready", 2)
    assert "Reviews of prd_1" in shopfront.text("#r")
    assert shopfront.complaints == []


# -- A half-written form

FORM = (
    "<form data-keep data-post method=post action='{base}reviews'><h3 tabindex=-1 data-focus>Write</h3><textarea name=body></textarea>"
    "<a data-go href='{base}reviews?product_id=prd_1'>Cancel</a></form>"
)
LIST = (
    "<section part=reviews>{form}<h2 tabindex=-1 data-focus>Page {page}</h2><a data-go href='{base}reviews?page=2&product_id=prd_1'>"
    "Next</a><form data-go method=get action='{base}reviews'><button>Apply</button></form></section>"
)
LINK = "<p data-keep><a data-go href='{base}reviews?product_id=prd_1&write=1'>Write a review</a></p>"


@pytest.fixture
def begun(shopfront: Shopfront) -> Shopfront:
    """A review of which the first words are written."""

    def item(form: str, page: int) -> dict[str, object]:
        base = shopfront.widgets.base
        return {"state": "ready", "status": 200, "html": LIST.format(form=form.format(base=base), page=page, base=base)}

    shopfront.widgets.items = {
        "reviews": item(LINK, 1),
        "reviews?page=2&product_id=prd_1": item(LINK, 2),
        "reviews?product_id=prd_1&write=1": item(FORM, 1),
    }
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    page.get_by_role("link", name="Write a review").click()
    expect(page.get_by_role("heading", name="Write")).to_be_focused()
    page.get_by_role("textbox").fill("Half a rev")
    return shopfront


def test_the_list_is_turned_and_filtered(begun: Shopfront) -> None:
    page = begun.page
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", name="Page 2")).to_be_focused()
    expect(page.get_by_role("textbox")).to_have_value("Half a rev")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Page 1")).to_be_focused()
    expect(page.get_by_role("textbox")).to_have_value("Half a rev")


def test_the_page_asks_for_the_widget_anew(begun: Shopfront) -> None:
    begun.page.evaluate("sumeru.refresh(document.querySelector('#r'))")
    begun.wait_events("ready", 2)
    expect(begun.page.get_by_role("textbox")).to_have_value("Half a rev")


def test_cancel_means_the_form(begun: Shopfront) -> None:
    begun.page.get_by_role("link", name="Cancel").click()
    expect(begun.page.get_by_role("link", name="Write a review")).to_be_visible()
    expect(begun.page.get_by_role("textbox")).to_have_count(0)


# -- Offline, or the server away

UNREAD = (
    "<section part=reviews><h2>Page 1</h2><a data-go href='{base}reviews?page=2'>Next</a>"
    "<p role=alert data-unread hidden>Not loaded.</p></section>"
)


@pytest.mark.parametrize("host", ["sumeru-widget type=reviews", "div data-sumeru-widget=reviews"])
@pytest.mark.parametrize("fault", ["offline", "reset", "502", "429"])
def test_a_page_is_turned_while_nobody_answers(shopfront: Shopfront, host: str, fault: str) -> None:
    html = UNREAD.format(base=shopfront.widgets.base)
    shopfront.widgets.items["reviews"] = {"state": "ready", "status": 200, "html": html}
    page = shopfront.open(f"<{host} id=r>x</{host.split()[0]}>")
    shopfront.wait_events("ready")
    cors = {"Access-Control-Allow-Origin": "*"}
    answers = {
        "reset": Answer(reset=True),
        "502": Answer("<h1>Bad gateway</h1>", 502),
        "429": Answer('{"error": {"code": "rate_limited", "message": ""}}', 429, "application/json", headers=cors),
    }
    if fault == "offline":
        shopfront.context.set_offline(True)
    else:
        shopfront.widgets.tampering = lambda seen: answers[fault] if seen.path.endswith("/batch") else None
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("alert")).to_have_text("Not loaded.")
    assert page.url == shopfront.store.origin + "/"
    shopfront.context.set_offline(False)
    shopfront.widgets.tampering = None
    shopfront.widgets.items["reviews?page=2"] = {"state": "ready", "status": 200, "html": "<p part=reviews>Page 2</p>"}
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()


# -- A client router of the page


def test_the_pages_router_goes_where_a_link_leads(shopfront: Shopfront) -> None:
    links = "<p part=x><a href='/products/a?b#c'>A</a> <a href='/n' target=_blank>New</a></p>"
    shopfront.widgets.items["bundles"] = {"state": "ready", "html": links}
    page = shopfront.open("<sumeru-widget type=bundles>x</sumeru-widget>")
    shopfront.wait_events("ready")
    sample = (TEMPLATES / "docs" / "samples" / "js-navigate.txt").read_text()
    page.evaluate("(sample) => { window.went = []; window.go = (path) => went.push(path); (0, eval)(sample); }", sample)
    page.get_by_role("link", name="A").click()
    assert page.evaluate("went") == ["/products/a?b#c"]
    with shopfront.context.expect_page():
        page.get_by_role("link", name="New").click()
    with shopfront.context.expect_page():
        page.get_by_role("link", name="A").click(modifiers=["Control"])
    assert page.evaluate("went.length") == 1
    page.evaluate("dispatchEvent(new Event('x'))")
    shopfront.serve("<h1>Arrived</h1>", path="/products/a", head="")
    page.evaluate("addEventListener('sumeru:navigate', (e) => e.stopImmediatePropagation(), true)")
    page.get_by_role("link", name="A").click()
    page.wait_for_url("**/products/a?b#c")


def test_a_view_transition_around_a_change(shopfront: Shopfront) -> None:
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    page.evaluate(
        """() => document.startViewTransition(() => document.querySelector('#r').setAttribute('product-id', 'prd_2')).finished"""
    )
    shopfront.wait_events("ready", 2)
    assert "Reviews of prd_2" in shopfront.text("#r")
    assert shopfront.complaints == []


# -- Nothing to show


@pytest.mark.parametrize("server", [True, False])
def test_an_empty_widget_is_in_a_state_of_its_own(shopfront: Shopfront, server: bool) -> None:
    shopfront.widgets.items["upsell"] = {"state": "empty", "status": 200, "html": ""}
    root = "<template shadowrootmode=open></template>" if server else "x"
    page = shopfront.open(f"<sumeru-widget id=u type=upsell>{root}</sumeru-widget>")
    shopfront.wait_events("empty")
    assert page.evaluate("['ready', 'empty', 'error'].filter((name) => u.matches(`:state(${name})`))") == ["empty"]


# -- Marks piled up on a letter


@pytest.mark.parametrize("styled", [True, False])
def test_a_review_paints_over_no_other(shopfront: Shopfront, styled: bool) -> None:
    """`Z` with 300 accents stays in its own review; the one above it looks as it did."""

    def above(body: str) -> bytes:
        reviews = [full_review(), replace(full_review(), id="rev_2", title="", body=body, media=(), reply=None)]
        rendered = rendering.render(Reviews(), call_of(Reviews(), product_id="prd_1"), ReviewSource(reviews))  # type: ignore[arg-type]
        css = rendering.styles([Reviews()], "", styled=styled)
        page = shopfront.open(rendering.element(rendered, css), head="")
        marked = page.locator("[part=review]").filter(has_text="Z")
        index = page.locator("[part=review]").evaluate_all("(all, one) => all.indexOf(one)", marked.element_handle())
        assert marked.count() == 1
        return page.locator("[part=review]").nth(1 - index).locator("h4").screenshot()

    assert above("Z" + "\u0301" * 300) == above("Z")


# -- No `navigator.share`


def test_share_copies_and_says_so(shopfront: Shopfront) -> None:
    """In a live region, and the label comes back; a button of the page's own content is not ours."""
    shopfront.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shopfront.store.pages["/share.js"] = Answer(
        LOADER.with_name("share.js").read_bytes(), content_type="text/javascript"
    )
    buttons = """<p><button data-share='{"url":"https://shop.example/r/1"}' data-done=Copied>Share</button><span role=status></span></p>"""
    planted = "<form><input name=matches><button type=button data-copy=planted data-done=Copied>Planted</button></form>"
    page = shopfront.open(
        f"<sumeru-widget><template shadowrootmode=open>{buttons}</template></sumeru-widget>{planted}"
        "<script>delete Navigator.prototype.share</script><script src=/share.js></script>",
        head="",
    )
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Copied")
    expect(page.get_by_role("button", name="Share")).to_be_visible()
    expect(page.get_by_role("status")).to_be_empty()
    page.get_by_role("button", name="Planted").click()
    assert page.evaluate("navigator.clipboard.readText()") == "https://shop.example/r/1"
    assert shopfront.complaints == []
