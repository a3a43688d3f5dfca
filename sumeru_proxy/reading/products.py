"""Products, many in one upstream call, each stored by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.resources_catalogue import PRODUCTS
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.fetching import absent_copy, fresh_copies, stamped
from sumeru_proxy.reading.leases import lease, wait_for

log = logging.getLogger(__name__)

PRODUCTS_PER_CALL = 100


def block_query(ids: Sequence[str], fresh_s: float) -> Query:
    """One call for several products. Its answer is stored product by product, under ``single_query``."""
    return Query(PRODUCTS.name, (("product_ids", tuple(ids)), ("limit", len(ids))), ("products",), fresh_s)


def single_query(product_id: str, fresh_s: float) -> Query:
    """The name under which one product of a shared call is stored."""
    topics = ("products", stamps.topic_of(f"product:{product_id}"))
    return Query(PRODUCTS.name, (("product_ids", (product_id,)), ("limit", 1)), topics, fresh_s)


def single_id(query: Query) -> str | None:
    """The product's id when this is a ``single_query``, else None: a block of the feed has no ids, and is one copy."""
    ids = dict(query.arguments).get("product_ids")
    if query.method == PRODUCTS.name and isinstance(ids, tuple) and len(ids) == 1:
        return str(ids[0])
    return None


def ids_of(query: Query) -> list[str]:
    """The products that a read is about."""
    named = dict(query.arguments)
    ids = named.get("product_ids") or ((named["product_id"],) if named.get("product_id") else ())
    return [str(each) for each in ids] if isinstance(ids, tuple) else []


def fetch(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    """Ask for up to PRODUCTS_PER_CALL products and store each by itself; those Sumeru leaves out are stored as absent. One call, or several
    where each product of a call costs one.

    What came but cannot be read is neither stored nor absent. Raises the client's errors when the first call fails; what later ones
    would have brought is left out.
    """
    size = max(1, sumeru.items_at_once(PRODUCTS, len(ids))) if len(ids) > 1 else 1
    fetched = _fetch(shop_id, sumeru, ids[:size], fresh_s)
    for start in range(size, len(ids), size):
        try:
            fetched |= _fetch(shop_id, sumeru, ids[start : start + size], fresh_s)
        except errors.SumeruError as error:
            log.info("shop %s: products, in parts: %s", shop_id, error)
            break
    return fetched


def _fetch(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    queries = {product_id: single_query(product_id, fresh_s) for product_id in ids}
    made_under = {product_id: stamped(shop_id, query.watched) for product_id, query in queries.items()}
    page = sumeru.products(product_ids=tuple(ids), limit=len(ids))
    by_id = {product.id: product for product in page.products}
    now = time.time()
    fetched: dict[str, Copy] = {}
    for product_id, query in queries.items():
        product = by_id.get(product_id)
        key = query.key(shop_id)
        if product is None:
            if page.next_cursor is not None or product_id in page.unreadable_ids or "" in page.unreadable_ids:
                continue
            fetched[product_id] = absent_copy(key, shop_id, query, made_under[product_id])
        else:
            fetched[product_id] = Copy(product, now, fresh_s, made_under[product_id])
        copies.store(key, fetched[product_id])
    return fetched


def refresh(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> bool:
    """As ``fetch``, without those that another process has refreshed; False when another is at it or failed just now."""
    with lease(f"products:{shop_id}") as leased:
        if leased:
            fresh = _fresh(shop_id, ids, fresh_s)
            stale_ids = [product_id for product_id in ids if product_id not in fresh]
            if stale_ids:
                fetch(shop_id, sumeru, stale_ids, fresh_s)
        return leased


def fetch_leased(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    """As ``fetch``, unless another process or thread is at it: then what that brings within a moment, and no more.

    Raises the client's errors.
    """
    key = block_query(ids, fresh_s).key(shop_id)
    with lease(key) as leased:
        if leased:
            fetched = _fresh(shop_id, ids, fresh_s)
            absent_ids = [product_id for product_id in ids if product_id not in fetched]
            if absent_ids:
                fetched |= fetch(shop_id, sumeru, absent_ids, fresh_s)
            return fetched
    keys = {product_id: single_query(product_id, fresh_s).key(shop_id) for product_id in ids}
    wait_for(key, lambda: copies.load(keys[ids[-1]]))
    stored = copies.load_many(list(keys.values()))
    return {product_id: stored[key] for product_id, key in keys.items() if key in stored}


def _fresh(shop_id: int, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    queries = {single_query(product_id, fresh_s).key(shop_id): product_id for product_id in ids}
    fresh = fresh_copies(shop_id, {key: single_query(product_id, fresh_s) for key, product_id in queries.items()})
    return {queries[key]: copy for key, copy in fresh.items()}
