"""``python -m tests.bench order_sync``: 1,000 orders' lives by webhooks into a real Tryton that is stopped and killed, then proved.

Events are repeated (a third), shuffled and lost; the ERP is away, then killed while it is written to; workers are killed. At the end
Tryton's sales are compared with the stand-in's orders by sums and counts made here, not by the project's own proof; the nightly command
has repaired what was lost, and its second run repairs 0. A rehearsal on an empty copy of the ERP must have said what happened.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from sumeru_proxy.consumers.order_sync.targets.interface import Place
from sumeru_proxy.consumers.order_sync.targets.tryton import KIND
from sumeru_proxy.consumers.order_sync.tryton.rest import Door
from sumeru_proxy.consumers.order_sync.tryton.set_up import Erp, Server
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.server import Sandbox, running
from sumeru_proxy.sandbox.shop_data import ShopData
from tests.bench.order_sync_cost import cost_of_an_order
from tests.faults.running_site import DOMAIN, PLENTY, Site, site
from tests.guard import POSTGRESQL
from tests.sumeru_proxy.consumers.order_sync.erp import HOME, PLAN
from tests.sumeru_proxy.installation import wait_until

SHOP = "acme-eur"
ERP_KILLS = 3
AWAY_H = (0.5, 1, 2, 4, 8)
"""While the ERP is away the workers' clocks are set forward by so many hours, one after another."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite", help="our stores and Tryton's")
    parser.add_argument("--state", choices=["draft", "quotation", "confirmed"], default="draft", help="of new sales")
    parser.add_argument("--orders", type=int, default=0, help="how many (default: 1,000; quick: 120)")
    parser.add_argument("--seed", type=int, default=7, help="of the orders (default: 7)")
    parser.add_argument("--kills", type=int, default=10, help="of workers (default: 10)")


@contextmanager
def erp(engine: str, folder: Path, name: str) -> Iterator[Server]:
    """A Tryton on a copy of the prepared database, on SQLite or PostgreSQL."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Erp(HOME)
    if engine == "sqlite":
        made.copy(PLAN, folder, name)
        server = Server(made, folder, name)
    else:
        made.install()
        uri = POSTGRESQL.rsplit("/", 1)[0] + "/"
        template = f"prepared_erp_{made.name_of(PLAN)}"
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone()
            if not there:
                # Under another name until it is whole: one that was interrupted must not be taken for prepared.
                connection.execute(f"DROP DATABASE IF EXISTS {template}_new WITH (FORCE)".encode())
                connection.execute(f"CREATE DATABASE {template}_new TEMPLATE template0 ENCODING 'UTF8'".encode())
                made.make(folder, f"{template}_new", PLAN, uri=uri)
                connection.execute(f"ALTER DATABASE {template}_new RENAME TO {template}".encode())
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        server = Server(made, folder, name, uri=uri)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        if engine == "postgresql":
            with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def run(options: argparse.Namespace) -> dict[str, Any]:
    count = options.orders or (120 if options.quick else 1_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(erp(options.engine, folder / "erp", f"erp_{os.getpid()}"))
        ratio = cost_of_an_order(server, SHOP)
        server.kill()
        empty = stack.enter_context(erp(options.engine, folder / "rehearsal", f"rehearsal_{os.getpid()}"))
        server = stack.enter_context(erp(options.engine, folder / "main", f"main_{os.getpid()}"))
        sandbox = stack.enter_context(running(small_catalogue(), limits=PLENTY))
        (folder / "site").mkdir()
        only = "sumeru_proxy.consumers.order_sync"
        place = stack.enter_context(
            site(options.engine, folder / "site", sandbox, SUMERU_CONSUMERS=only, TEST_CONSUMERS=only)
        )
        place.manage("migrate", "--verbosity", "0")  # the tables of this consumer, which the installation began without
        web = place.web(processes=1)
        place.manage("subscribe", place.key, "--url", f"http://127.0.0.1:{web.port}/hooks/sumeru/{place.key}")
        for name, where in (("main", server), ("rehearsal", empty)):
            raw = {"url": where.url, "database": where.name, "web_shop": SHOP, "state": options.state, "tolerance": 2}
            place.environment["ERP_KEY"] = PLAN.key
            place.manage(
                "order_sync",
                "add",
                place.key,
                "tryton",
                "--name",
                name,
                "--options",
                json.dumps(raw),
                "--secret",
                "env:ERP_KEY",
            )
        place.manage("order_sync", "start", place.key, "--target", "main", "--at", "2000-01-01T00:00:00+00:00")
        result: dict[str, Any] = {"orders": count, "engine": options.engine, "state": options.state, "ratio": ratio}
        _say(f"set up; an order costs {ratio}")
        began = time.monotonic()
        result |= _storm(place, sandbox, server, count, options)
        result["storm_s"] = round(time.monotonic() - began, 1)
        _say(f"drained: {result['drained']}")
        result |= _proved(place, sandbox, server, count)
        return result


# -- the storm


def _storm(place: Site, sandbox: Sandbox, server: Server, count: int, options: argparse.Namespace) -> dict[str, Any]:
    life = sandbox.control.orders.life
    ahead_s = 0.0
    workers = [_worker(place), _worker(place)]
    pause_s = 0.02 if options.quick else 0.06
    sandbox.control.orders.live(
        {
            "shop": DOMAIN,
            "count": count,
            "seed": options.seed,
            "repeat": 1 / 3,
            "lose": 0.04,
            "reach": 40,
            "pause_s": pause_s,
        }
    )
    kills = erp_kills = 0
    away_s = 0.0
    most_parked = 0
    down_at: float | None = None
    plan = {0.25: "stop", 0.4: "start", 0.55: "kill", 0.7: "kill", 0.85: "kill"}
    while life.progress["running"]:
        share = life.progress["done"] / max(1, life.progress["acts"])
        for at in [each for each in plan if each <= share]:
            kind = plan.pop(at)
            if kind == "stop":
                server.stop()
                down_at = time.monotonic()
            elif kind == "start":
                for hours in AWAY_H:
                    ahead_s = hours * 3600
                    place.stop_workers()
                    hour = f"{datetime.now(UTC) + timedelta(seconds=ahead_s):%Y-%m-%d %H:%M:%S}+00:00"
                    workers = [_worker(place, ahead_s), _worker(place, ahead_s)]
                    # Until they have asked in vain at that hour.
                    assert wait_until(lambda hour=hour: _asked_in_vain(place, hour), 90, 0.1), place.logs()[-3_000:]
                    most_parked = max(most_parked, _parked(place))
                _say(f"{AWAY_H[-1]} h away, {most_parked} parked")
                server.start()
                away_s = time.monotonic() - (down_at or 0.0)
            elif wait_until(lambda: _writing(place), 10, 0.02):
                server.kill()
                erp_kills += 1
                time.sleep(0.5)  # refused connections are part of what is tested
                server.start()
        if kills < options.kills and share > (kills + 1) / (options.kills + 1):
            workers[kills % 2].send_signal(signal.SIGKILL)
            workers[kills % 2].wait(10)
            workers[kills % 2] = _worker(place, ahead_s)
            kills += 1
        time.sleep(0.05)  # the life is played by another thread
    # It may take a minute or two until somebody looks whether the ERP is back.
    while erp_kills < ERP_KILLS and wait_until(lambda: _writing(place), 200, 0.02):
        server.kill()
        erp_kills += 1
        server.start()
    while kills < options.kills and wait_until(lambda: _writing(place), 20, 0.02):
        workers[kills % 2].send_signal(signal.SIGKILL)
        workers[kills % 2].wait(10)
        workers[kills % 2] = _worker(place, ahead_s)
        kills += 1
    _say(f"all acts are played, {kills} workers and {erp_kills} ERPs killed")
    quiet = sandbox.deliveries.settled(300) and wait_until(lambda: _idle(place), 1_500, 1.0)
    place.stop_workers()
    return {
        "acts": life.progress["acts"], "events": life.progress["events"], "lost": life.progress["lost"],
        "repeated": life.progress["repeated"], "steps": life.progress["steps"], "worker_kills": kills, "erp_kills": erp_kills,
        "erp_away_s": round(away_s, 1), "erp_away_simulated_h": AWAY_H[-1], "parked_while_away": most_parked, "drained": quiet,
    }  # fmt: skip


def _worker(place: Site, ahead_s: float = 0.0) -> subprocess.Popen[bytes]:
    return place.work("--threads", 1, "--lease-s", 60, shift_s=ahead_s)


def _asked_in_vain(place: Site, hour: str) -> bool:
    """Whether a job that the ERP holds up was tried since this time of the workers' clock."""
    return place.count("sumeru_proxy_job", f"state = 'waiting' AND reason = 'target_down' AND next_at > '{hour}'") > 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _writing(place: Site) -> bool:
    return place.count("order_sync_link", "claimed_until IS NOT NULL") > 0


def _parked(place: Site) -> int:
    return place.count("sumeru_proxy_job", "state = 'parked'") + place.count("order_sync_link", "state = 'parked'")


def _idle(place: Site) -> bool:
    """Nothing is due, and no job but those that only look after another's claim."""
    return not place.count("order_sync_link", "state = 'due'") and not place.count(
        "sumeru_proxy_job", "state IN ('waiting', 'claimed') AND kind LIKE 'listen:%'"
    )


# -- the proof, made here


def _sold(shop: ShopData) -> tuple[Counter[str], dict[str, Decimal], list[Mapping[str, Any]]]:
    """The stand-in's own orders without test orders: counts by state, sums by currency."""
    counts: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    orders = [order for order in shop.orders.values() if not order.get("test")]
    for order in orders:
        counts["cancelled" if order.get("cancelled_at") else "open"] += 1
        if not order.get("cancelled_at"):
            refunded = sum((Decimal(each["amount"]) for each in order.get("refunds") or ()), Decimal(0))
            net = Decimal(order["total_price"]) - refunded
            sums[order["currency"]] = sums.get(order["currency"], Decimal(0)) + net
    return counts, sums, orders


def _booked(server: Server) -> tuple[set[str], dict[str, Decimal], int]:
    """Tryton's own sales of the web shop: the orders that are there, sums by currency of all that counts, and how many there are twice."""
    door = Door(server.url, server.name, PLAN.key)
    (shop,) = door.search("web.shop", [["name", "=", SHOP]], ["company.id"])
    door.within(shop["company"]["id"])
    ids: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    last = 0
    while rows := door.search(
        "sale.sale",
        [["web_shop", "=", shop["id"]], ["id", ">", last]],
        ["web_id", "state", "total_amount", "currency.code", "origin"],
        limit=200,
    ):
        for row in rows:
            if row["origin"] is None:
                ids[row["web_id"]] += 1
            if row["state"] != "cancelled":
                code = row["currency"]["code"]
                sums[code] = sums.get(code, Decimal(0)) + row["total_amount"]
        last = rows[-1]["id"]
    return set(ids), sums, sum(number - 1 for number in ids.values())


def _proved(place: Site, sandbox: Sandbox, server: Server, count: int) -> dict[str, Any]:
    first = _sync(place)
    second = _sync(place)
    counts, sums, orders = _sold(sandbox.world.shops[DOMAIN])
    there, booked, doubled = _booked(server)
    expected = {order["id"] for order in orders}
    parked = place.rows("SELECT reason, COUNT(*) FROM order_sync_link WHERE state = 'parked' GROUP BY reason")
    report = json.loads(place.manage("order_sync", "rehearse", place.key, "--target", "rehearsal", "--all", "--json"))
    predicted = {
        order_id: (total, rounding, reason)
        for order_id, _action, total, rounding, reason in report["each"]
        if reason != "test_order"
    }
    happened = {
        order_id: (total, rounding, reason)
        for order_id, total, rounding, reason in place.rows(
            "SELECT l.order_id, l.total, l.rounding, l.reason FROM order_sync_link l JOIN order_sync_ordertarget t ON t.id = l.target_id "
            "WHERE t.name = 'main' AND l.state IN ('sent', 'parked')"
        )
    }
    target = KIND.open(
        Place(
            "bench", "main", KIND.options_of({"url": server.url, "database": server.name, "web_shop": SHOP}), PLAN.key
        )
    )
    began = time.monotonic()
    cpu_s, erp_cpu_s = time.process_time(), _cpu_s(server)
    read = sum(1 for _each in target.orders_between(*_span(place)))
    reading_s, cpu_s, erp_cpu_s = time.monotonic() - began, time.process_time() - cpu_s, _cpu_s(server) - erp_cpu_s
    return {
        "repaired_first": first, "repaired_second": second, "expected": len(expected), "there": len(there),
        "missing": sorted(expected - there)[:10], "surplus": sorted(there - expected)[:10], "doubled": doubled,
        "by_state": dict(counts),
        "sums": {code: [str(sums.get(code, 0)), str(booked.get(code, Decimal(0)))] for code in sorted({*sums, *booked})},
        "sums_agree": all(sums.get(code, Decimal(0)) == booked.get(code, Decimal(0)) for code in {*sums, *booked}),
        "parked": dict(parked), "rehearsal_differs": sorted(
            each for each in {*predicted, *happened} if predicted.get(each) != happened.get(each))[:10],
        "read_back": read, "read_back_s": round(reading_s, 2), "read_back_cpu_s": round(cpu_s, 2),
        "read_back_erp_cpu_s": round(erp_cpu_s, 2),
    }  # fmt: skip


def _cpu_s(server: Server) -> float:
    """What the ERP's process has used so far."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _span(place: Site) -> tuple[date, date]:
    first, last = place.rows("SELECT MIN(day), MAX(day) FROM order_sync_link")[0]
    return date.fromisoformat(str(first)), date.fromisoformat(str(last))


def _sync(place: Site) -> int:
    """``sync_orders``, as it would run nightly; gives how many it repaired."""
    command = [sys.executable, "manage.py", "sync_orders", place.key, "--since", "3650d", "--target", "main"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=place.environment, capture_output=True, text=True, timeout=1_800
    )
    found = re.search(r": (\d+) repaired, (\d+) differ", done.stdout)
    assert found, done.stdout[-2_000:] + done.stderr[-2_000:]
    return int(found[1])


# -- showing


def failed(result: dict[str, Any]) -> bool:
    """Whether anything is not as it must be."""
    return bool(
        not result["drained"] or result["missing"] or result["surplus"] or result["doubled"] or not result["sums_agree"]
        or result["repaired_second"] or result["parked"] or result["parked_while_away"] or result["rehearsal_differs"]
        or result["read_back"] != result["expected"]
    )  # fmt: skip


def show(result: dict[str, Any]) -> None:
    for name, value in result.items():
        print(f"{name:18} {value}")
    print("FAILED" if failed(result) else "as it must be")
