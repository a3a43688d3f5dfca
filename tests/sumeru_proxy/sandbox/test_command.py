"""The sandbox as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ["-m", "sumeru_proxy.sandbox"]


@contextmanager
def process(*arguments: str, way: list[str] = MODULE) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A started sandbox and its first line."""
    started = subprocess.Popen([sys.executable, *way, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert started.stdout is not None
        yield started, started.stdout.readline()
    finally:
        started.kill()
        started.communicate()


@pytest.mark.thorough
@pytest.mark.parametrize("way", [MODULE, ["manage.py", "sandbox"]])
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_cleanly(way: list[str], ending: signal.Signals) -> None:
    with process("--port", "0", way=way) as (started, line):
        assert line.startswith("sandbox ready at http://127.0.0.1:")
        url = line.split()[-1]
        overview = json.load(urllib.request.urlopen(f"{url}/_sandbox/", timeout=5))["data"]
        assert overview["shops"][0]["products"] == 208
        started.send_signal(ending)
        assert started.wait(5) == 0


def test_it_starts_soon_and_takes_options(tmp_path: Path) -> None:
    start = time.monotonic()
    options = ["--port", "0", "--json", "--limit", "public_reads_per_ip=3", "--fault", "bundles:status,status=503"]
    with process(*options, "--state", str(tmp_path / "state"), "--storefront", "http://127.0.0.1:9/shop/") as (_, line):
        # 1.5 s is the promise on a quiet machine; tests share theirs.
        assert time.monotonic() - start < 6
        ready = json.loads(line)
        key = ready["shops"][0]["public_key"]
        request = urllib.request.Request(
            f"{ready['url']}/api/public/product-feed?limit=1", headers={"X-Public-Key": key}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.headers["X-RateLimit-Limit"] == "3"
            assert json.load(answer)["data"][0]["url"].startswith("http://127.0.0.1:9/shop/products/")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--catalogue", "missing.json"], "missing.json"),
        (["--limit", "nonsense=3"], "unknown limit 'nonsense'"),
        (["--limit", "public_reads_per_ip"], "expected NAME=PER_MINUTE"),
        (["--fault", "reviews:gremlins"], "kind must be one of"),
        (["--port", "99999"], "--port 99999"),
        (["--host", "192.0.2.1"], "is not of this machine"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str) -> None:
    ended = subprocess.run(
        [sys.executable, *MODULE, "--port", "0", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=20
    )
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_busy_port_names_itself_and_the_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, *MODULE, "--port", str(port)], capture_output=True, text=True, cwd=ROOT, timeout=20
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} is already in use; choose another with --port" in ended.stderr


def test_it_needs_no_django() -> None:
    code = (
        "import sys; import sumeru_proxy.sandbox.__main__; print(any(m.split('.')[0] == 'django' for m in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=20, check=True
    )
    assert ended.stdout.strip() == "False"


def test_it_serves_made_up_orders_up_to_now() -> None:
    with process("--port", "0", "--json", "--orders", "120", "--seed", "3") as (_, line):
        ready = json.loads(line)
        request = urllib.request.Request(
            f"{ready['url']}/api/v1/orders?limit=100&sort=-created_at",
            headers={"Authorization": f"Bearer {ready['shops'][0]['admin_token']}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            orders = json.load(answer)["data"]
    made_up = [order for order in orders if order["id"].startswith("ord_g")]
    assert made_up[0]["id"] == "ord_g120"
    age_s = time.time() - datetime.fromisoformat(made_up[0]["created_at"]).timestamp()
    assert 0 <= age_s < 1_200
    assert all(datetime.fromisoformat(order["updated_at"]).timestamp() <= time.time() for order in made_up)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--orders", "-5"], "count must be a whole number"),
        (["--orders", "5", "--orders-since", "yesterday"], "yesterday"),
        (["--orders", "5", "--orders-every-s", "-1"], "every_s must be a whole number"),
    ],
)
def test_wrong_wishes_for_orders_are_explained(options: list[str], why: str) -> None:
    ended = subprocess.run(
        [sys.executable, *MODULE, "--port", "0", *options], capture_output=True, text=True, cwd=ROOT, timeout=30, check=False
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr
