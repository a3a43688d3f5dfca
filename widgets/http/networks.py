"""Who asks, as far as a limit is concerned: one text for one client network, however its address is written."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

UNKNOWN = "unknown"
"""What has no address that can be read: all of it shares one allowance."""
_ADDRESS_CHARS = 64
_V6_PREFIX = 64
"""A household or a server gets at least this much, and can take any address in it."""


def _read(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip().strip('"')[:_ADDRESS_CHARS]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (_inner(address) or address) if isinstance(address, IPv6Address) else address


def network_of(text: str) -> str:
    """``192.0.2.1`` for any spelling of it (with a port, mapped into IPv6), ``2001:db8:1:2::/64`` for every address in it."""
    address = _read(text)
    if address is None:
        return UNKNOWN
    return str(ip_network((address, _V6_PREFIX), strict=False) if isinstance(address, IPv6Address) else address)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo."""
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def client_network(environ: Mapping[str, Any]) -> str:
    """The network that a WSGI request comes from; see ``network_of``."""
    return network_of(_written(environ))


def client_address(environ: Mapping[str, Any]) -> str:
    """The address that a WSGI request comes from, as it is usually written; empty when it cannot be read."""
    return str(_read(_written(environ)) or "")


def _written(environ: Mapping[str, Any]) -> str:
    """The client's address as it was written: the socket's, or what the outermost of TRUSTED_PROXIES proxies wrote.

    What a client itself writes stands further left and is not believed; with fewer hops than proxies somebody came around one of them,
    and the socket's address counts.
    """
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        header = "HTTP_" + settings.CLIENT_ADDRESS_HEADER.upper().replace("-", "_")
        hops = [hop for hop in str(environ.get(header, "")).split(",") if hop.strip()]
        if len(hops) >= proxies:
            return hops[-proxies]
    return str(environ.get("REMOTE_ADDR", ""))
