"""Whatever shoppers, Sumeru or an operator write where an address could stand: only the configured host is ever called, and only at
the paths that are meant."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from sumeru_proxy import accounts, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Account, Sumeru
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import writes
from sumeru_proxy.outbox.delivering import client_of
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.server import running
from sumeru_proxy.worker import Worker, handlers
from tests.faults.connections import Trap, connections, trap
from tests.faults.running_site import PLENTY, deliver, envelope, site
from tests.upstream import Upstream, upstream
from widgets import registry
from widgets.base import is_identifier
from widgets.http import throttles

FORMS = (".json", ".html", "")
ELSEWHERE = (
    "http://127.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://api.sumeru.systems@127.0.0.1:{port}/",
    "https://api.sumeru.systems:443@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@api.sumeru.systems/",
    "http://127.0.0.1:{port}\\@api.sumeru.systems/",
    "http://127.0.0.1.nip.example:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "//127.0.0.1:{port}/",
    "/\\127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "@127.0.0.1:{port}/",
    ".127.0.0.1:{port}/",
)


@pytest.fixture
def lure() -> Iterator[Trap]:
    with trap() as made:
        yield made
        assert made.heard == []


def only(noted: list[tuple[str, Any]], url: str) -> None:
    """Asserts that nothing but this address was looked up or connected to."""
    parts = urlsplit(url)
    for event, where in noted:
        host, port = (where[0], where[1]) if event == "socket.connect" else (where, parts.port)
        assert (host, port) == (parts.hostname, parts.port), (event, where)


def ask_everything(client: Client, shop: Shop, **values: str) -> None:
    for widget in registry.all_widgets().values():
        query = {name: text.replace("{product}", "prd_1") for name, text in widget.example.items()}
        for form in FORMS:
            throttles.reads = throttles.Meter()
            response = client.get(f"/w/v1/{shop.key}/{widget.name}{form}", {**query, **values})
            assert response.status_code < 500


def test_what_shoppers_ask_for_is_never_an_address(
    client: Client, make_shop: Callable[..., Shop], sandbox: Upstream, lure: Trap
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    names = sorted({name for widget in registry.all_widgets().values() for name in widget.Params().fields})
    with connections() as noted:
        for text in ELSEWHERE:
            value = text.format(port=lure.port)
            throttles.reads = throttles.Meter()
            for name in names if text in ELSEWHERE[::7] else names[:3]:
                for widget in ("product_feed", "reviews"):
                    client.get(f"/w/v1/{shop.key}/{widget}.json", {"product_id": "prd_1", "limit": "8", name: value})
            for extra in ("url", "host", "cursor", "next", "callback", "return_to", "redirect"):
                client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "prd_1", extra: value})
            client.get(f"/w/v1/{shop.key}/batch", {"w": [f"reviews?product_id={value}", value]})
            client.get(f"/w/v1/{shop.key}/reviews", {"product_id": "prd_1"}, headers={"x-forwarded-host": value[:60]})
    only(noted, sandbox.url)


def with_addresses(value: Any, url: str) -> Any:
    """A catalogue in which everything that is an address leads elsewhere."""
    if isinstance(value, dict):
        return {
            key: url if key in ("url", "thumb_url", "image_url", "share_url") else with_addresses(each, url)
            for key, each in value.items()
        }
    return [with_addresses(each, url) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:{port}/", "http://169.254.169.254/x", "//127.0.0.1:{port}/", "file:///etc/passwd"]
)
def test_addresses_in_sumerus_answers_are_not_called(
    text: str, client: Client, make_shop: Callable[..., Shop], lure: Trap
) -> None:
    url = text.format(port=lure.port)
    with upstream(with_addresses(small_catalogue(), url)) as sandbox:
        shop = make_shop(sandbox.url, **sandbox.account())
        with connections() as noted:
            ask_everything(client, shop)
            for path in ("pagination.next_cursor", "data.next", "data.summary.product_id"):
                sandbox.fault("wrong_types", paths=[path, "pagination.has_next"], value=url)
                reader.copies.forget()
                ask_everything(client, shop)
                sandbox.heal()
        only(noted, sandbox.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 201, 200])
def test_redirects_are_not_followed(
    status: int, client: Client, make_shop: Callable[..., Shop], sandbox: Upstream, lure: Trap
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    sandbox.fault("status", status=status)
    for name in ("Location", "Content-Location", "Link", "Refresh", "Alt-Svc"):
        sandbox.fault("headers", headers={name: f"{lure.url}/api/public/reviews"})
    body = {
        "product_id": "prd_1",
        "rating": 5,
        "title": "",
        "body": "b",
        "author": {"name": "A", "email": "a@mail.example"},
    }
    writes.owe(shop.pk, "review", body, key="redirected-key")
    with connections() as noted:
        ask_everything(client, shop)
        Worker(handlers()).once()
    only(noted, sandbox.url)
    assert Job.objects.get().state != "done"


HOSTS = [text.rstrip("/") for text in ELSEWHERE if text not in ("/\\127.0.0.1:{port}/",)]


@pytest.mark.parametrize("text", HOSTS)
def test_a_shops_host_is_one_of_the_allowed(
    text: str, make_shop: Callable[..., Shop], sandbox: Upstream, lure: Trap
) -> None:
    """Also in a row that came past the admin's form: credentials go to allowed hosts only."""
    shop = make_shop(sandbox.url, **sandbox.account())
    shop.api_url = text.format(port=lure.port)
    with pytest.raises(ValidationError):
        shop.full_clean()
    Shop.objects.filter(pk=shop.pk).update(api_url=shop.api_url)
    wanted = reader.Query("reviews", (("product_id", "prd_1"),))
    with connections() as noted:
        with pytest.raises(reader.Pending):
            accounts.source_for(shop.pk).get(wanted)
        with pytest.raises(secrets.CredentialUnusable, match="SUMERU_HOSTS"):
            client_of(Shop.objects.get(pk=shop.pk)).reviews("prd_1")
    assert noted == []


@pytest.mark.parametrize("text", ELSEWHERE)
def test_a_webhooks_address_is_told_never_called(
    text: str, make_shop: Callable[..., Shop], sandbox: Upstream, lure: Trap
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    with connections() as noted, contextlib.suppress(CommandError):
        call_command("subscribe", shop.key, "--url", text.format(port=lure.port))
    only(noted, sandbox.url)


# -- paths

ODD_IDS = (
    "p1/../../admin",
    "../orders",
    "..",
    ".",
    "%2e%2e",
    "%2e%2e%2fadmin",
    "..%2fadmin",
    "%252e%252e/",
    "..;/admin",
    "p1?x=1",
    "p1#",
    "p1&limit=1",
    "p1;a=1",
    "p1\\..\\admin",
    "/api/v1/api-keys",
    "//evil.example",
    "p1%00",
    "p1%0d%0aX-Evil:1",
    "p1 HTTP/1.1",
    "ünï",
    "。。/",
    "p1+p2",
    "a@b:c",
)


def targets(made: Trap) -> list[str]:
    return [raw.split(b"\r\n", 1)[0].decode("ascii") for raw in made.heard]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_is_one_segment_or_refused(odd: str) -> None:
    with trap() as made:
        sumeru = Sumeru(Account(host=made.url, token="copt_test_" + "a" * 32, public_key="pk_test_aaaaaaaa"), "write")
        calls: dict[str, Callable[[], Any]] = {
            "GET /api/v1/orders/": lambda: sumeru.order(odd),
            "GET /api/v1/customers/": lambda: sumeru.customer(odd),
            "PATCH /api/v1/customers/": lambda: sumeru.update_customer(odd, {"tags": []}),
        }
        for start, call in calls.items():
            made.heard.clear()
            with pytest.raises(errors.SumeruError):
                call()
            for line in targets(made):
                assert line.startswith(start), line
                segment = line.removeprefix(start).removesuffix(" HTTP/1.1")
                assert not re.search(r"[/?#\\\s;]", segment), line
                assert segment not in (".", "..")
                assert unquote(segment) == odd
        made.heard.clear()
        for read in (
            lambda: sumeru.reviews(odd),
            lambda: sumeru.bundles(odd),
            lambda: sumeru.reviews("prd_1", cursor=odd),
        ):
            with pytest.raises(errors.SumeruError):
                read()
        for line in targets(made):
            path, _, query = line.split(" ")[1].partition("?")
            assert path in ("/api/public/reviews", "/api/public/bundles")
            values = parse_qs(query, strict_parsing=True)
            assert odd in (values["product_id"][0], values.get("cursor", [""])[0])
            assert set(values) <= {"product_id", "cursor", "limit", "sort"}


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_of_shoppers_are_refused_before_anything_is_asked(
    odd: str, client: Client, make_shop: Callable[..., Shop], sandbox: Upstream
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    for widget in ("reviews", "rating_badge", "bundles"):
        for raw in {quote(odd, safe=""), quote(odd, safe="/.%")}:
            response = client.get(f"/w/v1/{shop.key}/{widget}.json?product_id={raw}")
            decoded = response.wsgi_request.GET["product_id"]
            known = is_identifier(decoded.strip())
            assert response.status_code == (200 if known else 400), (widget, raw)
            assert known or json.loads(response.content)["error"]["details"].keys() == {"product_id"}
    assert {call["path"] for call in sandbox.recent()} <= {
        "/api/public/reviews",
        "/api/public/bundles",
        "/api/public/product-feed",
    }


# -- the whole, over a real server


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_running_server_connects_to_sumeru_alone(tmp_path: Path, lure: Trap) -> None:
    noted = tmp_path / "connections"
    with (
        running(with_addresses(small_catalogue(), lure.url), limits=PLENTY) as sandbox,
        site("sqlite", tmp_path, sandbox, CONNECTIONS=str(noted)) as place,
    ):
        web = place.web(target="tests.faults.watched_wsgi:application")
        for value in ELSEWHERE[::4]:
            odd = quote(value.format(port=lure.port), safe="")
            for path in (
                f"reviews.json?product_id={odd}",
                f"reviews?product_id=prd_1&cursor={odd}",
                f"product_feed.json?query={odd}",
            ):
                assert web.get(f"/w/v1/{place.key}/{path}").status < 500
        for widget in registry.all_widgets().values():
            query = "&".join(f"{name}={text.replace('{product}', 'prd_1')}" for name, text in widget.example.items())
            assert web.get(f"/w/v1/{place.key}/{widget.name}.json?{query}").status in (200, 401)
        event = envelope("evt_lure", data={"order_id": lure.url, "url": lure.url, "callback": lure.url})
        assert deliver(place, web, event).status == 200
        seen = set(noted.read_text(encoding="ascii").splitlines())
        assert f"connect ('127.0.0.1', {sandbox.port})" in seen
        named = re.compile(
            rf"connect \('127\.0\.0\.1', {sandbox.port}\)|socket\.getaddrinfo \('127\.0\.0\.1', {sandbox.port}\)"
        )
        assert [line for line in seen if not named.fullmatch(line)] == []
