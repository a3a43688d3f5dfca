"""``python -m tests.bench growth``: what becomes of speed, memory, upstream calls and misses as a site grows.

Four parts. ``answers``: one web process on a core of its own asked for ever more different answers, Zipf-distributed, after a warm-up that
outlasts an answer's life. ``traffic``: upstream calls as the same catalogue is read more often. ``products``: reads that
found no copy as the catalogue grows. These two run the real reader, limiter and refresher in simulated time (``budget``).
``processes``: several web processes that share PostgreSQL and Redis, on all cores, the load generator among them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.server import Sandbox, running
from tests.bench import load, servers
from tests.bench.load import LOAD_CORE, SERVER_CORE, Request, Run, pinned
from tests.bench.speed import UNTHROTTLED
from tests.faults.running_site import PLENTY, Site, Web, site
from tests.sumeru_proxy.installation import ROOT, wait_until

PARTS = ("answers", "traffic", "products", "processes")
PRODUCTS = 420
DEFAULT_BYTES, LARGE_BYTES = 64 * 2**20, 8 * 2**30
FILLED = 10_000
"""So many are asked for before a run; more could not be made within an answer's life, and belong to its steady state."""
LIFE_S = 60.0
"""An answer is made anew after this at the latest, so a run must be warmed up for longer."""
_ZIPF = """
local requests = {}
function init(args)
  for line in io.lines(os.getenv("BENCH_PATHS")) do requests[#requests + 1] = wrk.format("GET", line) end
  math.randomseed(1)
end
function request()
  -- The inverse of Zipf's distribution with exponent 1, nearly: P(i) = ln((i + 1) / i) / ln(n + 1).
  return requests[math.floor(math.exp(math.random() * math.log(#requests + 1)))] or requests[1]
end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default: all")
    parser.add_argument("--answers", type=int, nargs="+", help="different answers (default: 1 100 10000 100000)")
    parser.add_argument("--seconds", type=float, help="seconds of a measured run (default: 20, quick: 1)")
    parser.add_argument("--minutes", type=float, help="simulated minutes, and as many before (default: 20, quick: 1)")
    parser.add_argument("--products", type=int, nargs="+", help="catalogues (default: 200 2000 20000)")
    parser.add_argument("--reads", type=float, nargs="+", help="reads a second of traffic (default: 2 20 200)")
    parser.add_argument("--processes", type=int, nargs="+", help="web processes (default: 1 2 4)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    quick = options.quick
    seconds = options.seconds or (1.0 if quick else 20.0)
    minutes = options.minutes or (1.0 if quick else 20.0)
    sizes = options.answers or ([1, 100, 1_000] if quick else [1, 100, 10_000, 100_000])
    rows: list[dict[str, Any]] = []
    simulated: list[Callable[[], list[dict[str, Any]]]] = []
    if "traffic" in options.parts:
        reads = options.reads or ([0.5, 5.0, 50.0] if quick else [2.0, 20.0, 200.0])
        catalogue = 300 if quick else 2_000
        simulated += [lambda rate=rate: _simulated("traffic", catalogue, rate, minutes) for rate in reads]  # type: ignore[misc]
    if "products" in options.parts:
        for size in options.products or ([200, 2_000] if quick else [200, 2_000, 20_000]):
            simulated.append(
                lambda size=size: _simulated("products", size, 10.0 if quick else 20.0, minutes)  # type: ignore[misc]
            )
    with ThreadPoolExecutor(max(1, min(2, os.cpu_count() or 1))) as pool:  # in simulated time nothing disturbs
        rows += itertools.chain.from_iterable(pool.map(lambda each: each(), simulated))
    no_wrk = load.install("wrk", "wrk") if {"answers", "processes"} & set(options.parts) else ""
    if no_wrk:
        raise SystemExit(no_wrk)
    if (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {LOAD_CORE})
    if "answers" in options.parts:
        rows += _answers(sizes, seconds, quick)
    if "processes" in options.parts:
        rows += _processes(options.processes or ([2, 4] if quick else [1, 2, 4]), seconds)
    order = {part: place for place, part in enumerate(PARTS)}
    rows.sort(key=lambda row: order[row["part"]])
    return {"rows": rows, "cores": os.cpu_count(), "seconds": seconds, "simulated_minutes": minutes}


def _row(part: str, name: str, **figures: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("rps", "p50_ms", "p99_ms", "rss_bytes", "from_hot", "calls_per_minute", "misses", "answered_429")
    )
    return {"part": part, "name": name, **empty, **figures}


# -- in simulated time


def _simulated(part: str, products: int, reads_per_second: float, minutes: float) -> list[dict[str, Any]]:
    """A run of ``budget`` in a process of its own: it replaces the clock."""
    command = [sys.executable, "-m", "tests.bench", "budget", "--json", "--rows-only", "--products", str(products)]
    command += ["--minutes", str(minutes), "--warm-up", str(minutes), "--reads-per-second", str(reads_per_second)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    row = json.loads(done.stdout)["rows"][0]
    name = f"{products:,} products, {reads_per_second:g} reads/s"
    return [
        _row(
            part,
            name,
            calls_per_minute=row["calls_per_minute_mean"],
            calls_per_minute_most=row["calls_per_minute_most_sliding"],
            misses=round(row["fetched_for_the_page"] + row["pending"], 5),
            answered_429=row["answered_429"],
            age_s=row["age_s"],
        )
    ]


# -- real servers


def paths(key: str, count: int) -> list[str]:
    """Addresses of as many different answers: products first, then their sorts, filters and page sizes. One read of Sumeru serves all
    answers about a product."""
    variants = itertools.product(range(10, 0, -1), ["", 5, 4, 3, 2, 1], ["newest", "highest", "lowest", "helpful"])
    made = (
        f"/w/v1/{key}/reviews.html?product_id=prd_{number}&limit={limit}&rating={rating}&sort={sort}"
        for limit, rating, sort in variants
        for number in range(1, PRODUCTS + 1)
    )
    return list(itertools.islice(made, count))


def _zipf(web: Web, folder: Path, asked: Sequence[str], seconds: float) -> Run:
    """wrk with Zipf-distributed addresses."""
    listed = folder / "paths.txt"
    listed.write_text("\n".join(asked) + "\n")
    os.environ["BENCH_PATHS"] = str(listed)
    return load.wrk(f"http://127.0.0.1:{web.port}/", seconds, folder, lua=_ZIPF)


def hot_counts(metrics: str) -> tuple[float, float]:
    """Hits and misses of finished answers, of ``/metrics``."""
    hits, misses = (re.search(rf"^sumeru_hot_{name}_total (\S+)", metrics, re.M) for name in ("hits", "misses"))
    assert hits is not None
    assert misses is not None
    return float(hits[1]), float(misses[1])


def _answers(sizes: Sequence[int], seconds: float, quick: bool) -> list[dict[str, Any]]:
    rows = []
    web: Web | None = None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(running(servers.catalogue(PRODUCTS), limits=PLENTY))
        place = stack.enter_context(site("sqlite", folder, sandbox, **UNTHROTTLED))
        for size in sizes:
            # What the default holds: some thousands of answers. Beyond it, beside it, what memory for all of them would give.
            for limit in (DEFAULT_BYTES, LARGE_BYTES) if size >= 10_000 else (DEFAULT_BYTES,):
                if web is None or size >= 10_000:
                    if web is not None:
                        web.kill()
                    web = place.web(processes=1, prefix=pinned(SERVER_CORE), SUMERU_HOT_BYTES=str(limit))
                asked = paths(place.key, size)
                # Every answer is made once, the most popular last: no run begins with what a flood of first reads would cost.
                load.each(web.port, [Request(path) for path in reversed(asked[:FILLED])], threads=4)
                _zipf(web, folder, asked, 1.0 if quick else LIFE_S + 15 if size > 100 else 3.0)
                before = hot_counts(web.get("/metrics").body.decode())
                figures = _zipf(web, folder, asked, seconds)
                after = hot_counts(web.get("/metrics").body.decode())
                hits, misses = after[0] - before[0], after[1] - before[1]
                name = f"{size:,} answers, {limit // 2**20:,} MiB for them"
                rows.append(_figures("answers", name, web, figures, from_hot=round(hits / max(1.0, hits + misses), 5)))
    return rows


def _figures(part: str, name: str, web: Web, figures: Run, **more: Any) -> dict[str, Any]:
    resident = max(servers.rss_bytes(pid) for pid in web.workers())
    return _row(
        part,
        name,
        rps=round(figures.rps, 1),
        p50_ms=round(figures.p50_ms, 3),
        p99_ms=round(figures.p99_ms, 3),
        rss_bytes=resident,
        bad=figures.bad,
        **more,
    )


def _processes(counts: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Requests per second, and the calls that the change of all of a hundred products costs: one for each, whoever asks."""
    rows = []
    every = pinned(SERVER_CORE) and ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(running(servers.catalogue(PRODUCTS), limits=PLENTY, edge=False))
        more = {**stack.enter_context(servers.stores("postgresql")), **UNTHROTTLED}
        place = stack.enter_context(site("postgresql", folder, sandbox, **more))
        asked = paths(place.key, 100)
        for count in counts:
            web = place.web(processes=count, prefix=every)
            for path in asked:
                assert web.get(path).status == 200, path
            _zipf(web, folder, asked, 1.0)
            calls, took_s = _after_a_change(place, web, sandbox, asked)
            rows.append(
                _figures(
                    "processes",
                    f"{count} web processes, 100 answers",
                    web,
                    _zipf(web, folder, asked, seconds),
                    calls_per_change=dict(calls),
                    change_s=round(took_s, 1),
                )
            )
            web.kill()
    return rows


def _after_a_change(place: Site, web: Web, sandbox: Sandbox, asked: Sequence[str]) -> tuple[dict[str, int], float]:
    """Upstream calls from a change of everything until every process gives fresh answers again, and the seconds that took: 60 are the
    most, after which copies run out anyhow."""
    place.manage("invalidate", place.key, "everything")
    sandbox.control.forget_calls()
    began = time.monotonic()
    # Connections are spread over the processes: each is asked for everything with near certainty in one of several rounds.
    wait_until(lambda: _all_fresh(web, asked), 60)
    return dict(sandbox.calls()["endpoints"]), time.monotonic() - began


def _all_fresh(web: Web, asked: Sequence[str]) -> bool:
    # All are asked before any is judged: what is asked for again is what is refreshed.
    found = [web.get(path.replace(".html", ".json")).json()["fresh"] for path in (*asked, *asked)]
    return all(found)


_LISTED = {
    "rps": ("req/s", ",.0f"),
    "p50_ms": ("p50 ms", ",.2f"),
    "p99_ms": ("p99 ms", ",.2f"),
    "rss_bytes": ("RSS MiB", ",.0f"),
    "from_hot": ("from hot", ".1%"),
    "calls_per_minute": ("calls/min", ",.1f"),
    "misses": ("no copy", ".2%"),
    "answered_429": ("429s", ",d"),
}


def show(result: dict[str, Any]) -> None:
    """One table; a figure that a part does not have is left out."""
    print(f"{'':46}" + "".join(f"{title:>11}" for title, _ in _LISTED.values()))
    for each in result["rows"]:
        line = ""
        for name, (_, form) in _LISTED.items():
            value = each[name]
            value = value / 2**20 if name == "rss_bytes" and value else value
            line += f"{'–' if value is None else format(value, form):>11}"
        notes = []
        if "calls_per_change" in each:
            calls = ", ".join(f"{count} {name}" for name, count in each["calls_per_change"].items())
            notes.append(f"calls for a change of all 100: {calls}; fresh after {each['change_s']} s")
        if "calls_per_minute_most" in each:
            notes.append(f"most in a minute {each['calls_per_minute_most']}, mean age {each['age_s']} s")
        if each.get("bad"):
            notes.append(f"{each['bad']} bad answers")
        print(f"{each['part']:11}{each['name']:35}{line}  {'; '.join(notes)}")
    print(f"\n{result['cores']} cores; with several web processes the load generator takes its part of them")
