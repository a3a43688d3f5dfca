"""Load and its figures: wrk on a core of its own for what is asked again and again, a thread or two of ours for what must differ."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

SERVER_CORE, LOAD_CORE = 0, 1
_SUMMARY = """
done = function(summary, latency, requests)
  io.write(string.format("JSON {\\"rps\\": %.3f, \\"p50_ms\\": %.4f, \\"p99_ms\\": %.4f, \\"bad\\": %d}\\n",
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run's requests per second, median and 99th percentile; ``bad`` counts answers of status 400 and above, and faults."""

    rps: float
    p50_ms: float
    p99_ms: float
    bad: int = 0


def pinned(core: int) -> list[str]:
    """The prefix that keeps a command on one core; empty where there is only one, or no taskset."""
    if (os.cpu_count() or 1) <= core or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(core)]


def install(command: str, package: str) -> str:
    """Make sure of a program, by apt-get where that works. Gives an empty text, or why it is not there."""
    if shutil.which(command):
        return ""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return f"{command} is not installed (apt-get install {package})"
    print(f"installing {package} by apt-get", file=sys.stderr)
    done = subprocess.run(
        ["apt-get", "install", "-y", "--no-install-recommends", package], capture_output=True, text=True, timeout=180
    )
    if done.returncode or not shutil.which(command):
        return (
            f"{command} could not be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:120]}"
        )
    return ""


def wrk(
    url: str,
    seconds: float,
    folder: Path,
    headers: Mapping[str, str] | None = None,
    connections: int = 32,
    lua: str = "",
) -> Run:
    """One run of wrk: one thread, kept-alive connections. wrk counts whole seconds, so shorter runs are one second. ``lua``: which
    requests are made, for wrk's script."""
    script = folder / "summary.lua"
    script.write_text(lua + _SUMMARY)
    command = [*pinned(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 60)
    line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), "")
    if not line:
        raise RuntimeError(f"wrk gave no figures for {url}: {done.stdout[-300:]} {done.stderr[-300:]}")
    return Run(**json.loads(line[5:]))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies (nearest rank); 0 for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request of ``each``."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Timed:
    """What became of one request; status 0: no answer."""

    status: int
    seconds: float
    state: str = ""


def each(
    port: int, requests: Sequence[Request], *, threads: int = 4, timeout_s: float = 20.0
) -> tuple[list[Timed], float]:
    """Send every request once, on kept-alive connections; what became of each, and the seconds that all took."""
    left, found, lock = iter(requests), [], threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        with contextlib.closing(connection):
            while True:
                with lock:
                    one = next(left, None)
                if one is None:
                    return
                began, status, state = time.perf_counter(), 0, ""
                try:
                    connection.request(one.method, one.path, one.body, dict(one.headers))
                    answer = connection.getresponse()
                    raw, status = answer.read(), answer.status
                    if "json" in (answer.getheader("content-type") or ""):
                        state = str(_state(raw))
                except (OSError, http.client.HTTPException):
                    connection.close()
                found.append(Timed(status, time.perf_counter() - began, state))

    began = time.perf_counter()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found, time.perf_counter() - began


def _state(raw: bytes) -> Any:
    with contextlib.suppress(ValueError):
        value = json.loads(raw)
        return value.get("state", "") if isinstance(value, dict) else ""
    return ""


def run_of(found: Sequence[Timed], seconds: float) -> Run:
    """The figures of ``each``."""
    took = [one.seconds * 1000 for one in found]
    bad = sum(not 200 <= one.status < 400 for one in found)
    return Run(len(found) / seconds, percentile(took, 0.5), percentile(took, 0.99), bad)


def row(name: str, runs: Sequence[Run], bare_rps: float | None = None, note: str = "") -> dict[str, Any]:
    """A table row: medians of the runs with the least and the most requests per second; no run at all leaves only the note."""
    if not runs:
        return {"name": name, "rps": None, "p50_ms": None, "p99_ms": None, "ratio_to_bare": None, "note": note}
    rps = median(run.rps for run in runs)
    bad = sum(run.bad for run in runs)
    return {
        "name": name,
        "rps": round(rps, 1),
        "rps_min": round(min(run.rps for run in runs), 1),
        "rps_max": round(max(run.rps for run in runs), 1),
        "p50_ms": round(median(run.p50_ms for run in runs), 3),
        "p99_ms": round(median(run.p99_ms for run in runs), 3),
        "ratio_to_bare": round(rps / bare_rps, 3) if bare_rps else None,
        "note": "; ".join(part for part in (note, f"{bad} bad answers" if bad else "") if part),
    }
