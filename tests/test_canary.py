"""Unique credentials per shop: nobody but the upstream ever sees them, whatever goes wrong."""

from __future__ import annotations

import io
import json
import logging
import secrets as random_secrets
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from sumeru_proxy import accounts
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from widgets import registry
from widgets.logs import Line, Redact


def canary(prefix: str) -> str:
    return prefix + "".join(random_secrets.choice(string.ascii_letters + string.digits) for _ in range(32))


@pytest.fixture
def planted() -> Iterator[tuple[Upstream, list[str]]]:
    """A sandbox whose shops have credentials that exist nowhere else."""
    catalogue = small_catalogue()
    planted: list[str] = []
    for shop in catalogue["shops"]:
        shop["public_key"] = canary("pk_test_")
        shop["tokens"][0]["token"] = canary("copt_test_")
        planted += [shop["public_key"], shop["tokens"][0]["token"]]
    with upstream(catalogue) as running:
        yield running, planted


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level, without the net that would hide a slip."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.thorough
def test_nothing_tells_a_credential(
    planted: tuple[Upstream, list[str]],
    make_shop: Callable[..., Shop],
    admin_client: Client,
    log_lines: io.StringIO,
    tmp_path: Any,
) -> None:
    sandbox, credentials = planted
    shops = [make_shop(sandbox.url, name=f"Shop {number}", **sandbox.account(number)) for number in (0, 1)]
    seen: list[str] = []
    anonymous = Client()
    faults: list[dict[str, Any] | None] = [
        None,
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 401, "code": "unauthenticated"},
        {"kind": "malformed"},
        {"kind": "reset"},
        {"kind": "wrong_types", "paths": ["data"], "value": 7},
    ]
    for fault in faults:
        if fault:
            sandbox.fault(**fault)
        cache.clear()
        reader.copies.forget()
        for shop in shops:
            for widget in registry.all_widgets().values():
                query = "product_id=prd_1" if fault is None else f"product_id=prd_{abs(hash(str(fault))) % 99}"
                for form in (".html", ".json", ""):
                    response = anonymous.get(f"/w/v1/{shop.key}/{widget.name}{form}?{query}")
                    seen.append(f"{response.serialize_headers()!r}{response.content.decode()}")
                seen.append(anonymous.get(f"/w/v1/{shop.key}/batch?w={widget.name}%3F{query}").content.decode())
        sandbox.heal()
    for path in (
        "/admin/",
        "/admin/sumeru_proxy/shop/",
        *(f"/admin/sumeru_proxy/shop/{shop.pk}/change/" for shop in shops),
    ):
        response = admin_client.get(path, follow=True)
        assert response.status_code == 200, path
        seen.append(response.content.decode())
    for path in ("/healthz", "/readyz", "/metrics", "/docs/", "/w/v1/openapi.json", "/embed/v1.js", "/nothing"):
        seen.append(anonymous.get(path).content.decode())
    dump = io.StringIO()
    call_command("dumpdata", "sumeru_proxy", "widgets", stdout=dump)
    seen += [dump.getvalue(), repr(vars(cache)), repr(reader.copies._held)]
    seen.append(repr([accounts.account_of(shop) for shop in shops]) + repr(accounts.client_for(shops[0].pk, "page")))
    seen.append(log_lines.getvalue())

    text = "\n".join(seen)
    assert len(text) > 50_000  # something was really looked at
    assert log_lines.getvalue().count("\n") > 5
    for credential in credentials:
        assert credential not in text
        assert credential[8:] not in text
    # … and the upstream did see the one that reads use.
    used = {call["credential"] for call in sandbox.recent()}
    assert used - {None, ""}


def test_the_net_under_the_logs() -> None:
    token = canary("copt_live_")
    record = logging.LogRecord("x", logging.INFO, "x", 1, "calling with %s and Bearer %s", (token, "abc.def"), None)
    assert Redact().filter(record)
    line = Line().format(record)
    assert token not in line
    assert "abc.def" not in line
    assert "copt_live_[redacted]" in line


def test_a_log_line_cannot_be_forged() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "one\r\ntwo %s", ("three\nfour",), None)
    Redact().filter(record)
    assert "\n" not in Line().format(record)


def test_the_upstreams_own_words_reach_nobody(
    make_shop: Callable[..., Shop], sandbox: Upstream, client: Client, log_lines: io.StringIO
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    sandbox.fault("status", status=422, code="validation_failed")
    response = client.get(f"/w/v1/{shop.key}/reviews.json?product_id=prd_1")
    assert json.loads(response.content)["state"] == "pending"
    assert "sandbox" not in response.content.decode().lower()
