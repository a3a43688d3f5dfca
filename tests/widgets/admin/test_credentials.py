"""Credentials go in and never come out: not in a page, a message, the history, a form error or a log line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from sumeru_proxy.models import Credential, Shop
from tests.widgets.admin.conftest import CANARIES, formset_of
from widgets.models import Placement

PARTS = [value[start : start + 12] for value in CANARIES.values() for start in (8, 16)]


class Lines(logging.Handler):
    """Every log record as text, before any filter of ours."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.lines: list[str] = []
        self.reports: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        if record.exc_info and hasattr(record, "request"):
            # What Django would mail to the server's operators.
            report = ExceptionReporter(record.request, *record.exc_info, is_email=True)
            self.reports += [report.get_traceback_text(), report.get_traceback_html()]


@pytest.fixture
def log() -> Iterator[Lines]:
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("", "django", "django.db.backends", "widgets", "sumeru_proxy")]
    levels = [each.level for each in loggers]
    logging.getLogger().addHandler(handler)
    for each in loggers:
        each.setLevel(logging.DEBUG)
    yield handler
    logging.getLogger().removeHandler(handler)
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)


def page(shop: Shop) -> str:
    return reverse("admin:sumeru_proxy_shop_credentials", args=[shop.pk])


def leaks(text: str) -> list[str]:
    return [part for part in PARTS if part in text]


def every_address(shop: Shop) -> list[str]:
    names = ("change", "widgets", "preview", "embed", "credentials", "connection", "history", "delete")
    placement = Placement.objects.get(shop=shop)
    return [
        *(reverse(f"admin:sumeru_proxy_shop_{name}", args=[shop.pk]) for name in names),
        reverse("admin:index"),
        reverse("admin:sumeru_proxy_shop_changelist"),
        reverse("admin:sumeru_proxy_shop_add"),
        reverse("admin:widgets_placement_changelist"),
        reverse("admin:widgets_placement_change", args=[placement.pk]),
        reverse("admin:widgets_placement_history", args=[placement.pk]),
        f"{reverse('admin:widgets_placement_add')}?shop={shop.pk}&widget=reviews",
        f"{reverse('admin:sumeru_proxy_shop_preview', args=[shop.pk])}?widget=reviews&p_product_id=prd_1",
    ]


@pytest.mark.thorough
def test_no_canary_in_any_page_answer_history_or_log(
    admin_client: Client, shop: Shop, log: Lines, settings: object
) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined] # SQL is logged then, with its parameters
    admin_client.raise_request_exception = False
    seen = [admin_client.post(page(shop), dict(CANARIES), follow=True)]
    assert Credential.objects.count() == 4
    for address in every_address(shop):
        answer = admin_client.get(address, follow=True)
        assert answer.status_code == 200, address
        seen.append(answer)
    broken = {kind: f"{value} broken" for kind, value in CANARIES.items()}
    refused = admin_client.post(page(shop), broken)
    assert refused.status_code == 200
    assert b"Nothing was stored" in refused.content
    seen.append(refused)
    seen.append(admin_client.post(page(shop), {kind: value * 9 for kind, value in CANARIES.items()}))
    seen.append(admin_client.post(page(shop), {kind: value + "\0" for kind, value in CANARIES.items()}))
    for field in (
        "name",
        "domain",
        "storefront_url",
        "limit_admin",
        "origins-0-origin",
        "look-0-css",
        "look-0-token_accent",
    ):
        data = formset_of(shop, **{field: CANARIES[Credential.Kind.ADMIN_TOKEN]})
        answer = admin_client.post(reverse("admin:sumeru_proxy_shop_change", args=[shop.pk]), data)
        assert answer.status_code == 200, field
        seen.append(answer)
    for action in ("stale", "seal", "key"):
        data = {"do": action, "confirm": "on"}
        address = reverse("admin:sumeru_proxy_shop_connection", args=[shop.pk])
        seen.append(admin_client.post(address, data, follow=True))
    first = Credential.objects.all()[0]
    seen.append(admin_client.post(page(shop), {"remove": first.pk}, follow=True))
    seen.append(admin_client.get(reverse("admin:sumeru_proxy_shop_history", args=[shop.pk])))
    for answer in seen:
        assert leaks(answer.content.decode()) == []
        assert leaks(str(answer.headers)) == []
    for entry in LogEntry.objects.all():
        assert leaks(f"{entry.change_message} {entry.object_repr}") == []
    assert LogEntry.objects.filter(change_message__startswith="Credentials replaced").count() == 1
    assert any("INSERT INTO" in line for line in log.lines)
    assert leaks("\n".join(log.lines)) == []


def test_a_fault_while_storing_does_not_show_what_was_posted(
    admin_client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(Credential.objects, "filter", fail)
    admin_client.raise_request_exception = False
    answer = admin_client.post(page(shop), dict(CANARIES))
    assert answer.status_code == 500
    assert leaks(answer.content.decode()) == []
    assert leaks("\n".join(log.lines)) == []
    assert any("the database went away" in report for report in log.reports)
    assert leaks("\n".join(log.reports)) == []


def test_hints_show_the_last_four_or_the_variable(admin_client: Client, shop: Shop) -> None:
    admin_client.post(
        page(shop), {"public_key": CANARIES[Credential.Kind.PUBLIC_KEY], "admin_token": "env:SUMERU_TOKEN"}
    )
    text = admin_client.get(page(shop)).content.decode()
    assert "…7Q2x" in text
    assert "env:SUMERU_TOKEN" in text
    assert "this variable is not set on the server" in text
    assert text.count('type="password"') == 5
    for field in text.split("<input")[1:]:
        if 'type="password"' in field.split(">")[0]:
            assert "value=" not in field.split(">")[0]


def test_only_what_was_filled_in_is_replaced(admin_client: Client, shop_with_canaries: Shop) -> None:
    before = dict(Credential.objects.values_list("kind", "pk"))
    admin_client.post(page(shop_with_canaries), {"public_key": "pk_test_abcdefgh12345678", "admin_token": "  "})
    after = dict(Credential.objects.values_list("kind", "pk"))
    assert after.pop("public_key") != before.pop("public_key")
    assert after == before


def test_one_wrong_value_stores_none(admin_client: Client, shop: Shop) -> None:
    data = {"public_key": CANARIES[Credential.Kind.PUBLIC_KEY], "admin_token": "not a token"}
    answer = admin_client.post(page(shop), data)
    text = answer.content.decode()
    assert "does not look right for" in text
    assert 'aria-invalid="true"' in text
    assert Credential.objects.count() == 0


def test_an_old_webhook_secret_may_stay_valid_for_a_day(admin_client: Client, shop_with_canaries: Shop) -> None:
    data = {"webhook_secret": "wsec_another1another1", "keep_webhook_secret": "on"}
    admin_client.post(page(shop_with_canaries), data)
    newest, older = Credential.objects.filter(kind="webhook_secret").order_by("-pk")
    assert newest.retires_at is None
    assert older.retires_at is not None
    assert timedelta(hours=23) < older.retires_at - timezone.now() <= timedelta(hours=24)
    assert "valid until" in admin_client.get(page(shop_with_canaries)).content.decode()
    admin_client.post(page(shop_with_canaries), {"webhook_secret": "wsec_third333third333"})
    assert Credential.objects.filter(kind="webhook_secret").count() == 1


def test_another_shops_credential_cannot_be_removed(admin_client: Client, shop_with_canaries: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    pk = Credential.objects.filter(shop=shop_with_canaries).first().pk  # type: ignore[union-attr]
    for value in (pk, "x", "9" * 30, ""):
        assert admin_client.post(page(other), {"remove": value}).status_code == 302
    assert Credential.objects.count() == 4
    admin_client.post(page(shop_with_canaries), {"remove": pk})
    assert Credential.objects.count() == 3


def test_the_form_needs_djangos_csrf_token(shop: Shop, admin_user: object) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]
    assert client.post(page(shop), {"public_key": CANARIES[Credential.Kind.PUBLIC_KEY]}).status_code == 403
    assert Credential.objects.count() == 0
