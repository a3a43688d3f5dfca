"""Storefront endpoints about products: reviews, bundles, upsell and the product feed.

For each its address, its parameters and the one mapping from its JSON to our values. Fields that are not known from public
documentation are read tolerantly (see ``reading``); their shapes are assumptions until ``check_sumeru`` has seen a real account.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sumeru_proxy.client import arguments, shapes
from sumeru_proxy.client.reading import Fields, next_cursor
from sumeru_proxy.client.resource import (
    NEEDS_WRITE,
    NO_PRODUCT,
    READS,
    TEST_MARK,
    WRITES,
    CallArguments,
    Example,
    ProbeState,
    Resource,
    currency_of,
    query_of,
)
from sumeru_proxy.client.resource_parts import average_of, discount_of, product_of
from sumeru_proxy.client.values import ID_CHARS, TEXT_CHARS, word_of

REVIEW_SORTS = ("-created_at", "-rating", "rating", "-helpful")


# -- reviews


def _media_of(fields: Fields) -> shapes.Media:
    kind, url = fields.need_choice("type", ("image", "video")), fields.need_url("url")
    return shapes.Media(
        kind=kind,
        url=url,
        thumb_url=fields.url("thumb_url") or (url if kind != "video" else ""),
        width=fields.integer("width", 1, 100_000),
        height=fields.integer("height", 1, 100_000),
        alt=fields.text("alt"),
    )


def _author_of(fields: Fields) -> shapes.Author:
    return shapes.Author(
        name=fields.text("name", 120),
        verified_buyer=fields.flag("verified_buyer"),
        country=fields.country("country"),
    )


def _reply_of(fields: Fields) -> shapes.Reply:
    return shapes.Reply(body=fields.need_text("body", TEXT_CHARS), created_at=fields.moment("created_at"))


def _review_of(fields: Fields) -> shapes.Review:
    return shapes.Review(
        id=fields.need_word("id"),
        rating=fields.need_integer("rating", 1, 5),
        title=fields.text("title"),
        body=fields.text("body", TEXT_CHARS),
        author=fields.child("author", _author_of) or shapes.Author(name=""),
        created_at=fields.need_moment("created_at"),
        locale=fields.word("locale", 35),
        variant_title=fields.text("variant_title"),
        helpful_count=fields.integer("helpful_count") or 0,
        media=fields.items("media", _media_of),
        reply=fields.child("reply", _reply_of),
    )


Stars = tuple[int, int, int, int, int]


def _histogram_of(fields: Fields, count: int) -> Stars | None:
    """How many gave 1 to 5 stars, of ``count`` in all; None, and noted, when that is not said.

    Stars that are not named are nobody's only when the others are everybody. Counts that are far from ``count`` are something else, as
    percentages are.
    """
    said = fields.child("histogram", lambda inner: [inner.integer(star) for star in "12345"])
    if not count:
        return (0, 0, 0, 0, 0)
    known = [number for number in said or () if number is not None]
    off = abs(sum(known) - count)
    if off == 0 or (len(known) == 5 and off * 20 <= count):
        one, two, three, four, five = (number or 0 for number in said or ())
        return one, two, three, four, five
    fields.withhold("histogram")
    return None


def _summary_of(fields: Fields) -> shapes.ReviewSummary:
    count = fields.need_integer("count")
    return shapes.ReviewSummary(
        product_id=fields.word("product_id"),
        average=average_of(fields, count),
        count=count,
        histogram=_histogram_of(fields, count),
    )


def _read_reviews(outer: Fields) -> shapes.ReviewPage:
    def read(data: Fields) -> tuple[shapes.ReviewSummary, tuple[shapes.Review, ...]]:
        return data.need_child("summary", _summary_of), data.need_items("reviews", _review_of)

    summary, reviews = outer.need_child("data", read)
    return shapes.ReviewPage(summary=summary, reviews=reviews, next_cursor=next_cursor(outer))


def ask_reviews(
    product_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
    rating: int | None = None,
    media: bool = False,
) -> CallArguments:
    """One page of a product's reviews."""
    return CallArguments(
        query_of(
            product_id=arguments.identifier("product_id", product_id),
            limit=None if limit is None else arguments.whole("limit", limit, 1, 100),
            cursor=None if cursor is None else arguments.cursor(cursor),
            sort=None if sort is None else arguments.choice("sort", sort, REVIEW_SORTS),
            rating=None if rating is None else arguments.whole("rating", rating, 1, 5),
            media=bool(media),
        )
    )


REVIEWS = Resource(
    "reviews",
    "GET",
    "/api/public/reviews",
    READS,
    _read_reviews,
    ask_reviews,
    Example("prd_1", limit=10),
    probe=lambda state: ask_reviews(state.product_id, limit=100) if state.product_id else NO_PRODUCT,
    after="products",
    fresh_s=60,
    topics=("reviews", "reviews:{product_id}", "people"),
)


def _read_submitted(outer: Fields) -> shapes.Submitted:
    return outer.need_child(
        "data", lambda data: shapes.Submitted(id=data.need_word("id"), status=data.need_word("status", 40))
    )


def ask_submit_review(
    product_id: str,
    rating: int,
    body: str,
    author_name: str,
    author_email: str,
    title: str = "",
    order_id: str | None = None,
    locale: str | None = None,
) -> CallArguments:
    """A shopper's review."""
    sent: dict[str, Any] = {
        "product_id": arguments.identifier("product_id", product_id),
        "rating": arguments.whole("rating", rating, 1, 5),
        "title": arguments.line("title", title, 300),
        "body": arguments.text("body", body, TEXT_CHARS),
        "author": {
            "name": arguments.line("author_name", author_name, 120, least=1),
            "email": arguments.email("author_email", author_email),
        },
    }
    if order_id:
        sent["order_id"] = arguments.identifier("order_id", order_id)
    if locale:
        sent["locale"] = arguments.line("locale", locale, 35)
    return CallArguments(body=sent)


def _probe_submit_review(state: ProbeState) -> CallArguments | str:
    if not state.write:
        return NEEDS_WRITE
    if not state.product_id:
        return NO_PRODUCT
    return ask_submit_review(state.product_id, 5, TEST_MARK, "check_sumeru", "check_sumeru@example.com", TEST_MARK)


SUBMIT_REVIEW = Resource(
    "submit_review",
    "POST",
    "/api/public/reviews",
    WRITES,
    _read_submitted,
    ask_submit_review,
    Example("prd_1", 5, "Light and strong.", "Nora", "nora@example.com"),
    probe=_probe_submit_review,
    after="products",
)


# -- bundles, upsell, products


def _bundle_item_of(fields: Fields) -> shapes.BundleItem:
    # One when nothing is said; a number that cannot be read is not one.
    said = fields.raw("quantity") is not None
    return shapes.BundleItem(product_of(fields), fields.need_integer("quantity", 1, 10_000) if said else 1)


def _bundle_of(fields: Fields) -> shapes.Bundle:
    return shapes.Bundle(
        id=fields.need_word("id"),
        title=fields.need_text("title"),
        description=fields.text("description", TEXT_CHARS),
        items=fields.need_whole_items("items", _bundle_item_of),
        price=fields.need_decimal("price"),
        currency=fields.need_currency("currency"),
        compare_at_price=fields.decimal("compare_at_price"),
        discount=fields.child("discount", discount_of),
    )


def ask_bundles(product_id: str) -> CallArguments:
    """The bundles that a product is part of."""
    return CallArguments(query_of(product_id=arguments.identifier("product_id", product_id)))


BUNDLES = Resource(
    "bundles",
    "GET",
    "/api/public/bundles",
    READS,
    lambda outer: outer.need_items("data", _bundle_of),
    ask_bundles,
    Example("prd_1"),
    probe=lambda state: ask_bundles(state.product_id) if state.product_id else NO_PRODUCT,
    after="products",
    fresh_s=300,
    topics=("bundles", "products", "product:{product_id}"),
)


def _count_of(ids: str | None) -> int:
    return ids.count(",") + 1 if ids else 1


def _offer_of(fields: Fields) -> shapes.UpsellOffer:
    return shapes.UpsellOffer(
        product=fields.need_child("product", product_of),
        reason=fields.text("reason"),
        discount=fields.child("discount", discount_of),
    )


def ask_upsell(
    product_ids: Iterable[str],
    cart_total: Decimal | str | None = None,
    currency: str | None = None,
    limit: int | None = None,
) -> CallArguments:
    """Offers next to a cart that holds these products."""
    ids = arguments.identifiers("product_ids", product_ids)
    return CallArguments(
        query_of(
            product_ids=ids,
            cart_total=None if cart_total is None else arguments.money("cart_total", cart_total),
            currency=None if not currency else arguments.currency("currency", currency),
            limit=None if limit is None else arguments.whole("limit", limit, 1, 100),
        ),
        items=_count_of(ids),
    )


UPSELL = Resource(
    "upsell",
    "GET",
    "/api/public/upsell",
    READS,
    lambda outer: outer.need_items("data", _offer_of),
    ask_upsell,
    Example(["prd_1"], "49.00", "EUR"),
    probe=lambda state: (
        ask_upsell((state.product_id,), "10.00", currency_of(state), 5) if state.product_id else NO_PRODUCT
    ),
    after="products",
    # The upstream's edge has 60 s, but offers hardly change, and reads are scarce.
    fresh_s=300,
    topics=("upsell", "products"),
)


def _read_products(outer: Fields) -> shapes.ProductPage:
    products = outer.need_items("data", product_of)
    read_ids = {product.id for product in products}
    came = (word_of(each.get("id"), ID_CHARS) if isinstance(each, dict) else None for each in outer.raw("data"))
    unreadable_ids = tuple(sorted({product_id or "" for product_id in came} - read_ids))
    return shapes.ProductPage(products, next_cursor(outer), unreadable_ids)


def ask_products(
    collection: str | None = None,
    product_ids: Iterable[str] | None = None,
    query: str | None = None,
    in_stock: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> CallArguments:
    """One page of the product feed. Whether a read of many ids counts one or one per id is not documented: the client begins with one
    and learns it from ``X-RateLimit-Remaining`` (``costs``).
    """
    ids = None if product_ids is None else arguments.identifiers("product_ids", product_ids)
    return CallArguments(
        query_of(
            collection=None if not collection else arguments.identifier("collection", collection),
            product_ids=ids,
            q=None if not query else arguments.line("query", query, 200),
            in_stock=bool(in_stock),
            limit=None if limit is None else arguments.whole("limit", limit, 1, 100),
            cursor=None if cursor is None else arguments.cursor(cursor),
        ),
        items=_count_of(ids),
    )


PRODUCTS = Resource(
    "products",
    "GET",
    "/api/public/product-feed",
    READS,
    _read_products,
    ask_products,
    Example(limit=24),
    probe=lambda _state: ask_products(limit=5),
    fresh_s=300,
    topics=("product_feed", "products"),
)
