"""Single flight: one process fetches a key at a time, and a few of its threads may wait for the result.

A lease has an expiry, so that the crash of its holder does not block the others. Without a shared cache every process fetches for
itself; the limiter still holds the rate.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

from sumeru_proxy import memory
from sumeru_proxy.client.errors import Limited
from sumeru_proxy.reading.shared_cache import Away, cache

log = logging.getLogger(__name__)

T = TypeVar("T")
LEASE_S = 8.0
"""Longer than any page-lane fetch may take; after it another process may fetch the same key."""
FAILED_PAUSE_S = 2.0
"""After a failed fetch nobody tries the same key for this long."""
WAITERS = 4
"""Threads of one process that may wait for another's fetch at the same time."""
WAIT_S = 0.3
_FLIGHTS_LIMIT = 2_000
_HELD, _PAUSED = "held", "paused"


class _Flights:
    """Which keys this process is fetching, so that a few threads can wait for the result instead of asking again."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiters: dict[str, int] = {}
        self._blocked_until: dict[str, float] = {}
        memory.register(self)

    def wait(self, key: str, result: Callable[[], T | None]) -> T | None:
        """Wait up to WAIT_S for the fetch of another thread. At most WAITERS threads of a process wait; the others get None at once."""
        deadline = time.monotonic() + WAIT_S
        with self._changed:
            if sum(self._waiters.values()) >= WAITERS:
                return None
            self._waiters[key] = self._waiters.get(key, 0) + 1
        try:
            while (left := deadline - time.monotonic()) > 0:
                with self._changed:
                    self._changed.wait(min(left, 0.025))  # another process's fetch gives no signal
                found = result()
                if found is not None:
                    return found
            return None
        finally:
            with self._changed:
                self._waiters[key] -= 1
                if not self._waiters[key]:
                    del self._waiters[key]

    def begin(self, key: str) -> bool:
        """Whether no thread of this process holds the key; then the caller does, until ``end`` or for LEASE_S."""
        now = time.monotonic()
        with self._changed:
            if now < self._blocked_until.get(key, 0.0):
                return False
            self._blocked_until[key] = now + LEASE_S
            return True

    def end(self, key: str, pause_s: float) -> None:
        """The holder is done; nobody of this process may begin again within the pause."""
        now = time.monotonic()
        with self._changed:
            self._blocked_until[key] = now + pause_s
            if len(self._blocked_until) > _FLIGHTS_LIMIT or not pause_s:
                self._blocked_until = {name: until for name, until in self._blocked_until.items() if until > now}
            self._changed.notify_all()

    def forget(self) -> None:
        with self._changed:
            self._blocked_until.clear()


_flights = _Flights()


def forget() -> None:
    """Drop this process's memory of fetches in flight; the shared leases stay."""
    _flights.forget()


@contextmanager
def lease(key: str) -> Iterator[bool]:
    """The right to fetch ``key`` for the length of the block; False when another process or thread has it, or failed a moment ago.

    Given back at the end. When the block raises, nobody may begin again for FAILED_PAUSE_S, unless only our own limiter refused.
    Never sleeps.
    """
    taken_at = time.monotonic()
    if not _take(key):
        yield False
        return
    pause_s = FAILED_PAUSE_S
    try:
        yield True
        pause_s = 0.0
    except Limited as error:
        # Our own limiter: nothing was sent, and it says itself when to come again.
        pause_s = FAILED_PAUSE_S if error.status else 0.0
        raise
    finally:
        _give_back(key, taken_at, pause_s)


def _take(key: str) -> bool:
    if not _flights.begin(key):
        return False
    try:
        if cache.add(f"lease:{key}", _HELD, timeout=LEASE_S):
            return True
    except Exception:  # without a shared cache every process fetches for itself; the limiter still holds the rate
        return True
    _flights.end(key, 0.0)
    return False


def _give_back(key: str, taken_at: float, pause_s: float) -> None:
    """Release the lease, unless it has expired since ``taken_at`` (monotonic): another may have it by now."""
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
    _flights.end(key, pause_s)


def wait_for(key: str, result: Callable[[], T | None]) -> T | None:
    """The result of another's fetch of ``key`` within WAIT_S; None at once when nobody fetches it or enough threads already wait."""
    return _flights.wait(key, result) if _in_flight(key) else None


def _in_flight(key: str) -> bool:
    """Whether somebody is fetching this right now; False during the pause after a failed fetch."""
    try:
        return bool(cache.get(f"lease:{key}") != _PAUSED)
    except Exception:  # nobody knows: waiting a little is harmless
        return True
