"""What would be written, before anything is: orders mapped against the real target, which is only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.client.windows import Window
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.engine import TEST_ORDER
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.models import OrderTarget, Rehearsal
from sumeru_proxy.consumers.order_sync.recording import personal_texts
from sumeru_proxy.consumers.order_sync.targets.interface import Forecast, NotMappable, Target
from sumeru_proxy.outbox.masking import masked
from sumeru_proxy.webhooks.walking import read_page

BATCH: Final = 100
EXAMPLES: Final = 10
ORDER_LIMIT: Final = 20_000


def newest_orders(sumeru: Sumeru, last: int | None) -> Iterator[Order]:
    """The last orders, newest first, or all of them; attributions included. May take hours: an expired cursor costs nothing."""
    count = 0
    place: dict[str, Any] | None = None
    while True:
        page, place = read_page(sumeru, Window("created_at"), "-created_at", place)
        for order in page.orders:
            if last is not None and count >= last:
                return
            count += 1
            yield order
        if place is None or (last is not None and count >= last):
            return


def rehearse(row: OrderTarget, target: Target, orders: Iterable[Order]) -> dict[str, Any]:
    """The report; nothing is written there and nothing is remembered of the orders here. Raises TargetDown.

    Of the report: ``orders`` (how many), ``actions``, ``problems`` (by reason: count, the target's words, numbers of orders),
    ``missing_skus`` (by SKU: how many lines), ``parties`` (known, matched, new), ``sums`` and ``rounding`` (by currency, in minor units;
    rounding: lines and their sum), ``notes`` (what the mapping did without), ``skipped``, and ``each``: per order its id, action, total,
    rounding and reason, up to 20,000.
    """
    report = _Report()
    batch: list[Document] = []
    for order in orders:
        report.orders += 1
        try:
            document = map_order(order, row.shop.key)
        except NotMappable as error:
            report.problem(order.number, error.reason, error.text)
            report.each.append([order.id, "parked", 0, 0, error.reason])
            continue
        if document.test and not row.test_orders:
            report.skipped[TEST_ORDER] += 1
            report.each.append([order.id, "skipped", document.totals.total, 0, TEST_ORDER])
            continue
        batch.append(document)
        if len(batch) == BATCH:
            report.add(batch, target.forecast(batch))
            batch = []
    if batch:
        report.add(batch, target.forecast(batch))
    return report.as_data()


class _Report:
    def __init__(self) -> None:
        self.orders = 0
        self.actions: Counter[str] = Counter()
        self.problems: dict[str, dict[str, Any]] = {}
        self.missing: Counter[str] = Counter()
        self.parties: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.rounding: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.each: list[list[Any]] = []
        self.seen: set[str] = set()

    def problem(self, number: str, reason: str, text: str) -> None:
        row = self.problems.setdefault(reason, {"count": 0, "text": text, "orders": []})
        row["count"] += 1
        if len(row["orders"]) < EXAMPLES:
            row["orders"].append(number)

    def add(self, documents: list[Document], forecasts: Iterable[Forecast]) -> None:
        for document, forecast in zip(documents, forecasts, strict=True):
            self.notes.update(document.notes)
            if forecast.problem is not None:
                error = forecast.problem
                self.problem(document.number, error.reason, masked(error.text, personal_texts(document)))
                self.each.append([document.order_id, "parked", forecast.total, 0, error.reason])
                continue
            self.actions[forecast.action] += 1
            self.sums[document.currency] += (
                document.totals.total - document.totals.refunded if document.state == "open" else 0
            )
            self.missing.update(forecast.missing_skus)
            if forecast.rounding:
                self.lines[document.currency] += 1
                self.rounding[document.currency] += forecast.rounding
            if document.party.key not in self.seen:
                self.seen.add(document.party.key)
                self.parties[forecast.party] += 1
            self.each.append([document.order_id, forecast.action, forecast.total, forecast.rounding, ""])

    def as_data(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "actions": dict(self.actions),
            "problems": self.problems,
            "missing_skus": dict(self.missing.most_common(500)),
            "parties": dict(self.parties),
            "sums": dict(self.sums),
            "rounding": {code: {"lines": self.lines[code], "sum": self.rounding[code]} for code in self.lines},
            "notes": dict(self.notes),
            "skipped": dict(self.skipped),
            "each": self.each[:ORDER_LIMIT],
        }


def keep(row: OrderTarget, report: dict[str, Any]) -> Rehearsal:
    """Keep a report, so that it can be looked at and compared with what happened."""
    return Rehearsal.objects.create(target=row, report=report)
