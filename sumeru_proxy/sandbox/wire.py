"""HTTP/1.1 over plain sockets: one thread per kept-alive connection, and full control over how an answer goes wrong."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader
from typing import Any
from urllib.parse import parse_qsl, unquote

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 8 * 1024 * 1024
IDLE_TIMEOUT_S = 120.0
REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One parsed request. Header names are lower case; ``path`` is percent-decoded; ``peer`` is the socket's address."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: str

    def json(self) -> Any:
        """The body as JSON. Raises ValueError (or RecursionError) when it is none."""
        return json.loads(self.body)


@dataclass(slots=True)
class Answer:
    """One answer and the way it is sent.

    ``manner``: ``whole``; ``reset`` (TCP RST, nothing sent); ``drop`` (closed, nothing sent); ``truncate`` (Content-Length
    is right, ``sent_bytes`` of the body follow, then the connection closes); ``drip`` (one byte of the body per
    ``interval_s``); ``hang`` (nothing is sent until the client leaves or the server stops).
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    manner: str = "whole"
    sent_bytes: int = 0
    interval_s: float = 0.0
    close: bool = False
    chunked: bool = False


class BadRequest(Exception):
    """The bytes are not a request this server reads; the connection is closed after a 400."""


def encode(value: Any) -> bytes:
    """JSON as UTF-8. A lone surrogate, which UTF-8 cannot carry, falls back to the escaped form."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class WireServer:
    """Listens on ``host:port`` (0: any free port) and answers with ``handle(request)``. Raises OSError if it cannot."""

    def __init__(self, host: str, port: int, handle: Callable[[Request], Answer]) -> None:
        self.handle = handle
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, port))
            self._listener.listen(512)
        except OSError:
            self._listener.close()
            raise
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)

    def start(self) -> None:
        """Accepts connections from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and closes every connection. May be called twice."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, address = self._listener.accept()
            except OSError:
                if self.stopping.is_set():
                    return
                continue
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, address[0]), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        reader = connection.makefile("rb")
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(IDLE_TIMEOUT_S)
            while not self.stopping.is_set():
                try:
                    read = _read_request(connection, reader, peer)
                except BadRequest:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                if read is None:
                    return
                request, keep_alive = read
                answer = self.handle(request)
                if not self._send(connection, request, answer, keep_alive):
                    return
        except OSError:
            return
        finally:
            with self._lock:
                self._connections.discard(connection)
            reader.close()  # it holds the socket open, too
            connection.close()

    def _send(self, connection: socket.socket, request: Request, answer: Answer, keep_alive: bool) -> bool:
        """True when the connection may carry another request."""
        if answer.manner == "reset":
            # Linger of zero makes close() send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if answer.manner == "drop":
            return False
        if answer.manner == "hang":
            self._wait_for_departure(connection)
            return False
        stay = keep_alive and not answer.close and answer.manner != "truncate"
        head = _head(answer, stay)
        body = b"" if request.method == "HEAD" else answer.body
        if answer.manner == "truncate":
            connection.sendall(head + body[: answer.sent_bytes])
            return False
        if answer.manner == "drip":
            connection.sendall(head)
            for position in range(len(body)):
                if self.stopping.wait(answer.interval_s):
                    return False
                connection.sendall(body[position : position + 1])
            return stay
        connection.sendall(head + (_in_chunks(body) if answer.chunked and request.method != "HEAD" else body))
        return stay

    def _wait_for_departure(self, connection: socket.socket) -> None:
        while not self.stopping.is_set():
            readable, _, _ = select.select([connection], [], [], 0.1)
            if readable and not connection.recv(65536):
                return


def _head(answer: Answer, keep_alive: bool) -> bytes:
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Date": formatdate(usegmt=True),
        "Connection": "keep-alive" if keep_alive else "close",
    }
    if answer.chunked and answer.manner == "whole":
        headers["Transfer-Encoding"] = "chunked"
        del headers["Content-Length"]
    headers.update(answer.headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n{lines}\r\n".encode(
        "latin-1", "replace"
    )


def _in_chunks(body: bytes, size: int = 701) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _read_request(connection: socket.socket, reader: BufferedReader, peer: str) -> tuple[Request, bool] | None:
    """The next request, and whether the connection stays; None when the client left. Raises BadRequest."""
    head: list[str] = []
    size = 0
    while (line := reader.readline(HEAD_LIMIT_BYTES)) != b"\r\n":
        size += len(line)
        if size >= HEAD_LIMIT_BYTES or (line.endswith(b"\n") and not line.endswith(b"\r\n")):
            raise BadRequest
        if not line.endswith(b"\n"):
            return None
        head.append(line[:-2].decode("latin-1"))
    parts = head[0].split(" ") if head else []
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest
    headers: dict[str, str] = {}
    for text in head[1:]:
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest
        headers[name.lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _read_chunked(reader)
    else:
        length_text = headers.get("content-length", "0")
        if not length_text.isdecimal() or int(length_text) > BODY_LIMIT_BYTES:
            raise BadRequest
        body = _read_exactly(reader, int(length_text))
    path, _, query_text = parts[1].partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True)) if query_text else {}
    connection_header = headers.get("connection", "").lower()
    keep_alive = "close" not in connection_header and (parts[2] == "HTTP/1.1" or "keep-alive" in connection_header)
    return Request(parts[0], unquote(path), query, headers, body, peer), keep_alive


def _read_exactly(reader: BufferedReader, length: int) -> bytes:
    data = reader.read(length)
    if len(data) < length:
        raise BadRequest
    return data


def _read_line(reader: BufferedReader) -> bytes:
    line = reader.readline(HEAD_LIMIT_BYTES)
    if not line.endswith(b"\r\n"):
        raise BadRequest
    return line[:-2]


def _read_chunked(reader: BufferedReader) -> bytes:
    body = b""
    while True:
        try:
            size = int(_read_line(reader).split(b";")[0], 16)
        except ValueError:
            raise BadRequest from None
        if size < 0 or len(body) + size > BODY_LIMIT_BYTES:
            raise BadRequest
        if size == 0:
            while _read_line(reader):
                pass
            return body
        body += _read_exactly(reader, size + 2)[:-2]
