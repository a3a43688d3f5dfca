"""Orders as tables: CSV with one row for each line of each movement, JSON Lines with one whole document a line. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.books.bookings import plain
from sumeru_proxy.consumers.order_sync.books.movements import SALE, Item, Movement, movements_of
from sumeru_proxy.consumers.order_sync.document import Document, as_data, canonical

COLUMNS: Final = (
    "date", "booking", "number", "order_id", "refund_id", "line_id", "kind", "sku", "title", "quantity", "net", "tax",
    "tax_percent", "gross", "currency", "customer", "channel", "campaign",
)  # fmt: skip
_PEOPLE: Final = ("email", "first_name", "last_name", "phone", "name", "company", "street", "street2")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def header() -> str:
    """The first line of the CSV."""
    return _line(COLUMNS)


def rows(document: Document) -> str:
    """The order's rows of the CSV: amounts of refunds and cancellations are negative, so that each column can be added up."""
    return "".join(_line(row) for movement in movements_of(document) for row in _rows(document, movement))


def _rows(document: Document, movement: Movement) -> Iterator[list[str]]:
    sign = 1 if movement.kind == SALE else -1

    def row(item: Item) -> list[str]:
        percents = "+".join(plain(tax.percent) for tax in item.taxes)
        amounts = [str(document.amount(sign * amount)) for amount in (item.net, item.tax)]
        gross = str(document.amount(sign * item.gross))
        return [
            movement.day.isoformat(), movement.kind, _cell(document.number), _cell(document.order_id), _cell(movement.id),
            _cell(item.line_id), item.kind, _cell(item.sku), _cell(item.title), str(sign * item.quantity), *amounts, percents, gross,
            document.currency, _cell(document.party.key), _cell(document.channel), _cell(document.campaign),
        ]  # fmt: skip

    for item in movement.items:
        yield row(item)
    if movement.rounding:
        yield row(Item("rounding", "", "Rounding", 0, movement.rounding, 0))


def _cell(text: str) -> str:
    # A spreadsheet takes a text that begins so for a formula, and titles are typed by strangers.
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: tuple[str, ...] | list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()


def document_line(document: Document, people: bool) -> str:
    """The document as one line of JSON, with its fingerprint; without names, addresses and e-mail unless ``people``."""
    return data_line({**as_data(document), "fingerprint": document.fingerprint}, people)


def data_line(data: Mapping[str, Any], people: bool) -> str:
    """The same from such a line's data: a document that stood in a file before."""
    parts = (
        {} if people else {name: _without_people(data[name]) for name in ("party", "billing", "shipping") if data[name]}
    )
    return canonical({**data, **parts}) + "\n"


def _without_people(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name in _PEOPLE else value for name, value in data.items()}
