"""Ids that the catalogue index does not hold: checked many at a time in a capped lane, so that whoever makes them up costs nobody calls.

Pages ask with any id. One that the index holds is a product. Another is noted here; a thread asks the product feed about up to 100 of
them in one call, the shops in turn, and within a shop the client networks in turn. Until then such an id is *pending* without a call, or
not there at all while the index is fresh. While the index is not complete, or the feed fails, nobody is held up.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from cachetools import TTLCache
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections

from sumeru_proxy import memory
from sumeru_proxy.catalogue_rows import CatalogueWalk
from sumeru_proxy.client import arguments, errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.resources_catalogue import PRODUCTS
from sumeru_proxy.reading import catalogue, fetching
from sumeru_proxy.reading.catalogue_walk import TOPICS

log = logging.getLogger(__name__)

IDS_PER_CALL: Final = 100
CHARS_PER_CALL: Final = 4_000
"""Of all ids of a call together: they stand in its address."""
ABSENT_S: Final = 600.0
"""So long an id that the feed did not know is not checked again."""
FAILED_S: Final = 60.0
"""So long after a check failed nobody of the shop is held up."""
_ABSENT_LIMIT: Final = 20_000
_IDS_PER_NETWORK: Final = 200
_IDS_LIMIT: Final = 5_000


_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def _could_be(product_id: str) -> bool:
    """Whether the client would ask for it at all."""
    try:
        arguments.identifier("product_id", product_id)
    except errors.Refused:
        return False
    return True


class Verdicts(NamedTuple):
    """Of the ids asked about: which are no products, and which may be none. All others may be fetched."""

    absent: frozenset[str]
    unproven: frozenset[str]


NO_DOUBT: Final = Verdicts(frozenset(), frozenset())
"""Nothing is held up."""


class Checks:
    """Strangers' ids of this process that wait for their check, and what checks said. Bounded; thread-safe."""

    def __init__(self, open_client: Callable[[int], Sumeru]) -> None:
        self._open_client = open_client
        self._waiting: OrderedDict[int, OrderedDict[str, OrderedDict[str, None]]] = OrderedDict()
        self._absent: TTLCache[tuple[int, str], bool] = TTLCache(_ABSENT_LIMIT, ABSENT_S, timer=time.monotonic)
        self._failed_until: dict[int, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pid = 0
        memory.register(self)

    def sort_out(self, shop_id: int, network: str, ids: Iterable[str]) -> Verdicts:
        """What is known of these ids; notes for a check what is not. Asks the database at most twice, and nobody else; never raises."""
        index = catalogue.state(shop_id)
        if not index.complete:
            catalogue.wanted(shop_id)
            return NO_DOUBT
        if index.failing or time.monotonic() < self._failed_until.get(shop_id, 0.0):
            return NO_DOUBT
        asked = list(dict.fromkeys(ids))
        known = catalogue.names(shop_id, asked)
        if len(known) == len(asked):
            return NO_DOUBT
        with self._changed:
            strange = [each for each in asked if each not in known]
            absent = frozenset(each for each in strange if (shop_id, each) in self._absent or not _could_be(each))
        unproven = frozenset(strange) - absent
        self._note(shop_id, network, [each for each in strange if each in unproven])
        return Verdicts(absent | unproven, frozenset()) if index.fresh else Verdicts(absent, unproven)

    def _note(self, shop_id: int, network: str, ids: list[str]) -> None:
        with self._changed:
            for product_id in ids:
                of_network = self._waiting.setdefault(shop_id, OrderedDict()).setdefault(network, OrderedDict())
                if product_id not in of_network and len(of_network) < _IDS_PER_NETWORK:
                    of_network[product_id] = None
                    self._make_room()
            if ids:
                self._changed.notify()
        if ids and settings.SUMERU_REFRESH in ("thread", "off"):
            self._ensure_thread()

    def _make_room(self) -> None:
        """Where too many wait, the network with the most loses its newest: nobody crowds out who asks for little."""
        if self.waiting > _IDS_LIMIT:
            max((ids for networks in self._waiting.values() for ids in networks.values()), key=len).popitem()

    @property
    def waiting(self) -> int:
        """How many ids wait for their check."""
        return sum(len(ids) for networks in self._waiting.values() for ids in networks.values())

    def forget(self) -> None:
        """Drop what waits and what checks said; it is asked again with the next request."""
        with self._changed:
            self._waiting.clear()
            self._absent.clear()
            self._failed_until.clear()

    def take(self) -> tuple[int, list[str]] | None:
        """The ids of one call: the next shop's, one of each of its networks in turn. None when none wait."""
        with self._changed:
            while self._waiting:
                shop_id, networks = self._waiting.popitem(last=False)
                taken: dict[str, None] = {}
                chars = 0
                while networks and len(taken) < IDS_PER_CALL and chars < CHARS_PER_CALL:
                    network, ids = networks.popitem(last=False)
                    if ids:
                        product_id = ids.popitem(last=False)[0]
                        if product_id not in taken:
                            taken[product_id] = None
                            chars += len(product_id) + 1
                    if ids:
                        networks[network] = ids
                if networks:
                    self._waiting[shop_id] = networks
                if taken:
                    return shop_id, list(taken)
            return None

    def check_one(self) -> float:
        """Check the ids of one call; gives the seconds to wait before the next. Raises django.db.Error; never a client error."""
        taken = self.take()
        if taken is None:
            return 0.0
        shop_id, ids = taken
        now = time.time()
        try:
            made_under = dict(fetching.stamped(shop_id, TOPICS))
            client = self._open_client(shop_id)
            most = client.items_at_once(PRODUCTS, len(ids))  # where each costs one, a hundred would be a minute's calls
            ids, rest = ids[:most], ids[most:]
            self._again(shop_id, rest)
            page = client.products(product_ids=ids, limit=len(ids))
        except errors.Limited as error:
            self._again(shop_id, ids)
            return min(max(error.retry_after_s, 0.5), 30.0)
        except errors.SumeruError as error:
            log.warning("shop %s: strangers' ids could not be checked: %s", shop_id, error)
            odd = [each for each in ids if not _PLAIN.match(each)] if isinstance(error, errors.Refused) else []
            with self._changed:
                self._absent.update(dict.fromkeys(((shop_id, each) for each in odd), True))
                if not odd:
                    self._failed_until[shop_id] = time.monotonic() + FAILED_S
            # What is refused for an odd id's sake must not hold up the others, nor let everything through.
            self._again(shop_id, [each for each in ids if each not in odd] if odd else [])
            return 1.0
        walk = CatalogueWalk.objects.filter(shop_id=shop_id).first()
        catalogue.put(shop_id, page, walk.passes + 1 if walk else 1, now, made_under)
        found = {product.id for product in page.products} | set(page.unreadable_ids)
        if page.next_cursor is None and "" not in found:
            with self._changed:
                self._absent.update({(shop_id, each): True for each in ids if each not in found})
        return 0.0

    def _again(self, shop_id: int, ids: list[str]) -> None:
        """Back to the front of the queue: of these, who asked for them first is not known any more."""
        if not ids:
            return
        with self._changed:
            networks = self._waiting.setdefault(shop_id, OrderedDict())
            networks["again"] = OrderedDict.fromkeys([*ids, *networks.get("again", ())])
            networks.move_to_end("again", last=False)
            self._waiting.move_to_end(shop_id, last=False)

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive() and self._pid == os.getpid():
            return
        with self._changed:
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="strangers", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
            try:
                wait_s = self.check_one()
            except DatabaseTrouble as error:
                log.error("strangers' ids: database: %s", type(error).__name__)
                wait_s = 5.0
            except Exception:
                log.exception("checking strangers' ids failed")
                wait_s = 5.0
            finally:
                close_old_connections()
            if wait_s:
                time.sleep(wait_s)
