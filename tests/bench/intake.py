"""``python -m tests.bench intake``: how long the widgets' intake takes while a back-fill runs, against the same server without it.

Shoppers' events, Sumeru's webhooks and a widget are asked for in turn. One worker back-fills orders into accounting files at the Starter
plan's pace; it is stopped and let go on (signals) in alternating rounds, so both figures come from the same processes, stores and minutes.
What is judged is the median of the rounds' ratios of p99, and only on a machine that has nothing else to do; CPU of the server's
processes per request says the same with less noise.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

from sumeru_proxy.sandbox.server import Sandbox
from tests.bench.backfill import STARTER_PER_MINUTE, stand_in
from tests.faults.running_site import ORIGIN, Site, Web, ask, deliver, descendants, envelope, site

LIMIT = 1.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite", help="our stores")
    parser.add_argument("--rounds", type=int, default=0, help="each without and with (default: 20; quick: 6)")
    parser.add_argument(
        "--nice", type=int, default=10, help="the worker's, as the docs advise on one machine (default: 10)"
    )
    parser.add_argument("--requests", type=int, default=300, help="of each kind in a round (default: %(default)s)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """p50 and p99 of each kind, both ways, and the median ratio of the rounds."""
    rounds = options.rounds or (6 if options.quick else 20)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = cast(Sandbox, SimpleNamespace(url=stack.enter_context(stand_in(20_000))))
        only = "sumeru_proxy.consumers.order_sync"
        place = stack.enter_context(site(options.engine, folder, upstream, SUMERU_CONSUMERS=only, TEST_CONSUMERS=only))
        place.manage("migrate", "--verbosity", "0")
        pace = f"from sumeru_proxy.models import Shop; Shop.objects.update(limits={{'admin': {STARTER_PER_MINUTE}}})"
        place.manage("shell", "-v", "0", "-c", pace)
        (folder / "books").mkdir()
        where = json.dumps({"folder": str(folder / "books")})
        place.manage("order_sync", "add", place.key, "files", "--name", "books", "--options", where)
        place.manage("order_sync", "start", place.key, "--at", "2000-01-01T00:00:00+00:00")
        web = place.web(processes=1)
        place.manage("ranges", place.key, "order_sync:backfill", "--start", "--since", "2000-01-01T00:00:00+00:00")
        worker = place.work("--threads", 1, "--lease-s", 600)
        os.setpriority(os.PRIO_PROCESS, worker.pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + options.nice))
        names = ("events", "webhook", "widget")
        taken: dict[bool, dict[str, list[list[float]]]] = {each: {name: [] for name in names} for each in (False, True)}
        cpu: dict[bool, list[float]] = {False: [], True: []}
        orders = 0
        for number in range(-1, rounds):
            for busy in (False, True) if number % 2 else (True, False):
                os.kill(worker.pid, signal.SIGCONT if busy else signal.SIGSTOP)
                before, count = _cpu_s(web), place.count("order_sync_link")
                found = _round(place, web, options.requests, f"{number}-{busy}")
                if number < 0:
                    continue  # to warm up
                cpu[busy].append((_cpu_s(web) - before) / options.requests / len(names) * 1000)
                orders += place.count("order_sync_link") - count if busy else 0
                for name in names:
                    taken[busy][name].append(sorted(found[name]))
        os.kill(worker.pid, signal.SIGCONT)
        return {
            "engine": options.engine,
            "nice": options.nice,
            "rounds": rounds,
            "back_filled": orders,
            **_figures(taken, cpu),
        }


def _round(place: Site, web: Web, requests: int, mark: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"events": [], "webhook": [], "widget": []}
    for number in range(requests):
        event = {
            "id": f"e-{mark}-{number}", "type": "page_view", "occurred_at": datetime.now(UTC).isoformat(), "consent": "granted",
            "url": "https://shop.example/p", "properties": {},
        }  # fmt: skip
        headers = {
            "Content-Type": "application/json",
            "Origin": ORIGIN,
            "X-Forwarded-For": f"10.1.{number >> 8}.{number & 255}",
        }
        body = json.dumps({"events": [event]}).encode()
        answers = {
            "events": ask(web.port, f"/w/v1/{place.key}/events", method="POST", body=body, headers=headers),
            "webhook": deliver(place, web, envelope(f"evt_{mark}_{number}", "campaign.launched", data={})),
            "widget": web.get(f"/w/v1/{place.key}/rating_badge.json?product_id=prd_1"),
        }
        for name, answer in answers.items():
            assert answer.status in (200, 202, 204), (name, answer.status, answer.body[:300])
            found[name].append(answer.seconds * 1000)
    return found


def _cpu_s(web: Web) -> float:
    total = 0
    for pid in (web.process.pid, *descendants(web.process.pid)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _figures(taken: dict[bool, dict[str, list[list[float]]]], cpu: dict[bool, list[float]]) -> dict[str, Any]:
    def at(times: list[float], share: float) -> float:
        return times[min(len(times) - 1, int(len(times) * share))]

    rows = {}
    for name in taken[False]:
        pairs = list(zip(taken[False][name], taken[True][name], strict=True))
        both = [[sorted(each for times in taken[busy][name] for each in times)] for busy in (False, True)]
        rows[name] = {
            "p50_ms": [round(at(each[0], 0.5), 2) for each in both],
            "p99_ms": [round(at(each[0], 0.99), 2) for each in both],
            "p99_ratio": round(median(at(busy, 0.99) / at(free, 0.99) for free, busy in pairs), 2),
            "p50_ratio": round(median(at(busy, 0.5) / at(free, 0.5) for free, busy in pairs), 2),
        }
    cpu_ms = [round(median(cpu[busy]), 3) for busy in (False, True)]
    return {"rows": rows, "cpu_ms_per_request": cpu_ms, "cpu_ratio": round(cpu_ms[1] / cpu_ms[0], 2)}


def failed(result: dict[str, Any]) -> bool:
    """Whether the intake is slower by more than it may be, or nothing was back-filled meanwhile."""
    return not result["back_filled"] or any(row["p99_ratio"] > LIMIT for row in result["rows"].values())


def show(result: dict[str, Any]) -> None:
    """A table."""
    print(f"{'':10}{'p50 ms':>16}{'p99 ms':>18}{'p50 ratio':>11}{'p99 ratio':>11}")
    for name, row in result["rows"].items():
        p50, p99 = ("{:8.2f}{:8.2f}".format(*row[each]) for each in ("p50_ms", "p99_ms"))
        print(f"{name:10}{p50}{p99:>18}{row['p50_ratio']:11.2f}{row['p99_ratio']:11.2f}")
    print(
        f"{result['back_filled']} orders back-filled in {result['rounds']} rounds; CPU per request {result['cpu_ms_per_request']} ms"
    )
    print("FAILED" if failed(result) else "as it must be")
