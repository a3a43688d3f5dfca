"""A target that is away: one probe for all, no attempts, nothing parked for days, everything goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from sumeru_proxy import limit_stores, worker
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs, rules, targets
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.outbox.target_errors import NotMappable, Refused, TargetDown
from sumeru_proxy.outbox.targets import OPEN_MOST_S, PROBE_MOST_S, SKEW_S, TOLD_MOST_S, admitted, failed
from sumeru_proxy.outbox.turns import Turns
from sumeru_proxy.webhooks import installed
from tests.sumeru_proxy.example_consumer import LEDGER, Ledger

NOW = 1_000_000.0


# -- pure


def test_a_target_that_works_is_asked() -> None:
    assert admitted({}, NOW) == (None, targets.TargetAdmission())


def test_the_first_failure_closes_the_way_for_all_and_one_probes_afterwards() -> None:
    state = failed({}, NOW, 2.0)
    assert state == {"since": NOW, "open_s": 2.0, "until": NOW + 2.0}
    assert admitted(state, NOW + 1)[1] == targets.TargetAdmission(1.0, False, NOW)
    probing, admission = admitted(state, NOW + 2)
    assert admission == targets.TargetAdmission(0.0, True, NOW)
    assert probing is not None
    assert admitted(probing, NOW + 2.1)[1].wait_s == 1.0
    assert admitted(probing, NOW + 2.1)[1].probe is False
    # A probe whose worker died is another's after a while.
    assert admitted(probing, NOW + 2 + PROBE_MOST_S)[1].probe


def test_waits_grow_to_a_bound_and_the_beginning_is_kept() -> None:
    state: Any = {}
    now, waits = NOW, []
    for _ in range(12):
        state = failed(state, now, 2.0)
        waits.append(state["until"] - now)
        now = state["until"]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, *[OPEN_MOST_S] * 4]
    assert state["since"] == NOW


@pytest.mark.parametrize(("told_s", "wait_s"), [(0, 2), (60, 60), (10**9, TOLD_MOST_S)])
def test_a_target_may_ask_for_patience_within_bounds(told_s: float, wait_s: float) -> None:
    assert failed({}, NOW, 2.0, told_s)["until"] == NOW + wait_s


def test_failures_of_jobs_that_were_under_way_change_nothing() -> None:
    state = failed({}, NOW, 2.0)
    assert failed(state, NOW + 1, 2.0) == state


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    assert admitted({"until": NOW + TOLD_MOST_S + SKEW_S + 1, "since": NOW}, NOW)[1].probe
    assert admitted({"until": NOW, "probe_until": NOW + PROBE_MOST_S + SKEW_S + 1, "since": NOW}, NOW)[1].probe


def test_one_who_read_the_clock_earlier_does_not_probe_too() -> None:
    probing, _ = admitted(failed({}, NOW, 2.0), NOW + 3)
    assert probing is not None
    assert not admitted(probing, NOW + 2.9)[1].probe


@pytest.mark.parametrize(
    ("away_days", "owed_days", "too_long"), [(13, 20, False), (15, 1, False), (15, 20, True), (None, 20, False)]
)
def test_days_bound_the_patience(away_days: int | None, owed_days: int, too_long: bool) -> None:
    now = timezone.now()
    since = None if away_days is None else now - timedelta(days=away_days)
    assert rules.away_too_long(since, now - timedelta(days=owed_days), now) is too_long


# -- jobs


@pytest.fixture(autouse=True)
def ledger(settings: Any) -> Ledger:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.example_consumer.CONSUMER"]
    LEDGER.__init__()  # type: ignore[misc]
    return LEDGER


@pytest.fixture
def shop(sandbox: Any, make_shop: Callable[..., Shop]) -> Shop:
    return make_shop(
        sandbox.url,
        domain="small.example",
        public_key="pk_live_" + "1" * 32,
        token="copt_test_" + "1" * 32,
        limits={"admin": 100_000},
    )


def owe(shop: Shop, order_id: str, key: str = "") -> Job:
    return installed.owe("example", "order", shop.pk, {"order_id": order_id}, key=key or order_id).job


def new_worker(**options: Any) -> worker.Worker:
    return worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0, away_first_s=0.0), **options)


def drain(each: worker.Worker) -> int:
    count = 0
    while done := each.once():
        count += done
    return count


def test_an_outage_counts_no_attempts_and_parks_nothing(shop: Shop, ledger: Ledger) -> None:
    jobs_owed = [owe(shop, "ord_1", f"key-{n}") for n in range(30)]
    ledger.down = True
    each = worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, away_first_s=60.0))
    assert drain(each) >= 1
    assert ledger.asked == ["down"]  # one asked, the others were spared
    rows = Job.objects.filter(pk__in=[job.pk for job in jobs_owed])
    assert set(rows.values_list("state", "attempts")) == {("waiting", 0)}
    (first,) = rows.filter(reason="target_down")
    assert (first.target, first.code) == ("ledger", "target_down")
    assert first.last_error == "502 Bad Gateway for [e-mail]"


def test_another_process_asks_it_neither(shop: Shop, ledger: Ledger) -> None:
    owe(shop, "ord_1", "a")
    owe(shop, "ord_2", "b")
    ledger.down = True
    worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, away_first_s=60.0), batch=1).once()
    assert ledger.asked == ["down"]
    limit_stores.shared.forget()  # as a process that has just started
    drain(worker.Worker(worker.handlers()))
    assert ledger.asked == ["down"]


def test_when_it_is_back_everything_goes_on_by_itself(shop: Shop, ledger: Ledger) -> None:
    for number in range(12):
        owe(shop, "ord_1", f"key-{number}")
    ledger.down = True
    for _ in range(3):
        new_worker().once()
    assert Job.objects.filter(state="waiting").count() == 12
    ledger.down = False
    Job.objects.filter(reason="target_down").update(next_at=timezone.now() + timedelta(minutes=5))
    drain(new_worker())
    assert Job.objects.filter(state="done").count() == 12  # those that were to wait longer, too
    assert targets.away_since("ledger") is None


@pytest.mark.django_db(transaction=True)
def test_one_probe_for_many_threads(shop: Shop, ledger: Ledger) -> None:
    targets.down("ledger", first_s=0.0)
    admissions: list[targets.TargetAdmission] = []
    together = threading.Barrier(6)

    def enter() -> None:
        try:
            together.wait()
            admissions.append(targets.enter("ledger"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.probe for each in admissions) == [False] * 5 + [True]
    assert sum(each.wait_s > 0 for each in admissions) == 5


def test_a_probe_that_comes_to_no_answer_is_given_back(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets.down("ledger", first_s=0.0)
    owe(shop, "ord_1")
    sandbox_is_away = [ConnectionError("the consumer's own fault")]
    monkeypatch.setattr(ledger, "take", lambda _order: (_ for _ in ()).throw(sandbox_is_away[0]))
    new_worker().once()
    assert targets.away_since("ledger") is not None
    assert targets.enter("ledger").probe


@pytest.mark.parametrize(
    ("error", "reason", "code", "kept"),
    [
        (NotMappable("missing_sku", "SKU A-1 is not in the ledger"), "not_mappable", "missing_sku", None),
        (Refused("closed_period", "Period 2026-10 is closed"), "target_refused", "closed_period", None),
        (Refused("bad", "no address for Ada Lovelace, ada@x.example", personal=["Ada Lovelace"]), "target_refused", "bad",
         "no address for [name], [e-mail]"),
        (Refused("silent"), "target_refused", "silent", "silent"),
    ],
)  # fmt: skip
def test_a_consumer_says_why(
    shop: Shop, ledger: Ledger, error: Exception, reason: str, code: str, kept: str | None
) -> None:
    job = owe(shop, "ord_1")
    ledger.refused["ord_1"] = error
    drain(new_worker())
    job.refresh_from_db()
    assert (job.state, job.reason, job.code) == ("parked", reason, code)
    assert job.last_error == (kept or error.text)  # type: ignore[attr-defined]
    del ledger.refused["ord_1"]
    assert jobs.retry(Job.objects.all()) == 1
    drain(new_worker())
    job.refresh_from_db()
    assert (job.state, job.code, job.last_error) == ("done", "", "")


def test_the_names_in_an_order_are_masked_without_being_named(shop: Shop, ledger: Ledger, sandbox: Any) -> None:
    order = sandbox.sandbox.world.shops["small.example"].orders["ord_1"]
    name = order["customer"]["last_name"]
    assert len(name) > 2
    job = owe(shop, "ord_1")
    ledger.refused["ord_1"] = Refused("address", f"the party {name} has no street")
    drain(new_worker())
    job.refresh_from_db()
    assert job.last_error == "the party [name] has no street"


def test_after_days_a_person_is_asked(shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    job, younger = owe(shop, "ord_1"), owe(shop, "ord_2")
    ledger.down = True
    new_worker(batch=1).once()
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=15), next_at=timezone.now())
    monkeypatch.setattr(rules, "TARGET_AWAY_MOST", timedelta(0))
    Job.objects.filter(pk=younger.pk).delete()
    new_worker().once()
    job.refresh_from_db()
    assert (job.state, job.reason) == ("parked", "target_down")


def test_reasons_are_words() -> None:
    for wrong in ("", "Two words", "x" * 41, "ada@mail.example"):
        with pytest.raises(ValueError, match="lower-case"):
            NotMappable(wrong)
    assert str(TargetDown(text="secret words")) == "target_down"


@pytest.mark.thorough
def test_eight_hours_without_the_target_cost_a_probe_in_five_minutes_and_park_nothing(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock alone is moved: ERP stopped for eight hours, 50 jobs in the middle of it."""
    began, hours = timezone.now(), [0.0]

    def now() -> Any:
        return began + timedelta(hours=hours[0])

    monkeypatch.setattr(timezone, "now", now)
    monkeypatch.setattr(targets.time, "time", lambda: now().timestamp())
    each = worker.Worker(worker.handlers(), turns=Turns(clock=lambda: hours[0] * 3600))
    ledger.down = True
    for number in range(50):
        owe(shop, "ord_1", f"key-{number}")
    while hours[0] < 8:
        each.once()
        hours[0] += 2.5 / 60
    assert 80 <= len(ledger.asked) <= 8 * 12 + 12  # one in five minutes, a few more at the beginning
    assert set(Job.objects.values_list("state", "attempts")) == {("waiting", 0)}
    ledger.down = False
    while hours[0] < 9 and Job.objects.exclude(state="done").exists():
        each.once()
        hours[0] += 2.5 / 60
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert hours[0] < 8.5
