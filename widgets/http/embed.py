"""The scripts' addresses. Each has two: one without a version and with a short lifetime, and an immutable one with a hash, for
Subresource Integrity.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import brotli
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from widgets.edge import codings
from widgets.http import responses
from widgets.http.requests import method_not_allowed

FLOATING = "public, max-age=300, s-maxage=60, stale-while-revalidate=604800, stale-if-error=604800"
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Script:
    """A built script, compressed once. ``integrity`` is what a page's integrity attribute holds."""

    identity: bytes
    gzip: bytes
    br: bytes
    hash: str
    integrity: str


def loader() -> Script:
    """The committed build of the loader. Raises FileNotFoundError when it is missing, which is a fault of the installation."""
    return script("loader")


def script(name: str) -> Script:
    """The committed build of a script by name: ``loader``, ``pixel``, ``debug`` or a widget's own.

    Raises FileNotFoundError when it is missing. Read once; with DEBUG at every call.
    """
    return _read(name) if settings.DEBUG else _read_once(name)


def _read(name: str) -> Script:
    body = (Path(settings.BASE_DIR) / "static" / "embed" / f"{name}.js").read_bytes()
    return Script(
        identity=body,
        gzip=gzip.compress(body, 9, mtime=0),
        br=brotli.compress(body, quality=11),
        hash=hashlib.sha256(body).hexdigest()[:16],
        integrity="sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode(),
    )


@cache
def _read_once(name: str) -> Script:
    return _read(name)


def _serve(request: HttpRequest, script: Script, cache_control: str) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        raise method_not_allowed("GET, HEAD")
    coding = codings.preferred(request.headers.get("accept-encoding", ""))
    body = {codings.BR: script.br, codings.GZIP: script.gzip, codings.IDENTITY: script.identity}[coding]
    response = responses.finish(body, "text/javascript", cache=cache_control)
    if coding:
        response["Content-Encoding"] = coding
    response["Vary"] = "Accept-Encoding"
    response["Access-Control-Allow-Origin"] = "*"
    return responses.conditional(request, response)


def floating(request: HttpRequest, name: str = "loader") -> HttpResponse:
    """``GET /embed/v1.js`` (the loader) and ``/embed/<name>.js``: always the current script."""
    return _serve(request, script(name), FLOATING)


def pinned(request: HttpRequest, hash: str, name: str) -> HttpResponse:
    """``GET /embed/<hash>/<name>.js``: this very file or 404, never another one under the same name."""
    found = script(name)
    if hash != found.hash:
        raise responses.not_found("page")
    return _serve(request, found, IMMUTABLE)
