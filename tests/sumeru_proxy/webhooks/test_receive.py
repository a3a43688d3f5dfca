"""The webhook's address: what strangers get, what Sumeru gets, and what is in the database afterwards."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, InboundEvent, Job, Shop
from sumeru_proxy.reading import stamps
from sumeru_proxy.webhooks import installed, intake, replaying, signature, views
from sumeru_proxy.webhooks.listeners import Event, Read
from tests.sumeru_proxy.webhooks.test_intake import MALFORMED

SECRET = "wsec_first_0123456789abcdef"
OTHER_SECRET = "wsec_other_0123456789abcdef"


class Everything:
    name = "everything"
    events = ("*",)

    def handle(self, shop: Shop, event: Event, read: Read) -> None:
        raise AssertionError("a listener never runs in the request")


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    views.shops.forget()
    yield
    views.shops.forget()


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "listeners", lambda: (Everything(),))


def new_shop(domain: str = "hooks.example", secret: str = SECRET) -> Shop:
    shop = Shop.objects.create(name=domain, domain=domain)
    secrets.store(shop, "webhook_secret", secret)
    return shop


@pytest.fixture
def shop(db: None) -> Shop:
    return new_shop()


def envelope(**changes: Any) -> bytes:
    event = {
        "id": "evt_1",
        "type": "order.attributed",
        "created_at": datetime.now(UTC).isoformat(),
        "shop_domain": "hooks.example",
        "data": {"order_id": "ord_1"},
    }
    return json.dumps({**event, **changes}).encode()


def post(
    key: str, raw: bytes, *, header: str | None = None, secret: str = SECRET, method: str = "POST", **extra: Any
) -> HttpResponse:
    signed = signature.sign(raw, secret) if header is None else header
    request = RequestFactory().generic(
        method, f"/hooks/sumeru/{key}", raw, "application/json", headers={"X-Sumeru-Signature": signed}, **extra
    )
    return views.receive(request, key)


def code_of(response: HttpResponse) -> str:
    error = json.loads(response.content)["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    return str(error["code"])


def test_an_event_is_taken_once(shop: Shop, listening: None) -> None:
    raw = envelope()
    answers = [post(shop.key, raw) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [json.loads(answer.content)["status"] for answer in answers] == ["taken", "seen", "seen"]
    event = InboundEvent.objects.get()
    assert (event.event_id, event.type, event.state, event.data) == (
        "evt_1",
        "order.attributed",
        "taken",
        {"order_id": "ord_1"},
    )
    job = Job.objects.get()
    assert (job.kind, job.key, job.state, job.order_key) == (
        "listen:everything",
        "evt_1",
        "waiting",
        "everything:ord_1",
    )
    assert job.event == event


def test_unknown_types_are_stored_without_effect(shop: Shop) -> None:
    assert post(shop.key, envelope(type="moon.landed")).status_code == 200
    assert InboundEvent.objects.get().type == "moon.landed"


def refused_everywhere(response: HttpResponse) -> None:
    assert response.status_code == 401
    assert code_of(response) == "unauthenticated"
    assert not InboundEvent.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha256=" + "A" * 64,
        "sha256=é" + "0" * 63,
        "sha256=" + "0" * 65,
    ],
)
def test_bad_signatures(shop: Shop, header: str) -> None:
    refused_everywhere(post(shop.key, envelope(), header=header))


def test_no_signature_at_all(shop: Shop) -> None:
    request = RequestFactory().generic("POST", "/", envelope(), "application/json")
    refused_everywhere(views.receive(request, shop.key))


def test_twice_the_header_as_a_server_joins_it(shop: Shop) -> None:
    good = signature.sign(envelope(), SECRET)
    refused_everywhere(post(shop.key, envelope(), header=f"{good},{good}"))


def test_another_shops_secret(shop: Shop) -> None:
    new_shop("other.example", OTHER_SECRET)
    refused_everywhere(post(shop.key, envelope(), secret=OTHER_SECRET))


def test_strangers_get_what_forgers_get(shop: Shop) -> None:
    unknown, forged = post("shp_unknown", envelope()), post(shop.key, envelope(), header="sha256=" + "0" * 64)
    refused_everywhere(unknown)
    assert (unknown.status_code, unknown.content, unknown.headers) == (
        forged.status_code,
        forged.content,
        forged.headers,
    )


def test_a_shop_without_a_secret_takes_nothing(db: None) -> None:
    bare = Shop.objects.create(name="Bare", domain="hooks.example")
    refused_everywhere(post(bare.key, envelope(), secret=""))


def test_a_body_written_anew(shop: Shop) -> None:
    raw = envelope()
    refused_everywhere(
        post(shop.key, json.dumps(json.loads(raw), indent=1).encode(), header=signature.sign(raw, SECRET))
    )


@pytest.mark.parametrize("raw", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_bodies(shop: Shop, raw: bytes) -> None:
    unsigned = post(shop.key, raw, header="sha256=" + "0" * 64)
    assert unsigned.status_code == 401
    assert not InboundEvent.objects.exists()
    answers = [post(shop.key, raw) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [json.loads(answer.content)["status"] for answer in answers] == ["ignored", "seen"]
    kept = InboundEvent.objects.get()
    assert (kept.state, kept.type) == ("ignored", "unreadable")
    assert kept.reason.startswith("unreadable:")
    assert replaying.replay(kept) == 0


def test_another_domain_is_kept_until_it_is_known(shop: Shop, listening: None) -> None:
    raw = envelope(shop_domain="hooks.myplatform.example")
    response = post(shop.key, raw)
    assert (response.status_code, json.loads(response.content)["status"]) == (200, "ignored")
    event = InboundEvent.objects.get()
    assert (event.reason, event.shop_domain, event.data) == (
        "other_domain",
        "hooks.myplatform.example",
        {"order_id": "ord_1"},
    )
    assert not Job.objects.exists()
    assert replaying.replay(event) == 1
    Shop.objects.filter(pk=shop.pk).update(other_domains="hooks.myplatform.example\nshop.example")
    views.shops.forget()
    second = post(shop.key, envelope(id="evt_2", shop_domain="www.hooks.myplatform.example"))
    assert json.loads(second.content)["status"] == "taken"


def test_another_shops_secret_is_no_proof(shop: Shop) -> None:
    new_shop("other.example", OTHER_SECRET)
    assert post(shop.key, envelope(shop_domain="other.example"), secret=OTHER_SECRET).status_code == 401
    assert not InboundEvent.objects.exists()


def test_the_domains_case_does_not_matter(shop: Shop) -> None:
    assert post(shop.key, envelope(shop_domain="Hooks.Example")).status_code == 200


@pytest.mark.parametrize(("age", "reason"), [(timedelta(days=4), "too_old"), (-timedelta(days=2), "in_future")])
def test_dates_out_of_bounds_are_stored_but_not_acted_upon(
    shop: Shop, listening: None, age: timedelta, reason: str
) -> None:
    before = stamps.current(shop.pk, ["reviews"])
    response = post(shop.key, envelope(type="gdpr.completed", created_at=(datetime.now(UTC) - age).isoformat()))
    assert (response.status_code, json.loads(response.content)["status"]) == (200, "ignored")
    event = InboundEvent.objects.get()
    assert (event.state, event.reason) == ("ignored", reason)
    stamps.forget()
    assert stamps.current(shop.pk, ["reviews"]) == before
    assert not Job.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(shop: Shop, method: str) -> None:
    response = post(shop.key, envelope(), method=method)
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_clock_that_is_ahead_costs_nothing(shop: Shop, listening: None) -> None:
    response = post(shop.key, envelope(created_at=(datetime.now(UTC) + timedelta(minutes=6)).isoformat()))
    assert json.loads(response.content)["status"] == "taken"
    assert Job.objects.count() == 1


def test_large_bodies_are_taken(shop: Shop) -> None:
    text = "y" * 5_000_000
    assert post(shop.key, envelope(data={"order_id": "ord_1", "note": text})).status_code == 200
    assert InboundEvent.objects.get().data["note"] == text


def test_bodies_that_are_too_large(shop: Shop) -> None:
    raw = envelope(data={"x": "y" * views.BODY_LIMIT_BYTES})
    response = post(shop.key, raw)
    assert (response.status_code, code_of(response)) == (413, "payload_too_large")


def test_a_rotation_takes_both_secrets_until_the_old_one_retires(shop: Shop) -> None:
    secrets.store(shop, "webhook_secret", "wsec_second_0123456789abcdef", keep_old=True)
    old = Credential.objects.filter(shop=shop).order_by("pk").first()
    assert old is not None
    old.retires_at = datetime.now(UTC) + timedelta(hours=1)
    old.save()
    assert post(shop.key, envelope(id="evt_a")).status_code == 200
    assert post(shop.key, envelope(id="evt_b"), secret="wsec_second_0123456789abcdef").status_code == 200
    Credential.objects.filter(pk=old.pk).update(retires_at=datetime.now(UTC) - timedelta(seconds=1))
    views.shops.forget()
    assert post(shop.key, envelope(id="evt_c")).status_code == 401
    assert post(shop.key, envelope(id="evt_d"), secret="wsec_second_0123456789abcdef").status_code == 200


def test_forgeries_cost_no_queries(shop: Shop) -> None:
    post(shop.key, envelope(), header="sha256=" + "0" * 64)
    views.shops._read_at = time.monotonic() + 3_600  # the second does not end during the test
    with CaptureQueriesContext(
        connection,
    ) as queries:
        began = time.monotonic()
        for number in range(5_000):
            assert (
                post(shop.key if number % 2 else f"shp_{number}", b"{}", header="sha256=" + "0" * 64).status_code == 401
            )
        took_s = time.monotonic() - began
        assert len(queries) == 0
    assert took_s < 20, took_s
    assert not InboundEvent.objects.exists()


def test_a_failing_database_asks_to_send_again(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def broken(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT" in sql:
            raise OperationalError("disk is full of secrets")
        return execute(sql, params, many, context)

    with caplog.at_level(logging.INFO), connection.execute_wrapper(broken):
        response = post(shop.key, envelope(data={"email": "ada@shopper.example"}))
    assert (response.status_code, code_of(response)) == (500, "internal_error")
    assert "shopper.example" not in caplog.text
    assert b"disk" not in response.content
    assert post(shop.key, envelope()).status_code == 200


def test_nothing_is_stored_by_halves(shop: Shop, listening: None) -> None:
    def broken(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT" in sql and "_job" in sql:
            raise OperationalError("gone")
        return execute(sql, params, many, context)

    before = stamps.current(shop.pk, ["customer:cus_1"])
    with connection.execute_wrapper(broken):
        assert post(shop.key, envelope(data={"customer_id": "cus_1"})).status_code == 500
    stamps.forget()
    assert not InboundEvent.objects.exists()
    assert stamps.current(shop.pk, ["customer:cus_1"]) == before


def test_erasure_makes_copies_about_the_person_unusable_and_others_stale(shop: Shop) -> None:
    assert post(shop.key, envelope(type="gdpr.completed", data={"customer_id": "cus_1"})).status_code == 200
    stamps.forget()
    now = stamps.current(shop.pk, ["people", "customers", "customer:cus_1", "reviews"])
    assert {topic: tuple(value) for topic, value in now.items()} == {
        "people": (1, 0),
        "customers": (1, 0),
        "customer:cus_1": (1, 1),
        "reviews": (0, 0),
    }
    assert Job.objects.get().kind == "erase"


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_a_thousand_replays_are_one_row_and_one_job(listening: None) -> None:
    shop = new_shop()
    raw = envelope()
    statuses: list[int] = []

    def send(count: int) -> None:
        try:
            for _ in range(count):
                statuses.append(post(shop.key, raw).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(50,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 1_000
    assert (InboundEvent.objects.count(), Job.objects.count()) == (1, 1)


def test_a_replay_after_a_month_does_nothing(shop: Shop, listening: None) -> None:
    raw = envelope()
    assert post(shop.key, raw).status_code == 200
    event = intake.read_envelope(raw)
    month = timedelta(days=30)
    assert intake.take(shop.pk, event, datetime.now(UTC) + month) == "seen"
    InboundEvent.objects.all().delete()  # even if the row had been lost
    Job.objects.all().delete()
    assert intake.take(shop.pk, event, datetime.now(UTC) + month) == "ignored"
    assert not Job.objects.exists()


def test_shops_are_asked_for_again_within_a_second(shop: Shop) -> None:
    assert post(shop.key, envelope(id="evt_a")).status_code == 200
    fresh = new_shop("hooks.example", OTHER_SECRET)
    views.shops._read_at -= views.REMEMBERED_S
    assert post(fresh.key, envelope(id="evt_a"), secret=OTHER_SECRET).status_code == 200
    assert InboundEvent.objects.count() == 2


def test_signed_events_are_quick(shop: Shop, listening: Callable[[], None]) -> None:
    took = []
    for number in range(100):
        raw = envelope(id=f"evt_{number}")
        began = time.monotonic()
        assert post(shop.key, raw).status_code == 200
        took.append(time.monotonic() - began)
    assert sorted(took)[95] < 0.2
