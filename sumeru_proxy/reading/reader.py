"""Reading Sumeru through kept copies: fresh copy, else stale copy (and a refresh is asked for), else Sumeru, else *pending*.

Only a validated answer is ever kept: status 200, right type, parsed, shape checked by the client. Keys hold the shop's internal
id and the call's own arguments, never a credential. One process fetches a key at a time (a lease with an expiry, so a
crash of the one who fetches does not block the others); stamps are read before the fetch begins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Condition
from typing import Any, NamedTuple

from sumeru_proxy.client import errors, shapes
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.copies import Copy, Wanted, copies
from sumeru_proxy.reading.shared_cache import Away, cache

__all__ = ["Copy", "Missing", "Pending", "Source", "Wanted", "copies"]

log = logging.getLogger(__name__)

ABSENT_FRESH_S = 60.0
LEASE_S = 8.0
"""Longer than any page-lane fetch may take; after it another process may fetch the same key."""
FAILED_PAUSE_S = 2.0
WAITERS = 4
WAIT_S = 0.3
_HELD_MOST = 2_000


class Pending(Exception):
    """There is no copy yet and Sumeru could not be asked within the page's budget. ``retry_after_s``: when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Missing(Exception):
    """Sumeru says that what was asked for does not exist."""


def stamped(shop_id: int, topics: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """The stamps of these topics as a copy remembers them."""
    return tuple((topic, value.soft) for topic, value in stamps.current(shop_id, topics).items())


class _Flights:
    """Who in this process is fetching which key, so that a few others can wait for it instead of asking again."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: dict[str, int] = {}
        self._held: dict[str, float] = {}

    def wait(self, key: str, done: Callable[[], Copy | None]) -> Copy | None:
        """Wait up to WAIT_S for another's fetch; at most WAITERS threads per process wait, the rest get None at once."""
        deadline = time.monotonic() + WAIT_S
        with self._changed:
            if sum(self._waiting.values()) >= WAITERS:
                return None
            self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            while (left := deadline - time.monotonic()) > 0:
                with self._changed:
                    self._changed.wait(min(left, 0.025))  # another process's fetch gives no signal
                copy = done()
                if copy is not None:
                    return copy
            return None
        finally:
            with self._changed:
                self._waiting[key] -= 1
                if not self._waiting[key]:
                    del self._waiting[key]

    def begin(self, key: str) -> bool:
        """Whether no thread of this process holds the key; then the caller does, until ``landed`` or for LEASE_S."""
        now = time.monotonic()
        with self._changed:
            if now < self._held.get(key, 0.0):
                return False
            self._held[key] = now + LEASE_S
            return True

    def landed(self, key: str, pause_s: float) -> None:
        """The holder is done; nobody of this process may begin again within the pause."""
        now = time.monotonic()
        with self._changed:
            self._held[key] = now + pause_s
            if len(self._held) > _HELD_MOST or not pause_s:
                self._held = {name: until for name, until in self._held.items() if until > now}
            self._changed.notify_all()

    def forget(self) -> None:
        """Drop all that is held."""
        with self._changed:
            self._held.clear()


_flights = _Flights()


def forget_flights() -> None:
    """Drop this process's memory of who fetches what; the shared leases stay."""
    _flights.forget()


_HELD, _PAUSED = "held", "paused"


def _lease(key: str) -> bool:
    if not _flights.begin(key):
        return False
    try:
        if cache.add(f"lease:{key}", _HELD, timeout=LEASE_S):
            return True
    except Exception:  # without a shared cache every process fetches for itself; the limiter still holds the rate
        return True
    _flights.landed(key, 0.0)
    return False


def _in_flight(key: str) -> bool:
    """Whether somebody is fetching this right now; False while a failed fetch is given a pause."""
    try:
        return bool(cache.get(f"lease:{key}") != _PAUSED)
    except Exception:  # nobody knows: waiting a little is harmless
        return True


def _release(key: str, taken_at: float, *, pause_s: float = 0.0) -> None:
    """Give a lease back. One that has run out since ``taken_at`` (monotonic) may be another's by now, and is left alone."""
    try:
        if time.monotonic() - taken_at > LEASE_S - 1.0:  # caches count in whole seconds
            pass
        elif pause_s:
            cache.set(f"lease:{key}", _PAUSED, timeout=pause_s)
        else:
            cache.delete(f"lease:{key}")
    except Away:
        pass
    except Exception as error:
        log.warning("cache lease not released: %s", type(error).__name__)
    _flights.landed(key, pause_s)


def fetch(shop_id: int, sumeru: Sumeru, wanted: Wanted) -> Copy:
    """Ask Sumeru now and keep the answer. Raises the client's errors; a 404 is kept as an absent value.

    May take the client's whole time budget; whether it may sleep is the client's lane.
    """
    made_under = stamped(shop_id, wanted.watched)
    fresh_s = wanted.fresh_s
    try:
        value = getattr(sumeru, wanted.method)(**dict(wanted.arguments))
    except errors.Refused as error:
        if error.status != 404:
            raise
        value, fresh_s = None, ABSENT_FRESH_S
    copy = Copy(value=value, fetched_at=time.time(), fresh_s=fresh_s, made_under=made_under)
    copies.store(wanted.key(shop_id), copy)
    return copy


def fetch_leased(shop_id: int, sumeru: Sumeru, wanted: Wanted, *, renew: bool = False) -> Copy | None:
    """As ``fetch``, unless another process or thread is at it (None) or it failed a moment ago (None).

    What another stored between the caller's look and the lease is given without a call, if it is fresh; ``renew`` asks Sumeru all
    the same.
    """
    key, taken_at = wanted.key(shop_id), time.monotonic()
    if not _lease(key):
        return None
    pause_s = FAILED_PAUSE_S
    try:
        copy = None if renew else _fresh(shop_id, {key: wanted}).get(key)
        copy = copy or fetch(shop_id, sumeru, wanted)
        pause_s = 0.0
    finally:
        _release(key, taken_at, pause_s=pause_s)
    return copy


def _fresh(shop_id: int, wanted: Mapping[str, Wanted]) -> dict[str, Copy]:
    """Those of these copies that need no fetch, as the shared cache holds them at this moment."""
    current = stamps.current(shop_id, {topic for each in wanted.values() for topic in each.watched})
    now = time.time()
    found = copies.load_latest(list(wanted))
    return {key: copy for key, copy in found.items() if copy.state(now, current) == "fresh"}


def products_wanted(ids: Sequence[str], fresh_s: float) -> Wanted:
    """One call for several products. Its answer is kept product by product, see ``Source.products``."""
    return Wanted("products", (("product_ids", tuple(ids)), ("limit", len(ids))), ("products",), fresh_s)


def product_wanted(product_id: str, fresh_s: float) -> Wanted:
    """The name under which one product of a shared call is kept."""
    return Wanted(
        "products", (("product_ids", (product_id,)), ("limit", 1)), ("products", f"product:{product_id}"), fresh_s
    )


PRODUCTS_PER_CALL = 100


def fetch_products(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
    """Ask for up to PRODUCTS_PER_CALL products in one call and keep each by itself; those Sumeru leaves out are kept as absent."""
    wanted = {product_id: product_wanted(product_id, fresh_s) for product_id in ids}
    made_under = {product_id: stamped(shop_id, each.watched) for product_id, each in wanted.items()}
    page = sumeru.products(product_ids=tuple(ids), limit=len(ids))
    by_id = {product.id: product for product in page.products}
    now = time.time()
    kept: dict[str, Copy] = {}
    for product_id, each in wanted.items():
        product = by_id.get(product_id)
        kept[product_id] = Copy(product, now, fresh_s if product else ABSENT_FRESH_S, made_under[product_id])
        copies.store(each.key(shop_id), kept[product_id])
    return kept


def refresh_products(shop_id: int, sumeru: Sumeru, ids: Sequence[str], fresh_s: float) -> bool:
    """As ``fetch_products``, without those that another process has refreshed; False when another is at it or failed just now."""
    lease, taken_at = f"products:{shop_id}", time.monotonic()
    if not _lease(lease):
        return False
    pause_s = FAILED_PAUSE_S
    try:
        wanted = {product_id: product_wanted(product_id, fresh_s) for product_id in ids}
        done = _fresh(shop_id, {each.key(shop_id): each for each in wanted.values()})
        left = [product_id for product_id, each in wanted.items() if each.key(shop_id) not in done]
        if left:
            fetch_products(shop_id, sumeru, left, fresh_s)
        pause_s = 0.0
    finally:
        _release(lease, taken_at, pause_s=pause_s)
    return True


class Used(NamedTuple):
    """What an answer was made of: a copy in the state in which it was given, or its absence (state ``absent``)."""

    wanted: Wanted
    copy: Copy | None
    state: str


class Source:
    """Sumeru's data of one shop, as one page sees it. Remembers what it gave, and how fresh the oldest thing was.

    ``used`` is by key of the shared cache; ``opened_at`` is in seconds since 1970, before anything was read.

    ``open_client`` makes the client on first need (it decrypts credentials); ``ask_refresh`` takes what was served stale.
    Never sleeps; a fetch takes at most the page lane's time budget.
    """

    def __init__(
        self,
        shop_id: int,
        open_client: Callable[[], Sumeru],
        ask_refresh: Callable[[int, Wanted], None],
        seen: Callable[[int, Wanted], None] | None = None,
    ) -> None:
        self.shop_id = shop_id
        self._open_client = open_client
        self._ask_refresh = ask_refresh
        self._seen = seen
        self._client: Sumeru | None = None
        self.fresh = True
        self.oldest: float | None = None
        self.opened_at = time.time()
        self.used: dict[str, Used] = {}

    @property
    def client(self) -> Sumeru:
        """The page-lane client, made once."""
        if self._client is None:
            self._client = self._open_client()
        return self._client

    def age_s(self, now: float) -> float:
        """Seconds since Sumeru confirmed the oldest copy that was used; 0 when nothing was read."""
        return max(0.0, now - self.oldest) if self.oldest is not None else 0.0

    def _give(self, wanted: Wanted, copy: Copy, state: str) -> Any:
        self.used[wanted.key(self.shop_id)] = Used(wanted, copy, state)
        self.fresh = self.fresh and state == "fresh"
        self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        if copy.value is None:
            raise Missing
        return copy.value

    def load(self, wanted: Wanted) -> Any:
        """What our store holds of this, never asking Sumeru; None when there is no usable copy. Raises Missing."""
        key = wanted.key(self.shop_id)
        copy = copies.load(key)
        state = copy.state(time.time(), stamps.current(self.shop_id, wanted.watched)) if copy else "withdrawn"
        if copy is None or state == "withdrawn":
            self.used[key] = Used(wanted, None, "absent")
            return None
        return self._give(wanted, copy, state)

    def get(self, wanted: Wanted) -> Any:
        """The value: from a copy at once (a stale one is refreshed behind the page), else from Sumeru.

        Raises Pending when there is neither, Missing when Sumeru says that there is no such thing.
        """
        key = wanted.key(self.shop_id)
        if self._seen:
            self._seen(self.shop_id, wanted)
        copy = self._usable(key, wanted)
        if copy is None:
            self.used[key] = Used(wanted, None, "absent")
            copy = self._fetch(key, wanted)
        return self._give(wanted, copy, copy.state(time.time(), stamps.current(self.shop_id, wanted.watched)))

    def _usable(self, key: str, wanted: Wanted) -> Copy | None:
        copy = copies.load(key)
        if copy is None:
            return None
        state = copy.state(time.time(), stamps.current(self.shop_id, wanted.watched))
        if state == "withdrawn":
            return None
        if state == "stale":
            self._ask_refresh(self.shop_id, wanted)
        return copy

    def _fetch(self, key: str, wanted: Wanted) -> Copy:
        try:
            copy = fetch_leased(self.shop_id, self.client, wanted)
        except errors.SumeruError as error:
            log.warning("shop %s: %s: %s", self.shop_id, wanted.method, error)
            raise Pending(retry_after(error)) from None
        if copy is None and _in_flight(key):
            copy = _flights.wait(key, lambda: self._usable(key, wanted))
        if copy is None:
            raise Pending(FAILED_PAUSE_S)
        return copy

    def products(self, ids: Sequence[str], fresh_s: float = 300.0) -> dict[str, shapes.Product | None]:
        """These products by id (None: unknown to Sumeru), each from its own copy; what lacks a copy comes in shared calls.

        Ids for which there is neither copy nor budget are left out. Never raises for a failing upstream.
        """
        wanted = {product_id: product_wanted(product_id, fresh_s) for product_id in dict.fromkeys(ids)}
        keys = {product_id: each.key(self.shop_id) for product_id, each in wanted.items()}
        stored = copies.load_many(list(keys.values()))
        current = stamps.current(self.shop_id, {topic for each in wanted.values() for topic in each.watched})
        now = time.time()
        found: dict[str, Copy] = {}
        for product_id, key in keys.items():
            if self._seen:
                self._seen(self.shop_id, wanted[product_id])
            copy = stored.get(key)
            state = copy.state(now, current) if copy else "withdrawn"
            if copy is not None and state != "withdrawn":
                found[product_id] = copy
                if state == "stale":
                    self.fresh = False
                    self._ask_refresh(self.shop_id, wanted[product_id])
        absent = [product_id for product_id in wanted if product_id not in found]
        for start in range(0, len(absent), PRODUCTS_PER_CALL):
            chunk = absent[start : start + PRODUCTS_PER_CALL]
            found.update(self._fetch_products(chunk, fresh_s))
        for product_id, key in keys.items():
            copy = found.get(product_id)
            self.used[key] = Used(
                wanted[product_id], copy, copy.state(max(now, copy.fetched_at), current) if copy else "absent"
            )
        for copy in found.values():
            self.oldest = copy.fetched_at if self.oldest is None else min(self.oldest, copy.fetched_at)
        return {product_id: copy.value for product_id, copy in found.items()}

    def _fetch_products(self, ids: Sequence[str], fresh_s: float) -> dict[str, Copy]:
        lease, taken_at = products_wanted(ids, fresh_s).key(self.shop_id), time.monotonic()
        wanted = {product_id: product_wanted(product_id, fresh_s) for product_id in ids}
        if not _lease(lease):
            keys = {product_id: each.key(self.shop_id) for product_id, each in wanted.items()}
            if _in_flight(lease):
                _flights.wait(lease, lambda: copies.load(keys[ids[-1]]))
            stored = copies.load_many(list(keys.values()))
            return {product_id: stored[key] for product_id, key in keys.items() if key in stored}
        pause_s = FAILED_PAUSE_S
        try:
            latest = _fresh(self.shop_id, {each.key(self.shop_id): each for each in wanted.values()})
            kept = {
                product_id: latest[key]
                for product_id, each in wanted.items()
                if (key := each.key(self.shop_id)) in latest
            }
            left = [product_id for product_id in ids if product_id not in kept]
            if left:
                kept |= fetch_products(self.shop_id, self.client, left, fresh_s)
            pause_s = 0.0
        except errors.SumeruError as error:
            log.warning("shop %s: products: %s", self.shop_id, error)
            return {}
        finally:
            _release(lease, taken_at, pause_s=pause_s)
        return kept


def retry_after(error: errors.SumeruError) -> float:
    """Seconds after which asking again makes sense: what the limiter or the upstream said, else 2 (30 when a person must act)."""
    if isinstance(error, errors.Limited):
        return min(max(error.retry_after_s, 1.0), 60.0)
    return 2.0 if error.retryable else 30.0
