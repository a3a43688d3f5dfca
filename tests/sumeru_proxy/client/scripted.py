"""A small HTTP server whose answers are written by the test, byte by byte if need be."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Answerer = Callable[[Received, socket.socket], bool | None]
"""Writes to the socket; True keeps the connection open."""


@dataclass
class Scripted:
    """The running server. ``answer`` may be replaced at any time."""

    url: str
    answer: Answerer
    received: list[Received] = field(default_factory=list)
    connections: int = 0


def raw(
    status: int, body: bytes, *headers: str, content_type: str = "application/json", length: int | None = None
) -> bytes:
    """An HTTP/1.1 answer."""
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode("latin-1") + body


def fixed(data: bytes, *, keep: bool = True) -> Answerer:
    """Always these bytes."""

    def answer(_: Received, sock: socket.socket) -> bool:
        sock.sendall(data)
        return keep

    return answer


def json_answer(value: object, status: int = 200, *headers: str) -> Answerer:
    """Always this JSON."""
    return fixed(raw(status, json.dumps(value).encode(), *headers))


def reset(_: Received, sock: socket.socket) -> bool:
    """A TCP reset instead of an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(data: bytes, interval_s: float = 0.05) -> Answerer:
    """One byte at a time, until the client leaves."""

    def answer(_: Received, sock: socket.socket) -> bool:
        for position in range(len(data)):
            sock.sendall(data[position : position + 1])
            time.sleep(interval_s)
        return False

    return answer


def hang(_: Received, sock: socket.socket) -> bool:
    """Nothing, until the client leaves."""
    sock.settimeout(30)
    with contextlib.suppress(OSError):
        sock.recv(1)
    return False


@contextmanager
def scripted(answer: Answerer) -> Iterator[Scripted]:
    """A server for a ``with`` block, on a free port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}", answer)
    open_sockets: list[socket.socket] = []

    def serve(sock: socket.socket, number: int) -> None:
        with sock, contextlib.suppress(OSError):
            pending = b""
            while True:
                while b"\r\n\r\n" not in pending:
                    chunk = sock.recv(65536)
                    if not chunk:
                        return
                    pending += chunk
                head, pending = pending.split(b"\r\n\r\n", 1)
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
                length = int(headers.get("content-length", 0))
                while len(pending) < length:
                    pending += sock.recv(65536)
                method, target, _ = first.split(" ")
                request = Received(method, target, headers, pending[:length], number)
                pending = pending[length:]
                server.received.append(request)
                if not server.answer(request, sock):
                    return

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            open_sockets.append(sock)
            threading.Thread(target=serve, args=(sock, server.connections), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        thread.join(5)
