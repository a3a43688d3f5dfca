"""E-invoices against the official schema and rules, offline; what the norm cannot express parks with a reason."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from sumeru_proxy.consumers.order_sync.books.invoices import Seller, invoices_of, seller_of
from sumeru_proxy.consumers.order_sync.books.ubl import xml_of
from sumeru_proxy.consumers.order_sync.document import CANCELLED, Line, PostalAddress, Tax, Totals
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable
from tests.sumeru_proxy.consumers.order_sync.books import official
from tests.sumeru_proxy.consumers.order_sync.books.test_movements import (
    CARD,
    DELIVERY,
    LATER,
    MUG,
    ONE_BACK,
    SORRY,
    document,
)
from tests.sumeru_proxy.consumers.order_sync.generated import documents

SELLER = {
    "name": "Acme & Söhne GmbH",
    "vat_id": "DE123456789",
    "country": "DE",
    "city": "Köln",
    "unknown_country": "DE",
}
ADDRESS = PostalAddress(name="Jo Ray", street="Am Markt 1", city="Linz", postal_code="4020", country="AT")


def seller(**changes: str) -> Seller:
    return seller_of({**SELLER, **changes})


def test_made_up_orders_pass_the_official_rules() -> None:
    kinds: Counter[str] = Counter()
    for made in documents(60, 2026):
        try:
            found = invoices_of(made, seller())
        except NotMappable as error:
            kinds[error.reason] += 1
            continue
        for invoice in found:
            kinds[invoice.type_code] += 1
            assert official.invoice_errors(xml_of(invoice)) == [], (made.order_id, invoice.number)
    assert kinds["380"] > 30
    assert kinds["381"] > 3
    assert set(kinds) <= {"380", "381", "invoice_several_taxes", "invoice_currency", "invoice_tax_differs"}


WHOLE = document(billing=ADDRESS, refunds=(ONE_BACK, SORRY), state=CANCELLED, cancelled_at=LATER)


def test_an_order_with_two_refunds_and_a_cancellation() -> None:
    found = invoices_of(WHOLE, seller(prefix="2026-"))
    assert [(each.type_code, each.number, str(each.day), each.payable) for each in found] == [
        ("380", "2026-#1001", "2026-03-01", 0),
        ("381", "2026-#1001-R1", "2026-03-09", 0),
        ("381", "2026-#1001-R2", "2026-03-09", 0),
        ("381", "2026-#1001-C", "2026-03-09", 1381),
    ]
    for invoice in found:
        assert official.invoice_errors(xml_of(invoice)) == [], invoice.number
    assert xml_of(found[0]) == xml_of(invoices_of(WHOLE, seller(prefix="2026-"))[0])
    text = xml_of(found[1]).decode()
    assert "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>" in text
    assert re.search(r"<cac:InvoiceDocumentReference>\s*<cbc:ID>2026-#1001</cbc:ID>", text)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("LineExtensionAmount", "BR-CO-10"),
        ("TaxExclusiveAmount", "BR-CO-13"),
        ("TaxInclusiveAmount", "BR-CO-15"),
        ("PayableAmount", "BR-CO-16"),
        ("TaxAmount", "BR-CO-14"),
    ],
)
def test_one_cent_off_is_caught(name: str, rule: str) -> None:
    text = xml_of(invoices_of(WHOLE, seller())[0]).decode()
    start = text.index("<cac:TaxTotal>") if name == "TaxAmount" else text.index("<cac:LegalMonetaryTotal>")
    found = re.compile(rf'<cbc:{name} currencyID="EUR">([0-9.]+)<').search(text, start)
    assert found
    off = f"{Decimal(found[1]) + Decimal('0.01')}"
    errors = official.invoice_errors((text[: found.start(1)] + off + text[found.end(1) :]).encode())
    assert any(rule in error for error in errors), errors


ZERO = Line("li_3", "product", "Book", 1, Decimal(10), 1000, 0, taxes=(Tax(Decimal(0), 0),))
CASES = {
    "free of charge": (replace(WHOLE, lines=(replace(MUG, net=0, tax=0, discount=2618, taxes=(Tax(Decimal(19), 0),)),),
                       totals=Totals(0, 0, 0), payments=(), refunds=(), state="open"), {}),
    "a gift card beside goods": (document(billing=ADDRESS, lines=(MUG, CARD), totals=Totals(7380, 7000, 380), payments=()), {}),
    "zero rated": (document(billing=ADDRESS, lines=(MUG, ZERO), totals=Totals(3380, 3000, 380)), {}),
    "exempt": (document(billing=ADDRESS, lines=(MUG, ZERO), totals=Totals(3380, 3000, 380)), {"zero_category": "E", "zero_reason": "§ 4"}),
    "three pieces that do not divide": (
        document(billing=ADDRESS, lines=(replace(MUG, quantity=3, net=1000, tax=190, discount=0, taxes=(Tax(Decimal(19), 190),)),),
                 totals=Totals(1190, 1000, 190), payments=()), {}),
    "paid back more than the lines": (document(billing=ADDRESS, refunds=(replace(ONE_BACK, amount=1500),)), {}),
    "paid back less than the lines": (document(billing=ADDRESS, refunds=(replace(ONE_BACK, amount=1000),)), {}),
    "any script, and what XML cannot hold": (
        document(billing=replace(ADDRESS, name="李\x00\ud800娜 <&>"), lines=(replace(MUG, title="\x0b"), DELIVERY)), {}),
    "a buyer in Kosovo": (document(billing=replace(ADDRESS, country="XK")), {}),
    "no address": (document(), {}),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", CASES)
def test_odd_orders_pass_too(name: str) -> None:
    made, changes = CASES[name]
    for invoice in invoices_of(made, seller(**changes)):
        assert official.invoice_errors(xml_of(invoice)) == []


PARKED = {
    "invoice_currency": document(billing=ADDRESS, currency="KWD", digits=3),
    "invoice_several_taxes": document(
        lines=(replace(MUG, taxes=(Tax(Decimal(5), 100), Tax(Decimal(9), 280))),), billing=ADDRESS
    ),
    "invoice_rate_unknown": document(lines=(replace(MUG, taxes=()),), billing=ADDRESS),
    "invoice_tax_differs": document(lines=(replace(MUG, tax=600, taxes=(Tax(Decimal(19), 600),)),), billing=ADDRESS),
    "invoice_country": document(billing=replace(ADDRESS, country="")),
}


@pytest.mark.parametrize("reason", PARKED)
def test_what_the_norm_cannot_express_parks(reason: str) -> None:
    with pytest.raises(NotMappable) as caught:
        invoices_of(PARKED[reason], seller(unknown_country=""))
    assert caught.value.reason == reason
    assert caught.value.text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": ""}, "seller.name"),
        ({"vat_id": "123"}, "seller.vat_id"),
        ({"country": "Germany"}, "seller.country"),
        ({"unknown_country": "de"}, "seller.unknown_country"),
        ({"zero_category": "E"}, "seller.zero_category"),
        ({"zero_category": "O"}, "seller.zero_category"),
        ({"name": "a\nb"}, "seller.name"),
        ({"shop": "x"}, "shop"),
    ],
)
def test_options_that_name_no_seller(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        seller(**changes)
