"""From pages to findings: each rule of the doctor with a page that breaks it, and a good page that breaks none."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from widgets.doctor import judging, page, table
from widgets.doctor.known import Served, ServerFacts, ShopKnown

PAGE = "https://shop.example/product/1"
HOST = "https://widgets.example.com"
FILE = b"loader"
INTEGRITY = "sha384-" + base64.b64encode(hashlib.sha384(FILE).digest()).decode()
HASH = "0123456789abcdef"
SRC = f"{HOST}/embed/v1.js"
PINNED = f"{HOST}/embed/{HASH}/loader.js"
OLD = f"{HOST}/embed/fedcba9876543210/loader.js"
LOADER = f'<script async crossorigin src="{SRC}" data-shop="shp_1"></script>'
REVIEWS = '<sumeru-widget type="reviews" product-id="prd_1"><a href="/reviews">Reviews</a></sumeru-widget>'
SHOP = ShopKnown(
    "Trail",
    "https://widgets.example.com/admin/x/1/",
    products={"prd_1": True, "prd_9": False},
    handles={"no-such": False},
)
SERVER = ServerFacts(
    HOST,
    HASH,
    INTEGRITY,
    shops={"shp_1": SHOP},
    files={SRC: Served(200, FILE), PINNED: Served(200, FILE), OLD: Served(404, problem=f"{OLD} answers 404")},
)
PICTURES = replace(SERVER, pictures=("https://cdn.example/a.jpg",), videos=("https://video.example/a.mp4",))


def product(name: str = "Pack", **more: object) -> str:
    node = {"@type": "Product", "name": name, **more}
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


RATING = {"@type": "AggregateRating", "ratingValue": 4, "reviewCount": 3}


def found(
    body: str,
    server: ServerFacts = SERVER,
    *,
    url: str = PAGE,
    status: int = 200,
    shop: str = "",
    **headers: str,
) -> list[table.Finding]:
    sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
    html = f"<!doctype html><title>t</title>\n{body}"
    return judging.findings(judging.Case(page.read(url, status, sent, html), server, shop))


def with_shop(**changes: object) -> ServerFacts:
    return replace(SERVER, shops={"shp_1": replace(SHOP, **changes)})  # type: ignore[arg-type]


CSP = {"Content_Security_Policy": ""}
CASES: list[tuple[str, str, ServerFacts, Mapping[str, object], str]] = [
    ("page_status", LOADER + REVIEWS, SERVER, {"status": 503}, "answers 200"),
    ("no_widgets", LOADER, SERVER, {}, "<sumeru-widget "),
    ("no_loader", REVIEWS, SERVER, {"shop": "shp_1"}, LOADER),
    (
        "only_server_html",
        '<sumeru-widget type="reviews" product-id="prd_1"><template shadowrootmode="open"><p>x</p></template></sumeru-widget>',
        SERVER,
        {"shop": "shp_1"},
        LOADER,
    ),
    ("two_loaders", LOADER + "\n" + LOADER + REVIEWS, SERVER, {}, "Remove: line 3"),
    ("two_shops", LOADER + LOADER.replace("shp_1", "shp_2") + REVIEWS, SERVER, {}, "Remove: line 2"),
    ("no_shop", LOADER.replace("data-shop", "data-other") + REVIEWS, SERVER, {"shop": "shp_1"}, 'data-shop="shp_1"'),
    ("unknown_shop", LOADER.replace("shp_1", "shp_2") + REVIEWS, SERVER, {}, "Embed"),
    ("inactive_shop", LOADER + REVIEWS, with_shop(active=False), {}, "/admin/x/1/"),
    ("other_shop", LOADER + REVIEWS, SERVER, {"shop": "shp_3"}, 'data-shop="shp_3"'),
    (
        "other_server",
        LOADER.replace(HOST, "https://other.example").replace("shp_1", "shp_7") + REVIEWS,
        SERVER,
        {},
        f'src="{SRC}"',
    ),
    (
        "loader_unreachable",
        LOADER + REVIEWS,
        replace(SERVER, files={SRC: Served(0, problem="refused")}),
        {},
        LOADER,
    ),
    ("no_crossorigin", LOADER.replace(" crossorigin", "") + REVIEWS, SERVER, {}, LOADER),
    (
        "integrity_needs_crossorigin",
        f'<script async src="{PINNED}" integrity="{INTEGRITY}" data-shop="shp_1"></script>{REVIEWS}',
        SERVER,
        {},
        "crossorigin",
    ),
    ("not_async", LOADER.replace(" async", "") + REVIEWS, SERVER, {}, LOADER),
    ("module_loader", LOADER.replace("<script", '<script type="text/plain"') + REVIEWS, SERVER, {}, LOADER),
    ("unknown_attribute", LOADER + REVIEWS.replace(" product", ' colour="red" product'), SERVER, {}, "product-id"),
    ("unknown_attribute", LOADER + REVIEWS.replace(" product", ' ratng="5" product'), SERVER, {}, "rating"),
    (
        "unknown_attribute",
        LOADER + REVIEWS.replace(" product", ' layout="grid" product'),
        SERVER,
        {},
        "product-id, page",
    ),
    (
        "stale_version",
        f'<script async crossorigin src="{OLD}" data-shop="shp_1"></script>{REVIEWS}',
        replace(SERVER, files={OLD: Served(200, FILE)}),
        {},
        PINNED,
    ),
    ("gone_version", f'<script async crossorigin src="{OLD}" data-shop="shp_1"></script>{REVIEWS}', SERVER, {}, PINNED),
    (
        "wrong_integrity",
        f'<script async crossorigin src="{PINNED}" integrity="sha384-AAAA" data-shop="shp_1"></script>{REVIEWS}',
        SERVER,
        {},
        f'integrity="{INTEGRITY}"',
    ),
    (
        "integrity_floating",
        LOADER.replace("async", f'async integrity="{INTEGRITY}"') + REVIEWS,
        SERVER,
        {},
        PINNED,
    ),
    (
        "csp_script",
        LOADER + REVIEWS,
        SERVER,
        {"Content_Security_Policy": "script-src 'self'"},
        f"script-src 'self' {HOST};",
    ),
    (
        "csp_script",
        LOADER + REVIEWS,
        SERVER,
        {"Content_Security_Policy": "script-src 'nonce-n1' 'strict-dynamic'"},
        'nonce="n1"',
    ),
    (
        "csp_connect",
        LOADER + REVIEWS,
        SERVER,
        {"Content_Security_Policy": "connect-src 'none'"},
        f"connect-src {HOST};",
    ),
    (
        "csp_connect",
        f'<meta http-equiv="Content-Security-Policy" content="connect-src &#39;self&#39;">{LOADER}{REVIEWS}',
        SERVER,
        {},
        f"connect-src 'self' {HOST};",
    ),
    (
        "csp_images",
        LOADER + REVIEWS,
        PICTURES,
        {"Content_Security_Policy": "img-src 'self'"},
        "img-src 'self' https://cdn.example;",
    ),
    (
        "csp_media",
        LOADER + REVIEWS,
        PICTURES,
        {"Content_Security_Policy": "media-src 'self'"},
        "media-src 'self' https://video.example;",
    ),
    (
        "csp_form_action",
        f'{LOADER}<sumeru-widget type="reviews" product-id="prd_1"><template shadowrootmode="open">'
        f'<form action="{HOST}/w/v1/shp_1/reviews">'
        "</form></template></sumeru-widget>",
        SERVER,
        {"Content_Security_Policy": "form-action 'self'"},
        f"form-action 'self' {HOST};",
    ),
    (
        "csp_style",
        f'{LOADER}<sumeru-widget type="reviews" product-id="prd_1"><template shadowrootmode="open"><style>p{{}}</style></template>'
        "</sumeru-widget>",
        SERVER,
        {"Content_Security_Policy": "style-src 'nonce-n1'; script-src 'nonce-n1' https:"},
        '<style nonce="n1">',
    ),
    (
        "csp_trusted_types",
        LOADER + REVIEWS,
        SERVER,
        {"Content_Security_Policy": "require-trusted-types-for 'script'; trusted-types nextjs"},
        "trusted-types nextjs sumeru;",
    ),
    ("origin_refused", LOADER + REVIEWS, with_shop(allows_origin=False), {}, "Origins: add https://shop.example"),
    (
        "origin_refused",
        LOADER.replace(HOST, "https://other.example").replace("shp_1", "shp_7") + REVIEWS,
        replace(SERVER, reads={"https://shop.example": False}),
        {},
        "Origins: add https://shop.example",
    ),
    ("mixed_content", LOADER.replace("https:", "http:") + REVIEWS, SERVER, {}, LOADER),
    (
        "coep_images",
        LOADER + REVIEWS,
        replace(SERVER, without_resource_policy=("https://cdn.example",)),
        {"Cross_Origin_Embedder_Policy": "require-corp"},
        "credentialless",
    ),
    ("no_type", f"{LOADER}<sumeru-widget><a>x</a></sumeru-widget>", SERVER, {}, "type="),
    ("no_type", f"{LOADER}<p data-sumeru-widget>x</p>", SERVER, {}, "type="),
    ("unknown_type", f'{LOADER}<sumeru-widget type="review"><a>x</a></sumeru-widget>', SERVER, {}, 'type="reviews"'),
    ("switched_off", LOADER + REVIEWS, with_shop(off=frozenset({("reviews", "")})), {}, "Widgets → reviews"),
    (
        "missing_parameter",
        f'{LOADER}<sumeru-widget type="reviews"><a>x</a></sumeru-widget>',
        SERVER,
        {},
        'product-id="…"',
    ),
    (
        "missing_parameter",
        f'{LOADER}<sumeru-widget type="rating_badge"><a>x</a></sumeru-widget>',
        SERVER,
        {},
        'product-id="…"',
    ),
    (
        "invalid_parameter",
        f'{LOADER}<sumeru-widget type="reviews" product-id="a,b"><a>x</a></sumeru-widget>',
        SERVER,
        {},
        'product-id="a,b"',
    ),
    (
        "invalid_parameter",
        f'{LOADER}<p data-sumeru-widget="rating-badge" data-product-id="a" product-ids="b">x</p>',
        SERVER,
        {},
        'product-id="a"',
    ),
    ("unknown_product", LOADER + REVIEWS.replace("prd_1", "prd_9"), SERVER, {}, "product-id="),
    (
        "unknown_placement",
        LOADER + REVIEWS.replace('product-id="prd_1"', 'product-id="prd_1" placement="sumer"'),
        with_shop(unknown_placements=frozenset({("reviews", "sumer")})),
        {},
        'placement="sumer"',
    ),
    (
        "unknown_handle",
        LOADER + REVIEWS.replace('product-id="prd_1"', 'params="product_handle=no-such"'),
        SERVER,
        {},
        "product-handle=",
    ),
    (
        "no_fallback",
        f'{LOADER}<sumeru-widget type="reviews" product-id="prd_1"></sumeru-widget>',
        SERVER,
        {},
        f'<a href="{HOST}/w/v1/shp_1/reviews?product_id=prd_1">',
    ),
    ("json_ld_unreadable", LOADER + REVIEWS + '<script type="application/ld+json">{</script>', SERVER, {}, "line 2"),
    ("json_ld_twice", LOADER + REVIEWS + product(aggregateRating=RATING) * 2, SERVER, {}, "once"),
    (
        "two_ratings",
        LOADER + REVIEWS + product(aggregateRating=RATING) + product(sku="1", aggregateRating=RATING),
        SERVER,
        {},
        "structured data",
    ),
]


@pytest.mark.parametrize(("code", "body", "server", "how", "fix"), CASES, ids=[case[0] for case in CASES])
def test_each_rule(code: str, body: str, server: ServerFacts, how: Mapping[str, object], fix: str) -> None:
    got = found(body, server, **how)  # type: ignore[arg-type]
    hits = [each for each in got if each.code == code]
    assert len(hits) == 1, got
    assert fix in hits[0].fix
    assert not re.search(r"\{\w+\}", hits[0].text + hits[0].fix)
    # Nothing else is wrong with these pages, but for what belongs together.
    others = {each.code for each in got} - {code}
    assert others <= {
        "no_widgets",
        "unknown_shop",
        "mixed_content",
        "other_server",
        "loader_unreachable",
        "no_crossorigin",
    }, got


def test_every_rule_of_the_doctor_has_a_case() -> None:
    rules = {code for code, rule in table.rules().items() if rule.by != "overlay"}
    assert rules - {case[0] for case in CASES} == {"page_unreachable"}


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (LOADER + REVIEWS, {}),
        (f'<script async crossorigin integrity="{INTEGRITY}" src="{PINNED}" data-shop="shp_1"></script>{REVIEWS}', {}),
        (LOADER.replace("async", "defer") + REVIEWS, {"shop": "shp_1"}),
        (f"<noscript>{LOADER}</noscript>{LOADER}<!-- {LOADER} -->{REVIEWS}", {}),
        (
            LOADER.replace("async", 'async nonce="n1"') + REVIEWS,
            {
                "Content_Security_Policy": f"default-src 'none'; script-src 'nonce-n1' 'strict-dynamic'; style-src 'none'; "
                f"img-src https://cdn.example; media-src https:; connect-src {HOST}; form-action {HOST}; "
                "require-trusted-types-for 'script'; trusted-types sumeru"
            },
        ),
        # First-party: the storefront's own address leads to the server.
        (LOADER.replace(HOST, "https://shop.example/sumeru").replace(" crossorigin", "") + REVIEWS, {}),
        (LOADER + REVIEWS + product(aggregateRating=RATING) + product("Tent", aggregateRating=RATING) + product(), {}),
    ],
)
def test_good_pages(body: str, how: Mapping[str, str]) -> None:
    server = replace(PICTURES, without_resource_policy=("https://cdn.example",))
    assert found(body, server, **how) == []  # type: ignore[arg-type]


def test_errors_come_first_and_then_the_pages_order() -> None:
    got = found(
        f'{LOADER.replace(" async", "")}\n<sumeru-widget></sumeru-widget>\n<sumeru-widget type="nope"></sumeru-widget>'
    )
    assert [(each.code, each.line) for each in got] == [("no_type", 3), ("unknown_type", 4), ("not_async", 2)]


def test_broken_html_is_read_as_far_as_it_goes() -> None:
    got = page.read(
        PAGE, 200, [], f'<div><p>{LOADER}<sumeru-widget type="reviews" product-id=prd_1><b><i>x</b><script>"</div>'
    )
    assert [each.type for each in got.widgets] == ["reviews"]
    assert got.widgets[0].has_fallback
    assert page.read(PAGE, 200, [], "<" * 1000 + "&#xffffffff;\0").widgets == []


def test_the_table_is_whole() -> None:
    for code, rule in table.rules().items():
        assert re.fullmatch(r"[a-z_]{4,40}", code)
        assert rule.severity in table.SEVERITIES
        assert rule.by in ("doctor", "overlay", "both")
        assert rule.text.endswith((".", ")", "}"))
        assert rule.fix


@pytest.mark.parametrize(
    "unit", ["<div>", "<sumeru-widget><b>", "</p>", "<!--", "<![", "<", "<a<", "<a b=", "<a b='", "<a/", "<a ", "<noscript><p>", "<?"]
)  # fmt: skip
def test_hostile_html_costs_its_length_alone(unit: str) -> None:
    """Four megabytes of <div> took 90 seconds: twice the text took four times as long. Counted in calls, not in seconds."""

    def calls_for(length: int) -> int:
        counted = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            page.read("https://shop.example/", 200, [], unit * (length // len(unit)))
        finally:
            sys.setprofile(None)
        return counted

    assert calls_for(40_000) <= 2.5 * calls_for(20_000) + 500


def test_reading_ends_at_the_deadline() -> None:
    with pytest.raises(page.TooSlow):
        page.read("https://shop.example/", 200, [], "<div>" * 50_000, deadline=0.0)
