"""The demo shop as a Django site of its own, in a process of its own: ``granian --factory widgets.demo.storefront:application``.

The environment says what it needs: ``STOREFRONT_WIDGETS`` and ``STOREFRONT_SANDBOX`` (URLs), ``STOREFRONT_SHOP`` (its key at the widget
server), ``STOREFRONT_CATALOGUE`` (a file; empty for the built-in one), ``STOREFRONT_SCRIPTS`` (what the widget server has besides the
loader, by comma), ``STOREFRONT_CUSTOMER_SECRET`` (shared with the widget server) and ``STOREFRONT_COOKIE_KEY``.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from sumeru_proxy.sandbox import catalogue as catalogues
from widgets.demo.shop import shop_of
from widgets.demo.widget_html import WidgetServer

SETTINGS: dict[str, Any] = {
    "ROOT_URLCONF": "widgets.demo.site",
    "MIDDLEWARE": ["django.middleware.gzip.GZipMiddleware"],
    "ALLOWED_HOSTS": ["*"],
    "USE_I18N": False,
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 16_000,
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": 50,
}
"""With ``SECRET_KEY`` (signs the cookies) and ``STOREFRONT`` (the ``Shop``), all that the site is configured with."""
_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}


def application() -> WSGIHandler:
    """The site, configured from the environment. Raises KeyError without a variable, OSError or CatalogueError."""
    outer = {
        name: os.environ[f"STOREFRONT_{name.upper()}"]
        for name in ("widgets", "sandbox", "shop", "catalogue", "scripts")
    }
    catalogue = catalogues.load(outer["catalogue"]) if outer["catalogue"] else catalogues.built_in()
    shop = shop_of(
        catalogue["shops"][0],
        WidgetServer(outer["widgets"], outer["shop"]),
        outer["sandbox"],
        customer_secret=os.environ["STOREFRONT_CUSTOMER_SECRET"],
        scripts=frozenset(outer["scripts"].split(",")),
    )
    settings.configure(**SETTINGS, SECRET_KEY=os.environ["STOREFRONT_COOKIE_KEY"], STOREFRONT=shop, LOGGING=_LOGGING)
    return get_wsgi_application()
