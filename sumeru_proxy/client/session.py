"""The only place that speaks HTTP to Sumeru: one request, one answer, inside hard bounds of time and size.

Nothing is redirected or remembered here, and nothing retried but a read whose kept connection the server closed in the same
moment (RFC 9112 §9.3.1). One connection pool per process, safe for threads and forks.
"""

from __future__ import annotations

import io
import ipaddress
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from sumeru_proxy.client import public_addresses
from sumeru_proxy.client.bounded_json import decode
from sumeru_proxy.client.errors import Unavailable, Unreadable, request_id_of
from sumeru_proxy.client.version import VERSION

USER_AGENT: Final = f"sumeru-widgets/{VERSION}"
SIZE_LIMIT_BYTES: Final = 2_000_000
"""Decoded; 100 reviews with long texts stay well below."""
ERROR_SIZE_LIMIT_BYTES: Final = 64_000
_CHUNK_BYTES: Final = 16_384
_KEPT_HEADERS: Final = (
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
    "x-cache",
    "x-request-id",
)
_HEADER_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds for connecting, for any single read, and for the whole call (which always holds, however slowly bytes drip)."""

    connect_s: float
    read_s: float
    total_s: float


PAGE_BUDGET = Budget(1.0, 2.0, 3.0)
REFRESH_BUDGET = Budget(1.0, 5.0, 6.0)
WORKER_BUDGET = Budget(5.0, 15.0, 30.0)


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request. ``host`` and ``segments`` are already checked; ``headers`` holds no credential, ``credential`` does."""

    host: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    segments: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    credential: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    endpoint: str = ""

    def url(self) -> str:
        """The address; every segment percent-encoded as one, the query from its pairs. A cursor is only ever a query value."""
        path = self.path
        for name, value in self.segments:
            path = path.replace("{" + name + "}", quote(value, safe=""))
        return self.host + path + ("?" + urlencode(self.query, quote_via=quote, safe="") if self.query else "")


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer of any status. ``json`` is decoded and bounded (None when an error answer carries none)."""

    status: int
    headers: Mapping[str, str]
    json: Any
    seconds: float

    @property
    def request_id(self) -> str:
        """The upstream's id of this request, empty when it gave none."""
        said = self.headers.get("x-request-id") or ""
        if isinstance(self.json, dict) and isinstance(self.json.get("error"), dict):
            said = self.json["error"].get("request_id") or said
        return request_id_of(said)


def host_of(value: str) -> str:
    """``https://name[:port]`` without anything after it; ``http://`` only for this very machine. Raises ValueError."""
    if not value.isascii() or not value.isprintable() or "\\" in value:
        raise ValueError("host must be https://name")
    parts = urlsplit(value.strip().rstrip("/"))
    name, port = parts.hostname or "", parts.port
    if not name or parts.path or parts.query or parts.fragment or "@" in parts.netloc or " " in parts.netloc:
        raise ValueError("host must be https://name, with nothing after it")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(name)):
        raise ValueError("host must be https:// (http:// only for this machine)")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def is_loopback(name: str) -> bool:
    """Whether a host name is this machine by its very form (no lookup)."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


# -- a deadline for every byte, headers included

_running = threading.local()


class _Clocked(io.RawIOBase):
    """A socket's bytes, each wait bounded by the read timeout and by the call's deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float, read_s: float) -> None:
        self._raw, self._sock, self._deadline, self._read_s = raw, sock, deadline, read_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        self._sock.settimeout(min(left, self._read_s))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _ClockedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *positional: Any, **named: Any) -> None:
        super().__init__(sock, *positional, **named)
        deadline, read_s = _running.bounds
        plain = self.fp
        self.fp = io.BufferedReader(_Clocked(sock.makefile("rb", buffering=0), sock, deadline, read_s), _CHUNK_BYTES)
        plain.close()


class _Counting:
    """Notes for the thread whether its request goes out on a connection that has served another one before."""

    _requests = 0

    def connect(self) -> None:
        self._requests = 0
        super().connect()  # type: ignore[misc]

    def request(self, *positional: Any, **named: Any) -> None:
        _running.kept = self._requests > 0
        super().request(*positional, **named)  # type: ignore[misc]
        self._requests += 1  # after it, because it may have connected

    def _new_conn(self) -> socket.socket:
        # A host that is not this machine by its form leads into the open internet, and the credential goes where it was looked up to lead.
        name, port, timeout_s = self._dns_host, self.port, float(self.timeout or 5)  # type: ignore[attr-defined]
        if is_loopback(name):
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        try:
            return public_addresses.connected(name, port, time.monotonic() + timeout_s, allow_private=False)
        except OSError as error:
            raise NewConnectionError(self, f"{type(error).__name__}") from None  # type: ignore[arg-type]


class _Connection(_Counting, HTTPConnection):
    response_class = _ClockedResponse


class _SecureConnection(_Counting, HTTPSConnection):
    response_class = _ClockedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *positional: Any, **named: Any) -> None:
        super().init_poolmanager(*positional, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


_lock = threading.Lock()
_adapter: _Adapter | None = None


def _pool() -> _Adapter:
    global _adapter
    with _lock:
        if _adapter is None:
            _adapter = _Adapter(pool_connections=16, pool_maxsize=32, max_retries=0)
        return _adapter


def _forget() -> None:
    # Two processes must never write to the same socket; closing it here would close the parent's TLS stream too.
    global _adapter, _lock
    _lock, _adapter = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)


def send(call: HttpCall, budget: Budget) -> HttpReply:
    """Send once and read the answer. May block up to ``budget.total_s`` (resolving the host name is not bounded).

    Raises Unavailable (no answer, or one that is not Sumeru's JSON) and Unreadable (JSON that breaks the bounds).
    An answer of status 400 and above is returned, with whatever JSON it carries.
    """
    began = time.monotonic()
    _running.bounds = (began + budget.total_s, budget.read_s)
    reply, failure = _exchange(call, budget, began)
    # Raised here, outside of any except block: the libraries' exceptions hold the request with its headers.
    if failure is not None:
        raise failure
    if reply is None:
        raise Unavailable(reason="network", endpoint=call.endpoint)
    return reply


def _exchange(call: HttpCall, budget: Budget, began: float) -> tuple[HttpReply | None, Unavailable | Unreadable | None]:
    writes = call.method != "GET"

    def unavailable(reason: str, *, ambiguous: bool, status: int = 0) -> tuple[None, Unavailable]:
        return None, Unavailable(reason=reason, ambiguous=ambiguous and writes, status=status, endpoint=call.endpoint)

    try:
        response = _sent(call, budget)
    except requests.exceptions.ConnectTimeout:
        return unavailable("timeout", ambiguous=False)
    except requests.exceptions.SSLError:
        return unavailable("network", ambiguous=False)
    except requests.exceptions.Timeout:
        return unavailable("timeout", ambiguous=True)
    except requests.exceptions.ConnectionError as error:
        return unavailable("network", ambiguous=not _never_connected(error))
    except (requests.exceptions.RequestException, HTTPError, OSError):
        return unavailable("network", ambiguous=True)
    try:
        return _read(call, response, began + budget.total_s, began)
    except (requests.exceptions.Timeout, TimeoutError):
        return unavailable("timeout", ambiguous=True)
    except (requests.exceptions.RequestException, HTTPError, OSError):
        timed_out = time.monotonic() >= began + budget.total_s
        return unavailable("timeout" if timed_out else "network", ambiguous=True)
    finally:
        response.close()


def _sent(call: HttpCall, budget: Budget) -> requests.Response:
    """The answer's head. A read is sent again at once when the connection was a kept one that the server had given up."""
    _running.kept = False
    for kept in (False, True):
        try:
            # The adapter itself, not a requests.Session: no cookies, no .netrc, no proxies from the environment, no redirects (a
            # Session reads a redirect's whole body even when it does not follow it).
            return _pool().send(
                _prepared(call),
                stream=True,
                timeout=(min(budget.connect_s, budget.total_s), budget.read_s),
                verify=True,
            )
        except requests.exceptions.ConnectionError as error:
            cause = error.args[0] if error.args else None
            if kept or call.method != "GET" or not _running.kept or not isinstance(cause, ProtocolError):
                raise
    raise AssertionError("unreachable")


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _prepared(call: HttpCall) -> requests.PreparedRequest:
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip", **dict(call.headers)}
    body: bytes | None = None
    if call.body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(call.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    request = requests.Request(call.method, call.url(), headers={**headers, **dict(call.credential)}, data=body)
    return request.prepare()


def _read(
    call: HttpCall, response: requests.Response, deadline: float, began: float
) -> tuple[HttpReply | None, Unavailable | Unreadable | None]:
    status = response.status_code
    writes = call.method != "GET"
    headers = {name: response.headers[name][:_HEADER_CHARS] for name in _KEPT_HEADERS if name in response.headers}
    is_json = _is_json(response.headers.get("content-type", ""))
    request_id = request_id_of(headers.get("x-request-id"))

    def unreadable(path: str, expected: str) -> tuple[None, Unreadable]:
        return None, Unreadable(path=path, expected=expected, endpoint=call.endpoint, request_id=request_id)

    if status >= 400:
        decoded = None
        if is_json:
            raw = _body(response, ERROR_SIZE_LIMIT_BYTES, deadline)
            decoded = decode(raw)[0] if raw is not None else None
        return HttpReply(status, headers, decoded, time.monotonic() - began), None
    if not 200 <= status < 300 or not is_json:
        return None, Unavailable(
            reason="not_sumeru",
            ambiguous=writes and status < 300,
            status=status,
            endpoint=call.endpoint,
            request_id=request_id,
        )
    raw = _body(response, SIZE_LIMIT_BYTES, deadline)
    if raw is None:
        return unreadable("$", f"at most {SIZE_LIMIT_BYTES} bytes")
    decoded, fault = decode(raw)
    if fault:
        return unreadable("$", fault)
    return HttpReply(status, headers, decoded, time.monotonic() - began), None


def _is_json(content_type: str) -> bool:
    kind = content_type.split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _body(response: requests.Response, limit_bytes: int, deadline: float) -> bytes | None:
    """The decoded body, None when it is larger than allowed. Raises what the network raises."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and "content-encoding" not in response.headers and int(length[:18]) > limit_bytes:
        return None
    parts: list[bytes] = []
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit_bytes:
            return None
        if time.monotonic() > deadline:
            raise TimeoutError("deadline")
        parts.append(chunk)
    return b"".join(parts)
