"""Shops, shoppers and strangers around the real reader, limiter, index, checks and refresher, on a simulated clock.

Everything that waits is an entry of one heap. A call takes as long as the stand-in says, and the clock moves with it only for who made it.
"""

from __future__ import annotations

import heapq
import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from tests.bench.simulated import Clock, Upstream

LATENCY_S = 0.15
POLL_LEAST_S, POLL_MOST_S = 1.0, 8.0


class FairWorld:
    """One address with its shops. ``products``: how many each has. Made anew for each row of a table."""

    def __init__(self, clock: Clock, shops: int, products: int, *, walked: bool = True) -> None:
        from django.core.cache import cache

        from sumeru_proxy import memory
        from sumeru_proxy.catalogue_rows import CatalogueWalk
        from sumeru_proxy.client import session
        from sumeru_proxy.client.api import Account, Sumeru
        from sumeru_proxy.client.limiter import MemoryStore
        from sumeru_proxy.models import Shop
        from sumeru_proxy.reading import catalogue_walk, freshness, leases, strangers

        self.clock = clock
        clock.now += 3_600.0
        cache.clear()
        memory.forget_all()
        CatalogueWalk.objects.all().delete()
        Shop.objects.all().update(active=False)
        leases.WAIT_S = 0.0
        self.upstream = Upstream(clock, products=products)
        session.send = self.upstream.send
        store = MemoryStore()
        self.shops = [
            Shop.objects.create(
                name=f"Shop {number}", domain=f"s{number}-{clock.now:.0f}.example", api_url="https://api.sumeru.systems"
            )
            for number in range(shops)
        ]
        domains = {shop.pk: shop.domain for shop in self.shops}

        def client(shop_id: int, lane: str, network: str = "") -> Sumeru:
            account = Account(host="https://api.sumeru.systems", shop_domain=domains[shop_id])
            return Sumeru(account, lane=lane, store=store, network=network, clock=lambda: clock.now)

        self.client = client
        self.refresher = freshness.Refresher(lambda shop_id: client(shop_id, "refresh"))
        self.checks = strangers.Checks(lambda shop_id: client(shop_id, "check"))
        self._heap: list[tuple[float, int, Callable[[], float | None]]] = []
        self._ticket = itertools.count()
        catalogue_walk.enrol()
        if walked:
            while (walk := catalogue_walk.take(clock.now)) is not None:
                catalogue_walk.step(walk, lambda shop_id: client(shop_id, "index"), clock.now)
                clock.now += 15.0
            memory.forget_all()
        self.waits: dict[str, list[float]] = {}
        self.at(clock.now, self._loop(lambda: catalogue_walk.once(lambda shop_id: client(shop_id, "index"))))
        self.at(clock.now, self._loop(self.checks.check_one, 0.2))
        self.at(clock.now, self._loop(self.refresher.refresh_one, 0.2))

    def at(self, when: float, act: Callable[[], float | None]) -> None:
        """Do this then; what it gives is when to do it again, in seconds from its end, or None."""
        heapq.heappush(self._heap, (when, next(self._ticket), act))

    def _loop(self, act: Callable[[], float], idle_s: float = 0.0) -> Callable[[], float]:
        def once() -> float:
            before = self.upstream.calls
            pause_s = act()
            return max(pause_s, idle_s if self.upstream.calls == before else 0.0) + LATENCY_S

        return once

    def run(self, until: float) -> None:
        """Let everything happen until then."""
        while self._heap and self._heap[0][0] <= until:
            when, _ticket, act = heapq.heappop(self._heap)
            self.clock.now = max(self.clock.now, when)
            again_s = act()
            if again_s is not None:
                self.at(self.clock.now + again_s, act)
        self.clock.now = max(self.clock.now, until)

    def read(self, shop: int, product_id: str, network: str) -> float | None:
        """A page's reviews and product; None when they are there, else the seconds after which the page asks again."""
        from sumeru_proxy.reading import reader, reviews

        shop_id = self.shops[shop].pk
        source = reader.Source(
            shop_id,
            lambda: self.client(shop_id, "page", network),
            self.refresher.ask,
            self.refresher.count,
            lambda ids: self.checks.sort_out(shop_id, network, ids),
        )
        try:
            source.get(reviews.block_query(product_id))
        except reader.Pending as pending:
            return min(max(pending.retry_after_s, POLL_LEAST_S), POLL_MOST_S)
        except reader.Missing:
            return None
        source.products([product_id], behind=True)
        return None

    def shopper(self, kind: str, shop: int, product_id: str, network: str, begins_at: float) -> None:
        """Somebody opens a page and waits for it; how long is noted under ``kind``."""

        def look() -> float | None:
            before = self.upstream.calls
            again_s = self.read(shop, product_id, network)
            if again_s is None:
                took = self.clock.now - begins_at + (LATENCY_S if self.upstream.calls > before else 0.002)
                self.waits.setdefault(kind, []).append(took)
            return again_s

        self.waits.setdefault(kind, [])
        self.at(begins_at, look)

    def strangers(
        self, shop: int, networks: int, per_second: float, ids: Callable[[int], Sequence[str]], until: float
    ) -> None:
        """Requests for these ids, one network after another, answered or not, evenly until then."""
        count = itertools.count()

        def ask() -> float | None:
            number = next(count)
            for product_id in ids(number):
                self.read(shop, product_id, f"stranger {number % networks}")
            return 1.0 / per_second if self.clock.now < until else None

        self.at(self.clock.now, ask)


def quantiles(waits: Sequence[float], open_ones: int) -> dict[str, Any]:
    """Median and 95th percentile of the seconds until a page was there; who never saw it waited for ever."""
    if open_ones:
        waits = [*waits, *[float("inf")] * open_ones]
    if not waits:
        return {"pages": 0, "median_s": None, "p95_s": None}
    ordered = sorted(waits)
    return {
        "pages": len(ordered),
        "median_s": round(statistics.median(ordered), 3),
        "p95_s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
    }
