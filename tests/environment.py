"""Loaded before the settings: tests keep their data in a folder of their own that goes away with the run, as do their processes."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from collections.abc import Generator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests import guard

OUTERMOST = "SUMERU_TEST_DATA" not in os.environ
"""Whether this is the process that the run began with; xdist's workers inherit its environment."""

if OUTERMOST:
    os.environ["SUMERU_TEST_DATA"] = tempfile.mkdtemp(prefix="sumeru-tests-")
    os.environ["TEST_RUN"] = uuid.uuid4().hex[:12]
    # Its standard input ends with this process, however that ends: nobody else inherits the other end.
    _near, _held_open = os.pipe()
    os.posix_spawn(
        sys.executable,
        [sys.executable, guard.__file__, os.environ["TEST_RUN"], os.environ["SUMERU_TEST_DATA"]],
        {name: value for name, value in os.environ.items() if name != "TEST_RUN"},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, _near, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
    )
    os.close(_near)
os.environ["DATA_DIR"] = os.environ["SUMERU_TEST_DATA"]
os.environ.setdefault("SUMERU_HOSTS", "https://api.sumeru.systems,https://eu.api.sumeru.systems")
if os.environ.get("CACHE_URL", "").startswith("redis://") and "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker empties its cache between tests: it needs a Redis database of its own.
    parts = urlsplit(os.environ["CACHE_URL"])
    number = int(parts.path.strip("/") or 0) + int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.environ["CACHE_URL"] = urlunsplit(parts._replace(path=f"/{number % 16}"))
# Every consumer's tables are there; which consumers hear events is each test's own choice.
os.environ["SUMERU_CONSUMERS"] = "sumeru_proxy.consumers.order_sync,sumeru_proxy.consumers.attribution"
os.environ["SUMERU_REFRESH"] = "none"
os.environ["SUMERU_CREDENTIAL_VARIABLES"] = "MY_SUMERU_TOKEN,SUMERU_TOKEN,ERP_KEY,TARGET_KEY,A_CUSTOMER_SECRET"
os.environ["SECURE_COOKIES"] = "0"
# The sync API of Playwright keeps an event loop in the thread that runs the test; Django would refuse its own database there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """A run that leaves a process behind has failed: a server or a connection of it would disturb the next one."""
    result = yield
    if not OUTERMOST:
        return result
    deadline = time.monotonic() + 5
    while (left := guard.left_of(os.environ["TEST_RUN"])) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for pid in left:
            sys.stderr.write(f"\nleft behind by the tests: {pid} {guard.command_of(pid)}\n")
    return result
