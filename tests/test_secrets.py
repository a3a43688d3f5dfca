"""Credentials at rest."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop

pytestmark = pytest.mark.django_db
TOKEN = "copt_test_" + "aB3" * 10 + "Zz"


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="One", domain="one.example")


def test_what_is_stored_is_not_the_secret(shop: Shop) -> None:
    credential = secrets.store(shop, "admin_token", TOKEN)
    credential.refresh_from_db()
    assert secrets.load(shop, "admin_token") == TOKEN
    assert TOKEN not in credential.sealed
    assert credential.hint == f"…{TOKEN[-4:]}"
    assert TOKEN not in f"{credential!r} {credential} {vars(credential)}"


def test_a_new_value_replaces_the_old_one(shop: Shop) -> None:
    secrets.store(shop, "public_key", "pk_live_first0001")
    secrets.store(shop, "public_key", "pk_live_second0002")
    assert secrets.load_all(shop, "public_key") == ["pk_live_second0002"]


def test_two_webhook_secrets_are_valid_until_the_old_one_retires(shop: Shop) -> None:
    old = secrets.store(shop, "webhook_secret", "wsec_old00001")
    secrets.store(shop, "webhook_secret", "wsec_new00002", keep_old=True)
    assert secrets.load_all(shop, "webhook_secret") == ["wsec_new00002", "wsec_old00001"]
    Credential.objects.filter(pk=old.pk).update(retires_at=timezone.now())
    assert secrets.load_all(shop, "webhook_secret") == ["wsec_new00002"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("admin_token", "pk_live_abcdefgh"),
        ("admin_token", "copt_live_short"),
        ("admin_token", TOKEN + "\nX-Evil: 1"),
        ("public_key", "copt_test_" + "a" * 32),
        ("public_key", ""),
        ("webhook_secret", "whatever-9"),
        ("public_key", "env:lower_case"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_without_repeating_it(shop: Shop, kind: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        secrets.store(shop, kind, value)
    assert not value or value not in str(caught.value)
    assert not Credential.objects.exists()


def test_a_reference_is_read_from_the_environment_each_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    credential = secrets.store(shop, "admin_token", "env:MY_SUMERU_TOKEN")
    assert (credential.sealed, credential.hint) == ("", "env:MY_SUMERU_TOKEN")
    with pytest.raises(secrets.CredentialUnusable, match="MY_SUMERU_TOKEN"):
        secrets.load(shop, "admin_token")
    monkeypatch.setenv("MY_SUMERU_TOKEN", TOKEN)
    assert secrets.load(shop, "admin_token") == TOKEN


@pytest.mark.parametrize("name", ["SECRET_KEY", "SUMERU_ENCRYPTION_KEYS", "DATABASE_URL", "PATH", "SUMERU_CREDENTIALS"])
def test_only_variables_that_the_operator_names_are_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """``env:SECRET_KEY`` was accepted, and whoever may set a customer secret could sign with it."""
    monkeypatch.setenv(name, "x" * 64)
    for kind in Credential.Kind:
        with pytest.raises(ValidationError, match="SUMERU_CREDENTIAL_"):
            secrets.store(shop, kind, f"env:{name}")
    imported = Credential.objects.create(shop=shop, kind="customer_secret", reference=name)
    with pytest.raises(secrets.CredentialUnusable, match="may not be named"):
        secrets.reveal(imported)


def test_a_prefix_names_variables_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUMERU_CREDENTIAL_RIDGE", TOKEN)
    secrets.store(shop, "admin_token", "env:SUMERU_CREDENTIAL_RIDGE")
    assert secrets.load(shop, "admin_token") == TOKEN


def test_a_sealed_value_opens_for_its_shop_and_kind_alone(shop: Shop) -> None:
    other = Shop.objects.create(name="Two", domain="two.example")
    credential = secrets.store(shop, "target_secret", TOKEN)
    for changes in ({"shop": other}, {"kind": "customer_secret"}):
        Credential.objects.filter(pk=credential.pk).update(**changes)
        with pytest.raises(secrets.CredentialUnusable, match="another shop or kind"):
            secrets.reveal(Credential.objects.get(pk=credential.pk))
        Credential.objects.filter(pk=credential.pk).update(shop=shop, kind="target_secret")
    secrets.rotate()
    assert secrets.load(shop, "target_secret") == TOKEN


def test_what_an_older_release_sealed_is_bound_after_migrate(shop: Shop, settings: Any) -> None:
    key = Fernet.generate_key().decode()
    settings.SUMERU_ENCRYPTION_KEYS = [key]
    old = Credential.objects.create(
        shop=shop, kind="admin_token", sealed=Fernet(key).encrypt(TOKEN.encode()).decode(), last_four=TOKEN[-4:]
    )
    lost = Fernet(Fernet.generate_key()).encrypt(b"pk_live_lost0001").decode()
    Credential.objects.create(shop=shop, kind="public_key", sealed=lost)
    with pytest.raises(secrets.CredentialUnusable):
        secrets.load(shop, "admin_token")  # else whoever moves an old one would be let in for ever
    call_command("migrate", verbosity=0)
    assert secrets.load(shop, "admin_token") == TOKEN
    assert secrets.bind_all() == 0
    assert Credential.objects.get(kind="public_key").sealed == lost
    assert Credential.objects.get(pk=old.pk).last_four == TOKEN[-4:]


def test_keys_are_rotated_without_a_moment_of_loss(shop: Shop, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.SUMERU_ENCRYPTION_KEYS = [old]
    secrets.store(shop, "admin_token", TOKEN)
    settings.SUMERU_ENCRYPTION_KEYS = [new, old]
    assert secrets.load(shop, "admin_token") == TOKEN
    assert secrets.rotate() == 1
    settings.SUMERU_ENCRYPTION_KEYS = [new]
    assert secrets.load(shop, "admin_token") == TOKEN


def test_a_key_dropped_too_early_is_named_not_hidden(shop: Shop, settings: Any) -> None:
    secrets.store(shop, "admin_token", TOKEN)
    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(secrets.CredentialUnusable, match="admin API token"):
        secrets.load(shop, "admin_token")
    with pytest.raises(secrets.CredentialUnusable):
        secrets.rotate()
