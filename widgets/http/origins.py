"""Which origins may read a shop's widgets: the answer to django-cors-headers' question."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from widgets.http import shops

LIMIT_CHARS = 190


def shop_key(path: str) -> str | None:
    """The shop key of a storefront path (``/w/v1/{shop}/…``), or None for any other path."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) == 5 and parts[1] == "w" and parts[2] == "v1" else None


def allow(sender: object, request: HttpRequest, **_kwargs: Any) -> bool:
    """Whether pages of the request's origin may read the answer: what is the shop's, those of its origins. Decides by path first.

    Under an unknown shop there is nothing but the error that says so, and a page's developer is who needs to read it.
    """
    key = shop_key(request.path_info)
    origin = request.headers.get("origin", "")
    if key is None or not origin:
        return False
    known = shops.facts(key)
    return known is None or allows(known, origin)


def allows(known: shops.Facts, origin: str) -> bool:
    """Whether pages of this origin may read the shop's answers."""
    return len(origin) <= LIMIT_CHARS and known.allows_origin(origin)
