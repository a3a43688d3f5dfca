"""What Tryton holds of orders, for the daily proof and the rehearsal. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from sumeru_proxy.consumers.order_sync.document import CANCELLED as ORDER_CANCELLED
from sumeru_proxy.consumers.order_sync.document import OPEN, Document, digits_of
from sumeru_proxy.consumers.order_sync.targets.interface import (
    CANCELLED,
    CREATED,
    REFUNDED,
    UNCHANGED,
    UPDATED,
    BookedOrder,
    Forecast,
    NotMappable,
)
from sumeru_proxy.consumers.order_sync.tryton import forms, people, sales
from sumeru_proxy.consumers.order_sync.tryton.arithmetic import Priced, sums
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts, Product
from sumeru_proxy.consumers.order_sync.tryton.options import Options
from sumeru_proxy.consumers.order_sync.tryton.rest import Door, Row

PAGE = 400
FIELDS = ("web_id", "state", "number", "origin", "sale_date", "currency.code", "total_amount_cache")


def booked_order_of(own_sales: sales.OrderSales, currency: str, day: date, digits: int) -> BookedOrder:
    """The sales of one order as one statement. The rows need ``total_amount``. Raises KeyError without the first."""

    def minor(amount: Decimal) -> int:
        return int(amount.scaleb(digits).to_integral_value())

    first, current = own_sales.first, own_sales.current
    if first is None or current is None:
        raise KeyError(own_sales.order_id)
    counted = sales.total_of(own_sales.main) + sales.total_of(own_sales.refunds)
    reversals = own_sales.of_kind("reversal")
    cancelled = current["state"] == "cancelled" or bool(reversals and not counted)
    total = current["total_amount"] if cancelled else sales.total_of(own_sales.main)
    prefix = f"{own_sales.order_id}/refund/"
    return BookedOrder(
        order_id=own_sales.order_id,
        remote_id=str(first["id"]),
        day=day,
        currency=currency,
        total=minor(total),
        refunded=-minor(sales.total_of(own_sales.refunds)),
        state=ORDER_CANCELLED if cancelled else OPEN,
        refund_ids=tuple(row["web_id"].removeprefix(prefix) for row in own_sales.refunds),
        number=current.get("number") or "",
    )


def _with_totals(door: Door, facts: Facts, rows: Sequence[Row]) -> None:
    """Put ``total_amount`` into rows that Tryton keeps none for (it would compute drafts one by one): from their lines, as it does."""
    without = {row["id"]: row for row in rows if row.get("total_amount_cache") is None}
    lines: dict[int, list[Priced]] = {key: [] for key in without}
    for line in sales.line_rows(door, list(without)):
        lines[line["sale"]].append(Priced(int(line["quantity"]), line["unit_price"], tuple(line["taxes"])))
    rates = facts.rates
    for row in rows:
        row["total_amount"] = row.get("total_amount_cache")
        if row["id"] in without:
            rounding = facts.currencies[row["currency"]["code"]].rounding
            row["total_amount"] = sum(sums(lines[row["id"]], rates, rounding, facts.tax_rounding), Decimal(0))


def _followers(door: Door, facts: Facts, since: date) -> dict[int, list[Row]]:
    """Return sales, reversals and versions dated from ``since``, by the id of the first sale."""
    kinds = [["web_id", "like", f"%/{kind}/%"] for kind in ("refund", "reversal", "version")]
    domain = [["web_shop", "=", facts.shop], ["sale_date", ">=", since], ["OR", *kinds]]
    followers: dict[int, list[Row]] = {}
    for row in _pages(door, domain):
        origin = (row.get("origin") or "").removeprefix(f"{sales.MODEL},")
        if origin.isdigit():
            followers.setdefault(int(origin), []).append(row)
    return followers


def _pages(door: Door, domain: list[object]) -> Iterator[Row]:
    last = 0
    while True:
        rows = door.search(sales.MODEL, [*domain, ["id", ">", last]], FIELDS, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]["id"]


def orders_between(door: Door, facts: Facts, since: date, until: date) -> Iterator[BookedOrder]:
    """Every order of the web shop that is dated so, in bounded memory."""
    followers = _followers(door, facts, since)
    domain = [
        ["web_shop", "=", facts.shop],
        ["sale_date", ">=", since],
        ["sale_date", "<=", until],
        ["origin", "=", None],
    ]
    page: list[Row] = []
    for row in _pages(door, domain):
        page.append(row)
        if len(page) == PAGE:
            yield from _statements(door, facts, page, followers)
            page = []
    yield from _statements(door, facts, page, followers)


def _statements(
    door: Door, facts: Facts, page: Sequence[Row], followers: Mapping[int, list[Row]]
) -> Iterator[BookedOrder]:
    after = {row["id"]: followers.get(row["id"], []) for row in page}
    _with_totals(door, facts, [*page, *(row for rows in after.values() for row in rows)])
    for row in page:
        own_sales = sales.OrderSales(row["web_id"], {each["web_id"]: each for each in (row, *after[row["id"]])})
        code = row["currency"]["code"]
        yield booked_order_of(own_sales, code, row["sale_date"], digits_of(code))


def orders_by_id(door: Door, facts: Facts, order_ids: Sequence[str]) -> dict[str, BookedOrder]:
    """Those of these orders that are there."""
    orders: dict[str, BookedOrder] = {}
    for start in range(0, len(order_ids), 200):
        domain = [["web_shop", "=", facts.shop], ["web_id", "in", list(order_ids[start : start + 200])]]
        page = door.search(sales.MODEL, domain, FIELDS)
        if page:
            followers = _followers(door, facts, min(row["sale_date"] for row in page))
            orders |= {each.order_id: each for each in _statements(door, facts, page, followers)}
    return orders


def forecasts(
    door: Door, documents: Sequence[Document], facts: Facts, options: Options, products: Mapping[str, Product]
) -> list[Forecast]:
    """What writing each document would do."""
    own_sales: dict[str, sales.OrderSales] = {}
    parties: dict[str, Row] = {}
    for start in range(0, len(documents), 100):
        part = documents[start : start + 100]
        own_sales |= sales.sales_of_orders(door, facts, [each.order_id for each in part])
        parties |= people.parties_by_code(door, sorted({forms.party_code(each.party, options) for each in part}))
    return [_forecast(door, each, own_sales[each.order_id], parties, facts, options, products) for each in documents]


def _forecast(
    door: Door,
    document: Document,
    own_sales: sales.OrderSales,
    parties: Mapping[str, Row],
    facts: Facts,
    options: Options,
    products: Mapping[str, Product],
) -> Forecast:
    total, party = document.totals.total, _party(door, document, parties, options)
    try:
        sale = forms.sale_of(document, facts, options, products)
        returns = [forms.refund_of(document, refund, facts, options, products) for refund in document.refunds]
    except NotMappable as error:
        return Forecast(document.order_id, UNCHANGED, total, party=party, problem=error)
    _lines, missing = forms.order_lines(document, facts, options, products)
    action = _action(document, own_sales, sale, returns)
    return Forecast(document.order_id, action, total, sale.rounding, tuple(missing), party)


def _party(door: Door, document: Document, parties: Mapping[str, Row], options: Options) -> str:
    if forms.party_code(document.party, options) in parties:
        return "known"
    if options.match_email and document.party.email and people.party_by_email(door, document.party.email):
        return "matched"
    return "new"


def _action(document: Document, own_sales: sales.OrderSales, sale: forms.Sale, returns: Sequence[forms.Sale]) -> str:
    row = own_sales.current
    if row is None:
        return CREATED
    rows = [*own_sales.main, *own_sales.refunds]
    if document.state == ORDER_CANCELLED:
        counts = any(each["state"] in sales.EDITABLE for each in rows) or sales.total_of(rows)
        return CANCELLED if counts else UNCHANGED
    whole = sales.total_of(own_sales.main) == sale.total
    if row["state"] == "cancelled" or row["description"] != sale.description or not whole:
        return UPDATED
    if any(
        each.web_id not in own_sales.rows or not sales.is_current(own_sales.rows[each.web_id], each) for each in returns
    ):
        return REFUNDED
    return UNCHANGED if (row["comment"] or None) == (forms.comment_of(document) or None) else UPDATED
