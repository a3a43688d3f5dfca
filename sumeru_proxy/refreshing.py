"""The worker's part in freshness: it refreshes what web processes served stale and left to it."""

from __future__ import annotations

import logging
import threading
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connections

from sumeru_proxy import accounts
from sumeru_proxy.reading import handing_over
from sumeru_proxy.reading.freshness import Refresher

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0
ENOUGH: Final = 200
"""While so many wait here already, no more are taken: another worker may have room for them, and they are ranked better there."""


def shares_copies() -> bool:
    """Whether a copy that this process refreshes is seen by others: not with a cache in each process's own memory."""
    return not str(settings.CACHE_URL).startswith("local")


def once(refresher: Refresher) -> float:
    """Take what was left and refresh the copy that matters most; gives the seconds to wait before the next. Raises django.db.Error."""
    if refresher.waiting < ENOUGH:
        for each in handing_over.take():
            refresher.receive(each.shop_id, each.query, each.rate)
    return refresher.refresh_one() if refresher.waiting else IDLE_S


def run(stopping: threading.Event) -> None:
    """Refresh until stopped. For a thread of its own."""
    refresher = Refresher(lambda shop_id: accounts.client_for(shop_id, "refresh"))
    try:
        while not stopping.is_set():
            wait_s = IDLE_S
            try:
                close_old_connections()
                wait_s = once(refresher)
            except DatabaseTrouble as error:
                log.error("refreshing: database: %s; trying again", type(error).__name__)
                connections.close_all()
            except Exception:
                log.exception("refreshing failed")
            if wait_s:
                stopping.wait(wait_s)
    finally:
        connections.close_all()
