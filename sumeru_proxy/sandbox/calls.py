"""A record of the calls that arrived, for tests and for the curious."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Any

RECENT_LIMIT = 2_000
WINDOW_S = 60.0


class Calls:
    """Counts per endpoint, shop and surface, the latest calls, and the busiest sliding minute. Thread-safe.

    An answer from the edge cache is counted as a call and as a hit, but not in the busiest minute: it is free upstream.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Sets every count to nothing."""
        with self._lock:
            self._endpoints: Counter[str] = Counter()
            self._shops: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._per_shop: dict[str, Counter[str]] = {}
            self._hits = 0
            self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT_LIMIT)
            self._windows: dict[str, deque[tuple[float, int]]] = {}
            self._sums: Counter[str] = Counter()
            self._busiest: Counter[str] = Counter()

    def note(self, call: dict[str, Any], now: float) -> None:
        """Counts a call: ``{at, endpoint, surface, shop, method, path, query, headers, credential, status, cache, cost, ip}``."""
        with self._lock:
            self._endpoints[call["endpoint"]] += 1
            self._statuses[str(call["status"])] += 1
            shop = call["shop"] or ""
            self._shops[shop] += 1
            self._per_shop.setdefault(shop, Counter())[call["endpoint"]] += 1
            self._recent.append(call)
            if call["cache"] == "HIT":
                self._hits += 1
                return
            surface = call["surface"]
            window = self._windows.setdefault(surface, deque())
            while window and window[0][0] <= now - WINDOW_S:
                self._sums[surface] -= window.popleft()[1]
            window.append((now, call["cost"]))
            self._sums[surface] += call["cost"]
            self._busiest[surface] = max(self._busiest[surface], self._sums[surface])

    def report(self, recent: int = 0) -> dict[str, Any]:
        """The counts, and the latest ``recent`` calls, oldest first."""
        with self._lock:
            report: dict[str, Any] = {
                "total": self._endpoints.total(),
                "edge_hits": self._hits,
                "endpoints": dict(self._endpoints),
                "shops": dict(self._shops),
                "endpoints_per_shop": {shop: dict(counts) for shop, counts in self._per_shop.items()},
                "statuses": dict(self._statuses),
                "busiest_minute": dict(self._busiest),
            }
            if recent:
                report["recent"] = list(self._recent)[-recent:]
        return report
