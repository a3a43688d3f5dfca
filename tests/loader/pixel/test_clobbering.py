"""What people may write into a page (names, ids, templates; no script) bends neither loader nor pixel."""

from __future__ import annotations

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.pixel.pages import Tracked

WIDGET = "<sumeru-widget id=r type=reviews product-id=prd_1>x</sumeru-widget>"
# Of the document; the scripts read some of them, and an element of that name would be found first.
NAMES = (
    "currentScript", "scripts", "querySelector", "querySelectorAll", "createElement", "dispatchEvent", "referrer",
    "readyState", "prerendering", "hidden", "head", "body", "documentElement", "addEventListener", "baseURI",
)  # fmt: skip
ELEMENTS = "".join("<img name=" + name + " alt='' data-shop=evil data-api='{evil}/'>" for name in NAMES)


def scripts(tracked: Tracked) -> str:
    """Both scripts, to stand after the content."""
    return (tracked.front.script + tracked.tag("data-consent=granted")).replace(" async", "")


def heard(tracked: Tracked) -> None:
    """Returns when the pixel has sent what it saw to the right server."""
    tracked.until(lambda: tracked.of("product_view"), hiding=True)


def test_elements_named_as_what_scripts_read(tracked: Tracked) -> None:
    front = tracked.front
    page = front.open(ELEMENTS.format(evil=front.store.origin + "/evil") + WIDGET + scripts(tracked), head="")
    front.wait_events("ready")
    said = page.evaluate("Document.prototype.querySelector.call(document, '#r').shadowRoot.textContent")
    assert "Reviews of prd_1" in said
    tracked.until(lambda: tracked.of("product_view"))
    assert [seen.path for seen in front.store.log if "evil" in seen.path or "evil" in seen.query] == []
    assert [seen.path for seen in front.widgets.log if "evil" in seen.path] == []
    assert front.complaints == []


@pytest.mark.parametrize(
    "content",
    [
        "<a id=sumeru></a><a id=sumeru name=v href='https://evil.example/1'></a>",
        "<a id=sumeru></a><a id=sumeru name=q></a><a id=sumeru name=pixel></a>",
        "<form id=sumeru><input name=v value=1><input name=q><input name=q><input name=pixel></form>",
        "<iframe name=sumeru src='data:text/html,other'></iframe>",
        "<img name=sumeru><img name=trustedTypes><img id=Shopify>",
        "<form id=Shopify><input name=customerPrivacy></form><form id=trustedTypes><input name=createPolicy></form>",
    ],
)
def test_elements_named_as_what_the_scripts_make(tracked: Tracked, content: str) -> None:
    page = tracked.front.open(content + WIDGET + scripts(tracked), head="")
    tracked.front.wait_events("ready")
    assert page.evaluate("[sumeru.v, sumeru.pixel, typeof sumeru.mount, typeof sumeru.track]") == [
        1,
        1,
        "function",
        "function",
    ]
    heard(tracked)
    assert tracked.front.complaints == []


def test_without_trusted_types_their_name_is_nothing(shopfront: Shopfront) -> None:
    shopfront.context.add_init_script("delete Element.prototype.setHTML; delete window.trustedTypes;")
    shopfront.open("<form id=trustedTypes><input name=createPolicy></form>" + WIDGET)
    shopfront.wait_events("ready")
    assert "Reviews of prd_1" in shopfront.text("#r")


def test_fields_named_as_what_nodes_can_do(shopfront: Shopfront) -> None:
    """A form of the page, inserted later together with a widget."""
    page = shopfront.open("")
    shopfront.wait_events("loaded")
    page.evaluate(
        """(widget) => { const fields = ['matches', 'querySelectorAll', 'nodeType', 'closest', 'getAttribute', 'lang']
             .map((name) => `<input name=${name}>`).join('');
           const place = document.createElement('form'); place.lang = 'de'; place.dataset.sumeruWidget = 'bundles';
           place.innerHTML = fields + widget; document.body.append(place); }""",
        WIDGET,
    )
    shopfront.wait_events("ready")
    assert shopfront.batches == [["reviews?product_id=prd_1"]]
    assert shopfront.complaints == []


INERT = (
    "<sumeru-widget id=r type=reviews product-id=prd_1><div><template shadowrootmode=open>"
    "<p part=reviews>planted<img src=x onerror='window.pwn=1'></p></template></div></sumeru-widget>"
)


def insert(front: Shopfront, html: str) -> None:
    """As a framework or a comment box does: ``innerHTML`` leaves templates inert."""
    front.page.evaluate(
        "(html) => document.body.append(Object.assign(document.createElement('div'), {innerHTML: html}))", html
    )


def test_a_template_deeper_down_stays_inert(shopfront: Shopfront) -> None:
    page = shopfront.open("")
    shopfront.wait_events("loaded")
    insert(shopfront, INERT)
    shopfront.wait_events("ready")
    assert "planted" not in shopfront.text("#r")
    assert "Reviews of prd_1" in shopfront.text("#r")
    shopfront.fence()
    assert page.evaluate("window.pwn") is None


@pytest.mark.parametrize("sanitizer", [True, False])
def test_a_template_in_a_host_passes_the_sanitizer(shopfront: Shopfront, sanitizer: bool) -> None:
    """Where the browser has none, what the template holds is asked for instead."""
    if not sanitizer:
        shopfront.context.add_init_script("delete Element.prototype.setHTML;")
    page = shopfront.open("")
    shopfront.wait_events("loaded")
    insert(shopfront, INERT.replace("<div>", "").replace("</div>", ""))
    shopfront.wait_events("ready")
    assert ("planted" in shopfront.text("#r")) == sanitizer
    shopfront.fence()
    assert page.evaluate("[window.pwn, document.querySelector('#r').shadowRoot.querySelector('[onerror]')]") == [
        None,
        None,
    ]
    assert len(shopfront.batches) == (0 if sanitizer else 1)
