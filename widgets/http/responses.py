"""Answers to browsers: errors as data, cache headers, validators. One vocabulary for every form of answer."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import Promise

log = logging.getLogger(__name__)

PUBLIC = "public, max-age=60, s-maxage=300, stale-while-revalidate=3600, stale-if-error=86400"
"""A minute in a browser, five in a CDN; both may show it longer while they ask again or while we fail (RFC 5861)."""
NO_STORE = "no-store"
RETRY_AFTER_S = "5"
"""The header's value after a failing database: as long as SQLite waits for its lock."""


@dataclass
class Problem(Exception):
    """A request that cannot be served. ``code`` is stable and documented; ``details`` says what to change."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def body(self, request_id: str) -> dict[str, Any]:
        """The error in the vocabulary that Sumeru uses too."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "details": dict(self.details),
                "request_id": request_id,
            }
        }


def not_found(what: str) -> Problem:
    """404; ``what`` is ``shop``, ``widget`` or ``page``."""
    return Problem(404, "not_found", f"There is no such {what}.", {"what": what})


def invalid(details: Mapping[str, Any]) -> Problem:
    """400 for parameters; ``details`` lists the messages by parameter."""
    return Problem(400, "validation_failed", "Some parameters are not valid.", details)


def limited(wait_s: float) -> Problem:
    """429 with the seconds to wait."""
    seconds = max(1, round(wait_s + 0.5))
    return Problem(429, "rate_limited", "Too many requests.", {"retry_after": seconds}, {"Retry-After": str(seconds)})


def unavailable(message: str) -> Problem:
    """503 with ``Retry-After``: the database or another service of ours does not respond."""
    return Problem(503, "unavailable", message, headers={"Retry-After": RETRY_AFTER_S})


def request_id(request: HttpRequest) -> str:
    """The id given to this request by RequestIdMiddleware; it stands in every error and log line."""
    return getattr(request, "request_id", "")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not part of a context")


def to_json(value: object) -> str:
    """JSON of a context: times as ISO 8601 in UTC, decimals as strings; ``<``, ``>`` and ``&`` escaped for any place in HTML."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def json_answer(value: object, *, status: int = 200, cache: str = NO_STORE) -> HttpResponse:
    """An answer in JSON."""
    return finish(to_json(value).encode(), "application/json", status=status, cache=cache)


def finish(body: bytes, content_type: str, *, status: int = 200, cache: str = NO_STORE) -> HttpResponse:
    """A response with its cache policy; with a strong ETag when it may be stored.

    With DEBUG, browsers ask again each time, so that a change shows on reload.
    """
    response = HttpResponse(body, content_type=f"{content_type}; charset=utf-8", status=status)
    response["Cache-Control"] = "no-cache" if settings.DEBUG and cache != NO_STORE else cache
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Timing-Allow-Origin"] = "*"
    if cache != NO_STORE:
        response["ETag"] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return response


def etag_matches(header: str, etag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110 §13.1.2)."""
    if header.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/") == etag for part in header.split(","))


def conditional(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """304 without a body when the client already has this response; it repeats the headers that caches need (RFC 9110 §15.4.5)."""
    etag = response.get("ETag")
    if_none_match = request.headers.get("if-none-match")
    if response.status_code != 200 or not etag or not if_none_match or not etag_matches(if_none_match, etag):
        return response
    short = HttpResponse(status=304)
    for name in ("Cache-Control", "ETag", "Vary", "Cross-Origin-Resource-Policy", "Timing-Allow-Origin"):
        if name in response:
            short[name] = response[name]
    del short["Content-Type"]
    return short


def as_problem(error: Exception) -> Problem | None:
    """What a raised exception means for the client; None for an unexpected one."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Http404):
        return not_found("page")
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent):
        return Problem(413, "payload_too_large", "The request is too large.")
    if isinstance(error, SuspiciousOperation):  # a host that is not ours, among others
        return Problem(400, "bad_request", "The request cannot be served as it is.")
    return None


def error_answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """Any exception as an error response, never with a traceback. Unexpected ones are logged."""
    problem = as_problem(error)
    if problem is None:
        log.error("unhandled %s", type(error).__name__, exc_info=error, extra={"request_id": request_id(request)})
        problem = Problem(500, "internal_error", "Something went wrong here. It has been noted.")
    response = json_answer(problem.body(request_id(request)), status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response
