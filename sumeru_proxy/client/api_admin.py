"""The admin API's calls; ``api.Sumeru`` has them too. They need the account's token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import shapes_admin
from sumeru_proxy.client.caller import Caller

MOST_PAGES = 20


class _Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


def pages(fetch: Callable[[str | None], P], max_pages: int = MOST_PAGES) -> Iterator[P]:
    """Page after page by cursor, at most ``max_pages``; a cursor that was seen before ends the list."""
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(max_pages):
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
    ) -> shapes_admin.OrderPage:
        """One page of orders; ``include=("attributions",)`` brings these with each."""
        asked = admin.ask_list(limit, cursor, sort, filters, include, admin.ORDER_INCLUDES)
        return self.call(admin.ORDERS, asked).value

    def order_pages(
        self,
        max_pages: int = MOST_PAGES,
        limit: int | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        include: Iterable[str] = (),
    ) -> Iterator[shapes_admin.OrderPage]:
        """The pages of ``orders`` one after another; each is a call."""
        wanted = tuple(include)
        return pages(lambda cursor: self.orders(limit, cursor, sort, filters, wanted), max_pages)

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
        max_pages: int = MOST_PAGES,
        limit: int | None = None,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> Iterator[shapes_admin.AttributionPage]:
        """The pages of ``attribution`` one after another; each is a call."""
        return pages(lambda cursor: self.attribution(limit, cursor, sort, filters), max_pages)

    def subscribe(
        self, url: str, events: Iterable[str] = ("*",), idempotency_key: str | None = None
    ) -> shapes_admin.Subscription:
        """Subscribe a URL to event types (a write). The answer's ``secret`` is shown this once."""
        return self.call(admin.SUBSCRIBE, admin.ask_subscribe(url, events), idempotency_key).value
