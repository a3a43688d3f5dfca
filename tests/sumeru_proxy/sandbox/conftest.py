"""A fresh sandbox with two small shops for each test; it starts in about a millisecond."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running
from tests.sumeru_proxy.sandbox.conversation import Conversation


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with running(webhook_retry_base_s=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def talk(server: Sandbox) -> Conversation:
    return Conversation(server)
