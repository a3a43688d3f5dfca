"""What a shop's finished answers depend on in the database, asked for at most once a second for all of them together."""

from __future__ import annotations

import logging
import time
from threading import Lock

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from sumeru_proxy.reading import stamps
from widgets.http import shops
from widgets.http.shops import ShopSettings

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

RECHECK_S = 0.75
"""A shop is asked about again after this, so that a change is visible within a second, the asking included."""
OUTDATED_S = 1.0
"""Nobody is answered from what was known longer ago than this while another thread is asking: they wait for it."""
PATIENCE_S = 0.3
"""How long they wait; the database hangs, then, and what was known last has to do."""
_ORIGINS_LIMIT = 500


class Watch:
    """One shop as its kept answers depend on it. ``epoch`` grows when its rows or stamps changed; ``until`` is monotonic."""

    def __init__(self, key: str, shop_settings: ShopSettings) -> None:
        self.key = key
        self.shop_id = shop_settings.profile.id
        self.shop_settings: ShopSettings | None = shop_settings
        self.stamps: dict[str, stamps.Value] = {}
        self.version = -1
        self.epoch = 0
        self.asked_at = self.until = float("-inf")
        self.cors: dict[str, Headers] = {}
        self._lock = Lock()

    def ensure(self, now: float) -> None:
        """Ask the database when what is known is too old. One thread asks; the others wait only when they must. Never raises."""
        if now < self.until:
            return
        outdated = now - self.asked_at >= OUTDATED_S
        if not self._lock.acquire(blocking=outdated, timeout=PATIENCE_S if outdated else -1):
            return
        try:
            if time.monotonic() >= self.until:
                self._ask()
        finally:
            self._lock.release()

    def _ask(self) -> None:
        now = time.monotonic()
        close_old_connections()  # no request of Django's may have come for long, and it is who would do that
        try:
            shop_settings = shops.recheck(self.key)
        except shops.Unavailable:
            shop_settings = self.shop_settings
        try:
            version = stamps.version(self.shop_id)
            if version != self.version:
                self.stamps = stamps.every(self.shop_id)
                self.version = version
                self.epoch += 1
        except DatabaseError:
            log.warning("shop %s: stamps could not be read; the last known ones count", self.shop_id)
        close_old_connections()
        if shop_settings != self.shop_settings:
            self.shop_settings = shop_settings
            self.cors = {}
            self.epoch += 1
        self.asked_at = now
        self.until = now + RECHECK_S

    def headers_for(self, origin: str) -> Headers:
        """What a page of this origin needs to read the answer; nothing for foreign ones. As django-cors-headers says it."""
        cors_headers = self.cors.get(origin)
        if cors_headers is not None:
            return cors_headers
        shop_settings = self.shop_settings
        if shop_settings is None or not shop_settings.allows_origin(origin):
            return []
        exposed = ", ".join(settings.CORS_EXPOSE_HEADERS)
        headers = [("access-control-allow-origin", origin), ("access-control-expose-headers", exposed)]
        if len(self.cors) < _ORIGINS_LIMIT and shop_settings is self.shop_settings:
            self.cors[origin] = headers
        return headers
