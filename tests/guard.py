"""Ends what a run of the tests has started when the run itself was ended the hard way. Run as a script.

``python guard.py RUN FOLDER`` reads standard input, whose other end only the run holds: its end is the run's end. Then every
process that has ``TEST_RUN=RUN`` in its environment is killed, whatever its parent or group; the databases that the run made beside
pytest-django's are dropped (their names hold the run's), and the folder is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
LIMIT_S = 10.0


def left_of(run: str) -> list[int]:
    """The processes that have this run's name in their environment, this one excepted."""
    mark = f"TEST_RUN={run}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def command_of(pid: int) -> str:
    """A process's command line; empty when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def drop_databases(run: str) -> None:
    """Those that installations under test had: their names hold the run's."""
    import psycopg

    with (
        contextlib.suppress(psycopg.Error),
        psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=2) as connection,
    ):
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"killed\\_{run}\\_%"])
        for (name,) in rows.fetchall():
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def main() -> None:
    """Wait, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    run, folder = sys.argv[1:]
    while os.read(0, 4096):
        pass
    deadline = time.monotonic() + LIMIT_S
    while (pids := left_of(run)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    drop_databases(run)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
