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

from widgets.docs import builds
from widgets.http.requests import public_base

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
    build = package()
    return builds.file_answer(request, version, build.version, build.body, "application/gzip")


def latest_package(request: HttpRequest) -> HttpResponse:
    """``GET /embed/npm/latest``: the version that fits this server, its address and its integrity."""
    build = package()
    address = f"{public_base(request)}/embed/npm/{NAME}-{build.version}.tgz"
    return builds.latest_answer(
        request, {"name": NAME, "version": build.version, "tarball": address, "integrity": build.integrity}
    )
