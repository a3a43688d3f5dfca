"""Documents of made-up orders, with every odd case, for tests and benches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client.resource import read_answer
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.sandbox.orders.generator import orders


def documents(count: int, seed: int = 7, **options: Any) -> Iterator[Document]:
    """The orders' documents, as the client reads them and the mapping makes them."""
    for order in orders(count, seed, **options):
        yield map_order(read_answer(admin.ORDER, {"data": order}), "acme")
