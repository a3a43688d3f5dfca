"""``python -m tests.bench attribution``: a million touches through seven models, on SQLite and PostgreSQL, each part in its own process.

CPU is the part's own process alone (of PostgreSQL's server nothing is counted); memory is its highest resident size, and what of it came
after Django was up. Before that, the cents of 20,000 random orders are compared between Python and JavaScript.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from typing import Any

import psycopg

from tests.sumeru_proxy.installation import POSTGRESQL, ROOT

PARTS = ("fill", "stream", "store", "one", "report", "estimate")
ENGINES = ("sqlite", "postgresql")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which engines, and how many orders (ten touches each)."""
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--orders", type=int, default=0, help="100,000 unless given")


def _part(name: str, orders: int, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.attribution_run", name, str(orders)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=3_600,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2_000:]}")
    return dict(json.loads(done.stdout))


def _engine(engine: str, orders: int) -> dict[str, Any]:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory(prefix="bench-attribution-") as folder:
        url = f"sqlite:///{folder}/db.sqlite3"
        if engine == "postgresql":
            url = POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"
            with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_URL", "CACHE_URL"))},
            "DJANGO_SETTINGS_MODULE": "widgets.settings",
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "SUMERU_CONSUMERS": "sumeru_proxy.consumers.attribution",
        }
        try:
            return {part: _part(part, orders, environment) for part in PARTS}
        finally:
            if engine == "postgresql":
                with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
                    connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The cents of both languages, then every part on every engine."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "widgets.settings")
    os.environ["SUMERU_CONSUMERS"] = "sumeru_proxy.consumers.attribution"
    import django

    with tempfile.TemporaryDirectory(prefix="bench-attribution-") as folder:
        os.environ.setdefault("DATA_DIR", folder)
        django.setup()
        from tests.sumeru_proxy.consumers.attribution.both_languages import differences

        compared, different = differences(2_000 if options.quick else 20_000, seed=20)
    orders = options.orders or (5_000 if options.quick else 100_000)
    result: dict[str, Any] = {"cents": {"compared": compared, "different": different}, "orders": orders}
    for engine in options.engines:
        result[engine] = _engine(engine, orders)
    return result


def failed(result: dict[str, Any]) -> bool:
    """Whether a cent differs, or a bound of the issue is missed (they hold for a million touches)."""
    if result["cents"]["different"]:
        return True
    return any(
        parts["stream"]["cpu_s"] > 15
        or parts["stream"]["more_mb"] > 64
        or parts["store"]["cpu_s"] > 60
        or parts["one"]["cpu_ms"] > 5
        or parts["report"]["channels_cpu_ms"] > 50
        for name, parts in result.items()
        if name in ENGINES
    )


def show(result: dict[str, Any]) -> None:
    """A table: one line a part, one column an engine."""
    cents = result["cents"]
    print(
        f"cents compared between Python and JavaScript: {cents['compared']:,}, orders that differ: {cents['different']}"
    )
    engines = [name for name in ENGINES if name in result]
    touches = result[engines[0]]["fill"]["touches"] if engines else 0
    print(f"{result['orders']:,} orders, {touches:,} touches")
    print(f"{'':26}" + "".join(f"{engine:>16}" for engine in engines))

    def line(title: str, part: str, key: str, form: str = ".1f") -> None:
        print(f"{title:26}" + "".join(f"{format(result[engine][part][key], form):>16}" for engine in engines))

    line("seven models, CPU s", "stream", "cpu_s")
    line("  wall s", "stream", "wall_s")
    line("  peak MB", "stream", "peak_mb")
    line("  of these after start", "stream", "more_mb")
    line("with storing, CPU s", "store", "cpu_s")
    line("  wall s", "store", "wall_s")
    line("  peak MB", "store", "peak_mb")
    line("  credits", "store", "credits", ",")
    line("  sums by day", "store", "day_sums", ",")
    line("one order, CPU ms", "one", "cpu_ms", ".2f")
    line("  one in twenty", "one", "cpu_p95_ms", ".2f")
    line("  wall ms", "one", "wall_ms", ".2f")
    line("90 days, CPU ms", "report", "channels_cpu_ms")
    line("  wall ms", "report", "channels_wall_ms")
    line("  by campaign, CPU ms", "report", "campaigns_cpu_ms")
    line("chain of order 1, count s", "estimate", "order_1_count_s")
    line("  solved 51 times, s", "estimate", "order_1_solve_s", ".2f")
    line("chain of order 2, count s", "estimate", "order_2_count_s")
    line("  solved once, s", "estimate", "order_2_solve_s", ".2f")
