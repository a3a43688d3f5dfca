"""Orders: every optional field, strictness where it matters, and walks by time that are right with any upstream."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.client.errors import Refused, Unreadable
from sumeru_proxy.client.reading import Notes
from sumeru_proxy.client.resource import read_answer
from sumeru_proxy.client.windows import Edge, Window, walk
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.client.doors import door

TAX = {"title": "VAT", "rate": "0.2", "amount": "3.33"}
CODE = {"code": "TEN", "title": "Ten", "level": "order", "kind": "percentage", "value": "10", "amount": "2.00"}
ORDER: dict[str, Any] = {
    "id": "ord_1", "number": "1001", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
    "cancelled_at": "2026-01-03T00:00:00Z", "cancel_reason": "customer", "currency": "kwd", "total_price": "20.000",
    "subtotal_price": "22.000", "total_tax": "3.333", "total_discounts": "2.000", "shipping_price": "0.000", "taxes_included": True,
    "financial_status": "refunded", "fulfillment_status": "fulfilled", "test": False, "source_name": "web", "email": "a@b.example",
    "customer": {"id": None, "email": "a@b.example", "first_name": "A", "last_name": "B", "orders_count": 3},
    "shipping_address": None, "billing_address": {"city": "Kuwait"},
    "line_items": [{"id": "lin_1", "title": "Mug", "quantity": 2, "price": "11.000", "product_id": None, "variant_id": None,
                    "sku": None, "tax": "3.333", "discount": "2.000", "gift_card": False, "tax_lines": [TAX], "discounts": [CODE]}],
    "shipping_lines": [{"id": "shp_1", "title": "Post", "price": "5.9", "discount": "5.9", "tax": "0", "tax_lines": []}],
    "discounts": [CODE], "payments": [{"id": "pay_1", "kind": "gift_card", "gateway": "g", "amount": "20", "created_at": None}],
    "refunds": [{"id": "ref_1", "created_at": "2026-01-03T00:00:00Z", "reason": "r", "amount": "10.000", "tax": "1.667",
                 "lines": [{"line_id": "lin_1", "quantity": 1, "amount": "9.000", "tax": "1.5", "tax_lines": [TAX]}],
                 "shipping": {"amount": "1.000", "tax": "0.167", "tax_lines": None}}],
    "attributions": [{"order_id": "ord_1", "model": "linear", "revenue": "20", "currency": "KWD", "touchpoints": [
        {"id": "tp_1", "channel": "paid", "source": "s", "medium": "m", "campaign_id": None, "occurred_at": "2025-12-31T00:00:00Z",
         "weight": "1", "credited_revenue": "20", "device": "mobile", "visitor_id": "vis_1", "landing_url": "https://s.example/?a=1"}]}],
}  # fmt: skip


def read(order: dict[str, Any], notes: Notes | None = None) -> shapes.Order:
    return read_answer(admin.ORDER, {"data": order}, notes)


def changed(path: str, value: Any) -> dict[str, Any]:
    """``ORDER`` with another value at a dotted path; ``...`` takes the field away."""
    order: Any = copy.deepcopy(ORDER)
    holder, names = order, path.split(".")
    for name in names[:-1]:
        holder = holder[int(name)] if name.isdecimal() else holder[name]
    last: Any = int(names[-1]) if names[-1].isdecimal() else names[-1]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    result: dict[str, Any] = order
    return result


def test_everything_that_is_told() -> None:
    notes = Notes()
    order = read(ORDER, notes)
    assert (notes.unknown, notes.misfit, notes.skipped) == (set(), set(), [])
    tax = shapes.TaxLine(Decimal("3.33"), Decimal("0.2"), "VAT")
    code = shapes.OrderDiscount(Decimal("2.00"), "TEN", "Ten", "order", "percentage", Decimal(10))
    (line,) = order.line_items
    assert (line.product_id, line.sku, line.gift_card, line.tax_lines, line.discounts) == (
        "",
        "",
        False,
        (tax,),
        (code,),
    )
    assert order.shipping_lines == (
        shapes.ShippingLine(Decimal("5.9"), "shp_1", "Post", Decimal("5.9"), Decimal(0), ()),
    )
    assert order.discounts == (code,)
    assert order.payments == (shapes.Payment(Decimal(20), "pay_1", "gift_card", "g"),)
    assert order.customer == shapes.Buyer("", "a@b.example", "A", "B", 3)
    assert (order.cancelled_at, order.cancel_reason) == (datetime(2026, 1, 3, tzinfo=UTC), "customer")
    assert (order.taxes_included, order.test, order.source_name, order.currency) == (True, False, "web", "KWD")
    assert order.refunds == (
        shapes.Refund(
            "ref_1", Decimal("10.000"), datetime(2026, 1, 3, tzinfo=UTC), Decimal("1.667"),
            (shapes.RefundLine("lin_1", 1, Decimal("9.000"), Decimal("1.5"), (tax,)),),
            shapes.RefundShipping(Decimal("1.000"), Decimal("0.167"), None), "r",
        ),
    )  # fmt: skip
    assert str(order.refunds[0].amount) == "10.000"
    touch = order.attributions[0].touchpoints[0]
    assert (touch.device, touch.visitor_id, touch.landing_url) == ("mobile", "vis_1", "https://s.example/?a=1")
    assert not {"vis_1", "https://s.example/?a=1", "a@b.example"} & set(repr(order).split("'"))


def test_what_is_not_told_is_none() -> None:
    needed = ("id", "created_at", "currency", "total_price")
    line = {name: ORDER["line_items"][0][name] for name in ("id", "quantity", "price")}
    order = read({**{name: ORDER[name] for name in needed}, "line_items": [line]})
    for name in (
        "refunds",
        "payments",
        "discounts",
        "shipping_lines",
        "taxes_included",
        "test",
        "cancelled_at",
        "customer",
    ):
        assert getattr(order, name) is None, name
    (read_line,) = order.line_items
    assert (read_line.tax_lines, read_line.discounts, read_line.gift_card, read_line.tax) == (None, None, None, None)
    assert (order.source_name, order.email) == ("", "")


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("refunds.0.amount", ..., "data.refunds[0].amount"),
        ("refunds.0.amount", "ten", "data.refunds[0].amount"),
        ("refunds.0.amount", "-1", "data.refunds[0].amount"),
        ("refunds.0.id", "", "data.refunds[0].id"),
        ("refunds.0", "x", "data.refunds[0]"),
        ("refunds.0.lines.0.quantity", ..., "data.refunds[0].lines[0].quantity"),
        ("refunds.0.lines.0.line_id", None, "data.refunds[0].lines[0].line_id"),
        ("refunds.0.shipping", "all of it", "data.refunds[0].shipping"),
        ("refunds.0.shipping.amount", None, "data.refunds[0].shipping.amount"),
        ("line_items.0.price", None, "data.line_items[0].price"),
        ("line_items", None, "data.line_items"),
        ("total_price", "1e3", "data.total_price"),
        ("created_at", "yesterday", "data.created_at"),
    ],
)
def test_an_order_stands_or_falls_with_its_lines_and_refunds(path: str, value: Any, where: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(changed(path, value))
    assert caught.value.path == where


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("refunds", "none", "refunds"),
        ("payments", {}, "payments"),
        ("payments.0.amount", None, "payments"),
        ("discounts.0.amount", "-5", "discounts"),
        ("discounts.0", None, "discounts"),
        ("shipping_lines.0.price", ..., "shipping_lines"),
        ("taxes_included", "perhaps", "taxes_included"),
        ("test", [], "test"),
        ("cancelled_at", "soon", "cancelled_at"),
        ("customer", {}, "customer"),
    ],
)
def test_what_only_explains_counts_as_not_told_when_unreadable(path: str, value: Any, field: str) -> None:
    notes = Notes()
    assert getattr(read(changed(path, value), notes), field) is None
    assert any(field in each for each in [*notes.misfit, *notes.skipped])


@pytest.mark.parametrize(
    ("path", "value"),
    [("line_items.0.tax_lines.0.amount", None), ("line_items.0.tax_lines", "20 %"), ("line_items.0.tax_lines.0", 5)],
)
def test_taxes_that_cannot_be_read_are_not_told_but_the_line_is(path: str, value: Any) -> None:
    (line,) = read(changed(path, value)).line_items
    assert (line.tax_lines, line.tax) == (None, Decimal("3.333"))


@pytest.mark.parametrize(
    ("rate", "read_as"), [("0.2", Decimal("0.2")), (0.2, Decimal("0.2")), ("20", None), (None, None)]
)
def test_a_rate_is_a_fraction_or_not_told(rate: Any, read_as: Decimal | None) -> None:
    lines = read(changed("line_items.0.tax_lines.0.rate", rate)).line_items[0].tax_lines
    assert lines is not None
    assert lines[0].rate == read_as


def test_a_refund_without_lines_is_goodwill() -> None:
    order = read(changed("refunds.0", {"id": "ref_2", "amount": "1.5"}))
    assert order.refunds == (shapes.Refund("ref_2", Decimal("1.5")),)


# -- walks


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(
        limits=False, edge=False, orders={"count": 600, "every_s": 2_500, "seed": 6, "since": "2026-04-01T00:00:00Z"}
    ) as found:
        yield found


@pytest.fixture
def habits(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    sandbox.control.forget_calls()
    before = dict(sandbox.world.habits)
    yield sandbox.world.habits
    sandbox.world.habits.update(before)


def calls(sandbox: Sandbox) -> int:
    return int(sandbox.calls()["endpoints"].get("orders", 0))


def expected(sandbox: Sandbox, field: str, since: str, until: str) -> set[str]:
    orders = next(iter(sandbox.world.shops.values())).orders.bare
    return {key for key, at in orders.column(field).items() if since <= at < until}


def test_all_pages_when_asked_for(sandbox: Sandbox) -> None:
    sumeru = door(sandbox.url, "worker")
    pages = list(sumeru.order_pages(None, limit=100, sort="created_at", include=["attributions"]))
    assert [len(page.orders) for page in pages] == [100] * 6 + [5]
    assert len({order.id for page in pages for order in page.orders}) == 605
    assert sum(len(page.orders) for page in sumeru.order_pages(limit=10)) == 200
    # A walk that was interrupted goes on from a cursor.
    rest = sumeru.order_pages(None, limit=100, sort="created_at", cursor=pages[3].next_cursor)
    assert [len(page.orders) for page in rest] == [100, 100, 5]
    credits = [each for page in sumeru.attribution_pages(None, limit=100) for each in page.attributions]
    assert len({(each.order_id, each.model) for each in credits}) == len(credits) > 550


@pytest.mark.thorough
@pytest.mark.parametrize("filters", ["honoured", "ignored", "refused"])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
@pytest.mark.parametrize("field", ["created_at", "updated_at"])
@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-04-17T00:00:00Z", ""),
        ("2026-04-05T00:00:00Z", "2026-04-06T00:00:00Z"),
        ("", "2026-04-02T00:00:00Z"),
        ("2030-01-01T00:00:00Z", ""),
    ],
)
def test_a_walk_by_time_is_right_with_any_upstream(
    sandbox: Sandbox, habits: dict[str, str], filters: str, sort: str, field: Any, since: str, until: str
) -> None:
    habits.update({"comparison_filters": filters, "sort": sort})
    window = Window(
        field,
        datetime.fromisoformat(since) if since else None,
        datetime.fromisoformat(until) if until else None,
    )
    pages = list(door(sandbox.url, "worker").order_pages(None, limit=100, window=window))
    found = [order.id for page in pages for order in page.orders]
    assert len(found) == len(set(found))
    assert set(found) == expected(sandbox, field, since, until or "9")


@pytest.mark.parametrize(
    ("filters", "field", "most"),
    [
        ("honoured", "created_at", 1),
        ("ignored", "created_at", 2),
        ("refused", "created_at", 3),
        ("ignored", "updated_at", 2),
    ],
)
def test_a_walk_of_late_orders_ends_early(
    sandbox: Sandbox, habits: dict[str, str], filters: str, field: Any, most: int
) -> None:
    """Of 7 pages."""
    habits["comparison_filters"] = filters
    since = datetime(2026, 4, 17, tzinfo=UTC)
    pages = list(door(sandbox.url, "worker").order_pages(None, limit=100, window=Window(field, since)))
    assert calls(sandbox) <= most
    if filters == "honoured":
        assert sum(page.outside for page in pages) == 0
    else:
        assert sum(page.outside for page in pages) > 0


def test_one_page_of_a_window(sandbox: Sandbox, habits: dict[str, str]) -> None:
    sumeru = door(sandbox.url, "worker")
    window = Window(since=datetime(2026, 4, 5, tzinfo=UTC), until=datetime(2026, 4, 5, 1, tzinfo=UTC))
    assert len(sumeru.orders(limit=100, window=window).orders) == 1
    habits["comparison_filters"] = "ignored"
    page = sumeru.orders(limit=100, window=window)
    assert (len(page.orders), page.outside) == (0, 100)
    habits["comparison_filters"] = "refused"
    with pytest.raises(Refused):
        sumeru.orders(limit=100, window=window)


def test_orders_by_id(sandbox: Sandbox) -> None:
    sumeru = door(sandbox.url, "worker")
    page = sumeru.orders_by_id(["ord_g7", "ord_g590", "ord_none", "ord_g7"], ["attributions"])
    assert {order.id for order in page.orders} == {"ord_g7", "ord_g590"}
    assert all(order.attributions for order in page.orders)
    assert len(sumeru.orders_by_id(f"ord_g{n}" for n in range(1, 101)).orders) == 100
    for wrong in ([], [f"ord_g{n}" for n in range(101)], ["x" * 150 + str(n) for n in range(60)], "ord_g1"):
        with pytest.raises(Refused):
            sumeru.orders_by_id(wrong)


@pytest.mark.parametrize("window", [Window("number"), Window(since=datetime(2026, 1, 1))])  # type: ignore[arg-type]
def test_windows_that_cannot_be(window: Window) -> None:
    with pytest.raises(Refused):
        window.query()


def page_of(*times: tuple[int, int], cursor: str | None = "c") -> shapes.OrderPage:
    """Orders by (created, updated) in hours."""
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    return shapes.OrderPage(
        tuple(
            shapes.Order(str(created), "", "EUR", Decimal(1), (), zero + timedelta(hours=created), zero + timedelta(hours=updated))
            for created, updated in times
        ),
        cursor,
    )  # fmt: skip


SINCE = datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "pages", "passed"),
    [
        ("created_at", [[(20, 20), (9, 9)]], True),
        ("created_at", [[(20, 20), (9, 30)]], False),  # may be listed by updated_at
        ("created_at", [[(9, 9), (20, 20)]], False),  # listed oldest first
        ("created_at", [[(9, 9), (20, 20)], [(8, 8)]], False),
        ("created_at", [[(20, 20)], [(12, 12), (9, 9)]], True),
        ("updated_at", [[(20, 20), (9, 9)]], False),  # may be listed by created_at
        ("updated_at", [[(5, 20), (12, 19), (9, 9)]], True),
        ("updated_at", [[(5, 20), (12, 19), (9, 11)]], False),
        ("updated_at", [[(12, 19), (11, 20), (9, 9)]], False),
        ("created_at", [[]], False),
    ],
)
def test_when_a_walk_may_stop(field: Any, pages: list[list[tuple[int, int]]], passed: bool) -> None:
    edge = Edge(Window(field, SINCE), f"-{field}")
    assert [edge.passed(page_of(*page)) for page in pages][-1] is passed


def test_a_walk_in_another_order_never_stops_early() -> None:
    edge = Edge(Window("created_at", SINCE), "created_at")
    assert not edge.passed(page_of((20, 20), (9, 9)))


def test_a_walk_ends_with_a_cursor_that_was_there_and_with_its_page_limit() -> None:
    def fetch(cursor: str | None, filtered: bool) -> shapes.OrderPage:
        return page_of((20, 20))

    assert len(list(walk(fetch, Window(since=SINCE), "created_at", None, None))) == 2
    assert len(list(walk(fetch, Window(since=SINCE), "created_at", None, 1))) == 1


def test_a_refusal_later_on_is_not_taken_for_an_unknown_filter() -> None:
    with_filters: list[bool] = []

    def fetch(cursor: str | None, filtered: bool) -> shapes.OrderPage:
        with_filters.append(filtered)
        if cursor:
            raise Refused(code="validation_failed", status=422)
        return page_of((20, 20))

    with pytest.raises(Refused):
        list(walk(fetch, Window(since=SINCE), "created_at", None, None))
    assert with_filters == [True, True]
