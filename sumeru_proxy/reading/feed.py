"""Pages of the product feed, made from as few upstream reads as possible.

As for reviews: Sumeru is asked for blocks of BLOCK products. A collection that fits into one block costs one read, whatever shoppers
search, filter, sort or page: that is computed here. Larger ones are asked for by filter, block after block as far as a page needs;
they keep Sumeru's own order, since nothing here knows the products of the blocks that were not read.

Words that shoppers type are the one key that strangers can make up without end. They cost nothing within one block; beyond, only
SEARCHES new ones per SEARCHES_WINDOW_S are asked for per shop, one block each.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sumeru_proxy.client.resources_catalogue import PRODUCTS
from sumeru_proxy.client.shapes import Product, ProductPage
from sumeru_proxy.reading.reader import Missing, Pending, Query, Source
from sumeru_proxy.reading.shared_cache import cache

log = logging.getLogger(__name__)

BLOCK = 100
BLOCKS_LIMIT = 10
PAGE_LIMIT = 100
"""The last page that can be asked for."""
CURSOR_LIMIT_CHARS = 512
SEARCHES, SEARCHES_WINDOW_S = 3, 10
"""New searches that may be read upstream per shop in so many seconds: less than a fifth of the 100 reads a minute for everything, and
a burst that leaves room for pages.
"""
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def normal(query: str) -> str:
    """A search as it is a key: no control characters, single spaces, lower case."""
    return " ".join(_UNFIT.sub(" ", query).lower().split())


@dataclass(frozen=True, slots=True)
class FeedSelection:
    """Which products, in which order. ``query`` is ``normal``; ``sort`` is a key of SORTS."""

    collection: str = ""
    query: str = ""
    in_stock: bool = False
    sort: str = "featured"


@dataclass(frozen=True, slots=True)
class ProductList:
    """One page. ``number`` is the page that is shown, not the one asked for; ``pages`` and ``total`` are None while unknown.

    ``sortable``: whether ``sort`` was honoured, which takes all products.
    """

    products: tuple[Product, ...]
    number: int
    pages: int | None
    total: int | None
    has_next: bool
    sortable: bool

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1


def _by_rating(product: Product) -> tuple[Any, ...]:
    rating = product.rating
    return (-rating.average, -rating.count) if rating and rating.count and rating.average else (1, 0)


SORTS: dict[str, Callable[[Product], Any]] = {
    "featured": lambda product: 0,
    "price_low": lambda product: product.price,
    "price_high": lambda product: -product.price,
    "rating": _by_rating,
}


def block_query(selection: FeedSelection, cursor: str | None = None) -> Query:
    """The read of one block; ``sort`` has no part in it."""
    arguments: dict[str, Hashable] = {"collection": selection.collection or None, "limit": BLOCK}
    if selection.query:
        arguments["query"] = selection.query
    if selection.in_stock:
        arguments["in_stock"] = True
    if cursor is not None:
        arguments["cursor"] = cursor
    return Query.of(PRODUCTS, None, **arguments)


def select(products: Iterable[Product], selection: FeedSelection) -> list[Product]:
    """The products that match, in order; ties stay in the feed's order. A search needs all of its words in title, vendor or tags."""
    words = selection.query.casefold().split()
    matching = [
        product
        for product in products
        if (product.available or not selection.in_stock) and (not words or _speaks_of(product, words))
    ]
    return sorted(matching, key=SORTS[selection.sort])


def _speaks_of(product: Product, words: list[str]) -> bool:
    text = " ".join((product.title, product.vendor, *product.tags)).casefold()
    return all(word in text for word in words)


def product_list(source: Source, selection: FeedSelection, number: int, size: int) -> ProductList:
    """Page ``number`` (from 1) of ``size`` products of a collection, or of all; a number beyond the end gives the last page.

    A collection that Sumeru does not know is empty. Raises reader.Pending when a block is neither kept nor to be had; what was read
    until then is kept, so a later try gets further.
    """
    try:
        first: ProductPage = source.get(block_query(FeedSelection(selection.collection)))
    except Missing:
        return cut((), FeedSelection(), number, size)
    if first.next_cursor is None:
        return cut(first.products, selection, number, size)
    if selection.query:
        return _search(source, selection, number, size)
    return _chained(source, selection, number, size)


def picked(
    products: dict[str, Product | None], ids: Iterable[str], selection: FeedSelection, number: int, size: int
) -> ProductList:
    """A page of products that were named one by one, in that order; the unknown are left out."""
    return cut((found for each in ids if (found := products.get(each)) is not None), selection, number, size)


def cut(products: Iterable[Product], selection: FeedSelection, number: int, size: int) -> ProductList:
    """A page of what is held as a whole."""
    selected = select({product.id: product for product in products}.values(), selection)
    pages = min(_pages(len(selected), size), PAGE_LIMIT)
    number = min(number, pages)
    page_products = tuple(selected[(number - 1) * size : number * size])
    return ProductList(page_products, number, pages, len(selected), has_next=number < pages, sortable=True)


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def _search(source: Source, selection: FeedSelection, number: int, size: int) -> ProductList:
    """The best block of what Sumeru finds. One key per words: the stock filter is applied here."""
    query = block_query(replace(selection, in_stock=False))
    try:
        if source.load(query) is None and not _may_search(source.shop_id):
            raise Pending(SEARCHES_WINDOW_S / 2)
        found: ProductPage = source.get(query)
    except Missing:
        return cut((), FeedSelection(), number, size)
    # Sumeru judged the words, and may know more of them than we do.
    return cut(found.products, replace(selection, query=""), number, size)


def _may_search(shop_id: int) -> bool:
    """Counts a search that has no copy. Without a shared cache only the limiter holds the rate."""
    key = f"searches:{shop_id}:{int(time.time()) // SEARCHES_WINDOW_S}"
    try:
        cache.add(key, 0, timeout=2 * SEARCHES_WINDOW_S)
        return bool(cache.incr(key) <= SEARCHES)
    except Exception as error:  # whatever the cache library raises, or the key expired between the two
        log.warning("searches are not counted: %s", type(error).__name__)
        return True


def _chained(source: Source, selection: FeedSelection, number: int, size: int) -> ProductList:
    """A page of more than one block. The upstream may give fewer per block than it was asked for."""
    number = min(number, PAGE_LIMIT)
    plain = replace(selection, sort="featured", query="")
    by_id: dict[str, Product] = {}
    cursor: str | None = None
    seen: set[str] = set()
    for _block in range(BLOCKS_LIMIT):
        try:
            block: ProductPage = source.get(block_query(plain, cursor))
        except Missing:
            return replace(cut(by_id.values(), plain, number, size), sortable=False)
        for product in block.products:
            by_id.setdefault(product.id, product)
        cursor = block.next_cursor
        if cursor is None:
            whole = len(seen) == 0  # the filter left one block: everything is known
            return replace(cut(by_id.values(), selection if whole else plain, number, size), sortable=whole)
        if cursor in seen or len(cursor) > CURSOR_LIMIT_CHARS:
            break
        seen.add(cursor)
        if len(by_id) >= number * size:
            page_products = tuple(by_id.values())[(number - 1) * size : number * size]
            return ProductList(page_products, number, None, None, has_next=number < PAGE_LIMIT, sortable=False)
    end = cut(by_id.values(), plain, number, size)
    return replace(end, pages=None, total=None, sortable=False)
