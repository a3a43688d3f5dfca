"""``manage.py serve`` with real processes: start, replacement, stop with a request in hand, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import bundles, calls_of, faulty
from tests.faults.running_site import Reply, Site, Web, ask
from tests.sumeru_proxy.installation import ROOT, wait_until
from widgets.management.commands import serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(place: Site, port: int, *options: object, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "serve", "--port", str(port), *map(str, options)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**place.environment, **more}, stderr=subprocess.PIPE, text=True, process_group=0
    )


@contextmanager
def serving(place: Site, port: int, workers: int = 2, *options: object) -> Iterator[Web]:
    """A server that answers; killed at the end unless it has ended."""
    log = place.folder / f"serve-{port}.log"
    with log.open("ab") as file:
        command = [sys.executable, "manage.py", "serve", "--port", port, "--workers", workers, "--threads", 4, *options]
        process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, env=place.environment, stdout=file, stderr=file, process_group=0
        )
    web = Web(port, process, log)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2_000:]
        with contextlib.suppress(OSError, HTTPException):
            return web.get("/readyz", timeout_s=2).status == 200 and len(web.workers()) >= workers
        return False

    try:
        assert wait_until(answers, 40, 0.1), log.read_text()[-2_000:]
        yield web
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_two_workers_answer_pages_and_static_files(shared_place: Site) -> None:
    with serving(shared_place, free_port()) as web:
        assert len(web.workers()) == 2
        assert web.get(f"/w/v1/{shared_place.key}/reviews.html?product_id=prd_1").status == 200
        assert web.get("/static/page.css").status == 200
        assert web.get("/embed/v1.js").status == 200
        assert web.get("/healthz").json() == {"status": "ok"}


def test_slow_bodies_and_log_ins_leave_threads_for_pages(shared_place: Site) -> None:
    """Sixteen unfinished bodies stopped everything, and twenty log-ins made a warm page wait for nine seconds."""
    page = f"/w/v1/{shared_place.key}/reviews.html?product_id=prd_1"
    with serving(shared_place, free_port(), 2, "--threads", 24) as web, contextlib.ExitStack() as held:
        assert web.get(page).status == 200
        start = f"POST {page} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\na".encode()
        for _ in range(60):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            connection.sendall(start)
        log_ins = ThreadPoolExecutor(20)
        tried = [log_ins.submit(web.get, "/admin/login/", method="POST", body=b"username=a") for _ in range(20)]
        for path in (page, "/healthz", "/embed/v1.js", "/static/page.css", page.replace("prd_1", "prd_2")):
            assert web.get(path, timeout_s=5).status == 200, path
        statuses = {each.result(60).status for each in tried}
        assert 503 in statuses
        assert statuses <= {403, 503}  # no token of Django's against forgery: refused before a password is looked at
        log_ins.shutdown()


def test_a_killed_process_is_replaced_and_the_other_serves_on(shared_place: Site) -> None:
    with serving(shared_place, free_port()) as web:
        time.sleep(6)  # granian takes a death within 5.5 s of the start for a crash loop
        before = set(web.workers())
        os.kill(min(before), signal.SIGKILL)
        assert wait_until(lambda: len(set(web.workers()) - before) == 1, 20, 0.1)
        assert wait_until(lambda: web.get("/healthz", timeout_s=5).status == 200, 10, 0.1)


def test_sigterm_finishes_the_request_in_hand(shared_place: Site, quiet_upstream: Sandbox) -> None:
    with serving(shared_place, free_port()) as web, faulty(quiet_upstream, {"kind": "latency", "seconds": 1.5}):
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(web.get, bundles(shared_place, 2_400))
            assert wait_until(lambda: shared_lease_taken(quiet_upstream), 10, 0.02)
            web.process.terminate()
            reply = slow.result(20)
        assert (reply.status, reply.json()["state"]) == (200, "empty")
        assert web.process.wait(60) == 0  # longer than serve's own patience
        with pytest.raises(OSError):
            web.get("/healthz", timeout_s=2)


def shared_lease_taken(upstream: Sandbox) -> bool:
    """Whether the upstream is asked at this moment."""
    return any(fault.applied for fault in upstream.faults.active())


def test_a_rolling_restart_of_two_servers_leaves_no_request_unanswered(shared_place: Site) -> None:
    """As behind a proxy that tries the other server when one does not answer, three times in all."""
    ports = [free_port(), free_port()]
    path = f"/w/v1/{shared_place.key}/reviews.json?product_id=prd_1"
    stop, replies, failures = threading.Event(), list[Reply](), list[str]()

    def shop(first: int) -> None:
        turn = first
        while not stop.is_set():
            turn += 1
            for port in (ports[turn % 2], ports[(turn + 1) % 2], ports[turn % 2]):
                try:
                    replies.append(ask(port, path, timeout_s=10))
                    break
                except (OSError, HTTPException) as error:
                    last = error
            else:
                failures.append(repr(last))
            stop.wait(0.01)

    with contextlib.ExitStack() as stack:
        webs = [stack.enter_context(serving(shared_place, port)) for port in ports]
        for web in webs:
            web.get(path)
        shoppers = [threading.Thread(target=shop, args=(number,)) for number in range(4)]
        for shopper in shoppers:
            shopper.start()
        for web in webs:
            web.process.terminate()
            assert web.process.wait(60) == 0  # longer than serve's own patience
            stack.enter_context(serving(shared_place, web.port))
        stop.set()
        for shopper in shoppers:
            shopper.join(20)
    assert failures == []
    assert len(replies) > 100
    assert {reply.status for reply in replies} == {200}
    assert {reply.json()["state"] for reply in replies} == {"ready"}


def test_a_second_server_on_sqlite_shares_what_the_first_fetched(shared_place: Site, quiet_upstream: Sandbox) -> None:
    path = bundles(shared_place, 2_401)
    with serving(shared_place, free_port(), 1) as first, serving(shared_place, free_port(), 1) as second:
        assert first.get(path).json()["state"] == "empty"
        assert second.get(path).json()["state"] == "empty"
    assert len(calls_of(quiet_upstream)) == 1


def test_a_busy_port_is_said_with_the_option_that_helps(shared_place: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(shared_place, port)
        _out, said = process.communicate(timeout=40)
    assert process.returncode == 1
    assert f"Port {port} is already in use. Choose another with --port." in said
    assert "Traceback" not in said


def test_missing_migrations_are_said(shared_place: Site, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that it says all it has to say, and ends
        process = started(
            shared_place,
            taken.getsockname()[1],
            DATA_DIR=str(tmp_path),
            DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
        )
        _out, said = process.communicate(timeout=40)
    assert "migrations are not applied" in said
    assert "manage.py migrate" in said


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--workers", 0], {}, "--workers must be from 1 to 256, not 0"),
        (["--lifetime-s", 5], {}, "--lifetime-s must be from 60"),
        (["--host", "0.0.0.0"], {"DEBUG": "1"}, "DEBUG is on"),
        ([], {"PUBLIC_URL": "no address"}, "widgets.E004"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: list[object], environment: dict[str, str], words: str, shared_place: Site
) -> None:
    process = started(shared_place, free_port(), *options, **environment)
    _out, said = process.communicate(timeout=40)
    assert process.returncode == 1
    assert words in said
    assert "Traceback" not in said


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(CommandError, match="--host"):
        serve.check_address("203.0.113.9", 8_000)
