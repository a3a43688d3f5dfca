"""Accounting files: per day and shop a CSV, JSON Lines, a balanced journal, and e-invoices when the seller is set.

A day is written whole, from the latest documents of all of its orders, whenever one of them changes: so a repetition changes nothing,
and a crash leaves the day as it was. An order that cannot be booked parks, and stands in every file of its day as it did before, or in
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.books import journal
from sumeru_proxy.consumers.order_sync.books.bookings import accounts_of
from sumeru_proxy.consumers.order_sync.books.day_folders import DayFolder, Draft, ShopFolder, disk_errors
from sumeru_proxy.consumers.order_sync.books.day_writing import DayWriter, Settings, read_lines, safe_name
from sumeru_proxy.consumers.order_sync.books.invoices import invoices_of, seller_of
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.outcomes import action_of
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.interface import (
    BookedOrder,
    Entry,
    Finding,
    Forecast,
    NotMappable,
    Place,
    Receipt,
    TargetDown,
    TargetError,
)

FORMATS: Final = ("csv", "jsonl", "journal")
BATCH_SIZE: Final = 500
OPTIONS: Final = ("folder", "formats", "accounts", "seller", "people", "history")


def settings_of(raw: Mapping[str, Any]) -> Settings:
    """The options as typed values. Raises ValueError whose text names the option."""
    for name in raw:
        if name not in OPTIONS:
            raise ValueError(f"{str(name)[:40]} is not one of {', '.join(OPTIONS)}")
    folder = raw.get("folder")
    if not isinstance(folder, str) or not Path(folder).is_absolute() or ".." in Path(folder).parts or "\x00" in folder:
        raise ValueError("folder must be the absolute path of a folder that is there")
    formats = raw.get("formats", list(FORMATS))
    if not isinstance(formats, Sequence) or not formats or any(each not in FORMATS for each in formats):
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}")
    if "jsonl" not in formats:
        raise ValueError("formats must hold jsonl: the daily proof reads it back")
    people, history = raw.get("people", False), raw.get("history", 0)
    if not isinstance(people, bool):
        raise ValueError("people must be true or false")
    if not isinstance(history, int) or isinstance(history, bool) or not 0 <= history <= 1_000:
        raise ValueError("history must be a number of earlier folders, 0 to 1000")
    return Settings(
        folder=Path(folder),
        formats=tuple(formats),
        accounts=accounts_of(raw.get("accounts", {})),
        seller=seller_of(raw["seller"]) if raw.get("seller") else None,
        people=people,
        history=history,
    )


class FilesKind:
    """The kind of target that writes accounting files."""

    name = "files"
    title = "Accounting files"
    secret_label = ""

    def options_of(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``interface.Kind``."""
        settings_of(raw)
        return dict(raw)

    def open(self, place: Place) -> FilesTarget:
        """See ``interface.Kind``."""
        return FilesTarget(place)


class FilesTarget:
    """See ``interface.Target``. Writes a day at a time; orders of one day in one batch cost one writing."""

    batch_size = BATCH_SIZE
    reads_back = True

    def __init__(self, place: Place) -> None:
        self._place = place
        self._settings = settings_of(place.options)
        self._shop = ShopFolder(self._settings.folder, safe_name(f"{place.shop}-{place.name}"))

    def check(self) -> Sequence[Finding]:
        """Whether the folder is there and can be written, and what is not set."""
        findings = []
        try:
            with self._shop.locked(), self._shop.drafted() as draft:
                draft.put("check", b"")
            findings.append(Finding(interface.OK, "folder", "the folder can be written"))
        except TargetDown as error:
            closed = error.reason == "folder_closed"
            hint = "give the worker's user the right to write there" if closed else "make or mount the folder by hand"
            findings.append(Finding(interface.ERROR, "folder", error.text, hint))
        if self._settings.seller is None:
            text = "no e-invoices are written"
            findings.append(Finding(interface.OK, "seller", text, "set seller.name, vat_id and country for them"))
        return findings

    def write(self, entries: Sequence[Entry]) -> Sequence[Receipt | TargetError]:
        """See ``interface.Target``: each entry's day is written whole, once."""
        outcomes: list[Receipt | TargetError | None] = [None] * len(entries)
        by_day: dict[date, list[int]] = {}
        for position, entry in enumerate(entries):
            by_day.setdefault(entry.document.day, []).append(position)
        for day in sorted(by_day):
            group = [entries[position] for position in by_day[day]]
            folder, left_out, changed = self._write_day(day, group)
            for position, entry in zip(by_day[day], group, strict=True):
                problem = left_out.get(entry.document.order_id)
                outcomes[position] = problem or _receipt(entry, folder, changed)
        return [outcome for outcome in outcomes if outcome is not None]

    def _write_day(self, day: date, entries: Sequence[Entry]) -> tuple[DayFolder, dict[str, TargetError], bool]:
        with self._shop.locked():
            with disk_errors():
                self._shop.replace("accounts.beancount", journal.open_directives(self._settings.accounts))
            with self._shop.drafted() as draft:
                current = self._shop.current().get(day)
                facts, left_out = self._fill(draft, day, current, entries)
                digests = draft.finish()
                if current and current.manifest().get("files") == digests and current.intact(digests):
                    self._shop.list_journals()
                    return current, left_out, False
                return self._shop.publish(draft, day, facts, self._settings.history), left_out, True

    def _fill(
        self, draft: Draft, day: date, before: DayFolder | None, entries: Sequence[Entry]
    ) -> tuple[Mapping[str, Any], dict[str, TargetError]]:
        writer = DayWriter(self._settings, draft, before)
        left_out: dict[str, TargetError] = {}
        for document in self._documents(day, entries):
            try:
                writer.add(document)
            except NotMappable as error:
                left_out[document.order_id] = error
        writer.carry()
        reasons = {order_id: error.reason for order_id, error in sorted(left_out.items())}
        return {"shop": self._place.shop, "currencies": writer.facts(), "left_out": reasons}, left_out

    def _documents(self, day: date, entries: Sequence[Entry]) -> Iterator[Document]:
        """The day's documents, the entries' own in place of older ones, oldest first, and entries that are not among them."""
        own = {entry.document.order_id: entry.document for entry in entries}
        for document in self._place.documents_of(day):
            newer = own.pop(document.order_id, None)
            yield document if newer is None or _time(document) > _time(newer) else newer
        yield from sorted(own.values(), key=lambda document: (document.created_at, document.order_id))

    def forecast(self, documents: Sequence[Document]) -> Sequence[Forecast]:
        """See ``interface.Target``."""
        forecasts = []
        there = self.orders_by_id([document.order_id for document in documents])
        for document in documents:
            problem: TargetError | None = None
            if self._settings.seller:
                try:
                    invoices_of(document, self._settings.seller)
                except NotMappable as error:
                    problem = error
            action = interface.UPDATED if document.order_id in there else interface.CREATED
            forecasts.append(Forecast(document.order_id, action, document.totals.total, problem=problem))
        return forecasts

    def orders_between(self, since: date, until: date) -> Iterator[BookedOrder]:
        """Every order of the current folders of these days, as their JSON Lines say."""
        for day, folder in sorted(self._shop.current().items()):
            if since <= day <= until:
                yield from _orders_in(folder)

    def orders_by_id(self, order_ids: Sequence[str]) -> Mapping[str, BookedOrder]:
        """Those of these orders that stand in a current folder; looks through the newest days first."""
        ids, orders = set(order_ids), dict[str, BookedOrder]()
        for _day, folder in sorted(self._shop.current().items(), reverse=True):
            if len(orders) == len(ids):
                break
            orders.update({each.order_id: each for each in _orders_in(folder) if each.order_id in ids})
        return orders

    def close(self) -> None:
        """Nothing is kept open."""


def _time(document: Document) -> datetime:
    return document.updated_at or datetime.min.replace(tzinfo=UTC)


def _receipt(entry: Entry, folder: DayFolder, changed: bool) -> Receipt:
    document = entry.document
    action = action_of(entry) if changed else interface.UNCHANGED
    return Receipt(
        remote_id=f"{document.day}/{document.order_id}",
        action=action,
        number=f"{document.day}.{folder.number:04d}",
        total=document.totals.total,
        refunded=document.totals.refunded,
        rounding=document.totals.rounding,
        state=document.state,
        details={"folder": folder.path.name},
    )


def _orders_in(folder: DayFolder) -> Iterator[BookedOrder]:
    """What the folder's JSON Lines hold; a file that was changed since it was written holds nothing that counts."""
    files = folder.manifest().get("files")
    if not isinstance(files, dict) or not folder.intact(files):
        return
    for _offset, data in read_lines(folder):
        yield BookedOrder(
            order_id=data["order_id"],
            remote_id=f"{folder.day}/{data['order_id']}",
            day=folder.day,
            currency=data["currency"],
            total=data["totals"]["total"],
            refunded=data["totals"]["refunded"],
            state=data["state"],
            refund_ids=tuple(refund["id"] for refund in data["refunds"]),
            number=data["number"],
        )


KIND = FilesKind()
