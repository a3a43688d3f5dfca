"""Subscribing to webhooks from a shop's page, against a real socket; the secret comes in and never out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sumeru_proxy import secrets
from sumeru_proxy.client import errors
from sumeru_proxy.models import Credential, Shop, Subscription
from sumeru_proxy.webhooks import subscribing
from tests.upstream import Upstream
from tests.widgets.admin.debt_rows import event, parked
from tests.widgets.admin.test_credentials import Lines
from widgets.admin.subscriptions import in_words

LIST = "admin:sumeru_proxy_subscription_changelist"
MAY = ("view_shop", "add_subscription", "change_subscription", "add_credential", "change_credential")


@pytest.fixture
def connected(sandbox: Upstream, make_shop: Callable[..., Shop], settings: pytest.FixtureRequest) -> Shop:
    settings.PUBLIC_URL = "https://widgets.example"  # type: ignore[attr-defined]
    return make_shop(sandbox.url, name="Small", **sandbox.account())


def page(shop: Shop) -> str:
    return reverse("admin:sumeru_proxy_shop_webhooks", args=[shop.pk])


def hook(shop: Shop, base: str = "https://widgets.example") -> str:
    return f"{base}/hooks/sumeru/{shop.key}"


def subscribe(client: Client, shop: Shop, **changes: object) -> str:
    data = {"do": "subscribe", "url": hook(shop), "events": ["*"], **changes}
    answer = client.post(page(shop), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def made(sandbox: Upstream) -> list[dict[str, object]]:
    return list(sandbox.sandbox.world.subscriptions.values())


def test_subscribing_and_doing_it_again(
    admin_client: Client, connected: Shop, sandbox: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = admin_client.get(page(connected)).content.decode()
    assert f'value="{hook(connected)}"' in text
    assert "This address has no https" not in text
    text = subscribe(admin_client, connected)
    assert "Subscribed. The secret is stored, encrypted" in text
    assert "Nothing to do" in subscribe(admin_client, connected)
    (upstream,) = made(sandbox)
    assert upstream["url"] == hook(connected)
    assert upstream["events"] == ["*"]
    assert secrets.load_all(connected, "webhook_secret") == [upstream["secret"]]
    secret = str(upstream["secret"])
    seen = [text, admin_client.get(page(connected)).content.decode(), caplog.text]
    seen += [admin_client.get(reverse(LIST)).content.decode()]
    seen += [str(entry.change_message) for entry in LogEntry.objects.all()]
    assert not [part for part in seen if secret in part or secret[5:15] in part]
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Subscribed to webhooks"]


def test_a_new_secret_leaves_the_old_one_valid_for_two_days(
    admin_client: Client, connected: Shop, sandbox: Upstream
) -> None:
    subscribe(admin_client, connected)
    first = Subscription.objects.get()
    rotate = {"do": "rotate", "subscription": str(first.pk)}
    text = admin_client.post(page(connected), rotate, follow=True).content.decode()
    assert "There is a new secret" in text
    assert "2 secrets are valid." in text
    assert "replaced before" in admin_client.post(page(connected), rotate, follow=True).content.decode()
    old, new = made(sandbox)
    assert secrets.load_all(connected, "webhook_secret") == [new["secret"], old["secret"]]
    retires = Credential.objects.get(kind="webhook_secret", retires_at__isnull=False).retires_at
    assert retires is not None
    assert timedelta(hours=47) < retires - timezone.now() <= timedelta(hours=48)
    assert Subscription.objects.filter(active=True).count() == 1
    for odd in ("", "x", "9" * 30, "-1"):
        admin_client.post(page(connected), {"do": "rotate", "subscription": odd})
    assert len(made(sandbox)) == 2


def test_another_shops_subscription_is_not_touched(admin_client: Client, connected: Shop, sandbox: Upstream) -> None:
    subscribe(admin_client, connected)
    other = Shop.objects.create(name="Other", domain="other.example", api_url=sandbox.url)
    admin_client.post(page(other), {"do": "rotate", "subscription": str(Subscription.objects.get().pk)})
    assert len(made(sandbox)) == 1


def test_some_events(admin_client: Client, connected: Shop, sandbox: Upstream) -> None:
    subscribe(admin_client, connected, events=["order.attributed", "gdpr.completed"])
    assert made(sandbox)[0]["events"] == ["gdpr.completed", "order.attributed"]
    assert "This field is required" in subscribe(admin_client, connected, events=[])
    assert "Select a valid choice" in subscribe(admin_client, connected, events=["moon.landed"])
    assert "gdpr.completed, order.attributed" in admin_client.get(reverse(LIST)).content.decode()


def test_a_fault_after_sumerus_answer_does_not_show_the_secret(
    admin_client: Client, connected: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(Credential.objects, "create", fail)
    admin_client.raise_request_exception = False
    log = Lines()
    logging.getLogger("django.request").addHandler(log)
    try:
        data = {"do": "subscribe", "url": hook(connected), "events": ["*"]}
        assert admin_client.post(page(connected), data).status_code == 500
    finally:
        logging.getLogger("django.request").removeHandler(log)
    secret = str(made(sandbox)[0]["secret"])
    assert any("the database went away" in report for report in log.reports)
    assert not [each for each in (*log.reports, *log.lines) if secret in each]


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("https://elsewhere.example/collect", "must end with"),
        ("https://widgets.example{path}?to=x", "must end with"),
        ("https://widgets.example{path}#x", "must end with"),
        ("javascript:alert(1){path}", "http or https URL"),
        ("https://user:pw@widgets.example{path}", "looks like a credential"),
        ("https://[bad{path}", "http or https URL"),
        ("https://widgets.example:port{path}", "http or https URL"),
        ("", "This field is required"),
    ],
)
def test_an_address_that_is_not_ours_is_refused(
    admin_client: Client, connected: Shop, sandbox: Upstream, address: str, complaint: str
) -> None:
    path = f"/hooks/sumeru/{connected.key}"
    text = subscribe(admin_client, connected, url=address.format(path=path))
    assert complaint in text
    assert made(sandbox) == []


def test_what_goes_wrong_is_said_in_words(admin_client: Client, connected: Shop, sandbox: Upstream) -> None:
    sandbox.fault("status", status=403, code="forbidden")
    assert "does not accept the admin API token" in subscribe(admin_client, connected)
    sandbox.heal()
    sandbox.fault("status", status=500)
    assert "Sumeru could not be reached or failed" in subscribe(admin_client, connected)
    sandbox.heal()
    Credential.objects.filter(kind="admin_token").delete()
    text = subscribe(admin_client, connected)
    assert "Nothing changed. Subscribing needs the shop’s admin API token." in text
    assert f'value="{hook(connected)}"' in text  # what was entered is kept
    assert not Subscription.objects.exists()
    assert not Credential.objects.filter(kind="webhook_secret").exists()
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.Limited(retry_after_s=30.0), "Try again in 30 seconds"),
        (errors.Unreadable(path="data.id"), "unexpected form"),
        (errors.Refused(code="validation_failed", status=422), "refuses the address or the events"),
        (errors.Refused(code="invalid_argument", status=0), "It was not sent"),
        (secrets.CredentialUnusable("environment variable X is not set"), "environment variable X is not set"),
        (subscribing.NotSubscribable("name at least one event"), "name at least one event"),
        (ValueError("?"), "Check the Sumeru host"),
    ],
)
def test_words_for_errors(error: Exception, words: str) -> None:
    assert words in in_words(error)


def test_without_a_public_address_a_warning(admin_client: Client, shop: Shop, settings: pytest.FixtureRequest) -> None:
    settings.PUBLIC_URL = ""  # type: ignore[attr-defined]
    text = admin_client.get(page(shop)).content.decode()
    assert f'value="http://testserver/hooks/sumeru/{shop.key}"' in text
    assert "This address has no https" in text
    assert "There is no webhook secret, so every delivery is refused." in text


def test_permissions(client_with: Callable[..., Client], client: Client, connected: Shop, sandbox: Upstream) -> None:
    assert client.get(page(connected)).status_code == 302
    assert client_with("view_shop").get(page(connected)).status_code == 403
    assert client_with("view_subscription").get(page(connected)).status_code == 403
    data = {"do": "subscribe", "url": hook(connected), "events": ["*"]}
    for lacking in MAY[1:]:
        someone = client_with("view_subscription", *(each for each in MAY if each != lacking))
        text = someone.get(page(connected)).content.decode()
        assert ('value="subscribe"' in text) is (lacking == "change_subscription")
        if lacking != "change_subscription":
            assert someone.post(page(connected), data).status_code == 403
        if lacking != "add_subscription":
            assert someone.post(page(connected), {"do": "rotate"}).status_code == 403
    assert made(sandbox) == []
    assert "Subscribed." in subscribe(client_with(*MAY), connected)


def test_the_list_leads_to_the_shop(admin_client: Client, client_with: Callable[..., Client], connected: Shop) -> None:
    subscribe(admin_client, connected)
    row = Subscription.objects.get()
    assert hook(connected) in admin_client.get(reverse(LIST)).content.decode()
    answer = admin_client.get(reverse("admin:sumeru_proxy_subscription_change", args=[row.pk]))
    assert answer.headers["Location"] == page(connected)
    assert client_with().get(reverse(LIST)).status_code == 403
    viewer = client_with("view_subscription")
    assert viewer.get(f"{reverse(LIST)}?shop__credentials__sealed__contains=a").status_code == 400


def test_a_shops_pages_lead_to_jobs_events_and_webhooks(
    admin_client: Client, client_with: Callable[..., Client], shop: Shop
) -> None:
    parked(shop)
    event(shop)
    addresses = [
        f"{reverse('admin:sumeru_proxy_job_changelist')}?shop__id__exact={shop.pk}",
        f"{reverse('admin:sumeru_proxy_inboundevent_changelist')}?shop__id__exact={shop.pk}",
        page(shop),
    ]
    settings_page = reverse("admin:sumeru_proxy_shop_change", args=[shop.pk])
    text = admin_client.get(settings_page).content.decode()
    for address in addresses:
        assert f'href="{address}"' in text
        assert 'aria-current="page"' in admin_client.get(address).content.decode()
    text = client_with("view_shop").get(settings_page).content.decode()
    for address in addresses:
        assert f'href="{address}"' not in text
