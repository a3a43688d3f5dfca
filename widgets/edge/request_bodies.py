"""Reads bodies before Django sees a request, at most so many bytes of them, and gives chunked ones a length. WSGI has no chunked bodies, so
Django would read an empty one: a webhook's signature would not match, and a review would be empty.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

Environment = dict[str, Any]


def has_body(environ: Environment) -> bool:
    """Whether a body follows the headers."""
    return bool(environ.get("HTTP_TRANSFER_ENCODING")) or environ.get("CONTENT_LENGTH") not in (None, "", "0")


def read(environ: Environment, limit_bytes: int) -> Environment:
    """The request with its body at hand. May block as long as the client takes to send; the memory it takes is bounded by the limit.

    A chunked body above the limit keeps a length above it, so that whoever reads it refuses it in its own words (413); one that says
    so beforehand is not read at all. A length that is no number is left to Django.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    chunked = bool(environ.get("HTTP_TRANSFER_ENCODING")) and not length
    if not chunked and (not length.isascii() or not length.isdigit() or int(length) > limit_bytes):
        return environ
    body = _read(environ["wsgi.input"], limit_bytes + 1 if chunked else int(length))
    changes = {"wsgi.input": io.BytesIO(body)} | ({"CONTENT_LENGTH": str(len(body))} if chunked else {})
    return {**environ, **changes}


def _read(source: Any, most: int) -> bytes:
    parts: list[bytes] = []
    left = most
    with suppress(OSError):  # the client went away: what came counts, and is judged by who reads it
        while left and (part := source.read(left)):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)
