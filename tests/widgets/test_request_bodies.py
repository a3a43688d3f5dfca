"""Bodies in chunks: as much as the address takes, and one byte more, so that whoever reads it says that it is too long."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from widgets.edge import gates


@pytest.mark.parametrize(
    ("path", "sent", "length"),
    [
        ("/w/v1/x/reviews", 5, 5),
        ("/w/v1/x/reviews", 50, 11),
        ("/hooks/sumeru/x", 50, 50),
        ("/hooks/sumeru/x", 500, 101),
    ],
)
def test_each_address_has_its_limit(path: str, sent: int, length: int) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return [environ["wsgi.input"].read()]

    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "REMOTE_ADDR": "203.0.113.9"}
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"x" * sent)}
    (body,) = gates.guarded(application, 28, {"/hooks/": 100, "/": 10})(environ, lambda *_: None)
    assert (len(body), seen["CONTENT_LENGTH"]) == (length, str(length))
