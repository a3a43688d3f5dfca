"""The connection test against a real socket: what works, what is refused, what is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sumeru_proxy import health, secrets
from sumeru_proxy.models import Shop
from sumeru_proxy.sandbox.catalogue import demo_shops, small_catalogue
from sumeru_proxy.sandbox.server import running
from widgets.admin import trial


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial.run, "__kwdefaults__", {"total_s": 20.0, "pace_s": 0.0})


@pytest.fixture
def connected(db: None, settings: Any) -> Iterator[Shop]:
    catalogue = small_catalogue()
    with running(catalogue) as server:
        settings.SUMERU_HOSTS = [server.url]
        known = demo_shops(catalogue)[0]
        shop = Shop.objects.create(name="Small", domain=known["domain"], api_url=server.url)
        secrets.store(shop, "public_key", known["public_key"])
        yield shop


def page(shop: Shop) -> str:
    return reverse("admin:sumeru_proxy_shop_connection", args=[shop.pk])


@pytest.mark.usefixtures("quick")
def test_a_working_account(admin_client: Client, connected: Shop) -> None:
    answer = admin_client.post(page(connected), {"do": "test"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Result of the test" in text
    rows = {row.endpoint: row for row in answer.context["trials"]}
    assert rows["products"].state == "ok"
    assert rows["reviews"].state == "ok"
    assert rows["submit_review"].state == "unused"
    assert rows["orders"].outcome == "left out: needs the admin token"
    assert {each.endpoint: each.state for each in health.of(connected.pk)}["products"] == "ok"


@pytest.mark.usefixtures("quick")
def test_a_wrong_key_is_refused_and_noted(admin_client: Client, connected: Shop) -> None:
    secrets.store(connected, "public_key", "pk_live_nobodyknowsthiskey0000")
    answer = admin_client.post(page(connected), {"do": "test"})
    rows = {row.endpoint: row for row in answer.context["trials"]}
    assert rows["products"].state == "failing"
    assert "401" in rows["products"].outcome
    assert rows["products"].request_id.startswith("req_")
    noted = {each.endpoint: each for each in health.of(connected.pk)}["products"]
    assert (noted.state, noted.error, noted.status) == ("failing", "Refused", 401)
    assert "nobodyknows" not in answer.content.decode()


@pytest.mark.usefixtures("quick")
def test_nobody_listens(admin_client: Client, db: None, settings: Any) -> None:
    settings.SUMERU_HOSTS = ["http://127.0.0.1:9"]
    shop = Shop.objects.create(name="Away", domain="away.example", api_url="http://127.0.0.1:9")
    began = time.monotonic()
    answer = admin_client.post(page(shop), {"do": "test"})
    assert time.monotonic() - began < 20
    rows = {row.endpoint: row for row in answer.context["trials"]}
    assert rows["products"].state == "failing"
    assert health.worst(health.of(shop.pk)) == "failing"


def test_a_credential_that_cannot_be_opened_is_named(admin_client: Client, connected: Shop, settings: Any) -> None:
    from cryptography.fernet import Fernet

    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    answer = admin_client.post(page(connected), {"do": "test"})
    assert answer.status_code == 200
    assert "The account of this shop cannot be used" in answer.content.decode()


def test_the_time_is_bounded(connected: Shop) -> None:
    from sumeru_proxy import accounts

    trials = trial.run(connected.pk, accounts.client_for(connected.pk, "page"), total_s=0.0, pace_s=0.0)
    assert [each.endpoint for each in trials] == ["products", "…"]
