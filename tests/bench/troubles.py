"""The part of ``bench budget`` about a strange upstream: one unreadable endpoint, a gateway's 404s and an erasure, in simulated time.

Shoppers look at pages with reviews and bundles, both warm before the first phase. An answer is whole when both are there; while the
gateway answers, nothing new can come, and after an erasure nothing may be missing but what names the person.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

from tests.bench import optimum
from tests.bench.simulated import Clock, Upstream

LATENCY_S = 0.15
PRODUCTS = 140
VIEWS_PER_SECOND = 3.0
PHASES = (
    ("healthy", 5.0),
    ("bundles unreadable", 5.0),
    ("healthy again", 2.0),
    ("gateway's 404s", 1.5),
    ("after them", 3.0),
    ("after an erasure", 5.0),
)
"""Name and simulated minutes of each phase."""


class Troubled(Upstream):
    """Reviews and bundles; ``trouble`` is the phase's. A gateway's page costs nothing there, but a call here."""

    trouble = ""

    def send(self, call: Any, budget: Any) -> Any:
        from sumeru_proxy.client.session import HttpReply

        self.endpoints[call.endpoint] += 1
        if self.trouble == "gateway's 404s":
            self.calls += 1
            return HttpReply(404, {}, None, 0.05)
        reply = super().send(call, budget)
        if call.endpoint != "bundles" or reply.status != 200:
            return reply
        name = "name" if self.trouble == "bundles unreadable" else "title"
        bundle = {"id": "bun_1", name: "Set", "items": [], "price": "10.00", "currency": "EUR"}
        return HttpReply(200, reply.headers, {"data": [bundle]}, 0.05)

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.endpoints: Counter[str] = Counter()


def simulate(clock: Clock) -> list[dict[str, Any]]:
    """One row for each phase: whole answers, calls by endpoint, and copies of reviews from before the erasure at the end."""
    from django.core.cache import cache
    from django.utils import timezone

    from sumeru_proxy import limit_stores
    from sumeru_proxy.client import session
    from sumeru_proxy.client.api import Account, Sumeru
    from sumeru_proxy.client.resources_catalogue import BUNDLES
    from sumeru_proxy.models import InboundEvent, Shop
    from sumeru_proxy.reading import freshness, leases, reader, reviews, stamps
    from sumeru_proxy.webhooks import intake

    upstream = Troubled(clock)
    session.send = upstream.send
    leases.WAIT_S = 0.0
    clock.now += 3_600.0
    cache.clear()
    for each in (reader.copies, leases, stamps):
        each.forget()
    shop = Shop.objects.create(name="Troubled", domain="troubled.example", api_url="https://api.sumeru.systems")
    account = Account(host=shop.api_url, shop_domain=shop.domain)

    def client(lane: str) -> Sumeru:
        return Sumeru(account, lane=lane, store=limit_stores.shared(), clock=lambda: clock.now)

    refresher = freshness.Refresher(lambda _shop_id: client("refresh"))
    pages = [
        (reviews.block_query(f"prd_{number}"), reader.Query.of(BUNDLES, product_id=f"prd_{number}"))
        for number in range(PRODUCTS)
    ]
    cumulative = list(itertools.accumulate(optimum.zipf(PRODUCTS)))
    chance = random.Random(1)
    refresh_at = clock.now
    rows: list[dict[str, Any]] = []
    for name, minutes in (("warm-up", 8.0), *PHASES):
        upstream.trouble = name
        began_at, end = clock.now, clock.now + minutes * 60
        before, seen = upstream.endpoints.copy(), Counter[str]()
        if name == "after an erasure":
            body = '{"data": {"customer_id": "cus_stranger", "email": "stranger@nowhere.example"}}'
            event = InboundEvent.objects.create(
                shop=shop, event_id="evt_1", type="gdpr.completed", occurred_at=timezone.now(), body_text=body
            )
            intake.act(event, event.data, ())
        while (view_at := clock.now + chance.expovariate(VIEWS_PER_SECOND)) < end:
            while refresher.waiting and refresh_at <= view_at:
                clock.now = max(clock.now, refresh_at)
                spent = upstream.calls
                pause_s = refresher.refresh_one()
                refresh_at = clock.now + (LATENCY_S if upstream.calls > spent else 0.0) + pause_s
            clock.now = view_at
            number = chance.choices(range(PRODUCTS), cum_weights=cumulative)[0]
            seen["views"] += 1
            there = 0
            for query in pages[number]:
                source = reader.Source(shop.pk, lambda: client("page"), refresher.ask, refresher.count)
                try:
                    there += bool(source.get(query))
                except reader.Pending:
                    seen[query.method + " pending"] += 1
            seen["whole"] += there == len(pages[number])
        clock.now = end
        spent_on = upstream.endpoints - before
        old = [copy for query, _ in pages if (copy := reader.copies.load(query.key(shop.pk)))]
        if name != "warm-up":
            rows.append(
                {
                    "phase": name,
                    "minutes": minutes,
                    "views": seen["views"],
                    "whole": round(seen["whole"] / max(1, seen["views"]), 4),
                    "reviews pending": seen["reviews pending"],
                    "bundles pending": seen["bundles pending"],
                    "calls reviews": spent_on["reviews"],
                    "calls bundles": spent_on["bundles"],
                    "not read again": sum(copy.fetched_at < began_at for copy in old),
                    "answered 429": upstream.refused,
                }
            )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """A line for each phase."""
    print()
    print(f"{'':20}" + "".join(f"{name:>17}" for name in rows[0] if name != "phase"))
    for row in rows:
        print(f"{row['phase']:20}" + "".join(f"{value:>17}" for name, value in row.items() if name != "phase"))
