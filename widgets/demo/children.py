"""The demo's processes: started in one group, watched, and ended together, whatever happens to the demo itself."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from widgets.demo import guard
from widgets.doctor import plain_http

STOP_GRACE_S = 2.5
POLL_S = 0.1
_TAIL_LINES = 15


class Failed(Exception):
    """A process ended or did not become ready; the text ends with the last lines of its log."""


class Interrupted(Exception):
    """The demo was asked to stop while it waited."""


@dataclass
class Child:
    """A running process. ``required``: the demo ends when it ends."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    required: bool = True

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def report(self) -> str:
        """How it ended, and its last log lines."""
        code = self.process.poll()
        if code is None:
            how = "is not ready"
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        return f"The {self.name} (pid {self.pid}) {how}. Last lines of {self.log}:\n{tail(self.log)}"


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, indented; says so when there are none."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            last_lines = deque(file, maxlen=lines)
    except FileNotFoundError:
        last_lines = deque()
    return "".join(f"  {line.rstrip()}\n" for line in last_lines).rstrip() or "  (nothing)"


class Children:
    """All processes of one demo, in one process group that a guard leads.

    Not thread-safe. ``stopping`` is asked while waiting; as soon as it says yes, Interrupted is raised.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str], stopping: Callable[[], bool]) -> None:
        self.running: list[Child] = []
        self._logs = logs
        self._environment = dict(environment)
        self._stopping = stopping
        self._guard = subprocess.Popen(  # noqa: S603
            [sys.executable, guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            process_group=0,
        )

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        required: bool = True,
        secret: Mapping[str, str] | None = None,
        piped: bool = False,
    ) -> Child:
        """Start Python on ``command``. ``secret`` is added to its environment; ``piped`` keeps its (short) output for ``finish``."""
        log = self._logs / f"{name.replace(' ', '-')}.log"
        with open(log, "wb") as file:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else file,
                stderr=file,
                env={**self._environment, **(secret or {})},
                cwd=self._environment["PYTHONPATH"],
                process_group=self._guard.pid,
            )
        child = Child(name, process, log, required)
        self.running = [each for each in self.running if each.name != name] + [child]
        return child

    def finish(self, child: Child, timeout_s: float) -> bytes:
        """Wait for its end; gives what it wrote, if that is piped. Raises Failed unless it ended well in time, Interrupted."""
        deadline = time.monotonic() + timeout_s
        while child.process.poll() is None and time.monotonic() < deadline:
            self._pause()
        if child.process.poll() != 0:
            raise Failed(child.report())
        self.running.remove(child)
        with child.process.stdout or io.BytesIO() as output:
            return output.read()

    def ready(self, child: Child, url: str, timeout_s: float) -> None:
        """Wait until ``url`` answers 200. Raises Failed when the process ended or the time is over, Interrupted."""
        deadline = time.monotonic() + timeout_s
        while child.process.poll() is None and time.monotonic() < deadline:
            try:
                if plain_http.get(url, 2.0).status == 200:
                    return
            except plain_http.Unreachable:
                pass
            self._pause()
        raise Failed(child.report())

    def listening(self, child: Child, port: int, timeout_s: float) -> None:
        """Wait until somebody listens on a port of this machine. Raises Failed when the process ended or the time is over, Interrupted."""
        deadline = time.monotonic() + timeout_s
        while child.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self._pause()
        raise Failed(child.report())

    def _pause(self) -> None:
        time.sleep(POLL_S)
        if self._stopping():
            raise Interrupted

    def ended(self) -> list[Child]:
        """Those that ended since the last look; they are forgotten."""
        finished = [child for child in self.running if child.process.poll() is not None]
        self.running = [child for child in self.running if child not in finished]
        return finished

    def stop(self) -> None:
        """End all of them, kindly for at most STOP_GRACE_S, then for good. May be repeated; takes no longer than that."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_S
        while any(child.process.poll() is None for child in self.running) and time.monotonic() < deadline:
            time.sleep(0.02)
        # Also what the processes started themselves, and the guard.
        self._signal(signal.SIGKILL)
        for child in self.running:
            child.process.wait()
        self.running = []
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._guard.returncode is None:  # once it is reaped, its number may be somebody else's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._guard.pid, number)
