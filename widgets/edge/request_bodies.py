"""Gives chunked request bodies a length before Django sees them. WSGI has no chunked bodies, so Django would read an empty one: a
webhook's signature would not match, and a review would be empty.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


def measured(application: Application, limit_bytes: int, larger: Mapping[str, int] | None = None) -> Application:
    """The same application, with chunked bodies read beforehand, at most one byte more than the limit; ``larger`` has other limits, by
    the beginning of the path.

    A longer one is passed on with a length above the limit, so that whoever reads it refuses it in its own words (413). May
    block as long as the client takes to send; the memory it takes is bounded by the limit.
    """

    def serve(environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING") and not environ.get("CONTENT_LENGTH"):
            path = str(environ.get("PATH_INFO", ""))
            limit = next((most for start, most in (larger or {}).items() if path.startswith(start)), limit_bytes)
            body = _read(environ["wsgi.input"], limit + 1)
            environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return serve


def _read(source: Any, most: int) -> bytes:
    parts: list[bytes] = []
    left = most
    while left and (part := source.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
