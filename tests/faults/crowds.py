"""Many shoppers at once, and what they cost the upstream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.running_site import Reply, Site

PRODUCTS = 2_900


def large_catalogue() -> dict[str, Any]:
    """The small shops; small.example with many more products, each read by a call of its own."""
    catalogue = small_catalogue()
    products = catalogue["shops"][0]["products"]
    for number in range(len(products) + 1, PRODUCTS + 1):
        products.append(
            {**products[0], "id": f"prd_{number}", "handle": f"thing-{number}", "variant_id": f"var_{number}"}
        )
    return catalogue


def bundles(site: Site, number: int) -> str:
    """A page part that costs exactly one upstream read per product."""
    return f"/w/v1/{site.key}/bundles.json?product_id=prd_{number}"


async def _ask(port: int, path: str, within_s: float) -> Reply:
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            raw = await reader.read()
        finally:
            writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Reply(int(lines[0].split()[1]), headers, body, time.monotonic() - began)


def crowd(port: int, paths: Sequence[str], *, at_once: int = 500, within_s: float = 30) -> list[Reply]:
    """All paths, ``at_once`` at a time, each on a connection of its own; raises when one is not answered in time."""

    async def ask_all() -> list[Reply]:
        gate = asyncio.Semaphore(at_once)

        async def one(path: str) -> Reply:
            async with gate:
                return await _ask(port, path, within_s)

        return list(await asyncio.gather(*(one(path) for path in paths)))

    # In a thread of its own: the browser tests' driver keeps a loop in the main one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask_all()).result()


def states(replies: Sequence[Reply]) -> dict[str, int]:
    """How many answers had which state."""
    found: dict[str, int] = {}
    for reply in replies:
        state = str(reply.json()["state"])
        found[state] = found.get(state, 0) + 1
    return found


def percentile(replies: Sequence[Reply], share: float) -> float:
    """Seconds within which this share of the answers came."""
    took_s = sorted(reply.seconds for reply in replies)
    return took_s[min(len(took_s) - 1, int(len(took_s) * share))]


def calls_of(sandbox: Sandbox, endpoint: str = "bundles") -> list[dict[str, Any]]:
    """The calls that reached the upstream since they were forgotten, oldest first."""
    return [call for call in sandbox.calls(10_000).get("recent", []) if call["endpoint"] == endpoint]


def per_key(calls: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often each product was asked for."""
    found: dict[str, int] = {}
    for call in calls:
        name = str(call["query"].get("product_id"))
        found[name] = found.get(name, 0) + 1
    return found


def slowest_s(replies: Sequence[Reply]) -> float:
    """Seconds within which a permitted call reached the upstream: those of the longest answer, and at least one.

    What is refreshed behind the pages has no answer to be measured by, and its threads wait for the machine just as long.
    """
    return max(1.0, *(reply.seconds for reply in replies))


def overrun(calls: Sequence[Mapping[str, Any]], rate: float, burst: float, lag_s: float = 0.0) -> float:
    """By how many calls any stretch of time held more than ``burst`` + ``rate`` x its seconds; not above 0 when paced well.

    Calls are counted when they arrive, which on a busy machine may be up to ``lag_s`` after they were permitted: those of a stretch
    were permitted within one that is longer by so much.
    """
    burst += rate * lag_s
    at = sorted(float(call["at"]) for call in calls)
    worst = lowest = float("-inf")
    # The maximum over all pairs i <= j of (j - i + 1) - rate x (at[j] - at[i]), in one pass.
    for number, moment in enumerate(at):
        lowest = max(lowest, rate * moment - number)
        worst = max(worst, number + 1 - rate * moment + lowest)
    return worst - burst if at else 0.0


def busiest_minute(calls: Sequence[Mapping[str, Any]]) -> int:
    """Most calls in any 60 s, wherever they begin."""
    at = sorted(float(call["at"]) for call in calls)
    return max((sum(1 for each in at if start <= each < start + 60) for start in at), default=0)


def set_limits(site: Site, **limits: int) -> None:
    """The account's limits as the shop's row names them; those not named are out of reach."""
    everything = dict.fromkeys(("public_reads_per_shop", "public_reads_per_ip", "writes_per_ip", "admin"), 1000000)
    code = f"from sumeru_proxy.models import Shop; Shop.objects.update(limits={json.dumps({**everything, **limits})})"
    site.manage("shell", "-v", "0", "-c", code)


@contextmanager
def upstream_limits(sandbox: Sandbox, **limits: int) -> Iterator[None]:
    """The upstream enforces these figures within the block, counted from nothing."""
    before = dict(sandbox.limits.per_minute)
    sandbox.control.change_limits({"set": limits, "forget": True})
    try:
        yield
    finally:
        sandbox.control.change_limits({"set": before, "forget": True})


@contextmanager
def faulty(sandbox: Sandbox, *faults: dict[str, Any]) -> Iterator[None]:
    """These faults strike within the block."""
    sandbox.control.add_faults({"list": list(faults)})
    try:
        yield
    finally:
        sandbox.faults.clear()
