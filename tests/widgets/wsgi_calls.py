"""WSGI applications asked directly, as a server would ask them."""

from __future__ import annotations

import gzip
import io
from typing import Any, NamedTuple

import brotli
from django.core.handlers.wsgi import WSGIHandler

from sumeru_proxy.models import Shop
from widgets.edge.path import HotPath

HOT_BYTES = 8 * 1024 * 1024


class Heard(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def same(self) -> tuple[int, dict[str, str], bytes]:
        """Everything that two answers to one request share: all but the request's id."""
        return self.status, {name: value for name, value in self.headers.items() if name != "x-request-id"}, self.body

    @property
    def text(self) -> str:
        """The body as a client reads it."""
        coding = self.headers.get("content-encoding", "")
        plain = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}[coding](self.body)
        return plain.decode()


def site(limit_bytes: int = HOT_BYTES) -> HotPath:
    """Django behind a hot path of its own."""
    return HotPath(WSGIHandler(), limit_bytes)


def ask(application: Any, address: str, method: str = "GET", **headers: str) -> Heard:
    """``headers`` by their names in the environment without ``HTTP_``."""
    path, _mark, query = address.partition("?")
    said: list[Any] = []

    def start_response(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> None:
        names = [name.lower() for name, _value in given]
        assert len(names) == len(set(names)), names
        said[:] = [int(status[:3]), dict(zip(names, (value for _name, value in given), strict=True))]

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        **{f"HTTP_{name}": value for name, value in headers.items()},
    }
    parts = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return Heard(said[0], said[1], body)


def address(shop: Shop, form: str = "reviews.json", product: str = "prd_1", more: str = "") -> str:
    """Of the reviews of a product."""
    query = f"w=reviews%3Fproduct_id%3D{product}" if form == "batch" else f"product_id={product}"
    return f"/w/v1/{shop.key}/{form}?{query}{more}"


def hits(application: HotPath) -> int:
    """Answers given without Django."""
    return application.store.hits


def warm(application: HotPath, *addresses: str) -> None:
    """Makes the answers be kept."""
    for each in addresses:
        assert ask(application, each).status == 200
