"""Pages that allow little: strict policies, Trusted Types, integrity, isolation, hostile style sheets; with the real widgets."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.shopper import BADGE, NEAR, REVIEWS, SEVEN, Shopper
from tests.pages.test_traffic import A_PERSONS_PACE_MS
from widgets.http import embed

pytestmark = [pytest.mark.browser]

WITHOUT_SET_HTML = "delete Element.prototype.setHTML; delete ShadowRoot.prototype.setHTML;"
STRICT = (
    "default-src 'none'; script-src 'nonce-x' 'strict-dynamic'; style-src 'none'; img-src https: http:; connect-src {origin}; "
    "form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# As createContentSecurityPolicy of @shopify/hydrogen 2026.4 prints it, with the one change that its docs ask for.
HYDROGEN = (
    "base-uri 'self'; default-src 'self' 'nonce-x' https://cdn.shopify.com https://shopify.com; frame-ancestors 'none'; "
    "style-src 'self' 'unsafe-inline' https://cdn.shopify.com; "
    "connect-src 'self' https://monorail-edge.shopifysvc.com {origin}"
)


@pytest.mark.parametrize("policy", [STRICT, HYDROGEN], ids=["strict", "hydrogen"])
def test_every_widget_works_under_a_strict_policy(shopper: Shopper, policy: str) -> None:
    """All types, another page, a form refused and taken: nothing is refused by the browser, nothing is said on the console."""
    # Pictures are the policy's own matter: the sandbox's come from an address that Hydrogen's does not know.
    shopper.context.route("**/media/**", lambda route: route.fulfill(content_type="image/svg+xml", body="<svg/>"))
    allowed = policy.format(origin=shopper.passage.origin)
    page = shopper.open(
        SEVEN + "<sumeru-widget id=quiz type=quiz quiz-id=quiz_1>x</sumeru-widget>",
        head=shopper.tag(more="nonce=x"),
        headers={"Content-Security-Policy": allowed},
    )
    for name, part in (
        ("badge", ".sw-badge"),
        ("reviews", ".sw-review"),
        ("bundles", "h3"),
        ("feed", ".sw-card"),
        ("upsell", "[part=offer]"),
        ("nudge", "[part=message]"),
        ("quiz", ".sw-option"),
    ):
        shopper.widget(name).scroll_into_view_if_needed()
        shopper.shows(name, part)
    reviews = shopper.widget("reviews")
    reviews.get_by_role("link", name="Write a review").click()
    form = reviews.locator("form[method=post]")
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    form.get_by_role("button", name="Send review").click()
    expect(form.locator(".sw-error").first).to_be_visible()
    adopted = "document.querySelector('#reviews').shadowRoot.adoptedStyleSheets.length"
    assert page.evaluate(adopted) == 1
    refused = [line for line in page.evaluate("refused") if not line.startswith("img-src")]
    assert [line for line in refused if "/media/" not in line] == []
    assert [line for line in shopper.said if "/media/" not in line] == []


@pytest.mark.parametrize("allowed", [True, False])
def test_trusted_types_in_a_browser_without_set_html(shopper: Shopper, allowed: bool) -> None:
    shopper.context.add_init_script(WITHOUT_SET_HTML)
    policy = f"require-trusted-types-for 'script'; trusted-types {'sumeru' if allowed else repr('none')}"
    page = shopper.open(REVIEWS, headers={"Content-Security-Policy": policy})
    if allowed:
        shopper.heard("ready")
        shopper.shows("reviews", ".sw-review")
        assert page.evaluate("refused") == []
        assert shopper.said == []
    else:
        (event,) = shopper.heard("error")
        assert event["id"] == "reviews"
        expect(page.locator("#fallback")).to_be_visible()


@pytest.mark.parametrize("right", [True, False])
def test_a_pinned_script_with_its_integrity(shopper: Shopper, right: bool) -> None:
    script = embed.loader()
    integrity = script.integrity if right else "sha384-" + "A" * 64
    page = shopper.open(REVIEWS, head=shopper.tag(f"/embed/{script.hash}/loader.js", f'integrity="{integrity}"'))
    if right:
        shopper.heard("ready")
        shopper.shows("reviews", ".sw-review")
        assert shopper.passage.of("loader.js")[0].path == f"/embed/{script.hash}/loader.js"
        assert shopper.said == []
    else:
        page.wait_for_load_state("load")
        expect(page.locator("#fallback")).to_be_visible()
        assert page.evaluate("window.sumeru") is None
        assert shopper.passage.of("batch") == []


ISOLATED = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin"}


def test_an_isolated_page_has_all_widgets(shopper: Shopper) -> None:
    """Script and answers say that any page may use them, so the page stays isolated. Pictures are other hosts' matter."""
    page = shopper.open(NEAR + SEVEN, headers=ISOLATED)
    shopper.heard("ready", 7)
    assert page.evaluate("crossOriginIsolated") is True
    assert [line for line in shopper.said if "/media/" not in line] == []


# What a reader sees of a widget, whatever the page around it says.
LOOK = """(id) => [...document.querySelector(id).shadowRoot.querySelectorAll('*:not(style)')].map((el) => {
  const style = getComputedStyle(el);
  return [el.localName, style.display, style.position, style.paddingTop, style.marginTop, style.fontWeight, style.visibility].join(' ');
})"""
HOSTILE = (
    "*{all:unset!important}button,a,h2,svg,li{display:none!important}p,div,section{position:absolute!important;padding:9px!important}"
    "input{visibility:hidden!important}sumeru-widget{display:block!important}h1{display:block!important}"
)


def test_a_hostile_style_sheet_changes_nothing_inside(shopper: Shopper) -> None:
    same = "<style>sumeru-widget{display:block;font:16px serif}</style>"
    looks: list[Any] = []
    for path, css in (("/", ""), ("/hostile", f"<style>{HOSTILE}</style>")):
        page = shopper.open(css + same + BADGE + REVIEWS, path=path)
        shopper.heard("ready", 2)
        looks.append([page.evaluate(LOOK, name) for name in ("#badge", "#reviews")])
    assert len(looks[0][1]) > 100
    assert looks[0] == looks[1]


def test_an_answer_of_another_shop_is_not_read(shopper: Shopper) -> None:
    """A page whose origin the shop does not know gets the fallback and an event."""
    shopper.serve(REVIEWS)
    page = shopper.page
    page.goto(shopper.store.origin.replace("127.0.0.1", "localhost"))
    (event,) = shopper.heard("error")
    assert event["id"] == "reviews"
    expect(page.locator("#fallback")).to_be_visible()
