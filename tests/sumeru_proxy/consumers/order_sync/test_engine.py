"""The engine with the outbox, the stand-in Sumeru and a target of files: what is due is written, once, and proved."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync import engine, proof, syncing
from sumeru_proxy.consumers.order_sync.consumer import CONSUMER
from sumeru_proxy.consumers.order_sync.kinds import kinds, open_target
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget, Sending
from sumeru_proxy.consumers.order_sync.owing import owe_write
from sumeru_proxy.consumers.order_sync.targets.interface import (
    Entry,
    Kind,
    Receipt,
    Refused,
    Target,
    TargetDown,
    TargetError,
)
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN, hear, live, work
from tests.sumeru_proxy.consumers.order_sync.erp import MUG, order
from tests.upstream import Upstream


def states(row: OrderTarget) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Link.objects.filter(target=row).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def test_the_kinds_are_found_by_themselves() -> None:
    assert {"tryton", "files"} <= kinds().keys()
    assert all(isinstance(kind, Kind) for kind in kinds().values())


def test_orders_that_are_heard_of_are_written_and_the_days_are_green(
    shop: Shop, sandbox: Upstream, row: OrderTarget
) -> None:
    ids = live(sandbox, 30, seed=5)
    for order_id in ids:
        hear(shop, order_id, kind="order.created")
    work()
    assert states(row).keys() <= {"sent", "skipped"}
    assert Link.objects.filter(target=row).count() == 30
    link = Link.objects.filter(target=row, state="sent").first()
    assert link is not None
    assert link.sent_fingerprint == link.fingerprint
    assert Sending.objects.filter(link=link).count() == 1
    day = min(Link.objects.values_list("day", flat=True)), max(Link.objects.values_list("day", flat=True))
    with open_target(row) as target:
        assert isinstance(target, Target)
        sums, repaired = proof.prove(row, target, *day)
    assert (repaired, all(each.green for each in sums.values())) == (0, True)
    assert all(each.green for each in DayProof.objects.all())


def test_the_same_event_again_sends_nothing(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    (order_id,) = live(sandbox, 1, steps=["created"])
    for number in range(5):
        hear(shop, order_id, f"evt_{number}")
    work()
    hear(shop, order_id, "evt_9")
    work()
    assert Sending.objects.count() == 1
    assert set(Job.objects.filter(kind="order_sync:write").values_list("state", flat=True)) <= {"done", "superseded"}


def test_an_edit_is_sent_with_what_changed(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    (order_id,) = live(sandbox, 1, steps=["created"])
    hear(shop, order_id)
    work()
    sandbox.sandbox.control.orders.step({"shop": DOMAIN, "id": order_id, "step": "cancelled", "silent": True})
    hear(shop, order_id)
    work()
    last = Sending.objects.first()
    assert last is not None
    assert ["state", "open", "cancelled"] in last.changes
    assert Sending.objects.count() == 2


def test_nothing_is_written_before_a_person_says_from_when(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    (order_id,) = live(sandbox, 1, steps=["created"])
    OrderTarget.objects.update(start_at=None)
    hear(shop, order_id)
    work()
    assert Link.objects.count() == 0
    call_command("order_sync", "start", shop.key)
    hear(shop, order_id)
    work()
    assert Link.objects.count() == 0  # it is older than the start: in the books already
    call_command("order_sync", "start", shop.key, "--at", "2000-01-01T00:00:00+00:00")
    hear(shop, order_id)
    work()
    assert states(row) == {"sent": 1}
    with pytest.raises(CommandError, match="offset"):
        call_command("order_sync", "start", shop.key, "--at", "2000-01-01T00:00:00")


def test_a_lost_event_is_found_by_the_command_and_the_second_run_repairs_nothing(
    shop: Shop, sandbox: Upstream, row: OrderTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = live(sandbox, 12, seed=2)
    for order_id in ids[:8]:
        hear(shop, order_id)
    work()
    test_orders = Link.objects.filter(state="skipped").count()
    with pytest.raises(CommandError, match="4 orders differ"):
        call_command("sync_orders", shop.key, "--since", "30d", "--dry-run")
    assert Link.objects.count() == 8
    call_command("sync_orders", shop.key, "--since", "30d")
    said = capsys.readouterr().out
    assert "books: 4 repaired, 0 differ" in said
    assert "difference 0.00" in said
    assert states(row) == {"sent": 12 - test_orders, **({"skipped": test_orders} if test_orders else {})}
    call_command("sync_orders", shop.key, "--since", "30d")
    assert "books: 0 repaired, 0 differ" in capsys.readouterr().out


def test_spans_hold_about_so_many_orders_and_no_gap() -> None:
    days = [date(2026, 1, number) for number in (1, 2, 3, 4, 6, 7)]
    counts = {days[0]: 3, days[1]: 4, days[2]: 4, days[4]: 99}
    assert list(syncing.spans(set(days), counts, 8)) == [
        (days[0], days[1]), (days[2], days[3]), (days[4], days[4]), (days[5], days[5]),
    ]  # fmt: skip
    assert list(syncing.spans(set(), {})) == []


def test_the_nightly_proof_finds_it_too(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    live(sandbox, 12, seed=2)
    installed.owe("order_sync", "proof", shop.pk, {}, key="2026-01-01")
    work()
    assert Link.objects.count() == 12
    assert not Link.objects.filter(state="due").exists()
    assert DayProof.objects.exists()
    assert all(each.green for each in DayProof.objects.all())
    assert CONSUMER.daily == ("proof",)


def test_a_back_fill_reaches_further_back_than_the_start_when_a_person_says_so(
    shop: Shop, sandbox: Upstream, row: OrderTarget
) -> None:
    ids = live(sandbox, 9, steps=["created"])
    OrderTarget.objects.update(start_at=timezone.now() + timedelta(days=1))
    installed.owe("order_sync", "backfill", shop.pk, {"target": row.pk}, key="a")
    work()
    assert Link.objects.count() == 0
    installed.owe("order_sync", "backfill", shop.pk, {"target": row.pk, "since": "2000-01-01T00:00:00+00:00"}, key="b")
    work()
    left_out = set(Link.objects.filter(reason="test_order").values_list("order_id", flat=True))
    assert set(ids) - left_out <= set(Link.objects.filter(state="sent").values_list("order_id", flat=True))
    assert len(left_out) == 1


class Odd:
    """A target that does as it is told: for what files and ERP do only rarely. Holds what was written."""

    batch_size = 10
    reads_back = False

    def __init__(self) -> None:
        self.outcomes: dict[str, TargetError] = {}
        self.written: list[str] = []
        self.receipts: dict[str, Receipt] = {}
        self.during: Callable[[], None] = lambda: None

    def write(self, entries: Any) -> list[Receipt | TargetError]:
        self.during()
        found: list[Receipt | TargetError] = []
        for entry in entries:
            error = self.outcomes.get(entry.document.order_id)
            if isinstance(error, TargetDown):
                raise error
            self.written.append(entry.document.order_id)
            order_id = entry.document.order_id
            found.append(error or self.receipts.get(order_id) or Receipt(f"r-{order_id}", "created"))
        return found


def orders(*ids: str, **more: Any) -> list[shapes.Order]:
    return [order("12.00", MUG, id=each, number=each, **more) for each in ids]


def test_what_is_refused_parks_with_its_reason_and_without_names(row: OrderTarget) -> None:
    odd = Odd()
    odd.outcomes["ord_2"] = Refused("rejected", "Party “Jo Doe” (jo@mail.example, Weg 1) is not valid")
    engine.take(row, orders("ord_1", "ord_2", "ord_3"))
    flushed = engine.flush(row, odd)  # type: ignore[arg-type]
    assert (flushed.actions, flushed.parked, flushed.left) == ({"created": 2}, {"rejected": 1}, 0)
    link = Link.objects.get(order_id="ord_2")
    assert (link.state, link.reason) == ("parked", "rejected")
    assert "rejected" not in link.text
    assert not [name for name in ("Doe", "jo@", "Weg 1") if name in link.text]
    # The same order again stays parked; a person or another content makes it due.
    assert engine.take(row, orders("ord_2")) == 0
    assert engine.send_again(Link.objects.filter(order_id="ord_2")) == 1
    odd.outcomes.clear()
    assert engine.flush(row, odd).written == 1  # type: ignore[arg-type]


@pytest.mark.stores
@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (Receipt("r-ord_1", "created"), "id_repeated"),
        (Receipt("r-2", "created", total=10**30), "answer_unusable"),
        (Receipt("r-2", "created", rounding="x"), "answer_unusable"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_cannot_be_stored_costs_its_own_order_alone(
    row: OrderTarget, receipt: Receipt, reason: str
) -> None:
    odd = Odd()
    odd.receipts["ord_2"] = receipt
    engine.take(row, orders("ord_1", "ord_2", "ord_3"))
    flushed = engine.flush(row, odd)  # type: ignore[arg-type]
    assert (flushed.actions, flushed.parked, flushed.left) == ({"created": 2}, {reason: 1}, 0)
    link = Link.objects.get(order_id="ord_2")
    assert (link.state, link.reason, link.claimed_until, link.sent_text) == ("parked", reason, None, "")
    odd.receipts.clear()
    engine.send_again(Link.objects.filter(pk=link.pk))
    assert engine.flush(row, odd).written == 1  # type: ignore[arg-type]


@pytest.mark.stores
def test_odd_characters_of_a_target_s_answer_are_left_out(row: OrderTarget) -> None:
    odd = Odd()
    odd.receipts["ord_1"] = Receipt("r\x00-1", "created", number="S\ud8001\n", state="draft\x00")
    engine.take(row, orders("ord_1"))
    engine.flush(row, odd)  # type: ignore[arg-type]
    assert Link.objects.values_list("remote_id", "remote_number", "remote_state").get() == ("r-1", "S1", "draft")


@pytest.mark.parametrize("text", ['{"order_id": 1}', "[1]", '{"lines": [{"unit_price": "x", "taxes": []}]}'])
def test_a_stored_document_that_cannot_be_read_costs_its_own_order_alone(row: OrderTarget, text: str) -> None:
    odd = Odd()
    engine.take(row, orders("ord_1", "ord_2"))
    Link.objects.filter(order_id="ord_1").update(document_text=text)
    Link.objects.filter(order_id="ord_2").update(sent_text=text)
    flushed = engine.flush(row, odd)  # type: ignore[arg-type]
    assert (flushed.actions, flushed.parked) == ({"created": 1}, {"unreadable_document": 1})
    assert odd.written == ["ord_2"]


def test_an_outage_in_the_middle_frees_what_was_claimed(row: OrderTarget) -> None:
    odd = Odd()
    odd.outcomes["ord_2"] = TargetDown(text="gone")
    engine.take(row, orders("ord_1", "ord_2", "ord_3"))
    with pytest.raises(TargetDown):
        engine.flush(row, odd)  # type: ignore[arg-type]
    assert engine.due_links(row, timezone.now()).count() == 3
    odd.outcomes.clear()
    assert engine.flush(row, odd).written == 3  # type: ignore[arg-type]


def test_what_a_killed_process_had_claimed_is_free_after_a_while(row: OrderTarget) -> None:
    engine.take(row, orders("ord_1"))
    Link.objects.update(claimed_until=timezone.now() + timedelta(seconds=60))
    assert engine.flush(row, Odd()).written == 0  # type: ignore[arg-type]
    Link.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert engine.flush(row, Odd()).written == 1  # type: ignore[arg-type]


def test_a_newer_order_that_arrives_during_the_writing_stays_due(row: OrderTarget) -> None:
    odd = Odd()
    engine.take(row, orders("ord_1"))
    newer = orders("ord_1", cancelled_at=timezone.now())
    odd.during = lambda: (engine.take(row, newer), None)[1]
    engine.flush(row, odd, most=1)  # type: ignore[arg-type]
    assert Link.objects.get().state == "due"
    odd.during = lambda: None
    engine.flush(row, odd)  # type: ignore[arg-type]
    assert Link.objects.get().state == "sent"
    assert odd.written == ["ord_1", "ord_1"]


def test_a_page_of_orders_that_say_the_same_costs_two_queries_however_many(
    row: OrderTarget, django_assert_num_queries: Any
) -> None:
    engine.take(row, orders(*(f"ord_{n}" for n in range(40))))
    engine.flush(row, Odd())  # type: ignore[arg-type]
    before = list(Link.objects.order_by("pk").values_list("state", "changed_at", "document_text"))
    later = timezone.now() + timedelta(hours=1)
    ready = engine.map_orders(row.shop, orders(*(f"ord_{n}" for n in range(40))))
    with django_assert_num_queries(2):
        assert engine.take(row, ready, now=later) == 0
    assert list(Link.objects.order_by("pk").values_list("state", "changed_at", "document_text")) == before
    assert set(Link.objects.values_list("seen_at", flat=True)) == {later}


def test_test_orders_that_were_sent_leave_when_the_option_goes(row: OrderTarget) -> None:
    row.test_orders = True
    engine.take(row, orders("ord_1", test=True))
    engine.flush(row, Odd())  # type: ignore[arg-type]
    row.test_orders = False
    engine.take(row, orders("ord_1", test=True))
    assert states(row) == {"skipped": 1}


def test_an_older_reading_changes_nothing(row: OrderTarget) -> None:
    now = timezone.now()
    engine.take(row, orders("ord_1", updated_at=now, cancelled_at=now))
    engine.take(row, orders("ord_1", updated_at=now - timedelta(minutes=1)))
    assert Link.objects.get().order_state == "cancelled"


def test_test_orders_and_what_a_person_skips_are_left_out(row: OrderTarget) -> None:
    engine.take(row, orders("ord_1", test=True))
    engine.take(row, orders("ord_2"))
    assert engine.skip(Link.objects.filter(order_id="ord_2"), "booked by hand") == 1
    engine.take(row, orders("ord_2", cancelled_at=timezone.now()))
    assert states(row) == {"skipped": 2}
    assert list(proof.expected_orders(row, datetime(2026, 3, 1).date(), datetime(2026, 3, 1).date())) == []
    OrderTarget.objects.update(test_orders=True)
    row.refresh_from_db()
    assert engine.take(row, orders("ord_1", test=True, updated_at=timezone.now())) == 1


def test_erasing_a_person_empties_what_is_held_and_sends_no_more(shop: Shop, row: OrderTarget) -> None:
    engine.take(row, orders("ord_1", "ord_2"))
    engine.take(row, orders("ord_3", customer=None, email="Jo@mail.example"))
    engine.take(row, orders("ord_4", customer=shapes.Buyer("cus_9", "other@mail.example")))
    engine.flush(row, Odd(), most=1)  # type: ignore[arg-type]
    exported = CONSUMER.export(shop.pk, frozenset({"jo@mail.example", "cus_1"})) if CONSUMER.export else {}
    assert len(exported["orders"]) == 3
    assert CONSUMER.erase is not None
    assert CONSUMER.erase(shop.pk, frozenset({"jo@mail.example", "cus_1"}), True) == {"orders in targets": 3}
    CONSUMER.erase(shop.pk, frozenset({"jo@mail.example", "cus_1"}), False)
    assert states(row) == {"erased": 3, "due": 1}
    texts = "".join("".join(each) for each in Link.objects.values_list("document_text", "sent_text", "person", "text"))
    assert "jo@mail" not in texts.lower()
    assert Link.objects.filter(state="erased").exclude(number="").count() == 3
    odd = Odd()
    engine.flush(row, odd)  # type: ignore[arg-type]
    assert odd.written == ["ord_4"]
    engine.take(row, orders("ord_1"))
    assert states(row)["erased"] == 3


def test_documents_are_emptied_after_their_time(row: OrderTarget) -> None:
    engine.take(row, orders("ord_1", "ord_2"))
    engine.flush(row, Odd())  # type: ignore[arg-type]
    assert CONSUMER.prune is not None
    later = timezone.now() + timedelta(days=91)
    assert CONSUMER.prune(timezone.now(), False)["documents"] == 0
    assert CONSUMER.prune(later, True)["documents"] == 2
    assert CONSUMER.prune(later, False) == {"documents": 2, "sendings": 2, "daily proofs": 0, "rehearsals": 0}
    assert set(Link.objects.values_list("document_text", "state")) == {("", "sent")}


def test_a_target_whose_options_do_not_fit_lets_everything_wait(shop: Shop, row: OrderTarget) -> None:
    engine.take(row, orders("ord_1"))
    OrderTarget.objects.update(options={"folder": "relative"})
    owe_write(row)
    work(away_first_s=60.0)
    job = Job.objects.get()
    assert (job.state, job.reason, job.code) == ("waiting", "target_down", "not_set_up")
    assert Link.objects.get().state == "due"


def test_secrets_are_kept_encrypted_and_only_for_their_target(
    shop: Shop, row: OrderTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERP_KEY", "a-secret-of-an-erp")
    options = {"url": "http://127.0.0.1:9", "database": "erp", "web_shop": "x"}
    call_command("order_sync", "add", shop.key, "tryton", "--options", json.dumps(options), "--secret", "env:ERP_KEY")
    made = OrderTarget.objects.get(kind="tryton")
    assert made.credential is not None
    assert "a-secret" not in str(vars(made.credential)) + repr(made)
    with open_target(made) as target, pytest.raises(TargetDown):
        target.write([Entry(documents_of_one())])
    with pytest.raises(CommandError, match="to be mended"):
        call_command("order_sync", "check", shop.key, "--target", "tryton")
    with pytest.raises(CommandError, match="url"):
        call_command("order_sync", "add", shop.key, "tryton", "--options", "{}")


def documents_of_one() -> Any:
    from sumeru_proxy.consumers.order_sync.mapping import map_order

    return map_order(orders("ord_1")[0], "acme")
