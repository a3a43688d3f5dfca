"""Events shuffled and repeated, orders that change meanwhile, workers killed: the credits equal a fresh computation to the cent."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sumeru_proxy.sandbox.server import running, small_catalogue
from sumeru_proxy.webhooks import signature
from tests.sumeru_proxy.installation import SECRET, Installation, installed, wait_until

ORDERS = 120
DELIVERIES = int(os.environ.get("STORM_EVENTS", "900"))
"""As many as the run is given: 20,000 take a quarter of an hour."""
PATIENCE_S = max(200, DELIVERIES // 15)
DOMAIN = "small.example"
SHELL = """
import json
from django.utils import timezone
from sumeru_proxy import secrets
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import ranges
from sumeru_proxy.worker import Worker, handlers
from sumeru_proxy.consumers.attribution import proof
from tests.sumeru_proxy.consumers.attribution.stored import contents
"""
PREPARE = """
shop = Shop.objects.get()
Shop.objects.update(limits={**shop.limits, "admin": 1000000})
secrets.store(shop, "admin_token", "%s")
"""
COMPARE = """
shop = Shop.objects.get(domain="small.example")
other = Shop.objects.create(name="Fresh", domain="fresh.example", api_url=shop.api_url, limits=shop.limits)
secrets.store(other, "admin_token", "%s")
ranges.start(other.pk, "attribution:backfill")
worker = Worker(handlers())
for _ in range(300):
    if not worker.once():
        if not Job.objects.filter(shop=other, state="waiting").update(next_at=timezone.now()):
            break
mine, fresh = contents(shop), contents(other)
proven = proof.prove(shop.pk, 0, 10**6)
print(json.dumps({
    "differ": [part for part in fresh if mine[part] != fresh[part] and part != "touches"],
    "orders": len(mine["orders"]), "credits": len(mine["credits"]), "exact": proven.exact, "waiting": proven.waiting,
}))
"""


def deliveries(names: list[str], count: int, random_: random.Random, first: int) -> list[list[str]]:
    """Signed events about these orders in any order, a third of them repeated."""
    now = datetime.now(UTC).isoformat()
    found = []
    for number in range(first, first + count * 2 // 3):
        event = {
            "id": f"evt_{number}",
            "type": random_.choice(("order.attributed", "order.created")),
            "created_at": now,
            "shop_domain": DOMAIN,
            "data": {"order_id": random_.choice(names)},
        }
        raw = json.dumps(event).encode()
        found.append([raw.decode(), signature.sign(raw, SECRET)])
    found += random_.choices(found, k=count - len(found))
    random_.shuffle(found)
    return found


def shell(installation: Installation, code: str) -> str:
    return installation.run("shell", "--no-imports", "-c", SHELL + code)


@pytest.mark.slow
@pytest.mark.timeout(100 + 2 * PATIENCE_S)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_credits_equal_a_fresh_computation(engine: str, tmp_path: Path) -> None:
    random_ = random.Random(6)
    catalogue = small_catalogue()
    token = catalogue["shops"][0]["tokens"][0]["token"] if "tokens" in catalogue["shops"][0] else ""
    with (
        running(catalogue, limits=False) as sandbox,
        installed(engine, tmp_path, sandbox.url, DOMAIN, "pk_live_" + "1" * 32) as installation,
    ):
        installation.environment["SUMERU_CONSUMERS"] = "sumeru_proxy.consumers.attribution"
        installation.environment["TEST_LISTENERS"] = "sumeru_proxy.consumers.attribution.consumer.CONSUMER"
        installation.run(
            "migrate", "--verbosity", "0"
        )  # the tables of this consumer, which the installation began without
        shop = next(iter(sandbox.world.shops.values()))
        token = token or next(iter(shop.tokens))
        sandbox.control.orders.generate({"count": ORDERS, "seed": 5, "changed": False})
        names = list(shop.orders)
        shell(installation, PREPARE % token)
        workers = [installation.work("--batch", 10), installation.work("--batch", 10)]
        first = deliveries(names, DELIVERIES, random_, 0)
        # Each order is spoken of at least once at the very end, as it is by then.
        last = [
            [raw, signature.sign(raw.encode(), SECRET)]
            for number, name in enumerate(names)
            for raw in [
                json.dumps(
                    {
                        "id": f"evt_last_{number}",
                        "type": "order.attributed",
                        "created_at": datetime.now(UTC).isoformat(),
                        "shop_domain": DOMAIN,
                        "data": {"order_id": name},
                    }
                )
            ]
        ]
        paths = [tmp_path / "first.jsonl", tmp_path / "last.jsonl"]
        for path, lines in zip(paths, (first, last), strict=True):
            path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        with ThreadPoolExecutor(1) as pool:
            taking = pool.submit(installation.run, "take", installation.shop["key"], paths[0])
            for place in (0, 1) * (1 + DELIVERIES // 5_000):
                time.sleep(random_.uniform(1, 3))  # a random instant by purpose
                os.kill(workers[place].pid, signal.SIGKILL)
                workers[place].wait()
                workers[place] = installation.work("--batch", 10)
                for name in random_.sample([each for each in names if each.startswith("ord_g")], 15):
                    try:
                        sandbox.control.orders.step({"id": name, "step": "refunded", "silent": True})
                    except ValueError:
                        continue  # nothing is left of it to give back
            assert set(json.loads(taking.result(PATIENCE_S))) == {200}
        installation.run("take", installation.shop["key"], paths[1])
        assert wait_until(lambda: installation.report()["open"] == 0, PATIENCE_S, 1.0), installation.report()
        assert "attribution" in str(installation.report()["states"])
        installation.kill_all()
        found = json.loads(shell(installation, COMPARE % token).splitlines()[-1])
        assert found["differ"] == []
        assert found["exact"] is True
        assert found["waiting"] == 0
        assert found["orders"] >= ORDERS - 5
        assert found["credits"] > 4 * found["orders"]
