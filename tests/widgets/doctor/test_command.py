"""``manage.py doctor`` against pages on a real socket, judged by a real server's rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sumeru_proxy.memory import forget_all
from sumeru_proxy.models import Shop, ShopOrigin
from tests.loader.stub_hosts import Answer, Host, Seen, StorefrontHost
from tests.upstream import Upstream
from widgets.http import embed
from widgets.models import Placement


class Widgets(Host):
    """The widget server's addresses, as far as the doctor goes there."""

    def answer(self, seen: Seen) -> Answer:
        if seen.path == "/embed/v1.js":
            return Answer(embed.loader().identity, content_type="text/javascript")
        if seen.path.endswith("/batch"):
            html = '<img alt="" src="https://cdn.example/a.jpg?x=1&amp;y=2">'
            return Answer(json.dumps({"items": [{"state": "ready", "html": html}]}), content_type="application/json")
        return Answer("", 404)


@pytest.fixture
def store() -> Iterator[StorefrontHost]:
    host = StorefrontHost()
    yield host
    host.close()


@pytest.fixture
def widget_server() -> Iterator[Widgets]:
    host = Widgets()
    yield host
    host.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def doctor(*arguments: str, private: tuple[str, ...] = ("--allow-private",)) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *arguments, *private, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def codes(*arguments: str) -> tuple[int, list[str]]:
    status, text = doctor(*arguments, "--json")
    return status, [each["code"] for each in json.loads(text)["findings"]]


def html(widget_server: Widgets, shop: Shop, product: str = "prd_1") -> str:
    return (
        f'<!doctype html><title>t</title><script async crossorigin src="{widget_server.origin}/embed/v1.js" '
        f'data-shop="{shop.key}"></script>'
        f'<sumeru-widget type="reviews" product-id="{product}"><a href="/r">Reviews</a></sumeru-widget>'
    )


def test_a_good_page(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    ShopOrigin.objects.create(shop=shop, origin=store.origin)
    store.pages["/p"] = Answer(html(widget_server, shop))
    assert codes(f"{store.origin}/p?a=1#x") == (0, [])
    seen = store.log[-1]
    assert (seen.path, seen.query) == ("/p", "a=1")
    assert seen.headers["user-agent"].startswith("SumeruWidgetsDoctor/")
    assert not {"cookie", "authorization"} & set(seen.headers)
    assert widget_server.ending("/batch")[0].headers["origin"] == store.origin


def test_what_rows_and_sumeru_know(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    Placement.objects.create(shop=shop, widget="reviews", enabled=False)
    policy = {"Content-Security-Policy": "img-src 'self'"}
    store.pages["/p"] = Answer(html(widget_server, shop, "prd_unknown"), headers=policy)
    status, text = doctor(f"{store.origin}/p")
    assert status == 1
    for code in ("origin_refused", "switched_off", "unknown_product", "csp_images"):
        assert f" {code}" in text
    assert f"Origins: add {store.origin} (/admin/sumeru_proxy/shop/{shop.pk}/change/)" in text
    assert "img-src 'self' https://cdn.example;" in text


def test_an_inactive_shop(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    ShopOrigin.objects.create(shop=shop, origin=store.origin)
    Shop.objects.update(active=False)
    store.pages["/p"] = Answer(html(widget_server, shop))
    assert codes(f"{store.origin}/p", "--shop", shop.key) == (1, ["inactive_shop"])


def test_redirects_are_followed_and_bounded(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    ShopOrigin.objects.create(shop=shop, origin=store.origin)
    store.pages["/old"] = Answer("", 302, headers={"Location": "/p"})
    store.pages["/p"] = Answer(html(widget_server, shop))
    assert codes(f"{store.origin}/old") == (0, [])
    store.pages["/round"] = Answer("", 302, headers={"Location": "/round"})
    assert codes(f"{store.origin}/round") == (1, ["page_unreachable"])
    assert store.count("/round") == 6
    for place in ("file:///etc/passwd", "http://user:word@127.0.0.1/"):
        store.pages["/away"] = Answer("", 302, headers={"Location": place})
        assert codes(f"{store.origin}/away") == (1, ["page_unreachable"])


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(b"x" * (4 * 1024 * 1024 + 1)),
        Answer(b"\x00", headers={"Content-Encoding": "br"}),
        Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_pages_that_cannot_be_read(store: StorefrontHost, db: None, answer: Answer) -> None:
    store.pages["/p"] = answer
    assert codes(f"{store.origin}/p") == (1, ["page_unreachable"])


def test_gzip_that_nobody_asked_for_is_read(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    ShopOrigin.objects.create(shop=shop, origin=store.origin)
    body = gzip.compress(html(widget_server, shop).encode())
    store.pages["/p"] = Answer(body, headers={"Content-Encoding": "gzip"})
    assert codes(f"{store.origin}/p") == (0, [])


def test_private_addresses_only_when_told(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    """Redirects and ``data-api`` made it fetch addresses of this machine."""
    status, text = doctor(f"{store.origin}/p", private=())
    assert (status, "not public" in text) == (1, True)
    assert store.log == []


def test_only_the_pages_own_addresses_are_asked(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    lure = Widgets()
    try:
        tag = f'<script async src="{widget_server.origin}/embed/v1.js" data-api="{lure.origin}/w/v1/{shop.key}/"></script>'
        store.pages["/lure"] = Answer(tag + '<sumeru-widget type="rating_badge" product-id="prd_1"></sumeru-widget>')
        doctor(f"{store.origin}/lure")
        assert lure.log == []
        assert [seen.path for seen in widget_server.log] == ["/embed/v1.js"]
    finally:
        lure.close()


def test_a_terminal_gets_no_control_characters(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e"
    store.pages["/evil"] = Answer(
        f'<sumeru-widget type="{evil}"></sumeru-widget><p>', content_type="text/html; charset=utf-8"
    )
    _status, text = doctor(f"{store.origin}/evil")
    assert "\\x1b]0;title" in text
    assert [sign for sign in text if not sign.isprintable() and sign != "\n"] == []
    assert doctor(f"{store.origin}/evil", "--json")[1].isascii()


def test_an_unknown_placement_is_named(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    store.pages["/placed"] = (
        Answer(f"""<script async crossorigin src="{widget_server.origin}/embed/v1.js" data-shop="{shop.key}"></script>
<sumeru-widget type="rating_badge" product-id="prd_1" placement="sumer"><a href="/">x</a></sumeru-widget>""")
    )
    assert "unknown_placement (line 2)" in doctor(f"{store.origin}/placed")[1]
    Placement.objects.create(shop=shop, widget="rating_badge", name="sumer")
    forget_all()
    assert "unknown_placement" not in doctor(f"{store.origin}/placed")[1]


def test_warnings_leave_the_status_alone(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    ShopOrigin.objects.create(shop=shop, origin=store.origin)
    store.pages["/p"] = Answer(html(widget_server, shop).replace(" crossorigin", ""))
    assert codes(f"{store.origin}/p") == (0, ["no_crossorigin"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://shop.example/"], "http:// or https://"),
        (["shop.example"], "http:// or https://"),
        (["https://shop.example:99999/"], "no address"),
        (["https://user:word@shop.example/"], "sends none"),
        (["https://shop.example/", "--shop", "shp_nope"], "no shop with the key"),
    ],
)
def test_unusable_arguments(db: None, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        call_command("doctor", *arguments)
    assert caught.value.returncode == 2


def test_the_json_says_everything(store: StorefrontHost, widget_server: Widgets, shop: Shop) -> None:
    store.pages["/p"] = Answer(html(widget_server, shop))
    status, text = doctor(f"{store.origin}/p", "--json")
    told: dict[str, Any] = json.loads(text)
    assert status == 1
    assert {name: told[name] for name in ("url", "loaders", "widgets", "counts")} == {
        "url": f"{store.origin}/p",
        "loaders": 1,
        "widgets": 1,
        "counts": {"error": 1, "warning": 0, "info": 0},
    }
    assert set(told["findings"][0]) == {"code", "severity", "text", "fix", "line"}
