"""Writes against the sandbox: what is sent, how often, what happens when the answer is bad, and nothing secret in a row."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from sumeru_proxy import worker
from sumeru_proxy.client.errors import Refused
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import backlog, batching, claims, jobs, writes
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.outbox.turns import Turns
from sumeru_proxy.reading import stamps
from sumeru_proxy.sandbox.server import Sandbox, running, small_catalogue

PLENTY = dict.fromkeys(("writes_per_ip", "writes_per_shop", "pixel_per_ip", "pixel_per_shop"), 1000000)
PUBLIC_KEY = "pk_live_" + "1" * 32
TOKEN = "copt_test_" + "1" * 32
REVIEW: dict[str, Any] = {
    "product_id": "prd_1",
    "rating": 5,
    "title": "Good",
    "body": "Holds water.",
    "author": {"name": "Ada", "email": "ada@mail.example"},
}
QUIZ = {
    "quiz_id": "quiz_1",
    "session_id": "session-1",
    "answers": [
        {"question_id": "q_where", "option_ids": ["trail"]},
        {"question_id": "q_weather", "option_ids": ["rain"]},
        {"question_id": "q_colours", "option_ids": ["green", "blue"]},
    ],
}
FAST = WorkerTimings(base_s=0.01, longest_s=0.2, lease_s=30, probe_s=0.1)


@pytest.fixture
def upstream() -> Iterator[Sandbox]:
    with running(small_catalogue(), limits=PLENTY) as sandbox:
        yield sandbox


@pytest.fixture
def shop(upstream: Sandbox, make_shop: Callable[..., Shop]) -> Shop:
    shop = make_shop(upstream.url, domain="small.example", public_key=PUBLIC_KEY, token=TOKEN)
    shop.limits = PLENTY
    shop.save()
    return shop


def new_worker(**options: Any) -> worker.Worker:
    return worker.Worker(worker.handlers(), pace=FAST, **options)


def work_until_settled(timeout_s: float = 20.0) -> None:
    each = new_worker()
    deadline = time.monotonic() + timeout_s
    while Job.objects.filter(state__in=("waiting", "claimed")).exists():
        assert time.monotonic() < deadline, list(Job.objects.values("kind", "state", "reason", "last_error"))
        if each.once() == 0:
            time.sleep(0.01)


def review(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {**REVIEW, "author": {"name": "Ada", "email": f"ada{number}@mail.example"}, **changes}


def event(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"event-{number}", "type": "browse", "occurred_at": "2026-11-20T10:00:00Z", "visitor_id": "v", **more}


@pytest.mark.parametrize(
    ("kind", "body", "log", "result"),
    [
        ("review", REVIEW, "reviews", {"status": "pending"}),
        ("quiz_result", QUIZ, "quizzes", {"complete": True}),
        ("referral_claim", {"customer_id": "cus_2"}, "referrals", {}),
    ],
)
def test_each_kind_reaches_sumeru_once(
    upstream: Sandbox, shop: Shop, kind: str, body: dict[str, Any], log: str, result: dict[str, Any]
) -> None:
    writes.owe(shop.pk, kind, body, key="browser-key-1")
    writes.owe(shop.pk, kind, body, key="browser-key-1")
    work_until_settled()
    job = Job.objects.get()
    assert job.state == "done", job.last_error
    assert result.items() <= job.result.items()
    (entry,) = upstream.world.writes[log].values()
    assert (entry["applied"], entry["idempotency_key"]) == (1, "browser-key-1")


def test_a_lost_answer_is_asked_for_again_with_the_same_key(upstream: Sandbox, shop: Shop) -> None:
    upstream.faults.add({"endpoint": "reviews-submit", "kind": "lose_answer", "times": 2})
    writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
    work_until_settled()
    (entry,) = upstream.world.writes["reviews"].values()
    assert (entry["applied"], entry["received"]) == (1, 3)
    job = Job.objects.get()
    assert (job.state, job.attempts, job.ambiguous) == ("done", 3, False)


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("review", {**REVIEW, "rating": 6}, "rating"),
        ("review", {**REVIEW, "rating": "5"}, "rating"),
        ("review", {**REVIEW, "author": None}, "author"),
        ("review", {**REVIEW, "author": {"name": "A", "email": "nobody"}}, "author_email"),
        ("review", {**REVIEW, "product_id": ""}, "product_id"),
        ("review", {**REVIEW, "title": "a\nb"}, "title"),
        ("review", {}, "author"),
        ("quiz_result", {**QUIZ, "answers": []}, "answers"),
        ("quiz_result", {**QUIZ, "answers": ["x"]}, "answers"),
        ("referral_claim", {}, "customer_id"),
        ("pixel", {"events": []}, "events"),
        ("pixel", {"events": [{"id": "1"}]}, "events"),
        ("pixel", {"events": [event(1)] * 101}, "events"),
        ("pixel", {"events": "all"}, "events"),
        ("customer_update", {"customer_id": "cus_1", "changes": {}}, "changes"),
    ],
)
def test_what_cannot_be_sent_is_not_owed(db: None, kind: str, body: dict[str, Any], field: str) -> None:
    shop = Shop.objects.create(name="Checks", domain="checks.example")
    with pytest.raises(Refused) as caught:
        writes.owe(shop.pk, kind, body, key="browser-key-1")
    assert caught.value.field == field
    assert not Job.objects.exists()


def test_short_keys_are_refused(db: None) -> None:
    with pytest.raises(jobs.Unfit):
        writes.owe(1, "review", REVIEW, key="short")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 401}, "credential"),
        ({"kind": "status", "status": 403}, "credential"),
        ({"kind": "status", "status": 409}, "conflict"),
        ({"kind": "status", "status": 422}, "refused"),
    ],
)
def test_what_a_person_must_see_is_parked(upstream: Sandbox, shop: Shop, fault: dict[str, Any], reason: str) -> None:
    upstream.faults.add({"endpoint": "reviews-submit", **fault})
    writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
    work_until_settled()
    job = Job.objects.get()
    assert (job.state, job.reason, job.attempts) == ("parked", reason, 0) or (job.state, job.reason) == (
        "parked",
        reason,
    )
    upstream.faults.clear()
    assert jobs.retry(Job.objects.all()) == 1
    work_until_settled()
    assert Job.objects.get().state == "done"
    assert len(upstream.world.writes["reviews"]) == 1


def test_a_missing_credential_parks_without_sending(upstream: Sandbox, shop: Shop) -> None:
    shop.credentials.update(sealed="", reference="NOT_SET_ANYWHERE")
    writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
    work_until_settled()
    assert Job.objects.get().reason == "credential"
    assert upstream.calls()["total"] == 0


def test_an_old_ambiguous_write_is_parked_and_never_sent_again(upstream: Sandbox, shop: Shop) -> None:
    upstream.faults.add({"endpoint": "reviews-submit", "kind": "lose_answer", "times": 1})
    writes.owe(shop.pk, "review", review(1), key="browser-key-1")
    writes.owe(
        shop.pk,
        "review",
        review(2),
        key="browser-key-2",
    )
    each = new_worker(batch=1)
    each.once()
    lost = Job.objects.get(key="browser-key-1")
    assert (lost.state, lost.ambiguous) == ("waiting", True)
    # 25 hours later: the upstream has forgotten the key. One job was never sent, the other may have been acted upon.
    day = timedelta(hours=25)
    upstream.clock.shift(day.total_seconds())
    Job.objects.filter(pk=lost.pk).update(first_attempt_at=lost.first_attempt_at - day, next_at=timezone.now())  # type: ignore[operator]
    Job.objects.filter(key="browser-key-2").update(created_at=timezone.now() - day)
    work_until_settled()
    assert set(Job.objects.values_list("key", "state", "reason")) == {
        ("browser-key-1", "parked", "ambiguous_old"),
        ("browser-key-2", "done", ""),
    }
    assert [entry["applied"] for entry in upstream.world.writes["reviews"].values()] == [1, 1]


def test_a_worker_that_died_after_sending_leaves_an_ambiguous_job(upstream: Sandbox, shop: Shop) -> None:
    writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
    (job,) = claims.claim("dead", kinds=["review"], lease_s=0.01)
    assert jobs.begin(job, keyed=True, lease_s=0.01)  # … and killed here
    time.sleep(0.02)
    work_until_settled()
    assert (Job.objects.get().state, Job.objects.get().attempts) == ("done", 2)


def test_our_own_limits_hold_back_without_counting(upstream: Sandbox, shop: Shop) -> None:
    shop.limits = {}
    shop.save()
    for number in range(30):
        writes.owe(shop.pk, "review", review(number), key=f"browser-key-{number}")
    each = new_worker()
    for _ in range(20):
        each.once()
    assert Job.objects.filter(state="done").count() <= 2
    held = Job.objects.filter(state="waiting")
    assert held.filter(attempts=0, first_attempt_at=None, ambiguous=False).count() == held.count() >= 28
    # One was told to wait; the others were not even tried.
    assert held.filter(reason="limited").count() <= 2
    figures = backlog.figures(shop.pk)
    assert figures.waiting == held.count()
    assert figures.drain_s == pytest.approx(held.count() / 0.3, rel=0.01)
    assert not figures.worrying


def test_an_outage_ends_with_everything_delivered_in_order(upstream: Sandbox, shop: Shop) -> None:
    upstream.faults.add({"endpoint": "*", "kind": "reset"})
    for number in range(40):
        writes.owe(shop.pk, "review", review(number % 4, title=f"Number {number}"), key=f"browser-key-{number}")
    each = new_worker()
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        each.once()
        time.sleep(0.01)
    calls = upstream.calls()["total"]
    assert 5 <= calls <= 12  # the breaker lets only probes through
    assert not Job.objects.filter(state__in=("done", "parked")).exists()
    upstream.faults.clear()
    work_until_settled(60)
    assert Job.objects.filter(state="done").count() == 40
    assert all(entry["applied"] == 1 for entry in upstream.world.writes["reviews"].values())
    for submitter in range(4):
        titles = [
            int(entry["title"].split()[1])
            for entry in upstream.world.writes["reviews"].values()
            if entry["author"]["email"] == f"ada{submitter}@mail.example"
        ]
        assert titles == sorted(titles) == list(range(submitter, 40, 4))


def test_the_end_of_an_outage_wakes_what_waits_long(db: None) -> None:
    shop = Shop.objects.create(name="Waits", domain="waits.example")
    for number in range(3):
        jobs.owe(shop.pk, "review", {}, key=f"key-{number}")
    later = timezone.now() + timedelta(minutes=10)
    Job.objects.update(next_at=later, reason="unavailable")
    Job.objects.filter(key="key-2").update(reason="limited")
    assert jobs.wake(shop.pk, ["review", "quiz_result"]) == 2
    assert Job.objects.filter(next_at__lte=timezone.now()).count() == 2


def test_events_go_in_batches_fixed_before_they_are_sent(upstream: Sandbox, shop: Shop) -> None:
    for number in range(250):
        writes.owe(shop.pk, "pixel", {"events": [event(number)]}, key=f"event-key-{number}")
    upstream.faults.add({"endpoint": "pixel", "kind": "lose_answer", "times": 2})
    assert batching.gather(timezone.now() + timedelta(seconds=2)) == 3
    sizes = sorted(len(job.body["events"]) for job in Job.objects.filter(kind="pixel_batch"))
    assert sizes == [50, 100, 100]
    assert not Job.objects.filter(kind="pixel").exclude(state="done", body_text="").exists()
    assert batching.gather(timezone.now() + timedelta(seconds=2)) == 0
    work_until_settled()
    sent = upstream.world.writes["pixel"]
    assert len(sent) == 250
    assert all(entry["applied"] == 1 for entry in sent.values())
    assert len({entry["idempotency_key"] for entry in sent.values()}) == 3


def test_few_events_wait_a_second_for_company(db: None) -> None:
    shop = Shop.objects.create(name="Events", domain="events.example")
    writes.owe(shop.pk, "pixel", {"events": [event(1)]}, key="event-key-1")
    assert batching.gather(timezone.now()) == 0
    assert batching.gather(timezone.now() + timedelta(seconds=1)) == 1


def test_one_bad_event_does_not_take_its_batch_along(upstream: Sandbox, shop: Shop) -> None:
    for number in range(20):
        when = "in the afternoon" if number == 7 else "2026-11-20T10:00:00Z"
        writes.owe(shop.pk, "pixel", {"events": [event(number, occurred_at=when)]}, key=f"event-key-{number}")
    batching.gather(timezone.now() + timedelta(seconds=2))
    work_until_settled()
    assert len(upstream.world.writes["pixel"]) == 19
    (parked,) = Job.objects.filter(state="parked")
    assert [each["id"] for each in parked.body["events"]] == ["event-7"]
    assert parked.reason == "refused"


def test_deliver_now_answers_in_one_try(upstream: Sandbox, shop: Shop) -> None:
    job = writes.owe(shop.pk, "review", REVIEW, key="browser-key-1").job
    assert writes.deliver_now(job).state == "done"
    assert (job.state, job.result["status"]) == ("done", "pending")
    assert writes.deliver_now(job).state == "lost"


def test_deliver_now_leaves_the_debt_when_sumeru_is_slow(upstream: Sandbox, shop: Shop) -> None:
    upstream.faults.add({"endpoint": "reviews-submit", "kind": "hang", "times": 1})
    job = writes.owe(shop.pk, "review", REVIEW, key="browser-key-1").job
    began = time.monotonic()
    tried = writes.deliver_now(job, 0.5)
    assert time.monotonic() - began < 2
    assert (tried.state, job.state, job.reason) == ("waits", "waiting", "unavailable")
    work_until_settled()
    assert Job.objects.get().state == "done"


def test_a_published_review_makes_its_copies_stale(upstream: Sandbox, shop: Shop) -> None:
    upstream.world.shop("small.example").auto_publish = True
    before = stamps.current(shop.pk, ["reviews:prd_1"])["reviews:prd_1"].soft
    writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
    work_until_settled()
    stamps.forget()
    assert stamps.current(shop.pk, ["reviews:prd_1"])["reviews:prd_1"].soft == before + 1


def test_no_credential_in_rows_and_no_body_in_logs(
    upstream: Sandbox, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="sumeru_proxy"):
        upstream.faults.add({"endpoint": "reviews-submit", "kind": "html", "times": 1})
        writes.owe(shop.pk, "review", REVIEW, key="browser-key-1")
        work_until_settled()
    rows = json.dumps(list(Job.objects.values()), default=str)
    assert PUBLIC_KEY not in rows
    assert TOKEN not in rows
    for secret in (PUBLIC_KEY, "ada@mail.example", "Holds water"):
        assert secret not in caplog.text
    assert f"job {Job.objects.get().pk} review shop {shop.pk}: done" in caplog.text


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_several_workers_share_the_work(upstream: Sandbox, make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(upstream.url, domain="small.example", public_key=PUBLIC_KEY)
    shop.limits = PLENTY
    shop.save()
    for number in range(60):
        writes.owe(shop.pk, "review", review(number), key=f"browser-key-{number}")
    turns = Turns(3)
    workers = [new_worker(batch=3, turns=turns) for _ in range(3)]
    worker.run_many(workers, until_idle=True)
    assert Job.objects.filter(state="done").count() == 60
    assert [entry["applied"] for entry in upstream.world.writes["reviews"].values()] == [1] * 60


@pytest.mark.django_db(transaction=True)
def test_a_stopping_worker_finishes_its_job_and_gives_back_the_rest(
    upstream: Sandbox, make_shop: Callable[..., Shop]
) -> None:
    shop = make_shop(upstream.url, domain="small.example", public_key=PUBLIC_KEY)
    upstream.faults.add({"endpoint": "reviews-submit", "kind": "latency", "seconds": 0.5})
    for number in range(5):
        writes.owe(shop.pk, "review", review(number), key=f"browser-key-{number}")
    each = new_worker()

    def run() -> None:
        try:
            each.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    while not upstream.calls()["total"] and not Job.objects.filter(attempts__gt=0).exists():
        time.sleep(0.01)
    each.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert sorted(Job.objects.values_list("state", flat=True)) == ["done", *["waiting"] * 4]
    assert Job.objects.filter(claimed_by="").count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_worker_outlives_a_lost_database() -> None:
    each = new_worker()
    failures: list[datetime] = []

    def broken(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        failures.append(timezone.now())
        each.stop()
        raise OperationalError("gone")

    with connection.execute_wrapper(broken):
        each.run()
    assert failures
