"""Ranges: one job that walks, is overtaken by everybody, pauses, resumes, is cancelled, and loses nothing."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sumeru_proxy import worker
from sumeru_proxy.models import Job, Shop, Stamp
from sumeru_proxy.outbox import jobs
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.webhooks import ranges
from sumeru_proxy.webhooks.listeners import Refused, Stride
from tests.sumeru_proxy.example_consumer import LEDGER, Ledger
from tests.sumeru_proxy.installation import installed as installation
from tests.sumeru_proxy.installation import wait_until
from tests.upstream import Upstream, upstream

PLANS = dict.fromkeys(("admin_free", "admin_starter", "admin_pro", "admin_agency"), 100_000)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONSUMER = "tests.sumeru_proxy.example_consumer.CONSUMER"
TOKEN = "copt_test_" + "1" * 32
PUBLIC_KEY = "pk_live_" + "1" * 32


@pytest.fixture(autouse=True)
def ledger(settings: Any) -> Ledger:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = [CONSUMER]
    LEDGER.__init__()  # type: ignore[misc]
    return LEDGER


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="Ranges", domain="ranges.example")


def fill(place: Upstream, count: int) -> list[str]:
    """Leaves the stand-in with so many orders, a day apart; gives their ids in the order of their creation."""
    book = place.sandbox.world.shops["small.example"].orders
    first = dict(book["ord_1"])
    others = [order_id for order_id in book if order_id != "ord_1"]
    ids = [f"ord_h{number:04d}" for number in range(count)]
    for number, order_id in enumerate(ids):
        at = NOW - timedelta(hours=count - number)
        place.sandbox.control.put_order(
            {
                "shop": "small.example",
                "order": {**first, "id": order_id, "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")},
            }
        )
    return [*others, "ord_1", *ids]


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    with upstream(small_catalogue(), limits=PLANS) as running:
        yield running


@pytest.fixture
def full(sandbox: Upstream, make_shop: Callable[..., Shop]) -> Shop:
    """A shop with 250 orders of its own."""
    fill(sandbox, 250)
    return make_shop(sandbox.url, domain="small.example", public_key=PUBLIC_KEY, token=TOKEN, limits={"admin": 100_000})


def new_worker(**options: Any) -> worker.Worker:
    return worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0, away_first_s=0.0), **options)


def drain(each: worker.Worker | None = None) -> None:
    each = each or new_worker()
    while each.once():
        pass


def booked() -> dict[str, int]:
    return {
        topic.removeprefix("booked:"): value
        for topic, value in Stamp.objects.filter(topic__startswith="booked:").values_list("topic", "value")
    }


# -- walking


def test_all_orders_are_walked_oldest_first_by_pages_of_a_hundred(
    full: Shop, sandbox: Upstream, ledger: Ledger
) -> None:
    job = ranges.start(full.pk, "example:history")
    drain()
    job.refresh_from_db()
    every = list(sandbox.sandbox.world.shops["small.example"].orders)
    assert (job.state, job.result) == ("done", {"done": len(every), "pages": 3, "skipped": 0, "failed": 0})
    assert [len(page) for page in ledger.pages] == [100, 100, len(every) - 200]
    assert booked() == dict.fromkeys(every, 1)
    assert (sandbox.calls("orders"), sandbox.calls("order")) == (3, 0)
    walked = [order_id for page in ledger.pages for order_id in page if order_id.startswith("ord_h")]
    assert walked == sorted(walked)


def test_it_walks_only_what_is_asked_for(full: Shop, ledger: Ledger) -> None:
    ranges.start(full.pk, "example:history", since=NOW - timedelta(hours=150), until=NOW - timedelta(hours=20))
    drain()
    walked = [order_id for page in ledger.pages for order_id in page]
    assert walked == [f"ord_h{number:04d}" for number in range(100, 230)]


def test_an_account_without_comparisons_is_walked_all_the_same(full: Shop, sandbox: Upstream, ledger: Ledger) -> None:
    sandbox.sandbox.faults.add({"kind": "status", "endpoint": "orders", "status": 422, "times": 1})
    ranges.start(full.pk, "example:history", since=NOW - timedelta(hours=10))
    drain()
    assert [order_id for page in ledger.pages for order_id in page] == [f"ord_h{n:04d}" for n in range(240, 250)]


def test_a_cursor_that_expired_during_a_pause_parks_nothing(full: Shop, sandbox: Upstream, ledger: Ledger) -> None:
    job = ranges.start(full.pk, "example:history", since=NOW - timedelta(hours=249))
    new_worker().once()
    sandbox.sandbox.faults.add({"kind": "status", "endpoint": "orders", "status": 422, "times": 1})
    drain()
    job.refresh_from_db()
    assert (job.state, job.result["done"]) == ("done", 249)
    assert booked() == {f"ord_h{number:04d}": 1 for number in range(1, 250)}


def test_others_have_their_turn_between_two_steps(full: Shop, ledger: Ledger) -> None:
    ranges.start(full.pk, "example:history")
    each = new_worker(batch=2)
    each.once()
    jobs.owe(full.pk, "example:visits", {"events": []}, key="v1")
    each.once()
    assert Job.objects.get(kind="example:visits").state == "done"
    assert Job.objects.get(kind="example:history").state == "waiting"


def test_a_page_that_is_refused_stays_owed_and_the_walk_goes_on(full: Shop, ledger: Ledger) -> None:
    ledger.refused["ord_h0150"] = Refused("closed_period", "Period is closed")
    job = ranges.start(full.pk, "example:history")
    drain()
    job.refresh_from_db()
    assert (job.state, job.result["failed"], job.result["pages"]) == ("done", 1, 3)
    part = Job.objects.get(kind="example:history.part")
    assert (part.state, part.reason, part.code) == ("parked", "target_refused", "closed_period")
    assert ranges.open_parts(job) == 1
    missing = set(booked())
    ledger.refused.clear()
    assert jobs.retry(Job.objects.filter(pk=part.pk)) == 1
    drain()
    assert ranges.open_parts(job) == 0
    assert len(booked()) == len(missing) + part_units() == job.result["done"]
    assert set(booked().values()) == {1}


def part_units() -> int:
    return int(Job.objects.get(kind="example:history.part").result["units"])


@pytest.mark.thorough
def test_a_fault_of_the_consumers_own_leaves_the_page_behind_after_some_tries(full: Shop, ledger: Ledger) -> None:
    ledger.refused["ord_h0150"] = ZeroDivisionError()
    job = ranges.start(full.pk, "example:history")
    each = new_worker()
    for _ in range(20):
        each.once()
    job.refresh_from_db()
    assert (job.state, job.result.get("failed")) == ("done", 1)
    assert ledger.asked.count("ord_h0150") >= 6
    assert ranges.open_parts(job) == 1


@pytest.mark.thorough
def test_a_target_that_is_away_stops_the_walk_at_its_place(full: Shop, ledger: Ledger) -> None:
    job = ranges.start(full.pk, "example:history")
    each = new_worker()
    each.once()
    ledger.down = True
    for _ in range(5):
        each.once()
    job.refresh_from_db()
    assert (job.state, job.reason, job.progress["pages"]) == ("waiting", "target_down", 1)
    assert not Job.objects.filter(kind="example:history.part").exists()
    ledger.down = False
    Job.objects.update(next_at=timezone.now())
    drain()
    job.refresh_from_db()
    assert (job.state, job.result["failed"]) == ("done", 0)
    assert set(booked().values()) == {1}


def test_a_reading_that_fails_loses_no_page(full: Shop, sandbox: Upstream, ledger: Ledger) -> None:
    ranges.start(full.pk, "example:history")
    each = new_worker()
    each.once()
    sandbox.sandbox.faults.add({"kind": "status", "endpoint": "orders", "status": 503, "times": 2})
    for _ in range(4):
        each.once()
        Job.objects.filter(state="waiting").update(next_at=timezone.now())
    drain(each)
    assert [len(page) for page in ledger.pages][:2] == [100, 100]
    assert set(booked()) == set(sandbox.sandbox.world.shops["small.example"].orders)


# -- what a person does


def test_pause_resume_cancel(shop: Shop) -> None:
    job = ranges.start(shop.pk, "example:count", more={"to": 100})
    each = new_worker()
    each.once()
    each.once()
    rows = Job.objects.filter(pk=job.pk)
    assert jobs.pause(rows) == 1
    assert each.once() == 0
    job.refresh_from_db()
    assert (job.state, job.progress["done"], job.progress["cursor"]) == ("paused", 20, 20)
    with pytest.raises(ranges.Running):
        ranges.start(shop.pk, "example:count", more={"to": 100})
    assert ranges.resume(rows) == 1
    each.once()
    assert jobs.cancel(rows, "wrong year") == 1
    drain(each)
    job.refresh_from_db()
    assert (job.state, job.reason, job.note, job.progress["done"]) == ("parked", "discarded", "wrong year", 30)
    assert booked() == {"count-0": 1, "count-10": 1, "count-20": 1}
    again = ranges.start(shop.pk, "example:count", more={"to": 100})
    assert again.pk != job.pk
    drain(each)
    again.refresh_from_db()
    assert (again.state, again.result["done"]) == ("done", 100)


def test_an_unknown_kind_is_refused(shop: Shop) -> None:
    for kind in ("example:order", "example:history.part", "nobody:nothing"):
        with pytest.raises(KeyError):
            ranges.start(shop.pk, kind)


def test_a_range_of_a_consumer_that_was_taken_out_waits(shop: Shop, settings: Any) -> None:
    ranges.start(shop.pk, "example:count", more={"to": 30})
    settings.SUMERU_LISTENERS = []
    drain()
    assert Job.objects.get().state == "waiting"


# -- figures, pure


def test_the_end_is_estimated_from_a_total() -> None:
    progress: dict[str, Any] = {}
    for number in range(3):
        progress = ranges.after(progress, Stride("next", 100, total=1_000), NOW + timedelta(seconds=10 * number))
    assert progress["done"] == 300
    found = ranges.estimate(progress, NOW)
    assert found.share == 0.3
    assert found.left_s == pytest.approx(70.0)  # 200 in 20 s, 700 are left


def test_the_end_is_estimated_from_the_times_that_were_reached() -> None:
    progress: dict[str, Any] = {}
    for number in range(3):
        reached = NOW - timedelta(days=100 - 25 * number)
        progress = ranges.after(progress, Stride("next", 100, reached=reached), NOW + timedelta(seconds=10 * number))
    found = ranges.estimate(progress, NOW + timedelta(seconds=20))
    assert found.share == pytest.approx(0.5, abs=0.001)
    assert found.left_s == pytest.approx(20.0, abs=0.1)


def test_pauses_do_not_slow_the_estimate_down() -> None:
    progress = ranges.after({}, Stride("n", 100, total=300), NOW)
    progress = ranges.after(progress, Stride("n", 100, total=300), NOW + timedelta(seconds=10))
    later = ranges.after(progress, Stride("n", 0, total=300), NOW + timedelta(days=1))
    assert ranges.estimate(later, NOW).left_s == ranges.estimate(progress, NOW).left_s == pytest.approx(10.0)


def test_nothing_is_promised_before_something_is_known() -> None:
    assert ranges.estimate({}, NOW) == ranges.Estimate()
    assert ranges.estimate(ranges.after({}, Stride("n", 5), NOW), NOW) == ranges.Estimate()


# -- kill -9


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_worker_killed_in_the_middle_of_a_page_loses_and_doubles_nothing(engine: str, tmp_path: Path) -> None:
    with (
        upstream(small_catalogue(), limits=PLANS) as place,
        installation(engine, tmp_path, place.url, "small.example", PUBLIC_KEY) as here,
    ):
        every = fill(place, 450)
        here.environment |= {
            "TEST_LISTENERS": CONSUMER,
            "EXAMPLE_DIES_AT": "ord_h0096",
            "EXAMPLE_DIED": str(tmp_path / "died"),
        }
        here.run("admin_token", here.shop["id"], TOKEN)
        here.run("ranges", here.shop["key"], "example:history", "--start")
        first = here.work()
        assert first.wait(100) == 9, here.log()[-2_000:]
        for _ in range(3):  # and at any instant
            each = here.work()
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.wait(0.8)  # the instant is random by purpose: nothing is awaited here
            each.kill()
            each.wait()
        here.work()
        assert wait_until(lambda: here.report()["open"] == 0, 100, 0.5), here.log()[-2_000:]
        report = here.report()
        assert report["states"] == {"example:history done": 1}, here.log()[-2_000:]
        assert report["booked"] == dict.fromkeys(every, 1)
