"""The outermost WSGI layer: answers to reads of widgets are finished here (coding, validator, 304), kept, and given again before Django.

What may be given again is decided by Django alone: a view says what its answer was made of (``answers.AnswerInputs``), and the answer
is kept when it is a 200 that everybody may store. It is given again while all of that is unchanged: the shop's rows and stamps, asked of
the database at most once a second; Sumeru's copies, which must not have become stale or been replaced since; and the clock,
as far as the text depends on it. When the database does not answer, what was known last stays true, as for every page.

A hit is counted for the refresher, but not against the client's reads per minute: that brake protects the making of answers, and
refusing would cost more than giving.

This layer works the same whether it keeps answers or not (``limit_bytes`` 0), so that no client can tell a hit from a miss.
"""

from __future__ import annotations

import random
import time
import weakref
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from django.conf import settings

from sumeru_proxy import accounts
from sumeru_proxy.reading import erasures
from sumeru_proxy.reading.copies import copies
from widgets.edge import codings
from widgets.edge.answers import (
    INPUTS_KEY,
    AnswerInputs,
    AnswerStore,
    CachedAnswer,
    Entry,
    FinishedAnswer,
    Representation,
    RequestKey,
    own_of,
)
from widgets.edge.shops import Headers, Watch
from widgets.http import middleware, responses
from widgets.http.shops import ShopSettings

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

_PREFIX = "/w/v1/"
_CODINGS_LIMIT = 500
_ACCEPT_LIMIT_CHARS = 200


class HotPath:
    """A WSGI application around another one. With ``limit_bytes`` 0 ``store`` stays empty."""

    def __init__(self, application: Application, limit_bytes: int) -> None:
        self._application = application
        self.store = AnswerStore(limit_bytes)
        self._by_raw = self.store.by_raw
        self._watches: weakref.WeakValueDictionary[str, Watch] = weakref.WeakValueDictionary()
        self._watches_lock = Lock()
        self._codings: dict[str, str] = {}
        self._scheme_header = (settings.SECURE_PROXY_SSL_HEADER or ("wsgi.url_scheme",))[0]

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """A finished answer from memory, else the application's response."""
        method = environ["REQUEST_METHOD"]
        if method != "GET" and method != "HEAD":
            return self._application(environ, start_response)
        # Whatever of a request may decide its answer, in the words of the client: other words are another request.
        raw = (
            environ["PATH_INFO"],
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_HOST", ""),
            environ.get(self._scheme_header) or environ["wsgi.url_scheme"],
        )
        entry = self._by_raw.get(raw)
        if entry is not None and "HTTP_AUTHORIZATION" not in environ:
            cached_answer = entry.cached_answer
            if time.monotonic() < cached_answer.until or self._still_true(entry, cached_answer):
                cached_answer.hits += 1
                self.store.hits += 1
                origin = environ.get("HTTP_ORIGIN")
                client_request_id = environ.get("HTTP_X_REQUEST_ID")
                own = [
                    *(entry.watch.headers_for(origin) if origin else ()),
                    (
                        "X-Request-Id",
                        middleware.request_id_for(client_request_id)
                        if client_request_id
                        else f"req_{random.getrandbits(64):016x}",
                    ),
                ]
                form = cached_answer.answer.form(self._coding(environ.get("HTTP_ACCEPT_ENCODING")))
                return _respond(form, own, environ.get("HTTP_IF_NONE_MATCH"), method, start_response)
        if not raw[0].startswith(_PREFIX):
            return self._application(environ, start_response)
        return self._through(raw, method, environ, start_response)

    def _coding(self, header: str | None) -> str:
        if not header:
            return codings.IDENTITY
        coding = self._codings.get(header)
        if coding is None:
            coding = codings.preferred(header)
            if len(header) <= _ACCEPT_LIMIT_CHARS and len(self._codings) < _CODINGS_LIMIT:
                self._codings[header] = coding
        return coding

    def _through(
        self, raw: RequestKey, method: str, environ: Environment, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Ask Django. A response that shared caches may store is finished here, and kept when the view recorded its inputs."""
        if_none_match = environ.pop("HTTP_IF_NONE_MATCH", None)
        environ.pop(INPUTS_KEY, None)
        self.store.misses += 1
        status_and_headers: list[Any] = []

        def record(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
            status_and_headers[:] = [status, headers]
            return _no_write

        parts = self._application(environ, record)
        try:
            body = b"".join(parts)
        finally:
            if (close := getattr(parts, "close", None)) is not None:
                close()
        status, headers = status_and_headers
        if not _for_everybody(status, headers):
            start_response(status, headers)
            return [body]
        answer = FinishedAnswer(headers, body)
        inputs = environ.pop(INPUTS_KEY, None)
        if isinstance(inputs, AnswerInputs) and self.store.limit_bytes and "HTTP_AUTHORIZATION" not in environ:
            self.store.put(raw, inputs.key, CachedAnswer(answer, inputs), self._watch(inputs.shop_settings))
        form = answer.form(self._coding(environ.get("HTTP_ACCEPT_ENCODING")))
        return _respond(form, own_of(headers), if_none_match, method, start_response)

    def _watch(self, shop_settings: ShopSettings) -> Watch:
        key = shop_settings.profile.key
        with self._watches_lock:
            watch = self._watches.get(key)
            if watch is None or watch.shop_id != shop_settings.profile.id:
                watch = self._watches[key] = Watch(key, shop_settings)
            return watch

    def _still_true(self, entry: Entry, cached_answer: CachedAnswer) -> bool:
        """Whether the answer is still valid; sets the time of the next check, and drops an invalid answer."""
        watch = entry.watch
        watch.ensure(time.monotonic())
        wall = time.time()
        if cached_answer.hits:
            times, cached_answer.hits = cached_answer.hits, 0
            for use in cached_answer.used.values():
                if use.state == "derived":
                    continue
                accounts.refresher.count(watch.shop_id, use.query, times)
        epoch, until = watch.epoch, watch.until
        if not (
            cached_answer.started_at <= wall < cached_answer.expires_at
            and self._as_made(watch, cached_answer, wall, epoch)
        ):
            self.store.drop(entry, cached_answer)
            return False
        cached_answer.epoch = epoch
        cached_answer.until = min(until, time.monotonic() + cached_answer.expires_at - wall)
        self.store.used(entry)
        return True

    @staticmethod
    def _as_made(watch: Watch, cached_answer: CachedAnswer, wall: float, epoch: int) -> bool:
        if cached_answer.epoch != epoch:
            if watch.shop_settings != cached_answer.shop_settings:
                return False
            for use in cached_answer.used.values():
                if use.copy is not None and use.state != "derived" and use.copy.state(wall, watch.stamps) != use.state:
                    return False
                if erasures.PEOPLE in use.query.topics and erasures.number_of(watch.stamps) != use.erasures:
                    return False
        # What is stale or was not to be had: look whether that has changed, and keep asking for it.
        unsettled = cached_answer.unsettled
        copies_now = copies.load_many(list(unsettled)) if unsettled else {}
        for key, use in unsettled.items():
            now_held = copies_now.get(key)
            if (now_held.fetched_at if now_held else None) != (use.copy.fetched_at if use.copy else None):
                return False
            if use.state == "stale":
                accounts.refresher.ask(watch.shop_id, use.query)
        return True


def _respond(
    form: Representation, own: Headers, if_none_match: str | None, method: str, start_response: Callable[..., Any]
) -> Iterable[bytes]:
    if if_none_match and responses.etag_matches(if_none_match, form.etag):
        start_response("304 Not Modified", form.short + own)
        return []
    start_response("200 OK", form.headers + own)
    return form.body if method == "GET" else []


def _for_everybody(status: str, headers: Headers) -> bool:
    """A 200 that shared caches may store, with a strong validator and nothing about one client in it."""
    by_name = {name.lower(): value for name, value in headers}
    return (
        status.startswith("200 ")
        and by_name.get("cache-control", "").startswith("public")
        and by_name.get("etag", "").startswith('"')
        and "set-cookie" not in by_name
        and "content-encoding" not in by_name
    )


def _no_write(data: bytes) -> None:
    raise NotImplementedError("Django returns its bodies")
