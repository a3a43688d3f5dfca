"""Whether a name leads into the open internet, and connections that go where it was looked up to lead, and nowhere else."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from typing import Any, Final

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[..., list[tuple[Any, ...]]]


class NotPublic(OSError):
    """The name leads to an address that is not of the open internet, and that is not allowed."""


def is_public(text: str) -> bool:
    """Whether an IP address is one of the open internet: not private, local, reserved or multicast, nor one of these inside another."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner: _Address | None = None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None and address.teredo is not None:
            return False
    found = inner or address
    return found.is_global and not found.is_multicast and not found.is_reserved


def connected(
    host: str, port: int, deadline: float, *, allow_private: bool, resolve: Resolve = socket.getaddrinfo
) -> socket.socket:
    """A connection to a host, looked up once: each address is checked, and connected to as it was checked.

    ``deadline`` is monotonic seconds. Raises NotPublic when any one of the addresses is not public, OSError when none answers.
    """
    found = resolve(host, port, type=socket.SOCK_STREAM)
    if not allow_private and not all(is_public(str(each[4][0])) for each in found):
        raise NotPublic(f"{host} leads to an address that is not public")
    failure: OSError | None = None
    for family, kind, protocol, _name, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, deadline - time.monotonic()))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    raise failure or OSError("no address")
