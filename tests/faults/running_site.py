"""A whole installation for fault tests: stores, a shop, web servers with several processes, workers, and their clocks."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
import redis

from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.sandbox.server import Sandbox
from sumeru_proxy.webhooks import signature
from tests.guard import POSTGRESQL
from tests.sumeru_proxy.installation import ROOT, SECRET, Installation, installed, wait_until

DOMAIN = "small.example"
ORIGIN = "https://shop.example"
PUBLIC_KEY = "pk_live_" + "1" * 32
ENGINES = ("sqlite", "postgresql")
REDIS = os.environ.get("TEST_FAULTS_REDIS_URL", "redis://127.0.0.1:6379/14")
PLENTY = dict.fromkeys(
    (
        *("public_reads_per_ip", "public_reads_per_shop", "writes_per_ip", "writes_per_shop"),
        *("pixel_per_ip", "pixel_per_shop", "admin_pro", "admin_free"),
    ),
    1_000_000,
)
TOKEN = "copt_test_" + "1" * 32
_LIMITS = dict.fromkeys([*DEFAULT_LIMITS], 1_000_000)
_FURNISH = """
from sumeru_proxy import secrets
from sumeru_proxy.models import Shop, ShopOrigin
shop = Shop.objects.get()
shop.limits, shop.storefront_url = %r, "https://shop.example/"
shop.save()
ShopOrigin.objects.create(shop=shop, origin=%r)
secrets.store(shop, "admin_token", %r)
"""
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX", "TEST_RUN")


def stores_or_skip(engine: str) -> None:
    """PostgreSQL and Redis are left out where they do not listen, except in CI."""
    if engine != "postgresql":
        return
    missing = []
    for url, port in ((POSTGRESQL, 5432), (REDIS, 6379)):
        parts = urlsplit(url)
        try:
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), 1).close()
        except OSError:
            missing.append(parts.scheme)
    if missing and os.environ.get("CI"):
        pytest.fail(f"{' and '.join(missing)} must be reachable in CI")
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} here")


def redis_url() -> str:
    """A Redis database of this test process's own."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    parts = urlsplit(REDIS)
    return parts._replace(path=f"/{(int(parts.path.strip('/') or 0) + number) % 16}").geturl()


@dataclass
class Reply:
    """An answer with lower-case header names; ``seconds`` from sending to the last byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json()["error"]["code"])


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 20,
) -> Reply:
    """One request on a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        raw = answer.read()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, found, raw, time.monotonic() - began)


def descendants(pid: int) -> list[int]:
    """All processes below this one."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


@dataclass
class Web:
    """A running web server."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> list[int]:
        """The processes that answer (granian also has one that tracks shared memory)."""
        found = []
        for pid in descendants(self.process.pid):
            with contextlib.suppress(OSError):
                if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def rss_bytes(self) -> int:
        """Resident memory of all of its processes."""
        total = 0
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return total

    def get(self, path: str, **options: Any) -> Reply:
        return ask(self.port, path, **options)

    def kill(self) -> None:
        """kill -9 of everything at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Site:
    """An installation with one shop; every process gets ``environment`` and nothing else."""

    installation: Installation
    environment: dict[str, str]
    engine: str
    webs: list[Web] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.installation.folder

    @property
    def key(self) -> str:
        return str(self.installation.shop["key"])

    def web(
        self,
        *,
        processes: int = 2,
        target: str = "widgets.wsgi:application",
        prefix: Sequence[str] = (),
        **more: str,
    ) -> Web:
        """A web server on a free port, as the README starts it. ``more`` is added to its environment."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = self.folder / f"web-{port}.log"
        command = [
            *prefix,
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        command += ["--workers", str(processes), "--blocking-threads", "4", "--no-ws", target]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**self.environment, **more}, stdout=file, stderr=file, process_group=0
            )
        web = Web(port, process, log)
        self.webs.append(web)

        def answers() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return web.get("/readyz", timeout_s=2).status == 200 and len(web.workers()) >= processes
            return False

        assert wait_until(answers, 40, 0.1), log.read_text(errors="replace")[-3_000:]
        return web

    def work(self, *options: object, shift_s: float = 0) -> subprocess.Popen[bytes]:
        """A worker, its clock ``shift_s`` ahead."""
        pace = ("--base-s", 0.05, "--longest-s", 1, "--lease-s", 3, "--idle-s", 0.05, "--threads", 2)
        command = [sys.executable, "-m", "tests.faults.shifted_process", "work", *map(str, (*pace, *options))]
        with (self.folder / "worker.log").open("ab") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**self.environment, "SHIFT_S": str(shift_s)}, stdout=file, stderr=file
            )
        self.workers.append(process)
        return process

    def stop_workers(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.terminate()
            process.wait(20)
        self.workers.clear()

    def manage(self, *arguments: str) -> str:
        """A management command, to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, asked beside Django."""
        if self.engine == "postgresql":
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                return list(connection.execute(sql.encode()).fetchall())
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=5)) as connection:
            return list(connection.execute(sql).fetchall())

    def count(self, table: str, where: str = "1=1") -> int:
        return int(self.rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")[0][0])

    def forget_limits(self) -> None:
        """As if Sumeru had never refused, or answered badly: the pauses of one test must not hold up the next."""
        if self.engine == "postgresql":
            with contextlib.closing(redis.Redis.from_url(redis_url())) as memory:
                if keys := list(memory.scan_iter("sumeru:bucket:*")):
                    memory.delete(*keys)
        else:
            with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=5)) as connection, connection:
                connection.execute("DELETE FROM sumeru_proxy_bucket")

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for process in self.workers:
            process.kill()
            process.wait(10)
        for web in self.webs:
            web.kill()


@contextmanager
def site(engine: str, folder: Path, sandbox: Sandbox, **more: str) -> Iterator[Site]:
    """An installation on SQLite with local memory, or on PostgreSQL with Redis, whose shop speaks to the sandbox."""
    stores_or_skip(engine)
    furnish = _FURNISH % (_LIMITS, ORIGIN, TOKEN)
    with installed(engine, folder, sandbox.url, DOMAIN, PUBLIC_KEY, furnish) as installation:
        environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "widgets.settings",
            "DATA_DIR": str(folder),
            "DATABASE_URL": installation.environment["DATABASE_URL"],
            "CACHE_URL": redis_url() if engine == "postgresql" else "local://",
            "SUMERU_HOSTS": sandbox.url,
            "SECURE_COOKIES": "0",
            "SUMERU_CONSUMERS": "",  # a test brings its own listeners
            # Clients say by X-Forwarded-For who they are, so that one machine can be many shoppers.
            "TRUSTED_PROXIES": "1",
            "CLIENT_READS_PER_MINUTE": "1000000",
            **more,
        }
        if engine == "postgresql":
            with contextlib.closing(redis.Redis.from_url(redis_url())) as memory:
                memory.flushdb()
        made = Site(installation, environment, engine)
        try:
            yield made
        finally:
            made.close()


# -- what shoppers and Sumeru send


def review(number: int, token: str) -> dict[str, str]:
    return {
        "rating": str(1 + number % 5),
        "title": f"Review {number}",
        "body": f"Body of submission {number}.",
        "name": f"Shopper {number}",
        "email": f"shopper{number}@mail.example",
        "token": token,
        "key": f"submission-{number:06d}",
        "via": "",
    }


def open_forms(site: Site, web: Web, *products: str) -> dict[str, str]:
    """Form tokens by product that may be used now: a person needs a few seconds to fill a form."""
    tokens = {}
    for product in products:
        answer = web.get(f"/w/v1/{site.key}/reviews.json?product_id={product}&write=1").json()
        tokens[product] = str(answer["data"]["form"]["token"])
    time.sleep(2.1)  # the least age of a form is what is waited for
    return tokens


def open_form(site: Site, web: Web, product: str = "prd_1") -> str:
    """One token, see ``open_forms``."""
    return open_forms(site, web, product)[product]


def submit(
    site: Site,
    web: Web,
    number: int,
    token: str,
    product: str = "prd_1",
    *,
    changes: Mapping[str, object] | None = None,
    **options: Any,
) -> Reply:
    """One review as JSON, from an address of its own. ``changes`` replaces fields."""
    fields = {**review(number, token), "rating": 1 + number % 5, **(changes or {})}
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address, **options.pop("headers", {})}
    path = f"/w/v1/{site.key}/reviews?{urlencode({'product_id': product, 'write': 1})}"
    return ask(web.port, path, method="POST", body=json.dumps(fields).encode(), headers=headers, **options)


def envelope(event_id: str, event_type: str = "order.attributed", **changes: Any) -> bytes:
    event = {
        "id": event_id,
        "type": event_type,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "shop_domain": DOMAIN,
        "data": {"order_id": "ord_1"},
    }
    return json.dumps({**event, **changes}).encode()


def deliver(site: Site, web: Web, raw: bytes, signed: str | None = None, **options: Any) -> Reply:
    """One webhook, well signed unless said otherwise."""
    headers = {
        "Content-Type": "application/json",
        "X-Sumeru-Signature": signature.sign(raw, SECRET) if signed is None else signed,
    }
    headers.update(options.pop("headers", {}))
    return ask(web.port, f"/hooks/sumeru/{site.key}", method="POST", body=raw, headers=headers, **options)
