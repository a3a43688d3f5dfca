"""The catalogue index of a shop: which products there are, by id, handle and the platform's own id, in our database.

The walk through the feed fills it (``catalogue_walk``). It answers three questions without a call: is there such a product, which
one has this handle, and what is known of it. It is *complete* once a whole pass of the feed was read, and *fresh* for a while after.
While it is not complete, or the feed fails, nobody is refused because of it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import DatabaseError
from django.db.models import Q

from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.reading import Fields, Notes
from sumeru_proxy.client.resource_parts import product_of
from sumeru_proxy.client.shapes import Product, ProductPage
from sumeru_proxy.memory import Memory
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.copies import Copy
from sumeru_proxy.reading.products import single_query

log = logging.getLogger(__name__)

KEEP_S: Final = 7 * 24 * 3_600.0
"""So long after its last whole pass an index still counts as complete."""
FRESH_S: Final = 900.0
"""So long after a whole pass began, what it did not name is not there."""
RECHECK_S: Final = 5.0
ASK_AGAIN_S: Final = 60.0
_NAMES_LIMIT: Final = 50_000
_GID = re.compile(r"gid://[a-z0-9-]+/Product/([0-9]{1,30})\Z", re.IGNORECASE)


class IndexState(NamedTuple):
    """``complete``: what the index does not hold is unproven. ``fresh``: it is not there. ``failing``: the feed does not answer."""

    complete: bool = False
    fresh: bool = False
    failing: bool = False
    products: int = 0


class IndexNames(NamedTuple):
    """By what a product is known."""

    product_id: str
    handle: str
    other_id: str


_NO_INDEX = IndexState()
_states: Memory[int, IndexState] = Memory(5_000, RECHECK_S)
_known: Memory[tuple[int, str], IndexNames] = Memory(_NAMES_LIMIT, 300.0)
_unknown: Memory[tuple[int, str], bool] = Memory(2_000, RECHECK_S, keep_s=60.0)
_asked: Memory[int, bool] = Memory(5_000, ASK_AGAIN_S)


def platform_id(text: str) -> str:
    """The platform's id as the index keeps it: the digits of ``gid://shopify/Product/123``, anything else as it is."""
    found = _GID.match(text)
    return found[1] if found else text


def state(shop_id: int) -> IndexState:
    """How far the shop's index can be trusted, at most RECHECK_S old. One query at most; never raises."""
    entry = _states.fresh(shop_id)
    if entry:
        return entry.value
    try:
        found = _state_of(CatalogueWalk.objects.filter(shop_id=shop_id).first(), time.time())
    except DatabaseError:
        last = _states.last(shop_id)
        found = last.value if last else _NO_INDEX
    _states.set(shop_id, found)
    return found


def _state_of(walk: CatalogueWalk | None, now: float) -> IndexState:
    if walk is None or not walk.completed_products:
        return _NO_INDEX
    return IndexState(
        complete=0 <= now - walk.completed_at < KEEP_S,
        fresh=0 <= now - walk.completed_began_at < FRESH_S,
        failing=walk.failures > 1,
        products=walk.completed_products,
    )


def names(shop_id: int, asked: Iterable[str]) -> dict[str, IndexNames]:
    """Those of these product ids (or ids of the platform) that the index holds, by what was asked. One query; never raises.

    A product's own id goes before another's platform id.
    """
    found: dict[str, IndexNames] = {}
    unsure: list[str] = []
    for each in dict.fromkeys(asked):
        if entry := _known.fresh((shop_id, each)):
            found[each] = entry.value
        elif not _unknown.fresh((shop_id, each)):
            unsure.append(each)
    if not unsure:
        return found
    others = {platform_id(each) for each in unsure}
    try:
        rows = [
            IndexNames(*row)
            for row in CatalogueEntry.objects.filter(shop_id=shop_id)
            .filter(Q(product_id__in=unsure) | Q(other_id__in=others - {""}))
            .values_list("product_id", "handle", "other_id")
        ]
    except DatabaseError:
        last = {each: entry.value for each in unsure if (entry := _known.last((shop_id, each)))}
        return {**found, **last}
    by_id = {row.product_id: row for row in rows}
    by_other = {row.other_id: row for row in rows}
    for each in unsure:
        row = by_id.get(each) or by_other.get(platform_id(each))
        if row:
            found[each] = row
            _known.set((shop_id, each), row)
        else:
            _unknown.set((shop_id, each), True)
    return found


def by_handle(shop_id: int, handle: str) -> IndexNames | None:
    """The product with this handle; the one that was seen last, should there be two. None when the index holds none. Never raises."""
    key = (shop_id, f"handle:{handle}")
    if entry := _known.fresh(key):
        return entry.value
    if _unknown.fresh(key):
        return None
    try:
        row = (
            CatalogueEntry.objects.filter(shop_id=shop_id, handle=handle)
            .order_by("-passes", "pk")
            .values_list("product_id", "handle", "other_id")
            .first()
        )
    except DatabaseError:
        last = _known.last(key)
        return last.value if last else None
    if row is None:
        _unknown.set(key, True)
        return None
    found = IndexNames(*row)
    _known.set(key, found)
    return found


def kept(shop_id: int, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    """These products as the walk saw them, as copies of that age; those the index does not hold are left out. One query; never raises."""
    found: dict[str, Copy] = {}
    try:
        rows = list(CatalogueEntry.objects.filter(shop_id=shop_id, product_id__in=list(ids)))
    except DatabaseError:
        return {}
    for row in rows:
        product = _product(row.product_text) if row.product_text else None
        if product is not None:
            made_under = tuple((str(topic), int(soft)) for topic, soft in row.made_under)
            found[row.product_id] = Copy(product, row.seen_at, fresh_s, made_under)
    return found


def put(shop_id: int, page: ProductPage, passes: int, seen_at: float, made_under: Mapping[str, int]) -> int:
    """Keep a page's products in the index; gives how many. May be repeated. Raises django.db.Error.

    One that could not be read is there all the same, and nothing is known of it. ``made_under``: the stamps of the topics that are
    about all products, from before they were read.
    """
    found = {product.id: product for product in page.products}
    topics = {each: single_query(each, 0.0).topics for each in found}
    own = {topic for each in topics.values() for topic in each} - made_under.keys()
    values = {topic: value.soft for topic, value in stamps.current(shop_id, own).items()} | dict(made_under)
    rows = [
        CatalogueEntry(
            shop_id=shop_id,
            product_id=product.id,
            handle=product.handle,
            other_id=platform_id(product.other_id or product.id),
            product_text=_text(product),
            made_under=[[topic, values.get(topic, 0)] for topic in (stamps.EVERYTHING, *topics[product.id])],
            passes=passes,
            seen_at=seen_at,
        )
        for product in found.values()
    ] + [
        CatalogueEntry(shop_id=shop_id, product_id=each, product_text="", passes=passes, seen_at=seen_at)
        for each in set(page.unreadable_ids) - found.keys() - {""}
    ]
    CatalogueEntry.objects.bulk_create(
        rows,
        batch_size=100,
        update_conflicts=True,
        unique_fields=["shop", "product_id"],
        update_fields=["handle", "other_id", "product_text", "made_under", "passes", "seen_at"],
    )
    for row in rows:
        _unknown.discard((shop_id, row.product_id))
        _unknown.discard((shop_id, f"handle:{row.handle}"))
    return len(rows)


def wanted(shop_id: int) -> None:
    """Somebody asks for products that the index does not tell: its first walk comes before others', the next one soon. Once a minute;
    never raises.
    """
    if _asked.fresh(shop_id):
        return
    _asked.set(shop_id, True)
    now = time.time()
    try:
        rows = CatalogueWalk.objects.filter(shop_id=shop_id)
        if not rows.filter(failures=0, completed_at=0.0).update(asked_at=now, next_at=0.0):
            rows.update(asked_at=now)
            rows.filter(failures=0, cursor="", completed_at__lt=now - FRESH_S / 2, next_at__gt=now).update(next_at=now)
    except DatabaseError as error:
        log.warning("shop %s: its walk was not asked for: %s", shop_id, type(error).__name__)


def _text(product: Product) -> str:
    return json.dumps(dataclasses.asdict(product) | {"external_id": product.other_id}, default=str)


def _product(text: str) -> Product | None:
    try:
        value: Any = json.loads(text)
        return product_of(Fields(value, "product", Notes()))
    except (ValueError, AttributeError, Unreadable) as error:
        log.warning("a product of the index cannot be read: %s", type(error).__name__)
        return None
