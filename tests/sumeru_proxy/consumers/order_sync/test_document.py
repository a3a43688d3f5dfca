from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal

from sumeru_proxy.consumers.order_sync.document import (
    Discount,
    Document,
    Line,
    Party,
    Payment,
    PostalAddress,
    Refund,
    RefundLine,
    Tax,
    Totals,
    Touch,
    as_data,
    canonical,
    changes,
    decimal_of,
    digits_of,
    from_data,
)

AT = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
DOCUMENT = Document(
    shop="acme",
    order_id="ord_1",
    number="#1001",
    created_at=AT,
    currency="EUR",
    digits=2,
    taxes_included=True,
    state="open",
    party=Party("cus_1", "cus_1", "jo@example.com", "Jo", "Ōe"),
    lines=(
        Line("li_1", "product", "Mug", 2, Decimal("11.90"), 2000, 380, taxes=(Tax(Decimal(19), 380),), sku="MUG"),
        Line("shipping", "shipping", "Shipping", 1, Decimal("4.90"), 412, 78, taxes=(Tax(Decimal("19"), 78),)),
    ),
    totals=Totals(2870, 2412, 458),
    billing=PostalAddress(city="Köln", country="DE"),
    discounts=(Discount("SPRING", 0),),
    refunds=(Refund("ref_1", AT, 1190, 190, (RefundLine("li_1", 1, 1000, 190, (Tax(Decimal(19), 190),)),)),),
    payments=(Payment("gift_card", 870), Payment("card", 2000, "bank")),
    touches=(Touch("email", campaign_id="cam_1", occurred_at=AT, weight=Decimal("0.50")),),
    updated_at=AT,
    notes=("no taxes told",),
)


def test_a_document_comes_back_from_its_data_as_it_was() -> None:
    text = canonical(as_data(DOCUMENT))
    assert from_data(json.loads(text)) == DOCUMENT
    assert from_data(json.loads(text)).fingerprint == DOCUMENT.fingerprint


def test_the_fingerprint_knows_what_is_sent_and_nothing_else() -> None:
    same = dataclasses.replace(DOCUMENT, updated_at=None, notes=())
    assert same.fingerprint == DOCUMENT.fingerprint
    line = DOCUMENT.lines[0]
    # 11.9 and 11.90 are one price.
    longer = dataclasses.replace(line, unit_price=Decimal("11.9000"))
    assert dataclasses.replace(DOCUMENT, lines=(longer, DOCUMENT.lines[1])).fingerprint == DOCUMENT.fingerprint
    other = [
        dataclasses.replace(DOCUMENT, lines=(dataclasses.replace(line, quantity=3), DOCUMENT.lines[1])),
        dataclasses.replace(DOCUMENT, channel="email"),
        dataclasses.replace(DOCUMENT, refunds=()),
        dataclasses.replace(DOCUMENT, state="cancelled"),
        dataclasses.replace(DOCUMENT, billing=PostalAddress(city="Bonn", country="DE")),
    ]
    assert len({DOCUMENT.fingerprint, *(each.fingerprint for each in other)}) == 6


def test_changes_name_fields_by_path_and_leave_out_what_is_not_sent() -> None:
    line = dataclasses.replace(DOCUMENT.lines[0], quantity=3)
    after = dataclasses.replace(DOCUMENT, lines=(line, DOCUMENT.lines[1]), refunds=(), notes=(), updated_at=None)
    found = {each.path: (each.before, each.after) for each in changes(as_data(DOCUMENT), as_data(after))}
    assert found["lines[li_1].quantity"] == ("2", "3")
    assert found["refunds[ref_1].lines[li_1].net"] == ("1000", None)
    assert not {path for path in found if path.startswith(("notes", "updated_at", "lines[shipping]"))}
    assert len(changes(None, as_data(after))) > 20


def test_what_refunds_leave_open_is_loose() -> None:
    refund = Refund("ref_2", None, 1500, 240, (RefundLine("li_1", 1, 1000, 190),))
    assert (refund.loose, refund.loose_tax) == (310, 50)


def test_digits_are_the_currency_s_own() -> None:
    assert [digits_of(code) for code in ("EUR", "JPY", "KWD", "CLF", "XYZ")] == [2, 0, 3, 4, 2]
    assert [str(decimal_of(1190, digits)) for digits in (0, 2, 3)] == ["1190", "11.90", "1.190"]


def test_people_never_show_in_a_representation() -> None:
    text = repr(DOCUMENT)
    assert "jo@example.com" not in text
    assert "Ōe" not in text
    assert "Köln" not in text
