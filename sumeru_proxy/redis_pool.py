"""Connections to Redis: one pool for each address and process, whichever thread asks.

Django makes a cache object per thread, each with a pool of its own. With one pool a process has as many connections as calls that are
under way at one time, and a thread that ends leaves none behind.
"""

from __future__ import annotations

import functools
from typing import Any

import redis


class ProcessPool(redis.ConnectionPool):
    """A pool that all callers with the same address and options share. Django's cache takes it by its option ``pool_class``."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> ProcessPool:
        """The process's pool for ``url``. Thread-safe; after a fork the child opens connections of its own.

        Raises ValueError, as redis-py does, for an address that it cannot read.
        """
        return _pool(cls, url, tuple(sorted(options.items())))


@functools.cache
def _pool(kind: type[ProcessPool], url: str, options: tuple[tuple[str, Any], ...]) -> ProcessPool:
    pool: ProcessPool = super(ProcessPool, kind).from_url(url, **dict(options))
    return pool
