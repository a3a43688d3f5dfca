"""An installation of its own for tests that kill processes: database, keys, shop, and the processes on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import artifacts
from tests.guard import POSTGRESQL

ROOT = Path(__file__).resolve().parents[2]
SECRET = "wsec_" + "k" * 32


@dataclass
class Installation:
    """``shop`` is ``{id, key}``; ``start`` gives a running process, ``run`` waits for one and gives what it printed."""

    folder: Path
    environment: dict[str, str]
    shop: dict[str, Any] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def _arguments(self, arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "tests.sumeru_proxy.fast_process", *map(str, arguments)]

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                self._arguments(arguments), cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def work(self, *options: object) -> subprocess.Popen[bytes]:
        return self.start(
            "work",
            "--base-s",
            0.02,
            "--longest-s",
            1,
            "--lease-s",
            2,
            "--idle-s",
            0.05,
            "--threads",
            1,
            "--jobs-only",
            *options,
        )

    def run(self, *arguments: object) -> str:
        done = subprocess.run(
            self._arguments(arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self) -> dict[str, Any]:
        return dict(json.loads(self.run("report")))

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def kill_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self.processes.clear()


def _url(name: str) -> str:
    return POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"


def _migrated(engine: str) -> str:
    """The database that the installations of this run begin as copies of, for a copy is quicker than all migrations.

    The name on PostgreSQL, the file on SQLite; "" outside of a run. Raises psycopg.OperationalError without PostgreSQL.
    """
    run = os.environ.get("TEST_RUN")
    if run is None:
        return ""
    folder = Path(os.environ["SUMERU_TEST_DATA"])
    # The guard of the run drops what is called so, and removes the folder.
    name = f"killed_{run}_migrated" if engine == "postgresql" else str(folder / "migrated.sqlite3")
    done = folder / f"migrated-{engine}"
    with artifacts.exclusively(f"migrated-{engine}"):
        if not done.exists():
            if engine == "postgresql":
                with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=2) as connection:
                    connection.execute(f"CREATE DATABASE {name}".encode())
            url = _url(name) if engine == "postgresql" else f"sqlite:///{name}"
            changes = {"DATABASE_URL": url, "CACHE_URL": "local://", "DATA_DIR": str(folder), "SUMERU_CONSUMERS": ""}
            command = [sys.executable, "manage.py", "migrate", "-v", "0"]
            subprocess.run(command, cwd=ROOT, env={**os.environ, **changes}, check=True)
            done.touch()
    return name


@contextmanager
def installed(
    engine: str, folder: Path, upstream: str, domain: str, public_key: str, more: str = ""
) -> Iterator[Installation]:
    """An installation on ``sqlite`` or ``postgresql`` whose one shop speaks to ``upstream``; skips where PostgreSQL is not there.

    ``more`` is Python code that is run in the installation once it has its shop.
    """
    name = f"killed_{os.environ.get('TEST_RUN', 'bench')}_{uuid.uuid4().hex[:12]}"  # the guard of the run drops what is left of these
    if engine == "postgresql":
        try:
            original = _migrated(engine) or "template1"
            with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=2) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {original}".encode())
        except psycopg.OperationalError:
            pytest.skip("no PostgreSQL at TEST_POSTGRESQL_URL")
        url = _url(name)
    else:
        if original := _migrated(engine):
            shutil.copy(original, folder / "db.sqlite3")
        url = f"sqlite:///{folder / 'db.sqlite3'}"
    environment = {
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DATABASE_URL", "CACHE_URL", "SUMERU_TEST"))
        },
        "DJANGO_SETTINGS_MODULE": "widgets.settings",
        "DATA_DIR": str(folder),
        "DATABASE_URL": url,
        "SUMERU_HOSTS": upstream,
        "SECURE_COOKIES": "0",
        "SUMERU_CONSUMERS": "",  # a test brings its own listeners
        "PYTHONWARNINGS": "default",
    }
    installation = Installation(folder, environment)
    try:
        installation.shop = json.loads(installation.run("prepare", upstream, domain, public_key, SECRET, more))
        yield installation
    finally:
        installation.kill_all()
        if engine == "postgresql":
            with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def wait_until(condition: Any, timeout_s: float, every_s: float = 0.2) -> bool:
    """Polls until the condition holds; False when the time ran out."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every_s)
    return bool(condition())
