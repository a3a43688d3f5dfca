"""A run of the tests that is interrupted, kindly or not, leaves no process, no database and no folder behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import guard
from tests.faults.running_site import stores_or_skip
from tests.sumeru_proxy.installation import ROOT
from tests.widgets.demo_runs import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# A test that has begun what tests begin: a server in a session of its own, a database with an open connection.
INNER = """
import os, pathlib, subprocess, sys, time, uuid
import psycopg
from tests import guard

def test_it() -> None:
    name = f"killed_{os.environ['TEST_RUN']}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(guard.POSTGRESQL, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = guard.POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"
    client = "import psycopg, sys, time; held = psycopg.connect(sys.argv[1]); print('up', flush=True); time.sleep(600)"
    for _ in range(2):
        server = subprocess.Popen([sys.executable, "-c", client, url], stdout=subprocess.PIPE, start_new_session=True)
        assert server.stdout and server.stdout.readline() == b"up\\n"
    note = pathlib.Path(__file__).with_name("note")
    note.with_suffix(".new").write_text(f"{os.environ['TEST_RUN']} {os.environ['SUMERU_TEST_DATA']} {name}")
    note.with_suffix(".new").rename(note)
    time.sleep(600)
"""


# A test that forgets a server.
LEAVING = """
import subprocess, sys

def test_it() -> None:
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    server.returncode = 0  # so that Python says nothing of it when it is dropped
"""


def environment() -> dict[str, str]:
    """That of a run of its own, not of one within this run."""
    outer = ("TEST_RUN", "SUMERU_TEST", "PYTEST_", "DATABASE_URL", "CACHE_URL", "DATA_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return {**kept, "PYTHONPATH": str(ROOT)}


def command(folder: Path, workers: str) -> list[str]:
    options = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-n", workers]
    return [sys.executable, "-m", "pytest", *options, str(folder / "test_inner.py")]


def asked(sql: str, *values: object) -> int:
    with psycopg.connect(guard.POSTGRESQL) as connection:
        row = connection.execute(sql.encode(), values).fetchone()
    assert row
    return int(row[0])


def _hears_interrupts() -> None:
    """As a run that a person started: one begun in the background of a shell would inherit that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    stores_or_skip("postgresql")
    (tmp_path / "test_inner.py").write_text(INNER)
    run = subprocess.Popen(
        command(tmp_path, "2"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=_hears_interrupts,
    )
    note = tmp_path / "note"
    try:
        eventually(lambda: note.exists() or run.poll() is not None, 220, "the inner test runs")
        assert run.poll() is None
        name, folder, database = note.read_text().split()
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        assert len(guard.left_of(name)) >= 2
        assert asked(sessions, database) == 2

        run.send_signal(number)
        run.wait(120)
        eventually(lambda: not guard.left_of(name), 30, "no process is left")
        eventually(lambda: asked(sessions, database) == 0, 30, "no session is left")
        eventually(
            lambda: not asked("SELECT count(*) FROM pg_database WHERE datname = %s", database), 30, "no database"
        )
        eventually(lambda: not Path(folder).exists(), 30, "no folder is left")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def test_a_process_that_outlives_its_run_fails_it(tmp_path: Path) -> None:
    """A test that does not end its server is found by the run itself."""
    (tmp_path / "test_inner.py").write_text(LEAVING)
    done = subprocess.run(
        command(tmp_path, "0"), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert "left behind by the tests:" in done.stderr
    assert "time.sleep(600)" in done.stderr
