"""Who is refreshed next: a small budget spent where shoppers look.

With request rates p and a fixed number of refreshes per minute, the traffic-weighted age of all copies is smallest when a key is
refreshed in proportion to √p (minimise Σ p/f with Σ f fixed, by Lagrange). Serving always the key with the largest
p x age² reaches that share without solving for it: at the optimum that product is equal for all keys at their moment of refresh.
Nothing that nobody reads is refreshed, because only a read of a stale copy asks for it.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import close_old_connections, connections

from sumeru_proxy import memory
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.reading import erasures, fetching, handing_over, products, stamps
from sumeru_proxy.reading.copies import Query, copies

log = logging.getLogger(__name__)

HALF_LIFE_S = 600.0
HAND_OVER_EVERY_S = 1.0
HAND_AGAIN_S = 60.0
"""A copy that is left to the worker is handed to it again after this, should it be stale still."""
_QUEUE_LIMIT = 5_000
_COUNTS_LIMIT = 20_000


class Popularity:
    """Decayed request counts per key; a count halves every HALF_LIFE_S. Bounded: the least read keys are dropped first."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def count(self, key: str, now: float, times: float = 1) -> None:
        """Count one request, or several that came since the last count."""
        with self._lock:
            self._counts[key] = (self._decayed(key, now) + times, now)
            if len(self._counts) > _COUNTS_LIMIT:
                ranked = sorted(self._counts, key=lambda each: self._decayed(each, now), reverse=True)
                self._counts = {each: self._counts[each] for each in ranked[: _COUNTS_LIMIT // 2]}

    def rate(self, key: str, now: float) -> float:
        """Requests per second, roughly; comparable between keys."""
        with self._lock:
            return self._decayed(key, now) * math.log(2) / HALF_LIFE_S

    def _decayed(self, key: str, now: float) -> float:
        count, at = self._counts.get(key, (0.0, now))
        return count * math.exp2(-max(0.0, now - at) / HALF_LIFE_S)


def priority(rate: float, age_s: float) -> float:
    """Which copy to refresh first: the largest value."""
    return rate * age_s * age_s


@dataclass(slots=True)
class _StaleCopy:
    """``age_s`` is the copy's age at ``since`` (monotonic seconds). ``first``: it may name a person who was erased."""

    shop_id: int
    query: Query
    since: float
    age_s: float
    first: bool = False


class Refresher:
    """Copies of this process that were served stale, and the thread that refreshes them one by one.

    The limiter's refresh lane sets the pace; while it says no, nothing is tried.
    """

    def __init__(self, open_client: Callable[[int], Sumeru]) -> None:
        self._open_client = open_client
        self._queue: dict[str, _StaleCopy] = {}
        self._done: dict[str, tuple[float, tuple[tuple[str, int], ...]]] = {}
        self._lock = threading.Condition()
        self._handed: dict[str, float] = {}
        self._paused: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._resting_until = 0.0
        self._spent = Popularity()
        self.popularity = Popularity()
        memory.register(self)

    def count(self, shop_id: int, query: Query, times: int = 1) -> None:
        """Count a request for this, or several."""
        self.popularity.count(query.key(shop_id), time.monotonic(), times)

    def ask(self, shop_id: int, query: Query) -> None:
        """Note that a stale copy was served. Returns at once; repeated asks for the same copy are one.

        What this process refreshed a moment ago, with no change since, is left: where clocks of machines differ by more than a
        copy's life, each calls the other's copies stale, and they would refresh without end.
        """
        key = query.key(shop_id)
        done_at, made_under = self._done.get(key, (-math.inf, ()))
        if time.monotonic() - done_at < query.fresh_s / 2 and made_under == fetching.stamped(shop_id, query.watched):
            return
        if time.monotonic() - self._handed.get(key, -math.inf) < HAND_AGAIN_S:
            return
        if time.monotonic() < self._paused.get(key, -math.inf):
            return
        self._add(key, shop_id, query)
        if settings.SUMERU_REFRESH in ("thread", "off"):
            self._ensure_thread()

    def _add(self, key: str, shop_id: int, query: Query) -> None:
        waits = self._queue.get(key)
        first = _goes_first(shop_id, key, query)
        if waits is not None:
            waits.first = waits.first or first
        else:
            stale_copy = _StaleCopy(shop_id, query, time.monotonic(), _age_s(key, query), first)
            with self._lock:
                if len(self._queue) < _QUEUE_LIMIT:
                    self._queue.setdefault(key, stale_copy)
                    self._lock.notify()

    def receive(self, shop_id: int, query: Query, rate: float) -> None:
        """Take over what another process served stale, with its requests per second there. For the worker, which starts no thread here."""
        key = query.key(shop_id)
        self.popularity.count(key, time.monotonic(), rate * HALF_LIFE_S / math.log(2))
        self._add(key, shop_id, query)

    def hand_over(self) -> int:
        """Leave what waits here to the worker; gives how many. May be repeated. Raises django.db.Error when the database fails: it is
        then asked for again with the next stale answer.
        """
        with self._lock:
            taken, self._queue = self._queue, {}
        now = time.monotonic()
        rates = [(key, each, self.popularity.rate(key, now)) for key, each in taken.items()]
        handing_over.put([handing_over.Handed(key, each.shop_id, each.query, rate) for key, each, rate in rates])
        with self._lock:
            if len(self._handed) > _QUEUE_LIMIT:
                self._handed.clear()
            self._handed.update(dict.fromkeys(taken, now))
        return len(taken)

    @property
    def waiting(self) -> int:
        """How many stale copies wait for a refresh."""
        return len(self._queue)

    def forget(self) -> None:
        """Drop everything that waits; the next stale answer requests it again."""
        with self._lock:
            self._queue.clear()
            self._done.clear()
            self._handed.clear()
            self._paused.clear()

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive() and self._pid == os.getpid():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._queue:
                    self._lock.wait()
            try:
                wait_s = self.refresh_one() if settings.SUMERU_REFRESH == "thread" else self._handed_over()
            except Exception:
                log.exception("refreshing failed")
                wait_s = 5.0
            finally:
                close_old_connections()
            if wait_s:
                time.sleep(wait_s)

    def _handed_over(self) -> float:
        try:
            self.hand_over()
        finally:
            # Rarely needed: no reason for one connection more per web process.
            connections.close_all()
        return HAND_OVER_EVERY_S

    def refresh_one(self) -> float:
        """Refresh the copy that matters most; gives the seconds to wait before the next. Never raises a client error."""
        taken = self._take()
        if not taken:
            return 0.0
        shop_id = taken[0].shop_id
        made_under = {each.query.key(shop_id): fetching.stamped(shop_id, each.query.watched) for each in taken}
        try:
            sumeru = self._open_client(shop_id)
            if products.single_id(taken[0].query):  # a block of the feed has no ids, and is one copy
                ids = [product_id for each in taken if (product_id := products.single_id(each.query))]
                if not products.refresh(shop_id, sumeru, ids, taken[0].query.fresh_s):
                    self._again(taken)
                    return 1.0
            elif fetching.fetch_leased(shop_id, sumeru, taken[0].query) is None:
                # Another is at it, or it failed a moment ago. Unless it works out there, the next stale answer asks again.
                return 0.0
        except errors.SumeruError as error:
            if fetching.is_pause(error):
                # The next stale answer after the pause asks again; the others that wait here go on at once.
                self._pause(taken, fetching.retry_after(error))
                return 0.0
            if not isinstance(error, errors.Limited):
                log.warning("shop %s: refresh of %s: %s", shop_id, taken[0].query.method, error)
            if error.retryable:
                self._again(taken)
            return min(fetching.retry_after(error), 5.0)
        now = time.monotonic()
        with self._lock:
            if len(self._done) > _QUEUE_LIMIT:
                self._done.clear()
            self._done.update({key: (now, stamped) for key, stamped in made_under.items()})
        return 0.0

    def _pause(self, taken: list[_StaleCopy], wait_s: float) -> None:
        until = time.monotonic() + wait_s
        with self._lock:
            if len(self._paused) > _QUEUE_LIMIT:
                self._paused.clear()
            self._paused.update({each.query.key(each.shop_id): until for each in taken})

    def _again(self, taken: list[_StaleCopy]) -> None:
        with self._lock:
            for each in taken:
                if len(self._queue) < _QUEUE_LIMIT:
                    self._queue.setdefault(each.query.key(each.shop_id), each)

    def _take(self) -> list[_StaleCopy]:
        """The most important copy of the shop that had the fewest refreshes lately, and with a product all other waiting products of that
        shop: they share one call."""
        now = time.monotonic()
        with self._lock:
            if not self._queue:
                return []
            shop_ids = {each.shop_id for each in self._queue.values()}
            turn = min(shop_ids, key=lambda shop_id: (self._spent.rate(str(shop_id), now), shop_id))
            self._spent.count(str(turn), now)
            key = max(
                (each for each, stale in self._queue.items() if stale.shop_id == turn),
                key=lambda each: (
                    self._queue[each].first,
                    priority(
                        self.popularity.rate(each, now) + 1e-9,
                        now - self._queue[each].since + self._queue[each].age_s,
                    ),
                ),
            )
            first = self._queue.pop(key)
            taken = [first]
            if products.single_id(first.query):
                for other_key, other in list(self._queue.items()):
                    if len(taken) >= products.PRODUCTS_PER_CALL:
                        break
                    if other.shop_id == first.shop_id and products.single_id(other.query):
                        taken.append(self._queue.pop(other_key))
            return taken


def _age_s(key: str, query: Query) -> float:
    """The age of the copy in seconds. A copy that a stamp made stale counts as one whose lifetime is over."""
    copy = copies.load(key)
    return max(query.fresh_s, time.time() - copy.fetched_at) if copy else query.fresh_s


def _goes_first(shop_id: int, key: str, query: Query) -> bool:
    """Whether the copy is from before an erasure: until it is read again, reviews are hidden in it."""
    if erasures.PEOPLE not in query.topics:
        return False
    copy = copies.load(key)
    return copy is not None and erasures.is_behind(query, copy, stamps.current(shop_id, query.watched))
