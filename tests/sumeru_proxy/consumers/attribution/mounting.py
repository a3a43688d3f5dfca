"""The API's addresses, also in a process that first looked at the site's addresses while no consumer was installed."""

from __future__ import annotations

import importlib

from django.urls import clear_url_caches

from widgets import urls


def mount() -> None:
    """Make the site's addresses anew, when those of attribution are not among them; to be called while it is installed."""
    if not any("consumers/attribution/" in str(each.pattern) for each in urls.urlpatterns):
        importlib.reload(urls)
        clear_url_caches()
