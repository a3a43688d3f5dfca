"""One reading for all: how often Sumeru is asked for orders, counted at the stand-in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections

from sumeru_proxy import worker
from sumeru_proxy.client import errors
from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.webhooks import installed, intake, readings
from tests.sumeru_proxy.example_consumer import LEDGER, Ledger
from tests.sumeru_proxy.listeners import RECORDER
from tests.upstream import Upstream, upstream


@pytest.fixture(autouse=True)
def ledger(settings: Any) -> Ledger:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.example_consumer.CONSUMER"]
    LEDGER.__init__()  # type: ignore[misc]
    RECORDER.__init__()  # type: ignore[misc]
    readings.readings.forget()
    return LEDGER


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """With wide limits: what is counted here are calls, not waits."""
    plans = ("admin_free", "admin_starter", "admin_pro", "admin_agency")
    with upstream(small_catalogue(), limits=dict.fromkeys(plans, 100_000)) as running:
        yield running


@pytest.fixture
def shop(sandbox: Any, make_shop: Callable[..., Shop]) -> Shop:
    return make_shop(
        sandbox.url,
        domain="small.example",
        public_key="pk_live_" + "1" * 32,
        token="copt_test_" + "1" * 32,
        limits={"admin": 100_000},
    )


def many(sandbox: Any, count: int) -> list[str]:
    """Adds orders to the stand-in; gives their ids."""
    data = sandbox.sandbox.world.shops["small.example"]
    first = dict(data.orders["ord_1"])
    ids = [f"ord_m{number}" for number in range(count)]
    for order_id in ids:
        sandbox.sandbox.control.put_order({"shop": "small.example", "order": {**first, "id": order_id}})
    return ids


def take(shop: Shop, number: int, order_id: str, kind: str = "order.attributed") -> InboundEvent:
    occurred_at = datetime.now(UTC)
    data = {"order_id": order_id}
    text = json.dumps({"id": f"evt_{number}", "data": data})
    intake.take(shop.pk, intake.Envelope(f"evt_{number}", kind, occurred_at, shop.domain, data, text), occurred_at)
    return InboundEvent.objects.get(shop=shop, event_id=f"evt_{number}")


def work() -> None:
    each = worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0))
    while each.once():
        pass


def states() -> dict[str, str]:
    return dict(Job.objects.values_list("key", "state"))


def test_two_listeners_of_an_event_cost_one_call(shop: Shop, sandbox: Any, settings: Any, ledger: Ledger) -> None:
    settings.SUMERU_LISTENERS = [*settings.SUMERU_LISTENERS, "tests.sumeru_proxy.listeners.RECORDER"]
    RECORDER.reads = True
    take(shop, 1, "ord_1")
    work()
    assert (len(ledger.asked), len(RECORDER.orders)) == (1, 1)
    assert RECORDER.orders[0].id == "ord_1"
    assert RECORDER.orders[0].attributions  # always with it, whoever asked for it
    assert (sandbox.calls("order"), sandbox.calls("orders")) == (1, 0)


@pytest.mark.stores
def test_two_processes_never_hold_jobs_of_one_event_so_none_is_read_twice(
    shop: Shop, sandbox: Any, settings: Any, ledger: Ledger
) -> None:
    settings.SUMERU_LISTENERS = [*settings.SUMERU_LISTENERS, "tests.sumeru_proxy.listeners.RECORDER"]
    RECORDER.reads = True
    events = {take(shop, number, order_id).pk for number, order_id in enumerate(many(sandbox, 8))}
    first, second = (worker.Worker(worker.handlers(), batch=4) for _ in range(2))
    held = [[*each._claim(3, fresh=True), *each._claim(4, fresh=True)] for each in (first, second)]
    of_events = [{job.event_id for job in jobs_of_one} for jobs_of_one in held]
    assert not of_events[0] & of_events[1]
    # Both listeners' jobs of an event come together.
    assert [len(jobs_of_one) for jobs_of_one in held] == [2 * len(each) for each in of_events]
    assert of_events[0]
    assert of_events[1]
    assert of_events[0] | of_events[1] <= events


def test_an_event_that_came_after_a_reading_is_read_for(shop: Shop, sandbox: Any) -> None:
    take(shop, 1, "ord_1")
    work()
    take(shop, 2, "ord_1")
    work()
    assert sandbox.calls("order") == 2


def test_five_waiting_events_of_an_order_are_one_reading(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    for number in range(5):
        take(shop, number, "ord_1")
    take(shop, 9, "ord_2")
    work()
    assert sorted(ledger.events) == ["evt_4", "evt_9"]
    assert states() == {**{f"evt_{n}": "superseded" for n in range(4)}, "evt_4": "done", "evt_9": "done"}
    assert sandbox.calls("order") == 2


def test_one_that_was_erased_stands_in_for_nobody(shop: Shop, ledger: Ledger) -> None:
    take(shop, 1, "ord_1")
    InboundEvent.objects.filter(pk=take(shop, 2, "ord_1").pk).update(body_text="")
    work()
    assert ledger.events == ["evt_1"]
    assert set(states().values()) == {"done"}


def test_many_waiting_orders_come_by_the_page(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    ids = many(sandbox, 60)
    for number, order_id in enumerate(ids):
        take(shop, number, order_id)
    work()
    assert sorted(ledger.asked) == sorted(ids)
    assert set(states().values()) == {"done"}
    # 60 at once, then what is left when fewer than 20 wait: nothing, as all 60 were in the answer.
    assert (sandbox.calls("orders"), sandbox.calls("order")) == (1, 0)


def test_a_few_waiting_orders_are_read_singly(shop: Shop, sandbox: Any) -> None:
    for number, order_id in enumerate(many(sandbox, 8)):
        take(shop, number, order_id)
    work()
    assert (sandbox.calls("orders"), sandbox.calls("order")) == (0, 8)


def test_what_a_page_does_not_bring_is_read_singly(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    ids = many(sandbox, 30)
    for number, order_id in enumerate([*ids, "ord_gone"]):
        take(shop, number, order_id)
    work()
    assert sorted(ledger.asked) == sorted(ids)
    assert Job.objects.get(key="evt_30").code == "no_order"
    assert sandbox.calls("order") == 1


def test_an_account_without_pages_is_asked_singly_and_not_in_vain(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    ids = many(sandbox, 25)
    for number, order_id in enumerate(ids):
        take(shop, number, order_id)
    fault = sandbox.sandbox.faults.add({"kind": "status", "endpoint": "orders", "status": 422})
    work()
    assert sorted(ledger.asked) == sorted(ids)
    assert sandbox.calls("order") == 25
    assert fault.applied == 2  # one of each way, then never again for a while


def test_only_sumerus_own_word_says_that_an_order_is_gone(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    sandbox.fault("html", endpoint="order", status=404)
    take(shop, 1, "ord_1")
    each = worker.Worker(worker.handlers())
    each.once()
    assert ledger.asked == []
    assert Job.objects.get().code != "no_order"


def test_what_may_be_asked_for_is_known(shop: Shop) -> None:
    with pytest.raises(errors.Refused, match="include"):
        readings.readings.order(shop, "ord_1", 0, ("customers",))


@pytest.mark.django_db(transaction=True)
def test_threads_that_need_the_same_order_share_one_reading(shop: Shop, sandbox: Any) -> None:
    job = jobs.owe(shop.pk, "example:order", {"order_id": "ord_1"}, key="a").job
    found: list[Any] = []

    def read() -> None:
        try:
            found.append(readings.readings.order(shop, "ord_1", job.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [order.id for order in found] == ["ord_1"] * 6
    assert sandbox.calls("order") == 1


def test_a_reading_is_kept_for_seconds_only(shop: Shop, sandbox: Any) -> None:
    now = [0.0]
    mine = readings.Readings(clock=lambda: now[0])
    for at, calls in ((0.0, 1), (readings.KEPT_S - 1, 1), (readings.KEPT_S + 1, 2)):
        now[0] = at
        assert mine.order(shop, "ord_1", 0) is not None
        assert sandbox.calls("order") == calls


def test_own_jobs_of_an_order_are_one_too(shop: Shop, sandbox: Any, ledger: Ledger) -> None:
    for number in range(3):
        installed.owe("example", "order", shop.pk, {"order_id": "ord_1"}, key=f"k{number}", order_key="example:ord_1")
    work()
    assert states() == {"k0": "superseded", "k1": "superseded", "k2": "done"}
    assert (ledger.asked, sandbox.calls("order")) == (["ord_1"], 1)
