"""The demo shop's own site: its pages with a widget server that is well, slow, broken or gone."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from sumeru_proxy.sandbox.pictures import picture
from tests.widgets.demo_shopper import SANDBOX, SHOP, Shopper, product, shop_of, site
from widgets.demo import frame, shelves, widget_html
from widgets.demo import shop as shops
from widgets.demo.shop import Shop

CSS = ".sw{color:red}"
Reply = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def well(handler: BaseHTTPRequestHandler) -> None:
    parts = urlsplit(handler.path)
    query = parse_qs(parts.query)
    if parts.path.endswith("/batch"):
        items = [{"state": "ready", "html": f"<b>stars {each.partition('=')[2]}</b>"} for each in query["w"]]
        body: dict[str, Any] = {"v": 1, "css": CSS, "items": items}
    else:
        kind = parts.path.rpartition("/")[2].removesuffix(".json")
        root = f'<template shadowrootmode="open"><style>{CSS}</style><b>{kind} of {query.get("product_id", [""])[0]}</b></template>'
        ld = '<script type="application/ld+json">{"@type":"Product"}</script>' if kind == "reviews" else ""
        inner = f"<b>{kind}</b>"
        html = f'<sumeru-widget type="{kind}">{root}</sumeru-widget>{ld}'
        body = {"state": "ready", "html": html, "inner_html": inner, "css": CSS}
    send(handler, json.dumps(body).encode())


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b"{")
        handler.wfile.flush()
        time.sleep(0.1)


FAULTS: dict[str, Reply] = {
    "hangs": lambda handler: time.sleep(3),
    "drips": drip,
    "fails": lambda handler: send(handler, b'{"error":{"code":"internal_error"}}', 500),
    "limits": lambda handler: send(handler, b'{"error":{"code":"rate_limited"}}', 429),
    "closes": lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
    "ends early": lambda handler: send(handler, b'{"state":"ready","html":"x"', length=900),
    "speaks HTML": lambda handler: send(handler, b"<html>Welcome</html>"),
    "sends a list": lambda handler: send(handler, b"[]"),
    "sends nothing useful": lambda handler: send(handler, b"{}"),
    "sends odd items": lambda handler: send(handler, json.dumps({"v": 1, "items": [None] * 48}).encode()),
    "sends too few": lambda handler: send(handler, b'{"v":1,"items":[]}'),
    "is not ready": lambda handler: send(handler, b'{"state":"pending","html":"<i>later</i>","items":[]}'),
    "redirects": lambda handler: send(handler, b"", 302),
}


@contextmanager
def widget_server(reply: Reply) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            try:
                reply(self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}", asked


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def get(shop: Shop, target: str) -> HttpResponse:
    return Shopper(shop).get(target)


def page(shop: Shop, target: str, status: int = 200) -> str:
    return Shopper(shop).text(target, status)


def nonce_of(answer: HttpResponse) -> str:
    return answer.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]


def test_a_product_page_holds_finished_widgets_and_structured_data() -> None:
    with widget_server(well) as (base, asked):
        answer = get(shop_of(base), "/products/thing-1")
    text, nonce = answer.content.decode(), nonce_of(answer)
    assert sorted(urlsplit(each).path for each in asked) == [
        f"/w/v1/{SHOP}/rating_badge.json",
        f"/w/v1/{SHOP}/reviews.json",
    ]
    assert text.count(f'<style nonce="{nonce}">{CSS}</style>') == 2
    assert "<style>" not in text
    assert "<b>reviews of prd_1</b>" in text
    assert '<script type="application/ld+json">{"@type":"Product"}</script>' in text
    assert 'class="block"' in text  # and nothing is reserved
    assert "Thing &lt;1&gt;" in text
    assert "€1,234.50" in text


def test_a_collection_page_asks_once_for_all_of_its_badges() -> None:
    with widget_server(well) as (base, asked):
        answer = get(shop_of(base), "/")
    text = answer.content.decode()
    assert len(asked) == 1
    assert asked[0].count("w=rating_badge") == shelves.PER_PAGE == 48
    assert all(f"<b>stars prd_{number}</b>" in text for number in range(1, 49))
    assert "prd_49" not in text
    assert text.count(f'<style nonce="{nonce_of(answer)}">') == 48


def test_the_second_collection_page_and_the_end() -> None:
    with widget_server(well) as (base, _asked):
        shop = shop_of(base)
        assert page(shop, "/?page=2").count("<sumeru-widget") == 2
        page(shop, "/?page=3", 404)
        assert page(shop, "/?page=0").count("<sumeru-widget") == 48


def test_script_mode_holds_tags_and_asks_nothing() -> None:
    with widget_server(well) as (base, asked):
        shop = shop_of(base)
        home, product = page(shop, "/?mode=script"), page(shop, "/products/thing-1?mode=script")
    assert asked == []
    link = f"{base}/w/v1/{SHOP}/rating_badge?product_id=prd_48"
    assert (
        f'<sumeru-widget type="rating_badge" product-id="prd_48"><a href="{link}">Reviews</a></sumeru-widget>' in home
    )
    assert f'<sumeru-widget type="reviews" product-id="prd_1"><a href="{base}/w/v1/{SHOP}/reviews' in product
    assert 'class="block wait"' in product
    assert "<template" not in home + product


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("target", ["/", "/products/thing-1"])
def test_a_page_never_fails_for_a_widget(fault: str, target: str) -> None:
    with widget_server(FAULTS[fault]) as (base, asked):
        started = time.monotonic()
        text = page(shop_of(base), target)
        took_s = time.monotonic() - started
    assert asked
    assert took_s < 2  # the budget is 0.8; this machine may be busy
    assert "<template" not in text
    assert "later" not in text
    assert text.count("<sumeru-widget type=") == (48 if target == "/" else 2)
    assert f'src="{base}/embed/v1.js" data-shop="{SHOP}"' in text


def test_a_page_without_a_widget_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        text = page(shop_of(f"http://127.0.0.1:{unused.getsockname()[1]}"), "/products/thing-1")
    assert text.count("<sumeru-widget type=") == 2


def test_a_slow_widget_server_costs_no_more_than_the_budget() -> None:
    with widget_server(FAULTS["hangs"]) as (base, _asked):
        server = widget_html.WidgetServer(base, SHOP, budget_s=0.2)
        started = time.monotonic()
        assert server.ask([server.address("reviews.json")] * 3) == [None, None, None]
        assert 0.2 <= time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<template shadowrootmode="open"><style>a</style>',
            '<template shadowrootmode="open"><style nonce="n">a</style>',
        ),
        ("<p><style>a</style></p>", "<p><style>a</style></p>"),
        (
            "&lt;template shadowrootmode=&quot;open&quot;&gt;<style>",
            "&lt;template shadowrootmode=&quot;open&quot;&gt;<style>",
        ),
    ],
)
def test_only_the_roots_own_style_gets_the_nonce(html: str, expected: str) -> None:
    assert widget_html.with_nonce(html, "n") == expected


def test_attributes_and_links_are_escaped() -> None:
    made = widget_html.tag("reviews", {"product-id": '"><script>'}, "http://x/?a=1&b=2", "<i>")
    assert made == (
        '<sumeru-widget type="reviews" product-id="&quot;&gt;&lt;script&gt;">'
        '<a href="http://x/?a=1&amp;b=2">&lt;i&gt;</a></sumeru-widget>'
    )


def test_the_policy_lets_nothing_inline_in() -> None:
    policy = frame.policy(shop_of("http://widgets.test", 1), "abc")
    assert "unsafe" not in policy
    rules = dict(part.split(" ", 1) for part in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'nonce-abc'"
    assert rules["style-src"] == "'self' 'nonce-abc'"
    assert rules["connect-src"] == "'self' http://widgets.test"


def test_every_answer_has_its_own_nonce() -> None:
    shop = shop_of(SANDBOX, 1)
    assert len({nonce_of(get(shop, "/?mode=script")) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("target", "choices", "again"),
    [
        ("/", ("server", "light", "ltr", "open"), "/x"),
        ("/?mode=script&theme=dark&dir=rtl", ("script", "dark", "rtl", "open"), "/x?mode=script&theme=dark&dir=rtl"),
        ("/?mode=server&theme=%3Cb%3E", ("server", "light", "ltr", "open"), "/x"),
    ],
)
def test_switches_live_in_the_address(target: str, choices: tuple[str, ...], again: str) -> None:
    visit = Shopper(shop_of(SANDBOX, 1)).visit(target)
    assert tuple(visit.choices.values()) == choices
    assert visit.url("/x") == again


def test_switching_keeps_the_page_and_the_other_switches() -> None:
    visit = Shopper(shop_of(SANDBOX, 1)).visit("/?page=2&theme=dark")
    assert visit.here(mode="script") == "/?page=2&mode=script&theme=dark"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("{base}/media/a.svg", "/media/a.svg"),
        ("{base}/media/a%20b.svg", "/media/a%20b.svg"),
        ("{base}/media/a/../b.svg", "/media/a%2F..%2Fb.svg"),
        ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("{base}/_sandbox/stop", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_pictures_of_the_catalogue_are_served_by_the_shop(url: str, expected: str) -> None:
    assert shops.own_address(url) == expected


def test_a_product_without_picture_vendor_and_variant_is_shown() -> None:
    bare = product(7, image=None, vendor=None, tags=None, variant_id=None, collections=None)
    assert (bare.picture, bare.variant, bare.collection, bare.path) == ("", "", "", "/products/thing-7")
    text = page(replace(shop_of(SANDBOX), products=(bare,)), "/products/thing-7?mode=script")
    assert "<img" not in text
    assert "Add to cart" not in text


def test_the_shop_serves_the_pictures_of_its_products_only() -> None:
    shopper = Shopper(shop_of(SANDBOX, 3))
    answer = shopper.get("/media/a%20b.svg")
    assert answer.content == picture("a b")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert shopper.get("/media/a.svg").status_code == 404


def test_pages_are_compressed() -> None:
    answer = Shopper(shop_of(SANDBOX)).get("/?mode=script", accept_encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content).startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/products/none", 404),
        ("GET", "/product/none", 404),
        ("GET", "/product/prd_2", 302),
        ("GET", "/media/..%2Fsite.py", 404),
        ("GET", "/assets/..%2Fsite.py", 404),
        ("GET", "/assets/base.html", 404),
        ("GET", "/assets/site.css", 200),
        ("GET", "/assets/icon.svg", 200),
        ("GET", "/healthz", 200),
        ("HEAD", "/checkout", 200),
        ("POST", "/", 405),
        ("PUT", "/", 405),
        ("GET", "/cart", 200),
        ("GET", "/cart/add", 405),
        ("GET", "/cart/var_1:2", 303),
        ("GET", "/cart/var_1:2,var_9999:1", 404),
        ("GET", "/cart/var_1:0", 404),
        ("GET", "/account", 200),
        ("GET", "/checkout", 200),
        ("GET", "/collections/all", 200),
        ("GET", "/collections/none", 404),
        ("GET", "/quiz", 404),
        ("GET", "/consent", 405),
    ],
)
def test_statuses(method: str, target: str, status: int) -> None:
    shop = shop_of(SANDBOX)
    with site(shop):
        assert Client().generic(method, target).status_code == status
