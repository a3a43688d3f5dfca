"""The Python client of this very server: ``pip install https://…/embed/py/sumeru_client-<version>-py3-none-any.whl``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from widgets.docs import builds
from widgets.http.requests import public_base

NAME = "sumeru_client"
_FILE = re.compile(rf"{NAME}-([0-9A-Za-z.]+)-py3-none-any\.whl")


@dataclass(frozen=True, slots=True)
class Wheel:
    """The committed build. ``sha256`` is what ``pip --require-hashes`` and an address's ``#sha256=`` hold."""

    version: str
    body: bytes
    sha256: str

    @property
    def file(self) -> str:
        """The file's name, from which pip reads name, version and platform."""
        return f"{NAME}-{self.version}-py3-none-any.whl"


@cache
def wheel() -> Wheel:
    """The present version. Raises FileNotFoundError when it is missing, which is a fault of the installation."""
    for path in (Path(settings.BASE_DIR) / "static" / "embed" / "py").glob("*.whl"):
        if match := _FILE.fullmatch(path.name):
            body = path.read_bytes()
            return Wheel(match[1], body, hashlib.sha256(body).hexdigest())
    raise FileNotFoundError(f"static/embed/py holds no {NAME}")


def download(request: HttpRequest, version: str) -> HttpResponse:
    """``GET /embed/py/sumeru_client-<version>-py3-none-any.whl``: this version or 404, never another one under the same name."""
    build = wheel()
    return builds.file_answer(request, version, build.version, build.body, "application/zip")


def latest_wheel(request: HttpRequest) -> HttpResponse:
    """``GET /embed/py/latest``: the version that fits this server, its address and its digest."""
    build = wheel()
    address = f"{public_base(request)}/embed/py/{build.file}"
    return builds.latest_answer(
        request, {"name": NAME, "version": build.version, "wheel": address, "sha256": build.sha256}
    )
