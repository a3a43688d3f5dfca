"""The admin API's calls; ``api.Sumeru`` has them too. They need the account's token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import shapes_admin
from sumeru_proxy.client.caller import Caller
from sumeru_proxy.client.windows import Window, walk

MOST_PAGES = 20


class _Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


def pages(
    fetch: Callable[[str | None], P], max_pages: int | None = MOST_PAGES, cursor: str | None = None
) -> Iterator[P]:
    """Page after page by cursor from ``cursor`` on, at most ``max_pages`` (None: all); a cursor seen before ends the list."""
    seen: set[str] = set()
    count = 0
    while max_pages is None or count < max_pages:
        count += 1
        page = fetch(cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None or cursor in seen:
            return
        seen.add(cursor)


class AdminCalls(Caller):
    """Customers, orders, attribution and webhook subscriptions of one account."""

    def customers(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> shapes_admin.CustomerPage:
        """One page of customers."""
        return self.call(admin.CUSTOMERS, admin.ask_list(limit, cursor, sort, filters)).value

    def customer_pages(
        self,
        max_pages: int = MOST_PAGES,
        limit: int | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> Iterator[shapes_admin.CustomerPage]:
        """The pages of ``customers`` one after another; each is a call."""
        return pages(lambda cursor: self.customers(limit, cursor, sort, filters), max_pages)

    def customer(self, customer_id: str) -> shapes_admin.Customer:
        """One customer. Refused with status 404 when unknown."""
        return self.call(admin.CUSTOMER, admin.ask_one("customer_id", customer_id)).value

    def update_customer(
        self, customer_id: str, changes: Mapping[str, object], idempotency_key: str | None = None
    ) -> shapes_admin.Customer:
        """Change these fields (a write) and give the customer as it is then."""
        asked = admin.ask_update_customer(customer_id, changes)
        return self.call(admin.UPDATE_CUSTOMER, asked, idempotency_key).value

    def orders(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        include: Iterable[str] = (),
        window: Window | None = None,
    ) -> shapes_admin.OrderPage:
        """One page of orders, at most 100; ``include=("attributions",)`` brings these with each.

        ``window``: only orders of a time. Right also when the upstream ignores it: ``outside`` counts what was left out. Refused
        with ``validation_failed`` when the upstream knows no comparison filters; ``order_pages`` then goes on without them.
        """
        arguments = admin.ask_list(limit, cursor, sort, filters, include, admin.ORDER_INCLUDES, window)
        page = self.call(admin.ORDERS, arguments).value
        return page if window is None else window.kept(page)

    def order_pages(
        self,
        max_pages: int | None = MOST_PAGES,
        limit: int | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        include: Iterable[str] = (),
        window: Window | None = None,
        cursor: str | None = None,
    ) -> Iterator[shapes_admin.OrderPage]:
        """The pages of ``orders`` one after another, each a call; ``max_pages=None`` for all, ``cursor`` to go on from a page.

        ``window``: right also with an upstream that ignores or refuses comparison filters (a page may then have no orders); a walk
        newest first, which is the default with ``since``, ends where the window does. For a back-fill ``sort="created_at"``, which
        never changes. An order that is updated during a walk by ``updated_at`` may come twice (oldest first) or only in the next walk
        (newest first): begin the next window where this walk *began*.
        """
        includes = tuple(include)
        if window is None:
            return pages(lambda place: self.orders(limit, place, sort, filters, includes), max_pages, cursor)
        by = sort or window.sort()

        def fetch(place: str | None, filtered: bool) -> shapes_admin.OrderPage:
            sent = window if filtered else None
            arguments = admin.ask_list(limit, place, by, filters, includes, admin.ORDER_INCLUDES, sent)
            return self.call(admin.ORDERS, arguments).value

        return walk(fetch, window, by, cursor, max_pages)

    def orders_by_id(self, order_ids: Iterable[str], include: Iterable[str] = ()) -> shapes_admin.OrderPage:
        """Up to 100 orders in one call (assumed: ``filter[id]=a,b``). An id that is not in the answer says nothing: ask ``order``.

        An upstream that ignores the filter sends other orders; they are left out and counted in ``outside``.
        """
        requested_ids = order_ids if isinstance(order_ids, str) else tuple(dict.fromkeys(order_ids))
        page = self.call(admin.ORDERS, admin.ask_orders_by_id(requested_ids, include)).value
        found = tuple(order for order in page.orders if order.id in requested_ids)
        return replace(page, orders=found, next_cursor=None, outside=len(page.orders) - len(found))

    def order(self, order_id: str, include: Iterable[str] = ()) -> shapes_admin.Order:
        """One order with all lines. Refused with status 404 when unknown."""
        asked = admin.ask_one("order_id", order_id, include, admin.ORDER_INCLUDES)
        return self.call(admin.ORDER, asked).value

    def attribution(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> shapes_admin.AttributionPage:
        """One page of attributions, for example ``filters={"order_id": "ord_1"}``."""
        return self.call(admin.ATTRIBUTION, admin.ask_list(limit, cursor, sort, filters)).value

    def attribution_pages(
        self,
        max_pages: int | None = MOST_PAGES,
        limit: int | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        cursor: str | None = None,
    ) -> Iterator[shapes_admin.AttributionPage]:
        """The pages of ``attribution`` one after another, each a call; ``max_pages=None`` for all, ``cursor`` to go on from a page."""
        return pages(lambda place: self.attribution(limit, place, sort, filters), max_pages, cursor)

    def subscribe(
        self, url: str, events: Iterable[str] = ("*",), idempotency_key: str | None = None
    ) -> shapes_admin.WebhookSubscription:
        """Subscribe a URL to event types (a write). The answer's ``secret`` is shown this once."""
        return self.call(admin.SUBSCRIBE, admin.ask_subscribe(url, events), idempotency_key).value
