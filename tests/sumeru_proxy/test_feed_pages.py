"""Pages of the product feed over blocks: the same as over a plain list, for as few reads as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sumeru_proxy.client.shapes import Product, ProductPage, Rating
from sumeru_proxy.reading import feed as feed_pages
from sumeru_proxy.reading.feed import FeedSelection
from sumeru_proxy.reading.reader import Missing, Pending, Query

LAMP = Product("prd", "lamp", "Lamp", "", Decimal(10), "EUR", available=True, vendor="Glow", tags=("light",))


def product(number: int, price: int = 10, *, available: bool = True, rating: int = 0, title: str = "Lamp") -> Product:
    return replace(
        LAMP,
        id=f"prd_{number}",
        title=f"{title} {number}",
        price=Decimal(price),
        available=available,
        rating=Rating(Decimal(rating), 3) if rating else None,
    )


def naive(products: Sequence[Product], selection: FeedSelection) -> list[Product]:
    """What a person would write who had all products in a list."""
    kept = [
        each
        for each in products
        if (each.available or not selection.in_stock)
        and all(
            word in f"{each.title} {each.vendor} {' '.join(each.tags)}".casefold() for word in selection.query.split()
        )
    ]
    if selection.sort == "price_low":
        kept.sort(key=lambda each: each.price)
    if selection.sort == "price_high":
        kept.sort(key=lambda each: -each.price)
    if selection.sort == "rating":
        kept.sort(key=lambda each: -(each.rating.average if each.rating else 0))
    return kept


class Feed:
    """A source over a plain list that it pages with cursors."""

    def __init__(self, products: Sequence[Product], block_limit: int = 100, known: str = "lamps") -> None:
        self.products_held = products
        self.block_limit = block_limit
        self.known = known
        self.reads: list[dict[str, Any]] = []
        self.gets = 0
        self.kept: dict[Query, Any] = {}
        self.shop_id = 7
        self.fresh = True

    def load(self, wanted: Query) -> Any:
        return self.kept.get(wanted)

    def get(self, wanted: Query) -> Any:
        self.gets += 1
        if wanted not in self.kept:
            self.kept[wanted] = self.read(dict(wanted.arguments))
        return self.kept[wanted]

    def read(self, asked: dict[str, Any]) -> ProductPage:
        self.reads.append(asked)
        if asked["collection"] not in (None, self.known):
            raise Missing
        found = naive(self.products_held, FeedSelection("", asked.get("query", ""), asked.get("in_stock", False)))
        start = int(asked.get("cursor", "after-0").removeprefix("after-"))
        end = start + min(asked["limit"], self.block_limit)
        return ProductPage(tuple(found[start:end]), f"after-{end}" if end < len(found) else None)


ROWS = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 5)), max_size=60).map(
    lambda rows: [product(n, price, available=here, rating=stars) for n, (price, here, stars) in enumerate(rows)]
)
SELECTIONS = st.builds(
    FeedSelection,
    st.just("lamps"),
    st.sampled_from(["", "lamp", "LAMP 1".lower(), "glow light", "sofa"]),
    st.booleans(),
    st.sampled_from(sorted(feed_pages.SORTS)),
)


@given(products=ROWS, selection=SELECTIONS, number=st.integers(1, 12), size=st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_one_block_is_cut_as_a_list_would_be(
    products: list[Product], selection: FeedSelection, number: int, size: int
) -> None:
    feed = Feed(products)
    found = feed_pages.product_list(feed, selection, number, size)  # type: ignore[arg-type]
    whole = naive(products, selection)
    pages = max(1, -(-len(whole) // size))
    shown = min(number, pages)
    assert list(found.products) == whole[(shown - 1) * size : shown * size]
    assert (found.number, found.pages, found.total) == (shown, pages, len(whole))
    assert (found.has_next, found.has_previous, found.sortable) == (shown < pages, shown > 1, True)
    assert feed.reads == [{"collection": "lamps", "limit": 100}]


@given(
    products=ROWS,
    in_stock=st.booleans(),
    number=st.integers(1, 12),
    size=st.integers(1, 20),
    block=st.integers(7, 59),
)
@settings(max_examples=300, deadline=None)
def test_many_blocks_keep_the_feeds_order(
    products: list[Product], in_stock: bool, number: int, size: int, block: int
) -> None:
    feed = Feed(products, block)
    selection = FeedSelection("lamps", "", in_stock)
    whole = naive(products, selection)
    shown: list[Product] = []
    for each in range(1, number + 1):
        found = feed_pages.product_list(feed, selection, each, size)  # type: ignore[arg-type]
        if found.number == each:
            shown += found.products
        if not found.has_next:
            break
    assert shown == whole[: len(shown)]
    assert len(shown) >= min(number * size, len(whole))


def test_blocks_are_read_only_as_far_as_the_page_needs() -> None:
    feed = Feed([product(n) for n in range(450)])
    assert len(feed_pages.product_list(feed, FeedSelection(), 1, 12).products) == 12  # type: ignore[arg-type]
    assert len(feed.reads) == 1
    found = feed_pages.product_list(feed, FeedSelection(), 18, 12)  # type: ignore[arg-type]
    assert [each.id for each in found.products] == [f"prd_{n}" for n in range(204, 216)]
    assert (found.pages, found.total, found.has_next, found.sortable) == (None, None, True, False)
    assert len(feed.reads) == 3


def test_a_sort_of_more_than_is_known_is_not_pretended() -> None:
    feed = Feed([product(n, 500 - n) for n in range(150)])
    found = feed_pages.product_list(feed, FeedSelection(sort="price_low"), 1, 10)  # type: ignore[arg-type]
    assert (found.sortable, found.products[0].id) == (False, "prd_0")
    assert feed_pages.product_list(feed, FeedSelection(sort="price_low"), 15, 10).products[0].id == "prd_140"  # type: ignore[arg-type]


def test_what_a_filter_leaves_may_be_sorted() -> None:
    feed = Feed([product(n, 500 - n, available=n % 2 == 0) for n in range(150)])
    found = feed_pages.product_list(feed, FeedSelection(in_stock=True, sort="price_low"), 1, 10)  # type: ignore[arg-type]
    assert (found.sortable, found.total, found.products[0].id) == (True, 75, "prd_148")


@pytest.mark.stores
@pytest.mark.stores
def test_a_search_of_a_large_collection_is_one_read_however_it_is_shown() -> None:
    feed = Feed([product(n, 500 - n, title="Lamp" if n % 2 else "Torch", available=n % 3 == 0) for n in range(180)])
    for sort, in_stock, number in (("featured", False, 1), ("price_low", True, 2), ("rating", True, 1)):
        feed_pages.product_list(feed, FeedSelection("", "torch", in_stock, sort), number, 10)  # type: ignore[arg-type]
    assert [each.get("query") for each in feed.reads] == [None, "torch"]


def test_upstreams_judgement_of_words_is_not_second_guessed() -> None:
    feed = Feed([product(n) for n in range(150)])
    feed.kept[feed_pages.block_query(FeedSelection(query="leuchte"))] = ProductPage((product(3), product(4)))
    found = feed_pages.product_list(feed, FeedSelection(query="leuchte"), 1, 10)  # type: ignore[arg-type]
    assert [each.id for each in found.products] == ["prd_3", "prd_4"]


@pytest.mark.stores
@pytest.mark.stores
def test_new_searches_are_limited_and_kept_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pages.time, "time", lambda: 1_000_000.0)
    feed = Feed([product(n) for n in range(150)])
    for number in range(feed_pages.SEARCHES):
        feed_pages.product_list(feed, FeedSelection(query=f"lamp {number}"), 1, 10)  # type: ignore[arg-type]
    reads = len(feed.reads)
    with pytest.raises(Pending):
        feed_pages.product_list(feed, FeedSelection(query="lamp 99"), 1, 10)  # type: ignore[arg-type]
    assert feed_pages.product_list(feed, FeedSelection(query="lamp 2"), 1, 10).products  # type: ignore[arg-type]
    assert len(feed.reads) == reads
    other = Feed(feed.products_held)
    other.shop_id = 8
    assert feed_pages.product_list(other, FeedSelection(query="lamp 99"), 1, 10).products  # type: ignore[arg-type]
    monkeypatch.setattr(feed_pages.time, "time", lambda: 1_000_010.0)
    assert feed_pages.product_list(feed, FeedSelection(query="lamp 99"), 1, 10).products  # type: ignore[arg-type]


def test_a_failing_cache_does_not_stop_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(feed_pages.cache, "add", broken)
    feed = Feed([product(n) for n in range(150)])
    assert feed_pages.product_list(feed, FeedSelection(query="lamp 3"), 1, 10).products  # type: ignore[arg-type]


def test_unknown_collections_and_searches_are_empty() -> None:
    feed = Feed([product(1)])
    found = feed_pages.product_list(feed, FeedSelection("nowhere"), 3, 10)  # type: ignore[arg-type]
    assert (found.products, found.number, found.pages, found.total, found.has_next) == ((), 1, 1, 0, False)


def test_a_feed_that_runs_in_circles_ends() -> None:
    class Circle(Feed):
        def read(self, asked: dict[str, Any]) -> ProductPage:
            self.reads.append(asked)
            return ProductPage((product(len(self.reads)),), "round")

    feed = Circle([])
    found = feed_pages.product_list(feed, FeedSelection(), 9, 10)  # type: ignore[arg-type]
    assert (feed.gets, len(feed.reads)) == (3, 2)
    assert (len(found.products), found.has_next) == (2, False)


def test_an_endless_feed_ends_too() -> None:
    class Endless(Feed):
        def read(self, asked: dict[str, Any]) -> ProductPage:
            self.reads.append(asked)
            return ProductPage((product(len(self.reads)),), f"next-{len(self.reads)}")

    feed = Endless([])
    found = feed_pages.product_list(feed, FeedSelection(), 50, 10)  # type: ignore[arg-type]
    assert len(feed.reads) == feed_pages.BLOCKS_LIMIT
    assert (found.number, len(found.products), found.has_next) == (1, 10, False)


def test_picked_products_keep_their_order_and_leave_out_the_unknown() -> None:
    stock = {"prd_1": product(1), "prd_2": None, "prd_3": product(3, available=False)}
    found = feed_pages.picked(stock, ["prd_3", "prd_2", "prd_1", "prd_9"], FeedSelection(), 1, 10)
    assert [each.id for each in found.products] == ["prd_3", "prd_1"]
    assert feed_pages.picked(stock, ["prd_3"], FeedSelection(in_stock=True), 1, 10).total == 0


@pytest.mark.parametrize(
    ("typed", "key"),
    [("  Red   LAMP ", "red lamp"), ("red\x00lamp\u2028x", "red lamp x"), ("\r\n", ""), ("ÅÄÖ", "åäö"), ("\ud83d", "")],
)
def test_normal(typed: str, key: str) -> None:
    assert feed_pages.normal(typed) == key
