"""``python -m tests.bench speed``: requests per second and latency beside the comparators, all in one run.

Every server stays on one core, the load generator (and the stand-in Sumeru) on the other. Runs are interleaved: each round visits every
subject once, so that what else happens on the machine hits all of them. A row's ``ratio_to_bare`` is to bare WSGI answering as
many bytes under the same server; that of a miss is to a bare Django view.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sumeru_proxy.sandbox.server import running
from sumeru_proxy.webhooks import signature
from tests.bench import load, servers
from tests.bench.load import LOAD_CORE, SERVER_CORE, Request, Run, pinned, row
from tests.faults.running_site import PLENTY, SECRET, Site, Web, envelope, open_forms, review, site
from tests.sumeru_proxy.installation import ROOT

HOT_PRODUCT = "prd_1"
LISTED = ("rps", "rps_min", "rps_max", "p50_ms", "p99_ms", "ratio_to_bare")
UNTHROTTLED = {"CLIENT_READS_PER_MINUTE": str(10**12)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", choices=["sqlite", "postgresql"], default="sqlite", help="our stores (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, help="runs of each row (default: 5, quick: 2)")
    parser.add_argument("--seconds", type=int, help="seconds of one run (default: 3, quick: 1)")


@dataclass(frozen=True, slots=True)
class Subject:
    """One row under load: an address, and the row that it is compared with."""

    name: str
    url: str
    bare: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    why_not: str = ""


def run(options: argparse.Namespace) -> dict[str, Any]:
    rounds, seconds = options.rounds or (2 if options.quick else 5), options.seconds or (1 if options.quick else 3)
    no_wrk, no_nginx = load.install("wrk", "wrk"), load.install("nginx", "nginx-light")
    if (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {LOAD_CORE})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(running(servers.catalogue(), limits=PLENTY))
        place = stack.enter_context(site(options.engine, folder, sandbox, **UNTHROTTLED))
        prefix = pinned(SERVER_CORE)
        began = time.perf_counter()
        web = place.web(processes=1, prefix=prefix)
        start_s = {"ours": time.perf_counter() - began}
        cold_web = place.web(processes=1, prefix=prefix, SUMERU_HOT_BYTES="0")
        paths = _paths(place.key)
        bodies = folder / "bodies"
        bodies.mkdir()
        for name, path in paths.items():
            _warm(cold_web, path)
            (bodies / name).write_bytes(_warm(web, path))
        hello = place.web(processes=1, prefix=prefix, target="tests.bench.hello:application", BENCH_BODIES=str(bodies))
        django = place.web(
            processes=1, prefix=prefix, target="tests.bench.bare_django:application", BENCH_BODIES=str(bodies)
        )
        nginx = servers.Server("nginx", why_not=no_nginx) if no_nginx else servers.nginx(folder, bodies, web.port)
        stack.callback(nginx.stop)
        node = servers.node(folder, bodies / "fragment")
        stack.callback(node.stop)
        static = f"http://127.0.0.1:{nginx.ports.get('static', hello.port) if nginx.ports else hello.port}/fragment"
        next_js = servers.next_js(folder, static, quick=options.quick)
        stack.callback(next_js.stop)
        subjects = list(_subjects(paths, web, cold_web, hello, django, nginx, node, next_js))
        runs: dict[str, list[Run]] = defaultdict(list)
        for turn in range(rounds + 1):
            for subject in subjects:
                if no_wrk or subject.why_not:
                    continue
                figures = load.wrk(subject.url, 1 if not turn else seconds, folder, dict(subject.headers))
                if turn or (options.quick and rounds == 1):  # the first round warms up
                    runs[subject.name].append(figures)
            if options.quick and not turn and rounds == 1:
                break
        rows = []
        for subject in subjects:
            bare = runs.get(subject.bare)
            against = row("", bare)["rps"] if bare else None
            rows.append(row(subject.name, runs[subject.name], against, subject.why_not or no_wrk))
        rows += _rendering(place, 100 if options.quick else 500)
        rows += _single(place, web, rounds, options.quick)
        memory = {
            "ours": web.rss_bytes(),
            "ours without the hot path": cold_web.rss_bytes(),
            "bare WSGI": hello.rss_bytes(),
        }
        for server in (nginx, node, next_js):
            if server.process is not None:
                memory[server.name], start_s[server.name] = server.rss_bytes(), server.start_s
        return {
            "rows": rows,
            "rss_bytes": memory,
            "start_s": {name: round(value, 2) for name, value in start_s.items()},
            "body_bytes": {path.name: path.stat().st_size for path in sorted(bodies.iterdir())},
            "rounds": rounds,
            "seconds": seconds,
            "engine": options.engine,
        }


def _paths(key: str) -> dict[str, str]:
    badges = [f"w={quote(f'rating_badge?product_id=prd_{number}', safe='')}" for number in range(1, 11)]
    return {
        "fragment": f"/w/v1/{key}/reviews.html?product_id={HOT_PRODUCT}",
        "json": f"/w/v1/{key}/reviews.json?product_id={HOT_PRODUCT}",
        "batch": f"/w/v1/{key}/batch?{'&'.join(badges)}",
        "badge": f"/w/v1/{key}/rating_badge.html?product_id={HOT_PRODUCT}",
    }


def _warm(web: Web, path: str) -> bytes:
    for _ in range(3):
        reply = web.get(path)
    assert reply.status == 200, (path, reply.status, reply.body[:200])
    assert "no-store" not in reply.headers.get("cache-control", ""), path
    return reply.body


def _subjects(
    paths: dict[str, str],
    web: Web,
    cold_web: Web,
    hello: Web,
    django: Web,
    nginx: servers.Server,
    node: servers.Server,
    next_js: servers.Server,
) -> Iterator[Subject]:
    def at(port: int, path: str) -> str:
        return f"http://127.0.0.1:{port}{path}"

    for name in paths:
        yield Subject(f"bare WSGI, {name}'s bytes", at(hello.port, f"/{name}"))
    for name, path in paths.items():
        shown = {"fragment": "cached fragment", "json": "cached JSON", "batch": "batch of 10", "badge": "badge"}[name]
        yield Subject(shown, at(web.port, path), f"bare WSGI, {name}'s bytes")
    etag = web.get(paths["fragment"]).headers["etag"]
    yield Subject("304", at(web.port, paths["fragment"]), "bare WSGI, fragment's bytes", (("If-None-Match", etag),))
    yield Subject(
        "nginx, static file",
        at(nginx.ports.get("static", 0), "/fragment"),
        "bare WSGI, fragment's bytes",
        (),
        nginx.why_not,
    )
    yield Subject(
        "nginx proxy_cache in front of us",
        at(nginx.ports.get("cached", 0), paths["fragment"]),
        "bare WSGI, fragment's bytes",
        (),
        nginx.why_not,
    )
    yield Subject("Node http", at(node.port, "/"), "bare WSGI, fragment's bytes", (), node.why_not)
    yield Subject(
        "Next.js route, fetch cache", at(next_js.port, "/reviews"), "bare WSGI, fragment's bytes", (), next_js.why_not
    )
    yield Subject("bare Django view", at(django.port, "/fragment"), "bare WSGI, fragment's bytes")
    yield Subject("miss with a warm copy, fragment", at(cold_web.port, paths["fragment"]), "bare Django view")
    yield Subject("miss with a warm copy, badge", at(cold_web.port, paths["badge"]), "bare Django view")


def _rendering(place: Site, rounds: int) -> list[dict[str, Any]]:
    """Renders in a process of its own on the server's core."""
    shop = str(place.installation.shop["id"])
    done = subprocess.run(
        [*pinned(SERVER_CORE), sys.executable, "-m", "tests.bench.render_times", shop, str(rounds)],
        cwd=ROOT,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        return [row("render of 10 and 50 reviews", [], note=done.stderr.strip()[-200:])]
    return [row(f"render of {count} reviews", [Run(**run)]) for count, run in json.loads(done.stdout).items()]


def _single(place: Site, web: Web, rounds: int, quick: bool) -> list[dict[str, Any]]:
    """What happens once only: cold reads, webhooks, submissions. Two connections; the machine's other core makes them."""
    count = 40 if quick else 80
    products = [f"prd_{number}" for number in range(21, 300)]
    cold, hooks, reviews = [], [], []
    tokens = open_forms(place, web, HOT_PRODUCT)
    for turn in range(min(rounds, 3)):
        numbers = range(turn * count, (turn + 1) * count)
        cold.append(
            [
                Request(f"/w/v1/{place.key}/rating_badge.html?product_id={products[number]}")
                for number in numbers
                if number < len(products)
            ]
        )
        raws = [envelope(f"evt_bench_{number}") for number in range(turn * count * 3, (turn + 1) * count * 3)]
        hooks.append(
            [
                Request(
                    f"/hooks/sumeru/{place.key}",
                    "POST",
                    raw,
                    (("Content-Type", "application/json"), ("X-Sumeru-Signature", signature.sign(raw, SECRET))),
                )
                for raw in raws
            ]
        )
        reviews.append(
            [
                Request(
                    f"/w/v1/{place.key}/reviews?product_id={HOT_PRODUCT}&write=1",
                    "POST",
                    json.dumps({**review(number, tokens[HOT_PRODUCT]), "rating": 5}).encode(),
                    (("Content-Type", "application/json"), ("X-Forwarded-For", f"10.9.{number // 250}.{number % 250}")),
                )
                for number in numbers
            ]
        )
    rows = []
    for name, turns in (("cold, with upstream", cold), ("webhook intake", hooks), ("submission", reviews)):
        runs = [load.run_of(*load.each(web.port, requests, threads=2)) for requests in turns if requests]
        rows.append(row(name, runs))
    return rows


def show(result: dict[str, Any]) -> None:
    """The table, then memory and start-up times."""
    print(f"{'':38}" + "".join(f"{name:>15}" for name in LISTED))
    for each in result["rows"]:
        values = [each.get(name) for name in LISTED]
        print(
            f"{each['name']:38}" + "".join(f"{'–' if value is None else f'{value:,}':>15}" for value in values),
            each["note"],
        )
    print(
        "\nresident memory: "
        + ", ".join(f"{name} {value / 2**20:.0f} MiB" for name, value in result["rss_bytes"].items())
    )
    print("start-up: " + ", ".join(f"{name} {value:.1f} s" for name, value in result["start_s"].items()))
    print("bodies: " + ", ".join(f"{name} {value:,} B" for name, value in result["body_bytes"].items()))
