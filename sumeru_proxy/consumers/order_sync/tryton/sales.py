"""The sales of one order in Tryton: found, made, changed, brought forward, cancelled or reversed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable
from sumeru_proxy.consumers.order_sync.tryton import forms
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts
from sumeru_proxy.consumers.order_sync.tryton.options import CONFIRMED, DRAFT
from sumeru_proxy.consumers.order_sync.tryton.people import SaleParty
from sumeru_proxy.consumers.order_sync.tryton.rest import Door, Row

MODEL: Final = "sale.sale"
FIELDS: Final = ("web_id", "state", "number", "description", "comment", "total_amount", "origin")
EDITABLE: Final = ("draft", "quotation", "confirmed", "cancelled")
"""The states from which a sale can go back to draft; after these goods and invoices follow, so it can only be reversed."""
STEPS: Final = {DRAFT: (), "quotation": ("quote",), CONFIRMED: ("quote", "confirm")}


@dataclass(slots=True)
class OrderSales:
    """All sales of one order, by ``web_id``."""

    order_id: str
    rows: dict[str, Row] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Row]:
        """The following sales of a kind (``refund``, ``reversal``, ``version``), as they were made."""
        prefix = f"{self.order_id}/{kind}/"
        return sorted((row for key, row in self.rows.items() if key.startswith(prefix)), key=lambda row: int(row["id"]))

    @property
    def first(self) -> Row | None:
        """The order's first sale."""
        return self.rows.get(self.order_id)

    @property
    def current(self) -> Row | None:
        """The sale that says what was ordered: the latest version."""
        versions = self.of_kind("version")
        return versions[-1] if versions else self.first

    @property
    def main(self) -> list[Row]:
        """What counts for the order's total: its first sale, reversals and versions, but no cancelled ones."""
        rows = [self.first, *self.of_kind("reversal"), *self.of_kind("version")]
        return [row for row in rows if row is not None and row["state"] != "cancelled"]

    @property
    def refunds(self) -> list[Row]:
        """The return sales that count."""
        return [row for row in self.of_kind("refund") if row["state"] != "cancelled"]


def total_of(rows: Iterable[Row]) -> Decimal:
    """What sales add up to."""
    return sum((row["total_amount"] for row in rows), Decimal(0))


def sales_of_orders(door: Door, facts: Facts, order_ids: Sequence[str]) -> dict[str, OrderSales]:
    """The sales of these orders. One call for the first ones, and one more when several orders have any."""
    sales_of = {order_id: OrderSales(order_id) for order_id in order_ids}
    if len(order_ids) == 1:
        # One order: its first sale and what follows it, in one call.
        own = [["web_id", "=", order_ids[0]], ["web_id", "like", _literal(order_ids[0]) + "/%"]]
        rows = door.search(MODEL, [["web_shop", "=", facts.shop], ["OR", *own]], FIELDS)
    else:
        rows = door.search(MODEL, [["web_shop", "=", facts.shop], ["web_id", "in", list(order_ids)]], FIELDS)
        origins = [f"{MODEL},{row['id']}" for row in rows]
        if origins:
            rows += door.search(MODEL, [["web_shop", "=", facts.shop], ["origin", "in", origins]], FIELDS, limit=10_000)
    for row in rows:
        order_id = row["web_id"]
        if order_id not in sales_of:
            order_id = next((each for each in order_ids if row["web_id"].startswith(f"{each}/")), "")
        if order_id in sales_of:
            sales_of[order_id].rows[row["web_id"]] = row
    return sales_of


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def header(
    document: Document, sale: forms.Sale, who: SaleParty, facts: Facts, origin: Row | None = None
) -> dict[str, Any]:
    """A new sale's values. Raises NotMappable for a currency that Tryton does not have."""
    values: dict[str, Any] = {
        "company": facts.company,
        "web_shop": facts.shop,
        "web_id": sale.web_id,
        "currency": forms.currency_of(document, facts).id,
        "comment": forms.comment_of(document) or None,
        "origin": f"{MODEL},{origin['id']}" if origin else None,
        **changeable(document, sale, who),
        "lines": [["create", [line.values() for line in sale.lines]]],
    }
    if facts.warehouse is not None:
        values["warehouse"] = facts.warehouse
    return values


def changeable(document: Document, sale: forms.Sale, who: SaleParty) -> dict[str, Any]:
    """The values besides the lines that an edit may change."""
    return {
        "party": who.party,
        "invoice_address": who.invoice,
        "shipment_address": who.shipment,
        "sale_date": sale.day,
        "reference": document.number,
        "description": sale.description,
    }


def is_current(row: Row, sale: forms.Sale) -> bool:
    """Whether a sale there says what it should."""
    return bool(row["description"] == sale.description and row["total_amount"] == sale.total)


def check_total(door: Door, row: Row, sale: forms.Sale, document: Document) -> Row:
    """Make sure that Tryton's own total is the order's: what it answered differently than expected is closed once more by the rounding
    line. Raises NotMappable (``total_differs``); the sale then stays a draft.
    """
    if row["total_amount"] == sale.total:
        return row
    left = sale.total - row["total_amount"]
    unit = Decimal(1).scaleb(-document.digits)
    if abs(left) <= 2 * unit:
        lines = line_rows(door, [row["id"]])
        closing = next(
            (line for line in lines if line["description"] == forms.ROUNDING_TEXT and not line["taxes"]), None
        )
        if closing is not None:
            change: list[Any] = ["write", [closing["id"]], {"unit_price": closing["unit_price"] + left}]
        else:
            change = ["create", [forms.SaleLine(None, 1, left, forms.ROUNDING_TEXT).values()]]
        row = door.update(MODEL, row["id"], {"lines": [change]}, FIELDS)
    if row["total_amount"] != sale.total:
        raise NotMappable(
            "total_differs",
            f"the order is {sale.total} {document.currency}, Tryton's sale {row['total_amount']}; it was left as a draft",
        )
    return row


def line_rows(door: Door, sale_ids: Sequence[int]) -> list[Row]:
    """The lines of these sales, with ids for what they point to."""
    rows: list[Row] = []
    for start in range(0, len(sale_ids), 400):
        page: list[Row] = []
        offset = 0
        while offset == 0 or len(page) == _LINES:
            page = door.search(
                "sale.line",
                [["sale", "in", list(sale_ids[start : start + 400])], ["type", "=", "line"]],
                ("sale", "product", "unit", "quantity", "unit_price", "taxes", "description"),
                limit=_LINES,
                offset=offset,
            )
            rows += page
            offset += _LINES
    return rows


_LINES: Final = 5_000


def make(
    door: Door, document: Document, sale: forms.Sale, who: SaleParty, facts: Facts, origin: Row | None = None
) -> Row:
    """Make a sale and check its total. Raises Rejected (perhaps it is there already: read again)."""
    row = door.create(MODEL, header(document, sale, who, facts, origin), FIELDS)
    return check_total(door, row, sale, document)


def change(door: Door, row: Row, document: Document, sale: forms.Sale, who: SaleParty) -> Row:
    """Bring a sale that can still be edited to what it should say: back to draft, new lines, checked."""
    if row["state"] != "draft":
        row = door.act(MODEL, row["id"], "draft", FIELDS)
    old = [line["id"] for line in line_rows(door, [row["id"]])]
    lines: list[Any] = [["create", [line.values() for line in sale.lines]]]
    if old:
        lines.insert(0, ["delete", old])
    row = door.update(MODEL, row["id"], {**changeable(document, sale, who), "lines": lines}, FIELDS)
    return check_total(door, row, sale, document)


def advance(door: Door, row: Row, state: str) -> Row:
    """Bring a draft or quotation as far as new sales go; one that is further stays."""
    for step in STEPS[state]:
        if (step, row["state"]) in (("quote", "draft"), ("confirm", "quotation")):
            row = door.act(MODEL, row["id"], step, FIELDS)
    return row


def cancel(door: Door, row: Row) -> Row:
    """Cancel a sale that nothing follows from yet."""
    if row["state"] == "confirmed":
        row = door.act(MODEL, row["id"], "draft", FIELDS)
    return row if row["state"] == "cancelled" else door.act(MODEL, row["id"], "cancel", FIELDS)


def note(door: Door, row: Row, document: Document) -> bool:
    """Write channel and campaign; True when they were others."""
    text = forms.comment_of(document) or None
    if (row["comment"] or None) == text:
        return False
    door.update(MODEL, row["id"], {"comment": text})
    return True


def lines_of(door: Door, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """The lines of several sales, for a reversal."""
    return list(line_rows(door, [row["id"] for row in rows]))
