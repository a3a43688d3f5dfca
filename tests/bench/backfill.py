"""``python -m tests.bench backfill``: many orders from the stand-in into accounting files, at the Starter plan's pace.

The stand-in is a process of its own, so the memory is that of one worker alone: its highest resident size. Its clock and the
worker's are moved by hand: when nothing is due, both go on to where something is. With ``--folder`` a run that was ended after ``--for-s``
seconds goes on where it was, as a worker does that was stopped; CPU and pages add up, the highest memory is each run's own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.attribution_run import peak_mb
from tests.bench.simulated import Clock

LIMIT_MB = 150.0
STARTER_PER_MINUTE = 300
STEP_S = 0.25
EVERY_S = 600
SINCE = "2023-01-01T00:00:00Z"
TOKEN = "copt_test_" + "1" * 32
CATALOGUE = Path(__file__).parents[2] / "sumeru_proxy" / "sandbox" / "catalogues" / "small.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, default=0, help="how many (default: 100,000; quick: 3,000)")
    parser.add_argument("--folder", type=Path, help="where the state is kept, to go on with it (default: a new one)")
    parser.add_argument(
        "--for-s", type=float, default=1e9, help="end after so many seconds (default: when all is done)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """What one run did, in a process of its own: the clock of this one stays."""
    count = options.orders or (3_000 if options.quick else 100_000)
    with tempfile.TemporaryDirectory() as made:
        command = [
            sys.executable,
            "-m",
            "tests.bench.backfill",
            str(count),
            str(options.folder or made),
            str(options.for_s),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


@contextmanager
def stand_in(count: int) -> Iterator[str]:
    """A stand-in with so many orders and the Starter plan's limit, in a process of its own; gives its address."""
    command = [
        sys.executable,
        "-m",
        "sumeru_proxy.sandbox",
        "--port",
        "0",
        "--json",
        "--catalogue",
        str(CATALOGUE),
        "--seed",
        "7",
    ]
    command += ["--limit", f"admin_pro={STARTER_PER_MINUTE}", "--no-edge"]
    command += ["--orders", str(count), "--orders-since", SINCE, "--orders-every-s", str(EVERY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(20)


def _move(url: str, **moment: Any) -> None:
    request = urllib.request.Request(
        f"{url}/_sandbox/clock", json.dumps(moment).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request).close()


def work(count: int, folder: Path, for_s: float) -> dict[str, Any]:
    """Work until all is done or the time is over."""
    real_s = time.monotonic
    began = real_s()
    clock = Clock()
    kept = folder / "clock"
    clock.now = float(kept.read_text()) if kept.exists() else datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    started_at = clock.now
    clock.install()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "widgets.settings", "DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "CACHE_URL": "local://", "SUMERU_CONSUMERS": "sumeru_proxy.consumers.order_sync",
    }  # fmt: skip
    with stand_in(count) as url:
        os.environ["SUMERU_HOSTS"] = url
        import django
        from django.utils import timezone

        timezone.now = lambda: datetime.fromtimestamp(clock.now, UTC)
        django.setup()
        _move(url, freeze=True)
        _move(url, set=datetime.fromtimestamp(clock.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        _set_up(url, folder)
        after_start_mb, cpu = peak_mb(), time.process_time()
        from sumeru_proxy import worker

        each = worker.Worker(worker.handlers())
        while _open() and real_s() - began < for_s:
            if each.once() == 0:
                clock.now += STEP_S
                _move(url, shift_s=STEP_S)
        kept.write_text(str(clock.now))
        return {
            "orders": count, **_figures(), "simulated_s": round(clock.now - started_at, 1), "cpu_s": round(time.process_time() - cpu, 1),
            "after_start_mb": round(after_start_mb, 1), "peak_mb": round(peak_mb(), 1),
            "refused_429": _refused(url), "wall_s": round(real_s() - began, 1),
        }  # fmt: skip


def _set_up(url: str, folder: Path) -> None:
    from django.core.management import call_command

    from sumeru_proxy import secrets
    from sumeru_proxy.consumers.order_sync.models import OrderTarget
    from sumeru_proxy.models import Shop
    from sumeru_proxy.webhooks import ranges

    call_command("migrate", verbosity=0)
    if Shop.objects.exists():
        Shop.objects.update(api_url=url)
        return
    shop = Shop.objects.create(name="Bench", domain="small.example", api_url=url, limits={"admin": STARTER_PER_MINUTE})
    secrets.store(shop, "admin_token", TOKEN)
    begin = datetime.fromisoformat(SINCE.replace("Z", "+00:00")) - timedelta(days=1)
    (folder / "books").mkdir()
    OrderTarget.objects.create(
        shop=shop, kind="files", name="books", options={"folder": str(folder / "books")}, start_at=begin
    )
    ranges.start(shop.pk, "order_sync:backfill", since=begin)


def _open() -> bool:
    from sumeru_proxy.models import Job

    return Job.objects.filter(
        state__in=("waiting", "claimed"), kind__in=("order_sync:backfill", "order_sync:write")
    ).exists()


def _figures() -> dict[str, Any]:
    from django.db.models import Count

    from sumeru_proxy.consumers.order_sync.models import Link
    from sumeru_proxy.models import Job
    from sumeru_proxy.webhooks import ranges

    job = Job.objects.get(kind="order_sync:backfill")
    states = dict(Link.objects.order_by().values_list("state").annotate(count=Count("pk")))
    days = Link.objects.order_by().values("day").distinct().count()
    return {"state": job.state, **ranges.figures_of(job), "links": states, "days": days}


def _refused(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_sandbox/calls") as answer:
        return int(json.load(answer)["data"]["statuses"].get("429", 0))


def failed(result: dict[str, Any]) -> bool:
    """Whether memory, pace or completeness are not as they must be. A part of a run is judged by its memory alone."""
    if result["peak_mb"] > LIMIT_MB or result["refused_429"]:
        return True
    whole = result["state"] == "done"
    return whole and (
        result["links"].get("due", 0) > 0 or result["links"].get("parked", 0) > 0 or result["done"] < result["orders"]
    )


def show(result: dict[str, Any]) -> None:
    """The figures as lines."""
    for name, value in result.items():
        print(f"{name:16} {value}")
    print("FAILED" if failed(result) else "as it must be")


if __name__ == "__main__":
    print(json.dumps(work(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))))
