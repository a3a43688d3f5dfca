"""Loaded before the settings: tests keep their data in a folder of their own that goes away with the run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from urllib.parse import urlsplit, urlunsplit

if "SUMERU_TEST_DATA" not in os.environ:  # xdist's workers inherit the controller's
    folder = tempfile.mkdtemp(prefix="sumeru-tests-")
    os.environ["SUMERU_TEST_DATA"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["DATA_DIR"] = os.environ["SUMERU_TEST_DATA"]
os.environ.setdefault("SUMERU_HOSTS", "https://api.sumeru.systems,https://eu.api.sumeru.systems")
if os.environ.get("CACHE_URL", "").startswith("redis://") and "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker empties its cache between tests: it needs a Redis database of its own.
    parts = urlsplit(os.environ["CACHE_URL"])
    number = int(parts.path.strip("/") or 0) + int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.environ["CACHE_URL"] = urlunsplit(parts._replace(path=f"/{number % 16}"))
os.environ["SUMERU_REFRESH"] = "none"
os.environ["SECURE_COOKIES"] = "0"
# The sync API of Playwright keeps an event loop in the thread that runs the test; Django would refuse its own database there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
