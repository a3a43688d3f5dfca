"""Bytes on a socket, as no well-behaved client would send them."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass
class Exchange:
    """What came back: all bytes, whether the server closed, the seconds until the answer (or the end), and bytes sent."""

    received: bytes
    closed: bool
    seconds: float
    sent: int

    @property
    def status(self) -> int:
        """The status of the first answer that is not 100; 0 when there was none."""
        found = [int(each) for each in re.findall(rb"(?m)^HTTP/1\.[01] (\d{3})", self.received)]
        return next((each for each in found if each != 100), 0)

    @property
    def answers(self) -> int:
        """How many answers came back."""
        return len(re.findall(rb"(?m)^HTTP/1\.[01] (?!100)\d{3}", self.received))

    @property
    def head(self) -> str:
        return self.received.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def names(self) -> set[str]:
        """The answer's header names, lower case."""
        return {line.partition(":")[0].lower() for line in self.head.split("\r\n")[1:]}


def request(method: str, target: str | bytes, *headers: str, body: bytes = b"", length: bool = True) -> bytes:
    """A request as bytes; nothing is escaped or checked."""
    raw = target if isinstance(target, bytes) else target.encode("latin-1")
    lines = ["Host: 127.0.0.1", *headers]
    if body and length:
        lines.append(f"Content-Length: {len(body)}")
    return method.encode() + b" " + raw + b" HTTP/1.1\r\n" + "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def exchange(port: int, parts: Iterable[bytes], *, within_s: float = 5.0, until_answered: bool = True) -> Exchange:
    """Sends the parts as fast as they are taken, reading meanwhile, until an answer is complete, the server closes or time is over."""
    began = time.monotonic()
    received, sent, closed = b"", 0, False
    connection = socket.create_connection(("127.0.0.1", port), 5)
    with contextlib.closing(connection):
        connection.setblocking(False)
        pending, more = b"", iter(parts)
        while time.monotonic() - began < within_s and not closed:
            progress = False
            if not pending:
                pending = next(more, b"")
            if pending:
                with contextlib.suppress(BlockingIOError):
                    try:
                        count = connection.send(pending)
                    except (BrokenPipeError, ConnectionResetError):
                        pending, more = b"", iter(())
                    else:
                        pending, sent, progress = pending[count:], sent + count, True
            with contextlib.suppress(BlockingIOError):
                try:
                    chunk = connection.recv(65_536)
                except ConnectionResetError:
                    chunk = b""
                received += chunk
                closed, progress = not chunk, True
            if until_answered and _complete(received):
                break
            if not progress:
                time.sleep(0.002)
    return Exchange(received, closed, time.monotonic() - began, sent)


def _complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end or head.startswith(b"HTTP/1.1 100"):
        return False
    if re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


def endless(first: bytes, chunk: bytes, still: Callable[[], bool] = lambda: True) -> Iterable[bytes]:
    """A head, then the same bytes again and again."""
    yield first
    while still():
        yield chunk
