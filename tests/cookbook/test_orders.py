"""The recipe of order sync as it stands in the docs: the same program in three forms, run against the stand-in Sumeru."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from sumeru_proxy.consumers.order_sync.tryton.set_up import free_port
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.cookbook.test_wheel import HOOK_SECRET, bare, empty
from tests.upstream import Upstream, upstream

__all__ = ["bare", "empty"]
SAMPLES = Path(__file__).parent / "orders"
DOMAIN = "small.example"


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    plans = ("admin_free", "admin_starter", "admin_pro", "admin_agency")
    with upstream(small_catalogue(), limits=dict.fromkeys(plans, 100_000)) as running:
        yield running


@dataclass
class Form:
    """One form of the program: how it is started, and what it has booked."""

    command: list[str]
    environment: dict[str, str]
    booked: Callable[[], dict[str, tuple[str, str]]]

    def run(self, *arguments: str, **more: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def receiving(self, secret: str, port: int = 0) -> Iterator[str]:
        known = {**self.environment, "SUMERU_WEBHOOK_SECRET": secret, "PORT": str(port)}
        with subprocess.Popen([*self.command, "receive"], env=known, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
            finally:
                process.terminate()


@pytest.fixture(params=["order_sync.py", "order_sync_http.py", "order_sync.mjs"])
def form(request: pytest.FixtureRequest, sandbox: Upstream, tmp_path: Path) -> Form:
    file: str = request.param
    keys = sandbox.account()
    known = {
        "PATH": os.environ["PATH"],
        "ATLANTIS_API_KEY": keys["token"],
        "SUMERU_HOST": sandbox.url,
        "SUMERU_WEBHOOK_SECRET": HOOK_SECRET,
        "DATABASE_FILE": str(tmp_path / "orders.sqlite3"),
        "FOLDER": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def of_rows() -> dict[str, tuple[str, str]]:
        with sqlite3.connect(tmp_path / "orders.sqlite3") as rows:
            return {
                each[0]: (each[1], each[2]) for each in rows.execute("select order_id, total, currency from booked")
            }

    def of_files() -> dict[str, tuple[str, str]]:
        found = {}
        for path in (tmp_path / "booked").glob("*.json"):
            row = json.loads(path.read_text(encoding="utf-8"))
            found[unquote(path.stem)] = row["total"], row["currency"]
        return found

    if file.endswith(".mjs"):
        node = shutil.which("node")
        assert node
        return Form([node, str(SAMPLES / file)], known, of_files)
    python = request.getfixturevalue("bare") if file == "order_sync.py" else sys.executable
    return Form([str(python), str(SAMPLES / file)], known, of_rows)


def at_sumeru(sandbox: Upstream) -> dict[str, tuple[str, str]]:
    orders = sandbox.sandbox.world.shops[DOMAIN].orders
    return {order_id: (order["total_price"], order["currency"]) for order_id, order in orders.items()}


def same(booked: dict[str, tuple[str, str]], wanted: dict[str, tuple[str, str]]) -> bool:
    return booked.keys() == wanted.keys() and all(
        float(booked[each][0]) == float(wanted[each][0]) and booked[each][1] == wanted[each][1] for each in wanted
    )


@pytest.mark.thorough
def test_from_the_subscription_to_two_sides_that_agree(form: Form, sandbox: Upstream) -> None:
    """Orders live, their events come repeated, out of order, and more than half are lost; the comparison finds what was lost."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    secret = form.run("subscribe", url)
    assert secret.startswith("wsec_")
    assert form.run("subscribe", url) == secret
    with form.receiving(secret, port):
        life = sandbox.sandbox.control.orders.live(
            {"shop": DOMAIN, "count": 30, "seed": 4, "repeat": 0.3, "lose": 0.6, "reach": 6}
        )
        assert life["lost"] > 3
        assert sandbox.sandbox.deliveries.settled(30)
    form.run("work", "--once")
    booked = form.booked()
    assert booked
    lived = {each: at_sumeru(sandbox)[each] for each in life["orders"]}
    assert not same(booked, lived)
    said = form.run("compare")
    assert said.startswith(f"{len(lived)} orders, ")
    assert not said.endswith(" 0 repaired")
    assert same({each: form.booked()[each] for each in lived}, lived)
    assert form.run("compare").endswith(" 0 repaired")


@pytest.mark.thorough
def test_only_what_is_signed_is_taken_and_once(form: Form, sandbox: Upstream) -> None:
    bash = shutil.which("bash")
    assert bash
    with form.receiving(HOOK_SECRET) as url:

        def sent(secret: str) -> str:
            known = {"PATH": os.environ["PATH"], "RECEIVER": url, "SUMERU_WEBHOOK_SECRET": secret}
            return subprocess.run(
                [bash, str(SAMPLES / "receive.sh")], env=known, capture_output=True, text=True, check=True, timeout=60
            ).stdout

        assert sent("wsec_another") == "401"
        assert [sent(HOOK_SECRET), sent(HOOK_SECRET)] == ["200", "200"]
    form.run("work", "--once")
    assert same(form.booked(), {"ord_1": at_sumeru(sandbox)["ord_1"]})


@pytest.mark.parametrize(
    ("file", "part"), [("subscribe.sh", "wsec_"), ("read.sh", '"id": "ord_1"'), ("walk.sh", '"pagination"')]
)
def test_the_lines_of_curl(sandbox: Upstream, file: str, part: str) -> None:
    bash = shutil.which("bash")
    assert bash
    known = {"PATH": os.environ["PATH"], "ATLANTIS_API_KEY": sandbox.account()["token"], "SUMERU_HOST": sandbox.url}
    done = subprocess.run(
        [bash, str(SAMPLES / file)], env=known, capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert "error" not in found
    assert part in json.dumps(found)
