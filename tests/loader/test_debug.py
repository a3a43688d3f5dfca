"""The overlay on pages with something wrong: what it lists, what it finds, and that it is a good guest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import SHOP, Answer, Seen
from widgets.doctor import table

CORS = {"Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*"}
REVIEWS = (
    '<sumeru-widget type="reviews" product-id="prd_1" style="min-height:9px"><a href="/r">Reviews</a></sumeru-widget>'
)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def says(status: int, body: dict[str, Any], **headers: str) -> Callable[[Seen], Answer | None]:
    """The server's answer to what the overlay asks by itself."""

    def tamper(seen: Seen) -> Answer | None:
        if not seen.path.endswith(".json"):
            return None
        return Answer(json.dumps(body), status, "application/json", headers={**CORS, **headers})

    return tamper


def error(status: int, code: str, **details: object) -> Callable[[Seen], Answer | None]:
    return says(status, {"error": {"code": code, "message": "", "details": details}})


FINE = says(200, {"state": "ready", "fresh": True, "age_s": 0})


def overlay(page: Page) -> Locator:
    return page.locator("sumeru-debug")


def open_debug(front: Shopfront, body: str = REVIEWS, **serve: Any) -> Page:
    """The page with the overlay, done with asking."""
    script = f'<script type="module" src="{front.widgets.origin}/embed/debug.js"{serve.pop("script", "")}></script>'
    head = serve.pop("head", front.script)
    page = front.open(body, head=head + script, **serve)
    expect(overlay(page).get_by_role("status")).to_have_text(re.compile(r"findings$"))
    return page


def codes(page: Page) -> set[str]:
    return {re.split(r"[·:]", text)[1].strip() for text in overlay(page).locator("li > p").all_inner_texts()}


def fix(page: Page, code: str) -> str:
    return overlay(page).locator("li", has_text=f"· {code}:").locator("code").inner_text()


def test_it_lists_each_widget_with_key_state_age_and_time(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = says(200, {"state": "ready", "fresh": False, "age_s": 600})
    server = (
        '<sumeru-widget type="bundles" product-id="prd_2"><template shadowrootmode="open"><style>p{}</style><p>b</p></template>'
        "</sumeru-widget>"
        '<div style="height:4000px"></div><p data-sumeru-widget="rating-badge" data-product-id="prd_3" lang="de">x</p>'
    )
    page = open_debug(shopfront, REVIEWS + server)
    rows = [row.locator("th,td").all_inner_texts() for row in overlay(page).locator("tbody tr").all()]
    assert [row[:3] for row in rows] == [
        ["reviews?product_id=prd_1", "ready", "600 s"],
        ["bundles?product_id=prd_2", "ready", "600 s"],
        ["rating_badge?locale=de&product_id=prd_3", "waiting (server: ready)", "600 s"],
    ]
    assert re.fullmatch(r"at \d+ ms \(\d+ ms\)", rows[0][3])
    assert rows[1][3] == "in the page"
    assert shopfront.batches == [[rows[0][0]]]
    assert codes(page) == {"stale"}
    page.locator("[data-sumeru-widget]").scroll_into_view_if_needed()
    expect(overlay(page).locator("tbody tr").last).to_contain_text("shown")
    # Keys are those of the loader's requests, whatever the attributes are.
    assert shopfront.batches[1] == [rows[2][0]]
    assert shopfront.complaints == []


def test_it_is_a_good_guest(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = FINE
    page = open_debug(shopfront, "<main>" + "<p>text</p>" * 80 + REVIEWS + "</main>")
    assert codes(page) == set()
    region = overlay(page).get_by_role("region", name="Sumeru Widgets: debug")
    assert page.evaluate("document.body.lastElementChild.localName") == "sumeru-debug"
    assert page.locator("sumeru-widget").get_attribute("class") is None
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.localName") == "sumeru-debug":
            break
    expect(region).to_be_focused()
    page.keyboard.press("Tab")
    expect(region.get_by_role("button", name="Close")).to_be_focused()
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        colours = region.evaluate("(el) => [getComputedStyle(el).color, getComputedStyle(el).backgroundColor]")
        text, ground = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        assert abs(text - ground) > 400
    page.set_viewport_size({"width": 320, "height": 600})
    page.evaluate("document.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    box = region.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 320)
    assert box["height"] <= 300
    page.keyboard.press("Escape")
    expect(overlay(page)).to_have_count(0)
    assert shopfront.complaints == []


def test_it_passes_the_strictest_policy(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = FINE
    policy = (
        f"default-src 'none'; script-src 'nonce-n' 'strict-dynamic'; style-src 'none'; connect-src {shopfront.widgets.origin}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = shopfront.script.replace("<script ", '<script nonce="n" ')
    page = open_debug(
        shopfront,
        '<sumeru-widget type="reviews" product-id="prd_1"><a href="/r">x</a></sumeru-widget>',
        head=head,
        script=' nonce="n"',
        headers={"Content-Security-Policy": policy},
    )
    assert codes(page) == set()
    assert overlay(page).locator("section").evaluate("(el) => getComputedStyle(el).position") == "fixed"
    assert page.evaluate("refused") == []
    assert shopfront.complaints == []


def test_twice_asked_it_is_there_once(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = FINE
    page = open_debug(shopfront)
    page.evaluate("(src) => import(src + '?again')", f"{shopfront.widgets.origin}/embed/debug.js")
    expect(overlay(page)).to_have_count(1)


@dataclass
class Case:
    """A page with something wrong. ``{host}`` stands for the widget server's origin."""

    code: str
    fix: str
    body: str = REVIEWS
    head: str = ""
    policy: str = ""
    answer: Callable[[Seen], Answer | None] = FINE
    headers: dict[str, str] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    init: str = ""


TAG = '<script async crossorigin src="{host}/embed/v1.js" data-shop="shp_1"></script>'
PINNED = '<script async crossorigin src="{host}/embed/0123456789abcdef/loader.js" data-shop="shp_1"></script>'
SHADOW = (
    '<sumeru-widget type="reviews" product-id="prd_1"><template shadowrootmode="open">%s</template></sumeru-widget>'
)
CASES = [
    Case("two_loaders", "Remove: {host}/embed/v1.js", head=TAG + TAG),
    Case("two_shops", "Remove: {host}/embed/v1.js", head=TAG + TAG.replace("shp_1", "shp_2")),
    Case("no_crossorigin", TAG, head=TAG.replace(" crossorigin", "")),
    Case("not_async", TAG, head=TAG.replace(" async", "")),
    Case("stale_version", TAG, head=PINNED),
    Case("no_widgets", "<sumeru-widget ", body="<p>x</p>"),
    Case("no_type", "type=", body="<sumeru-widget><a>x</a></sumeru-widget>"),
    Case(
        "csp_connect",
        "connect-src 'self' {host};",
        policy="connect-src 'self'",
        answer=lambda seen: None,
    ),
    Case(
        "csp_images",
        "img-src 'self' data: https://cdn.example;",
        policy="img-src 'self' data:",
        body=SHADOW % '<img alt="" src="https://cdn.example/a.gif">',
    ),
    Case(
        "csp_media",
        "media-src https://cdn.example;",
        policy="media-src 'none'",
        body=SHADOW % '<video src="https://cdn.example/a.mp4"></video>',
    ),
    Case(
        "csp_form_action",
        "form-action 'self' {host};",
        policy="form-action 'self'",
        body=REVIEWS
        + '<iframe name="f"></iframe><form target="f" action="{host}/w/v1/shp_1/reviews"><button id="go">x</button></form>',
        init="addEventListener('load', () => document.querySelector('#go').click())",
    ),
    Case(
        "csp_style", 'nonce="…"', policy="style-src 'nonce-other'", body=SHADOW % "<style>p{color:red}</style><p>x</p>"
    ),
    Case(
        "csp_trusted_types",
        "trusted-types other sumeru;",
        policy="require-trusted-types-for 'script'; trusted-types other",
        init="delete Element.prototype.setHTML",
    ),
    Case(
        "csp_other",
        "script-src {host}/embed/v1.js {host}/embed/debug.js {host};",
        policy="script-src {host}/embed/v1.js {host}/embed/debug.js",
        body=REVIEWS + '<script async src="{host}/embed/pixel.js"></script>',
    ),
    Case(
        "coep_images",
        "credentialless",
        body=SHADOW % '<img alt="" src="{host}/picture">',
        headers={"Cross-Origin-Embedder-Policy": "require-corp"},
    ),
    Case(
        "origin_refused",
        "Origins: add http://127.0.0.1:",
        answer=lambda seen: Answer("{}") if ".json" in seen.path else None,
    ),
    Case("blocked", "{host}", answer=lambda seen: Answer(reset=True) if ".json" in seen.path else None),
    Case("unknown_shop", "Embed", answer=error(404, "not_found", what="shop")),
    Case("no_such_widget", "Widgets → reviews", answer=error(404, "not_found", what="widget")),
    Case(
        "missing_parameter",
        '<sumeru-widget type="reviews" product-id="…">',
        body='<sumeru-widget type="reviews"><a>x</a></sumeru-widget>',
        answer=error(400, "validation_failed", product_id=["This field is required."]),
    ),
    Case(
        "missing_parameter",
        'product-id="…"',
        body='<sumeru-widget type="rating_badge"><a>x</a></sumeru-widget>',
        answer=error(400, "validation_failed", non_field_errors=["Give either product_id or product_ids."]),
    ),
    Case("invalid_parameter", 'product-id="prd_1"', answer=error(400, "validation_failed", product_id=["No."])),
    Case("needs_token", "customer-token=", answer=error(401, "unauthenticated")),
    Case("rate_limited", "Wait 7 s", answer=error(429, "rate_limited", retry_after=7)),
    Case("server_failing", "log", answer=error(503, "unavailable")),
    Case("pending", "check_sumeru shp_1", answer=says(200, {"state": "pending"})),
    Case("stale", "check_sumeru shp_1", answer=says(200, {"state": "ready", "fresh": False, "age_s": 7200})),
]


@pytest.mark.parametrize("case", CASES, ids=[case.code for case in CASES])
def test_each_finding(shopfront: Shopfront, case: Case) -> None:
    host = shopfront.widgets.origin

    def filled(text: str) -> str:
        return text.replace("{host}", host).replace("shp_1", SHOP)

    shopfront.widgets.tampering = lambda seen: Answer("") if seen.path == "/picture" else case.answer(seen)
    if case.init:
        shopfront.context.add_init_script(case.init)
    headers = dict(case.headers)
    if case.policy:
        headers["Content-Security-Policy"] = filled(case.policy)
    head = filled(case.head) or shopfront.script
    page = open_debug(shopfront, filled(case.body), head=head, headers=headers)
    expect(overlay(page).locator("li", has_text=f"· {case.code}:")).to_have_count(1)
    assert codes(page) == {case.code, *case.also}
    assert filled(case.fix) in fix(page, case.code)
    assert "{" not in fix(page, case.code)


def test_offline(shopfront: Shopfront) -> None:
    shopfront.widgets.tampering = FINE
    page = open_debug(shopfront)
    shopfront.context.set_offline(True)
    page.evaluate("document.querySelector('sumeru-widget').setAttribute('page', '2')")
    page.evaluate("document.dispatchEvent(new CustomEvent('sumeru:loaded', {detail: {}, bubbles: true}))")
    expect(overlay(page).locator("li", has_text="offline")).to_be_visible()


def test_every_rule_of_the_overlay_has_a_case() -> None:
    rules = {code for code, rule in table.rules().items() if rule.by != "doctor"}
    elsewhere = {"offline", "no_shop", "unknown_attribute"}  # above, and among the habits of pages
    assert rules == {case.code for case in CASES} | elsewhere
