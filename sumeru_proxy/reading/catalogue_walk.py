"""The walk that fills the catalogue index: page after page of the product feed, in a small lane, from where it was left.

A pass reads the whole feed, 100 products a call. A product that two passes in a row did not name leaves the index. Any number of workers
may run: one at a time has a shop's walk. Each page is written down before the next is asked for, so a restart goes on where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connections

from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import catalogue, fetching, stamps

log = logging.getLogger(__name__)

PAGE: Final = 100
PAGES_LIMIT: Final = 5_000
LEASE_S: Final = 60.0
"""Longer than a page may take; after it another worker may go on."""
IDLE_S: Final = 2.0
SHORTEST_INTERVAL_S: Final = 600.0
S_PER_PAGE: Final = 20.0
"""A catalogue is walked again after so many seconds for each of its pages: 200 pages (20,000 products) take three calls a minute."""
LONGEST_PAUSE_S: Final = 3_600.0
NEW_SHOPS_EVERY_S: Final = 30.0
TOPICS: Final = (stamps.EVERYTHING, "products")


def interval_s(pages: int) -> float:
    """Seconds from the end of a pass to the next one."""
    return max(SHORTEST_INTERVAL_S, S_PER_PAGE * pages)


def enrol() -> int:
    """Give every active shop without one a walk; gives how many. Raises django.db.Error."""
    ids = Shop.objects.filter(active=True).exclude(pk__in=CatalogueWalk.objects.values("shop_id"))
    rows = [CatalogueWalk(shop_id=pk) for pk in ids.values_list("pk", flat=True)[:1_000]]
    CatalogueWalk.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def take(now: float) -> CatalogueWalk | None:
    """The walk that is due longest, for this caller alone until its lease ends; None when none is due. Raises django.db.Error."""
    due = CatalogueWalk.objects.filter(next_at__lte=now, lease_until__lt=now, shop__active=True)
    for walk in due.order_by("next_at", "pk")[:5]:
        if CatalogueWalk.objects.filter(pk=walk.pk, lease_until=walk.lease_until).update(lease_until=now + LEASE_S):
            walk.lease_until = now + LEASE_S
            return walk
    return None


def step(walk: CatalogueWalk, open_client: Callable[[int], Sumeru], now: float) -> float:
    """Read one page of a walk that was taken, and write down where it stands; gives the seconds that its shop cannot go on.

    Never raises the client's errors. Raises django.db.Error; the page is then read again.
    """
    if not walk.cursor:
        walk.began_at, walk.pages, walk.products = now, 0, 0
    try:
        made_under = dict(fetching.stamped(walk.shop_id, TOPICS))
        page = open_client(walk.shop_id).products(limit=PAGE, cursor=walk.cursor or None)
    except errors.SumeruError as error:
        return _failed(walk, error, now)
    passes = walk.passes + 1
    walk.products += catalogue.put(walk.shop_id, page, passes, now, made_under)
    walk.pages += 1
    walk.failures, walk.error = 0, ""
    cursor = page.next_cursor or ""
    if cursor and cursor != walk.cursor and len(cursor) <= 512 and walk.pages < PAGES_LIMIT:
        walk.cursor, walk.next_at = cursor, now
    else:
        _complete(walk, passes, now)
    _release(walk)
    return 0.0


def _complete(walk: CatalogueWalk, passes: int, now: float) -> None:
    walk.cursor, walk.passes = "", passes
    walk.completed_began_at, walk.completed_at, walk.completed_products = walk.began_at, now, walk.products
    walk.next_at = now + interval_s(walk.pages)
    # One pass may have missed a product that moved between two pages, or met a feed that was not itself.
    gone = CatalogueEntry.objects.filter(shop_id=walk.shop_id, passes__lt=passes - 1).delete()[0]
    log.info("shop %s: catalogue walked: %d products, %d gone", walk.shop_id, walk.products, gone)


def _failed(walk: CatalogueWalk, error: errors.SumeruError, now: float) -> float:
    if isinstance(error, errors.Limited):
        wait_s = min(max(error.retry_after_s, 1.0), 60.0)
        walk.next_at = now
        _release(walk)
        return wait_s
    log.warning("shop %s: catalogue: %s", walk.shop_id, error)
    walk.failures += 1
    walk.error = type(error).__name__
    if isinstance(error, errors.Refused):
        walk.cursor = ""  # it may be the cursor that is refused: the pass begins anew
    walk.next_at = now + min(30.0 * 2 ** min(walk.failures - 1, 10), LONGEST_PAUSE_S)
    _release(walk)
    return 0.0


def _release(walk: CatalogueWalk) -> None:
    # `asked_at` is others' to write.
    walk.lease_until = 0.0
    fields = [each.name for each in CatalogueWalk._meta.concrete_fields if each.name not in ("id", "shop", "asked_at")]
    walk.save(update_fields=fields)


def once(open_client: Callable[[int], Sumeru]) -> float:
    """One page of the walk that is due; gives the seconds to wait before the next. Raises django.db.Error."""
    now = time.time()
    walk = take(now)
    if walk is None:
        return IDLE_S
    return step(walk, open_client, now)


def run(stopping: threading.Event, open_client: Callable[[int], Sumeru]) -> None:
    """Walk until stopped. For a thread of its own."""
    looked_at = float("-inf")
    try:
        while not stopping.is_set():
            wait_s = IDLE_S
            try:
                close_old_connections()
                if time.monotonic() - looked_at > NEW_SHOPS_EVERY_S:
                    looked_at = time.monotonic()
                    enrol()
                wait_s = once(open_client)
            except DatabaseTrouble as error:
                log.error("catalogue: database: %s; trying again", type(error).__name__)
                connections.close_all()
            except Exception:
                log.exception("the walk through a catalogue failed")
            if wait_s:
                stopping.wait(wait_s)
    finally:
        connections.close_all()
