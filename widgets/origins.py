"""Which origins may read a shop's widgets: the answer to django-cors-headers' question."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from widgets import shops

LIMIT_CHARS = 190


def shop_key(path: str) -> str | None:
    """The shop key of a storefront path (``/w/v1/{shop}/…``), or None for any other path."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) == 5 and parts[1] == "w" and parts[2] == "v1" else None


def allow(sender: object, request: HttpRequest, **_kwargs: Any) -> bool:
    """Whether the request's origin belongs to the shop of its path. Decides by path before it asks any store."""
    key = shop_key(request.path_info)
    origin = request.headers.get("origin", "")
    if key is None or not origin:
        return False
    known = shops.facts(key)
    return known is not None and allows(known, origin)


def allows(known: shops.Facts, origin: str) -> bool:
    """Whether pages of this origin may read the shop's answers."""
    return len(origin) <= LIMIT_CHARS and known.allows_origin(origin)
