"""The Python client as a wheel: its build, how it is served, and its samples in an environment that holds nothing else."""

from __future__ import annotations

import base64
import hashlib
import http.client
import inspect
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import venv
import zipfile
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from sumeru_proxy.client import shapes, shapes_admin, windows
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.sdk import calls, customer_tokens, public
from sumeru_proxy.webhooks import signature
from tests.sumeru_proxy.client.scripted import fixed, json_answer, raw, reset, scripted
from tests.upstream import Upstream
from widgets.docs import python_package

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(__file__).parent / "sdk"
SECRET = "a-secret-of-thirty-two-characters"
HOOK_SECRET = "wsec_0123456789abcdef"


def build(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "static" / "wheel" / "build.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources and the committed wheel elsewhere, with other times and modes."""
    for name in ("static/wheel", "static/embed/py", "sumeru_proxy/client", "sumeru_proxy/sdk", "sumeru_proxy/webhooks"):
        shutil.copytree(ROOT / name, tmp_path / name, copy_function=shutil.copyfile)
    (tmp_path / "static" / "package").mkdir()
    shutil.copyfile(ROOT / "static" / "package" / "package.json", tmp_path / "static" / "package" / "package.json")
    shutil.copyfile(ROOT / "LICENSE", tmp_path / "LICENSE")
    return tmp_path


def test_committed_build_is_current_and_repeats_byte_for_byte(tree: Path) -> None:
    done = build(tree, "--check")
    assert done.returncode == 0, done.stderr
    assert build(tree).returncode == 0
    assert (tree / "static" / "embed" / "py" / python_package.wheel().file).read_bytes() == python_package.wheel().body


@pytest.mark.parametrize("source", ["client/api.py", "sdk/calls.py", "webhooks/signature.py"])
def test_a_change_of_the_sources_is_noticed(tree: Path, source: str) -> None:
    with (tree / "sumeru_proxy" / source).open("a") as changed:
        changed.write("\n")
    done = build(tree, "--check")
    assert done.returncode == 1
    assert "run python static/wheel/build.py" in done.stderr


def test_what_a_bare_environment_lacks_cannot_get_in(tree: Path) -> None:
    with (tree / "sumeru_proxy" / "client" / "api.py").open("a") as changed:
        changed.write("\n\ndef late() -> None:\n    from django.conf import settings\n")
    done = build(tree)
    assert done.returncode == 1
    assert "client/api.py imports django" in done.stderr


def test_the_record_names_every_member() -> None:
    with zipfile.ZipFile(BytesIO(python_package.wheel().body)) as archive:
        info = f"sumeru_client-{python_package.wheel().version}.dist-info"
        rows = [line.split(",") for line in archive.read(f"{info}/RECORD").decode().splitlines()]
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        for name, digest, size in rows[:-1]:
            body = archive.read(name)
            said = digest.removeprefix("sha256=")
            assert base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode() == said, name
            assert len(body) == int(size)
        assert not any("sumeru_proxy" in archive.read(name).decode() for name in archive.namelist())


def test_it_is_served_under_its_version_alone(client: Client) -> None:
    found = python_package.wheel()
    answer = client.get(f"/embed/py/{found.file}")
    assert (answer.status_code, answer.content) == (200, found.body)
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get(f"/embed/py/{found.file}", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.get("/embed/py/sumeru_client-0.0.1-py3-none-any.whl").status_code == 404
    assert client.post(f"/embed/py/{found.file}").status_code == 405
    latest = client.get("/embed/py/latest")
    assert latest["Access-Control-Allow-Origin"] == "*"
    said = latest.json()
    assert said["sha256"] == hashlib.sha256(found.body).hexdigest()
    assert client.get(said["wheel"].removeprefix("http://testserver")).content == found.body
    assert said["version"] == json.loads((ROOT / "static" / "package" / "package.json").read_text())["version"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds requests and what it needs, and nothing else."""
    place = tmp_path_factory.mktemp("bare") / "env"
    venv.create(place, with_pip=False, symlinks=True)
    packages = next(place.glob("lib/python*/site-packages"))
    for name in ("requests", "urllib3", "idna", "certifi", "charset-normalizer"):
        found = metadata.distribution(name)
        for top in {Path(str(file)).parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            source = Path(str(found.locate_file(top)))
            if source.is_dir():
                shutil.copytree(source, packages / top, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copyfile(source, packages / top)
    return place


@pytest.fixture(scope="module")
def bare(empty: Path, live_server: LiveServer) -> Path:
    """Python of that environment with the wheel installed from this server's address; nothing else is asked."""
    address = f"{live_server.url}/embed/py/{python_package.wheel().file}#sha256={python_package.wheel().sha256}"
    pip = [sys.executable, "-m", "pip", "--python", str(empty / "bin" / "python"), "--disable-pip-version-check"]
    # Warnings of the outer environment's configuration are its own; an index is never asked.
    done = subprocess.run(
        [*pip, "install", "--no-index", "--no-cache-dir", "--force-reinstall", "--no-deps", address],
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*pip, "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return empty / "bin" / "python"


def environment(sandbox: Upstream, **more: str) -> dict[str, str]:
    keys = sandbox.account()
    return {
        "ATLANTIS_API_KEY": keys["token"],
        "SUMERU_PUBLIC_KEY": keys["public_key"],
        "SUMERU_HOST": sandbox.url,
        "SUMERU_CUSTOMER_SECRET": SECRET,
        "SUMERU_WEBHOOK_SECRET": HOOK_SECRET,
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run(python: Path, *arguments: str | Path, **variables: str) -> str:
    done = subprocess.run(
        [python, "-I", *arguments], env=variables, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_samples_in_a_bare_environment(bare: Path, sandbox: Upstream) -> None:
    assert run(bare, "-c", "import importlib.util as found; print(found.find_spec('django'))").strip() == "None"
    known = environment(sandbox)
    orders = run(bare, SAMPLES / "orders.py", **known).splitlines()
    assert len(orders) == len(sandbox.catalogue["shops"][0]["orders"]) > 0
    assert run(bare, SAMPLES / "client.py", **known).strip()
    changed, tags = run(bare, SAMPLES / "change.py", **known).split()
    assert changed in {customer["id"] for customer in sandbox.catalogue["shops"][0]["customers"]}
    assert tags == "('vip',)"
    token = run(bare, SAMPLES / "customer_token.py", **known).strip()
    assert customer_tokens.verify(token, [SECRET], "SHOP", time.time()) == "cus_1"


TOUGH = """
import os, time
from sumeru_client import Client, Refused
waits = []
moves = {"clock": lambda: time.time() + sum(waits), "sleep": waits.append, "chance": lambda: 0.0, "limits": {"admin": 10_000}}
client = Client("copt_test_canary", host=os.environ["SUMERU_HOST"], **moves)
print(client.update_customer("cus_1", {"tags": ["a"]}).id, [round(wait) for wait in waits])
try:
    client.order("ord_nobody")
except Refused as error:
    print(error.code, error.status)
assert "canary" not in repr(client) + repr(client.account)
"""


def test_retry_after_and_one_idempotency_key_through_all_tries(bare: Path) -> None:
    limited = raw(429, b"{}", "Retry-After: 7")
    answers: list[Any] = [
        fixed(limited),
        fixed(raw(503, b"{}")),
        reset,
        json_answer({"data": {"id": "cus_1"}}),
        json_answer({"error": {"code": "not_found", "message": "", "request_id": "req_1"}}, 404),
    ]
    with scripted(lambda received, sock: answers[len(server.received) - 1](received, sock)) as server:
        assert run(bare, "-c", TOUGH, SUMERU_HOST=server.url).splitlines() == ["cus_1 [7, 0, 0]", "not_found 404"]
        writes = [each for each in server.received if each.method == "PATCH"]
        assert len(writes) == 4
        keys = {value for each in writes for name, value in each.headers.items() if name.lower() == "idempotency-key"}
        assert len(keys) == 1
        assert {name.lower(): value for name, value in writes[0].headers.items()}["user-agent"] == (
            f"sumeru-client/{python_package.wheel().version}"
        )


def post(port: int, body: bytes, header: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", body, {"X-Sumeru-Signature": header} if header else {})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.thorough
def test_the_webhook_receiver(bare: Path, sandbox: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite3"
    known = environment(sandbox, DATABASE_FILE=str(file), PORT="0")
    with subprocess.Popen(
        [bare, "-I", SAMPLES / "webhook.py"], env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            event = {"id": "evt_1", "type": "order.attributed", "created_at": "2026-05-01T10:00:00Z", "data": {}}
            body = json.dumps({**event, "shop_domain": "shop.example"}).encode()
            good = signature.sign(body, HOOK_SECRET)
            assert [post(port, body, good) for _ in range(3)] == [200, 200, 200]
            assert post(port, body + b" ", good) == 401
            assert post(port, body, "") == 401
            assert post(port, body, signature.sign(body, "wsec_another")) == 401
            assert post(port, b"[]", signature.sign(b"[]", HOOK_SECRET)) == 200
            with sqlite3.connect(file) as rows:
                kept = rows.execute("select id, type, body from events order by rowid").fetchall()
                assert kept == [("evt_1", "order.attributed", body), (kept[1][0], "unreadable", b"[]")]
                rows.execute("drop table events")
            assert post(port, body, good) == 500
        finally:
            process.terminate()


def test_it_exports_every_shape_that_a_call_gives_or_takes() -> None:
    every = {
        name
        for module in (shapes, shapes_admin, windows)
        for name, each in vars(module).items()
        if inspect.isclass(each) and each.__module__ == module.__name__ and not name.startswith("_") and name != "Edge"
    }
    assert every <= set(public.__all__)
    assert {"Refund", "TaxLine", "OrderDiscount", "ShippingLine", "Payment", "Window"} <= every
    assert all(hasattr(public, name) for name in public.__all__)


TYPED = """
from collections.abc import Iterator
from decimal import Decimal
from sumeru_client import Client, Order
def sums(client: Client) -> Iterator[Decimal]:
    for order in client.every_order():
        yield order.total_price
        order.no_such_field
reveal_type(Client("t").every_order())
wrong: int = Client("t").order("o").id
"""


@pytest.mark.slow
def test_it_brings_its_types(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(TYPED)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            bare,
            "--cache-dir",
            tmp_path / "cache",
            "use.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("use.py")]
    assert len(found) == 3, done.stdout
    assert '"Order" has no attribute "no_such_field"' in found[0]
    assert "Iterator[sumeru_client.shapes_admin.Order]" in found[1]
    assert "Incompatible types in assignment" in found[2]


def test_a_list_ends_and_has_neither_gaps_nor_a_circle() -> None:
    order = {
        "id": "ord_1",
        "currency": "EUR",
        "total_price": "1",
        "line_items": [],
        "created_at": "2026-01-01T00:00:00Z",
    }

    def walked(*pages: tuple[list[Any], str | None]) -> list[str]:
        bodies = [
            {"data": items, "pagination": {"next_cursor": cursor, "has_next": cursor is not None}}
            for items, cursor in pages
        ]
        with scripted(lambda received, sock: json_answer(bodies[len(server.received) - 1])(received, sock)) as server:
            return [found.id for found in calls.Client("copt_test_1", host=server.url).every_order()]

    assert walked(([order], "a"), ([{**order, "id": "ord_2"}], "b"), ([], None)) == ["ord_1", "ord_2"]
    with pytest.raises(Unreadable, match="next_cursor"):
        walked(([order], "a"), ([order], "b"), ([order], "a"))
    with pytest.raises(Unreadable, match="1 more readable"):
        walked(([order, {"id": "ord_9"}], None))
