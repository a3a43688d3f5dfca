"""Debts as rows: owing once, claiming alone, in order, and with a lease that ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import claims, jobs

KINDS = ["review", "other"]


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="Jobs", domain="jobs.example")


def owe(shop: Shop, key: str, **more: Any) -> Job:
    return jobs.owe(shop.pk, more.pop("kind", "review"), more.pop("body", {"n": key}), key=key, **more).job


def claimed(**options: Any) -> list[str]:
    return [job.key for job in claims.claim("test", kinds=KINDS, **options)]


def test_the_same_key_and_body_is_owed_once(shop: Shop) -> None:
    first = jobs.owe(shop.pk, "review", {"a": 1, "b": "é"}, key="key-1")
    again = jobs.owe(shop.pk, "review", {"b": "é", "a": 1}, key="key-1")
    assert (first.created, again.created) == (True, False)
    assert first.job.pk == again.job.pk
    assert again.job.body == {"a": 1, "b": "é"}


def test_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    owe(shop, "key-1")
    with pytest.raises(jobs.KeyReused):
        owe(shop, "key-1", body={"n": "another"})
    assert Job.objects.count() == 1


def test_a_key_belongs_to_one_shop_and_kind(shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    owe(shop, "key-1")
    owe(shop, "key-1", kind="other", body={})
    owe(other, "key-1", body={})
    assert Job.objects.count() == 3


@pytest.mark.parametrize("key", ["", "a b", "a\n", "ü", "x" * 191, "\x00"])
def test_keys_that_no_header_can_carry(shop: Shop, key: str) -> None:
    with pytest.raises(jobs.Unfit):
        owe(shop, key)


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": object()}, {"x": "y" * 65_536}])
def test_bodies_that_are_no_json_or_too_large(shop: Shop, body: dict[str, Any]) -> None:
    with pytest.raises(jobs.Unfit):
        owe(shop, "key-1", body=body)


def test_nul_and_lone_surrogates_are_kept_on_every_database(shop: Shop) -> None:
    assert Job.objects.get(pk=owe(shop, "key-1", body={"x": "a\x00b\ud800"}).pk).body == {"x": "a\x00b\ud800"}


def test_owing_joins_the_callers_transaction(shop: Shop) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        owe(shop, "key-1")
        raise RuntimeError
    assert not Job.objects.exists()


def test_owing_twice_leaves_the_callers_transaction_usable(shop: Shop) -> None:
    with transaction.atomic():
        owe(shop, "key-1")
        owe(shop, "key-1")
        owe(shop, "key-2")
    assert Job.objects.count() == 2


def test_claims_are_oldest_first_due_and_of_known_kinds(shop: Shop) -> None:
    owe(shop, "key-1", due_at=timezone.now() + timedelta(minutes=1))
    owe(shop, "key-2")
    owe(shop, "key-3", kind="unknown")
    owe(shop, "key-4", kind="other")
    assert claimed() == ["key-2", "key-4"]
    assert claimed() == []


def test_a_claim_is_bounded_and_skips_paused_kinds(shop: Shop) -> None:
    for number in range(5):
        owe(shop, f"key-{number}", kind=KINDS[number % 2])
    assert claimed(most=2, skip=[(shop.pk, ["other"])]) == ["key-0", "key-2"]
    assert claimed(skip=[(shop.pk + 1, ["other"])]) == ["key-1", "key-4", "key-3"]  # one of each kind, then the next


def test_jobs_with_one_order_key_are_done_in_turn(shop: Shop) -> None:
    for number in range(3):
        owe(shop, f"a-{number}", order_key="a")
        owe(shop, f"b-{number}", order_key="b")
        owe(shop, f"free-{number}")
    first = claims.claim("test", kinds=KINDS)
    assert [job.key for job in first] == ["a-0", "b-0", "free-0", "free-1", "free-2"]
    assert claimed() == []
    assert jobs.finish(first[0], {})
    assert claimed() == ["a-1"]
    # One that waits for its next try holds the later ones back; a parked one lets them pass.
    assert jobs.hold(
        first[1],
        at=timezone.now() + timedelta(hours=1),
        reason="unavailable",
        error="",
        attempts=1,
        first_attempt_at=None,
        ambiguous=False,
    )
    assert claimed() == []
    Job.objects.filter(pk=first[1].pk).update(next_at=timezone.now())
    (again,) = claims.claim("test", kinds=KINDS)
    assert jobs.park(again, reason="refused", error="", ambiguous=False)
    assert claimed() == ["b-1"]


def test_another_shops_order_key_does_not_block(shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    owe(shop, "key-1", order_key="a")
    owe(other, "key-2", order_key="a")
    assert claimed() == ["key-1", "key-2"]


def test_a_lease_that_ran_out_frees_the_job_and_fences_the_first_holder(shop: Shop) -> None:
    owe(shop, "key-1")
    (first,) = claims.claim("one", kinds=KINDS, lease_s=10)
    later = timezone.now() + timedelta(seconds=11)
    (second,) = claims.claim("two", kinds=KINDS, lease_s=10, now=later)
    assert not jobs.begin(first, keyed=True)
    assert not jobs.finish(first, {})
    assert not jobs.park(first, reason="refused", error="", ambiguous=False)
    assert jobs.release([first]) == 0
    assert jobs.begin(second, keyed=True)
    assert jobs.finish(second, {"id": "rev_1"})
    assert not jobs.finish(second, {"id": "rev_2"})
    assert Job.objects.get().result == {"id": "rev_1"}


def test_a_write_is_noted_as_perhaps_delivered_before_it_is_sent(shop: Shop) -> None:
    owe(shop, "key-1")
    (job,) = claims.claim("one", kinds=KINDS)
    assert jobs.begin(job, keyed=True)
    row = Job.objects.get()
    assert (row.ambiguous, row.attempts) == (True, 1)
    assert row.first_attempt_at is not None


def test_released_jobs_are_as_they_were(shop: Shop) -> None:
    owe(shop, "key-1")
    assert jobs.release(claims.claim("one", kinds=KINDS)) == 1
    row = Job.objects.get()
    assert (row.state, row.attempts, row.first_attempt_at, row.claimed_by) == ("waiting", 0, None, "")
    assert claimed() == ["key-1"]


def test_retry_and_discard(shop: Shop) -> None:
    for number, reason in enumerate(["refused", "ambiguous_old", "erased"]):
        owe(shop, f"key-{number}")
        (job,) = claims.claim("one", kinds=KINDS)
        assert jobs.park(job, reason=reason, error="", ambiguous=True)
    assert jobs.retry(Job.objects.all()) == 2
    assert set(Job.objects.filter(state="waiting").values_list("reason", "attempts")) == {("", 0)}
    assert jobs.discard(Job.objects.filter(key="key-0"), "a duplicate by hand") == 1
    row = Job.objects.get(key="key-0")
    assert (row.state, row.reason, row.note) == ("parked", "discarded", "a duplicate by hand")
    assert jobs.retry(Job.objects.filter(key="key-0")) == 0


@pytest.mark.django_db(transaction=True)
def test_threads_never_hold_the_same_job_or_lose_one() -> None:
    shop = Shop.objects.create(name="Threads", domain="threads.example")
    for number in range(60):
        owe(shop, f"key-{number}", order_key=f"order-{number % 7}" if number % 2 else "")
    taken: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        try:
            while Job.objects.filter(state__in=("waiting", "claimed")).exists():
                for job in claims.claim("thread", kinds=KINDS, most=3):
                    with lock:
                        taken.append(job.key)
                    assert jobs.finish(job, {})
        finally:
            connections.close_all()

    _in_threads(work, 4)
    assert len(taken) == len(set(taken)) == 60
    for order in range(7):
        numbers = [int(key.split("-")[1]) for key in taken]
        of_order = [number for number in numbers if number % 2 and number % 7 == order]
        assert of_order == sorted(of_order)


@pytest.mark.django_db(transaction=True)
def test_the_same_submission_from_many_threads_is_one_row() -> None:
    shop = Shop.objects.create(name="Threads", domain="threads.example")
    made: list[bool] = []

    def submit() -> None:
        try:
            made.append(jobs.owe(shop.pk, "review", {"a": 1}, key="one-key").created)
        finally:
            connections.close_all()

    _in_threads(submit, 8)
    assert sorted(made) == [False] * 7 + [True]
    assert Job.objects.count() == 1


def _in_threads(what: Callable[[], None], count: int) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            what()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(("hours", "kept"), [(1, True), (22, True), (24, False)])
def test_retrying_keeps_the_first_sending_while_the_key_is_remembered(shop: Shop, hours: int, kept: bool) -> None:
    sent_at = timezone.now() - timedelta(hours=hours)
    job = jobs.owe(shop.pk, "review", {"a": 1}, key=f"key-{hours}").job
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.PARKED, reason=Job.Reason.REFUSED, first_attempt_at=sent_at, ambiguous=True
    )
    assert jobs.retry(Job.objects.all()) == 1
    job.refresh_from_db()
    assert job.state == Job.State.WAITING
    assert (job.first_attempt_at, job.ambiguous) == ((sent_at, True) if kept else (None, False))


def test_discarding_twice_keeps_the_first_note(shop: Shop) -> None:
    jobs.owe(shop.pk, "review", {"a": 1}, key="key-1")
    assert jobs.discard(Job.objects.all(), "first") == 1
    assert jobs.discard(Job.objects.all(), "second") == 0
    assert Job.objects.get().note == "first"
