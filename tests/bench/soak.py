"""``python -m tests.bench soak``: a site under mixed load for minutes while Sumeru fails at random; what grew, was wrong or got lost.

Web processes and a worker run as in production, beside a stand-in Sumeru that holds its published limits and whose faults
are switched by a seeded generator. Every answer is held against what its shop and product must say. The exit code is 1 when
something grew between the second quarter and the last one, an answer was wrong, a write was lost or doubled, or Sumeru refused a call for
our own pace.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.limits import DEFAULT_LIMITS
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.bench import load, servers, soak_watch
from tests.bench.soak_load import Load, Shop, catalogue
from tests.bench.soak_watch import Sample
from tests.faults.running_site import Site, Web, site
from tests.sumeru_proxy.installation import ROOT, SECRET, wait_until

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "hang"},
    {"kind": "429", "retry_after": 2},
    {"kind": "status", "status": 500},
    {"kind": "malformed"},
    {"kind": "reset"},
    {"kind": "latency", "seconds": 1.5},
    {"kind": "lose_answer"},
    {"kind": "html"},
)
_MORE_SHOPS = """
from sumeru_proxy import secrets
from sumeru_proxy.models import Shop
Shop.objects.update(limits={})
for domain, public_key, secret in %r:
    first = Shop.objects.order_by("pk").first()
    shop = Shop.objects.create(name=domain, domain=domain, api_url=first.api_url, storefront_url="https://shop.example/")
    secrets.store(shop, "public_key", public_key)
    secrets.store(shop, "webhook_secret", secret)
    print("key=" + shop.key)
"""
_HOT_BYTES = 4 * 1024 * 1024
"""Small, so that finished answers have reached their bound before the second quarter begins."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="minutes under load (default: 20, quick: 0.4)")
    parser.add_argument(
        "--embedded", action="store_true", help="SQLite, one web process (default: PostgreSQL and Redis, two)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of faults and load (default: %(default)s)")
    parser.add_argument("--readers", type=int, default=6, help="shoppers at a time (default: %(default)s)")
    parser.add_argument(
        "--submissions-per-minute", type=float, default=10.0, help="reviews sent (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    minutes = options.minutes or (0.4 if options.quick else 20.0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = catalogue()
        # Without the edge every read costs, so that the calls counted here are those that were made.
        sandbox = stack.enter_context(running(made, edge=False, seed=options.seed))
        engine = "sqlite" if options.embedded else "postgresql"
        more = {**stack.enter_context(servers.stores(engine)), "SUMERU_HOT_BYTES": str(_HOT_BYTES)}
        place = stack.enter_context(site(engine, folder, sandbox, **more))
        shops = _shops(place, made)
        web = place.web(processes=1 if options.embedded else 2)
        worker = _worker(place)
        heavy = Load(web.port, shops, options.seed, options.submissions_per_minute)
        pace = Pace(sandbox)
        began = time.monotonic()
        heavy.start(options.readers)
        try:
            samples, faults = _run(place, web, worker, sandbox, heavy, options.seed, minutes * 60, pace)
        finally:
            heavy.stop()
        sandbox.faults.clear()
        drained_s = _drain(place)
        pace.look()
        seconds = time.monotonic() - began
        return _result(options, place, sandbox, heavy, samples, faults, pace, drained_s, seconds)


def _shops(place: Site, made: dict[str, Any]) -> list[Shop]:
    """The site's first shop and two more, each with its own credentials and Sumeru's published limits."""
    secrets = [SECRET, *("wsec_" + letter * 32 for letter in "mn")]
    more = [
        (shop["domain"], shop["public_key"], secret)
        for shop, secret in zip(made["shops"][1:], secrets[1:], strict=True)
    ]
    said = place.manage("shell", "-v", "0", "-c", _MORE_SHOPS % more)
    keys = [place.key, *(line.removeprefix("key=") for line in said.split() if line.startswith("key="))]
    return [
        Shop(number, key, shop["domain"], secret)
        for number, (key, shop, secret) in enumerate(zip(keys, made["shops"], secrets, strict=True))
    ]


def _worker(place: Site) -> subprocess.Popen[bytes]:
    """``manage.py work`` as it is in production, but for waits that a run of minutes can see end."""
    with (place.folder / "worker.log").open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--longest-s", "10"],
            cwd=ROOT,
            env=place.environment,
            stdout=file,
            stderr=file,
        )
    place.workers.append(process)
    return process


class Pace:
    """How Sumeru was asked: refusals that no fault made. Looked at often enough that none of the latest calls is missed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seen_at = 0.0
        self.calls = 0
        self.refused: Counter[str] = Counter()

    def look(self) -> None:
        """Count what came since the last look."""
        for call in self._sandbox.calls(2_000).get("recent", []):
            if call["at"] <= self._seen_at:
                continue
            self._seen_at = call["at"]
            self.calls += 1
            if call["status"] == 429 and "429" not in call["faults"]:
                self.refused[call["surface"]] += 1


def _run(
    place: Site,
    web: Web,
    worker: subprocess.Popen[bytes],
    sandbox: Sandbox,
    heavy: Load,
    seed: int,
    seconds: float,
    pace: Pace,
) -> tuple[list[Sample], Counter[str]]:
    """Samples, faults and changes of stamps, until the time is over."""
    draw, faults, samples = random.Random(seed), Counter[str](), list[Sample]()
    pids = {"web parent": web.process.pid, "worker": worker.pid}
    pids |= {f"web {number}": pid for number, pid in enumerate(sorted(web.workers()), 1)}
    now = time.monotonic()
    end, every_s = now + seconds, min(30.0, seconds / 12)
    sample_at, fault_at, stamp_at = now + every_s, now + seconds / 40, now + min(20.0, seconds / 4)
    while (now := time.monotonic()) < end and not heavy.failed:
        if now >= sample_at:
            sample = {name: soak_watch.process_figures(pid) for name, pid in pids.items()}
            sample |= soak_watch.store_figures(place.environment["DATABASE_URL"], place.environment["CACHE_URL"])
            samples.append(sample)
            sample_at += every_s
        if now >= fault_at:
            sandbox.faults.clear()
            for fault in draw.sample(FAULTS, draw.choice([0, 0, 1, 1, 2])):
                faults[fault["kind"]] += 1
                sandbox.faults.add({**fault, "probability": draw.choice([0.3, 0.7, 1.0])})
            fault_at = now + draw.uniform(3.0, 12.0) * min(1.0, seconds / 60)
        if now >= stamp_at:
            place.manage("invalidate", draw.choice(heavy.shops).key, draw.choice(["everything", "reviews"]))
            stamp_at = now + min(20.0, seconds / 4)
        pace.look()
        time.sleep(0.1)  # the pace of looking, and nothing is awaited by it
    return samples, faults


def _drain(place: Site) -> float | None:
    """Seconds until nothing is owed any more, None when that did not come within five minutes."""
    began = time.monotonic()
    drained = wait_until(lambda: place.count("sumeru_proxy_job", "state NOT IN ('done', 'parked')") == 0, 300, 0.5)
    return time.monotonic() - began if drained else None


def _result(
    options: argparse.Namespace,
    place: Site,
    sandbox: Sandbox,
    heavy: Load,
    samples: list[Sample],
    faults: Counter[str],
    pace: Pace,
    drained_s: float | None,
    seconds: float,
) -> dict[str, Any]:
    seen, found = heavy.seen, soak_watch.changes(samples)
    delivered = {entry["idempotency_key"]: entry["applied"] for entry in sandbox.control.writes()["reviews"]}
    titles = Counter(
        each["title"]
        for shop in sandbox.world.shops.values()
        for each in shop.reviews.values()
        if each["title"].startswith("Review ")
    )
    lost = sorted(set(seen.accepted) - set(delivered))
    doubled = sorted(
        {key for key, applied in delivered.items() if applied != 1} | {t for t, n in titles.items() if n > 1}
    )
    events = place.count("sumeru_proxy_inboundevent", "event_id LIKE 'evt_soak_%'")
    took_ms = [each * 1000 for each in seen.took_s]
    broken = {name: n for name, n in seen.statuses.items() if int(name.split()[-1]) >= 500 or name.endswith(" 0")}
    problems = [f"{each.what}: {each.figure} {each.why}" for each in found if each.why]
    problems += [f"{len(seen.wrong)} wrong answers"] if seen.wrong else []
    problems += [f"{len(lost)} submissions lost"] if lost else []
    problems += [f"{len(doubled)} submissions doubled"] if doubled else []
    problems += [f"{events} events kept of {len(seen.events)} taken"] if events < len(seen.events) else []
    problems += ["what is owed was not delivered"] if drained_s is None else []
    problems += [f"refused for our own pace: {dict(pace.refused)}"] if pace.refused else []
    problems += [f"answers of 500 and above, or none: {broken}"] if broken else []
    problems += ["a traceback in the logs"] if "Traceback" in place.logs() else []
    return {
        "engine": place.engine,
        "seconds": round(seconds, 1),
        "seed": options.seed,
        "requests": sum(seen.statuses.values()),
        "p50_ms": round(load.percentile(took_ms, 0.5), 2),
        "p99_ms": round(load.percentile(took_ms, 0.99), 2),
        "checked": seen.checked,
        "wrong": len(seen.wrong),
        "wrong_first": seen.wrong[:10],
        "statuses": dict(sorted(seen.statuses.items())),
        "states": dict(sorted(seen.states.items())),
        "faults": dict(sorted(faults.items())),
        "submissions": {
            "accepted": len(seen.accepted),
            "delivered": len(set(seen.accepted) & set(delivered)),
            "lost": len(lost),
            "doubled": len(doubled),
            "drained_s": None if drained_s is None else round(drained_s, 1),
        },
        "webhooks": {"taken": len(seen.events), "kept": events},
        "upstream": {
            "calls": pace.calls,
            "busiest_minute": sandbox.calls()["busiest_minute"],
            "limits": {
                "public_reads": DEFAULT_LIMITS["public_reads_per_ip"],
                "writes": DEFAULT_LIMITS["writes_per_ip"],
            },
            "refused_for_our_pace": pace.refused.total(),
        },
        "samples": len(samples),
        "rows": soak_watch.shown(found),
        "problems": problems,
    }


def show(result: dict[str, Any]) -> None:
    """What grew, then what was answered, written and asked."""
    print(f"{'':14}{'':14}{'first':>14}{'second':>14}{'last':>14}{'growth':>9}")
    for each in result["rows"]:
        values = "".join(f"{_read(each['figure'], each[part]):>14}" for part in ("first", "second", "last"))
        print(f"{each['what']:14}{each['figure']:14}{values}{each['growth']:>9.1%}  {each['why']}")
    print(
        f"\n{result['requests']:,} requests in {result['seconds']:,.0f} s ({result['engine']}), p50 {result['p50_ms']} ms, "
        f"p99 {result['p99_ms']} ms; {result['checked']:,} answers checked, {result['wrong']} wrong {result['wrong_first'] or ''}"
    )
    for name in ("statuses", "states", "faults", "submissions", "webhooks", "upstream"):
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in result[name].items()))
    print("problems: " + ("; ".join(result["problems"]) or "none"))


def _read(figure: str, value: float) -> str:
    return f"{value / 2**20:,.1f} MiB" if figure in ("rss", "bytes") else f"{value:,.0f}"


def failed(result: dict[str, Any]) -> bool:
    """Whether the command ends with exit code 1."""
    return bool(result["problems"])
