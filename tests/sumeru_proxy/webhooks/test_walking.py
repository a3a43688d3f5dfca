"""Walking through pages of orders whose cursors expire: nothing is lost, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.errors import Refused
from sumeru_proxy.client.shapes_admin import Order, OrderPage
from sumeru_proxy.client.windows import Window
from sumeru_proxy.webhooks.walking import read_page

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def orders(minutes: Iterable[int]) -> list[Order]:
    """Orders made and changed so many minutes after noon."""
    times = [AT + timedelta(minutes=each) for each in minutes]
    return [
        Order(
            id=f"o{n}", number="", created_at=at, currency="EUR", total_price=Decimal(1), line_items=(), updated_at=at
        )
        for n, at in enumerate(times)
    ]


@dataclass
class Upstream:
    """Lists ``rows`` by pages of two; each cursor is good for the next ``life`` calls; ``filters``: whether it knows them."""

    rows: list[Order]
    life: int = 10_000
    filters: bool = True
    sorts: bool = True
    calls: int = 0
    made_at: dict[str, int] = field(default_factory=dict)

    def orders(
        self, limit: int, cursor: str | None, sort: str, include: tuple[str, ...], window: Window | None
    ) -> OrderPage:
        assert (limit, include) == (100, ("attributions",))
        self.calls += 1
        if window is not None and window.query() and not self.filters:
            raise Refused(code="validation_failed", status=422)
        if cursor is not None and self.calls - self.made_at[cursor] > self.life:
            raise Refused(code="validation_failed", status=422)
        by = sort.removeprefix("-")
        rows = sorted(self.rows, key=lambda each: (getattr(each, by), each.id), reverse=sort.startswith("-"))
        rows = [each for each in (rows if self.sorts else self.rows) if window is None or window.holds(each)]
        start = 0 if cursor is None else int(cursor.partition(":")[0])
        following = f"{start + 2}:{self.calls}" if start + 2 < len(rows) else None
        if following:
            self.made_at[following] = self.calls
        return OrderPage(tuple(rows[start : start + 2]), following)


def walk(upstream: Upstream, window: Window, sort: str, pauses: Iterable[int] = ()) -> list[str]:
    """The ids in the order that they came; the cursors expire after these pages."""
    place: dict[str, Any] | None = None
    ids: list[str] = []
    for number in range(1, 60):
        page, place = read_page(cast(Sumeru, upstream), window, sort, place)
        ids += [each.id for each in page.orders]
        if place is None:
            return ids
        if number in pauses:
            upstream.calls += upstream.life  # others are served until then
    raise AssertionError("the walk does not end")


EVERY_PAGE, EVERY_SECOND, ONCE = range(1, 60), range(2, 60, 2), (2,)


@pytest.mark.parametrize(
    ("minutes", "pauses"),
    [
        (range(9), EVERY_PAGE),
        ((0, 1, 2, 3, 3, 3, 4, 5, 6), EVERY_SECOND),
        ((0, 1, 1, 1, 1, 1, 2, 2, 2), ONCE),
    ],
)
@pytest.mark.parametrize("field_name", ["created_at", "updated_at"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_after_an_expired_cursor_the_walk_goes_on_where_it_was(
    minutes: Iterable[int], pauses: Iterable[int], field_name: Any, newest_first: bool
) -> None:
    upstream = Upstream(orders(minutes), life=5)
    window = Window(field_name, since=AT + timedelta(minutes=1))
    sort = f"-{field_name}" if newest_first else field_name
    ids = walk(upstream, window, sort, pauses)
    assert sorted(ids) == [f"o{n}" for n in range(1, 9)]


def test_an_account_that_knows_no_filters_is_read_from_the_start_again() -> None:
    upstream = Upstream(orders(range(7)), life=12, filters=False)
    ids = walk(upstream, Window("created_at", since=AT), "created_at", pauses=(3,))
    assert sorted(ids) == [f"o{n}" for n in range(7)]


def test_orders_that_come_in_no_order_may_come_twice_but_none_is_lost() -> None:
    upstream = Upstream(orders((5, 0, 6, 1, 4, 2, 3)), life=12, sorts=False)
    place: dict[str, Any] | None = None
    ids: list[str] = []
    for number in range(10):
        page, place = read_page(cast(Sumeru, upstream), Window("created_at"), "created_at", place)
        ids += [each.id for each in page.orders]
        if place is None:
            break
        if number == 1:
            upstream.calls += 20
    assert set(ids) == {f"o{n}" for n in range(7)}


def test_cursors_that_never_work_end_the_walk_with_the_refusal() -> None:
    # All of the same moment: beginning anew there leads no further.
    upstream = Upstream(orders([0] * 9), life=0)
    with pytest.raises(Refused):
        walk(upstream, Window("created_at"), "created_at")
