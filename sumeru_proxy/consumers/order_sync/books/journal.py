"""Bookings as a double-entry journal in beancount's form (plain text; hledger and ledger read it after conversion). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sumeru_proxy.consumers.order_sync.books.bookings import Accounts, Booking, bookings_of, plain
from sumeru_proxy.consumers.order_sync.document import Document

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_TEXT_CHARS = 200


def quoted(text: str) -> str:
    """A string of the journal: one line, escaped, at most 200 characters."""
    clean = _CONTROL.sub(" ", text)[:_TEXT_CHARS].strip()
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def open_directives(accounts: Accounts) -> str:
    """The directives that open all accounts, from the first day on."""
    return "".join(f"1970-01-01 open {account}\n" for account in accounts.every())


def include_directives(paths: Iterable[str]) -> str:
    """The directives that include the days' journals."""
    return "".join(f"include {quoted(path)}\n" for path in paths)


def transactions(document: Document, accounts: Accounts, payee: str) -> str:
    """All of an order's transactions, each balanced to the smallest unit."""
    return "".join(_transaction(document, booking, payee) for booking in bookings_of(document, accounts))


def _transaction(document: Document, booking: Booking, payee: str) -> str:
    lines = [
        f"{booking.day.isoformat()} * {quoted(payee)} {quoted(f'{booking.kind} {document.number}')}",
        f"  order: {quoted(document.order_id)}",
    ]
    if booking.refund_id:
        lines.append(f"  refund: {quoted(booking.refund_id)}")
    for posting in booking.postings:
        lines.append(f"  {posting.account}  {document.amount(posting.amount)} {document.currency}")
        if posting.percent is not None:
            lines.append(f"    percent: {plain(posting.percent)}")
    return "\n".join(lines) + "\n\n"
