"""What a process remembers between two requests, and one call that drops all of it.

Everything that holds such state registers itself here: a ``Memory`` by being made, other holders by ``register``. So ``forget_all`` cannot
miss one, and a test (``tests/test_house.py``) finds state of a module that is not registered. Knows neither Django nor what it holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final, Generic, NamedTuple, Protocol, TypeVar
from weakref import WeakSet

from cachetools import TTLCache

KEEP_S: Final = 24 * 3600.0
"""How long a value that is not read anew stays at hand for a store that does not answer."""


class Holder(Protocol):
    """Something that can drop what it holds; it must work on as if it were new."""

    def forget(self) -> None:
        """Drop it. May be repeated, from any thread."""


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
H = TypeVar("H", bound=Holder)
_holders: WeakSet[Holder] = WeakSet()


def register(holder: H) -> H:
    """From now on ``forget_all`` asks the holder, too; for as long as somebody else keeps it. Gives it back."""
    _holders.add(holder)
    return holder


def is_registered(holder: object) -> bool:
    """Whether ``forget_all`` asks this object."""
    return any(each is holder for each in _holders)


def forget_all() -> None:
    """Every registered holder of this process forgets. May be repeated."""
    for holder in list(_holders):
        holder.forget()


class Entry(NamedTuple, Generic[V]):
    """A value and when it was set, in seconds of ``time.monotonic``."""

    value: V
    at: float


class Memory(Generic[K, V]):
    """Values of a store by key: trusted for ``fresh_s`` seconds, and the last ones known for ``keep_s`` while the store does not answer.

    Holds ``limit`` values, those that were used last. Thread-safe. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self, limit: int, fresh_s: float, keep_s: float = KEEP_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._entries: TTLCache[K, Entry[V]] = TTLCache(limit, keep_s, timer=clock)
        self._lock = Lock()
        register(self)

    def fresh(self, key: K, now: float | None = None) -> Entry[V] | None:
        """The value that needs no other look at the store; None without one. One from the future of ``now`` does not count."""
        entry = self.last(key)
        now = self._clock() if now is None else now
        return entry if entry is not None and 0 <= now - entry.at < self._fresh_s else None

    def last(self, key: K) -> Entry[V] | None:
        """The last value that was set, however old."""
        with self._lock:
            found: Entry[V] | None = self._entries.get(key)
        return found

    def set(self, key: K, value: V, now: float | None = None) -> None:
        """Remember what the store said at ``now``."""
        entry = Entry(value, self._clock() if now is None else now)
        with self._lock:
            self._entries[key] = entry

    def discard(self, key: K) -> None:
        """Forget one value; the next look goes to the store."""
        with self._lock:
            self._entries.pop(key, None)

    def forget(self) -> None:
        """Forget all values."""
        with self._lock:
            self._entries.clear()


class Once(Generic[V]):
    """A decorator for what is made at its first use and kept, such as a client: ``@Once`` above a function without arguments."""

    def __init__(self, make: Callable[[], V]) -> None:
        self._make = make
        self._made: V | None = None
        self._lock = Lock()
        register(self)

    def __call__(self) -> V:
        """It, made now unless it was before."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """The next call makes it anew."""
        with self._lock:
            self._made = None
