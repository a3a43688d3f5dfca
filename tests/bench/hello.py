"""The bare WSGI comparator: bytes from memory, nothing else. ``BENCH_BODIES`` names a folder; ``/name`` answers that file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_ANSWERS = {
    f"/{path.name}": ([("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(path.stat().st_size))], [path.read_bytes()])
    for path in Path(os.environ["BENCH_BODIES"]).iterdir()
}  # fmt: skip
_ANSWERS["/readyz"] = ([("Content-Type", "text/plain"), ("Content-Length", "2")], [b"ok"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The least that a WSGI answer costs."""
    headers, body = _ANSWERS[environ["PATH_INFO"]]
    start_response("200 OK", headers)
    return body
