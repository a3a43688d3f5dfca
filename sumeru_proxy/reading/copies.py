"""Kept answers of Sumeru: what one is, when it may be shown, and where it is kept (this process, then the shared cache).

Keys hold the shop's internal id and the call's own arguments, never a credential.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from django.conf import settings

from sumeru_proxy import memory
from sumeru_proxy.client import shapes
from sumeru_proxy.client.resource import Resource
from sumeru_proxy.reading import stamps, stored_form
from sumeru_proxy.reading.shared_cache import Away, cache

log = logging.getLogger(__name__)

KEEP_S = 7 * 24 * 3600.0
"""How long a copy may outlive its freshness while Sumeru cannot be asked (stale-if-error)."""
KEEP_ABSENT_S = 3600.0
"""The same for what says nothing: there is little to show, and strangers may ask for any number of ids."""
RECHECK_S = 1.0
SCHEMA = stored_form.schema()
_NOTHINGS_LIMIT = 2_000
"""Copies that say nothing are held apart, so that no number of made-up ids pushes out what shoppers see."""
SKEW_S = 300.0
"""How far the clocks of two machines may be apart."""
_RECORDS_LIMIT = 20_000
"""Records held by a process, of 0.4 to 0.9 kB each (measured): some 6,000 single products, or the reviews of 200 with 100 each."""


@dataclass(frozen=True, slots=True)
class Query:
    """One read: a method of ``client.api.Sumeru``, its arguments, the topics that make it stale, and its lifetime in seconds."""

    method: str
    arguments: tuple[tuple[str, Hashable], ...]
    topics: tuple[str, ...] = ()
    fresh_s: float = 60.0

    @classmethod
    def of(cls, resource: Resource[Any], /, fresh_s: float | None = None, **arguments: Hashable) -> Query:
        """A read of this resource, with the resource's topics and, unless told otherwise, its lifetime."""
        topics = tuple(stamps.topic_of(topic.format_map(arguments)) for topic in resource.topics)
        return cls(resource.name, tuple(arguments.items()), topics, resource.fresh_s if fresh_s is None else fresh_s)

    @property
    def watched(self) -> tuple[str, ...]:
        """The topics, and the one of everything."""
        return (stamps.EVERYTHING, *self.topics)

    def key(self, shop_id: int) -> str:
        """The copy's name in the shared cache."""
        digest = hashlib.blake2b(repr((self.method, self.arguments)).encode(), digest_size=16).hexdigest()
        return f"copy:{SCHEMA}:{shop_id}:{digest}"


@dataclass(frozen=True, slots=True)
class Copy:
    """A validated answer with its age. ``value`` is None when Sumeru says that there is no such thing."""

    value: Any
    fetched_at: float
    fresh_s: float
    made_under: tuple[tuple[str, int], ...]
    absent_since: float = 0.0
    """When Sumeru first said that what this copy holds is gone; 0 while it has not. See ``fetching``."""

    def state(self, now: float, current: dict[str, stamps.Value]) -> str:
        """``fresh``, ``stale`` (may be shown) or ``withdrawn`` (must not be). A copy from the far future counts as stale, one that is
        ahead by SKEW_S does not: another machine's clock would make every copy of its stale here.
        """
        state = "fresh" if -SKEW_S <= now - self.fetched_at < self.fresh_s else "stale"
        for topic, soft in self.made_under:
            current_value = current.get(topic)
            if current_value is None:
                continue
            if soft < current_value.hard:
                return "withdrawn"
            if soft < current_value.soft:
                state = "stale"
        return state

    @property
    def keep_s(self) -> float:
        """How long the shared cache keeps it, from when it was fetched."""
        return self.fresh_s + (KEEP_ABSENT_S if self.says_nothing else KEEP_S)

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing in it to show: unknown to Sumeru, or an empty list. Strangers can make any number of these up."""
        value = self.value
        if isinstance(value, shapes.ReviewPage):
            return not value.reviews and not value.summary.count
        if isinstance(value, shapes.ProductPage):
            return not value.products
        if isinstance(value, shapes.ReferralCheck):
            return not value.valid
        return value is None or value == ()

    def stored(self) -> bytes:
        """The form in which the shared cache keeps it. Raises TypeError and ValueError as ``stored_form.packed``."""
        return stored_form.packed(self.value, self.fetched_at, self.fresh_s, self.made_under, self.absent_since)

    @classmethod
    def of_stored(cls, stored: object) -> Copy | None:
        """The copy of these bytes; None when they are no copy of this release."""
        try:
            return cls(*stored_form.unpacked(stored))
        except stored_form.Foreign:
            return None

    @property
    def records(self) -> int:
        """How many typed values it is made of, about: what it costs to hold."""
        if isinstance(self.value, tuple | list):
            return 1 + len(self.value)
        names = _parts_of(type(self.value))  # type: ignore[arg-type]  # mypy does not see that a class is hashable
        parts = (getattr(self.value, name) for name in names)
        return 1 + sum(len(part) for part in parts if isinstance(part, tuple))


@lru_cache(maxsize=64)
def _parts_of(kind: type) -> tuple[str, ...]:
    """The names of a record's fields; none for what is no record."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


class Copies:
    """Copies of this process in front of the shared cache; a cache that fails is treated as empty, never as an error."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[float, Copy]] = OrderedDict()
        self._nothings: OrderedDict[str, tuple[float, Copy]] = OrderedDict()
        self._records = 0
        self._lock = Lock()
        memory.register(self)

    def load(self, key: str) -> Copy | None:
        """The copy, at most RECHECK_S behind what other processes stored."""
        return self.load_many([key]).get(key)

    def load_many(self, keys: Sequence[str]) -> dict[str, Copy]:
        """As ``load``, for several keys with one question to the shared cache."""
        now = time.monotonic()
        found: dict[str, Copy] = {}
        ask: list[str] = []
        with self._lock:
            for key in keys:
                entry = self._entry(key)
                if entry and 0 <= now - entry[0] < RECHECK_S:
                    self._place_of(entry[1]).move_to_end(key)
                    found[key] = entry[1]
                else:
                    ask.append(key)
        return {**found, **self.load_latest(ask, now)} if ask else found

    def load_latest(self, keys: Sequence[str], now: float | None = None) -> dict[str, Copy]:
        """As ``load_many``, but what other processes stored counts at once: the shared cache is always asked."""
        now = time.monotonic() if now is None else now
        found: dict[str, Copy] = {}
        try:
            stored = cache.get_many(keys)
        except Away:
            stored = {}
        except Exception as error:  # whatever the cache library raises: shoppers keep what this process holds
            log.warning("cache read failed: %s", type(error).__name__)
            stored = {}
        read = {key: Copy.of_stored(value) for key, value in stored.items()}
        with self._lock:
            for key in keys:
                copy = read.get(key)
                if copy is None:
                    entry = self._entry(key)
                    copy = entry[1] if entry else None
                if copy is not None:
                    found[key] = copy
                    self._hold(key, now, copy)
        return found

    def store(self, key: str, copy: Copy) -> None:
        """Keep a copy here and in the shared cache."""
        with self._lock:
            self._hold(key, time.monotonic(), copy)
        if copy.says_nothing and settings.CACHE_URL.startswith("local:"):
            return  # that cache is this process's memory, too, and has one room for all
        try:
            cache.set(key, copy.stored(), timeout=int(copy.keep_s))
        except Away:
            pass
        except Exception as error:
            log.warning("cache write failed: %s", type(error).__name__)

    def _entry(self, key: str) -> tuple[float, Copy] | None:
        return self._held.get(key) or self._nothings.get(key)

    def _place_of(self, copy: Copy) -> OrderedDict[str, tuple[float, Copy]]:
        return self._nothings if copy.says_nothing else self._held

    def _hold(self, key: str, now: float, copy: Copy) -> None:
        self._nothings.pop(key, None)
        if before := self._held.pop(key, None):
            self._records -= before[1].records
        self._place_of(copy)[key] = (now, copy)
        if copy.says_nothing:
            while len(self._nothings) > _NOTHINGS_LIMIT:
                self._nothings.popitem(last=False)
            return
        self._records += copy.records
        while self._records > _RECORDS_LIMIT and len(self._held) > 1:
            self._records -= self._held.popitem(last=False)[1][1].records

    def forget(self) -> None:
        """Drop what this process holds; the shared cache keeps its copies."""
        with self._lock:
            self._held.clear()
            self._nothings.clear()
            self._records = 0


copies = Copies()
