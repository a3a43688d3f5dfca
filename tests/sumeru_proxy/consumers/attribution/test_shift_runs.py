"""The shift over all orders as a long job, and what publishing weights makes due."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sumeru_proxy.consumers.attribution import (
    erasure,
    explanation,
    intake,
    plans,
    proof,
    recomputation,
    shift,
    shift_runs,
    weight_tables,
)
from sumeru_proxy.consumers.attribution.company import Rule, table
from sumeru_proxy.consumers.attribution.models import AttributionSettings, Conversion, ShiftRun
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import ranges
from sumeru_proxy.worker import Worker, handlers
from tests.sumeru_proxy.consumers.attribution.stored import START_MS, contents, random_orders
from tests.sumeru_proxy.consumers.attribution.test_desk import RULES, SPAN, address, ask, desk, form

pytestmark = pytest.mark.django_db
DAY_MS = 86_400_000
DAYS = (START_MS, START_MS + 61 * DAY_MS)


@pytest.fixture
def editor(db: None) -> Client:
    return desk("view_credit", "change_weightversion", "view_job")


@pytest.fixture
def filled(shop: Shop) -> Shop:
    intake.take(shop.pk, random_orders(60, seed=71))
    return shop


def work(steps: int = 100) -> int:
    """So many steps of the worker at most; gives how many it made."""
    worker = Worker(handlers(), batch=1)
    return next((step for step in range(steps) if not worker.once()), steps)


def test_a_shift_over_all_orders_equals_the_sample_of_all(filled: Shop, editor: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(shift_runs, "CHUNK_ORDERS", 7)
    rules = [[*rule] for rule in RULES]
    begun = ask(editor, filled, rules, all=True).json()
    assert (begun["state"], begun["orders"], begun["channels"]) == ("running", 0, [])
    work(2)
    told = editor.get(address(filled, "weights"), {"run": begun["run"]}).json()
    assert told["state"] == "running"
    assert told["of"] == Conversion.objects.filter(currency="EUR").count() > told["orders"] >= 7
    work()
    told = editor.get(address(filled, "weights"), {"run": begun["run"]}).json()
    assert (told["state"], told["orders"]) == ("done", told["of"])
    sample = shift.read_sample(filled.pk, *DAYS, "EUR")
    run = ShiftRun.objects.get()
    assert shift_runs.shifts_of(run) == shift.shift_of(sample, table(RULES))
    assert sum(then for _now, then in shift_runs.shifts_of(run).values()) == sum(
        row.total for row in Conversion.objects.filter(currency="EUR")
    )


def test_it_is_cancelled_by_hand_and_by_the_next_one(filled: Shop, editor: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(shift_runs, "CHUNK_ORDERS", 7)
    first = ask(editor, filled, [], all=True).json()["run"]
    work(1)
    second = ask(editor, filled, [], all=True).json()["run"]
    assert editor.get(address(filled, "weights"), {"run": first}).json()["state"] == "ended"
    answer = editor.post(address(filled, "weights"), json.dumps({"cancel": second}), content_type="application/json")
    assert answer.json()["state"] == "ended"
    assert work() == 0
    assert ShiftRun.objects.get(pk=second).orders == 0
    for number in ("x", "0", "99999999999999999999", second + 7):
        assert editor.get(address(filled, "weights"), {"run": number}).status_code == 404
    assert (
        editor.post(
            address(filled, "weights"), json.dumps({"cancel": 12345}), content_type="application/json"
        ).status_code
        == 404
    )


def test_another_shop_s_run_is_not_shown_or_ended(filled: Shop, other_shop: Shop, editor: Client) -> None:
    run = ask(editor, filled, [], all=True).json()["run"]
    assert editor.get(address(other_shop, "weights"), {"run": run}).status_code == 404
    editor.post(address(other_shop, "weights"), json.dumps({"cancel": run}), content_type="application/json")
    assert shift_runs.state_of(ShiftRun.objects.get()) == "running"


def test_runs_are_forgotten_and_one_without_its_row_ends(filled: Shop, editor: Client) -> None:
    ask(editor, filled, [], all=True)
    assert erasure.prune(timezone.now() + timedelta(days=2), False)["attribution_shifts"] == 1
    work()
    ranges.start(filled.pk, "attribution:shift")
    work()
    assert set(Job.objects.filter(kind="attribution:shift").values_list("state", flat=True)) == {Job.State.DONE}


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, UTC)


def test_publishing_owes_what_it_makes_due_and_nothing_else(filled: Shop, editor: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("sumeru_proxy.consumers.attribution.storage.CHUNK_ORDERS", 5)
    where = address(filled, "weights")
    editor.post(where, form(RULES, action="save"))
    day = moment(START_MS + 30 * DAY_MS).date()
    page = editor.post(where, form(RULES, action="publish", effective=day.isoformat()), follow=True).content.decode()
    assert "credits the orders from that day on anew" in page
    (job,) = Job.objects.filter(kind="attribution:recompute")
    later = Conversion.objects.filter(at_ms__gte=START_MS + 30 * DAY_MS)
    found = proof.prove(filled.pk, 0, 10**6)
    assert found.stale == later.count() > 5
    row = later.order_by("at_ms").last()
    early = Conversion.objects.order_by("at_ms").first()
    assert row
    assert early
    assert not explanation.explained(filled.pk, row.key).current  # type: ignore[union-attr]
    assert explanation.explained(filled.pk, early.key).current  # type: ignore[union-attr]
    report = editor.get(address(filled, "report"), SPAN).content.decode()
    assert "being credited anew: it has not begun" in report
    work(1)
    assert " %." in editor.get(address(filled, "report"), SPAN).content.decode()
    jobs.pause(Job.objects.filter(pk=job.pk))
    assert work() == 0
    ranges.resume(Job.objects.filter(pk=job.pk))
    work()
    job.refresh_from_db()
    assert job.result["done"] == later.count()
    assert proof.prove(filled.pk, 0, 10**6).stale == 0
    assert set(later.values_list("version", flat=True)) == {1}
    assert set(Conversion.objects.exclude(pk__in=later).values_list("version", flat=True)) == {0}
    assert proof.prove(filled.pk, 0, 10**6).exact


def test_weights_for_the_future_owe_nothing(filled: Shop, editor: Client) -> None:
    where = address(filled, "weights")
    editor.post(where, form(RULES, action="save"))
    editor.post(where, form(RULES, action="publish", effective="2099-01-01"))
    assert not Job.objects.exists()
    assert proof.prove(filled.pk, 0, 10**6).stale == 0


def test_what_is_due_after_choices_and_versions(filled: Shop) -> None:
    for day in (40, 20):
        weight_tables.publish(weight_tables.draft(filled.pk, RULES), START_MS + day * DAY_MS)
    due = plans.due(filled.pk)
    assert [due.at(START_MS + day * DAY_MS) for day in (10, 30, 50)] == [1, 3, 3]
    before = contents(filled)
    recomputation.owe(filled.pk, None, "all")
    work()
    assert proof.prove(filled.pk, 0, 10**6).stale == 0
    assert contents(filled) != before
    AttributionSettings.count_up(filled.pk)
    assert plans.due(filled.pk) == plans.Due(4, ())
    credited = Conversion.objects.filter(revision__gt=0).count()
    assert proof.prove(filled.pk, 0, 10**6).stale == credited


def test_rules_that_are_none_begin_nothing(filled: Shop, editor: Client) -> None:
    assert ask(editor, filled, [["colour", "red", 1]], all=True).status_code == 400
    assert ask(desk("view_credit"), filled, [], all=True).status_code == 403
    assert not ShiftRun.objects.exists()
    assert Rule("channel", "email", 2_000) in RULES
