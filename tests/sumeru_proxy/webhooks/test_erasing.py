"""What a ``gdpr.completed`` event does, whatever its shape."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from sumeru_proxy import worker
from sumeru_proxy.models import Erasure, InboundEvent, Job, Shop, Stamp
from sumeru_proxy.outbox import writes
from sumeru_proxy.webhooks import intake

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="Shop", domain="shop.example")


def review(shop: Shop, number: int, email: str, name: str = "A", **more: Any) -> Job:
    body = {"product_id": "p", "rating": 5, "author": {"name": name, "email": email}, **more}
    return writes.owe(shop.pk, "review", body, key=f"browser-key-{number}").job


def take(shop: Shop, event_id: str, data: Any, event_type: str = "gdpr.completed") -> InboundEvent:
    body = {
        "id": event_id,
        "type": event_type,
        "created_at": timezone.now().isoformat(),
        "shop_domain": shop.domain,
        "data": data,
    }
    envelope = intake.read_envelope(json.dumps(body).encode())
    assert intake.take(shop.pk, envelope, timezone.now()) == "taken"
    return InboundEvent.objects.get(event_id=event_id)


def work() -> None:
    worker.Worker(worker.handlers(["erase"])).once()


@pytest.mark.parametrize(
    "data",
    [
        {"emails": ["Ada@Mail.example"]},
        {"customer": {"contact": {"email": "ada@mail.example"}}},
        {"subject": {"identifiers": [{"type": "email", "value": "ada@mail.example"}]}},
    ],
)
def test_a_review_of_theirs_that_waits_is_not_sent(shop: Shop, data: Any) -> None:
    """Parked in the very transaction that takes the event: no worker can be faster."""
    theirs, other = review(shop, 1, "ada@mail.example"), review(shop, 2, "ben@mail.example")
    event = take(shop, "evt_1", data)
    for job in (theirs, other):
        job.refresh_from_db()
    assert (theirs.state, theirs.reason, theirs.body_text) == ("parked", "erased", "")
    assert other.state == "waiting"
    work()
    event.refresh_from_db()
    assert (event.body_text, event.reason) == ("", "erased")
    assert Job.objects.get(kind="erase").state == "done"


def test_a_customer_id_leads_to_the_address_and_the_name(shop: Shop) -> None:
    """The review knows only the address; another event knows that it is the customer's."""
    customer = {"id": 4711, "email": "ada@mail.example", "first_name": "Ada", "last_name": "Lovelace"}
    known = take(shop, "evt_1", {"customer": customer}, "customer.updated")
    other = take(shop, "evt_2", {"order": {"total": "4711", "lines": [{"id": 4711}]}}, "something.else")
    theirs = review(shop, 1, "Ada@Mail.example", "Countess")
    take(shop, "evt_3", {"customer_id": 4711})
    marks = len(Erasure.objects.get().marks["authors"])
    work()
    for row in (known, other, theirs):
        row.refresh_from_db()
    assert (known.body_text, bool(other.body_text), theirs.state, theirs.body_text) == ("", True, "parked", "")
    assert len(Erasure.objects.latest("pk").marks["authors"]) > marks, "the names are looked for in copies, too"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": 4711},
        {"email_hash": "9f86d081884c7d659a2feaa0c55ad015"},
        {"request": {"id": "req_1", "state": "completed"}},
        {"phone": "+49 30 123"},
    ],
)
def test_an_event_that_names_nobody_waits_for_a_person(shop: Shop, data: Any) -> None:
    event = take(shop, "evt_1", data)
    theirs = review(shop, 1, "ada@mail.example")
    work()
    job = Job.objects.get(kind="erase")
    assert (job.state, job.reason) == ("parked", "unrecognised")
    assert "names nobody" in job.last_error
    event.refresh_from_db()
    assert event.body_text, "a person must be able to read it"
    assert Stamp.objects.get(topic="people").value == 1, "copies are read again all the same"
    theirs.refresh_from_db()
    assert theirs.state == "waiting"

    out = StringIO()
    call_command("erase", shop.key, "ADA@mail.example", "--event", "evt_1", "--dry-run", stdout=out)
    assert out.getvalue().startswith("Would erase: 1 jobs")
    with pytest.raises(CommandError, match="nothing was erased"):
        call_command("erase", shop.key, "ada@mail.example", "--event", "evt_9")
    theirs.refresh_from_db()
    assert theirs.state == "waiting"
    call_command("erase", shop.key, "ADA@mail.example", "--event", "evt_1", stdout=out)
    for row in (theirs, job, event):
        row.refresh_from_db()
    assert (theirs.reason, job.state, job.reason, event.body_text) == ("erased", "done", "", "")


def test_the_command_wants_a_person(shop: Shop) -> None:
    with pytest.raises(CommandError, match="Name an e-mail"):
        call_command("erase", shop.key, " ")
