"""Events: consent first, bounded, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sumeru_proxy.models import Job, Shop
from tests.upstream import Upstream
from widgets.http import events


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"evt-browser-{number}",
        "type": "page_view",
        "occurred_at": timezone.now().isoformat(),
        "consent": "granted",
        "url": "https://shop.example/p",
        "properties": {"a": 1},
        **changes,
    }


def send(
    client: Client, shop: Shop, body: object, content_type: str = "text/plain;charset=UTF-8", **headers: str
) -> Any:
    raw = body if isinstance(body, bytes | str) else json.dumps({"events": body})
    return client.post(f"/w/v1/{shop.key}/events", raw, content_type=content_type, headers=headers)


def test_events_become_one_debt_however_often_they_are_sent(client: Client, shop: Shop, sandbox: Upstream) -> None:
    body = [event(1), event(2)]
    for content_type in ("text/plain;charset=UTF-8", "application/json"):
        response = send(client, shop, body, content_type)
        assert (response.status_code, json.loads(response.content)) == (202, {"accepted": 2})
        assert response["Cache-Control"] == "no-store"
    assert Job.objects.filter(kind="pixel").count() == 1
    assert sandbox.calls() == 0  # the page never waits for it


@pytest.mark.parametrize("levels", [40, 900, 30_000])
@pytest.mark.parametrize("place", ["events", "properties", "id", "unknown"])
def test_nesting_is_refused_before_anything_recurses(client: Client, shop: Shop, levels: int, place: str) -> None:
    """900 levels were a RecursionError, a 500 and 42 lines of traceback."""
    deep = "[" * levels + "]" * levels
    inner = deep if place == "events" else json.dumps(event(1, **{place: "@"})).replace('"@"', deep)
    response = send(client, shop, f'{{"events":[{inner}]}}')
    assert response.status_code == 400
    assert json.loads(response.content)["error"]["code"] == "validation_failed"


def test_without_consent_nothing_is_written(client: Client, shop: Shop) -> None:
    no_word = event(3)
    del no_word["consent"]
    response = send(client, shop, [event(1, consent="denied"), no_word])
    assert json.loads(response.content) == {"accepted": 0}
    assert json.loads(send(client, shop, [event(1)], **{"sec-gpc": "1"}).content) == {"accepted": 0}
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "validation_failed"),
        (b"[]", 400, "validation_failed"),
        (b"{", 400, "validation_failed"),
        (b'{"events": []}', 400, "validation_failed"),
        (b'{"events": 7}', 400, "validation_failed"),
        (b'{"events": [7]}', 400, "validation_failed"),
        (b"\xff\xfe", 400, "validation_failed"),
        (b"[" * 50_000, 400, "validation_failed"),
        (b"x" * 70_000, 413, "payload_too_large"),
        (json.dumps({"events": [{}] * 101}).encode(), 400, "validation_failed"),
    ],
)
def test_bodies_that_are_none(client: Client, shop: Shop, body: bytes, status: int, code: str) -> None:
    response = send(client, shop, body)
    assert (response.status_code, json.loads(response.content)["error"]["code"]) == (status, code)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"},
        {"id": "a b c d e f g h"},
        {"type": "Page View"},
        {"occurred_at": "yesterday"},
        {"occurred_at": (timezone.now() - timedelta(days=3)).isoformat()},
        {"occurred_at": (timezone.now() + timedelta(days=2)).isoformat()},
        {"url": "javascript:alert(1)"},
        {"consent": "maybe"},
        {"properties": []},
        {"properties": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
        {"properties": {"a": "x" * 5_000}},
        {"visitor_id": "x" * 191},
    ],
)
def test_one_wrong_event_is_named_and_nothing_is_written(client: Client, shop: Shop, change: dict[str, Any]) -> None:
    response = send(client, shop, [event(1), event(2, **change)])
    details = json.loads(response.content)["error"]["details"]["events"]
    assert response.status_code == 400
    assert list(details) == ["1"]
    assert list(details["1"]) == list(change)
    assert not Job.objects.exists()


def test_not_a_number_is_not_json(client: Client, shop: Shop) -> None:
    text = json.dumps({"events": [event(1, properties={"a": float("nan")})]})
    assert send(client, shop, text).status_code == 400
    assert send(client, shop, text.replace("NaN", "1e999")).status_code == 400


def test_only_the_shops_pages_may_send(client: Client, shop: Shop) -> None:
    assert send(client, shop, [event(1)], origin="https://evil.example").status_code == 403
    assert send(client, shop, [event(1)], origin="null").status_code == 403
    assert send(client, shop, [event(1)], origin="https://shop.example").status_code == 202


def test_methods_and_types(client: Client, shop: Shop) -> None:
    assert client.get(f"/w/v1/{shop.key}/events").status_code == 405
    assert client.options(f"/w/v1/{shop.key}/events").status_code == 204
    assert send(client, shop, [event(1)], "application/xml").status_code == 415


def test_a_flood_from_one_address_is_braked(client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PER_ADDRESS_PER_MINUTE", 3)
    statuses = [send(client, shop, [event(number)]).status_code for number in range(4)]
    assert statuses == [202, 202, 202, 429]
