"""5,000 webhooks, a third of them repeated, shuffled, some forged, while the worker is killed twice: each effect exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.sandbox.server import running, small_catalogue
from sumeru_proxy.webhooks import signature
from tests.sumeru_proxy.installation import SECRET, Installation, installed, wait_until

DELIVERIES = 2_000
DOMAIN = "small.example"
PUBLIC_KEY = "pk_live_" + "1" * 32


def storm(draw: random.Random) -> list[tuple[bytes, str, str, bool]]:
    """Raw body, signature, event id, whether it is genuine: a third repeated, one in a hundred forged, in any order."""
    distinct = DELIVERIES * 2 // 3
    now = datetime.now(UTC).isoformat()
    raws = {}
    for number in range(distinct):
        event = {
            "id": f"evt_{number}",
            "type": "order.attributed" if number % 2 else "order.created",
            "created_at": now,
            "shop_domain": DOMAIN,
            "data": {"order_id": f"ord_{number % 40}"},
        }
        raws[f"evt_{number}"] = json.dumps(event).encode()
    ids = [*raws, *draw.choices(list(raws), k=DELIVERIES - distinct)]
    draw.shuffle(ids)
    sent = []
    for place, name in enumerate(ids):
        genuine = place % 100 != 0
        sent.append((raws[name], signature.sign(raws[name], SECRET if genuine else SECRET + "x"), name, genuine))
    return sent


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_effect_happens_exactly_once(engine: str, tmp_path: Path) -> None:
    draw = random.Random(5)
    deliveries = storm(draw)
    with (
        running(small_catalogue()) as sandbox,
        installed(engine, tmp_path, sandbox.url, DOMAIN, PUBLIC_KEY) as installation,
    ):
        installation.environment["TEST_LISTENERS"] = "tests.sumeru_proxy.listeners.RECORDER"
        workers = [installation.work("--batch", 20), installation.work("--batch", 20)]
        halves = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
        for number, path in enumerate(halves):
            lines = [[raw.decode(), signed] for raw, signed, _name, _genuine in deliveries[number::2]]
            path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        with ThreadPoolExecutor(2) as pool:
            taking = [pool.submit(installation.run, "take", installation.shop["key"], path) for path in halves]
            for place in (0, 1):
                time.sleep(draw.uniform(2, 4))  # a random instant by purpose
                os.kill(workers[place].pid, signal.SIGKILL)
                workers[place].wait()
                workers[place] = installation.work("--batch", 20)
            statuses: list[list[int]] = [json.loads(each.result(150)) for each in taking]
        for number in range(2):
            expected = [200 if genuine else 401 for _raw, _signed, _name, genuine in deliveries[number::2]]
            assert statuses[number] == expected
        genuine = {name for _raw, _signed, name, good in deliveries if good}
        assert wait_until(lambda: installation.report()["open"] == 0, 150, 1.0), installation.report()
        check(installation, genuine)


def check(installation: Installation, genuine: set[str]) -> None:
    report: dict[str, Any] = installation.report()
    assert report["events"] == len(genuine)
    assert report["states"] == {"listen:recorder done": len(genuine)}, installation.log()[-2_000:]
    assert report["heard"] == {f"heard:{name}": 1 for name in genuine}
