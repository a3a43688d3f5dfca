"""The npm package of this very server: ``npm install https://…/embed/npm/sumeru-widgets-<version>.tgz``."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from widgets.http import responses
from widgets.http.embed import FLOATING, IMMUTABLE
from widgets.http.requests import method_not_allowed, public_base

NAME = "sumeru-widgets"


@dataclass(frozen=True, slots=True)
class Package:
    """The committed build. ``integrity`` is what npm writes into a lock file."""

    version: str
    body: bytes
    integrity: str


@cache
def package() -> Package:
    """The present version. Raises FileNotFoundError when it is missing, which is a fault of the installation."""
    static = Path(settings.BASE_DIR) / "static"
    version = str(json.loads((static / "package" / "package.json").read_text(encoding="utf-8"))["version"])
    body = (static / "embed" / "npm" / f"{NAME}-{version}.tgz").read_bytes()
    return Package(version, body, "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode())


def tarball(request: HttpRequest, version: str) -> HttpResponse:
    """``GET /embed/npm/sumeru-widgets-<version>.tgz``: this version or 404, never another one under the same name."""
    _only_reads(request)
    found = package()
    if version != found.version:
        raise responses.not_found("page")
    response = responses.finish(found.body, "application/gzip", cache=IMMUTABLE)
    response["Content-Type"] = "application/gzip"
    return responses.conditional(request, response)


def latest_package(request: HttpRequest) -> HttpResponse:
    """``GET /embed/npm/latest``: the version that fits this server, its address and its integrity."""
    _only_reads(request)
    found = package()
    facts = {
        "name": NAME,
        "version": found.version,
        "tarball": f"{public_base(request)}/embed/npm/{NAME}-{found.version}.tgz",
        "integrity": found.integrity,
    }
    response = responses.json_answer(facts, cache=FLOATING)
    response["Access-Control-Allow-Origin"] = "*"
    return responses.conditional(request, response)


def _only_reads(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise method_not_allowed("GET, HEAD")
