"""A window of time over orders, and a walk through their pages that is right whether or not the upstream knows comparison filters.

Assumed: ``filter[created_at][gte]=…`` and ``filter[created_at][lt]=…`` (also ``updated_at``), with times in UTC. An upstream that
ignores them sends every order: what lies outside the window is left out here, and counted. One that refuses them is asked without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from sumeru_proxy.client import arguments
from sumeru_proxy.client.errors import Refused
from sumeru_proxy.client.shapes_admin import Order, OrderPage

FIELDS: Final = ("created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Window:
    """Orders whose ``field`` is at or after ``since`` and before ``until``, timezone-aware; None leaves that side open."""

    field: Literal["created_at", "updated_at"] = "created_at"
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> tuple[tuple[str, str], ...]:
        """The filters to send. Raises Refused (``invalid_argument``) for a time without a zone or another field."""
        name = arguments.choice("window", self.field, FIELDS)
        sides = (("gte", self.since), ("lt", self.until))
        return tuple(
            (f"filter[{name}][{side}]", arguments.moment("window", value)) for side, value in sides if value is not None
        )

    def holds(self, order: Order) -> bool:
        """Whether an order lies inside. One that does not tell its time does: only what is known may be left out."""
        at: datetime | None = getattr(order, self.field)
        return at is None or ((self.since is None or at >= self.since) and (self.until is None or at < self.until))

    def kept(self, page: OrderPage) -> OrderPage:
        """The page without the orders outside the window, which are counted."""
        inside = tuple(order for order in page.orders if self.holds(order))
        return replace(page, orders=inside, outside=page.outside + len(page.orders) - len(inside))

    def sort(self) -> str:
        """The order to walk in unless the caller says one: newest first when there is a ``since``, so that a walk may stop early."""
        return self.field if self.since is None else f"-{self.field}"


@dataclass(slots=True)
class Edge:
    """Knows when a walk, newest first, has passed the window's ``since``: only then may it stop before the last page.

    It is told every page in turn, and trusts no sort that it has not seen at work, since an upstream may ignore ``sort`` and list
    by ``created_at``, ``updated_at`` or anything else. No order is updated before it is created; so in a walk by ``created_at``
    both times must be past. In one by ``updated_at`` an order must have come that is out of place by ``created_at``.
    """

    window: Window
    sort: str
    _seen: Order | None = None
    _ordered: bool = True
    _proved: bool = False

    def passed(self, page: OrderPage) -> bool:
        """Whether no order after this page, as it came, can lie inside the window. False while that is not certain."""
        since, field = self.window.since, self.window.field
        for order in page.orders:
            before, self._seen = self._seen, order
            at: datetime | None = getattr(order, field)
            last: datetime | None = getattr(before, field) if before else None
            self._ordered = self._ordered and at is not None and (last is None or at <= last)
            self._proved = self._proved or (before is not None and order.created_at > before.created_at)
        if since is None or self._seen is None or not self._ordered or self.sort != f"-{field}":
            return False
        updated_at = self._seen.updated_at
        if field == "created_at":
            return self._seen.created_at < since and updated_at is not None and updated_at < since
        return self._proved and updated_at is not None and updated_at < since


def walk(
    fetch: Callable[[str | None, bool], OrderPage], window: Window, sort: str, cursor: str | None, max_pages: int | None
) -> Iterator[OrderPage]:
    """The pages of a window one after another, each a call ``fetch(cursor, with_filters)``.

    A first call that is refused as invalid (400 or 422) is made again without the window's filters (an account that does not know
    them), and so are all that follow. Every page is yielded, also one with nothing inside: its cursor tells where to go on.
    """
    edge, filtered, seen, count = Edge(window, sort), bool(window.query()), set[str](), 0
    while max_pages is None or count < max_pages:
        try:
            page = fetch(cursor, filtered)
        except Refused as error:
            if not filtered or count or error.status not in (400, 422):
                raise
            filtered = False
            page = fetch(cursor, filtered)
        count += 1
        passed = edge.passed(page)
        yield window.kept(page)
        cursor = page.next_cursor
        if cursor is None or cursor in seen or passed:
            return
        seen.add(cursor)
