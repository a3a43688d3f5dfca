"""The calendar of the daily proof, one day, and the button that repairs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sumeru_proxy.consumers.order_sync.admin_pages import days, words
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget
from sumeru_proxy.models import Job, Shop
from tests.sumeru_proxy.consumers.order_sync.acting import hear, live, work
from tests.upstream import Upstream

DAY = date(2026, 3, 5)


def proof(row: OrderTarget, day: date, currency: str = "EUR", **values: object) -> DayProof:
    agreed = {"orders": 2, "total": 1000, "target_orders": 2, "target_total": 1000}
    return DayProof.objects.create(
        target=row, day=day, currency=currency, checked_at=timezone.now(), **{**agreed, **values}
    )


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_day_is_green_only_in_every_currency(row: OrderTarget) -> None:
    found = [
        proof(row, DAY),
        proof(row, DAY, "USD", target_total=999, differing=[["o", "1", [["total", "1", "2"]]]]),
        proof(row, DAY + timedelta(days=1)),
    ]
    assert days.kinds_of(found) == {DAY: "differs", DAY + timedelta(days=1): "green"}
    assert days.kinds_of(found[::-1]) == days.kinds_of(found)


def test_the_calendar_shows_a_month(shop: Shop, row: OrderTarget, viewer: Client) -> None:
    proof(row, DAY)
    proof(
        row,
        date(2026, 3, 6),
        differing=[["ord_1", "1", [["missing", "due", ""]]], ["ord_2", "2", [["surplus", "", "7"]]]],
    )
    text = text_of(viewer, words.address(shop, words.DAYS, target="books", month="2026-03"))
    assert "March 2026" in text
    assert "2 orders agree" in text
    assert "2 of 2 orders differ" in text
    assert text.count("os-day os-none") == 29
    assert words.address(shop, words.DAYS, target="books", day="2026-03-06").replace("&", "&amp;") in text
    assert "month=2026-02" in text


@pytest.mark.parametrize("month", ["", "x", "2026-13", "0001-01", "9999-12"])
def test_a_month_that_is_none_is_this_one(shop: Shop, row: OrderTarget, viewer: Client, month: str) -> None:
    assert f"{timezone.now():%B %Y}" in text_of(viewer, words.address(shop, words.DAYS, month=month))


def test_a_day_shows_both_sides_and_each_field(shop: Shop, row: OrderTarget, viewer: Client) -> None:
    link = Link.objects.create(target=row, order_id="ord_1", number="1001", day=DAY, currency="EUR")
    proof(row, DAY, target_total=995, differing=[["ord_1", "1001", [["total", "600", "595"]]]])
    text = text_of(viewer, words.address(shop, words.DAYS, target="books", day=DAY.isoformat()))
    for part in ("10.00 EUR", "9.95 EUR", "0.05 EUR", "6.00 EUR", "5.95 EUR", "orders differ"):
        assert part in text
    assert words.address(shop, words.ORDERS, order=link.pk) in text
    assert "Compare and repair this day" not in text


def test_the_button_repairs_what_was_lost(shop: Shop, sandbox: Upstream, row: OrderTarget, operator: Client) -> None:
    """Two of three orders whose events never came: one press, and the day is green."""
    ids = live(sandbox, 3, steps=["created"], seed=11, every_s=0)
    hear(shop, ids[0])
    work()
    first = Link.objects.get(order_id=ids[0])
    address = words.address(shop, words.DAYS, target="books", day=first.day.isoformat())
    assert "not compared yet" in text_of(operator, address)
    operator.post(address, {"day": first.day.isoformat()})
    assert Job.objects.filter(kind="order_sync:day").count() == 1
    operator.post(address, {"day": first.day.isoformat()})
    assert Job.objects.filter(kind="order_sync:day").count() == 1
    work()
    assert set(Link.objects.filter(day=first.day).values_list("order_id", flat=True)) == set(ids)
    text = text_of(operator, address)
    assert "both sides agree" in text
    assert all(each.green for each in DayProof.objects.filter(target=row))
    with open_target(row) as target:
        assert {each.order_id for each in target.orders_between(first.day, first.day)} == set(
            Link.objects.filter(day=first.day, state="sent").values_list("order_id", flat=True)
        )


def test_nothing_is_repaired_before_the_start_or_by_viewers(
    shop: Shop, row: OrderTarget, viewer: Client, operator: Client
) -> None:
    address = words.address(shop, words.DAYS, target="books", day=DAY.isoformat())
    assert viewer.post(address, {"day": DAY.isoformat()}).status_code == 403
    OrderTarget.objects.update(start_at=None)
    assert "not started" in operator.post(address, {"day": DAY.isoformat()}, follow=True).content.decode()
    OrderTarget.objects.update(start_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert "Give a day of the past" in operator.post(address, {"day": "2999-01-01"}, follow=True).content.decode()
    assert not Job.objects.filter(kind="order_sync:day").exists()
