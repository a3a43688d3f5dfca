"""Accounting files: whole days, numbered, never half, the same when nothing changed; read back for the daily proof."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.consumers.order_sync.books import day_folders
from sumeru_proxy.consumers.order_sync.document import Document, from_data
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.files import KIND, FilesTarget
from sumeru_proxy.consumers.order_sync.targets.interface import Entry, NotMappable, Place, Receipt, TargetDown
from tests.sumeru_proxy.consumers.order_sync.books import official
from tests.sumeru_proxy.consumers.order_sync.books.test_invoices import ADDRESS, SELLER
from tests.sumeru_proxy.consumers.order_sync.books.test_movements import ONE_BACK, document
from tests.sumeru_proxy.consumers.order_sync.generated import documents

DAY = date(2026, 3, 1)
ROOT = Path(__file__).resolve().parents[5]


def open_target(folder: Path, *, books: Iterable[Document] = (), **options: Any) -> FilesTarget:
    """The target over a folder; ``books`` are the documents that the engine has for every day."""
    held = list(books)
    checked = KIND.options_of({"folder": str(folder), **options})
    return KIND.open(Place("acme", "files", checked, "", lambda day: [each for each in held if each.day == day]))


def outcome(target: FilesTarget, *made: Document) -> Receipt:
    found = target.write([Entry(each) for each in made])
    assert all(isinstance(each, Receipt) for each in found), found
    assert isinstance(found[0], Receipt)
    return found[0]


def names(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder / "acme-files")) for path in (folder / "acme-files").rglob("*") if path.is_file()
    }


DAY_FILES = {"manifest.json", "orders.csv", "orders.jsonl", "journal.beancount"}
SHOP_FILES = {".lock", "accounts.beancount", "journal.beancount"}


def test_a_day_is_written_whole_numbered_and_again_only_when_it_changes(tmp_path: Path) -> None:
    first, second = document(), document(order_id="ord_2", number="#1002")
    done = outcome(open_target(tmp_path), first)
    assert (done.action, done.number, done.total) == (interface.CREATED, "2026-03-01.0001", 2871)
    assert names(tmp_path) == SHOP_FILES | {f"2026-03-01.0001/{name}" for name in DAY_FILES}
    assert outcome(open_target(tmp_path), first).action == interface.UNCHANGED
    assert outcome(open_target(tmp_path, books=[first]), second).number == "2026-03-01.0002"
    refunded = replace(first, refunds=(ONE_BACK,), totals=replace(first.totals, refunded=1190))
    target = open_target(tmp_path, books=[refunded, second])
    found = target.write([Entry(refunded, before=first), Entry(second, before=second)])
    assert [each.action for each in found if isinstance(each, Receipt)] == [interface.REFUNDED, interface.UNCHANGED]
    assert names(tmp_path) == SHOP_FILES | {f"2026-03-01.0003/{name}" for name in DAY_FILES}
    assert official.journal_errors(tmp_path / "acme-files" / "journal.beancount") == []
    assert official.balances(tmp_path / "acme-files" / "journal.beancount", "Income:Refunds") == {"EUR": "10.00"}


def test_earlier_numbers_stay_when_asked(tmp_path: Path) -> None:
    made = document()
    for number in ("#1", "#2", "#3"):
        outcome(open_target(tmp_path, history=1), replace(made, number=number))
    assert {name.split("/")[0] for name in names(tmp_path) if "/" in name} == {"2026-03-01.0002", "2026-03-01.0003"}
    # The journal counts the current one alone.
    assert official.journal_transactions(tmp_path / "acme-files" / "journal.beancount") == 2


def test_what_is_no_longer_known_stays_in_the_books(tmp_path: Path) -> None:
    """Documents are pruned and people erased: a late change of another order of the day must not take theirs from the books."""
    old, other = (
        document(billing=ADDRESS, refunds=(ONE_BACK,)),
        document(order_id="ord_2", number="#1002", billing=ADDRESS),
    )
    options = {"seller": SELLER}
    outcome(open_target(tmp_path, **options), old, other)
    folder = tmp_path / "acme-files"
    before = {path.name: path.read_bytes() for path in folder.glob("*.0001/invoices/*") if "1001" in path.name}
    target = open_target(tmp_path, books=[replace(other, number="#1002b")], **options)
    outcome(target, replace(other, number="#1002b"))
    assert {each.order_id: each.number for each in target.orders_between(DAY, DAY)} == {
        "ord_1": "#1001",
        "ord_2": "#1002b",
    }
    assert len(before) == 2
    assert {path.name: path.read_bytes() for path in folder.glob("*.0002/invoices/*") if "1001" in path.name} == before
    assert official.journal_errors(folder / "journal.beancount") == []
    assert official.balances(folder / "journal.beancount", "Income:Refunds") == {"EUR": "10.00"}
    # One that cannot be booked any more stays as it stood, and parks.
    found = target.write([Entry(replace(old, number="#new", currency="KWD", digits=3))])
    assert isinstance(found[0], NotMappable)
    assert {each.number for each in target.orders_between(DAY, DAY)} == {"#1001", "#1002b"}
    lines = next(folder.glob("2026-03-01.*")) / "orders.jsonl"
    lines.write_text(lines.read_text().replace('"total":2871', '"total":2872'))
    with pytest.raises(TargetDown) as caught:
        outcome(target, replace(other, number="#1002c"))
    assert caught.value.reason == "files_changed"
    # What is known all of it can be written again.
    everything = [old, replace(other, number="#1002c")]
    outcome(open_target(tmp_path, books=everything, **options), everything[1])
    assert {each.total for each in target.orders_between(DAY, DAY)} == {2871}


def test_names_that_differ_are_folders_that_differ(tmp_path: Path) -> None:
    for name in ("a b", "a-b", "ä/../b"):
        KIND.open(Place("acme", name, {"folder": str(tmp_path)})).write([Entry(document())])
    assert len(list(tmp_path.iterdir())) == 3


def test_an_older_document_never_replaces_a_newer_one(tmp_path: Path) -> None:
    old = replace(document(), updated_at=datetime(2026, 3, 1, tzinfo=UTC))
    new = replace(document(), number="#new", updated_at=datetime(2026, 3, 2, tzinfo=UTC))
    outcome(open_target(tmp_path, books=[new]), old)
    assert [each.number for each in open_target(tmp_path).orders_between(DAY, DAY)] == ["#new"]


def test_what_is_booked_is_read_back_and_what_somebody_changed_does_not_count(tmp_path: Path) -> None:
    made = list(documents(300))
    target = open_target(tmp_path)
    outcome(target, *made)
    days = sorted({each.day for each in made})
    found = {each.order_id: each for each in target.orders_between(days[0], days[-1])}
    assert len(found) == len(made)
    for each in made:
        one = found[each.order_id]
        assert (one.total, one.refunded, one.currency, one.state, one.day) == (
            each.totals.total, each.totals.refunded, each.currency, each.state, each.day,
        )  # fmt: skip
        assert one.refund_ids == tuple(refund.id for refund in each.refunds)
    some = [made[0].order_id, made[-1].order_id, "ord_nobody"]
    assert set(target.orders_by_id(some)) == set(some[:2])
    assert official.journal_errors(tmp_path / "acme-files" / "journal.beancount") == []
    day = made[0].day
    file = next((tmp_path / "acme-files").glob(f"{day}.*")) / "orders.csv"
    file.write_text(file.read_text() + "more\n")
    assert list(target.orders_between(day, day)) == []
    again = target.write([Entry(each, before=each) for each in made if each.day == day])
    assert all(isinstance(each, Receipt) and each.number.endswith(".0002") for each in again)
    assert len(list(target.orders_between(day, day))) == sum(each.day == day for each in made)


@pytest.mark.thorough
def test_e_invoices_are_an_option_and_an_order_without_one_is_nowhere(tmp_path: Path) -> None:
    good = document(billing=ADDRESS, refunds=(ONE_BACK,))
    bad = document(order_id="ord_2", billing=replace(ADDRESS, country=""))
    target = open_target(tmp_path, seller={**SELLER, "unknown_country": ""})
    found = target.write([Entry(good), Entry(bad)])
    assert isinstance(found[0], Receipt)
    assert isinstance(found[1], NotMappable)
    assert found[1].reason == "invoice_country"
    assert [each.order_id for each in target.orders_between(DAY, DAY)] == ["ord_1"]
    invoices = sorted((tmp_path / "acme-files").glob("2026-03-01.0001/invoices/*.xml"))
    assert len(invoices) == 2
    for invoice in invoices:
        assert official.invoice_errors(invoice.read_bytes()) == []
    assert [each.problem and each.problem.reason for each in target.forecast([good, bad])] == [None, "invoice_country"]


def test_names_stay_out_of_everything_but_invoices_unless_asked(tmp_path: Path) -> None:
    made = document(billing=ADDRESS)
    outcome(open_target(tmp_path), made)
    text = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "jo@example.com" not in text
    assert "Jo Ray" not in text
    outcome(open_target(tmp_path, people=True), made)
    text = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "jo@example.com" in text
    assert text.count("Jo Ray") >= 3


def test_the_folder_is_never_made_and_a_closed_one_is_a_persons_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = open_target(tmp_path / "share")
    for call in (lambda: away.write([Entry(document())]), lambda: list(away.orders_between(DAY, DAY))):
        with pytest.raises(TargetDown):
            call()
    assert not (tmp_path / "share").exists()
    assert [each.level for each in away.check()] == [interface.ERROR, interface.OK]
    (tmp_path / "share").write_text("a file")
    with pytest.raises(TargetDown) as caught:
        away.write([Entry(document())])
    assert caught.value.reason == "folder_closed"
    ready = open_target(tmp_path)
    assert [each.level for each in ready.check()] == [interface.OK, interface.OK]
    assert names(tmp_path) == {".lock"}


HERE = "tests.sumeru_proxy.consumers.order_sync.targets.test_files"


@contextmanager
def elsewhere(call: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that calls a function of this module; it said that it began."""
    code = f"import django; django.setup(); from {HERE} import {call}; {call}({str(folder)!r})"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "began\n"
            yield process
        finally:
            process.kill()


def hold(folder: str) -> None:
    with day_folders.ShopFolder(Path(folder), "acme-files").locked():
        print("began", flush=True)
        sys.stdin.read()


@pytest.mark.thorough
def test_two_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere("hold", tmp_path):
        monkeypatch.setattr(day_folders, "LOCK_WAIT_S", 0.1)
        with pytest.raises(TargetDown) as caught:
            open_target(tmp_path).write([Entry(document())])
        assert caught.value.retry_after_s > 0
    assert outcome(open_target(tmp_path), document()).action == interface.CREATED


def write_again_and_again(folder: str) -> None:
    made = [replace(each, created_at=document().created_at) for each in documents(40)]
    target = open_target(Path(folder))
    for turn in range(1_000_000):
        target.write([Entry(replace(each, number=f"{turn}-{each.order_id}")) for each in made])
        if turn == 0:
            print("began", flush=True)


@pytest.mark.thorough
def test_a_killed_writer_leaves_whole_days(tmp_path: Path) -> None:
    """``kill -9`` in the middle: every folder that is there is complete, and the next writing goes on."""
    for turn in range(4):
        with elsewhere("write_again_and_again", tmp_path) as process:
            process.kill()
            process.wait(30)
        found = list(open_target(tmp_path).orders_between(DAY, DAY))
        assert len(found) == 40, turn
        assert len({each.number.split("-")[0] for each in found}) == 1
        assert official.journal_errors(tmp_path / "acme-files" / "journal.beancount") == []
    outcome(open_target(tmp_path), document())
    assert not list((tmp_path / "acme-files").glob(".draft-*"))


def test_a_day_is_streamed(tmp_path: Path) -> None:
    """The engine's documents are asked for one by one, never held together."""
    alive = most = 0

    class Counted(Document):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream(_day: date) -> Iterable[Document]:
        nonlocal alive, most
        for number in range(300):
            made = Counted(**{name: getattr(document(), name) for name in Document.__dataclass_fields__})
            object.__setattr__(made, "order_id", f"ord_{number}")
            alive += 1
            most = max(most, alive)
            yield made

    target = KIND.open(Place("acme", "files", {"folder": str(tmp_path)}, "", stream))
    outcome(target, document(order_id="ord_0"))
    assert len(list(target.orders_between(DAY, DAY))) == 300
    assert most <= 5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "folder"),
        ({"folder": "relative"}, "folder"),
        ({"folder": "/srv/../etc"}, "folder"),
        ({"folder": "/srv", "formats": ["pdf"]}, "formats"),
        ({"folder": "/srv", "formats": ["csv"]}, "jsonl"),
        ({"folder": "/srv", "people": "yes"}, "people"),
        ({"folder": "/srv", "history": -1}, "history"),
        ({"folder": "/srv", "accounts": {"sales": "x"}}, "accounts.sales"),
        ({"folder": "/srv", "seller": {"name": "Acme"}}, "seller.vat_id"),
        ({"folder": "/srv", "colour": "red"}, "colour"),
    ],
)
def test_options(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        KIND.options_of(options)


def test_json_lines_hold_whole_documents(tmp_path: Path) -> None:
    made = document(billing=ADDRESS, refunds=(ONE_BACK,))
    outcome(open_target(tmp_path, people=True), made)
    line = json.loads((tmp_path / "acme-files" / "2026-03-01.0001" / "orders.jsonl").read_text())
    assert line.pop("fingerprint") == made.fingerprint
    assert from_data(line) == made
