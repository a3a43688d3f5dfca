"""``Client``: every call of the API as one object, and lists walked to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

from sumeru_proxy.client import shapes, shapes_admin
from sumeru_proxy.client.account import Account
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.errors import Unreadable

HOST: Final = "https://api.sumeru.systems"
"""The default; accounts in the EU have ``https://eu.api.sumeru.systems``."""
PAGE_ITEMS: Final = 100


class _Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


class Client(Sumeru):
    """One account's calls, each tried up to five times with pauses in between (so never use it inside an event loop).

    ``token`` (``copt_live_…``) is for the admin API; ``public_key`` (``pk_live_…``) or ``shop_domain`` for the storefront's
    endpoints. ``limits``: calls per minute where the account's plan allows more than the strictest reading of the documentation,
    for example ``{"admin": 300}``. Other ``options`` are those of ``caller.Caller``: ``budget``, ``max_attempts``, ``observer``.
    Safe for threads; cheap to make. Raises ValueError (never showing a credential) for anything malformed.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        public_key: str | None = None,
        shop_domain: str | None = None,
        host: str = HOST,
        limits: Mapping[str, int] | None = None,
        **options: Any,
    ) -> None:
        account = Account(
            host=host, token=token, public_key=public_key, shop_domain=shop_domain, limits=dict(limits or {})
        )
        super().__init__(account, "worker", **options)

    def every_order(
        self,
        sort: str | None = None,
        filters: Mapping[str, str] | None = None,
        include: Iterable[str] = (),
        *,
        cursor: str | None = None,
    ) -> Iterator[shapes_admin.Order]:
        """All orders, 100 a call, from ``cursor`` on. Raises as ``orders`` does, and Unreadable when one of a page cannot be read."""
        included = tuple(include)

        def fetch(position: str | None) -> shapes_admin.OrderPage:
            page = self.orders(PAGE_ITEMS, position, sort, filters, included)
            return _whole(page, page.skipped, "orders")

        for page in _pages(fetch, cursor):
            yield from page.orders

    def every_customer(
        self, sort: str | None = None, filters: Mapping[str, str] | None = None, *, cursor: str | None = None
    ) -> Iterator[shapes_admin.Customer]:
        """All customers, as ``every_order`` does orders."""

        def fetch(position: str | None) -> shapes_admin.CustomerPage:
            page = self.customers(PAGE_ITEMS, position, sort, filters)
            return _whole(page, page.skipped, "customers")

        for page in _pages(fetch, cursor):
            yield from page.customers

    def every_attribution(
        self, sort: str | None = None, filters: Mapping[str, str] | None = None, *, cursor: str | None = None
    ) -> Iterator[shapes_admin.Attribution]:
        """All attributions, as ``every_order`` does orders."""

        def fetch(position: str | None) -> shapes_admin.AttributionPage:
            page = self.attribution(PAGE_ITEMS, position, sort, filters)
            return _whole(page, page.skipped, "attribution")

        for page in _pages(fetch, cursor):
            yield from page.attributions

    def every_review(
        self, product_id: str, sort: str | None = None, rating: int | None = None, media: bool = False
    ) -> Iterator[shapes.Review]:
        """All readable reviews of a product, 100 a call."""

        def fetch(position: str | None) -> shapes.ReviewPage:
            return self.reviews(product_id, PAGE_ITEMS, position, sort, rating, media)

        for page in _pages(fetch, None):
            yield from page.reviews

    def every_product(
        self, collection: str | None = None, query: str | None = None, in_stock: bool = False
    ) -> Iterator[shapes.Product]:
        """All readable products of the feed, 100 a call."""

        def fetch(position: str | None) -> shapes.ProductPage:
            return self.products(collection, None, query, in_stock, PAGE_ITEMS, position)

        for page in _pages(fetch, None):
            yield from page.products


def _pages(fetch: Callable[[str | None], P], cursor: str | None) -> Iterator[P]:
    """Page after page to the end of the list. Raises Unreadable for a cursor that came before: a list in a circle has no end."""
    seen: set[str] = set()
    while True:
        page = fetch(cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
        if cursor in seen:
            raise Unreadable(path="pagination.next_cursor", expected="a cursor that did not come before")
        seen.add(cursor)


def _whole(page: P, skipped: int, endpoint: str) -> P:
    # A sum over a list with gaps is a wrong sum. The pages themselves (``orders``, ``customers``) leave the decision to the caller.
    if skipped:
        raise Unreadable(path="data[]", expected=f"{skipped} more readable items", endpoint=endpoint)
    return page
