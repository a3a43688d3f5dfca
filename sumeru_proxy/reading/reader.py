"""Reading Sumeru through stored copies: fresh copy, else stale copy (and a refresh is asked for), else Sumeru, else *pending*.

Only a validated answer is ever stored: status 200, right type, parsed, shape checked by the client. Keys hold the shop's internal
id and the call's own arguments, never a credential. One process fetches a key at a time (``leases``); stamps are read before the
fetch begins (``fetching``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sumeru_proxy.client import errors, shapes
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.reading import leases, products, ratings, stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.fetching import fetch_leased, is_pause, retry_after

__all__ = ["Copy", "Missing", "Pending", "Query", "Source", "UsedCopy", "copies"]

log = logging.getLogger(__name__)


class Pending(Exception):
    """There is no copy yet and Sumeru could not be asked within the page's budget. ``retry_after_s``: when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Missing(Exception):
    """Sumeru says that what was asked for does not exist."""


class UsedCopy(NamedTuple):
    """What an answer was made of: a copy in the state in which it was used, or its absence (state ``absent``).

    State ``derived``: a copy, or none, that comes and changes with others and is not asked for itself.
    """

    query: Query
    copy: Copy | None
    state: str


def _level_of(error: errors.SumeruError) -> int:
    # Each of the answers that led to a pause was a warning; what is held back by it is not news.
    return logging.DEBUG if is_pause(error) else logging.WARNING


class Source:
    """Sumeru's data of one shop, as one page sees it. Remembers what it gave, and how fresh the oldest thing was.

    ``used`` is by key of the shared cache; ``opened_at`` is in seconds since 1970, before anything was read.

    ``open_client`` makes the client on first need (it decrypts credentials); ``ask_refresh`` takes what was served stale;
    ``count_request`` counts what shoppers look at. Never sleeps; a fetch takes at most the page lane's time budget.
    """

    def __init__(
        self,
        shop_id: int,
        open_client: Callable[[], Sumeru],
        ask_refresh: Callable[[int, Query], None],
        count_request: Callable[[int, Query], None] | None = None,
    ) -> None:
        self.shop_id = shop_id
        self._open_client = open_client
        self._ask_refresh = ask_refresh
        self._count_request = count_request
        self._client: Sumeru | None = None
        self.fresh = True
        self.oldest: float | None = None
        self.opened_at = time.time()
        self.used: dict[str, UsedCopy] = {}

    @property
    def client(self) -> Sumeru:
        """The page-lane client, made once."""
        if self._client is None:
            self._client = self._open_client()
        return self._client

    def age_s(self, now: float) -> float:
        """Seconds since Sumeru confirmed the oldest copy that was used; 0 when nothing was read."""
        return max(0.0, now - self.oldest) if self.oldest is not None else 0.0

    def load(self, query: Query) -> Any:
        """What our store holds of this, never asking Sumeru; None when there is no usable copy. Raises Missing."""
        key = query.key(self.shop_id)
        copy = copies.load(key)
        state = self._state(query, copy)
        if copy is None or state == "withdrawn":
            self.used[key] = UsedCopy(query, None, "absent")
            return None
        return self._give(key, query, copy, state)

    def get(self, query: Query) -> Any:
        """The value: from a copy at once (a stale one is refreshed behind the page), else from Sumeru.

        Raises Pending when there is neither, Missing when Sumeru says that there is no such thing.
        """
        key = query.key(self.shop_id)
        if self._count_request:
            self._count_request(self.shop_id, query)
        usable = self._usable(key, query)
        if usable is None:
            self.used[key] = UsedCopy(query, None, "absent")
            usable = self._fetch(key, query)
        return self._give(key, query, *usable)

    def products(self, ids: Sequence[str], fresh_s: float = 300.0) -> dict[str, shapes.Product | None]:
        """These products by id (None: unknown to Sumeru), each from its own copy; what lacks a copy comes in shared calls.

        Ids for which there is neither copy nor budget are left out. Never raises for a failing upstream.
        """
        queries = {product_id: products.single_query(product_id, fresh_s) for product_id in dict.fromkeys(ids)}
        keys = {product_id: query.key(self.shop_id) for product_id, query in queries.items()}
        stored = copies.load_many(list(keys.values()))
        current = stamps.current(self.shop_id, {topic for query in queries.values() for topic in query.watched})
        now = time.time()
        usable: dict[str, Copy] = {}
        for product_id, query in queries.items():
            key = keys[product_id]
            if self._count_request:
                self._count_request(self.shop_id, query)
            copy = stored.get(key)
            state = copy.state(now, current) if copy else "withdrawn"
            if copy is None or state == "withdrawn":
                self.used[key] = UsedCopy(query, None, "absent")
                continue
            usable[product_id] = copy
            self.used[key] = UsedCopy(query, copy, state)
            if state == "stale":
                self.fresh = False
                self._ask_refresh(self.shop_id, query)
        absent_ids = [product_id for product_id in queries if product_id not in usable]
        for start in range(0, len(absent_ids), products.PRODUCTS_PER_CALL):
            chunk = absent_ids[start : start + products.PRODUCTS_PER_CALL]
            try:
                fetched = products.fetch_leased(self.shop_id, self.client, chunk, fresh_s)
            except errors.SumeruError as error:
                log.log(_level_of(error), "shop %s: products: %s", self.shop_id, error)
                continue
            usable.update(fetched)
            for product_id, copy in fetched.items():
                state = copy.state(max(now, copy.fetched_at), current)
                self.used[keys[product_id]] = UsedCopy(queries[product_id], copy, state)
        for copy in usable.values():
            self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        return {product_id: copy.value for product_id, copy in usable.items()}

    def ratings(self, shown: Mapping[str, shapes.Product | None]) -> dict[str, shapes.Rating]:
        """The stars to show for each of these products, by id, see ``reading.ratings``; those of which nothing is known are left out.

        One question to the shared cache, none to Sumeru.
        """
        queries = {product_id: ratings.query_of(product_id) for product_id in shown}
        keys = {product_id: query.key(self.shop_id) for product_id, query in queries.items()}
        stored = copies.load_many(list(keys.values()))
        now = time.time()
        found: dict[str, shapes.Rating] = {}
        for product_id, product in shown.items():
            copy = stored.get(keys[product_id])
            self.used[keys[product_id]] = UsedCopy(queries[product_id], copy, "derived")
            said, age_s = (copy.value, now - copy.fetched_at) if copy else (None, 0.0)
            if decided := ratings.decide(said, age_s, product.rating if product else None):
                found[product_id] = decided
        return found

    def _state(self, query: Query, copy: Copy | None) -> str:
        return copy.state(time.time(), stamps.current(self.shop_id, query.watched)) if copy else "withdrawn"

    def _give(self, key: str, query: Query, copy: Copy, state: str) -> Any:
        self.used[key] = UsedCopy(query, copy, state)
        self.fresh = self.fresh and state == "fresh"
        self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        if copy.value is None:
            raise Missing
        return copy.value

    def _usable(self, key: str, query: Query) -> tuple[Copy, str] | None:
        """The copy that may be shown, and its state; a stale one is asked for again."""
        copy = copies.load(key)
        state = self._state(query, copy)
        if state == "stale":
            self._ask_refresh(self.shop_id, query)
        return (copy, state) if copy is not None and state != "withdrawn" else None

    def _fetch(self, key: str, query: Query) -> tuple[Copy, str]:
        try:
            copy = fetch_leased(self.shop_id, self.client, query)
        except errors.SumeruError as error:
            log.log(_level_of(error), "shop %s: %s: %s", self.shop_id, query.method, error)
            raise Pending(retry_after(error)) from None
        if copy is not None:
            return copy, self._state(query, copy)
        usable = leases.wait_for(key, lambda: self._usable(key, query))
        if usable is None:
            raise Pending(leases.FAILED_PAUSE_S)
        return usable
