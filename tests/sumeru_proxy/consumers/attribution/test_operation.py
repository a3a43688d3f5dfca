"""Choices, tokens and commands as operators use them."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from sumeru_proxy.consumers.attribution import intake, proof, tokens
from sumeru_proxy.consumers.attribution.models import AttributionSettings, Conversion, Credit, ReadToken
from sumeru_proxy.models import Job, Shop
from tests.sumeru_proxy.consumers.attribution.test_consumer import recent

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("attribution", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_changed_choice_makes_credits_stale(shop: Shop, admin_client: Client) -> None:
    intake.take(shop.pk, recent(5, seed=51))
    row = AttributionSettings.objects.get(shop=shop)
    address = reverse("admin:attribution_attributionsettings_change", args=[row.pk])
    page = admin_client.get(address).content.decode()
    fields = dict(re.findall(r'<input type="number" name="(\w+)" value="(\d+)"', page))
    assert fields["half_life_days"] == "7"
    same = {**fields, "kinds": "[]", "direct": "count"}
    admin_client.post(address, same)
    row.refresh_from_db()
    assert row.revision == 1
    admin_client.post(address, {**same, "half_life_days": "14"})
    row.refresh_from_db()
    assert (row.half_life_days, row.revision) == (14, 2)
    assert proof.prove(shop.pk, 0, 10**6).stale == 5
    answer = admin_client.post(address, {**same, "half_life_days": "0"})
    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.half_life_days == 14


def test_a_token_is_shown_once_and_revoked(shop: Shop, admin_client: Client) -> None:
    address = reverse("admin:attribution_readtoken_add")
    page = admin_client.post(address, {"shop": shop.pk, "name": "BI", "scope": "orders"}, follow=True).content.decode()
    (token,) = set(re.findall(r"attr_[A-Za-z0-9_-]{43}", page))
    row = tokens.find(token)
    assert row is not None
    assert (row.shop_id, row.name, row.scope) == (shop.pk, "BI", "orders")
    listed = reverse("admin:attribution_readtoken_changelist")
    assert token not in admin_client.get(listed).content.decode()
    admin_client.post(listed, {"action": "revoke_tokens", "_selected_action": [row.pk]})
    assert tokens.find(token) is None
    assert ReadToken.objects.get().revoked_at is not None


def test_the_command_issues_estimates_and_proves(shop: Shop) -> None:
    token = run("token", shop.key, "--scope", "orders").strip()
    assert tokens.find(token) is not None
    run("fit", shop.key)
    assert Job.objects.filter(kind="attribution:fit", shop=shop).count() == 1
    intake.take(shop.pk, recent(5, seed=52))
    assert f"{Conversion.objects.count()} orders" in run("prove", shop.key, "--days", "100")
    (row,) = Credit.objects.filter(amount__gt=10)[:1]
    Credit.objects.filter(pk=row.pk).update(amount=row.amount + 1)
    with pytest.raises(CommandError):
        run("prove", shop.key, "--days", "100")
