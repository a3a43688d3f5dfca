"""Finished answers in this process's memory: their inputs, their content codings, and a limit for the memory of all."""

from __future__ import annotations

import re
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sumeru_proxy import memory
from sumeru_proxy.reading.reader import Source, UsedCopy
from widgets.edge import codings
from widgets.edge.shops import Headers, Watch
from widgets.http.rendering import AGE_STEP_S
from widgets.http.shops import ShopSettings

INPUTS_KEY = "widgets.made"
"""Where in the WSGI environment a view leaves its ``AnswerInputs``."""
LONGEST_S = 60.0
"""Relative times ("3 minutes ago") have steps of a minute, and browsers keep the answer for one."""
INCOMPLETE_S = 1.0
"""Life of an answer for which something could not be read: the next one may be complete."""
ALIASES_LIMIT = 8
"""Spellings of one request that are remembered: order of parameters, junk beside them, host names."""
ENTRY_LIMIT_BYTES = 1024 * 1024
_OVERHEAD_BYTES, _ALIAS_BYTES, _USED_BYTES = 3_000, 500, 300
# What the answer to one request says beyond the stored answer.
_OWN = frozenset({"access-control-allow-origin", "access-control-expose-headers", "x-request-id"})
# What describes a body is not said without one; the stored answer's policy for the page stays in force (RFC 9110 §15.4.5).
_OF_A_BODY = frozenset(
    {"content-type", "content-length", "content-encoding", "content-language", "content-security-policy"}
)

RequestKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class AnswerInputs:
    """What a view records about its response. ``key`` holds every validated value that the bytes depend on: equal keys, equal bytes."""

    key: Hashable
    shop_settings: ShopSettings
    source: Source


class Representation(NamedTuple):
    """The answer in one content coding, ready to send; ``short`` are the headers of its 304."""

    body: list[bytes]
    headers: Headers
    short: Headers
    etag: str


class FinishedAnswer:
    """A finished 200 answer. Each content coding is made on first use; two threads that make it at the same time make the same
    bytes.

    Each coding has its own strong validator (RFC 9110 §8.8.3.3): ``"x"``, ``"x-gzip"``, ``"x-br"``.
    """

    __slots__ = ("_body", "_etag", "_headers", "forms")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self._body = body
        self._etag = next((value for name, value in headers if name.lower() == "etag"), "")
        vary = [part for name, value in headers if name.lower() == "vary" for part in re.split(r"\s*,\s*", value)]
        if "accept-encoding" not in (part.lower() for part in vary):
            vary.append("Accept-Encoding")
        skipped = _OWN | {"vary", "etag", "content-length", "content-encoding"}
        self._headers = [(name, value) for name, value in headers if name.lower() not in skipped]
        self._headers.append(("Vary", ", ".join(vary)))
        self.forms: dict[str, Representation] = {}

    def form(self, coding: str) -> Representation:
        """The answer in this coding, or uncoded when the coding would not make it shorter."""
        representation = self.forms.get(coding)
        return representation if representation is not None else self._make(coding)

    def _make(self, coding: str) -> Representation:
        body = codings.coded(self._body, coding)
        if body is None and coding:
            form = self.form(codings.IDENTITY)
        else:
            body = self._body if body is None else body
            etag = f'{self._etag[:-1]}-{coding}"' if coding else self._etag
            headers = [*self._headers, ("ETag", etag), ("Content-Length", str(len(body)))]
            if coding:
                headers.append(("Content-Encoding", coding))
            short = [(name, value) for name, value in headers if name.lower() not in _OF_A_BODY]
            form = Representation([body], headers, short, etag)
        self.forms[coding] = form
        return form

    @property
    def size_bytes(self) -> int:
        """About what all forms take that may come to be: a coded form is taken for half of the plain one."""
        return 2 * len(self._body)


def own_of(headers: Headers) -> Headers:
    """The headers of an answer that belong to one request only."""
    return [(name, value) for name, value in headers if name.lower() in _OWN]


class CachedAnswer:
    """An answer and its inputs, without their values. ``until`` (``time.monotonic()``) is when it must be checked again;
    ``epoch`` is the state of the shop for which it was last found valid, None before the first check.
    """

    __slots__ = ("answer", "epoch", "expires_at", "hits", "shop_settings", "started_at", "unsettled", "until", "used")

    def __init__(self, answer: FinishedAnswer, inputs: AnswerInputs) -> None:
        source = inputs.source
        self.answer = answer
        self.shop_settings = inputs.shop_settings
        self.used: dict[str, UsedCopy] = {key: _without_value(use) for key, use in source.used.items()}
        self.started_at = source.opened_at
        settled = source.fresh and all(use.state in ("fresh", "derived") for use in self.used.values())
        self.unsettled = {key: use for key, use in self.used.items() if not settled or use.state == "derived"}
        self.expires_at = _expires_at(source)
        self.until = 0.0
        self.epoch: int | None = None
        self.hits = 0


def _without_value(use: UsedCopy) -> UsedCopy:
    """A used copy's age and stamps. Values stay with the copies, whose number is limited; a hundred reviews take 90 kB."""
    return use if use.copy is None else use._replace(copy=replace(use.copy, value=None))


def _expires_at(source: Source) -> float:
    """When time alone changes the text: a copy is no longer fresh, or an age or a relative time takes its next step."""
    ends = [source.opened_at + LONGEST_S]
    for use in source.used.values():
        if use.state == "derived":
            continue
        if use.copy is None:
            ends.append(source.opened_at + INCOMPLETE_S)
        elif use.state == "fresh":
            ends.append(use.copy.fetched_at + use.copy.fresh_s)
    if not source.fresh and source.oldest is not None:
        steps = max(0.0, source.opened_at - source.oldest) // AGE_STEP_S
        ends.append(source.oldest + (steps + 1) * AGE_STEP_S)
    return min(ends)


class Entry:
    """The place of one request's answer; ``kept`` is replaced as a whole, so that readers need no lock."""

    __slots__ = ("bytes", "cached_answer", "key", "raws", "watch")

    def __init__(self, key: Hashable, cached_answer: CachedAnswer, watch: Watch) -> None:
        self.key = key
        self.cached_answer = cached_answer
        self.watch = watch
        self.raws: list[RequestKey] = []
        self.bytes = 0


class AnswerStore:
    """Entries by key, found through the spellings of their requests; at most ``limit_bytes``, the longest unused go first.

    Reading ``by_raw`` needs no lock. An entry counts as used when it is looked at, not with each hit: that is the same to
    within a second, and costs the hits nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.by_raw: dict[RequestKey, Entry] = {}
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._lock = Lock()
        self.bytes = self.hits = self.misses = self.evictions = 0
        _stores.add(self)
        memory.register(self)

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, raw: RequestKey, key: Hashable, cached_answer: CachedAnswer, watch: Watch) -> None:
        """Store an answer under its key, and link this request to it. An answer that is too large is not stored."""
        size = (
            _OVERHEAD_BYTES + cached_answer.answer.size_bytes + _USED_BYTES * len(cached_answer.used) + len(repr(key))
        )
        if size + _ALIAS_BYTES > min(ENTRY_LIMIT_BYTES, self.limit_bytes):
            return
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = Entry(key, cached_answer, watch)
            entry.cached_answer, entry.watch = cached_answer, watch
            self._entries.move_to_end(key)
            self._alias(entry, raw)
            size += sum(_ALIAS_BYTES + sum(map(len, each)) for each in entry.raws)
            self.bytes += size - entry.bytes
            entry.bytes = size
            while self.bytes > self.limit_bytes:
                self._remove(next(iter(self._entries.values())))
                self.evictions += 1

    def _alias(self, entry: Entry, raw: RequestKey) -> None:
        if raw in entry.raws:
            return
        if len(entry.raws) >= ALIASES_LIMIT:
            # The first spelling stays: a flood of junk beside it never pushes out what pages ask.
            self.by_raw.pop(entry.raws.pop(1), None)
        entry.raws.append(raw)
        self.by_raw[raw] = entry

    def used(self, entry: Entry) -> None:
        """Mark the entry as recently used."""
        with self._lock:
            if self._entries.get(entry.key) is entry:
                self._entries.move_to_end(entry.key)

    def drop(self, entry: Entry, cached_answer: CachedAnswer) -> None:
        """Remove an answer that is no longer valid, unless a new one has replaced it."""
        with self._lock:
            if entry.cached_answer is cached_answer and self._entries.get(entry.key) is entry:
                self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self.bytes -= entry.bytes
        for raw in entry.raws:
            self.by_raw.pop(raw, None)

    def forget(self) -> None:
        """Remove every entry."""
        with self._lock:
            for entry in list(self._entries.values()):
                self._remove(entry)


_stores: weakref.WeakSet[AnswerStore] = weakref.WeakSet()


class AnswerMetrics(Collector):
    """This process's finished answers, for ``/metrics``. Two hits of two threads at one instant may count as one."""

    def collect(self) -> Iterator[Metric]:
        """The current figures."""
        stores = list(_stores)
        for name, about in (
            ("hits", "Requests answered from a finished answer."),
            ("misses", "Reads of widgets that went through Django."),
            ("evictions", "Finished answers dropped for want of room."),
        ):
            yield CounterMetricFamily(f"sumeru_hot_{name}", about, sum(getattr(each, name) for each in stores))
        yield GaugeMetricFamily("sumeru_hot_bytes", "Memory of finished answers.", sum(each.bytes for each in stores))
        yield GaugeMetricFamily("sumeru_hot_entries", "Finished answers kept.", sum(len(each) for each in stores))


REGISTRY.register(AnswerMetrics())
