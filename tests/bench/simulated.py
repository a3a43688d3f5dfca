"""A simulated clock and a simulated upstream, around the real reader, limiter and refresher.

The clock replaces ``time.time`` and ``time.monotonic`` of this process before anything else of ours is imported, so a process that
simulates does nothing else. The upstream replaces ``client.session.send``: everything above the wire is the real code.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

START_AT = 1_750_000_020.0
LIMIT_PER_MINUTE = 100
WINDOW_S = 60.0


class Clock:
    """Stands still until it is moved. ``now`` is Unix seconds, and the monotonic clock too."""

    def __init__(self) -> None:
        self.now = START_AT

    def install(self) -> None:
        time.time = lambda: self.now
        time.monotonic = lambda: self.now


class Upstream:
    """Answers reads of reviews and of the product feed and holds the limit, by sliding and by fixed minutes: over either one it answers
    429. ``products``: how many each shop has (``prd_0`` and on). ``by_kind`` counts calls: reviews, unknown (reviews of no product), feed.
    """

    def __init__(self, clock: Clock, limit: int = LIMIT_PER_MINUTE, products: int = 10**9) -> None:
        self.clock, self.limit, self.products = clock, limit, products
        self.by_kind: Counter[str] = Counter()
        self.calls = self.refused = self.most_sliding = self.most_fixed = 0
        self.by_minute: Counter[int] = Counter()
        self._last: deque[float] = deque()

    def send(self, call: Any, _budget: Any) -> Any:
        from sumeru_proxy.client.session import HttpReply

        now = self.clock.now
        while self._last and self._last[0] <= now - WINDOW_S:
            self._last.popleft()
        minute = int(now // WINDOW_S)
        self._last.append(now)
        self.by_minute[minute] += 1
        self.calls += 1
        self.most_sliding = max(self.most_sliding, len(self._last))
        self.most_fixed = max(self.most_fixed, self.by_minute[minute])
        used = max(len(self._last), self.by_minute[minute])
        headers = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - used)),
            "x-ratelimit-reset": str(int((minute + 1) * WINDOW_S)),
            "x-cache": "MISS",
        }
        if used > self.limit:
            self.refused += 1
            return HttpReply(429, {**headers, "retry-after": "30"}, {"error": {"code": "rate_limited"}}, 0.05)
        query = dict(call.query)
        if call.endpoint == "products":
            self.by_kind["feed"] += 1
            return HttpReply(200, headers, _feed(query, self.products), 0.05)
        product_id = query["product_id"]
        self.by_kind["reviews" if _is_product(product_id, self.products) else "unknown"] += 1
        return HttpReply(200, headers, _reviews(product_id), 0.05)


def _is_product(product_id: str, products: int) -> bool:
    number = product_id.removeprefix("prd_")
    return number.isdecimal() and int(number) < products


def _feed(query: dict[str, str], products: int) -> dict[str, Any]:
    if "product_ids" in query:
        ids = [each for each in query["product_ids"].split(",") if _is_product(each, products)]
        return {"data": [_product(each) for each in ids], "pagination": {"next_cursor": None}}
    start, limit = int(query.get("cursor") or 0), int(query["limit"])
    end = min(start + limit, products)
    cursor = str(end) if end < products else None
    return {"data": [_product(f"prd_{number}") for number in range(start, end)], "pagination": {"next_cursor": cursor}}


def _product(product_id: str) -> dict[str, Any]:
    return {
        "id": product_id,
        "handle": product_id.replace("_", "-"),
        "title": f"Product {product_id}",
        "url": f"https://shop.example/products/{product_id}",
        "price": "10.00",
        "currency": "USD",
        "available": True,
    }


def _reviews(product_id: str) -> dict[str, Any]:
    summary = {"product_id": product_id, "average": "5.00", "count": 1, "histogram": {"5": 1}}
    review = {
        "id": "rev_1",
        "product_id": product_id,
        "rating": 5,
        "title": "Fine",
        "body": "Does what it says.",
        "author": {"name": "Ada", "verified_buyer": True},
        "created_at": "2026-01-01T10:00:00Z",
    }
    return {"data": {"summary": summary, "reviews": [review]}, "pagination": {"next_cursor": None}}
