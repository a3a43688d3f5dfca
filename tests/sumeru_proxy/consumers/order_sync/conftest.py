"""One Tryton per process of tests, a web shop of its own for each test; a shop at the stand-in with a target of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.consumers.order_sync.models import OrderTarget
from sumeru_proxy.consumers.order_sync.tryton.facts import forget
from sumeru_proxy.consumers.order_sync.tryton.set_up import Server
from sumeru_proxy.models import Shop
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.webhooks import readings
from tests.sumeru_proxy.consumers.order_sync import erp
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN
from tests.sumeru_proxy.consumers.order_sync.erp import Ledger, Ledgers
from tests.upstream import Upstream, upstream


@pytest.fixture(autouse=True)
def only_order_sync(no_consumers: None, settings: Any) -> None:
    """The one consumer that is tested here."""
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.order_sync"]


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


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    plans = ("admin_free", "admin_starter", "admin_pro", "admin_agency")
    readings.readings.forget()
    with upstream(small_catalogue(), limits=dict.fromkeys(plans, 100_000)) as running:
        yield running


@pytest.fixture
def shop(sandbox: Upstream, make_shop: Callable[..., Shop]) -> Shop:
    made = make_shop(sandbox.url, domain=DOMAIN, token="copt_test_" + "1" * 32, limits={"admin": 100_000})
    return Shop.objects.get(pk=made.pk)


@pytest.fixture
def row(shop: Shop, tmp_path: Path) -> OrderTarget:
    """A target of accounting files that takes every order."""
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    return OrderTarget.objects.create(
        shop=shop, kind="files", name="books", options={"folder": str(tmp_path)}, start_at=long_ago
    )
