"""Made-up orders: the same every time, every odd case, exact sums, readable by the client."""

from __future__ import annotations

import copy
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client.reading import Notes
from sumeru_proxy.client.resource import read_answer
from sumeru_proxy.sandbox.orders import amounts, changes
from sumeru_proxy.sandbox.orders.generator import OrderGenerator, cases_of, orders

EVERY_CASE = {
    "0_decimals", "3_decimals", "tax_inside", "tax_outside", "two_rates", "two_taxes", "no_tax", "order_discount",
    "order_discount_fixed", "line_discount", "free_shipping", "no_shipping", "gift_card_sold", "gift_card_payment", "500_lines",
    "deleted_product", "no_sku", "guest", "guest_without_customer", "any_script", "test_order", "free", "unpaid",
    "partly_refunded", "refunded_twice", "goodwill", "refunded", "cancelled", "no_touchpoints", "two_models", "many_touchpoints",
}  # fmt: skip


@pytest.fixture(scope="module")
def thousand() -> list[dict[str, Any]]:
    return list(orders(1_000, 7))


def test_the_same_seed_draws_the_same_orders_and_more_of_them_begin_alike(thousand: list[dict[str, Any]]) -> None:
    assert list(orders(100, 7)) == thousand[:100]
    assert list(orders(100, 8)) != thousand[:100]
    generator = OrderGenerator(7)
    assert [*generator.take(30), *generator.take(70)] == thousand[:100]


def test_a_thousand_orders_show_every_odd_case(thousand: list[dict[str, Any]]) -> None:
    assert set().union(*map(cases_of, thousand)) == EVERY_CASE
    assert thousand[49]["created_at"] == thousand[48]["created_at"]


@pytest.mark.parametrize("seed", [0, 7, 2026])
def test_every_order_adds_up(seed: int) -> None:
    assert [(order["id"], wrong) for order in orders(1_000, seed) if (wrong := amounts.mismatches(order))] == []


def test_the_totals_once_more_by_hand(thousand: list[dict[str, Any]]) -> None:
    """The sum rule without any function of the sandbox, on decimals."""
    for order in thousand:
        lines = order["line_items"]
        value = sum(Decimal(line["price"]) * line["quantity"] - Decimal(line["discount"]) for line in lines)
        value += sum(Decimal(charge["price"]) - Decimal(charge["discount"]) for charge in order["shipping_lines"])
        tax = sum(Decimal(each["amount"]) for line in [*lines, *order["shipping_lines"]] for each in line["tax_lines"])
        assert Decimal(order["total_price"]) == value + (0 if order["taxes_included"] else tax), order["id"]
        decimals = {"JPY": 0, "KWD": 3}.get(order["currency"], 2)
        assert Decimal(order["total_price"]).as_tuple().exponent == -decimals


def test_a_mismatch_of_one_unit_is_found(thousand: list[dict[str, Any]]) -> None:
    dinars = [each for each in thousand if each["currency"] == "KWD" and each["shipping_lines"]]
    order = next(each for each in dinars if each["refunds"] and each["refunds"][0]["lines"])
    fields = ("total_price", "subtotal_price", "total_tax", "total_discounts", "shipping_price")
    for field in fields:
        off = {**order, field: str(Decimal(order[field]) + Decimal("0.001"))}
        assert any(field in wrong for wrong in amounts.mismatches(off)), field
    for path in ("line_items", "shipping_lines", "refunds", "payments"):
        off = copy.deepcopy(order)
        name = {"line_items": "tax", "shipping_lines": "tax"}.get(path, "amount")
        off[path][0][name] = str(Decimal(off[path][0][name]) + Decimal("0.001"))
        assert amounts.mismatches(off), path


def test_the_client_reads_all_of_it(thousand: list[dict[str, Any]]) -> None:
    for order in thousand:
        notes = Notes()
        read = read_answer(admin.ORDER, {"data": order}, notes)
        assert (notes.misfit, notes.unknown, notes.skipped) == (set(), set(), []), order["id"]
        assert read.refunds is not None
        assert read.payments is not None
        assert read.discounts is not None
        assert read.total_discounts == sum((each.amount for each in read.discounts), Decimal(0))
        assert len(read.refunds) == len(order["refunds"])


def test_a_customer_has_the_orders_that_name_it() -> None:
    generator = OrderGenerator(1)
    drawn = list(generator.take(300, changed=False))
    named = [order["customer"]["id"] for order in drawn if order["customer"] and not order["test"]]
    counts = {customer_id: named.count(customer_id) for customer_id in named if customer_id}
    assert {key: value["orders_count"] for key, value in generator.customers.items()} == counts
    assert max(counts.values()) > 1


def test_nothing_is_dated_after_the_given_time() -> None:
    generator = OrderGenerator(1, since="2026-01-01T00:00:00Z", every_s=60, not_after="2026-01-01T03:00:00Z")
    for order in generator.take(100):
        dates = [order["created_at"], order["updated_at"], order["cancelled_at"] or ""]
        assert max([*dates, *(refund["created_at"] for refund in order["refunds"])]) <= "2026-01-01T03:00:00Z"


def test_orders_of_a_shop_are_of_its_products() -> None:
    products = [{"id": "prd_a", "variant_id": "var_a", "title": "A", "price": "19.99"}]
    lines = [line for order in orders(40, 2, products=products) for line in order["line_items"]]
    assert {line["product_id"] for line in lines} == {"prd_a", "prd_gift_card", None}
    assert {line["price"] for line in lines if line["product_id"] == "prd_a"} >= {"19.99", "3100", "6.596"}


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 400), st.integers(0, 10**6), st.lists(st.sampled_from("erscg"), max_size=6))
def test_whatever_happens_to_an_order_it_adds_up(number: int, seed: int, steps: list[str]) -> None:
    draw = random.Random(seed)
    generator = OrderGenerator(seed, first=number)
    order = next(generator.take(1, changed=False))
    for step in steps:
        before, copied = order, copy.deepcopy(order)
        try:
            if step == "e":
                order = changes.edit(order, changes.drawn_edit(order, draw), "2026-01-02T00:00:00Z")
            elif step == "r":
                pieces, shipping = changes.drawn_refund(order, draw)
                order = changes.refund(order, pieces, "2026-01-03T00:00:00Z", shipping=shipping)
            elif step == "s":
                order = changes.refund(order, {}, "2026-01-04T00:00:00Z", shipping=True)
            elif step == "g":
                order = changes.refund(order, {}, "2026-01-04T00:00:00Z", goodwill=draw.randrange(1, 500))
            else:
                order = changes.cancel(order, "2026-01-05T00:00:00Z")
        except ValueError:
            assert order is before
        assert before == copied
        assert amounts.mismatches(order) == []
        for entry in order["attributions"]:
            credits = sum((Decimal(each["credited_revenue"]) for each in entry["touchpoints"]), Decimal(0))
            assert credits == Decimal(order["total_price"]) == Decimal(entry["revenue"])
    if order["cancelled_at"] and order["payments"]:
        assert sum(Decimal(each["amount"]) for each in order["refunds"]) == Decimal(order["total_price"])


def test_all_pieces_one_by_one_give_back_exactly_what_was_paid(thousand: list[dict[str, Any]]) -> None:
    for drawn in thousand[:300]:
        if drawn["refunds"] or not drawn["payments"]:
            continue
        order = {**drawn, "cancelled_at": None}
        for line in order["line_items"]:
            for _ in range(line["quantity"]):
                order = changes.refund(order, {line["id"]: 1}, "2026-01-03T00:00:00Z")
        if order["shipping_lines"] and order["financial_status"] != "refunded":
            order = changes.refund(order, {}, "2026-01-04T00:00:00Z", shipping=True)
        assert order["financial_status"] == "refunded"
        assert amounts.refunded_so_far(order) == amounts.minor(
            order["total_price"], amounts.digits_of(order["currency"])
        )
        assert changes.pieces_left(order) == {}


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (5, [0, 10, 0], [0, 5, 0]),
        (7, [3, 3, 1], [3, 3, 1]),
        (2, [1, 1, 1], [1, 1, 0]),
        (9, [0, 0], [0, 0]),
    ],
)
def test_division(total: int, weights: list[int], shares: list[int]) -> None:
    assert amounts.split(total, weights) == shares


@pytest.mark.parametrize(
    ("amount", "digits", "units"),
    [("12.34", 2, 1234), ("1190", 0, 1190), ("4.408", 3, 4408), ("0.05", 2, 5), ("0", 2, 0), ("7.5", 2, 750)],
)
def test_minor_units(amount: str, digits: int, units: int) -> None:
    assert amounts.minor(amount, digits) == units
    assert Decimal(amounts.major(units, digits)) == Decimal(amount)
    with pytest.raises(ValueError, match="decimals"):
        amounts.minor("1.2345", digits)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda order: changes.edit(order, {"lin_none": 1}, "x"), "no such line"),
        (lambda order: changes.edit(order, {line["id"]: 0 for line in order["line_items"]}, "x"), "needs a line"),
        (lambda order: changes.refund(order, {"lin_none": 1}, "x"), "no such line"),
        (lambda order: changes.refund(order, {order["line_items"][0]["id"]: 99}, "x"), "pieces are left"),
        (lambda order: changes.refund(order, {}, "x"), "goodwill above 0"),
        (lambda order: changes.refund(order, {}, "x", goodwill=10**9), "more than what is left"),
        (lambda order: changes.refund({**order, "payments": []}, {}, "x", goodwill=1), "not paid"),
        (lambda order: changes.cancel(changes.cancel(order, "x"), "y"), "cancelled already"),
        (lambda order: changes.edit(changes.cancel(order, "x"), {}, "y"), "cannot be edited"),
    ],
)
def test_steps_that_cannot_be(change: Any, why: str) -> None:
    order = next(orders(1, 7))
    with pytest.raises(ValueError, match=why):
        change({**order, "cancelled_at": None})
