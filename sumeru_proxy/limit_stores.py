"""Where all processes share the limiter's and the breaker's states: Redis when there is one, else the database."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from sumeru_proxy import memory
from sumeru_proxy.client.limiter import State, Store, StoreBusy, StoreUnavailable
from sumeru_proxy.models import Bucket
from sumeru_proxy.reading.shared_cache import Outage
from sumeru_proxy.redis_pool import ProcessPool

R = TypeVar("R")
Decide = Callable[[Mapping[str, State]], tuple[Mapping[str, State], R]]
BRAKES: Final = "brake:"
"""Keys of states that count what client networks do: strangers make them, so they are pruned."""
TIMEOUT_S: Final = 0.2
KEPT_S: Final = 3_600
"""Longer than any state matters: a bucket is full again after a minute, a breaker opens for half of one."""
_LONGEST_PAUSE_S: Final = 0.004
IMPATIENT_MS: Final = 200
_NO_RETRY: Final = Retry(NoBackoff(), 0)

# Compare and set over all keys at once. The decision itself stays in Python, in one place for every store.
_SWAP: Final = """
local count = #KEYS
for i = 1, count do
  if (redis.call('GET', KEYS[i]) or '') ~= ARGV[i] then return 0 end
end
for i = 1, count do
  if ARGV[count + i] ~= '' then redis.call('SET', KEYS[i], ARGV[count + i], 'EX', ARGV[2 * count + 1]) end
end
return 1
"""


class DatabaseStore:
    """States as rows. Every change is a short transaction that locks its rows (SQLite: the whole file, by BEGIN IMMEDIATE).

    Inside a caller's own transaction the locks would last until that one ends; do not call Sumeru in a transaction.
    """

    def change(self, keys: Sequence[str], decide: Decide[R]) -> R:
        """See ``client.limiter.Store``. Waits for other processes' changes at most as long as the database's lock timeout."""
        busy = False
        try:
            return self._change(sorted(set(keys)), decide)
        except DatabaseFault as error:
            busy = _is_lock(error)
        raise StoreBusy if busy else StoreUnavailable

    def _change(self, keys: list[str], decide: Decide[R]) -> R:
        with transaction.atomic():
            rows = self._locked(keys)
            if len(rows) < len(keys):
                missing = [Bucket(key=key) for key in keys if key not in rows]
                Bucket.objects.bulk_create(missing, ignore_conflicts=True)
                rows = self._locked(keys)
            changed, result = decide({key: _state(row) for key, row in rows.items()})
            for key, state in sorted(changed.items()):
                extra = {name: value for name, value in state.items() if name != "tat"}
                Bucket.objects.filter(key=key).update(tat=state.get("tat", 0.0), extra=extra)
        return result

    def _locked(self, keys: list[str]) -> dict[str, Bucket]:
        # Always in the same order, so that two changes cannot wait for each other.
        return {row.key: row for row in Bucket.objects.select_for_update().filter(key__in=keys).order_by("key")}


def _is_lock(error: DatabaseFault) -> bool:
    """Whether the database answered, but others held what was needed: SQLite's SQLITE_BUSY, PostgreSQL's classes 55P03 and 40."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None) or ""
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY or sqlstate.startswith(("55P03", "40"))


def _state(row: Bucket) -> State:
    extra: dict[str, Any] = row.extra if isinstance(row.extra, dict) else {}
    return {**extra, "tat": row.tat} if row.tat else extra


class RedisStore:
    """States as Redis strings that expire. A change reads all of its keys, then swaps them in one script if none changed since."""

    def __init__(self, client: redis.Redis, prefix: str = "sumeru:bucket:") -> None:
        self._client = client
        self._prefix = prefix
        self._swap = client.register_script(_SWAP)
        self._outage = Outage()

    def change(self, keys: Sequence[str], decide: Decide[R]) -> R:
        """See ``client.limiter.Store``. Two round trips, more only when another process changed the same keys in between; then it sleeps
        for some milliseconds, at most TIMEOUT_S in all. After a failure it is unavailable for a moment without being asked.
        """
        if not self._outage.admits():
            raise StoreUnavailable
        names = sorted(set(keys))
        places = [self._prefix + name for name in names]
        try:
            began = time.monotonic()
            while True:
                found: list[Any] = self._client.mget(places)
                self._outage.worked()
                texts = [_text(value) for value in found]
                changed, result = decide({name: _loaded(text) for name, text in zip(names, texts, strict=True)})
                if not changed:
                    return result
                wanted = [_dumped(changed[name]) if name in changed else "" for name in names]
                if self._swap(keys=places, args=[*texts, *wanted, KEPT_S]):
                    return result
                if time.monotonic() - began > TIMEOUT_S:
                    raise StoreBusy
                # In step, two would go on undoing each other's reads.
                time.sleep(random.uniform(0.0, _LONGEST_PAUSE_S))  # noqa: S311 - spreads, hides nothing
        except redis.RedisError:
            self._outage.failed()
        raise StoreUnavailable


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _dumped(state: State) -> str:
    return json.dumps(state, separators=(",", ":"))


def _loaded(text: str) -> State:
    try:
        state = json.loads(text) if text else {}
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


@contextmanager
def impatient() -> Iterator[None]:
    """Within the block SQLite's lock is waited for IMPATIENT_MS at most: for counts that a request takes on its way to a write of its
    own, which waits as long as that must. Other stores are as patient as always.
    """
    before = None
    if connection.vendor == "sqlite":
        with suppress(DatabaseFault), connection.cursor() as cursor:
            before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout = {IMPATIENT_MS}")
    try:
        yield
    finally:
        if before is not None:
            with suppress(DatabaseFault), connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {int(before)}")


def connect(url: str) -> redis.Redis:
    """A client of ``redis://``, ``rediss://``, ``unix://`` or their ``valkey`` forms that gives up after 0.2 s and never retries.

    The library's own retries would hold a page for seconds while Redis is away.
    """
    return redis.Redis(
        connection_pool=ProcessPool.from_url(
            url.replace("valkey", "redis", 1),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=_NO_RETRY,
        )
    )


@memory.Once
def shared() -> Store:
    """The store that all processes of this installation share: Redis or Valkey when CACHE_URL names one, else the database."""
    url: str = settings.CACHE_URL
    if urlsplit(url).scheme in ("redis", "rediss", "valkey", "valkeys", "unix"):
        return RedisStore(connect(url))
    return DatabaseStore()
