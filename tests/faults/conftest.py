"""What the fault tests share: one installation per engine, with a web server of two processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running
from tests.faults.crowds import large_catalogue
from tests.faults.running_site import ENGINES, PLENTY, Site, Web, site


@pytest.fixture(scope="session")
def upstream() -> Iterator[Sandbox]:
    """A stand-in Sumeru without tight limits."""
    with running(limits=PLENTY) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=ENGINES)
def place(request: Any, upstream: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation, once per engine."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with site(request.param, folder, upstream) as made:
        yield made


@pytest.fixture(scope="session")
def web(place: Site) -> Web:
    """Two processes that answer."""
    return place.web()


@pytest.fixture(scope="session")
def large_upstream() -> Iterator[Sandbox]:
    """A stand-in Sumeru with thousands of products, without tight limits and without an edge cache that would hide calls."""
    with running(large_catalogue(), limits=PLENTY, edge=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=ENGINES)
def shared_place(request: Any, large_upstream: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation whose processes share their copies: SQLite with the database cache, or PostgreSQL with Redis."""
    folder: Path = tmp_path_factory.mktemp(f"shared-{request.param}")
    more = {} if request.param == "postgresql" else {"CACHE_URL": "database://"}
    with site(request.param, folder, large_upstream, **more) as made:
        if more:
            made.manage("createcachetable")
        yield made


@pytest.fixture(scope="session")
def shared_web(shared_place: Site) -> Web:
    """Two processes that answer from shared copies."""
    return shared_place.web()


@pytest.fixture
def quiet_upstream(large_upstream: Sandbox) -> Sandbox:
    """The same stand-in, without faults and with its calls forgotten."""
    large_upstream.faults.clear()
    large_upstream.control.forget_calls()
    return large_upstream
