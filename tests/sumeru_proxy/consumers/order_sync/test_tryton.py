"""The target Tryton against a real Tryton 8.2."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.targets.interface import (
    CANCELLED,
    CREATED,
    REFUNDED,
    UNCHANGED,
    UPDATED,
    BookedOrder,
    Entry,
    Receipt,
    Target,
    TargetDown,
)
from sumeru_proxy.consumers.order_sync.targets.tryton import KIND
from sumeru_proxy.consumers.order_sync.tryton.facts import forget
from tests.sumeru_proxy.consumers.order_sync.erp import (
    AT,
    MUG,
    PLAN,
    Ledger,
    documents,
    line,
    order,
    problem,
    tax,
    written,
)

pytestmark = pytest.mark.timeout(600)  # the first run installs Tryton

ONE = order("12.00", MUG)
RETURNED = shapes.Refund(
    "ref_1", D("12.00"), AT + timedelta(days=1), D("2.00"), (shapes.RefundLine("li_1", 1, D("12.00"), D("2.00")),)
)
TWO = order("24.00", line("12.00", 2, tax_lines=(tax("4.00"),)))


def booked(ledger: Ledger, **options: Any) -> list[BookedOrder]:
    return list(ledger.target(**options).orders_between(AT.date(), AT.date()))


def test_it_is_a_target(ledger: Ledger) -> None:
    assert isinstance(ledger.target(), Target)


def test_a_new_order_is_a_sale_with_its_party_lines_and_taxes(ledger: Ledger) -> None:
    target = ledger.target()
    outcome = written(target, ONE)
    assert (outcome.action, outcome.total, outcome.rounding, outcome.state) == (CREATED, 1200, 0, "draft")
    fields = (
        "sale_date",
        "reference",
        "party.name",
        "invoice_address.city",
        "invoice_address.country.code",
        "tax_amount",
    )
    (sale,) = ledger.sales(*fields, "currency.code", "lines.product.code", "lines.quantity", "lines.taxes.name")
    assert (str(sale["total_amount"]), str(sale["tax_amount"]), sale["sale_date"]) == (
        "12.00",
        "2.00",
        date(2026, 3, 1),
    )
    assert (sale["party"]["name"], sale["reference"], sale["currency"]["code"]) == ("Jo Doe", "#1", "EUR")
    assert (sale["invoice_address"]["city"], sale["invoice_address"]["country"]["code"]) == ("Köln", "DE")
    assert [(each["product"]["code"], each["quantity"], each["taxes"][0]["name"]) for each in sale["lines"]] == [
        ("MUG", 1.0, "20 %")
    ]


def phones(ledger: Ledger) -> list[list[str]]:
    rows = ledger.door.search(
        "party.party",
        [["code", "like", f"{ledger.name}-%"]],
        ["code", "contact_mechanisms.type", "contact_mechanisms.value"],
    )
    return [
        [each["value"] for each in row["contact_mechanisms"] if each["type"] in ("phone", "mobile")] for row in rows
    ]


def test_a_phone_number_is_the_party_s_unless_it_has_one(ledger: Ledger) -> None:
    target = ledger.target()
    with_phone = shapes.Address("Jo", "Doe", address1="Weg 1", city="Köln", country="DE", phone="+44 7700 900123")
    written(target, replace(ONE, billing_address=with_phone))
    assert phones(ledger) == [["+44 7700 900123"]]
    (party,) = ledger.door.search(
        "party.party", [["code", "like", f"{ledger.name}-%"]], ["contact_mechanisms.id", "contact_mechanisms.type"]
    )
    (phone,) = [each["id"] for each in party["contact_mechanisms"] if each["type"] == "phone"]
    ledger.door.update("party.contact_mechanism", phone, {"value": "+44 7700 900999"})  # a merchant mended it
    written(target, replace(ONE, id="ord_2", billing_address=with_phone))
    assert phones(ledger) == [["+44 7700 900999"]]


def test_a_party_without_a_phone_number_gets_the_one_of_a_later_order(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, ONE)
    assert phones(ledger) == [[]]
    later = [
        replace(
            ONE,
            id=f"ord_{n}",
            customer=shapes.Buyer(f"cus_{1 if n == 2 else n}", "jo@mail.example", "Jo", "Doe"),
            billing_address=shapes.Address("Jo", "Doe", address1="Weg 1", city="Köln", phone=f"+44 7700 90000{n}"),
        )
        for n in (2, 3, 4)
    ]
    outcomes = target.write([Entry(each) for each in documents(later)])  # made together
    assert {each.action for each in outcomes if isinstance(each, Receipt)} == {CREATED}
    assert sorted(phones(ledger)) == [["+44 7700 900002"], ["+44 7700 900003"], ["+44 7700 900004"]]


def test_a_new_order_costs_four_calls_and_the_same_again_only_one(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, replace(ONE, id="ord_0", customer=shapes.Buyer("cus_0")))
    before = target.door.calls
    written(target, ONE)
    assert target.door.calls - before == 4
    assert written(target, ONE).action == UNCHANGED
    assert target.door.calls - before == 5


@pytest.mark.parametrize(
    ("state", "reached"), [("draft", "draft"), ("quotation", "quotation"), ("confirmed", "processing")]
)
def test_sales_are_brought_as_far_as_the_option_says(ledger: Ledger, state: str, reached: str) -> None:
    target = ledger.target(state=state)
    written(target, ONE)
    assert ledger.states() == {"ord_1": (reached, "12.00")}
    assert written(target, ONE).action == UNCHANGED


@pytest.mark.parametrize("state", ["draft", "quotation", "confirmed"])
def test_an_edit_changes_the_sale_or_replaces_it_once_it_is_processed(ledger: Ledger, state: str) -> None:
    target = ledger.target(state=state)
    written(target, ONE)
    assert written(target, TWO).action == UPDATED
    assert written(target, TWO).action == UNCHANGED
    if state == "confirmed":
        assert ledger.states() == {
            "ord_1": ("processing", "12.00"),
            "ord_1/reversal/1": ("processing", "-12.00"),
            "ord_1/version/2": ("processing", "24.00"),
        }
    else:
        assert ledger.states() == {"ord_1": (state, "24.00")}
    (statement,) = booked(ledger)
    assert (statement.total, statement.refunded, statement.state) == (2400, 0, "open")


@pytest.mark.parametrize("state", ["draft", "quotation", "confirmed"])
def test_a_refund_is_a_return_sale_with_the_order_as_its_origin(ledger: Ledger, state: str) -> None:
    target = ledger.target(state=state)
    written(target, TWO)
    refunded = replace(TWO, refunds=(RETURNED,))
    assert written(target, refunded).action == REFUNDED
    assert written(target, refunded).action == UNCHANGED
    reached = "processing" if state == "confirmed" else state
    assert ledger.states() == {"ord_1": (reached, "24.00"), "ord_1/refund/ref_1": (reached, "-12.00")}
    (first, second) = ledger.sales("origin", "sale_date")
    assert second["origin"] == f"sale.sale,{first['id']}"
    assert second["sale_date"] == date(2026, 3, 2)
    (statement,) = booked(ledger)
    assert (statement.total, statement.refunded, statement.refund_ids) == (2400, 1200, ("ref_1",))


def test_money_without_goods_shipping_and_goodwill_are_given_back_as_lines_of_the_refund_product(
    ledger: Ledger,
) -> None:
    target = ledger.target(state="quotation")
    given = order(
        "16.80", MUG,
        shipping_lines=(shapes.ShippingLine(D("4.80"), "sh", "Post", tax_lines=(tax("0.80"),)),),
        refunds=(
            shapes.Refund(
                "ref_1", D("9.33"), AT, D("1.30"), (shapes.RefundLine("li_1", 0, D("3.00"), D("0.50")),),
                shapes.RefundShipping(D("4.80"), D("0.80")), "late",
            ),
        ),
    )  # fmt: skip
    outcome = written(target, given)
    assert (outcome.total, outcome.refunded) == (1680, 933)
    rows = ledger.door.search(
        "sale.line", [["sale.web_id", "=", "ord_1/refund/ref_1"], ["sale.web_shop", "=", ledger.shop]],
        ["quantity", "unit_price", "product.code", "taxes.name"],
    )  # fmt: skip
    assert [(row["quantity"], str(row["unit_price"].normalize()), len(row["taxes"])) for row in rows] == [
        (-1.0, "2.5", 1), (-1.0, "4", 1), (-1.0, "1.53", 0),
    ]  # fmt: skip
    assert {row["product"]["code"] for row in rows} == {"SUMERU-OTHER"}


@pytest.mark.parametrize("state", ["draft", "quotation", "confirmed"])
@pytest.mark.parametrize("refunds", [(), (RETURNED,)])
def test_a_cancelled_order_counts_nothing_in_the_end(
    ledger: Ledger, state: str, refunds: tuple[shapes.Refund, ...]
) -> None:
    target = ledger.target(state=state)
    written(target, replace(TWO, refunds=refunds))
    cancelled = replace(TWO, refunds=refunds, cancelled_at=AT + timedelta(days=2))
    assert written(target, cancelled).action == CANCELLED
    assert written(target, cancelled).action == UNCHANGED
    assert sum(row["total_amount"] for row in ledger.sales() if row["state"] != "cancelled") == 0
    (statement,) = booked(ledger)
    assert (statement.state, statement.total) == ("cancelled", 2400)
    # And back again.
    written(target, replace(TWO, refunds=refunds))
    (statement,) = booked(ledger)
    assert (statement.state, statement.total, statement.refunded) == ("open", 2400, 1200 * len(refunds))


def test_an_order_that_is_cancelled_when_it_is_first_seen_is_there_too(ledger: Ledger) -> None:
    assert written(ledger.target(state="confirmed"), replace(ONE, cancelled_at=AT)).action == CREATED
    assert ledger.states() == {"ord_1": ("cancelled", "12.00")}


def test_channel_and_campaign_are_written_at_any_time(ledger: Ledger) -> None:
    target = ledger.target(state="confirmed")
    written(target, ONE)
    touch = shapes.Touchpoint("t", "email", campaign_id="cam_7")
    attributed = replace(ONE, attributions=(shapes.Attribution("ord_1", "last", D("12"), "EUR", (touch,)),))
    assert written(target, attributed).action == UPDATED
    (sale,) = ledger.sales("comment")
    assert sale["comment"] == "Channel: email\nCampaign: cam_7\nTouches: email"
    assert written(target, attributed).action == UNCHANGED


def test_many_new_orders_are_made_together(ledger: Ledger) -> None:
    target = ledger.target()
    orders = [
        replace(ONE, id=f"ord_{n}", customer=shapes.Buyer(f"cus_{n % 7}", last_name=f"N{n % 7}")) for n in range(30)
    ]
    before = target.door.calls
    outcomes = target.write([Entry(each) for each in documents(orders)])
    assert [each.action for each in outcomes if isinstance(each, Receipt)] == [CREATED] * 30
    assert target.door.calls - before < 20
    assert len(ledger.sales()) == 30
    assert len(ledger.parties()) == 7
    again = target.write([Entry(each) for each in documents(orders)])
    assert {each.action for each in again if isinstance(each, Receipt)} == {UNCHANGED}
    assert len(ledger.sales()) == 30


def test_a_batch_that_fails_is_made_one_by_one(ledger: Ledger) -> None:
    """Tryton makes all of a batch or none: one line that it refuses must not stop the others."""
    target = ledger.target()
    bad = order("12.00", replace(MUG, sku="", title="bad\x00title"), id="ord_bad")
    orders = [replace(ONE, id="ord_a"), bad, replace(ONE, id="ord_b"), replace(ONE, id="ord_c")]
    outcomes = target.write([Entry(each) for each in documents(orders)])
    assert [getattr(each, "action", getattr(each, "reason", "")) for each in (outcomes[0], *outcomes[2:])] == [
        CREATED
    ] * 3
    assert {row["web_id"] for row in ledger.sales()} >= {"ord_a", "ord_b", "ord_c"}


@pytest.mark.parametrize(
    ("given", "total"),
    [
        (order("1190", line("1190", tax_lines=(tax("190", "0.19"),)), currency="JPY"), 1190),
        (order("4.408", line("2.204", 2), currency="KWD"), 4408),
        (order("9.99", line("9.99", tax_lines=(tax("1.67"),))), 999),
        (order("29.97", line("9.99", 3, tax_lines=(tax("5.00"),))), 2997),
        (order("21.98", line("9.99", tax_lines=(tax("1.60", "0.19"),)), line("11.99", id="b", tax_lines=(tax("0.78", "0.07"),))), 2198),
        (order("2399.76", line("2.3998", 1000, tax_lines=(tax("399.97"),)), discounts=(), total_discounts=D("0.04")), 239_976),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["draft", "quotation"])
def test_totals_agree_to_the_smallest_unit(ledger: Ledger, given: shapes.Order, total: int, state: str) -> None:
    outcome = written(ledger.target(state=state), given)
    assert outcome.total == total
    (statement,) = booked(ledger)
    assert statement.total == total
    (sale,) = ledger.sales()
    assert sale["total_amount"].scaleb({"JPY": 0, "KWD": 3}.get(given.currency, 2)) == total


def test_forecasts_say_what_then_happens(ledger: Ledger) -> None:
    target = ledger.target()
    orders = [
        ONE,
        order(
            "9.99",
            line("9.99", sku="GONE", tax_lines=(tax("1.67"),)),
            id="ord_2",
            customer=None,
            email="g@mail.example",
        ),
        order("10.60", line("10.60", tax_lines=(tax("0.60", "0.06"),)), id="ord_3"),
    ]
    forecasts = target.forecast(documents(orders))
    assert [(each.action, each.rounding, each.missing_skus, each.party) for each in forecasts[:2]] == [
        (CREATED, 0, (), "new"), (CREATED, 1, ("GONE",), "new"),
    ]  # fmt: skip
    assert forecasts[2].problem is not None
    assert forecasts[2].problem.reason == "tax_unknown"
    assert ledger.sales() == []
    assert ledger.parties() == []
    for given, forecast in zip(orders, forecasts, strict=True):
        outcome = target.write([Entry(map_order(given, "acme"))])[0]
        if isinstance(outcome, Receipt):
            assert (outcome.action, outcome.total, outcome.rounding) == (
                forecast.action,
                forecast.total,
                forecast.rounding,
            )
        else:
            assert forecast.problem is not None
            assert outcome.reason == forecast.problem.reason
    after = target.forecast(documents(orders[:2]))
    assert [(each.action, each.party) for each in after] == [(UNCHANGED, "known"), (UNCHANGED, "known")]


def test_check_names_what_is_missing(ledger: Ledger) -> None:
    found = {each.code: each.level for each in ledger.target(state="confirmed").check()}
    assert {"reached", "tax_rounding", "price_digits", "taxes", "currencies"} <= {
        code for code, level in found.items() if level == "ok"
    }
    missing = {
        each.code: each for each in ledger.target(state="confirmed", other_sku="NONE", taxes={"20": "gone"}).check()
    }
    assert missing["product_missing"].level == "error"
    assert missing["tax_unknown"].level == "error"


@pytest.mark.parametrize(
    ("options", "key", "reason"),
    [
        ({"web_shop": "nobody's"}, PLAN.key, "not_set_up"),
        ({}, "another key", "key_refused"),
        ({"database": "none"}, PLAN.key, ""),
    ],
)
def test_a_target_that_is_not_set_up_lets_everything_wait(
    ledger: Ledger, options: dict[str, str], key: str, reason: str
) -> None:
    from sumeru_proxy.consumers.order_sync.targets.interface import Place

    raw = {"url": ledger.server.url, "database": ledger.server.name, "web_shop": ledger.name, **options}
    forget()
    target = KIND.open(Place("acme", "tryton", KIND.options_of(raw), key))
    with pytest.raises(TargetDown) as caught:
        target.write([Entry(map_order(ONE, "acme"))])
    assert reason in caught.value.reason
    assert [each.level for each in target.check()] == ["error"]


def test_a_tryton_that_is_away_lets_everything_wait() -> None:
    raw = {"url": "http://127.0.0.1:9", "database": "erp", "web_shop": "x"}
    with pytest.raises(TargetDown):
        KIND.open(at_place("x", raw)).write([Entry(map_order(ONE, "acme"))])


def at_place(name: str, raw: dict[str, str]) -> Any:
    from sumeru_proxy.consumers.order_sync.targets.interface import Place

    return Place(name, name, KIND.options_of(raw), "key")


def test_what_a_person_changed_in_a_draft_is_put_right(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, ONE)
    (sale,) = ledger.sales("lines.id")
    ledger.door.update("sale.sale", sale["id"], {"lines": [["write", [sale["lines"][0]["id"]], {"quantity": 5}]]})
    assert booked(ledger)[0].total == 6000
    assert written(target, ONE).action == UPDATED
    assert booked(ledger)[0].total == 1200


def test_a_sale_that_was_deleted_there_is_made_again(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, ONE)
    (sale,) = ledger.sales()
    ledger.door._call("DELETE", f"sale.sale/{sale['id']}", (), ())
    assert target.orders_by_id(["ord_1"]) == {}
    assert written(target, ONE).action == CREATED


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({}, "url"), ({"url": "ftp://x", "database": "d", "web_shop": "w"}, "url"),
        ({"url": "http://x", "database": "d/..", "web_shop": "w"}, "database"),
        ({"url": "http://x", "database": "d", "web_shop": "w", "state": "done"}, "state"),
        ({"url": "http://x", "database": "d", "web_shop": "w", "nope": 1}, "nope"),
        ({"url": "http://x", "database": "d", "web_shop": "w", "guests": "shared", "state": "confirmed"}, "guests"),
        ({"url": "http://x", "database": "d", "web_shop": "w", "tolerance": -1}, "tolerance"),
        ({"url": "http://x", "database": "d", "web_shop": "w", "taxes": {"19": 1}}, "taxes"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_named(raw: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        KIND.options_of(raw)


def test_an_amount_above_the_tolerance_parks_with_both_sums(ledger: Ledger) -> None:
    found = problem(ledger.target(), replace(ONE, total_price=D("12.50")))
    assert (found.reason, "12.50" in found.text, "12.00" in found.text) == ("total_differs", True, True)
    assert ledger.sales() == []
