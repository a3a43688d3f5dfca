"""``attribution.credited``: told once for each change, signed, in order of need; and what the endpoint's answers mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sumeru_proxy.consumers.attribution import announcements, erasure, intake, recomputation, storage
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.models import Conversion, CreditWebhook
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox.signed_webhooks import keys_of
from sumeru_proxy.webhooks import installed
from sumeru_proxy.worker import Worker, handlers
from tests.sumeru_proxy.client.scripted import Scripted, fixed, raw, scripted
from tests.sumeru_proxy.consumers.attribution.stored import random_orders

pytestmark = pytest.mark.django_db
TAKEN = raw(204, b"")


@contextmanager
def listening(shop: Shop, answer: bytes = TAKEN) -> Iterator[tuple[Scripted, CreditWebhook, str]]:
    """An endpoint on this machine that hears of the shop's credits, and its secret."""
    with scripted(fixed(answer)) as server:
        webhook = CreditWebhook.objects.create(shop=shop, url=f"{server.url}/hook", allow_private=True)
        yield server, webhook, announcements.renew(webhook)


def announced() -> list[list[str]]:
    """The orders of each message that is owed."""
    keys = dict(Conversion.objects.values_list("pk", "key"))
    return [
        [keys[pk] for pk in job.body["orders"]]
        for job in Job.objects.filter(kind="attribution:credited").order_by("pk")
    ]


def signed(request: Any, secret: str) -> bool:
    """Whether one of the request's signatures is by this secret."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    own = base64.b64encode(hmac.new(keys_of(secret)[0], text, hashlib.sha256).digest()).decode()
    return f"v1,{own}" in headers["webhook-signature"].split()


def test_nobody_is_told_without_an_endpoint(shop: Shop) -> None:
    intake.take(shop.pk, random_orders(5, seed=1))
    assert not Job.objects.exists()


def test_each_change_is_told_once_and_nothing_else(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "ANNOUNCED_LIMIT", 3)
    CreditWebhook.objects.create(shop=shop, url="https://bi.example/hook")
    orders = [replace(order, total=1_000, refunded=0) for order in random_orders(7, seed=2)]
    intake.take(shop.pk, orders)
    assert sorted(key for each in announced() for key in each) == sorted(order.key for order in orders)
    assert [len(each) for each in announced()] == [3, 3, 1]
    Job.objects.all().delete()
    intake.take(shop.pk, orders)
    recomputation_of_all(shop)
    assert announced() == []
    (changed,) = [order for order in orders if order.key == "ord_3"]
    intake.take(shop.pk, [replace(changed, refunded=400, changed_ms=changed.changed_ms + 1)])
    assert announced() == [["ord_3"]]
    CreditWebhook.objects.update(active=False)
    intake.take(shop.pk, [replace(changed, refunded=500, changed_ms=changed.changed_ms + 2)])
    assert announced() == [["ord_3"]]


def recomputation_of_all(shop: Shop) -> None:
    storage.recompute(shop.pk, list(Conversion.objects.values_list("pk", flat=True)), plan_of(shop.pk))


def test_a_message_is_signed_and_says_what_the_api_says(shop: Shop) -> None:
    (order,) = [replace(each, total=5_000, refunded=0) for each in random_orders(1, seed=3)]
    with listening(shop) as (server, webhook, secret):
        intake.take(shop.pk, [order])
        Worker(handlers()).once()
        newer = announcements.renew(webhook)
        installed.owe("attribution", "credited", shop.pk, Job.objects.get().body, key="again")
        Worker(handlers()).once()
        first, again = server.received
    assert set(Job.objects.values_list("state", flat=True)) == {Job.State.DONE}
    body = json.loads(first.body)
    assert body["type"] == "attribution.credited"
    (told,) = body["data"]["orders"]
    assert told["id"] == order.key
    assert Decimal(told["revenue"]["net"]) == major(5_000, order.currency)
    totals: dict[str, Decimal] = {}
    for each in told["credits"]:
        totals[each["model"]] = totals.get(each["model"], Decimal(0)) + Decimal(each["credited"])
    assert set(totals.values()) == {Decimal(told["revenue"]["credited"])}
    assert signed(first, secret)
    assert signed(again, secret)
    assert signed(again, newer)
    assert first.body == again.body
    announcements.end_old(webhook)
    assert [each.pk for each in shop.credentials.filter(kind="target_secret")] == [webhook.credential_id]


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        (raw(422, b"no cash"), Job.State.PARKED, "refused"),
        (raw(503, b""), Job.State.WAITING, "busy"),
        (raw(401, b""), Job.State.WAITING, "key_refused"),
    ],
)
def test_what_answers_mean(shop: Shop, answer: bytes, state: str, detail: str) -> None:
    with listening(shop, answer):
        intake.take(shop.pk, [replace(each, total=5_000) for each in random_orders(1, seed=3)])
        Worker(handlers()).once()
    job = Job.objects.get()
    assert job.state == state
    assert job.code == detail
    assert Conversion.objects.count() == 1


def test_an_erased_order_is_not_told_of(shop: Shop) -> None:
    with listening(shop) as (server, _webhook, _secret):
        (order,) = [replace(each, total=5_000, customer_id="cus_1") for each in random_orders(1, seed=3)]
        intake.take(shop.pk, [order])
        erasure.erase(shop.pk, frozenset({"cus_1"}), False)
        Worker(handlers()).once()
        assert server.received == []
    assert Job.objects.get().result == {"skipped": "no order"}


def test_an_endpoint_is_set_in_the_admin(shop: Shop, admin_client: Client) -> None:
    address = reverse("admin:attribution_creditwebhook_add")
    fields = {"shop": shop.pk, "url": "http://10.0.0.1/hook", "active": "on"}
    assert "https://" in admin_client.post(address, fields).content.decode()
    assert "private address" in admin_client.post(address, {**fields, "url": "https://10.0.0.1/"}).content.decode()
    page = admin_client.post(address, {**fields, "url": "https://bi.example/hook"}, follow=True).content.decode()
    (shown,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]{44}", page))
    webhook = CreditWebhook.objects.get()
    listed = reverse("admin:attribution_creditwebhook_changelist")
    assert shown not in admin_client.get(listed).content.decode()
    page = admin_client.post(
        listed, {"action": "renew_secrets", "_selected_action": [webhook.pk]}, follow=True
    ).content.decode()
    assert re.search(r"whsec_[A-Za-z0-9+/=]{44}", page)
    admin_client.post(listed, {"action": "end_old_secrets", "_selected_action": [webhook.pk]})
    webhook.refresh_from_db()
    assert webhook.old_credential is None
    assert announcements.target_of(shop, {}).name == "bi.example"  # type: ignore[union-attr]
    assert recomputation.running(shop.pk) is None
