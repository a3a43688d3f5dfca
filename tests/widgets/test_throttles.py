"""Brakes per client address."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from sumeru_proxy import limit_stores
from sumeru_proxy.client.limiter import StoreUnavailable
from sumeru_proxy.models import Bucket
from sumeru_proxy.pruning import prune
from widgets.http import networks
from widgets.http.throttles import Meter, SharedMeter


def test_a_burst_of_a_minute_then_the_rate() -> None:
    meter = Meter()
    assert [meter.wait_s("a", 60, now=100.0) for _ in range(60)] == [0.0] * 60
    assert meter.wait_s("a", 60, now=100.0) == pytest.approx(1.0)
    assert meter.wait_s("b", 60, now=100.0) == 0.0
    assert meter.wait_s("a", 60, now=101.0) == 0.0
    assert meter.wait_s("a", 60, now=101.0) > 0


def test_memory_is_bounded() -> None:
    meter = Meter(most=10)
    for number in range(1000):
        meter.wait_s(f"client-{number}", 60, now=1.0)
    assert len(meter._full_at) == 10


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1"),  # no proxy of ours: the header is the client's own invention
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, [2001:db8::1]:443", "2001:db8::/64"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (3, "203.0.113.9", "10.0.0.1"),  # somebody came around a proxy
        (1, "6.6.6.6, , ", "6.6.6.6"),
        (1, "nonsense", networks.UNKNOWN),
    ],
)
def test_which_address_is_believed(settings: Any, proxies: int, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    for header in ("X-Forwarded-For", "Clientaddress"):
        settings.CLIENT_ADDRESS_HEADER = header
        request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={header: forwarded})
        assert networks.client_network(request.META) == expected


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:51234 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("2002:c000:0201::7", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ('"[2001:DB8:1:2::9]:80"', "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", networks.UNKNOWN),
        ("localhost", networks.UNKNOWN),
        ("1.2.3.4.5", networks.UNKNOWN),
        ("[" * 9_000, networks.UNKNOWN),
        ("192.0.2.1" + "0" * 9_000, networks.UNKNOWN),
    ],
)
def test_one_network_has_one_name(written: str, network: str) -> None:
    assert networks.network_of(written) == network


def test_a_name_without_a_hyphen_cannot_be_imitated(settings: Any) -> None:
    """Servers make one name of X-Forwarded-For and X_Forwarded_For, and granian keeps the one that came last."""
    settings.TRUSTED_PROXIES = 1
    settings.CLIENT_ADDRESS_HEADER = "Clientaddress"
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_CLIENTADDRESS": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}
    assert networks.client_network(environ) == "203.0.113.9"


@pytest.mark.stores
@pytest.mark.django_db
def test_what_is_rare_is_counted_for_all_processes_together() -> None:
    """Ten guesses a minute were ten for each process."""
    here, there = SharedMeter("tries"), SharedMeter("tries")  # each of another process
    assert [meter.wait_s("a", 3) for meter in (here, there, here)] == [0.0] * 3
    assert 0 < there.wait_s("a", 3) <= 20
    assert there.wait_s("b", 3) == 0.0
    assert SharedMeter("others").wait_s("a", 3) == 0.0


class Away:
    def change(self, *_: Any) -> Any:
        raise StoreUnavailable


@pytest.mark.django_db
def test_without_the_store_a_process_counts_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_stores, "shared", Away)
    meter = SharedMeter("tries")
    assert [meter.wait_s("a", 2), meter.wait_s("a", 2)] == [0.0, 0.0]
    assert meter.wait_s("a", 2) > 0


@pytest.mark.django_db
def test_counters_of_strangers_do_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_stores, "shared", limit_stores.DatabaseStore)
    SharedMeter("tries").wait_s("192.0.2.1", 3)
    (row,) = Bucket.objects.all()
    assert "192.0.2.1" not in row.key
    Bucket.objects.create(key="reads:of-a-shop", tat=1.0)
    prune(timezone.now())
    assert Bucket.objects.count() == 2
    Bucket.objects.filter(pk=row.pk).update(tat=1.0)
    prune(timezone.now())
    assert [each.key for each in Bucket.objects.all()] == ["reads:of-a-shop"]


@pytest.mark.django_db
def test_passwords_are_tried_at_the_pace_of_people(client: Client, admin_user: Any) -> None:
    fields = {"username": "admin", "password": "wrong"}
    statuses = [client.post("/admin/login/", fields, REMOTE_ADDR=f"2001:db8::{each}").status_code for each in range(11)]
    assert statuses == [200] * 10 + [429]
    refused = client.post("/admin/login/", {"username": "admin", "password": "password"}, REMOTE_ADDR="2001:db8::1")
    assert (refused.status_code, "_auth_user_id" in client.session) == (429, False)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert client.get("/admin/login/", REMOTE_ADDR="2001:db8::1").status_code == 200
    assert client.post("/admin/login/", {**fields, "password": "password"}, REMOTE_ADDR="192.0.2.1").status_code == 302
