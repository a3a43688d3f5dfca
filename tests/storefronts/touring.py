"""What the storefront tests share: a storefront's server, built once, and a visitor who counts what a tour costs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import BrowserContext, Page, Request

from tests.artifacts import exclusively
from tests.traffic import Traffic
from tests.widgets.demo_runs import eventually

ROOT = Path(__file__).resolve().parents[2]
PACKED = ROOT / "static" / "embed" / "npm"
BUILD_LIMIT_S = 240

# Shifts, long tasks and the moment when the first widget has something to show; from the very beginning of each document.
WATCH = """
window.tour = { shifted: 0, long: [], painted: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.tour.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.tour.long.push(Math.round(entry.duration));
}).observe({ type: 'longtask', buffered: true });
(function look() {
  const filled = [...document.querySelectorAll('sumeru-widget')].some((el) => el.shadowRoot?.childElementCount);
  if (filled) window.tour.painted = performance.now();
  else requestAnimationFrame(look);
})();
"""

VISIBLE_TEXT = """
(el) => [...(el.shadowRoot?.children ?? [])]
  .filter((each) => each.localName != 'style')
  .map((each) => each.innerText)
  .join('')
"""


def hash_of(folder: Path) -> str:
    """Changes whenever a source of the storefront, its lock file or our package does."""
    digest = hashlib.sha256()
    skipped = {"node_modules", ".next", "dist", "build", ".react-router", "__pycache__"}
    sources = [
        path for path in folder.rglob("*") if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    ]
    for path in sorted([*sources, *PACKED.glob("*.tgz")]):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def build(folder: Path, output: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Builds the storefront for production unless its last build was made of the same sources; the seconds it took.

    ``output`` is the folder of the build; what it was made of is noted there. Fails without the npm packages.
    """
    assert (folder / "node_modules" / "sumeru-widgets").exists(), f"run npm ci in {folder.relative_to(ROOT)}"
    with exclusively(folder.name):
        return _build(folder, output, command, environment or {})


def _build(folder: Path, output: str, command: Sequence[str], environment: Mapping[str, str]) -> float:
    note = folder / output / "sources.sha256"
    wanted = hash_of(folder)
    if note.exists() and note.read_text(encoding="ascii") == wanted:
        return 0.0
    # The packer's clock stands still, so a bundler's cache cannot see a change of our package.
    shutil.rmtree(folder / output, ignore_errors=True)
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NODE_ENV": "production", **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    note.write_text(wanted, encoding="ascii")
    return time.monotonic() - began


@contextmanager
def serving(
    folder: Path, command: Sequence[str], url: str, environment: Mapping[str, str], log: Path
) -> Iterator[None]:
    """The storefront's server, in a process group of its own, from its first answer (of whatever status) until the end."""
    with log.open("w") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "NODE_ENV": "production", **environment},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    try:
        eventually(answers, 60, f"{url} answers")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class Counted:
    """What one page cost. Milliseconds since its document began; bytes are those of bodies as they came over the network."""

    requests: int = 0
    bytes: int = 0
    widget_bytes: int = 0
    until_painted: int = 0
    painted_ms: float | None = None


@dataclass
class Tourist:
    """One tab: everything that was said on its console, and every request."""

    context: BrowserContext
    storefront: str
    widgets: str
    said: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.add_init_script(WATCH)
        self.page: Page = self.context.new_page()
        self._traffic = Traffic(self.page)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text} {message.location}"))
        self.page.on("pageerror", lambda error: self.said.append(f"exception: {error}"))
        self.page.on("request", lambda request: self.requests.append(request))

    def goto(self, path: str) -> Page:
        """A document, loaded to the end."""
        self.page.goto(self.storefront + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Nothing is under way any more, and no widget is waiting for its answer."""
        self._traffic.settle()
        waiting = "() => !document.querySelector('sumeru-widget:state(loading)')"
        self.page.wait_for_function(waiting)

    def follow(self, selector: str, heading: str) -> None:
        """A client navigation: a click on a link, until the new page's heading is there and its widgets are filled."""
        self.page.locator(selector).first.click()
        self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
        self.settle()

    def widget_requests(self, since: int = 0) -> list[Request]:
        """Requests to the widget server, from the one with this number on."""
        return [each for each in self.requests[since:] if each.url.startswith(self.widgets)]

    def loads(self, since: int = 0) -> Counter[str]:
        """Requests to the widget server by what they are: ``v1.js``, ``batch``, ``live``, …"""
        return Counter(urlsplit(each.url).path.rsplit("/", 1)[1] for each in self.widget_requests(since))

    def asked(self, since: int = 0) -> Counter[str]:
        """How often each widget with its parameters was asked for, by ``batch`` and ``live``."""
        return Counter(
            f"{urlsplit(each.url).path.rsplit('/', 1)[1]} {value}"
            for each in self.widget_requests(since)
            for name, value in parse_qsl(urlsplit(each.url).query)
            if name == "w"
        )

    def text(self, kind: str) -> str:
        """What the first widget of this type shows."""
        return str(self.page.locator(f"sumeru-widget[type={kind}]").first.evaluate(VISIBLE_TEXT))

    def watched(self) -> dict[str, Any]:
        """``shifted`` (sum of all shifts of this document), ``long`` (milliseconds of each long task), ``painted`` (ms or None)."""
        found: dict[str, Any] = self.page.evaluate("window.tour")
        return found

    def visit(self, path: str) -> Counted:
        """A document, and what it cost."""
        since = len(self.requests)
        self.goto(path)
        painted = self.watched()["painted"]
        entries: list[dict[str, Any]] = self.page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".map((e) => ({ url: e.name, start: e.startTime, bytes: e.transferSize }))"
        )
        asked = [each for each in self.requests[since:] if each.url.startswith("http")]
        return Counted(
            requests=len(asked),
            bytes=sum(each["bytes"] for each in entries),
            widget_bytes=sum(each["bytes"] for each in entries if each["url"].startswith(self.widgets)),
            until_painted=sum(1 for each in entries if painted is not None and each["start"] < painted),
            painted_ms=painted,
        )


def heap(page: Page) -> dict[str, int]:
    """Used bytes, nodes and listeners after a collection."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return {"bytes": int(usage["usedSize"]), "nodes": counters["nodes"], "listeners": counters["jsEventListeners"]}


def table(title: str, rows: Sequence[tuple[str, object]]) -> str:
    """A table for the report of a run."""
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def policy(url: str) -> dict[str, str]:
    """The Content-Security-Policy of a page, its nonce without the value."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        header = re.sub(r"'nonce-\w+'", "'nonce'", answer.headers["Content-Security-Policy"])
    return dict(each.strip().split(" ", 1) for each in header.split(";"))


def document(url: str) -> str:
    """A page as a browser gets it when it is opened, with what is streamed."""
    request = urllib.request.Request(url, headers={"Sec-Fetch-Dest": "document"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        return str(answer.read().decode())
