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
    Booked,
    Entry,
    Finding,
    Forecast,
    NotMappable,
    Place,
    Refused,
    TargetError,
    Written,
)
from sumeru_proxy.consumers.order_sync.tryton import checking, forms, people, reading, sales
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts, Product, facts_of, forget, know_products
from sumeru_proxy.consumers.order_sync.tryton.options import DRAFT, Options, options_of
from sumeru_proxy.consumers.order_sync.tryton.people import Addressed
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

    def write(self, entries: Sequence[Entry]) -> Sequence[Written | TargetError]:
        """See the interface. New plain orders are made together, all others one by one."""
        made = self._batch([entry.document for entry in entries]) if len(entries) > 2 else {}
        return [made.get(entry.document.order_id) or self._bring(entry.document) for entry in entries]

    def _facts(self, documents: Sequence[Document]) -> tuple[Facts, dict[str, Product]]:
        facts = facts_of(self.door, self._place, self.options.web_shop)
        skus = {line.sku for document in documents for line in document.lines}
        return facts, know_products(self.door, facts, {*skus, *self.options.own_skus})

    def _bring(self, document: Document) -> Written | TargetError:
        """One order, tried twice: a rejection or a failure may only mean that what was known is outdated."""
        outcome: TargetError | None = None
        for _attempt in range(2):
            try:
                return self._brought(document)
            except (NotMappable, Refused) as error:
                return error
            except Rejected as error:
                outcome = Refused("rejected", str(error))
            except Broken as error:
                outcome = twice(error)
            forget()
        return outcome or Refused("rejected")

    def _brought(self, document: Document) -> Written:
        facts, products = self._facts([document])
        sale = forms.sale_of(document, facts, self.options, products)
        held = sales.held_sales(self.door, facts, [document.order_id])[document.order_id]
        who: Addressed | None = None
        action = UNCHANGED
        row = held.current
        if row is None:
            who = people.party_of(self.door, document, facts, self.options)
            row = held.rows[sale.web_id] = sales.make(self.door, document, sale, who, facts)
            action = CREATED
        elif document.state != ORDER_CANCELLED:
            changed = self._edited(document, sale, held, row, facts, products)
            if changed is not None:
                row, action = changed, UPDATED
        if document.state == ORDER_CANCELLED:
            if self._cancelled(document, held, facts, products):
                action = CANCELLED if action == UNCHANGED else action
        else:
            row = held.rows[row["web_id"]] = sales.advance(self.door, row, self.options.state)
            if self._refunded(document, held, facts, products, who):
                action = REFUNDED if action == UNCHANGED else action
        if action != CREATED and sales.note(self.door, row, document) and action == UNCHANGED:
            action = UPDATED
        return self._written(document, held, action, sale.rounding)

    def _edited(
        self,
        document: Document,
        sale: forms.Sale,
        held: sales.Held,
        row: Row,
        facts: Facts,
        products: Mapping[str, Product],
    ) -> Row | None:
        """The sale after an edit, None when there is none: changed while it can be, else reversed and made again as a new version."""
        if row["state"] in sales.EDITABLE:
            if row["state"] != "cancelled" and sales.is_current(row, sale):
                return None
            who = people.party_of(self.door, document, facts, self.options)
            row = held.rows[row["web_id"]] = sales.change(self.door, row, document, sale, who)
            return row
        if row["description"] == sale.description and sales.total_of(held.main) == sale.total:
            return None
        who = people.party_of(self.door, document, facts, self.options)
        if sales.total_of(held.main):
            self._reverse(document, held, held.main, who, facts, products)
        number = len(held.of_kind("version")) + 2
        version = forms.renamed(sale, forms.child_id(document, "version", number))
        made = sales.make(self.door, document, version, who, facts, held.first)
        held.rows[version.web_id] = made
        return made

    def _reverse(
        self,
        document: Document,
        held: sales.Held,
        rows: list[Row],
        who: Addressed,
        facts: Facts,
        products: Mapping[str, Product],
    ) -> None:
        total, lines = sales.total_of(rows), sales.lines_of(self.door, rows)
        number = len(held.of_kind("reversal")) + 1
        day = document.cancelled_at or document.updated_at or document.created_at
        reversal = forms.reversal_of(
            document, lines, total, number, max(day.date(), document.day), facts, self.options, products
        )
        made = sales.make(self.door, document, reversal, who, facts, held.first)
        held.rows[reversal.web_id] = sales.advance(self.door, made, self.options.state)

    def _cancelled(self, document: Document, held: sales.Held, facts: Facts, products: Mapping[str, Product]) -> bool:
        """Cancel what can be; reverse what goods or invoices followed from, refunds included. True when something was done."""
        open_rows = [row for row in (*held.main, *held.refunds) if row["state"] in sales.EDITABLE]
        for row in open_rows:
            held.rows[row["web_id"]] = sales.cancel(self.door, row)
        rows = [*held.main, *held.refunds]
        if rows and sales.total_of(rows):
            who = people.party_of(self.door, document, facts, self.options)
            self._reverse(document, held, rows, who, facts, products)
            return True
        return bool(open_rows)

    def _refunded(
        self,
        document: Document,
        held: sales.Held,
        facts: Facts,
        products: Mapping[str, Product],
        who: Addressed | None,
    ) -> bool:
        """Make the return sales that are missing. True when something was done."""
        done = False
        for refund in document.refunds:
            sale = forms.refund_of(document, refund, facts, self.options, products)
            row = held.rows.get(sale.web_id)
            if row is not None and row["state"] != "cancelled" and sales.is_current(row, sale):
                held.rows[sale.web_id] = sales.advance(self.door, row, self.options.state)
                continue
            if row is not None and row["state"] not in sales.EDITABLE:
                raise Refused("refund_changed", "a refund changed after its return sale was processed")
            who = who or people.party_of(self.door, document, facts, self.options)
            if row is None:
                row = sales.make(self.door, document, sale, who, facts, held.first)
            else:
                row = sales.change(self.door, row, document, sale, who)
            held.rows[sale.web_id] = sales.advance(self.door, row, self.options.state)
            done = True
        return done

    def _written(self, document: Document, held: sales.Held, action: str, rounding: int) -> Written:
        booked = reading.booked_of(held, document.currency, document.day, document.digits)
        current = held.current or {}
        return Written(
            remote_id=str((held.first or {})["id"]),
            action=action,
            number=current.get("number") or "",
            total=booked.total,
            refunded=booked.refunded,
            rounding=rounding,
            state=current.get("state") or "",
            url=f"{self.options.url}/#{self.options.database}/model/{sales.MODEL}/{(held.first or {})['id']}",
        )

    # -- many at once

    def _batch(self, documents: Sequence[Document]) -> dict[str, Written | TargetError]:
        """Make together what is new and plain; gives the outcomes of those. What cannot be made together is left to be done singly."""
        plain = [each for each in documents if each.state != ORDER_CANCELLED and not each.refunds]
        if len(plain) < 3:
            return {}
        try:
            return self._made_together(plain)
        except (Rejected, Broken):
            return {}

    def _made_together(self, documents: Sequence[Document]) -> dict[str, Written | TargetError]:
        facts, products = self._facts(documents)
        held = sales.held_sales(self.door, facts, [each.order_id for each in documents])
        outcomes: dict[str, Written | TargetError] = {}
        forms_of: dict[str, tuple[Document, forms.Sale]] = {}
        for document in documents:
            if held[document.order_id].rows or document.order_id in forms_of:
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
            own = sales.Held(document.order_id, {row["web_id"]: row})
            outcomes[document.order_id] = self._written(document, own, CREATED, sale.rounding)
        return outcomes

    def _people(self, documents: Sequence[Document], facts: Facts) -> dict[str, Addressed]:
        """The parties of several orders, those that are missing made together."""
        codes = {each.order_id: forms.party_code(each.party, self.options) for each in documents}
        known = people.known_parties(self.door, sorted(set(codes.values())))
        missing: dict[str, dict[str, Any]] = {}
        if not self.options.match_email:
            for document in documents:
                code = codes[document.order_id]
                if code not in known and not people.is_shared(document, facts, self.options):
                    missing.setdefault(code, people.new_party(document, facts, self.options))
        if len(missing) > 1:
            try:
                self.door.create_many("party.party", list(missing.values()))
                known |= people.known_parties(self.door, sorted(missing))
            except Rejected:
                pass  # one by one below
        found = {}
        for document in documents:
            row = known.get(codes[document.order_id])
            if row is None or people.is_shared(document, facts, self.options):
                found[document.order_id] = people.party_of(self.door, document, facts, self.options)
            else:
                found[document.order_id] = people.addressed(self.door, row, document, facts)
        return found

    # -- looking

    def forecast(self, documents: Sequence[Document]) -> Sequence[Forecast]:
        """See the interface; reads only."""
        facts, products = self._facts(documents)
        return reading.forecasts(self.door, documents, facts, self.options, products)

    def booked(self, since: date, until: date) -> Iterator[Booked]:
        """See the interface."""
        facts = facts_of(self.door, self._place, self.options.web_shop)
        yield from reading.booked(self.door, facts, since, until)

    def booked_orders(self, order_ids: Sequence[str]) -> Mapping[str, Booked]:
        """See the interface."""
        facts = facts_of(self.door, self._place, self.options.web_shop)
        return reading.booked_orders(self.door, facts, order_ids)


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
