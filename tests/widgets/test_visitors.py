"""What a request says of its visitor: for consumers only, and nothing without consent."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sumeru_proxy import secrets
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import batching
from sumeru_proxy.sdk import customer_tokens
from sumeru_proxy.webhooks import installed
from tests.upstream import Upstream
from tests.widgets.test_events import event, send
from tests.widgets.test_submissions import FIELDS, later, opened
from tests.widgets.test_submissions import send as submit
from widgets.http import visitors

__all__ = ["later"]
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
SECRET = "s" * 40


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any) -> Shop:
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.attribution"]
    made = make_shop(sandbox.url, **sandbox.account())
    secrets.store(made, "customer_secret", SECRET)
    return made


def pixel_events() -> list[dict[str, Any]]:
    return [each for job in Job.objects.filter(kind="pixel") for each in json.loads(job.body_text)["events"]]


def told() -> list[dict[str, Any]]:
    """What consumers were told besides the pixel's own."""
    return [each for job in Job.objects.filter(kind="attribution:visits") for each in job.body["events"]]


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("", ""),
        (CHROME, "desktop"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148",
            "mobile",
        ),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 Version/16.0 Mobile/15E148", "tablet"),
    ],
)
def test_kinds_of_devices(user_agent: str, device: str) -> None:
    assert visitors.device_of(user_agent) == device


def test_consumers_get_facts_that_sumeru_does_not(client: Client, shop: Shop) -> None:
    token = customer_tokens.mint(SECRET, shop.key, "cus_7", now=time.time())
    body = json.dumps({"events": [event(1), event(2)], "customer_token": token})
    assert send(client, shop, body, **{"user-agent": CHROME}).status_code == 202
    facts = [{name: each.get(name) for name in batching.OWN_FIELDS} for each in pixel_events()]
    assert facts == [{"device": "desktop", "excluded": None, "customer_id": "cus_7"}] * 2
    batching.gather(timezone.now() + timedelta(seconds=5), also=installed.visit_kinds())
    upstream = json.loads(Job.objects.get(kind="pixel_batch").body_text)["events"]
    assert not batching.OWN_FIELDS & upstream[0].keys()
    assert told()[0]["customer_id"] == "cus_7"
    assert token not in Job.objects.get(kind="attribution:visits").body_text


@pytest.mark.parametrize("token", ["nonsense", 7, None, customer_tokens.mint("o" * 40, "shp_1", "cus_7", now=1)])
def test_a_token_that_proves_nothing_says_nothing(client: Client, shop: Shop, token: object) -> None:
    body = json.dumps({"events": [event(1)], "customer_token": token})
    assert send(client, shop, body, **{"user-agent": CHROME}).status_code == 202
    assert "customer_id" not in pixel_events()[0]


@pytest.mark.parametrize(
    ("user_agent", "address", "excluded"),
    [
        (CHROME, "203.0.113.9", None),
        (CHROME, "198.51.100.20", "internal"),
        (CHROME, "2001:db8::5", "internal"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "203.0.113.9", "bot"),
        ("", "203.0.113.9", "bot"),
    ],
)
def test_programs_and_own_people_are_marked(
    client: Client, shop: Shop, settings: Any, user_agent: str, address: str, excluded: str | None
) -> None:
    settings.INTERNAL_ADDRESSES = [ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("2001:db8::/32")]
    client.defaults["REMOTE_ADDR"] = address
    assert send(client, shop, [event(1)], **{"user-agent": user_agent}).status_code == 202
    assert pixel_events()[0].get("excluded") == excluded
    assert address not in str(list(Job.objects.values()))


def test_without_a_consumer_nothing_is_added(client: Client, shop: Shop, settings: Any) -> None:
    settings.SUMERU_CONSUMERS = []
    send(client, shop, [event(1)], **{"user-agent": CHROME})
    assert not batching.OWN_FIELDS & pixel_events()[0].keys()


def test_a_withdrawal_is_told_once_even_under_gpc(client: Client, shop: Shop) -> None:
    gone = event(1, type="consent_withdrawn", visitor_id="v-1")
    del gone["consent"]
    for number in range(2):
        answer = send(client, shop, [{**gone, "id": f"evt-browser-{number}"}], **{"sec-gpc": "1"})
        assert json.loads(answer.content) == {"accepted": 0}
    assert [(each["type"], each["visitor_id"]) for each in told()] == [("consent_withdrawn", "v-1")]
    assert pixel_events() == []


def test_a_form_says_whose_visits_these_were(client: Client, shop: Shop, later: Any) -> None:
    sealed = opened(client, shop, later)
    answer = submit(client, shop, {**FIELDS, **sealed, "via": "loader", "visitor_id": "v-1"})
    assert answer.status_code == 200
    assert [(each["type"], each["visitor_id"], each["email"]) for each in told()] == [
        ("identified", "v-1", "mara@example.com")
    ]
    submit(client, shop, {**FIELDS, **sealed, "via": "loader", "visitor_id": "v-1"})
    assert len(told()) == 1


@pytest.mark.parametrize(
    ("change", "headers"),
    [({"visitor_id": ""}, {}), ({"visitor_id": "x" * 500}, {}), ({"rating": "9"}, {}), ({}, {"sec-gpc": "1"})],
)
def test_a_form_that_says_nothing(client: Client, shop: Shop, later: Any, change: Any, headers: Any) -> None:
    sealed = opened(client, shop, later)
    submit(client, shop, {**FIELDS, **sealed, "via": "loader", "visitor_id": "v-1", **change}, **headers)
    assert told() == []
