"""The database locked, its disk full, its file read-only, and processes that start together on nothing.

Reads go on from copies; a write is refused without an acknowledgement, and taken when it is sent again.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.bystander import bystander
from tests.faults.running_site import Reply, Site, Web, deliver, envelope, open_form, site, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LOCKED_S = 10.0
JOBS, EVENTS = "sumeru_proxy_job", "sumeru_proxy_inboundevent"
WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@contextmanager
def locked(place: Site) -> Iterator[None]:
    """Another process (this one) holds what every write needs."""
    if place.engine == "sqlite":
        with contextlib.closing(sqlite3.connect(place.folder / "db.sqlite3", isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")
        return
    with psycopg.connect(place.environment["DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {JOBS}, {EVENTS} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        holder.rollback()


def refused(reply: Reply) -> None:
    assert (reply.status, reply.code) == (503, "unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers["cache-control"] == "no-store"


def test_a_locked_database_holds_up_no_read_and_acknowledges_no_write(place: Site, web: Web) -> None:
    token = open_form(place, web)
    jobs, raw = place.count(JOBS), envelope("evt_locked")
    with bystander(place, web) as other:
        with locked(place), ThreadPoolExecutor(3) as pool:
            until = time.monotonic() + LOCKED_S
            writes = [pool.submit(submit, place, web, 880_000 + number, token) for number in range(2)]
            hook = pool.submit(deliver, place, web, raw)
            replies = [each.result(30) for each in writes]
            event = hook.result(30)
            time.sleep(max(0.0, until - time.monotonic()))  # the lock lasts for so long
        took_s = sorted(other.took_s)
    for reply in replies:
        refused(reply)
    assert event.status == 500  # which asks Sumeru to send it again
    seconds = [reply.seconds for reply in (*replies, event)]
    print(
        f"{place.engine}: refused after {[f'{each:.1f}' for each in seconds]} s; a reader's p99 {took_s[int(len(took_s) * 0.99)]:.3f} s"
    )
    assert max(seconds) < 7.5
    assert other.statuses == {200}
    assert len(took_s) > 100
    assert took_s[int(len(took_s) * 0.99)] < 1.0
    assert place.count(JOBS) == jobs
    assert place.count(EVENTS, "event_id = 'evt_locked'") == 0
    again = [submit(place, web, 880_000 + number, token) for number in range(2)]
    assert [reply.status for reply in again] == [200, 200]
    assert deliver(place, web, raw).json() == {"status": "taken"}
    assert place.count(JOBS, "key LIKE 'submission-88000%'") == 2


def integrity(place: Site) -> str:
    return str(place.rows("PRAGMA integrity_check")[0][0])


@contextmanager
def no_file_may_grow(place: Site, web: Web) -> Iterator[None]:
    """Every write beyond the first kilobyte of any file fails, as on a disk whose quota is used up."""
    pids = [web.process.pid, *web.workers()]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_soft, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_024, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def no_space_left(place: Site, web: Web) -> Iterator[None]:
    """The file system holds no byte more."""
    ballast = place.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1_000_000, 4_096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def nothing_may_be_written(place: Site, web: Web) -> Iterator[None]:
    """The folder and the database in it are read-only."""
    paths = [*place.folder.glob("db.sqlite3*"), place.folder]
    modes = {path: path.stat().st_mode for path in paths}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


@contextmanager
def folder_of(kind: str, folder: Path) -> Iterator[Path]:
    """A data folder; for ``full`` on a small file system of its own, where mounting is permitted."""
    if kind != "full":
        yield folder
        return
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield small
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


TROUBLE: dict[str, Callable[[Site, Web], AbstractContextManager[None]]] = {
    "quota": no_file_may_grow,
    "full": no_space_left,
    "read-only": nothing_may_be_written,
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_a_disk_that_takes_nothing(kind: str, upstream: Sandbox, tmp_path: Path) -> None:
    prefix: tuple[str, ...] = ()
    if kind == "read-only" and os.geteuid() == 0:  # who may write everywhere notices no read-only file
        if not shutil.which("setpriv") or subprocess.run([*WITHOUT_PRIVILEGE, "true"], check=False).returncode:
            pytest.skip("the privilege to write everywhere cannot be given up here")
        prefix = WITHOUT_PRIVILEGE
    with folder_of(kind, tmp_path) as folder, site("sqlite", folder, upstream) as place:
        web = place.web(prefix=prefix)
        token = open_form(place, web)
        assert submit(place, web, 890_000, token).status == 200
        page = f"/w/v1/{place.key}/reviews.json?product_id=prd_1"
        for _ in range(8):  # both processes have a copy
            assert web.get(page).json()["state"] == "ready"
        with TROUBLE[kind](place, web):
            for number in (890_001, 890_002):
                refused(submit(place, web, number, token))
            assert deliver(place, web, envelope("evt_full")).status == 500
            for _ in range(20):
                assert web.get(page).json()["state"] == "ready"
        assert place.count(JOBS) == 1
        assert integrity(place) == "ok"
        assert [submit(place, web, number, token).status for number in (890_000, 890_001, 890_002)] == [200] * 3
        assert deliver(place, web, envelope("evt_full")).json() == {"status": "taken"}
        assert (place.count(JOBS), integrity(place)) == (3, "ok")
        assert "Traceback" not in place.logs()


def test_four_web_processes_start_together_on_an_empty_folder(upstream: Sandbox, tmp_path: Path) -> None:
    with site("sqlite", tmp_path, upstream) as place:
        empty = tmp_path / "empty"
        place.environment |= {"DATA_DIR": str(empty), "DATABASE_URL": f"sqlite:///{empty / 'db.sqlite3'}"}
        webs: list[Web] = []
        starts = [threading.Thread(target=lambda: webs.append(place.web())) for _ in range(2)]
        for start in starts:
            start.start()
        for start in starts:
            start.join(60)
        assert [len(web.workers()) for web in webs] == [2, 2]
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda number: webs[number % 2].get("/readyz"), range(64)))
        assert {reply.status for reply in replies} == {200}
        assert place.logs().count("Started worker") == 4
        assert "Traceback" not in place.logs()
        kept = {path.name: path for path in empty.iterdir()}
        assert {"db.sqlite3", "secret_key", "encryption_key"} <= set(kept) <= {
            *("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "secret_key", "encryption_key"),
        }  # fmt: skip
        assert [kept[name].stat().st_mode & 0o077 for name in ("secret_key", "encryption_key")] == [0, 0]
        with contextlib.closing(sqlite3.connect(kept["db.sqlite3"])) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
