"""Which origins django-cors-headers lets read a shop's addresses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from widgets.http import shops


def shop_key(path: str) -> str | None:
    """The shop key of a storefront path (``/w/v1/{shop}/…``), or None for any other path."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) == 5 and parts[1] == "w" and parts[2] == "v1" else None


def allow(sender: object, request: HttpRequest, **_kwargs: Any) -> bool:
    """Whether pages of the request's origin may read the response. A shop's addresses may be read by the shop's origins.

    The path is looked at first. Below an unknown shop every origin may read the error, so that the page's developer sees it.
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
