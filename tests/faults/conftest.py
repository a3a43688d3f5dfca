"""What the fault tests share: one installation per engine, with a web server of two processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running
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
