"""One HTTP endpoint of the merchant's: POST inside hard bounds, to public addresses unless others are allowed, never redirected.

The address is looked up, checked and then connected to as it was checked, so that a name cannot lead elsewhere in between. No proxies,
no cookies, no credentials of ours.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sumeru_proxy.client.public_addresses import is_public
from sumeru_proxy.client.retrying import parse_retry_after

ANSWER_LIMIT_BYTES: Final = 16_384
Resolve = Callable[..., list[tuple[Any, ...]]]


class Unreachable(Exception):
    """No complete answer. The text says why, in our own words."""


class PrivateAddress(Exception):
    """The name leads to an address that is not public, and that is not allowed."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of any status: the beginning of its body, and how long it wants to be left alone."""

    status: int
    body: bytes
    retry_after_s: float | None = None


def checked_url(url: str, *, allow_private: bool) -> str:
    """The address, when it is one to send to. Raises ValueError: ``http://`` only where private addresses are allowed."""
    if len(url) > 2_000 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("url must be an address such as https://shop.example/orders")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or parts.fragment:
        raise ValueError("url must be an address such as https://shop.example/orders, without a user or a fragment")
    if parts.port == 0:
        raise ValueError("url must have a port from 1 to 65535")
    if parts.scheme == "http" and not allow_private:
        raise ValueError("url must begin with https:// (http:// only with allow_private)")
    with contextlib.suppress(ValueError):
        if not allow_private and not is_public(str(ipaddress.ip_address(host))):
            raise PrivateAddress
    return url


class Endpoint:
    """Sends to one address, on one connection as long as that lives. Not for threads.

    ``timeout_s`` is for all of a request. ``resolve`` and ``tls`` can be injected.
    """

    def __init__(
        self,
        url: str,
        *,
        allow_private: bool = False,
        timeout_s: float = 10.0,
        resolve: Resolve = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(checked_url(url, allow_private=allow_private))
        self._host, self._secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._allow_private, self._timeout_s, self._resolve = allow_private, timeout_s, resolve
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None

    def addresses(self) -> list[tuple[Any, ...]]:
        """Where the name leads now, checked. Raises Unreachable, and PrivateAddress when any one of them is not public."""
        try:
            addresses = self._resolve(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable("the endpoint's name cannot be looked up") from None
        if not self._allow_private and not all(is_public(str(each[4][0])) for each in addresses):
            raise PrivateAddress
        return addresses

    def post(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Send once; a kept connection that the endpoint had given up is replaced once (messages carry an id). Raises as above."""
        reused = self._connection is not None
        try:
            return self._post(headers, body)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self.close()
            if not reused:
                raise Unreachable(f"the endpoint closed the connection ({type(error).__name__})") from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(_words(error)) from None
        try:
            return self._post(headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(_words(error)) from None

    def close(self) -> None:
        """Close the connection. May be repeated."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        deadline = time.monotonic() + self._timeout_s
        connection = self._connection or self._connect(deadline)
        sock = connection.sock
        # However slowly bytes drip: at the deadline the socket is shut, which ends every wait on it.
        clock = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, (sock,))
        clock.daemon = True
        clock.start()
        try:
            connection.request("POST", self._target, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            beginning = answer.read(ANSWER_LIMIT_BYTES)
            wait_s = parse_retry_after(answer.headers.get("Retry-After"), time.time())
            whole = answer.isclosed()
        finally:
            clock.cancel()
        if time.monotonic() >= deadline:
            raise TimeoutError
        if not whole or answer.will_close:
            self.close()
        return HttpAnswer(answer.status, beginning, wait_s)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        failure: OSError | None = None
        for family, kind, protocol, _name, address in self.addresses():
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(max(0.1, deadline - time.monotonic()))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._secure:
                    sock = self._context().wrap_socket(sock, server_hostname=self._host)
            except OSError as error:
                sock.close()
                failure = error
                continue
            connection: http.client.HTTPConnection
            if self._secure:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout_s, context=self._context()
                )
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
            connection.sock = sock
            connection.auto_open = 0  # what is sent goes to the address that was checked, or nowhere
            self._connection = connection
            return connection
        raise failure or OSError("no address")

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "the endpoint's certificate or TLS is not right"
    if isinstance(error, TimeoutError):
        return "the endpoint did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at the endpoint's address"
    return f"the endpoint gave no answer ({type(error).__name__})"
