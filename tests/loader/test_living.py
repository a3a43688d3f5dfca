"""Pages that change under the widgets: frameworks, two loaders, server HTML, no JavaScript, back and forward, memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import CSS, SHOP

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a id=fallback href='/reviews'>Read</a></sumeru-widget>"


def server_html(shopfront: Shopfront, product: str = "prd_1") -> str:
    inner = shopfront.widgets.reviews({"product_id": product})
    return (
        f"<sumeru-widget id=r type=reviews product-id={product}><template shadowrootmode=open>"
        f"<style>{CSS}section{{border-top:3px solid red}}</style>{inner}</template></sumeru-widget>"
    )


BORDER = "getComputedStyle(document.querySelector('#r').shadowRoot.querySelector('section')).borderTopWidth"


def test_body_replaced_and_nodes_added(shopfront: Shopfront) -> None:
    page = shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    page.evaluate(
        """() => { const body = document.createElement('body');
            body.innerHTML = '<main><sumeru-widget id=n type=reviews product-id=prd_2></sumeru-widget>'
              + '<p><span id=s data-sumeru-widget=quiz data-quiz-id=q1>x</span></p></main>';
            document.body.replaceWith(body); }"""
    )
    shopfront.wait_events("ready", 3)
    assert "Reviews of prd_2" in shopfront.text("#n")
    assert "quiz" in shopfront.text("#s")
    page.evaluate("document.querySelector('p').append(Object.assign(document.createElement('div'), {id: 'late'}))")
    page.evaluate("document.querySelector('#late').setAttribute('data-sumeru-widget', 'pixel')")
    shopfront.wait_events("ready", 4)
    assert "pixel" in shopfront.text("#late")
    assert shopfront.complaints == []


def test_rapid_changes_end_on_the_last(shopfront: Shopfront) -> None:
    page = shopfront.open(REVIEWS + "<div id=d data-sumeru-widget=rating-badge data-product-id=prd_1>★</div>")
    shopfront.wait_events("ready", 2)
    shopfront.widgets.log.clear()
    page.evaluate(
        """async () => { for (const n of [2, 3, 4]) {
            r.setAttribute('product-id', 'prd_' + n); d.dataset.productId = 'prd_' + n;
            await new Promise((done) => setTimeout(done, n == 3 ? 60 : 0)); } }"""
    )
    page.wait_for_function("document.querySelector('#r').shadowRoot.textContent.includes('Reviews of prd_4')")
    page.wait_for_function("document.querySelector('#d').shadowRoot.textContent == 'rating_badge prd_4'")
    shopfront.fence()
    assert "Reviews of prd_4" in shopfront.text("#r")
    asked = [key for keys in shopfront.batches for key in keys]
    assert asked.count("reviews?product_id=prd_4") == asked.count("rating_badge?product_id=prd_4") == 1
    assert shopfront.events("error") == []


def test_an_overtaken_answer_is_dropped(shopfront: Shopfront) -> None:
    """The slow answer for the first product arrives after the second product was asked for."""
    page = shopfront.open("<div id=place></div>")
    page.evaluate(
        """() => { const real = fetch; window.fetch = async (url, ...rest) => {
            const answer = await real(url, ...rest);
            if (url.includes('prd_1')) await new Promise((done) => { window.release = done; });
            return answer; };
          place.innerHTML = '<sumeru-widget id=r type=reviews product-id=prd_1></sumeru-widget>'; }"""
    )
    page.wait_for_function("!!window.release")
    page.evaluate("r.setAttribute('product-id', 'prd_2')")
    shopfront.wait_events("ready")
    page.evaluate("release()")
    shopfront.fence()
    assert "Reviews of prd_2" in shopfront.text("#r")
    assert [event["key"] for event in shopfront.events("ready") if event["id"] == "r"] == ["reviews?product_id=prd_2"]


def test_a_moved_node_keeps_its_dom(shopfront: Shopfront) -> None:
    page = shopfront.open(REVIEWS + "<aside id=a></aside>")
    shopfront.wait_events("ready")
    page.get_by_role("link", name="Next").click()
    shopfront.wait_events("page")
    page.evaluate("window.kept = r.shadowRoot.firstChild; a.append(r)")
    shopfront.fence()
    assert page.evaluate("r.shadowRoot.firstChild === kept")
    assert "page 2" in shopfront.text("#r")
    assert len(shopfront.batches) == 2


def test_removed_in_flight_and_brought_back(shopfront: Shopfront) -> None:
    page = shopfront.open("<p id=p>x</p>")
    page.evaluate(
        """() => { const real = fetch; window.fetch = (...all) => { window.went?.(); return real(...all); };
            const el = window.el = document.createElement('sumeru-widget'); el.id = 'r';
            el.setAttribute('type', 'reviews'); el.setAttribute('product-id', 'prd_1');
            const asked = new Promise((done) => { window.went = done; });
            p.append(el); return asked.then(() => el.remove()); }"""
    )
    page.wait_for_function("el.shadowRoot?.textContent.includes('Reviews of prd_1')")
    page.evaluate("p.append(el)")
    shopfront.fence()
    assert "Reviews of prd_1" in shopfront.text("#r")
    assert len(shopfront.batches) == 1
    assert shopfront.complaints == []


def test_inside_a_foreign_shadow_root(shopfront: Shopfront) -> None:
    """The custom element is found there by itself, the alias by ``mount``."""
    page = shopfront.open("<div id=host></div>")
    shopfront.wait_events("loaded")
    page.evaluate(
        """() => { const root = host.attachShadow({mode: 'open'});
            root.innerHTML = '<sumeru-widget id=in type=quiz quiz-id=q1>x</sumeru-widget>'
              + '<span id=alias data-sumeru-widget=pixel data-product-id=prd_1>x</span>';
            window.inside = (id) => root.getElementById(id).shadowRoot?.textContent; }"""
    )
    page.wait_for_function("inside('in') == 'quiz '")
    page.evaluate("sumeru.mount(host.shadowRoot)")
    page.wait_for_function("inside('alias') == 'pixel prd_1'")


@pytest.mark.parametrize("second", ["/embed/v1.js", "/embed/0123abcd/loader.js"])
def test_two_loaders_are_one(shopfront: Shopfront, second: str) -> None:
    other = f'<script async crossorigin src="{shopfront.widgets.origin}{second}" data-shop="{SHOP}"></script>'
    page = shopfront.open(REVIEWS + REVIEWS.replace("id=r", "id=r2"), head=shopfront.script + other)
    shopfront.wait_events("ready", 2)
    page.wait_for_load_state("load")
    shopfront.fence()
    assert shopfront.batches == [["reviews?product_id=prd_1"]]
    assert [event["id"] for event in shopfront.events("ready")][:2] == ["r", "r2"]
    assert len(shopfront.events("loaded")) == 1
    assert len(shopfront.events("ready")) == 3, "one for each widget and the fence"
    assert shopfront.complaints == []


@pytest.mark.parametrize("cached", [False, True], ids=["cold", "cached"])
def test_server_html_is_adopted(shopfront: Shopfront, cached: bool) -> None:
    shopfront.widgets.cache_control = "public, max-age=300"
    if cached:
        shopfront.open("<p>warm</p>", path="/warm")
        shopfront.wait_events("loaded")
    page = shopfront.open(
        "<script>window.first = null</script>"
        + server_html(shopfront)
        + "<script>first = r.shadowRoot.lastChild</script>"
    )
    (event,) = shopfront.wait_events("ready")
    assert event["key"] == "reviews?product_id=prd_1"
    assert shopfront.widgets.count("/batch") == 0
    assert page.evaluate("r.shadowRoot.lastChild === first"), "nothing was rendered again"
    page.get_by_role("link", name="Next").click()
    shopfront.wait_events("page")
    assert "page 2" in shopfront.text("#r")
    assert shopfront.batches == [["reviews?page=2&product_id=prd_1"]]
    assert shopfront.complaints == []


def test_server_html_whose_style_was_refused(shopfront: Shopfront) -> None:
    policy = f"style-src 'none'; connect-src {shopfront.widgets.origin}"
    page = shopfront.open(server_html(shopfront), headers={"Content-Security-Policy": policy})
    shopfront.wait_events("ready")
    assert page.evaluate(BORDER) == "3px"
    assert page.evaluate("r.shadowRoot.adoptedStyleSheets.length") == 1


def test_server_html_on_a_client_navigation(shopfront: Shopfront) -> None:
    page = shopfront.open("<div id=place></div>")
    page.evaluate("html => { place.innerHTML = html; }", server_html(shopfront))
    shopfront.wait_events("ready")
    assert "Reviews of prd_1, page 1" in shopfront.text("#r")
    assert page.evaluate(BORDER) == "3px"
    shopfront.fence()
    assert shopfront.batches == []


@pytest.mark.parametrize("context_options", [{"java_script_enabled": False}])
def test_without_javascript(shopfront: Shopfront, context_options: dict[str, Any]) -> None:
    page = shopfront.open(
        server_html(shopfront)
        + "<sumeru-widget id=c type=quiz><a id=plain href='/quiz'>Take the quiz</a></sumeru-widget>"
    )
    assert page.get_by_role("heading", name="Reviews of prd_1, page 1").is_visible()
    assert page.locator("#plain").is_visible()
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Posted Ada").wait_for()
    page.goto(shopfront.store.origin)
    page.get_by_role("link", name="Next").click()
    page.get_by_role("heading", name="Full page reviews").wait_for()


@pytest.mark.bfcache
def test_back_and_forward(shopfront: Shopfront) -> None:
    shopfront.widgets.items["upsell"] = {"state": "ready", "html": "<p>yours</p>"}
    shopfront.serve("<h1>Other</h1>", path="/other", head="")
    page = shopfront.open(REVIEWS + "<sumeru-widget type=upsell live>x</sumeru-widget>")
    shopfront.wait_events("ready", 2)
    page.evaluate("addEventListener('pageshow', (e) => { window.persisted = e.persisted; })")
    page.goto(shopfront.store.origin + "/other")
    shopfront.widgets.log.clear()
    page.evaluate("history.back()")
    page.wait_for_function("window.persisted")
    shopfront.wait_events("ready", 3)
    assert [seen.path.rpartition("/")[2] for seen in shopfront.widgets.log] == ["live"]
    assert "Reviews of prd_1" in shopfront.text("#r")


def test_the_queue_and_the_api(shopfront: Shopfront) -> None:
    head = (
        "<script>window.sumeru = {q: [(api) => { window.got = api; }, () => { throw Error('theirs'); },"
        " (api) => { window.also = api; }]};</script>" + shopfront.script
    )
    page = shopfront.open(REVIEWS, head=head)
    shopfront.wait_events("ready")
    page.wait_for_function("window.got && got === window.also && got === window.sumeru")
    assert page.evaluate("Object.keys(sumeru).sort()") == ["mount", "q", "refresh", "v"]
    page.evaluate("sumeru.q.push((api) => { window.later = api; })")
    page.wait_for_function("window.later === sumeru")
    before = len(shopfront.batches)
    page.evaluate("sumeru.refresh(document.querySelector('#r'))")
    shopfront.wait_events("ready", 2)
    assert len(shopfront.batches) == before + 1


def test_custom_states_and_an_untouched_host(shopfront: Shopfront) -> None:
    page = shopfront.open(REVIEWS)
    before = page.evaluate("r.getAttributeNames()")
    shopfront.wait_events("ready")
    assert page.evaluate("[r.matches(':state(ready)'), r.matches(':state(loading)')]") == [True, False]
    assert page.evaluate("r.getAttributeNames()") == before
    assert page.evaluate("Object.keys(r)") == []
    assert page.evaluate("r.innerHTML") == '<a id="fallback" href="/reviews">Read</a>'


def test_a_thousand_widgets_leave_nothing(shopfront: Shopfront) -> None:
    page = shopfront.open("<div id=place style='line-height:8px'></div>")
    shopfront.wait_events("loaded")
    cdp = shopfront.context.new_cdp_session(page)

    def rounds(count: int) -> None:
        page.evaluate(
            """async (count) => { for (let n = 0; n < count; n++) {
                let left = 50; place.innerHTML = '';
                const done = new Promise((resolve) => { window.onReady = () => --left || resolve(); });
                addEventListener('sumeru:ready', onReady);
                for (let i = 0; i < 50; i++) { const el = document.createElement(i % 2 ? 'sumeru-widget' : 'div');
                  if (i % 2) { el.setAttribute('type', 'rating-badge'); el.setAttribute('product-id', 'prd_' + i); }
                  else { el.dataset.sumeruWidget = 'rating-badge'; el.dataset.productId = 'prd_' + i; }
                  place.append(el); }
                await done; removeEventListener('sumeru:ready', onReady); delete window.onReady;
              } place.innerHTML = ''; seen.length = 0; }""",
            count,
        )

    def left() -> tuple[int, int]:
        for _ in range(3):
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            cdp.send("HeapProfiler.collectGarbage")
        return cdp.send("Runtime.getHeapUsage")["usedSize"], cdp.send("Memory.getDOMCounters")["nodes"]

    rounds(4)
    heap, nodes = left()
    rounds(20)
    heap_after, nodes_after = left()
    assert heap_after - heap < 200_000
    assert nodes_after - nodes < 100
