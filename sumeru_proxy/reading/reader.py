"""Reading Sumeru through stored copies: fresh copy, else stale copy (and a refresh is asked for), else Sumeru, else *pending*.

Only a validated answer is ever stored: status 200, right type, parsed, shape checked by the client. Keys hold the shop's internal
id and the call's own arguments, never a credential. One process fetches a key at a time (``leases``); stamps are read before the
fetch begins (``fetching``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sumeru_proxy.client import errors, resources, shapes
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.resource import READS
from sumeru_proxy.reading import catalogue, erasures, fetching, leases, products, ratings, stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.fetching import fetch_leased, is_pause, retry_after
from sumeru_proxy.reading.strangers import NO_DOUBT, Verdicts

__all__ = ["Copy", "Missing", "Pending", "Query", "Source", "Unknown", "UsedCopy", "copies"]

log = logging.getLogger(__name__)

CHECK_AFTER_S: Final = 5.0
"""When to ask again for a product that must be checked first."""
_READS: Final = frozenset(resource.name for resource in resources.STOREFRONT if resource.limit_class == READS)


class Pending(Exception):
    """There is no copy yet and Sumeru could not be asked within the page's budget. ``retry_after_s``: when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Missing(Exception):
    """Sumeru says that what was asked for does not exist."""


class Unknown(Missing):
    """The shop has no such product, as far as its catalogue index knows. Nothing was asked for it."""


class UsedCopy(NamedTuple):
    """What an answer was made of: a copy in the state in which it was used, or its absence (state ``absent``).

    State ``derived``: a copy, or none, that comes and changes with others and is not asked for itself. ``erasures`` is the number of the
    last erasure that was known then, where the copy may name people.
    """

    query: Query
    copy: Copy | None
    state: str
    erasures: int = 0


def _level_of(error: errors.SumeruError) -> int:
    # Each of the answers that led to a pause was a warning; what is held back by it is not news.
    return logging.DEBUG if is_pause(error) else logging.WARNING


class Source:
    """Sumeru's data of one shop, as one page sees it. Remembers what it gave, and how fresh the oldest thing was.

    ``used`` is by key of the shared cache; ``opened_at`` is in seconds since 1970, before anything was read. ``strange``: products
    were asked for that the shop may not have. ``calls``: to Sumeru, about.

    ``open_client`` makes the client on first need; ``ask_refresh`` takes what was served stale; ``count_request`` counts what shoppers
    look at; ``sort_out`` tells which product ids may be asked for. Never sleeps; a fetch takes at most the page lane's time budget.
    What could not be had is remembered: the page's other widgets do not ask again.
    """

    def __init__(
        self,
        shop_id: int,
        open_client: Callable[[], Sumeru],
        ask_refresh: Callable[[int, Query], None],
        count_request: Callable[[int, Query], None] | None = None,
        sort_out: Callable[[Sequence[str]], Verdicts] | None = None,
    ) -> None:
        self.shop_id = shop_id
        self._open_client = open_client
        self._ask_refresh = ask_refresh
        self._count_request = count_request
        self._sort_out = sort_out
        self._absent_keys: set[str] = set()
        self._tried_ids: set[str] = set()
        self._tried_behind: set[str] = set()
        self._absent: dict[str, Copy] = {}
        self._wait_s = 0.0
        self.calls = 0
        self.strange = False
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
        copy, state = self._judged(query, None if key in self._absent_keys else copies.load(key))
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
            self._prove(query)
            usable = self._fetch(key, query)
            self._absent_keys.discard(key)
        return self._give(key, query, *usable)

    def preload(self, queries: Iterable[Query]) -> None:
        """Look for these copies with one question; those that are not there are not looked for again by this source."""
        by_key = {query.key(self.shop_id): query for query in queries}
        stored = copies.load_many(list(by_key))
        stamps.current(self.shop_id, {topic for query in by_key.values() for topic in query.watched})
        self._absent_keys |= by_key.keys() - stored.keys()

    def products(
        self, ids: Sequence[str], fresh_s: float = 300.0, *, behind: bool = False
    ) -> dict[str, shapes.Product | None]:
        """These products by id (None: there is none), each from its own copy, or from the catalogue index; the others come in shared calls.

        ``behind``: the page can do without. Sumeru is then asked only with calls that nobody else needs, else by the refresher.

        Ids for which there is neither copy nor budget are left out. Never raises for a failing upstream.
        """
        queries = {product_id: products.single_query(product_id, fresh_s) for product_id in dict.fromkeys(ids)}
        keys = {product_id: query.key(self.shop_id) for product_id, query in queries.items()}
        stored = copies.load_many([key for key in keys.values() if key not in self._absent_keys])
        current = stamps.current(self.shop_id, {topic for query in queries.values() for topic in query.watched})
        now = time.time()
        usable: dict[str, Copy] = {}
        for product_id, query in queries.items():
            if self._count_request:
                self._count_request(self.shop_id, query)
            copy = stored.get(keys[product_id])
            if copy is not None and copy.state(now, current) != "withdrawn":
                usable[product_id] = copy
        usable |= {product_id: self._absent[product_id] for product_id in queries if product_id in self._absent}
        tried = self._tried_ids | self._tried_behind if behind else self._tried_ids
        absent_ids = [each for each in queries if each not in usable and each not in tried]
        if absent_ids:
            (self._tried_behind if behind else self._tried_ids).update(absent_ids)
            usable |= self._without_copies(absent_ids, fresh_s, current, behind=behind)
            self._absent_keys |= {keys[product_id] for product_id in absent_ids}
        self._absent_keys -= {keys[product_id] for product_id, copy in usable.items() if copy.value or copy.made_under}
        for product_id, query in queries.items():
            copy = usable.get(product_id)
            state = copy.state(max(now, copy.fetched_at), current) if copy else "absent"
            if state == "stale":
                self.fresh = False
                self._ask_refresh(self.shop_id, query)
            self.used[keys[product_id]] = UsedCopy(query, copy, state)
        for copy in usable.values():
            self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        return {product_id: copy.value for product_id, copy in usable.items()}

    def _without_copies(
        self, ids: Sequence[str], fresh_s: float, current: dict[str, stamps.Value], *, behind: bool
    ) -> dict[str, Copy]:
        """Products without copies: as the index holds them, as nothing where it knows that there are none, else as Sumeru says now."""
        now = time.time()
        found = {
            product_id: copy
            for product_id, copy in catalogue.kept(self.shop_id, ids, fresh_s).items()
            if copy.state(now, current) != "withdrawn"
        }
        for product_id, copy in found.items():
            copies.store(products.single_query(product_id, fresh_s).key(self.shop_id), copy)
        rest = [product_id for product_id in ids if product_id not in found]
        verdicts = self._verdicts(rest)
        self._absent |= {each: Copy(None, now, fetching.ABSENT_FRESH_S, ()) for each in verdicts.absent}
        found |= {each: self._absent[each] for each in verdicts.absent}
        rest = [each for each in rest if each not in found and each not in verdicts.unproven]
        for start in range(0, len(rest), products.PRODUCTS_PER_CALL):
            if self._wait_s:
                break
            chunk = rest[start : start + products.PRODUCTS_PER_CALL]
            try:
                client = self.client.in_lane("spare") if behind else self.client
                found.update(products.fetch_leased(self.shop_id, client, chunk, fresh_s))
                self.calls += 1
            except errors.SumeruError as error:
                self.calls += not _is_refusal_of_ours(error)
                if not behind:
                    self._note(error)
                    log.log(_level_of(error), "shop %s: products: %s", self.shop_id, error)
        for product_id in rest if behind else ():
            if product_id not in found:
                self.fresh = False
                self._ask_refresh(self.shop_id, products.single_query(product_id, fresh_s))
        return found

    def _verdicts(self, ids: Sequence[str]) -> Verdicts:
        verdicts = self._sort_out(ids) if self._sort_out and ids else NO_DOUBT
        self.strange = self.strange or bool(verdicts.absent or verdicts.unproven)
        return verdicts

    def _prove(self, query: Query) -> None:
        """Raises Unknown or Pending when a read is about a product that the shop has not, or may not have."""
        verdicts = self._verdicts(products.ids_of(query))
        if verdicts.absent:
            raise Unknown
        if verdicts.unproven:
            raise Pending(CHECK_AFTER_S)

    def _note(self, error: errors.SumeruError) -> None:
        if isinstance(error, errors.Limited):
            self._wait_s = retry_after(error)

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

    def _judged(self, query: Query, copy: Copy | None) -> tuple[Copy | None, str]:
        """The copy as it may be shown now, and its state."""
        if copy is None:
            return None, "withdrawn"
        known = stamps.current(self.shop_id, query.watched)
        return erasures.judged(self.shop_id, query, copy, copy.state(time.time(), known), known)

    def _give(self, key: str, query: Query, copy: Copy, state: str) -> Any:
        number = erasures.number_of(stamps.current(self.shop_id, query.watched))
        self.used[key] = UsedCopy(query, copy, state, number)
        self.fresh = self.fresh and state == "fresh"
        self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        if copy.value is None:
            raise Missing
        return copy.value

    def _usable(self, key: str, query: Query) -> tuple[Copy, str] | None:
        """The copy as it may be shown, and its state; a stale one is asked for again."""
        copy, state = self._judged(query, None if key in self._absent_keys else copies.load(key))
        if state == "stale":
            self._ask_refresh(self.shop_id, query)
        return (copy, state) if copy is not None and state != "withdrawn" else None

    def _fetch(self, key: str, query: Query) -> tuple[Copy, str]:
        if self._wait_s and query.method in _READS:
            raise Pending(self._wait_s)
        try:
            copy = fetch_leased(self.shop_id, self.client, query)
            self.calls += copy is not None
        except errors.SumeruError as error:
            self.calls += not _is_refusal_of_ours(error)
            if query.method in _READS:
                self._note(error)
            log.log(_level_of(error), "shop %s: %s: %s", self.shop_id, query.method, error)
            raise Pending(retry_after(error)) from None
        if copy is not None:
            copy, state = self._judged(query, copy)
            if copy is None or state == "withdrawn":
                raise Pending(leases.FAILED_PAUSE_S)
            return copy, state
        usable = leases.wait_for(key, lambda: self._usable(key, query))
        if usable is None:
            raise Pending(leases.FAILED_PAUSE_S)
        return usable


def _is_refusal_of_ours(error: errors.SumeruError) -> bool:
    """Whether our own limiter refused, so that nothing was sent."""
    return isinstance(error, errors.Limited) and not error.status
