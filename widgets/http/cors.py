"""The answer to django-cors-headers' question: whether pages of an origin may read what is under a shop's address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from widgets.http import shops


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
    try:
        shop_settings = shops.load(key)
    except shops.Unavailable:  # the answer is the error that says so
        return True
    return shop_settings is None or shop_settings.allows_origin(origin)
