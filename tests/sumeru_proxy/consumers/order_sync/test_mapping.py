"""The pure mapping, by table: one way in which orders differ a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync.amounts import percent_of, spread
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.mapping import NOTES, map_order
from sumeru_proxy.consumers.order_sync.places import country_of
from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tax(amount: str, rate: str = "0.2") -> shapes.TaxLine:
    return shapes.TaxLine(D(amount), D(rate))


def line(price: str, quantity: int = 1, *, id: str = "li_1", **more: Any) -> shapes.LineItem:
    return shapes.LineItem(id, "Mug", quantity, D(price), sku="MUG", **more)


def order(total: str, *lines: shapes.LineItem, currency: str = "EUR", **more: Any) -> shapes.Order:
    return shapes.Order("ord_1", "#1", currency, D(total), lines, AT, **more)


def amounts(document: Document) -> list[tuple[int, int, int]]:
    return [(each.net, each.tax, each.discount) for each in document.lines]


INSIDE = order("12.00", line("12.00", tax=D("2.00"), tax_lines=(tax("2.00"),)), taxes_included=True)

CASES = {
    "tax inside": (INSIDE, [(1000, 200, 0)], 0, ()),
    "tax outside": (
        order("12.00", line("10.00", tax=D("2.00"), tax_lines=(tax("2.00"),)), taxes_included=False),
        [(1000, 200, 0)], 0, (),
    ),
    "price form not told, tax inside": (
        order("12.00", line("12.00", tax_lines=(tax("2.00"),))), [(1000, 200, 0)], 0, ("price_form_assumed",),
    ),
    "price form not told, tax outside": (
        order("12.00", line("10.00", tax_lines=(tax("2.00"),))), [(1000, 200, 0)], 0, ("price_form_assumed",),
    ),
    "no decimals": (
        order("1190", line("1190", tax_lines=(tax("190", "0.19"),)), currency="JPY", taxes_included=True),
        [(1000, 190, 0)], 0, (),
    ),
    "three decimals": (
        order("4.408", line("2.204", 2), currency="KWD", taxes_included=True), [(4408, 0, 0)], 0, (),
    ),
    "two rates": (
        order(
            "22.70",
            line("12.00", tax_lines=(tax("2.00"),)),
            line("10.70", id="li_2", tax_lines=(tax("0.70", "0.07"),)),
            taxes_included=True,
        ),
        [(1000, 200, 0), (1000, 70, 0)], 0, (),
    ),
    "discount within the lines": (
        order("10.80", line("12.00", discount=D("1.20"), tax_lines=(tax("1.80"),)), taxes_included=True,
              total_discounts=D("1.20"), discounts=(shapes.OrderDiscount(D("1.20"), "TEN"),)),
        [(900, 180, 120)], 0, (),
    ),
    "discount of the order only": (
        order("18.00", line("12.00", tax=D("1.80")), line("8.00", id="li_2", tax=D("1.20")), taxes_included=True,
              total_discounts=D("2.00")),
        [(900, 180, 120), (600, 120, 80)], 0, ("discount_spread", "rate_derived"),
    ),
    "shipping with tax lines": (
        order("16.80", line("12.00", tax_lines=(tax("2.00"),)), taxes_included=True,
              shipping_lines=(shapes.ShippingLine(D("4.80"), "sh_1", "Post", tax_lines=(tax("0.80"),)),)),
        [(1000, 200, 0), (400, 80, 0)], 0, (),
    ),
    "shipping price only": (
        order("16.80", line("12.00", tax_lines=(tax("2.00"),)), taxes_included=True, shipping_price=D("4.80"),
              total_tax=D("2.80")),
        [(1000, 200, 0), (400, 80, 0)], 0, ("shipping_tax_derived", "rate_derived"),
    ),
    "tax of the order only": (
        order("24.00", line("12.00"), line("12.00", id="li_2"), taxes_included=True, total_tax=D("4.00")),
        [(1000, 200, 0), (1000, 200, 0)], 0, ("tax_spread", "rate_derived"),
    ),
    "no tax told at all": (order("12.00", line("12.00")), [(1200, 0, 0)], 0, ()),
    "the shop's own arithmetic leaves a cent": (
        replace(INSIDE, total_price=D("12.01")), [(1000, 200, 0)], 1, (),
    ),
    "a price finer than the currency": (order("1.00", line("0.333", 3)), [(100, 0, 0)], 0, ()),
    "a gift card is sold without tax": (
        order("62.00", line("12.00", tax_lines=(tax("2.00"),)), line("50.00", id="li_2", gift_card=True),
              taxes_included=True, total_tax=D("2.00")),
        [(1000, 200, 0), (5000, 0, 0)], 0, (),
    ),
    "an order that costs nothing": (
        order("0.00", line("12.00", discount=D("12.00"), tax=D("0.00")), taxes_included=True), [(0, 0, 1200)], 0, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_amounts(name: str) -> None:
    given, expected, rounding, notes = CASES[name]
    document = map_order(given, "acme")
    assert amounts(document) == expected
    assert document.totals.rounding == rounding
    assert document.notes == notes
    totals = document.totals
    assert totals.net + totals.tax + totals.rounding == totals.total
    assert all(sum(each.amount for each in one.taxes) == one.tax for one in document.lines if one.taxes)
    assert set(notes) <= set(NOTES)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (order("12.001", line("12.001")), "amount_precision"),
        (order("11.9", line("11.9"), currency="JPY"), "amount_precision"),
        (order("12.00", line("12.00", tax=D("2.001"))), "amount_precision"),
        (order("0.00"), "no_lines"),
        (order("0.00", line("12.00", discount=D("12.01"))), "discount_too_large"),
    ],
)
def test_what_cannot_be_a_document_says_why(given: shapes.Order, reason: str) -> None:
    with pytest.raises(NotMappable) as caught:
        map_order(given, "acme")
    assert caught.value.reason == reason


def test_rates_that_are_told_are_kept_and_others_derived() -> None:
    told = map_order(INSIDE, "acme").lines[0].taxes
    assert [(each.percent, each.amount) for each in told] == [(D(20), 200)]
    derived = map_order(order("119.00", line("119.00", tax=D("19.00")), taxes_included=True), "acme").lines[0].taxes
    assert [(each.percent, each.amount) for each in derived] == [(D(19), 1900)]


@pytest.mark.parametrize(
    ("net", "tax_amount", "percent"),
    [(83, 17, "20"), (1000, 190, "19"), (1000, 70, "7"), (1000, 55, "5.5"), (1000, 0, "0"), (0, 0, "0"), (-83, -17, "20"),
     (10_000, 825, "8.25"), (1_000_000, 88_750, "8.875")],
)  # fmt: skip
def test_percent_of(net: int, tax_amount: int, percent: str) -> None:
    assert percent_of(net, tax_amount) == D(percent)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [(100, [1, 1, 1], [34, 33, 33]), (-100, [1, 1, 1], [-34, -33, -33]), (5, [0, 0], [5, 0]), (1, [1, 3], [0, 1]),
     (7, [0, 2, 5], [0, 2, 5]), (0, [], [])],
)  # fmt: skip
def test_spread(total: int, weights: list[int], shares: list[int]) -> None:
    assert spread(total, weights) == shares


def refunded(*refunds: shapes.Refund) -> Document:
    given = order(
        "28.80", line("12.00", 2, tax_lines=(tax("4.00"),)), taxes_included=True, refunds=refunds,
        shipping_lines=(shapes.ShippingLine(D("4.80"), "sh_1", "Post", tax_lines=(tax("0.80"),)),),
    )  # fmt: skip
    return map_order(given, "acme")


def test_a_refund_keeps_its_lines_shipping_and_what_is_neither() -> None:
    document = refunded(
        shapes.Refund(
            "ref_1", D("19.80"), AT, D("2.80"), (shapes.RefundLine("li_1", 1, D("12.00"), D("2.00")),),
            shapes.RefundShipping(D("4.80"), D("0.80")), "broken",
        )
    )  # fmt: skip
    (refund,) = document.refunds
    assert [(each.line_id, each.quantity, each.net, each.tax) for each in refund.lines] == [
        ("li_1", 1, 1000, 200), ("shipping:sh_1", 0, 400, 80),
    ]  # fmt: skip
    assert (refund.amount, refund.tax, refund.loose, refund.loose_tax, refund.note) == (1980, 280, 300, 0, "broken")
    assert document.totals.refunded == 1980
    assert document.totals.total == 2880


def test_a_refund_s_tax_follows_its_line_when_it_is_not_told() -> None:
    document = refunded(shapes.Refund("ref_1", D("6.00"), lines=(shapes.RefundLine("li_1", 0, D("6.00")),)))
    (part,) = document.refunds[0].lines
    assert (part.net, part.tax) == (500, 100)
    assert [(each.percent, each.amount) for each in part.taxes] == [(D(20), 100)]
    assert document.notes == ("refund_tax_derived",)


@pytest.mark.parametrize(
    ("customer", "email", "key", "guest"),
    [
        (shapes.Buyer("cus_1", "a@x.example"), "", "cus_1", False),
        (shapes.Buyer("", "A@x.example "), "", "guest-", True),
        (None, "a@x.example", "guest-", True),
        (None, "", "guest-", True),
    ],
)
def test_who_bought(customer: shapes.Buyer | None, email: str, key: str, guest: bool) -> None:
    party = map_order(replace(INSIDE, customer=customer, email=email), "acme").party
    assert party.key.startswith(key)
    assert party.guest is guest
    assert party.name


def test_a_guest_is_the_same_person_by_e_mail_whatever_its_case() -> None:
    keys = {
        map_order(replace(INSIDE, email=each, id=each), "acme").party.key for each in ("a@x.example", " A@X.example")
    }
    assert len(keys) == 1
    nobody = {map_order(replace(INSIDE, id=each), "acme").party.key for each in ("ord_1", "ord_2")}
    assert len(nobody) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [("DE", "DE"), ("de", "DE"), ("Germany", "DE"), ("Deutschland", "DE"), ("UK", "GB"), ("USA", "US"), ("日本", "JP"),
     ("Atlantis", ""), ("", ""), ("ZZ", ""), ("EU", "")],
)  # fmt: skip
def test_countries(text: str, code: str) -> None:
    assert country_of(text) == code


def test_touches_are_in_order_and_name_channel_and_campaign() -> None:
    def point(id: str, channel: str, days: int, weight: str | None) -> shapes.Touchpoint:
        return shapes.Touchpoint(
            id, channel, campaign_id=f"cam_{id}", occurred_at=AT - timedelta(days=days),
            weight=None if weight is None else D(weight),
        )  # fmt: skip

    points = (point("a", "email", 1, "0.3"), point("b", "search", 9, "0.4"), point("c", "direct", 5, "0.3"))
    attribution = shapes.Attribution("ord_1", "position", D("12"), "EUR", points)
    document = map_order(replace(INSIDE, attributions=(attribution,)), "acme")
    assert [each.channel for each in document.touches] == ["search", "direct", "email"]
    assert (document.channel, document.campaign) == ("search", "cam_b")
    without = tuple(replace(each, weight=None) for each in points)
    document = map_order(replace(INSIDE, attributions=(replace(attribution, touchpoints=without),)), "acme")
    assert document.channel == "email"
    assert map_order(INSIDE, "acme").channel == ""


def test_cancelled_orders_say_so() -> None:
    document = map_order(replace(INSIDE, cancelled_at=AT), "acme")
    assert (document.state, document.totals.total) == ("cancelled", 1200)
