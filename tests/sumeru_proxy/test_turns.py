"""Whose turn it is: nobody waits behind another's thousands, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy import worker
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import claims, jobs
from sumeru_proxy.outbox.claims import Line, portions
from sumeru_proxy.outbox.delivering import Handler, Outcome
from sumeru_proxy.outbox.turns import SLOW_S, Turns


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="Turns", domain="turns.example")


def owe(shop: Shop, kind: str, count: int, target: str = "", begin: int = 0) -> None:
    for number in range(begin, begin + count):
        jobs.owe(shop.pk, kind, {"n": number}, key=f"{kind}-{target}-{number}", target=target)


def test_a_claim_takes_from_every_kind_shop_and_target(shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    owe(shop, "a", 30, "erp")
    owe(shop, "a", 2, "files")
    owe(shop, "b", 1)
    owe(other, "a", 1, "erp")
    found = claims.claim("test", kinds=("a", "b"), most=8)
    assert {claims.line_of(job) for job in found[:4]} == {
        Line(shop.pk, "a", "erp"),
        Line(shop.pk, "a", "files"),
        Line(shop.pk, "b", ""),
        Line(other.pk, "a", "erp"),
    }


@given(st.integers(1, 30), st.integers(1, 12))
def test_portions_are_even_and_whole(most: int, count: int) -> None:
    lines = [Line(number, "a", "") for number in range(count)]
    found = portions(lines, most)
    amounts = [amount for _line, amount in found]
    assert sum(amounts) == most
    assert max(amounts) - min(amounts) <= 1
    assert [line for line, _amount in found] == lines[:most]


def test_the_line_that_was_served_longest_ago_is_next(shop: Shop) -> None:
    now = [100.0]
    turns = Turns(clock=lambda: now[0])
    for number in range(4):
        owe(shop, "a", 5, f"t{number}")
    first = [line for line, _ in turns.choose(["a"], 2, timezone.now())]
    for line in first:
        turns.began(line)
        now[0] += 0.1
        turns.ended(line, 0.1)
    second = [line for line, _ in turns.choose(["a"], 2, timezone.now())]
    assert len({*first, *second}) == 4
    for line in second:
        turns.began(line)
        now[0] += 0.1
        turns.ended(line, 0.1)
    assert [line for line, _ in turns.choose(["a"], 2, timezone.now())] == first


def test_a_slow_line_leaves_a_thread_free(shop: Shop) -> None:
    turns = Turns(threads=2)
    owe(shop, "a", 5)
    (line,) = [line for line, _ in turns.choose(["a"], 5, timezone.now())]
    turns.began(line)
    assert turns.choose(["a"], 5, timezone.now())  # nothing is known to be slow
    turns.ended(line, SLOW_S * 2)
    turns.began(line)
    assert turns.choose(["a"], 5, timezone.now()) == []
    turns.ended(line, SLOW_S * 2)
    assert turns.choose(["a"], 5, timezone.now())


def test_looking_for_lines_costs_a_bounded_share(shop: Shop) -> None:
    now = [100.0]
    turns = Turns(clock=lambda: now[0])
    owe(shop, "a", 1)
    assert turns.choose(["a", "b"], 5, timezone.now())
    owe(shop, "b", 1)
    assert len(turns.choose(["a", "b"], 5, timezone.now())) == 1
    assert len(turns.choose(["a", "b"], 5, timezone.now(), fresh=True)) == 2


@pytest.mark.django_db(transaction=True)
def test_a_job_behind_two_hundred_of_a_listener_is_done_soon(shop: Shop) -> None:
    """Measured before claims were fair: 11.8 s behind 200 jobs of 50 ms."""
    ended: dict[str, float] = {}

    def slow(job: Job) -> Outcome:
        time.sleep(0.05)  # the listener's own work
        return Outcome()

    def quick(job: Job) -> Outcome:
        ended[job.key] = time.monotonic()
        for each in workers:
            each.stop()
        return Outcome()

    known = {"listen:slow": Handler(slow, False, ("listen:slow",)), "review": Handler(quick, True, ("review",))}
    turns = Turns(2)
    workers = [worker.Worker(known, idle_s=0.05, turns=turns) for _ in range(2)]
    owe(shop, "listen:slow", 200)

    def run(each: worker.Worker) -> None:
        try:
            each.run()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(each,)) for each in workers]
    for thread in threads:
        thread.start()
    while not Job.objects.filter(state=Job.State.DONE).exists():
        time.sleep(0.01)
    owed_at = time.monotonic()
    owe(shop, "review", 1)
    for thread in threads:
        thread.join(30)
    waiting = Job.objects.filter(kind="listen:slow").exclude(state=Job.State.DONE).count()
    assert ended, "the review was not done"
    assert ended["review--0"] - owed_at < 9.0
    assert waiting > 100


def test_a_worker_gives_back_what_it_does_not_come_to(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE_S", 0.0)
    owe(shop, "a", 5)
    each = worker.Worker({"a": Handler(lambda job: Outcome(), False, ("a",))})
    assert each.once() == 1
    assert sorted(Job.objects.values_list("state", "claimed_by")) == [("done", ""), *[("waiting", "")] * 4]


@pytest.mark.parametrize("what", ["pause", "cancel"])
def test_what_a_person_asks_of_a_job_in_hand_happens_when_it_comes_back(shop: Shop, what: str) -> None:
    owe(shop, "a", 1)
    (job,) = claims.claim("one", kinds=["a"])
    act: dict[str, Callable[[], Any]] = {
        "pause": lambda: jobs.pause(Job.objects.all()),
        "cancel": lambda: jobs.cancel(Job.objects.all(), "a mistake"),
    }
    assert act[what]() == 1
    assert act[what]() == 0
    assert jobs.begin(job, keyed=False)
    assert jobs.advance(job, {"cursor": 3})
    job.refresh_from_db()
    expected = ("paused", "", None) if what == "pause" else ("parked", "discarded", "a mistake")
    assert (job.state, job.reason, job.note or None) == expected
    assert job.progress == {"cursor": 3}
    assert claims.claim("two", kinds=["a"]) == []
    assert jobs.resume(Job.objects.all()) == (1 if what == "pause" else 0)


def test_a_job_that_was_to_pause_pauses_also_when_its_worker_dies(shop: Shop) -> None:
    owe(shop, "a", 2)
    claims.claim("one", kinds=["a"], lease_s=0.0)
    jobs.pause(Job.objects.filter(key="a--0"))
    later = timezone.now() + timedelta(seconds=1)
    assert jobs.free_expired(later) == 2
    assert dict(Job.objects.values_list("key", "state")) == {"a--0": "paused", "a--1": "waiting"}


def test_a_pause_that_is_taken_back_in_time_is_none(shop: Shop) -> None:
    owe(shop, "a", 1)
    (job,) = claims.claim("one", kinds=["a"])
    assert jobs.pause(Job.objects.all()) == 1
    assert jobs.resume(Job.objects.all()) == 1
    assert jobs.advance(job, {})
    assert Job.objects.get().state == "waiting"


def test_the_newest_stands_in_for_the_earlier(shop: Shop) -> None:
    for number in range(5):
        jobs.owe(shop.pk, "a", {"n": number}, key=f"k-{number}", order_key="ord_1")
    jobs.owe(shop.pk, "a", {"n": 9}, key="other", order_key="ord_2")
    first, other = claims.claim("one", kinds=["a"])
    newest = claims.take_latest(first)
    assert newest is not None
    assert newest.key == "k-4"
    assert claims.take_latest(other) == other
    states = dict(Job.objects.values_list("key", "state"))
    assert states == {**{f"k-{n}": "superseded" for n in range(4)}, "k-4": "claimed", "other": "claimed"}
    assert Job.objects.get(key="k-2").result == {"by": newest.pk}
    assert jobs.finish(newest, {})
    assert not jobs.finish(first, {})


def test_a_lost_lease_supersedes_nothing(shop: Shop) -> None:
    for number in range(2):
        jobs.owe(shop.pk, "a", {"n": number}, key=f"k-{number}", order_key="ord_1")
    (first,) = claims.claim("one", kinds=["a"])
    Job.objects.filter(pk=first.pk).update(claimed_by="another")
    assert claims.take_latest(first) is None
    assert dict(Job.objects.values_list("key", "state")) == {"k-0": "claimed", "k-1": "waiting"}


@pytest.mark.django_db(transaction=True)
def test_only_what_waits_is_read(django_assert_max_num_queries: Any, shop: Shop) -> None:
    """However many jobs are done: a claim of one of three lines takes a handful of questions, whatever the number of rows."""
    done = [
        Job(shop=shop, kind="a", key=f"done-{n}", body_hash="x", state="done", next_at=timezone.now())
        for n in range(500)
    ]
    Job.objects.bulk_create(done)
    for target in ("x", "y", "z"):
        owe(shop, "a", 2, target)
    with django_assert_max_num_queries(9):
        assert len(claims.claim("one", kinds=["a"], most=3)) == 3
