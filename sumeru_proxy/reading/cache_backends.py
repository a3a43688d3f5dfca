"""Django's cache backends without pickle: a value is bytes, text or a whole number, and reading one never runs code.

Django's own pickle whatever they are given, so that who can write to the store could run code in every web process. Bytes that this
module did not write are no value. Used by the settings through ``widgets.environment`` alone.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError, connections, router, transaction
from django.utils import timezone

Value = bytes | str | int
_BYTES, _TEXT = b"b", b"t"
_LONGEST_NUMBER: Final = 20


def encoded(value: object) -> bytes:
    """The stored form. Raises TypeError for anything but bytes, text and whole numbers (True and False are none)."""
    if type(value) is int:
        return str(value).encode()
    if type(value) is str:
        return _TEXT + value.encode()
    if type(value) is bytes:
        return _BYTES + value
    raise TypeError(f"the cache keeps bytes, text and whole numbers, not {type(value).__name__}")


def decoded(stored: bytes) -> Value | None:
    """The value of a stored form; None for what ``encoded`` did not make. Raises nothing."""
    if stored[:1] == _BYTES:
        return stored[1:]
    try:
        if stored[:1] == _TEXT:
            return stored[1:].decode()
        return int(stored) if len(stored) <= _LONGEST_NUMBER else None
    except ValueError:
        return None


class PlainSerializer:
    """For ``OPTIONS["serializer"]`` of Django's Redis backend. Whole numbers stay what Redis itself can add to."""

    def dumps(self, value: object) -> bytes | int:
        """See ``encoded``."""
        return value if type(value) is int else encoded(value)

    def loads(self, stored: bytes) -> Value | None:
        """See ``decoded``."""
        return decoded(stored)


class ProcessCache(LocMemCache):
    """Values of this process, as they are: they cannot be changed by who gets them."""

    # Django's own, which its type stubs leave out.
    _lock: Lock
    _cache: OrderedDict[str, Any]
    _has_expired: Callable[[str], bool]
    _delete: Callable[[str], bool]
    _set: Callable[[str, Any, float | None], None]

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value unless the key has one."""
        encoded(value)
        name = self.make_and_validate_key(key, version=version)
        with self._lock:
            if not self._has_expired(name):
                return False
            self._set(name, value, timeout)
            return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, else ``default``."""
        name = self.make_and_validate_key(key, version=version)
        with self._lock:
            if self._has_expired(name):
                self._delete(name)
                return default
            self._cache.move_to_end(name, last=False)
            return self._cache[name]

    def set(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep a value."""
        encoded(value)
        name = self.make_and_validate_key(key, version=version)
        with self._lock:
            self._set(name, value, timeout)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add to a number and give the sum. Raises ValueError for a key without one."""
        name = self.make_and_validate_key(key, version=version)
        with self._lock:
            if self._has_expired(name):
                self._delete(name)
                raise ValueError(f"Key '{key}' not found")
            total = int(self._cache[name]) + delta
            self._cache[name] = total
            self._cache.move_to_end(name, last=False)
        return total


class TableCache(DatabaseCache):
    """Values as rows of the table that ``manage.py createcachetable`` makes; one statement a write."""

    _table: str

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        """The values of the keys that have one."""
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        if not names:
            return {}
        connection = connections[router.db_for_read(self.cache_model_class) or "default"]
        now = _adapted(connection, timezone.now().replace(microsecond=0))
        places = ", ".join(["%s"] * len(names))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT cache_key, value FROM {connection.ops.quote_name(self._table)} "  # noqa: S608 - our own table's name
                f"WHERE cache_key IN ({places}) AND expires >= %s",
                [*names, now],
            )
            rows = cursor.fetchall()
        found = {names[name]: decoded(_raw(text)) for name, text in rows}
        return {key: value for key, value in found.items() if value is not None}

    def _base_set(self, mode: str, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT) -> bool:
        using = router.db_for_write(self.cache_model_class) or "default"
        connection = connections[using]
        table = connection.ops.quote_name(self._table)
        now = timezone.now().replace(microsecond=0)
        until = self.get_backend_timeout(timeout)
        expires = _adapted(connection, datetime.fromtimestamp(253_402_214_400 if until is None else until, UTC))
        text = "" if mode == "touch" else base64.b64encode(encoded(value)).decode()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608
            count = cursor.fetchone()[0]
            if count > self._max_entries:
                self._cull(using, cursor, now, count)  # type: ignore[attr-defined]
            try:
                with transaction.atomic(using=using):
                    if mode == "touch":
                        cursor.execute(f"UPDATE {table} SET expires = %s WHERE cache_key = %s", [expires, key])  # noqa: S608
                    else:
                        # `add` takes the place of what has run out, and of nothing else.
                        free = f" WHERE {table}.expires < %s" if mode == "add" else ""
                        cursor.execute(
                            f"INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s) "  # noqa: S608
                            f"ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires{free}",
                            [key, text, expires, *([_adapted(connection, now)] if free else [])],
                        )
                    return bool(cursor.rowcount)
            except DatabaseError:  # as Django's own: a copy that could not be kept is no fault of the page
                return False


def _adapted(connection: Any, moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment.replace(microsecond=0))


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""
