"""Small HTTP reads, for the demo's own processes and the doctor: no proxies, no redirects, no credentials, a deadline and a size cap."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sumeru_proxy.client import public_addresses

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


def get(url: str, timeout_s: float, headers: Mapping[str, str] | None = None, *, allow_private: bool = True) -> Reply:
    """One GET; ``timeout_s`` is for all of it. Raises Unreachable, also for an answer that ends early, and, unless
    ``allow_private``, for a host with an address that is not public: it is connected to as it was looked up.
    """
    deadline = time.monotonic() + timeout_s
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"{parts.netloc}{parts.path}"
    clock: threading.Timer | None = None
    connection = kind(host, parts.port, timeout=timeout_s)
    try:
        sock = public_addresses.connected(host, connection.port, deadline, allow_private=allow_private)
        # However slowly bytes drip, headers among them: at the deadline the socket is shut, which ends every wait on it.
        clock = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, (sock,))
        clock.daemon = True
        clock.start()
        connection.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host) if secure else sock
        connection.auto_open = 0
        connection.request("GET", target, headers={"Connection": "close", **(headers or {})})
        # The answer takes over the connection's socket when the server is going to close it.
        reading = connection.sock
        answer = connection.getresponse()
        body = bytearray()
        while not answer.isclosed():  # Python 3.13 closes with the last byte, not with the read after it
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Unreachable(f"{shown}: not complete after {timeout_s:g} s")
            reading.settimeout(left_s)
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
        if time.monotonic() >= deadline:
            raise Unreachable(f"{shown}: not complete after {timeout_s:g} s") from None
        raise Unreachable(f"{shown}: {type(error).__name__}: {error}") from None
    finally:
        if clock is not None:
            clock.cancel()
        connection.close()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
