"""One pool of connections for a process: a thread that ends leaves no connection to the garbage collector."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.cache.backends.redis import RedisCache

from sumeru_proxy import limit_stores
from sumeru_proxy.redis_pool import ProcessPool
from widgets import environment

NOBODY = "redis://127.0.0.1:9/{}"  # nothing is asked here


def pool_of_a_cache(url: str) -> Any:
    entry: dict[str, Any] = environment.cache(url)
    return RedisCache(entry["LOCATION"], entry)._cache.get_client().connection_pool


def test_every_thread_has_the_same_pool() -> None:
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pools = [pool.submit(pool_of_a_cache, NOBODY.format(0)).result() for pool in (one, other)]
    assert isinstance(pools[0], ProcessPool)
    assert pools[0] is pools[1]


def test_another_database_or_other_options_are_another_pool() -> None:
    assert pool_of_a_cache(NOBODY.format(0)) is not pool_of_a_cache(NOBODY.format(1))
    assert pool_of_a_cache(NOBODY.format(0)) is not limit_stores.connect(NOBODY.format(0)).connection_pool


def test_the_limits_of_every_thread_share_one_pool() -> None:
    clients = [limit_stores.connect(NOBODY.format(0).replace("redis", "valkey")) for _ in range(2)]
    assert clients[0].connection_pool is clients[1].connection_pool
