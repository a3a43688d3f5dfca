"""books: made-up orders' accounting files by the official rules: the journal by beancount, e-invoices by schema and schematron."""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
from django.conf import settings

JOURNAL_ORDERS, INVOICES = 10_000, 1_000
SELLER = {"name": "Acme GmbH", "vat_id": "DE123456789", "country": "DE", "city": "Köln", "unknown_country": "DE"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--seed``."""
    parser.add_argument("--seed", type=int, default=7, help="which orders are made up")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The journal of all orders and as many e-invoices as asked; each once more with one cent off."""
    if not settings.configured:
        django.setup()
    share = 10 if options.quick else 1
    found = {**_journal(JOURNAL_ORDERS // share, options.seed), **_invoices(INVOICES // share, options.seed)}
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


def _journal(count: int, seed: int) -> dict[str, Any]:
    from sumeru_proxy.consumers.order_sync.targets.files import KIND
    from sumeru_proxy.consumers.order_sync.targets.interface import Entry, Place
    from tests.sumeru_proxy.consumers.order_sync.books import official
    from tests.sumeru_proxy.consumers.order_sync.generated import documents

    made = list(documents(count, seed))
    by_day: dict[Any, list[Any]] = {}
    for document in made:
        by_day.setdefault(document.day, []).append(document)
    with tempfile.TemporaryDirectory() as folder:
        place = Place("acme", "files", {"folder": folder}, "", lambda day: by_day.get(day, ()))
        target = KIND.open(place)
        began = time.perf_counter()
        for start in range(0, count, target.batch_size):
            target.write([Entry(document) for document in made[start : start + target.batch_size]])
        written_s = time.perf_counter() - began
        booked = sum(each.total for each in target.orders_between(min(by_day), max(by_day)))
        journal = Path(folder) / "acme-files" / "journal.beancount"
        began = time.perf_counter()
        errors = official.journal_errors(journal)
        checked_s = time.perf_counter() - began
        transactions = official.journal_transactions(journal)
        day = next(path for path in sorted(journal.parent.glob("*/journal.beancount")) if " EUR\n" in path.read_text())
        day.write_text(_one_cent_off(day.read_text(), r"  [A-Z]\S+  (-?[0-9.]+) EUR\n"))
        return {
            "orders": count, "days": len(by_day), "written_s": written_s, "checked_s": checked_s, "transactions": transactions,
            "journal_errors": len(errors), "booked_equals": booked == sum(document.totals.total for document in made),
            "journal_one_cent_off": len(official.journal_errors(journal)),
        }  # fmt: skip


def _invoices(count: int, seed: int) -> dict[str, Any]:
    from sumeru_proxy.consumers.order_sync.books.ubl import xml_of
    from tests.sumeru_proxy.consumers.order_sync.books import official

    parked: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    last, began = b"", time.perf_counter()
    for invoice in _drawn(seed, parked):
        if sum(kinds.values()) == count:
            break
        last = xml_of(invoice)
        kinds[invoice.type_code] += 1
        wrong.extend(f"{invoice.number}: {error}" for error in official.invoice_errors(last))
    took_s = time.perf_counter() - began
    off = _one_cent_off(last.decode(), r'<cbc:TaxInclusiveAmount currencyID="[A-Z]+">([0-9.]+)<')
    return {
        "invoices": dict(kinds), "parked": dict(parked), "invoices_s": took_s, "invoice_errors": wrong[:10],
        "invoice_one_cent_off": len(official.invoice_errors(off.encode())),
    }  # fmt: skip


def _drawn(seed: int, parked: Counter[str]) -> Iterator[Any]:
    from sumeru_proxy.consumers.order_sync.books.invoices import invoices_of, seller_of
    from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable
    from tests.sumeru_proxy.consumers.order_sync.generated import documents

    for document in documents(1_000_000, seed):
        try:
            yield from invoices_of(document, seller_of(SELLER))
        except NotMappable as error:
            parked[error.reason] += 1


def _one_cent_off(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found
    return text[: found.start(1)] + str(Decimal(found[1]) + Decimal("0.01")) + text[found.end(1) :]


def failed(result: dict[str, Any]) -> bool:
    """Whether anything is not as it must be."""
    right = result["journal_errors"] == 0 and result["booked_equals"] and not result["invoice_errors"]
    return not (right and result["journal_one_cent_off"] == 1 and result["invoice_one_cent_off"] > 0)


def show(result: dict[str, Any]) -> None:
    """The figures as lines."""
    for name, value in result.items():
        print(f"{name:22} {value:.1f}" if isinstance(value, float) else f"{name:22} {value}")
    print("FAILED" if failed(result) else "all as it must be")
