"""Personal data from end to end: a person is erased by Sumeru's event, what is old goes in the daily work, and the pages show neither."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sumeru_proxy import pruning
from sumeru_proxy.consumers.order_sync import engine, personal
from sumeru_proxy.consumers.order_sync.admin_pages import words
from sumeru_proxy.consumers.order_sync.consumer import CONSUMER
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget, Rehearsal, Sending
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import intake
from tests.sumeru_proxy.consumers.order_sync.acting import hear, live, work
from tests.upstream import Upstream


def erase_by_event(shop: Shop, data: dict[str, str]) -> None:
    """As when Sumeru says that a person was erased."""
    now = datetime.now(UTC)
    text = json.dumps({"id": "evt_erase", "data": data})
    intake.take(shop.pk, intake.Envelope("evt_erase", "gdpr.completed", now, shop.domain, data, text), now)
    work()


@pytest.fixture
def links(shop: Shop, sandbox: Upstream, row: OrderTarget) -> list[Link]:
    for order_id in live(sandbox, 12, steps=["created"], seed=3):
        hear(shop, order_id)
    work()
    return list(Link.objects.filter(target=row, state="sent"))


def test_sumerus_event_empties_all_that_names_the_person(shop: Shop, links: list[Link]) -> None:
    link = next(each for each in links if each.document_data["party"]["email"] and each.document_data["party"]["id"])
    party = link.document_data["party"]
    client = Client()
    client.force_login(User.objects.create_superuser("desk"))
    page = words.address(shop, words.ORDERS, order=link.pk)
    assert party["email"] in client.get(page).content.decode()
    Link.objects.filter(pk=link.pk).update(note=f"asked {party['email']}")
    erase_by_event(shop, {"customer_id": party["id"], "email": party["email"]})
    link.refresh_from_db()
    assert (link.state, link.document_text, link.sent_text, link.person, link.note) == ("erased", "", "", "", "")
    assert (link.number, link.total) != ("", 0)
    rows = [*Link.objects.values(), *Sending.objects.values(), *Rehearsal.objects.values(), *LogEntry.objects.values()]
    assert party["email"] not in json.dumps(rows, default=str)
    text = client.get(page).content.decode()
    assert party["email"] not in text
    assert "erased at the person’s request" in text
    assert Link.objects.filter(state="sent").exists()


def test_an_erased_order_that_changes_is_not_read_into_a_document_again(
    shop: Shop, sandbox: Upstream, links: list[Link]
) -> None:
    link = next(each for each in links if each.document_data["party"]["email"])
    erase_by_event(shop, {"email": link.document_data["party"]["email"]})
    hear(shop, link.order_id, "evt_after")
    work()
    link.refresh_from_db()
    assert (link.state, link.document_text) == ("erased", "")


def test_the_history_of_the_admin_holds_no_note(shop: Shop, links: list[Link]) -> None:
    Link.objects.filter(pk=links[0].pk).update(state="parked")
    client = Client()
    client.force_login(User.objects.create_superuser("desk"))
    client.post(words.address(shop, words.ORDERS, order=links[0].pk), {"do": "skip", "note": "told jo@mail.example"})
    links[0].refresh_from_db()
    assert links[0].note == "told jo@mail.example"
    assert [each.get_change_message() for each in LogEntry.objects.all()] == ["Skipped"]


def test_the_daily_pruning_forgets_by_documented_lifetimes(shop: Shop, row: OrderTarget, links: list[Link]) -> None:
    parked, skipped = links[0], links[1]
    now = timezone.now()
    Link.objects.filter(pk=parked.pk).update(state="parked")
    Link.objects.filter(pk=skipped.pk).update(state="skipped")
    DayProof.objects.create(target=row, day=now.date(), currency="EUR", checked_at=now)
    Rehearsal.objects.create(target=row, report={})

    def left(days: int) -> tuple[int, bool, int, int, int]:
        pruning.prune(now + timedelta(days=days))
        kept = Link.objects.exclude(document_text="")
        return (
            kept.exclude(pk=parked.pk).count(),
            kept.filter(pk=parked.pk).exists(),
            Sending.objects.count(),
            DayProof.objects.count(),
            Rehearsal.objects.count(),
        )

    others = Link.objects.exclude(document_text="").count() - 1
    assert left(personal.DOCUMENT_LIFETIME.days - 1) == (others, True, len(links), 1, 1)
    assert left(personal.DOCUMENT_LIFETIME.days + 1) == (0, True, 0, 1, 1)
    assert left(personal.PARKED_LIFETIME.days + 1) == (0, False, 0, 1, 1)
    assert left(personal.PROOF_LIFETIME.days + 1) == (0, False, 0, 0, 0)
    assert Link.objects.filter(target=row).exclude(number="").count() >= len(links)
    assert engine.due_links(row, now).count() == 0


def test_every_model_is_in_the_privacy_table() -> None:
    named = {each.model for each in CONSUMER.stores}
    assert named == {f"order_sync.{each.__name__}" for each in (OrderTarget, Link, Sending, DayProof, Rehearsal)}
    assert {each.model for each in CONSUMER.stores if each.personal} == {"order_sync.Link", "order_sync.Sending"}
