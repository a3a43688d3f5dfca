"""The files of one day, filled order by order: each order stands in all of them, or in none.

What stood in the files before and is no longer known (documents are pruned after some months, people are erased) is carried over as it
stood: books lose nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.books import journal, tables, ubl
from sumeru_proxy.consumers.order_sync.books.bookings import Accounts
from sumeru_proxy.consumers.order_sync.books.day_folders import DayFolder, Draft, disk_errors
from sumeru_proxy.consumers.order_sync.books.invoices import Seller, invoices_of, numbers_of
from sumeru_proxy.consumers.order_sync.document import Document, from_data
from sumeru_proxy.consumers.order_sync.targets.interface import TargetDown

CSV: Final = "orders.csv"
JSON_LINES: Final = "orders.jsonl"
JOURNAL: Final = "journal.beancount"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked options. ``people``: names, addresses and e-mail stand in JSON Lines and journal, too."""

    folder: Path
    formats: tuple[str, ...]
    accounts: Accounts
    seller: Seller | None
    people: bool
    history: int


class DayWriter:
    """Fills a draft. ``before`` is the day's current folder."""

    def __init__(self, settings: Settings, draft: Draft, before: DayFolder | None) -> None:
        self._settings, self._draft, self._before = settings, draft, before
        self._sums: dict[str, list[int]] = {}
        self._stood = lines_of(before) if before else {}
        if "csv" in settings.formats:
            draft.add(CSV, tables.header())
        draft.add(JSON_LINES, "")
        if "journal" in settings.formats:
            draft.add(JOURNAL, "")

    def add(self, document: Document) -> None:
        """An order as it is now. Raises NotMappable for one without an e-invoice; the files then hold it as they did before."""
        seller = self._settings.seller
        invoices = [(each.number, ubl.xml_of(each)) for each in invoices_of(document, seller)] if seller else []
        self._stood.pop(document.order_id, None)
        self._rows(document, tables.document_line(document, self._settings.people))
        for number, body in invoices:
            self._draft.put(_invoice_file(document, number), body)

    def carry(self) -> None:
        """All that stood in the files before and was not added again. Raises TargetDown when it is not as it was written."""
        before = self._before
        if not self._stood or before is None:
            return
        text = f"somebody changed {before.path.name}/{JSON_LINES}: put the file back as it was"
        if not before.holds(JSON_LINES):
            raise TargetDown(60.0, text, reason="files_changed")
        for offset in sorted(self._stood.values()):
            data = _line_at(before, offset)
            try:
                document = from_data({name: value for name, value in data.items() if name != "fingerprint"})
            except (KeyError, TypeError, ValueError):
                raise TargetDown(60.0, text, reason="files_changed") from None
            self._rows(document, tables.data_line(data, self._settings.people))
            for number in numbers_of(document, self._settings.seller) if self._settings.seller else ():
                name = _invoice_file(document, number)
                if (before.path / name).exists():
                    self._draft.put(name, (before.path / name).read_bytes())

    def facts(self) -> Mapping[str, Any]:
        """Counts and sums by currency, for the manifest."""
        return {
            currency: {"orders": count, "total": total, "refunded": refunded, "digits": digits}
            for currency, (count, total, refunded, digits) in sorted(self._sums.items())
        }

    def _rows(self, document: Document, line: str) -> None:
        if "csv" in self._settings.formats:
            self._draft.add(CSV, tables.rows(document))
        self._draft.add(JSON_LINES, line)
        if "journal" in self._settings.formats:
            payee = document.party.name if self._settings.people else document.party.key
            self._draft.add(JOURNAL, journal.transactions(document, self._settings.accounts, payee))
        one = self._sums.setdefault(document.currency, [0, 0, 0, document.digits])
        for place, amount in enumerate((1, document.totals.total, document.totals.refunded)):
            one[place] += amount


def _line_at(folder: DayFolder, offset: int) -> dict[str, Any]:
    with (folder.path / JSON_LINES).open("rb") as lines:
        lines.seek(offset)
        row: dict[str, Any] = json.loads(lines.readline())
        return row


def read_lines(folder: DayFolder) -> Iterator[tuple[int, dict[str, Any]]]:
    """The offset and the data of each of a folder's JSON Lines; what is none is left out."""
    with disk_errors(), (folder.path / JSON_LINES).open("rb") as lines:
        while line := lines.readline():
            offset = lines.tell() - len(line)
            try:
                data = json.loads(line)
            except ValueError:
                continue
            if isinstance(data, dict) and isinstance(data.get("order_id"), str):
                yield offset, data


def lines_of(folder: DayFolder) -> dict[str, int]:
    """Where each order's line begins."""
    if not (folder.path / JSON_LINES).exists():
        return {}
    return {data["order_id"]: offset for offset, data in read_lines(folder)}


def safe_name(text: str) -> str:
    """Letters, digits and ``._-`` of a text, with a digest where that is not all of it."""
    clean = _UNFIT.sub("-", text).strip(".-")[:80]
    return clean if clean == text else f"{clean}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _invoice_file(document: Document, number: str) -> str:
    digest = hashlib.sha256(f"{document.order_id}\n{number}".encode()).hexdigest()[:8]
    return f"invoices/{_UNFIT.sub('-', number).strip('.-')[:80]}-{digest}.xml"
