"""What strangers may owe in a shop's name is bounded: by form, by network, by what waits already. What a person wrote comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sumeru_proxy.models import Job, Shop
from tests.upstream import Upstream
from tests.widgets.test_submissions import FIELDS, later, opened, send, shop
from widgets.http import desk, submissions, throttles

__all__ = ["later", "shop"]  # fixtures
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_other_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "meter", throttles.Meter(window_s=1e-6))


def waiting(shop: Shop, count: int, kind: str = "review") -> None:
    Job.objects.bulk_create(
        Job(shop=shop, kind=kind, key=f"owed-{number}", body_text="{}", body_hash="x", next_at=timezone.now())
        for number in range(count)
    )


def test_one_form_is_good_for_few_reviews(client: Client, shop: Shop, later: Callable[[float], None]) -> None:
    """Four tokens owed 200 reviews."""
    form = opened(client, shop, later)
    statuses = [send(client, shop, {**FIELDS, **form, "key": f"other-key-{number}"}).status_code for number in range(7)]
    assert statuses == [303] * 5 + [422] * 2
    again = send(client, shop, {**FIELDS, **form, "key": "other-key-9", "via": "loader"})
    item = json.loads(again.content)
    assert "Carried it over the pass twice" in item["html"]
    assert 'name="token"' in item["html"]
    assert form["token"] not in item["html"]  # a new one, so that a person goes on
    # What was sent once may be sent again for ever: it is the same debt.
    assert send(client, shop, {**FIELDS, **form, "key": "other-key-0"}).status_code == 303
    assert Job.objects.filter(kind="review").count() == 5


def test_what_waits_is_bounded_and_the_text_comes_back(
    client: Client, shop: Shop, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "WAITING_MOST", 3)
    first = opened(client, shop, later)
    other_shop = Shop.objects.create(name="Other", domain="other.example")
    waiting(other_shop, 5)
    waiting(shop, 5, "quiz_result")
    assert send(client, shop, {**FIELDS, **first}).status_code == 303
    waiting(shop, 3)
    refused = send(client, shop, {**FIELDS, **opened(client, shop, later)})
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert "Carried it over the pass twice" in refused.content.decode()
    raw = {**FIELDS, **opened(client, shop, later)}
    as_json = client.post(
        f"/w/v1/{shop.key}/reviews?product_id=prd_1", json.dumps(raw), content_type="application/json"
    )
    error = json.loads(as_json.content)["error"]
    assert (as_json.status_code, error["code"], error["details"]) == (429, "rate_limited", {"retry_after": 60})
    assert send(client, shop, {**FIELDS, **first}).status_code == 303  # owed already
    Job.objects.filter(key__startswith="owed-").update(state="done")
    assert send(client, shop, {**FIELDS, **opened(client, shop, later)}).status_code == 303


def test_one_network_owes_so_much_and_another_goes_on(
    client: Client, shop: Shop, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "NETWORK_BURST", 2)

    def sent(address: str) -> int:
        fields = {**FIELDS, **opened(client, shop, later)}
        monkeypatch.setitem(client.defaults, "REMOTE_ADDR", address)
        return int(send(client, shop, fields).status_code)

    assert [sent(f"2001:db8::{number}") for number in range(3)] == [303, 303, 429]
    assert sent("192.0.2.7") == 303


def test_events_that_wait_are_bounded_too(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "EVENTS_WAITING_MOST", 2)
    now = timezone.now().isoformat()

    def sent(number: int) -> Any:
        event = {
            "id": f"evt-browser-{number}", "type": "page_view", "occurred_at": now, "consent": "granted",
        }  # fmt: skip
        return client.post(f"/w/v1/{shop.key}/events", json.dumps({"events": [event]}), content_type="text/plain")

    assert [sent(number).status_code for number in range(4)] == [202, 202, 429, 429]
    assert sent(0).status_code == 202
