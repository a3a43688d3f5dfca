"""The shared cache as the proxy uses it: when it fails, nobody waits for it again for a moment.

A Redis that hangs takes its whole timeout from everyone who asks. So after a failure one caller tries again every PAUSE_S, and all
others are told at once that it is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Final, TypeVar

from django.core.cache import cache as _django_cache

from sumeru_proxy import memory
from sumeru_proxy.reading.cache_backends import Value

R = TypeVar("R")
PAUSE_S: Final = 2.0


class Away(Exception):
    """The store failed a moment ago and is not asked now."""


class Outage:
    """Whether a store of this process is away. Thread-safe; ``clock`` gives monotonic seconds."""

    def __init__(self, pause_s: float = PAUSE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s, self._clock = pause_s, clock
        self._until: float | None = None
        self._lock = Lock()

    def admits(self) -> bool:
        """Whether to ask now. During an outage True once per pause, for the one who finds out whether it is over."""
        if self._until is None:
            return True
        with self._lock:
            if self._until is None:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + self._pause_s
            return True

    def failed(self) -> None:
        """The store did not answer."""
        with self._lock:
            self._until = self._clock() + self._pause_s

    def worked(self) -> None:
        """The store answered."""
        if self._until is not None:
            with self._lock:
                self._until = None


class SharedCache:
    """Django's default cache behind an Outage; values as in ``cache_backends``. Every method raises Away, or what the library raises."""

    def __init__(self) -> None:
        self._outage = Outage()
        memory.register(self)

    def _ask(self, call: Callable[[], R]) -> R:
        if not self._outage.admits():
            raise Away
        try:
            result = call()
        except ValueError:  # an answer, to `incr` of an absent key
            raise
        except Exception:
            self._outage.failed()
            raise
        self._outage.worked()
        return result

    def get(self, key: str) -> Value | None:
        """The value, None when there is none."""
        value: Value | None = self._ask(lambda: _django_cache.get(key))
        return value

    def get_many(self, keys: Iterable[str]) -> dict[str, Value]:
        """The values of the keys that have one, with one question."""
        names = list(keys)
        return self._ask(lambda: dict(_django_cache.get_many(names)))

    def set(self, key: str, value: Value, timeout: float) -> None:
        """Keep a value for ``timeout`` seconds."""
        self._ask(lambda: _django_cache.set(key, value, timeout=timeout))

    def add(self, key: str, value: Value, timeout: float) -> bool:
        """Keep a value unless the key has one already; whether it was kept. Atomic between processes."""
        return bool(self._ask(lambda: _django_cache.add(key, value, timeout=timeout)))

    def incr(self, key: str) -> int:
        """Add one and give the sum. Raises ValueError for a key without a value."""
        return int(self._ask(lambda: _django_cache.incr(key)))

    def delete(self, key: str) -> None:
        """Drop a value."""
        self._ask(lambda: _django_cache.delete(key))

    def forget(self) -> None:
        """Drop the memory of a failure."""
        self._outage.worked()


cache = SharedCache()
