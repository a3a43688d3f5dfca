"""The target Tryton 8.2: orders as sales of a web shop, refunds as return sales, through its own REST door.

``web_shop`` and ``web_id`` are a constraint of its database and so is a code of a party: no order and no person exists twice there,
whoever else writes at the same time. What Tryton says no to is decided by reading again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.document import CANCELLED as ORDER_CANCELLED
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.targets.interface import (
    CANCELLED,
    CREATED,
    REFUNDED,
    UNCHANGED,
    UPDATED,
    BookedOrder,
    Entry,
    Finding,
    Forecast,
    NotMappable,
    Place,
    Receipt,
    Refused,
    TargetError,
)
from sumeru_proxy.consumers.order_sync.tryton import checking, forms, people, reading, sales
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts, Product, facts_of, forget, know_products
from sumeru_proxy.consumers.order_sync.tryton.options import DRAFT, Options, options_of
from sumeru_proxy.consumers.order_sync.tryton.people import SaleParty
from sumeru_proxy.consumers.order_sync.tryton.rest import Broken, Door, Rejected, Row, twice

BATCH: Final = 50
SMALL_BATCH: Final = 10
"""Of sales that are quoted or confirmed one by one: what is acknowledged together must not take minutes."""


class TrytonTarget:
    """One web shop of one Tryton database."""

    reads_back = True

    def __init__(self, options: Options, key: str) -> None:
        self.options = options
        self.batch_size = BATCH if options.state == DRAFT else SMALL_BATCH
        self.door = Door(options.url, options.database, key)
        self._place = (options.url, options.database, options.web_shop)

    def close(self) -> None:
        """Close the connections. May be repeated."""
        self.door.close()

    def check(self) -> Sequence[Finding]:
        """What is there and what is missing; reads only."""
        forget()
        return checking.findings(self.door, self._place, self.options)

    # -- writing

    def write(self, entries: Sequence[Entry]) -> Sequence[Receipt | TargetError]:
        """See the interface. New plain orders are made together, all others one by one."""
        receipts = self._batch([entry.document for entry in entries]) if len(entries) > 2 else {}
        return [receipts.get(entry.document.order_id) or self._write_order(entry.document) for entry in entries]

    def _facts(self, documents: Sequence[Document]) -> tuple[Facts, dict[str, Product]]:
        facts = facts_of(self.door, self._place, self.options.web_shop)
        skus = {line.sku for document in documents for line in document.lines}
        return facts, know_products(self.door, facts, {*skus, *self.options.own_skus})

    def _write_order(self, document: Document) -> Receipt | TargetError:
        """One order, tried twice: a rejection or a failure may only mean that what was known is outdated."""
        outcome: TargetError | None = None
        for _attempt in range(2):
            try:
                return self._write_once(document)
            except (NotMappable, Refused) as error:
                return error
            except Rejected as error:
                outcome = Refused("rejected", str(error))
            except Broken as error:
                outcome = twice(error)
            forget()
        return outcome or Refused("rejected")

    def _write_once(self, document: Document) -> Receipt:
        facts, products = self._facts([document])
        sale = forms.sale_of(document, facts, self.options, products)
        own_sales = sales.sales_of_orders(self.door, facts, [document.order_id])[document.order_id]
        who: SaleParty | None = None
        action = UNCHANGED
        row = own_sales.current
        if row is None:
            who = people.party_of(self.door, document, facts, self.options)
            row = own_sales.rows[sale.web_id] = sales.make(self.door, document, sale, who, facts)
            action = CREATED
        elif document.state != ORDER_CANCELLED:
            changed = self._apply_edit(document, sale, own_sales, row, facts, products)
            if changed is not None:
                row, action = changed, UPDATED
        if document.state == ORDER_CANCELLED:
            if self._apply_cancellation(document, own_sales, facts, products):
                action = CANCELLED if action == UNCHANGED else action
        else:
            row = own_sales.rows[row["web_id"]] = sales.advance(self.door, row, self.options.state)
            if self._apply_refunds(document, own_sales, facts, products, who):
                action = REFUNDED if action == UNCHANGED else action
        if action != CREATED and sales.note(self.door, row, document) and action == UNCHANGED:
            action = UPDATED
        return self._receipt(document, own_sales, action, sale.rounding)

    def _apply_edit(
        self,
        document: Document,
        sale: forms.Sale,
        own_sales: sales.OrderSales,
        row: Row,
        facts: Facts,
        products: Mapping[str, Product],
    ) -> Row | None:
        """The sale after an edit, None when there is none: changed while it can be, else reversed and made again as a new version."""
        if row["state"] in sales.EDITABLE:
            if row["state"] != "cancelled" and sales.is_current(row, sale):
                return None
            who = people.party_of(self.door, document, facts, self.options)
            row = own_sales.rows[row["web_id"]] = sales.change(self.door, row, document, sale, who)
            return row
        if row["description"] == sale.description and sales.total_of(own_sales.main) == sale.total:
            return None
        who = people.party_of(self.door, document, facts, self.options)
        if sales.total_of(own_sales.main):
            self._reverse(document, own_sales, own_sales.main, who, facts, products)
        number = len(own_sales.of_kind("version")) + 2
        version = forms.with_web_id(sale, forms.child_id(document, "version", number))
        row = sales.make(self.door, document, version, who, facts, own_sales.first)
        own_sales.rows[version.web_id] = row
        return row

    def _reverse(
        self,
        document: Document,
        own_sales: sales.OrderSales,
        rows: list[Row],
        who: SaleParty,
        facts: Facts,
        products: Mapping[str, Product],
    ) -> None:
        total, lines = sales.total_of(rows), sales.lines_of(self.door, rows)
        number = len(own_sales.of_kind("reversal")) + 1
        day = document.cancelled_at or document.updated_at or document.created_at
        reversal = forms.reversal_of(
            document, lines, total, number, max(day.date(), document.day), facts, self.options, products
        )
        row = sales.make(self.door, document, reversal, who, facts, own_sales.first)
        own_sales.rows[reversal.web_id] = sales.advance(self.door, row, self.options.state)

    def _apply_cancellation(
        self, document: Document, own_sales: sales.OrderSales, facts: Facts, products: Mapping[str, Product]
    ) -> bool:
        """Cancel what can be; reverse what goods or invoices followed from, refunds included. True when something was done."""
        open_rows = [row for row in (*own_sales.main, *own_sales.refunds) if row["state"] in sales.EDITABLE]
        for row in open_rows:
            own_sales.rows[row["web_id"]] = sales.cancel(self.door, row)
        rows = [*own_sales.main, *own_sales.refunds]
        if rows and sales.total_of(rows):
            who = people.party_of(self.door, document, facts, self.options)
            self._reverse(document, own_sales, rows, who, facts, products)
            return True
        return bool(open_rows)

    def _apply_refunds(
        self,
        document: Document,
        own_sales: sales.OrderSales,
        facts: Facts,
        products: Mapping[str, Product],
        who: SaleParty | None,
    ) -> bool:
        """Make the return sales that are missing. True when something was done."""
        changed = False
        for refund in document.refunds:
            sale = forms.refund_of(document, refund, facts, self.options, products)
            row = own_sales.rows.get(sale.web_id)
            if row is not None and row["state"] != "cancelled" and sales.is_current(row, sale):
                own_sales.rows[sale.web_id] = sales.advance(self.door, row, self.options.state)
                continue
            if row is not None and row["state"] not in sales.EDITABLE:
                raise Refused("refund_changed", "a refund changed after its return sale was processed")
            who = who or people.party_of(self.door, document, facts, self.options)
            if row is None:
                row = sales.make(self.door, document, sale, who, facts, own_sales.first)
            else:
                row = sales.change(self.door, row, document, sale, who)
            own_sales.rows[sale.web_id] = sales.advance(self.door, row, self.options.state)
            changed = True
        return changed

    def _receipt(self, document: Document, own_sales: sales.OrderSales, action: str, rounding: int) -> Receipt:
        statement = reading.booked_order_of(own_sales, document.currency, document.day, document.digits)
        current = own_sales.current or {}
        return Receipt(
            remote_id=str((own_sales.first or {})["id"]),
            action=action,
            number=current.get("number") or "",
            total=statement.total,
            refunded=statement.refunded,
            rounding=rounding,
            state=current.get("state") or "",
            url=f"{self.options.url}/#{self.options.database}/model/{sales.MODEL}/{(own_sales.first or {})['id']}",
        )

    # -- many at once

    def _batch(self, documents: Sequence[Document]) -> dict[str, Receipt | TargetError]:
        """Make together what is new and plain; gives the outcomes of those. What cannot be made together is left to be done singly."""
        plain = [each for each in documents if each.state != ORDER_CANCELLED and not each.refunds]
        if len(plain) < 3:
            return {}
        try:
            return self._write_together(plain)
        except (Rejected, Broken):
            return {}

    def _write_together(self, documents: Sequence[Document]) -> dict[str, Receipt | TargetError]:
        facts, products = self._facts(documents)
        own_sales = sales.sales_of_orders(self.door, facts, [each.order_id for each in documents])
        outcomes: dict[str, Receipt | TargetError] = {}
        forms_of: dict[str, tuple[Document, forms.Sale]] = {}
        for document in documents:
            if own_sales[document.order_id].rows or document.order_id in forms_of:
                continue
            try:
                forms_of[document.order_id] = document, forms.sale_of(document, facts, self.options, products)
            except NotMappable as error:
                outcomes[document.order_id] = error
        if not forms_of:
            return outcomes
        who = self._people([document for document, _sale in forms_of.values()], facts)
        values = [sales.header(document, sale, who[document.order_id], facts) for document, sale in forms_of.values()]
        ids = self.door.create_many(sales.MODEL, values)
        rows = self.door.search(sales.MODEL, [["id", "in", ids]], sales.FIELDS)
        for row in rows:
            document, sale = forms_of[row["web_id"]]
            try:
                row = sales.check_total(self.door, row, sale, document)
                row = sales.advance(self.door, row, self.options.state)
            except (Rejected, Broken):
                continue  # it is made singly, from where it stands
            except NotMappable as error:
                outcomes[document.order_id] = error
                continue
            own = sales.OrderSales(document.order_id, {row["web_id"]: row})
            outcomes[document.order_id] = self._receipt(document, own, CREATED, sale.rounding)
        return outcomes

    def _people(self, documents: Sequence[Document], facts: Facts) -> dict[str, SaleParty]:
        """The parties of several orders, those that are missing made together."""
        codes = {each.order_id: forms.party_code(each.party, self.options) for each in documents}
        parties = people.parties_by_code(self.door, sorted(set(codes.values())))
        missing: dict[str, dict[str, Any]] = {}
        if not self.options.match_email:
            for document in documents:
                code = codes[document.order_id]
                if code not in parties and not people.is_shared(document, facts, self.options):
                    missing.setdefault(code, people.new_party(document, facts, self.options))
        if len(missing) > 1:
            try:
                self.door.create_many("party.party", list(missing.values()))
                parties |= people.parties_by_code(self.door, sorted(missing))
            except Rejected:
                pass  # one by one below
        people_of = {}
        for document in documents:
            row = parties.get(codes[document.order_id])
            if row is None or people.is_shared(document, facts, self.options):
                people_of[document.order_id] = people.party_of(self.door, document, facts, self.options)
            else:
                people_of[document.order_id] = people.sale_party_of(self.door, row, document, facts)
        return people_of

    # -- looking

    def forecast(self, documents: Sequence[Document]) -> Sequence[Forecast]:
        """See the interface; reads only."""
        facts, products = self._facts(documents)
        return reading.forecasts(self.door, documents, facts, self.options, products)

    def orders_between(self, since: date, until: date) -> Iterator[BookedOrder]:
        """See the interface."""
        facts = facts_of(self.door, self._place, self.options.web_shop)
        yield from reading.orders_between(self.door, facts, since, until)

    def orders_by_id(self, order_ids: Sequence[str]) -> Mapping[str, BookedOrder]:
        """See the interface."""
        facts = facts_of(self.door, self._place, self.options.web_shop)
        return reading.orders_by_id(self.door, facts, order_ids)


class TrytonKind:
    """The kind ``tryton``."""

    name = "tryton"
    title = "Tryton 8.2"
    secret_label = "Key of a user application (REST)"  # noqa: S105 - a label

    def options_of(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options, checked; see ``tryton.options.Options``."""
        options = options_of(raw)
        return {name: getattr(options, name) for name in Options.__dataclass_fields__}

    def open(self, place: Place) -> TrytonTarget:
        """A target on this place."""
        return TrytonTarget(Options(**place.options), place.secret)


KIND = TrytonKind()
