"""Small HTTP reads, for the demo's own processes and the doctor: no proxies, no redirects, no credentials, a deadline and a size cap."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


class Unreachable(Exception):
    """No complete answer within the time and size allowed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer of any status."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Every value of a header, in order; a header may stand more than once."""
        return [value for found, value in self.headers if found.lower() == name.lower()]


def get(url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> Reply:
    """One GET; ``timeout_s`` is for all of it. Raises Unreachable, also for an answer that ends early."""
    deadline = time.monotonic() + timeout_s
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"{parts.netloc}{parts.path}"
    try:
        connection.request("GET", target, headers={"Connection": "close", **(headers or {})})
        # The answer takes over the connection's socket when the server is going to close it.
        socket = connection.sock
        answer = connection.getresponse()
        body = bytearray()
        while not answer.isclosed():  # Python 3.13 closes with the last byte, not with the read after it
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Unreachable(f"{shown}: not complete after {timeout_s:g} s")
            socket.settimeout(left_s)
            piece = answer.read1(_PIECE_BYTES)
            if not piece:
                break
            body += piece
            if len(body) > SIZE_LIMIT_BYTES:
                raise Unreachable(f"{shown}: more than {SIZE_LIMIT_BYTES} bytes")
        announced = answer.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) != len(body):
            raise Unreachable(f"{shown}: ended early")
        return Reply(answer.status, answer.headers.get("Content-Type", ""), bytes(body), tuple(answer.headers.items()))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{shown}: {type(error).__name__}: {error}") from None
    finally:
        connection.close()
