"""kill -9 at random instants: nothing accepted is lost, nothing is done twice. Real processes, sockets and databases."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from sumeru_proxy.sandbox.server import running, small_catalogue
from tests.sumeru_proxy.fast_process import key_of, review
from tests.sumeru_proxy.installation import Installation, installed, wait_until

SUBMISSIONS = 500
KILLS = 6
DOMAIN = "small.example"
PUBLIC_KEY = "pk_live_" + "1" * 32
PLENTY = dict.fromkeys(("writes_per_ip", "writes_per_shop", "pixel_per_ip", "pixel_per_shop"), 1000000)
FAULTS = [
    {"endpoint": "reviews-submit", "kind": "lose_answer", "probability": 0.2},
    {"endpoint": "reviews-submit", "kind": "status", "status": 503, "probability": 0.2},
]


def acknowledged(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_while_accepting(installation: Installation, acks: Path, draw: random.Random) -> int:
    """Kills the acceptor and one of two workers by turns until all is acknowledged, at most KILLS times; gives how many."""
    workers = [installation.work(), installation.work()]
    acceptor = installation.start("accept", installation.shop["id"], SUBMISSIONS, acks)
    kills = 0
    while acknowledged(acks) < SUBMISSIONS:
        time.sleep(
            draw.uniform(0.3, 1.3) * (1 if kills < KILLS else 0.2)
        )  # the instant is random by purpose: nothing is awaited here
        if kills >= KILLS:
            assert acceptor.poll() is None or acknowledged(acks) == SUBMISSIONS, installation.log()[-2_000:]
            continue
        if (acceptor.poll() is not None and acknowledged(acks) < SUBMISSIONS) or draw.random() < 0.4:
            acceptor.kill()
            acceptor.wait()
            acceptor = installation.start("accept", installation.shop["id"], SUBMISSIONS, acks)
        else:
            place = draw.randrange(2)
            workers[place].kill()
            workers[place].wait()
            workers[place] = installation.work()
        kills += 1
    return kills


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_hundreds_of_submissions_survive_kills(engine: str, tmp_path: Path) -> None:
    draw = random.Random(8)
    with (
        running(small_catalogue(), limits=PLENTY, faults=FAULTS, seed=8) as sandbox,
        installed(engine, tmp_path, sandbox.url, DOMAIN, PUBLIC_KEY) as installation,
    ):
        acks = tmp_path / "acks"
        kills = kill_while_accepting(installation, acks, draw)
        reviews = sandbox.world.writes["reviews"]
        for _ in range(2):  # and while what is left is delivered
            time.sleep(draw.uniform(0.2, 0.8))
            victim = next(process for process in installation.processes if process.poll() is None)
            victim.kill()
            victim.wait()
            installation.work()
            kills += 1
        wait_until(lambda: len(reviews) >= SUBMISSIONS, 90)
        assert wait_until(lambda: installation.report()["open"] == 0, 30, 0.5), installation.report()
        report = installation.report()

        assert kills >= 4
        assert report["states"] == {"review done": SUBMISSIONS}, (report, installation.log()[-2_000:])
        assert report.get("integrity", "ok") == "ok"
        sent = sorted((entry["idempotency_key"], entry["title"], entry["applied"]) for entry in reviews.values())
        assert sent == sorted((key_of(n), review(n)["title"], 1) for n in range(SUBMISSIONS))
        # Each key was applied once although many were received several times.
        assert sum(entry["received"] for entry in reviews.values()) > SUBMISSIONS
        stored = [each for each in sandbox.world.shops[DOMAIN].reviews.values() if each["title"].startswith("Review ")]
        assert len(stored) == SUBMISSIONS
        assert "@mail.example" not in installation.log()
        assert "Body of submission" not in installation.log()
        assert PUBLIC_KEY not in installation.log()


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
@pytest.mark.thorough
def test_a_worker_told_to_stop_ends_its_job_and_gives_back_the_rest(signal_name: str, tmp_path: Path) -> None:
    slow = {"endpoint": "reviews-submit", "kind": "latency", "seconds": 0.5}
    with (
        running(small_catalogue(), limits=PLENTY, faults=[slow]) as sandbox,
        installed("sqlite", tmp_path, sandbox.url, DOMAIN, PUBLIC_KEY) as installation,
    ):
        installation.run("accept", installation.shop["id"], 20, tmp_path / "acks")
        worker = installation.work("--threads", 2, "--batch", 5)
        reviews = sandbox.world.writes["reviews"]
        assert wait_until(lambda: len(reviews) >= 1, 30, 0.02)
        worker.send_signal(getattr(signal, signal_name))
        assert worker.wait(30) == 0
        sent = len(reviews)
        states = installation.report()["states"]
        assert states == {"review done": sent, "review waiting": 20 - sent}, installation.log()
        assert 1 <= sent <= 6
