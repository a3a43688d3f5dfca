"""``python -m tests.bench fairness``: how long shoppers wait for a page while strangers ask for anything, in simulated time.

Two shops behind one address of 100 reads a minute, 2,000 products each, their catalogues walked. Strangers ask one of them, from 1, 10 or
100 networks, for ids that do not exist or for one real product after another. Every few seconds a shopper from a network of their own opens
a page that nobody has seen, of either shop, and one that everybody knows. Client brakes are left out: they would refuse most strangers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

from tests.bench.budget import prepare
from tests.bench.fair_world import FairWorld, quantiles
from tests.bench.simulated import LIMIT_PER_MINUTE, Clock

PRODUCTS = 2_000
EVERY_S = 6.0
LEAD_S = 60.0
KINDS = ("warm", "cold, other shop", "cold, same shop")
GOALS = {"warm": 1.1, "cold, other shop": 2.0, "cold, same shop": 4.0}
WASTED_MOST = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="simulated seconds of each row (default: 600, quick: 240)")
    parser.add_argument(
        "--networks", type=int, nargs="+", help="from how many networks strangers ask (default: 1 10 100)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    seconds = options.seconds or (240.0 if options.quick else 600.0)
    networks = options.networks or ([1, 100] if options.quick else [1, 10, 100])
    clock = Clock()
    clock.install()
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        rows = [simulate(clock, "nobody", 1, 0.0, 1, seconds)]
        for kind in ("unknown ids", "real ids"):
            for count in networks:
                for per_second, ids in ((3.0, 10), (50.0, 1)):
                    rows.append(simulate(clock, kind, count, per_second, ids, seconds))
    return {"limit_per_minute": LIMIT_PER_MINUTE, "seconds": seconds, "rows": rows}


def simulate(clock: Clock, kind: str, networks: int, per_second: float, ids: int, seconds: float) -> dict[str, Any]:
    """One row: ``ids`` a request, ``per_second`` requests, from so many networks."""
    began = time.perf_counter()
    world = FairWorld(clock, 2, PRODUCTS)
    for number in range(3):
        world.shopper("", 1, f"prd_{number}", f"early {number}", clock.now + 2.0 * number)
        world.shopper("", 0, f"prd_{number}", f"early {number}", clock.now + 2.0 * number)
    world.run(clock.now + 20.0)
    start, calls = clock.now, world.upstream.calls
    name = "nope" if kind == "unknown ids" else "prd"
    if per_second:

        def asked(number: int) -> list[str]:
            return [f"{name}_{(100 + number * ids + each) % (PRODUCTS - 300)}" for each in range(ids)]

        world.strangers(0, networks, per_second, asked, start + seconds)
    for number in range(int((seconds - LEAD_S) / EVERY_S)):
        at = start + LEAD_S + number * EVERY_S
        world.shopper("warm", 0, "prd_1", f"visitor {number}", at)
        world.shopper("cold, other shop", 1, f"prd_{PRODUCTS - 1 - number}", f"visitor {number}", at + EVERY_S / 3)
        world.shopper("cold, same shop", 0, f"prd_{PRODUCTS - 1 - number}", f"visitor {number}", at + 2 * EVERY_S / 3)
    world.run(start + seconds + 30.0)
    opened = int((seconds - LEAD_S) / EVERY_S)
    upstream = world.upstream
    made = max(1, upstream.calls - calls)
    return {
        "strangers": kind,
        "networks": networks,
        "requests_per_second": per_second,
        "ids_per_request": ids,
        "pages": {each: quantiles(world.waits[each], opened - len(world.waits[each])) for each in KINDS},
        "calls": made,
        "calls_for_unknown": upstream.by_kind["unknown"],
        "calls_of_the_feed": upstream.by_kind["feed"],
        "most_in_a_minute": upstream.most_sliding,
        "answered_429": upstream.refused,
        "real_seconds": round(time.perf_counter() - began, 1),
    }


def failed(result: dict[str, Any]) -> bool:
    """Whether somebody waited longer than promised, calls were wasted, or the limit was passed."""
    quiet, *rows = result["rows"]
    return any(
        row["answered_429"]
        or row["most_in_a_minute"] > LIMIT_PER_MINUTE
        or row["calls_for_unknown"] > WASTED_MOST * row["calls"]
        or any(
            row["pages"][kind][which] > goal * quiet["pages"][kind][which]
            for kind, goal in GOALS.items()
            for which in ("median_s", "p95_s")
        )
        for row in rows
    )


def show(result: dict[str, Any]) -> None:
    """One line per row: seconds until a page is there, as median / 95th percentile."""
    print(
        f"{'strangers ask for':18}{'networks':>9}{'ids/s':>7}"
        + "".join(f"{kind:>20}" for kind in KINDS)
        + f"{'calls':>7}{'unknown':>9}{'most/min':>9}"
    )
    for row in result["rows"]:
        pages = "".join(f"{each['median_s']:>11.3f} /{each['p95_s']:>7.3f}" for each in row["pages"].values())
        rate = row["requests_per_second"] * row["ids_per_request"]
        print(
            f"{row['strangers']:18}{row['networks']:>9}{rate:>7.0f}{pages}{row['calls']:>7}{row['calls_for_unknown']:>9}{row['most_in_a_minute']:>9}"
        )
