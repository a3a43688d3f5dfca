"""Runs of ``manage.py demo`` for tests: on free ports, watched, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.sandbox import limits as sandbox_limits
from tests import artifacts
from widgets.demo import prepare

ROOT = Path(__file__).resolve().parent.parent.parent


# Each worker of a run has a thousand ports of its own, and never tries one twice: between finding a port and listening on it, another
# worker's demo could take it.
_BLOCK = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")) % 8
_ports = iter(range(20_000 + _BLOCK * 1_000 + os.getppid() % 7 * 100, 21_000 + _BLOCK * 1_000))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on right now; not from the range that outgoing connections use."""
    found: list[int] = []
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(folder: Path) -> list[int]:
    """Every process of this machine that was given the demo's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if f"DATA_DIR={folder}\0".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], Any], within_s: float, what: str) -> Any:
    """What the condition gives as soon as that is true. Fails after ``within_s``."""
    deadline = time.monotonic() + within_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)


def collected_static() -> Path:
    """The static files as every demo collects them: compressing them costs ten seconds, so it is done once for each state of them."""
    fingerprint = prepare.static_fingerprint()
    found = artifacts.FOLDER / "static" / fingerprint[:16]
    with artifacts.exclusively("static"):
        if not found.exists():
            shutil.rmtree(found.parent, ignore_errors=True)
            with tempfile.TemporaryDirectory() as data:
                collect = "import django; django.setup(); from widgets.demo import prepare; prepare.collect_static()"
                environment = {**os.environ, "DATA_DIR": data, "DJANGO_SETTINGS_MODULE": "widgets.settings"}
                subprocess.run([sys.executable, "-c", collect], cwd=ROOT, env=environment, check=True)
                shutil.copytree(Path(data) / "static", found)
    return found


class Run:
    """A started ``manage.py demo --json --no-browser``. ``facts`` waits for its one line.

    ``collected``: it finds its static files collected, as the second start of a demo does.
    """

    def __init__(self, folder: Path, *options: str, collected: bool = True) -> None:
        self.folder = folder
        if collected and not (folder / "static").exists():
            shutil.copytree(collected_static(), folder / "static")
        self.ports = free_ports(3)
        port, storefront, sandbox = map(str, self.ports)
        command = [sys.executable, "manage.py", "demo", "--json", "--no-browser", "--port", port]
        command += ["--storefront-port", storefront, "--sandbox-port", sandbox, "--data", str(folder), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_facts, daemon=True),
            threading.Thread(target=self._read_said, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_facts(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def _read_said(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def facts(self, within_s: float = 120) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while True:
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=0.2)
                facts: dict[str, Any] = json.loads(line)
                return facts
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text

    def lift_limits(self, facts: dict[str, Any]) -> None:
        """From now on nobody waits for Sumeru's pace: neither the sandbox nor the shops have limits that a browser could reach."""
        asked = urllib.request.Request(
            f"{facts['sandbox']}_sandbox/limits",
            json.dumps({"set": dict.fromkeys(sandbox_limits.DEFAULT_LIMITS, 1_000_000)}).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(asked, timeout=20).close()
        (file,) = self.folder.glob("**/db.sqlite3")
        with contextlib.closing(sqlite3.connect(file, timeout=20)) as database, database:
            database.execute(
                "update sumeru_proxy_shop set limits = ?", [json.dumps(dict.fromkeys(DEFAULT_LIMITS, 1_000_000))]
            )

    def more_lines(self) -> list[str]:
        """What standard output held beside the facts; only once the run has ended."""
        return list(self._lines.queue)

    def pid(self, name: str) -> int:
        """The newest process id that was said for a process."""
        found = re.findall(rf"(?m)^(?:The )?{name}(?: is started again)?: pid (\d+)", self.text)
        return int(found[-1])

    def ended(self, within_s: float) -> int:
        code = self.process.wait(within_s)
        for reader in self._readers:
            reader.join(5)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.ended(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()


@contextlib.contextmanager
def running(folder: Path, *options: str, collected: bool = True) -> Iterator[Run]:
    run = Run(folder, *options, collected=collected)
    try:
        yield run
    finally:
        run.close()
