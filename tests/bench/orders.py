"""``python -m tests.bench orders``: what a page of the sandbox's orders costs, however many there are.

One thread, in process: routing, credential, page and JSON, without the socket. ``sorted anew`` is what a list costs that sorts all
of its rows for each page (two fields a row), measured in the same run. Milliseconds of CPU, median and worst of the calls.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.listing import in_order, page_of
from sumeru_proxy.sandbox.server import Sandbox
from sumeru_proxy.sandbox.wire import Request

LIMIT_MS = 5.0
TOKEN = "copt_test_" + "1" * 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, nargs="+", help="how many (default: 1000 10000 100000, quick: 1000)")
    parser.add_argument("--calls", type=int, default=30, help="calls per row (default: %(default)s)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Rows of ``{orders, name, median_ms, worst_ms, first_ms, bytes}`` and, per size, what filling took."""
    sizes = options.orders or ([1_000] if options.quick else [1_000, 10_000, 100_000])
    rows: list[dict[str, Any]] = []
    filled: list[dict[str, Any]] = []
    for size in sizes:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        sandbox = Sandbox(small_catalogue(), limits=False, edge=False, orders={"count": size, "seed": 1})
        try:
            seconds = time.process_time() - began
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            filled.append({"orders": size, "seconds": seconds, "peak_mb_more": grown})
            rows += [{"orders": size, **row} for row in _rows(sandbox, size, options.calls)]
        finally:
            sandbox.stop()
    return {"rows": rows, "filled": filled}


def _rows(sandbox: Sandbox, size: int, calls: int) -> list[dict[str, Any]]:
    shop = next(iter(sandbox.world.shops.values()))
    light = [{"id": key, "created_at": at} for key, at in shop.orders.bare.column("created_at").items()]

    def anew() -> bytes:
        ordered = in_order(light, lambda item: item["created_at"], True)
        return repr(page_of(ordered, lambda item: item["created_at"], True, 100, "", "x")).encode()

    def ask(query: str, path: str = "orders") -> Callable[[], bytes]:
        def call() -> bytes:
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = sandbox.application(
                Request("GET", f"/api/v1/{path}", dict(parse_qsl(query)), headers, b"", "127.0.0.1")
            )
            assert answer.status == 200, answer.body
            return answer.body

        return call

    middle = f"filter[created_at][gte]={light[len(light) // 2]['created_at']}"
    deep = json.loads(ask(f"limit=100&sort=created_at&{middle}")())["pagination"]["next_cursor"]
    customer = next(filter(None, reversed(shop.orders.bare.column("customer.id").values())))
    late = sorted(shop.orders.bare.column("updated_at").values())[-50]
    questions = {
        "sorted anew, 100": anew,
        "first page, 100": ask("limit=100"),
        "first page, 20": ask("limit=20"),
        "with attributions, 100": ask("limit=100&sort=created_at&include=attributions"),
        "from the middle, 100": ask(f"limit=100&sort=created_at&{middle}&cursor={deep or ''}"),
        "by updated_at, 100": ask("limit=100&sort=-updated_at&include=attributions"),
        "updated since, 49": ask(f"limit=100&sort=created_at&filter[updated_at][gt]={late}"),
        "one customer's": ask(f"limit=100&filter[customer.id]={customer}"),
        "100 by id": ask("limit=100&filter[id]=" + ",".join(f"ord_g{n}" for n in range(1, size, max(1, size // 100)))),
        "one order": ask("include=attributions", f"orders/ord_g{size // 2}"),
        "attribution, 100": ask("limit=100", "attribution"),
        "customers, 100": ask("limit=100", "customers"),
    }
    rows = []
    for name, call in questions.items():
        began = time.process_time()
        length = len(call())
        first = time.process_time() - began
        taken = []
        for _ in range(calls):
            began = time.process_time()
            call()
            taken.append((time.process_time() - began) * 1000)
        rows.append(
            {"name": name, "median_ms": statistics.median(taken), "worst_ms": max(taken), "first_ms": first * 1000, "bytes": length}
        )  # fmt: skip
    return rows


def failed(result: dict[str, Any]) -> bool:
    """Whether any page took longer than it may."""
    return any(row["median_ms"] >= LIMIT_MS for row in result["rows"] if not row["name"].startswith("sorted anew"))


def show(result: dict[str, Any]) -> None:
    """A table."""
    print(f"{'orders':>8}  {'page':24}{'median ms':>10}{'worst ms':>10}{'first ms':>10}{'kB':>8}")
    for row in result["rows"]:
        figures = f"{row['median_ms']:10.2f}{row['worst_ms']:10.2f}{row['first_ms']:10.1f}{row['bytes'] / 1000:8.0f}"
        print(f"{row['orders']:8}  {row['name']:24}{figures}")
    for each in result["filled"]:
        print(f"{each['orders']} orders drawn in {each['seconds']:.1f} s, {each['peak_mb_more']:.0f} MB more")
