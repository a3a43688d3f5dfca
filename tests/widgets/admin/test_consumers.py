"""Consumers in the admin: which side failed and what it said, long jobs, and pages of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed, ranges
from tests.sumeru_proxy.example_consumer import CONSUMER
from widgets.admin import job_words, moments, range_words

EXAMPLE = "tests.sumeru_proxy.example_consumer.CONSUMER"
NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def example(settings: Any) -> None:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = [EXAMPLE]


def owe(shop: Shop, key: str = "k", **changes: Any) -> Job:
    job = installed.owe("example", "order", shop.pk, {"order_id": "ord_1"}, key=key).job
    Job.objects.filter(pk=job.pk).update(**changes)
    job.refresh_from_db()
    return job


def job_page(client: Client, job: Job) -> str:
    return client.get(reverse("admin:sumeru_proxy_job_change", args=[job.pk])).content.decode()


@pytest.mark.parametrize(
    ("columns", "options", "why", "advice", "said"),
    [
        (
            {"reason": "target_down", "last_error": "502"},
            {"target": "Tryton"},
            "Tryton does not answer",
            "Sumeru is not the cause",
            "502",
        ),
        ({}, {"away": True, "target": "Tryton"}, "Tryton does not answer", "look at Tryton", ""),
        ({}, {"away": True, "behind": True}, "waits for an earlier one", "", ""),
        (
            {"state": "parked", "reason": "target_refused", "last_error": "closed"},
            {"target": "Tryton"},
            "Tryton refused it",
            "try again",
            "closed",
        ),
        (
            {"state": "parked", "reason": "not_mappable", "last_error": "SKU A"},
            {"target": "Tryton"},
            "the form that Tryton needs",
            "mapping",
            "SKU A",
        ),
        (
            {"state": "parked", "reason": "target_down"},
            {"target": "Tryton"},
            "Tryton was away for more than 14 days",
            "try again",
            "",
        ),
        ({"state": "parked", "reason": "target_refused"}, {}, "the target refused it", "try again", ""),
        ({"state": "superseded"}, {}, "A later one about the same order", "", ""),
        ({"state": "paused"}, {}, "A person paused it", "Resume it", ""),
    ],
)
def test_which_side_failed(columns: dict[str, Any], options: dict[str, Any], why: str, advice: str, said: str) -> None:
    job = Job(**{"kind": "example:order", "key": "k", "state": "waiting", "next_at": NOW, "body_text": "{}", **columns})
    told = job_words.explain(job, NOW, **options)
    assert why in told.why
    assert advice in told.advice
    assert told.target_words == said


@pytest.mark.parametrize("state", Job.State.values)
def test_every_state_has_a_badge(state: str) -> None:
    assert job_words.badge(Job(state=state, kind="review", reason="")) in ("ok", "waiting", "failing", "unused")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("listen:example", "Event for Example ledger"),
        ("listen:gone", "Event for gone"),
        ("example:order", "Order for the ledger"),
        ("example:history", "All orders into the ledger"),
        ("example:history.part", "Part of “All orders into the ledger”"),
        ("gone:order", "gone:order"),
    ],
)
def test_kinds_have_names(kind: str, words: str) -> None:
    assert job_words.kind_words(kind) == words
    assert (kind in job_words.known_kinds()) is ("gone" not in kind)


def test_a_job_page_names_the_target_and_shows_its_words(shop: Shop, client_with: Callable[..., Client]) -> None:
    job = owe(shop, state="parked", reason="target_refused", code="closed_period", last_error="<b>Period</b> is closed")
    text = job_page(client_with("view_job"), job)
    assert "The ledger refused it." in text
    assert "&lt;b&gt;Period&lt;/b&gt; is closed" in text
    assert "closed_period" in text
    assert "Sumeru refused" not in text


def test_the_list_tells_of_an_outage_to_all_who_wait(shop: Shop, client_with: Callable[..., Client]) -> None:
    owe(shop, "a", reason="target_down", target="ledger", next_at=timezone.now() + timedelta(minutes=1))
    owe(shop, "b")
    text = client_with("view_job").get(reverse("admin:sumeru_proxy_job_changelist")).content.decode()
    assert text.count("The ledger does not answer or does not work.") == 2
    assert "It is next in line" not in text


def test_a_consumer_that_cannot_name_its_target_breaks_no_page(
    shop: Shop, client_with: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = owe(shop, state="parked", reason="target_refused")

    def broken() -> Any:
        raise RuntimeError

    monkeypatch.setattr(installed, "own_kinds", broken)
    assert installed.target_of(job) is None


# -- long jobs


def test_a_back_fill_is_started_paused_resumed_and_cancelled(shop: Shop, client_with: Callable[..., Client]) -> None:
    client = client_with("view_shop", "view_job", "change_job")
    address = reverse("admin:sumeru_proxy_shop_ranges", args=[shop.pk])
    assert "None was started yet." in client.get(address).content.decode()
    answer = client.post(address, {"kind": "example:history", "since": "2026-01-01T00:00", "until": ""}, follow=True)
    assert "It is started" in answer.content.decode()
    job = Job.objects.get(kind="example:history")
    assert job.body == {"since": "2026-01-01T00:00:00+00:00"}
    again = client.post(address, {"kind": "example:history", "since": "", "until": ""}, follow=True)
    assert "not at its end yet" in again.content.decode()
    assert Job.objects.count() == 1

    one = reverse("admin:sumeru_proxy_job_change", args=[job.pk])
    assert "1 job is paused." in client.post(one, {"do": "pause"}, follow=True).content.decode()
    job.refresh_from_db()
    assert job.state == "paused"
    assert "Nothing to pause" in client.post(one, {"do": "pause"}, follow=True).content.decode()
    assert "1 job goes on." in client.post(one, {"do": "resume"}, follow=True).content.decode()
    Job.objects.filter(pk=job.pk).update(state="claimed", lease_until=timezone.now() + timedelta(minutes=1))
    client.post(one, {"do": "discard", "decided": "1", "note": "wrong year"}, follow=True)
    job.refresh_from_db()
    assert (job.state, job.control, job.note) == ("claimed", "cancel", "wrong year")
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Started", "Paused", "Resumed", "Cancelled"]


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "example:order"},
        {"kind": ""},
        {"kind": "example:history", "since": "2026-02-01T00:00", "until": "2026-01-01T00:00"},
        {"kind": "example:history", "since": "yesterday"},
    ],
)
def test_nonsense_starts_nothing(shop: Shop, client_with: Callable[..., Client], data: dict[str, str]) -> None:
    client = client_with("view_shop", "change_job")
    answer = client.post(reverse("admin:sumeru_proxy_shop_ranges", args=[shop.pk]), data)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not Job.objects.exists()


def test_who_may_only_look_starts_nothing(shop: Shop, client_with: Callable[..., Client]) -> None:
    address = reverse("admin:sumeru_proxy_shop_ranges", args=[shop.pk])
    viewer = client_with("view_shop", "view_job")
    assert "Start one" not in viewer.get(address).content.decode()
    assert viewer.post(address, {"kind": "example:history"}).status_code == 403
    assert client_with("view_shop").get(address).status_code == 403
    assert not Job.objects.exists()


def test_progress_and_its_end_are_shown(shop: Shop, client_with: Callable[..., Client]) -> None:
    job = ranges.start(shop.pk, "example:count", more={"to": 100})
    now = timezone.now().isoformat()
    progress = {"done": 40, "pages": 4, "skipped": 1, "failed": 1, "total": 100, "active_s": 60.0, "paced": 30}
    Job.objects.filter(pk=job.pk).update(progress={**progress, "started_at": now, "stepped_at": now, "cursor": 40})
    Job.objects.create(
        shop=shop, kind="example:count.part", key=f"{job.pk}/3", body_hash="x", body_text="{}", next_at=timezone.now()
    )
    client = client_with("view_shop", "view_job")
    for text in (
        job_page(client, job),
        client.get(reverse("admin:sumeru_proxy_shop_ranges", args=[shop.pk])).content.decode(),
    ):
        assert f"40 done, 1 could not be read, 1 part failed; 40 % of it, about {moments.span(120)} left" in text
        assert "1 part is still owed" in text


def test_a_paused_one_promises_no_end() -> None:
    progress = {"done": 40, "total": 100, "active_s": 60.0, "paced": 40}
    job = Job(kind="example:count", state="paused", progress=progress)
    assert range_words.one_line(job, NOW) == "40 done; 40 % of it"
    assert range_words.one_line(Job(kind="example:count", state="done", result={"done": 7}), NOW) == "7 done"


# -- pages of their own


def test_its_page_stands_among_the_shops(shop: Shop, client_with: Callable[..., Client], settings: Any) -> None:
    address = reverse("admin:sumeru_proxy_shop_consumer", args=[shop.pk, "example", "ledger"])
    client = client_with("view_shop")
    assert (
        f'<a href="{address}">Ledger</a>'
        in client.get(reverse("admin:sumeru_proxy_shop_embed", args=[shop.pk])).content.decode()
    )
    assert client.get(address).content.decode() == f"ledger of {shop.name}"
    for slug in ("nothing", "ledger2"):
        wrong = reverse("admin:sumeru_proxy_shop_consumer", args=[shop.pk, "example", slug])
        assert client.get(wrong).status_code == 404
    assert client_with("view_job").get(address).status_code == 403
    assert Client().get(address).status_code == 302
    settings.SUMERU_LISTENERS = []
    assert client.get(address).status_code == 404


def test_its_own_permission_is_asked_for(
    shop: Shop, client_with: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    (page,) = CONSUMER.admin_pages
    address = reverse("admin:sumeru_proxy_shop_consumer", args=[shop.pk, "example", "ledger"])
    stricter = replace(CONSUMER, admin_pages=(replace(page, permission="sumeru_proxy.delete_shop"),))
    monkeypatch.setattr(installed, "consumers", lambda: (stricter,))
    client = client_with("view_shop")
    assert client.get(address).status_code == 403
    assert "Ledger" not in client.get(reverse("admin:sumeru_proxy_shop_embed", args=[shop.pk])).content.decode()
