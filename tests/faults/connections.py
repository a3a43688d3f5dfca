"""Where this process connects to, and a listener that must never hear anything."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_noted: list[tuple[str, Any]] | None = None
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _noted is not None and event in (
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
    ):
        _noted.append((event, arguments[1] if event == "socket.connect" else arguments[0]))


@contextmanager
def connections() -> Iterator[list[tuple[str, Any]]]:
    """Every connection that is tried and every name that is looked up by any thread of this process, in order."""
    global _noted, _installed
    if not _installed:
        sys.addaudithook(_hook)  # cannot be taken away again; it only notes inside of the block
        _installed = True
    _noted = found = []
    try:
        yield found
    finally:
        _noted = None


@dataclass
class Trap:
    """Listens on the loopback interface; ``heard`` holds what anybody said to it."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def trap() -> Iterator[Trap]:
    """A trap for the ``with`` block. It answers as Sumeru would refuse, so that a caller goes on."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        made = Trap(listener.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _peer = listener.accept()
                    with contextlib.closing(connection):
                        connection.settimeout(2)
                        with contextlib.suppress(OSError):
                            made.heard.append(connection.recv(65_536))
                            body = b'{"error":{"code":"not_found","message":"","details":{},"request_id":"req_1"}}'
                            head = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n"
                            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
