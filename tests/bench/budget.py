"""``python -m tests.bench budget``: hours of Zipf traffic against a limit of 100 reads a minute, in simulated time.

Reader, copies, limiter, breaker and refresher are the real ones; the clock and the wire are simulated (``simulated``). One web
process; the upstream's own edge is left out, so every call costs.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import random
import tempfile
import time
from typing import Any

from tests.bench import optimum, troubles
from tests.bench.simulated import LIMIT_PER_MINUTE, Clock, Upstream

LATENCY_S = 0.15
"""What one refresh takes; refreshes of a process come one after the other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, nargs="+", help="catalogue sizes (default: 2000 20000)")
    parser.add_argument("--minutes", type=float, help="simulated minutes that are measured (default: 240, quick: 60)")
    parser.add_argument("--warm-up", type=float, help="simulated minutes before them (default: 60, quick: 30)")
    parser.add_argument("--reads-per-second", type=float, default=20.0, help="shoppers' reads (default: %(default)s)")
    parser.add_argument("--rows-only", action="store_true", help="catalogues alone, without cold starts and troubles")


def run(options: argparse.Namespace) -> dict[str, Any]:
    minutes = options.minutes or (60.0 if options.quick else 240.0)
    warm_up = options.warm_up if options.warm_up is not None else (30.0 if options.quick else 60.0)
    clock = Clock()
    clock.install()
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        sizes = options.products or ([2_000] if options.quick else [2_000, 20_000])
        rows = [simulate(clock, size, minutes, warm_up, options.reads_per_second) for size in sizes]
        if options.rows_only:
            return {"limit_per_minute": LIMIT_PER_MINUTE, "rows": rows}
        cold = [cold_start(clock, walked=walked) for walked in (False, True)]
        trouble = troubles.simulate(clock)
    return {"limit_per_minute": LIMIT_PER_MINUTE, "rows": rows, "cold": cold, "troubles": trouble}


COLD_PRODUCTS, COLD_S, COLD_LEAST = 200, 120.0, 180


def cold_start(clock: Clock, *, walked: bool) -> dict[str, Any]:
    """Nothing is kept, and 200 shoppers open a product each: how many have its reviews after two minutes and the first burst."""
    from tests.bench.fair_world import FairWorld

    world = FairWorld(clock, 1, COLD_PRODUCTS, walked=walked)
    start, calls, feed = clock.now, world.upstream.calls, world.upstream.by_kind["feed"]
    for number in range(COLD_PRODUCTS):
        world.shopper("cold", 0, f"prd_{number}", f"shopper {number}", start + number / COLD_PRODUCTS)
    world.run(start + COLD_S)
    return {
        "index": "walked" if walked else "not yet",
        "with_reviews": len(world.waits["cold"]),
        "calls": world.upstream.calls - calls,
        "calls_of_the_feed": world.upstream.by_kind["feed"] - feed,
        "most_in_a_minute": world.upstream.most_sliding,
        "answered_429": world.upstream.refused,
    }


def failed(result: dict[str, Any]) -> bool:
    """Whether too few cold products had their reviews in time."""
    return any(row["with_reviews"] < COLD_LEAST or row["answered_429"] for row in result.get("cold", ()))


def prepare(folder: str) -> None:
    """Django on a database of its own, with one shop's stamps and the limiter's buckets in it."""
    for name in ("DATABASE_URL", "CACHE_URL"):
        os.environ.pop(name, None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="widgets.settings", DATA_DIR=folder, SUMERU_REFRESH="none", LOG_LEVEL="ERROR"
    )
    import django

    django.setup()
    from django.core.management import call_command

    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)


def simulate(clock: Clock, products: int, minutes: float, warm_up: float, reads_per_second: float) -> dict[str, Any]:
    """One catalogue from empty copies; figures after the warm-up, and the share served from a copy with it, too."""
    from django.core.cache import cache

    from sumeru_proxy import limit_stores
    from sumeru_proxy.client import session
    from sumeru_proxy.client.api import Account, Sumeru
    from sumeru_proxy.models import Shop
    from sumeru_proxy.reading import freshness, leases, reader, reviews, stamps

    began = time.perf_counter()
    upstream = Upstream(clock)
    session.send = upstream.send
    leases.WAIT_S = 0.0  # there is nobody else to wait for, and the clock would not move meanwhile
    clock.now += 3_600.0  # the last run's limits are forgotten
    cache.clear()
    reader.copies.forget()
    leases.forget()
    stamps.forget()
    shop = Shop.objects.create(name="Simulated", domain=f"s{products}.example", api_url="https://api.sumeru.systems")
    account = Account(host=shop.api_url, shop_domain=shop.domain)

    def client(lane: str) -> Sumeru:
        return Sumeru(account, lane=lane, store=limit_stores.shared(), clock=lambda: clock.now)

    refresher = freshness.Refresher(lambda _shop_id: client("refresh"))
    wanted = [reviews.block_query(f"prd_{number}") for number in range(products)]
    shares = optimum.zipf(products)
    cumulative = list(itertools.accumulate(shares))
    chance = random.Random(1)
    start, refresh_at = clock.now, clock.now
    measured_from, end = start + warm_up * 60, start + (warm_up + minutes) * 60
    seen = {"reads": 0, "pending": 0}
    measured = {"reads": 0, "pending": 0, "fetched": 0, "copies": 0, "age_s": 0.0, "calls": 0}
    while (read_at := clock.now + chance.expovariate(reads_per_second)) < end:
        while refresher.waiting and refresh_at <= read_at:
            clock.now = max(clock.now, refresh_at)  # a rested refresher begins with the read that woke it
            before = upstream.calls
            pause_s = refresher.refresh_one()
            refresh_at = clock.now + (LATENCY_S if upstream.calls > before else 0.0) + pause_s
        clock.now = read_at
        number = chance.choices(range(products), cum_weights=cumulative)[0]
        source = reader.Source(shop.pk, lambda: client("page"), refresher.ask, refresher.count)
        before, counted = upstream.calls, read_at >= measured_from
        if counted and not measured["reads"]:
            measured["calls"] = -before
        seen["reads"] += 1
        measured["reads"] += counted
        try:
            source.get(wanted[number])
        except reader.Pending:
            seen["pending"] += 1
            measured["pending"] += counted
            continue
        if upstream.calls > before:
            measured["fetched"] += counted
        elif counted:
            measured["copies"] += 1
            measured["age_s"] += source.age_s(read_at)
    measured["calls"] += upstream.calls
    return _row(products, minutes, reads_per_second, shares, upstream, seen, measured, time.perf_counter() - began)


def _row(
    products: int,
    minutes: float,
    reads_per_second: float,
    shares: list[float],
    upstream: Upstream,
    seen: dict[str, int],
    measured: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:
    per_second, least_s = LIMIT_PER_MINUTE / 60.0, 60.0
    spent = max(measured["calls"] / (minutes * 60.0), 1e-9)
    age_s = measured["age_s"] / max(1, measured["copies"])
    best = optimum.weighted_age_s(shares, optimum.intervals(shares, per_second, least_s))
    best_spent = optimum.weighted_age_s(shares, optimum.intervals(shares, spent, least_s))
    on_read = optimum.on_read_age_s(shares, reads_per_second, per_second, least_s)
    plain = optimum.plain_ttl_s(products, per_second, least_s) / 2
    return {
        "products": products,
        "simulated_minutes": minutes,
        "reads": measured["reads"],
        "calls_per_minute_mean": round(60 * spent, 1),
        "calls_per_minute_most_sliding": upstream.most_sliding,
        "calls_per_minute_most_fixed": upstream.most_fixed,
        "answered_429": upstream.refused,
        "from_copy": measured["copies"] / max(1, measured["reads"]),
        "fetched_for_the_page": measured["fetched"] / max(1, measured["reads"]),
        "pending": measured["pending"] / max(1, measured["reads"]),
        "pending_with_warm_up": seen["pending"] / max(1, seen["reads"]),
        "age_s": round(age_s, 1),
        "age_s_optimum": round(best, 1),
        "age_to_optimum": round(age_s / best, 3),
        "age_to_optimum_of_calls_spent": round(age_s / best_spent, 3),
        "age_s_optimum_on_read": round(on_read, 1),
        "age_s_plain_ttl": round(plain, 1),
        "real_seconds": round(seconds, 1),
    }


def show(result: dict[str, Any]) -> None:
    """One column per catalogue size."""
    for name in result["rows"][0]:
        values = [row[name] for row in result["rows"]]
        print(f"{name:32}" + "".join(f"{value:>14.5f}" if 0 < value < 1 else f"{value:>14,}" for value in values))
    for row in result.get("cold", ()):
        print(
            f"{COLD_PRODUCTS} cold products after {COLD_S:.0f} s: "
            + ", ".join(f"{name} {value}" for name, value in row.items())
        )
    if "troubles" in result:
        troubles.show(result["troubles"])
