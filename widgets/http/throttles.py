"""Rate limits for client addresses. Counted in each process: a protection against runaway clients, not an exact quota."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from threading import Lock

from django.conf import settings
from django.http import HttpRequest

from sumeru_proxy import memory


def client_address(request: HttpRequest) -> str:
    """The client's address: the socket's, or the one that the outermost of TRUSTED_PROXIES proxies saw.

    A client's own entries in X-Forwarded-For stand further left and are not trusted.
    """
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        if hops:
            return hops[-min(proxies, len(hops))][:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def client_network(request: HttpRequest) -> str:
    """The network that a client speaks for: an IPv4 address as it is, 64 bits of an IPv6 address; the text itself when it is neither."""
    text = client_address(request)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"{ipaddress.ip_network((address, 64), strict=False)}"
        address = address.ipv4_mapped
    return str(address)


class Meter:
    """A leaky bucket for each name: at most ``per_minute``, with a burst of the same size. Bounded memory."""

    def __init__(self, most: int = 20_000) -> None:
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()
        self._most = most
        memory.register(self)

    def forget(self) -> None:
        """Empty every bucket."""
        with self._lock:
            self._full_at.clear()

    def wait_s(self, name: str, per_minute: int, now: float | None = None) -> float:
        """Count one request: 0 when it is allowed, else the seconds until one will be."""
        now = time.monotonic() if now is None else now
        step = 60.0 / per_minute
        with self._lock:
            at = max(self._full_at.get(name, now), now)
            if at - now > 60.0 - step:
                return at - now - (60.0 - step)
            self._full_at[name] = at + step
            self._full_at.move_to_end(name)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return 0.0

    def charge(self, name: str, cost: float, per_minute: int, now: float | None = None) -> None:
        """Count more for what was allowed. A bucket holds two minutes at most: whoever spent much is free again after one."""
        now = time.monotonic() if now is None else now
        with self._lock:
            at = max(self._full_at.get(name, now), now) + cost * 60.0 / per_minute
            self._full_at[name] = min(at, now + 120.0)

    def fill(self, name: str, seconds: float, now: float | None = None) -> None:
        """Let the bucket be as full as others say: so many seconds until it is empty."""
        now = time.monotonic() if now is None else now
        with self._lock:
            self._full_at[name] = max(self._full_at.get(name, now), now + min(seconds, 120.0))


reads = Meter()
guesses = Meter()
