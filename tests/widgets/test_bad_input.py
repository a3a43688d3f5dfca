"""Every public address under bad input: 4xx with a stable code, never 500, and nothing kept under a stranger's key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from widgets import registry

FORMS = ("{widget}.html", "{widget}.json", "{widget}")
ODD_VALUES = [
    "x" * 3_000,
    "\x00",
    "a\r\nX-Evil: 1",
    "%0d%0aX-Evil: 1",
    "嘊嘍",
    "../../admin",
    "p1?x=",
    "p1#",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "-1",
    "1e9",
    "٣",
    "NaN",
    "[]",
    "{}",
    "\ud83d",
    "\u202e",
]


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Any) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def code(response: Any) -> str:
    return str(json.loads(response.content)["error"]["code"])


def test_unknown_shop(client: Client, db: None) -> None:
    for form in FORMS[:2]:
        response = client.get(f"/w/v1/shp_unknown/{form.format(widget='reviews')}?product_id=prd_1")
        assert (response.status_code, code(response)) == (404, "not_found")
        assert response["Cache-Control"] == "no-store"
    page = client.get("/w/v1/shp_unknown/reviews?product_id=prd_1")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")


def test_inactive_shop_is_unknown(client: Client, shop: Shop) -> None:
    Shop.objects.update(active=False)
    assert client.get(f"/w/v1/{shop.key}/reviews.json?product_id=prd_1").status_code == 404


def test_unknown_widget(client: Client, shop: Shop) -> None:
    response = client.get(f"/w/v1/{shop.key}/nothing.json")
    assert (response.status_code, code(response)) == (404, "not_found")
    assert json.loads(response.content)["error"]["details"] == {"what": "widget"}


@pytest.mark.parametrize(
    "path", ["/w/", "/w/v1/", "/w/v1/x", "/w/v2/a/reviews.json", "/w/v1/a/../b", "/embed/", "/hooks/x"]
)
def test_unknown_addresses(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, code(response)) == (404, "not_found")


@pytest.mark.parametrize("method", ["put", "delete", "patch", "trace"])
def test_wrong_methods(client: Client, shop: Shop, method: str) -> None:
    for address in ("reviews.html", "reviews.json", "batch", "live"):
        response = getattr(client, method)(f"/w/v1/{shop.key}/{address}?product_id=prd_1")
        assert (response.status_code, code(response)) == (405, "method_not_allowed")
        assert "GET" in response["Allow"]


def test_head_and_options(client: Client, shop: Shop, sandbox: Any) -> None:
    address = f"/w/v1/{shop.key}/reviews.json?product_id={sandbox.product()}"
    full, head, options = client.get(address), client.head(address), client.options(address)
    assert head.status_code == full.status_code == 200
    assert head["ETag"] == full["ETag"]
    assert head.content == b""
    assert options.status_code == 204


@pytest.mark.thorough
@pytest.mark.parametrize("value", ODD_VALUES)
def test_odd_values_in_every_parameter(client: Client, shop: Shop, sandbox: Any, value: str) -> None:
    for widget in registry.all_widgets().values():
        for name in widget.Params().fields:
            for form in FORMS:
                query = {"product_id": sandbox.product(), name: value.encode("utf-8", "surrogatepass")}
                response = client.get(f"/w/v1/{shop.key}/{form.format(widget=widget.name)}", query)
                allowed = (200, 400, 404, 414, *((401,) if widget.audience == "customer" else ()))
                assert response.status_code in allowed, (widget.name, name, form, value)
                assert "X-Evil" not in response.headers
                assert b"<script>alert" not in response.content


def test_a_very_long_query(client: Client, shop: Shop) -> None:
    response = client.get(f"/w/v1/{shop.key}/reviews.json?product_id=prd_1&x={'y' * 10_000}")
    assert (response.status_code, code(response)) == (414, "uri_too_long")


def test_missing_parameter_is_named(client: Client, shop: Shop) -> None:
    response = client.get(f"/w/v1/{shop.key}/reviews.json")
    assert (response.status_code, code(response)) == (400, "validation_failed")
    assert list(json.loads(response.content)["error"]["details"]) == ["product_id"]


@pytest.mark.parametrize("query", ["", "w=", "&".join(["w=reviews?product_id=p"] * 61)])
def test_batches_that_are_none(client: Client, shop: Shop, query: str) -> None:
    response = client.get(f"/w/v1/{shop.key}/batch?{query}")
    if query == "w=":
        assert json.loads(response.content)["items"][0]["state"] == "error"
    else:
        assert (response.status_code, code(response)) == (400, "validation_failed")


def test_one_bad_widget_leaves_the_others_of_a_batch_alone(client: Client, shop: Shop, sandbox: Any) -> None:
    query = {"w": ["nothing?x=1", "reviews", f"reviews?product_id={sandbox.product()}"]}
    items = json.loads(client.get(f"/w/v1/{shop.key}/batch", query).content)["items"]
    assert [(item["state"], item["status"]) for item in items] == [("error", 404), ("error", 400), ("ready", 200)]
    assert items[0]["error"]["code"] == "not_found"


@pytest.mark.thorough
def test_junk_parameters_make_no_new_copies(
    client: Client, shop: Shop, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # the copy stays fresh however long a thousand requests take
    address = f"/w/v1/{shop.key}/reviews.json?product_id={sandbox.product()}"
    first = client.get(address)
    copies = set(reader.copies._held)
    calls = sandbox.calls()
    for number in range(1_000):
        response = client.get(
            f"{address}&utm_{number}=x{number}&PRODUCT_ID=other", REMOTE_ADDR=f"10.0.{number // 250}.{number % 250}"
        )
        assert response.content == first.content
    assert set(reader.copies._held) == copies
    assert sandbox.calls() == calls


def test_too_many_requests_from_one_address(client: Client, shop: Shop, settings: Any) -> None:
    settings.CLIENT_READS_PER_MINUTE = 5
    answers = [client.get(f"/w/v1/{shop.key}/reviews.json") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    assert code(answers[-1]) == "rate_limited"
    assert int(answers[-1]["Retry-After"]) >= 1
    assert client.get(f"/w/v1/{shop.key}/reviews.json", REMOTE_ADDR="10.9.9.9").status_code == 400


def test_what_a_request_says_of_itself_changes_no_byte(client: Client, shop: Shop, sandbox: Any) -> None:
    address = f"/w/v1/{shop.key}/reviews.html?product_id={sandbox.product()}"
    clean = client.get(address).content
    for headers in (
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-proto": "https"},
        {"x-original-url": "/admin/"},
        {"accept-language": "de"},
        {"cookie": "sessionid=abc; django_language=de"},
        {"origin": "https://evil.example"},
        {"x-http-method-override": "DELETE"},
    ):
        assert client.get(address, headers=headers).content == clean, headers


def test_an_unexpected_fault_is_data_without_a_stack(
    client: Client, shop: Shop, sandbox: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from widgets.http import requests

    def broken(_key: str) -> None:
        raise RuntimeError("details nobody should read")

    monkeypatch.setattr(requests, "find_shop", broken)
    response = client.get(f"/w/v1/{shop.key}/reviews.json?product_id=p")
    assert (response.status_code, code(response)) == (500, "internal_error")
    assert b"nobody should read" not in response.content
    assert response["X-Request-Id"] == json.loads(response.content)["error"]["request_id"]
