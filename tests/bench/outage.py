"""``python -m tests.bench outage``: healthy, then dead, slow, limited, garbled, unreadable and behind a gateway's 404s, and a person's
erasure; what shoppers get, warm and cold, and which calls it costs.

A real server and a stand-in Sumeru that is made to fail. Warm keys were read before; cold ones never. All phases
read the same warm keys, after their copies have run out, so every answer of a failing phase comes from a stale copy. Reviews are asked
for, and for every fifth request the bundles of the same product. There is no limit of calls here: their number is what was tried.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.server import running
from tests.bench import load, servers
from tests.bench.load import LOAD_CORE, SERVER_CORE, Request, pinned
from tests.faults.running_site import PLENTY, deliver, envelope, site

FAULTS: dict[str, dict[str, Any] | None] = {
    "healthy": None,
    "dead": {"kind": "reset"},
    "slow": {"kind": "latency", "seconds": 30},
    "429": {"kind": "429", "retry_after": 5},
    "garbage": {"kind": "malformed"},
    "gateway": {"kind": "html", "status": 404},
    "bundles": {"kind": "missing_fields", "endpoint": "bundles", "paths": ["data"]},
    "erasure": None,
}
"""In ``bundles`` one endpoint cannot be read; with ``erasure`` Sumeru tells of a stranger's."""
PAGE_BUDGET_S = 3.0
BACK_MOST_S = 45.0
WARM_KEYS = 50
_STALE = "from sumeru_proxy.reading import stamps; stamps.invalidate(%s, [stamps.EVERYTHING])"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", choices=["sqlite", "postgresql"], default="sqlite", help="our stores (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    if (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {LOAD_CORE})
    warm_reads, cold_reads = (1_500, 8) if options.quick else (6_000, 20)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(running(servers.catalogue(), limits=PLENTY))
        place = stack.enter_context(site(options.engine, folder, sandbox))
        web = place.web(processes=1, prefix=pinned(SERVER_CORE))
        made = [f"prd_{number}" for number in range(1, 300)]
        warm, cold = made[:WARM_KEYS], iter(made[WARM_KEYS:])

        def asked(product: str, number: int = 0) -> Request:
            widget = "bundles" if number % 5 == 4 else "reviews"
            return Request(f"/w/v1/{place.key}/{widget}.json?product_id={product}")

        load.each(web.port, [asked(product, number) for product in warm for number in (0, 4)])
        rows = []
        for phase, fault in FAULTS.items():
            # The copies must have something to be refreshed for: a stamp makes all of them stale.
            place.manage("shell", "-v", "0", "-c", _STALE % place.installation.shop["id"])
            sandbox.application.calls.forget()
            if fault is not None:
                sandbox.faults.add(fault)
            if phase == "erasure":
                stranger = {"customer_id": "cus_stranger", "email": "stranger@nowhere.example"}
                deliver(place, web, envelope("evt_erasure", "gdpr.completed", data=stranger))
            load.each(web.port, [asked(product) for product in warm])
            found, seconds = load.each(
                web.port, [asked(warm[number // 5 % len(warm)], number) for number in range(warm_reads)]
            )
            colds, _ = load.each(web.port, [asked(next(cold)) for _ in range(cold_reads)], threads=2)
            rows += [_row(phase, "warm", found, seconds), _row(phase, "cold", colds, 0.0)]
            rows[-1]["calls"] = dict(sorted(sandbox.calls()["endpoints"].items()))
            sandbox.faults.clear()
            rows[-1]["back_s"] = _back_s(web.port, asked(next(cold)))
        sandbox.faults.clear()
    healthy = next(row for row in rows if (row["phase"], row["keys"]) == ("healthy", "warm"))
    for each in rows:
        if each["keys"] == "warm":
            each["p99_to_healthy"] = round(each["p99_ms"] / healthy["p99_ms"], 2)
    return {"rows": rows, "page_budget_s": PAGE_BUDGET_S, "engine": options.engine}


def _back_s(port: int, request: Request) -> float:
    """Seconds until a page that was never read is whole, when Sumeru answers again."""
    began = time.monotonic()
    while load.each(port, [request], threads=1)[0][0].state != "ready" and time.monotonic() - began < BACK_MOST_S:
        time.sleep(0.25)
    return round(time.monotonic() - began, 1)


def _row(phase: str, keys: str, found: list[load.Timed], seconds: float) -> dict[str, Any]:
    took = [one.seconds * 1000 for one in found]
    return {
        "phase": phase,
        "keys": keys,
        "requests": len(found),
        "rps": round(len(found) / seconds) if seconds else None,
        "p50_ms": round(load.percentile(took, 0.5), 2),
        "p99_ms": round(load.percentile(took, 0.99), 2),
        "most_ms": round(max(took), 1),
        "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in found).items())},
        "states": dict(sorted(Counter(one.state for one in found).items())),
        "whole": round(sum(one.state in ("ready", "empty") for one in found) / len(found), 4),
    }


def show(result: dict[str, Any]) -> None:
    """A line for each phase and kind of key."""
    print(
        f"{'':16}{'requests':>9}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'most ms':>9}{'to healthy':>11}{'whole':>8}  statuses, states, calls"
    )
    for each in result["rows"]:
        ratio = each.get("p99_to_healthy", "")
        print(
            f"{each['phase']:9}{each['keys']:7}{each['requests']:>9}{each['rps'] or '':>8}{each['p50_ms']:>9}{each['p99_ms']:>9}"
            f"{each['most_ms']:>9}{ratio:>11}{each['whole']:>8}  {each['statuses']} {each['states']} {each.get('calls', '')}"
            + (f" whole again after {each['back_s']} s" if "back_s" in each else "")
        )
