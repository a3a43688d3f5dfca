"""One Tryton per process of tests, a web shop of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sumeru_proxy.consumers.order_sync.tryton.facts import forget
from sumeru_proxy.consumers.order_sync.tryton.set_up import Server
from tests.sumeru_proxy.consumers.order_sync import erp
from tests.sumeru_proxy.consumers.order_sync.erp import Ledger, Ledgers


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running Tryton; the first run on a machine installs it and prepares its database, which takes a minute or two."""
    server = erp.start(tmp_path_factory.mktemp("tryton"))
    yield server
    server.kill()


@pytest.fixture
def ledgers(tryton: Server) -> Ledgers:
    """Makes web shops in Tryton, by the shop that they are like."""
    forget()
    return lambda shop="acme-eur": Ledger(tryton, shop)


@pytest.fixture
def ledger(ledgers: Ledgers) -> Ledger:
    """A web shop in Tryton for this test alone."""
    return ledgers()
