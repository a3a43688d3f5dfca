"""What an order did, by table and over made-up orders: nothing is lost between the sale and what is left."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sumeru_proxy.consumers.order_sync.books import journal, tables
from sumeru_proxy.consumers.order_sync.books.bookings import Accounts, accounts_of, bookings_of
from sumeru_proxy.consumers.order_sync.books.movements import movements_of
from sumeru_proxy.consumers.order_sync.document import (
    CANCELLED,
    OPEN,
    Document,
    Line,
    Party,
    Payment,
    Refund,
    RefundLine,
    Tax,
    Totals,
)
from tests.sumeru_proxy.consumers.order_sync.books import official
from tests.sumeru_proxy.consumers.order_sync.generated import documents

AT = datetime(2026, 3, 1, 23, tzinfo=UTC)
LATER = datetime(2026, 3, 9, 1, tzinfo=UTC)
VAT = Decimal(19)
MUG = Line("li_1", "product", "Mug", 2, Decimal("13.09"), 2000, 380, discount=238, taxes=(Tax(VAT, 380),), sku="MUG")
DELIVERY = Line("shipping:1", "shipping", "Standard", 1, Decimal("4.90"), 412, 78, taxes=(Tax(VAT, 78),))
CARD = Line("li_2", "product", "Gift card", 1, Decimal(50), 5000, 0, gift_card=True)


def document(**changes: object) -> Document:
    made = Document(
        shop="acme", order_id="ord_1", number="#1001", created_at=AT, currency="EUR", digits=2, taxes_included=True, state=OPEN,
        party=Party("cus_1", "cus_1", "jo@example.com", "Jo", "Ray"), lines=(MUG, DELIVERY),
        totals=Totals(2871, 2412, 458, rounding=1), payments=(Payment("card", 2001, "bank"), Payment("gift_card", 870)),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


ONE_BACK = Refund("ref_1", LATER, 1190, 190, (RefundLine("li_1", 1, 1000, 190, (Tax(VAT, 190),)),))
SORRY = Refund("ref_2", LATER, 300, 0)


def postings(made: Document, accounts: Accounts) -> dict[str, dict[str, int]]:
    return {
        f"{booking.kind}{booking.refund_id} {booking.day}": {each.account: each.amount for each in booking.postings}
        for booking in bookings_of(made, accounts)
    }


def test_a_sale_with_discount_delivery_rounding_and_two_payments() -> None:
    accounts = accounts_of(
        {"tax_rates": {"19.0": "Liabilities:VAT:19"}, "payments": {"bank": "Assets:Bank"}, "rounding": "Expenses:Cents"}
    )
    assert postings(document(), accounts) == {
        "sale 2026-03-01": {
            "Income:Sales": -2200, "Income:Discounts": 200, "Income:Shipping": -412, "Liabilities:VAT:19": -458,
            "Expenses:Cents": -1, "Assets:Receivable:Orders": 2871,
        },
        "payment 2026-03-01": {"Assets:Bank": 2001, "Liabilities:Gift-Cards": 870, "Assets:Receivable:Orders": -2871},
    }  # fmt: skip


def test_refunds_come_from_what_was_paid_and_a_cancellation_takes_what_is_left() -> None:
    made = document(refunds=(ONE_BACK, SORRY), state=CANCELLED, cancelled_at=LATER)
    found = postings(made, Accounts())
    assert found["refundref_1 2026-03-09"] == {"Income:Refunds": 1000, "Liabilities:Tax": 190, "Assets:Payments": -1190}
    assert found["refundref_2 2026-03-09"] == {"Income:Refunds": 300, "Assets:Payments": -300}
    assert found["cancellation 2026-03-09"] == {
        "Income:Refunds": 1000 + 412 - 300, "Liabilities:Tax": 268, "Expenses:Rounding": 1, "Assets:Receivable:Orders": -1381,
    }  # fmt: skip
    assert made.totals.total == 1190 + 300 + 1381


def test_the_last_refund_reaches_the_gift_card() -> None:
    everything = Refund(
        "ref_3", LATER, 2870, 458, (RefundLine("li_1", 2, 2000, 380), RefundLine("shipping:1", 1, 412, 78))
    )
    found = postings(document(refunds=(everything,)), Accounts())
    assert found["refundref_3 2026-03-09"] == {
        "Income:Refunds": 2412, "Liabilities:Tax": 458, "Assets:Payments": -2001, "Liabilities:Gift-Cards": -869,
    }  # fmt: skip


def test_a_gift_card_that_is_sold_is_owed_and_no_income() -> None:
    made = document(lines=(CARD,), totals=Totals(5000, 5000, 0), payments=(), financial_status="pending")
    assert postings(made, Accounts()) == {
        "sale 2026-03-01": {"Liabilities:Gift-Cards": -5000, "Assets:Receivable:Orders": 5000}
    }


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ([], "accounts"),
        ({"salez": "Income:Sales"}, "salez"),
        ({"sales": "Umsatz"}, "accounts.sales"),
        ({"sales": "Income:Sales\n2026-01-01 open"}, "accounts.sales"),
        ({"tax_rates": {"abc": "Liabilities:Tax"}}, "accounts.tax_rates"),
        ({"tax_rates": {"101": "Liabilities:Tax"}}, "accounts.tax_rates"),
        ({"payments": ["Assets:Bank"]}, "accounts.payments"),
    ],
)
def test_options_that_are_no_accounts(raw: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        accounts_of(raw)


@pytest.fixture(scope="module")
def thousand() -> list[Document]:
    return list(documents(1_000))


def test_every_booking_is_zero_and_every_order_ends_where_it_should(thousand: list[Document]) -> None:
    kinds: Counter[str] = Counter()
    for made in thousand:
        accounts, open_amount = Accounts(), 0
        for booking in bookings_of(made, accounts):
            kinds[booking.kind] += 1
            assert sum(posting.amount for posting in booking.postings) == 0, made.order_id
            open_amount += sum(each.amount for each in booking.postings if each.account == accounts.receivable)
        sale, *others = movements_of(made)
        assert sale.total == made.totals.total
        back = sum(each.total for each in others if each.kind == "refund")
        assert back == made.totals.refunded
        cancelled = made.totals.total - back if made.state == CANCELLED else 0
        assert sum(each.total for each in others if each.kind == "cancellation") == cancelled, made.order_id
        paid = sum(payment.amount for payment in made.payments)
        assert open_amount == made.totals.total - paid - cancelled
    assert all(kinds[kind] > 10 for kind in ("sale", "payment", "refund"))


@pytest.mark.thorough
def test_the_journal_passes_beancounts_own_check_and_one_cent_off_does_not(
    tmp_path: Path, thousand: list[Document]
) -> None:
    file = tmp_path / "journal.beancount"
    text = journal.open_directives(Accounts()) + "".join(
        journal.transactions(made, Accounts(), "x") for made in thousand
    )
    file.write_text(text)
    assert official.journal_errors(file) == []
    assert official.journal_transactions(file) == sum(len(bookings_of(made, Accounts())) for made in thousand)
    euro = next(line for line in text.splitlines() if line.endswith(" EUR"))
    amount = Decimal(euro.split()[1])
    file.write_text(text.replace(euro, euro.replace(str(amount), str(amount + Decimal("0.01"))), 1))
    assert len(official.journal_errors(file)) == 1


def test_texts_of_strangers_stay_texts(tmp_path: Path) -> None:
    file = tmp_path / "journal.beancount"
    evil = 'x"\n2026-01-01 open Assets:Evil\n; \\'
    made = document(number=evil, order_id='ord"\\_1', party=Party(evil))
    file.write_text(journal.open_directives(Accounts()) + journal.transactions(made, Accounts(), made.party.name))
    assert official.journal_errors(file) == []
    assert official.journal_transactions(file) == 2
    assert official.balances(file, "Assets:Evil") == {}
    titled = document(lines=(replace(MUG, title='=HYPERLINK("http://evil.example")', sku="+1"), DELIVERY))
    row = next(csv.DictReader(io.StringIO(tables.header() + tables.rows(titled))))
    assert row["title"] == '\'=HYPERLINK("http://evil.example")'
    assert row["sku"] == "'+1"


def test_columns_of_the_table_add_up_to_the_documents(thousand: list[Document]) -> None:
    for made in thousand:
        rows = list(csv.DictReader(io.StringIO(tables.header() + tables.rows(made))))
        left = sum(Decimal(row["gross"]) for row in rows)
        expected = 0 if made.state == CANCELLED else made.totals.total - made.totals.refunded
        assert left == made.amount(expected), made.order_id
        for row in rows:
            assert Decimal(row["net"]) + Decimal(row["tax"]) == Decimal(row["gross"])
            assert date.fromisoformat(row["date"]) >= made.day


def test_json_lines_leave_people_out_unless_asked(thousand: list[Document]) -> None:
    guest = next(made for made in thousand if made.party.email and made.billing and made.billing.street)
    assert guest.billing
    bare = json.loads(tables.document_line(guest, people=False))
    whole = json.loads(tables.document_line(guest, people=True))
    assert (bare["party"]["email"], bare["billing"]["street"], bare["billing"]["city"]) == ("", "", guest.billing.city)
    assert (whole["party"]["email"], whole["billing"]["street"]) == (guest.party.email, guest.billing.street)
    assert bare["fingerprint"] == whole["fingerprint"] == guest.fingerprint
