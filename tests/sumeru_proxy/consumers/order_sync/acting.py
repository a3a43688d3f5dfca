"""What happens around the engine: orders live in the stand-in, events arrive, a worker works."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sumeru_proxy import worker
from sumeru_proxy.models import Shop
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.webhooks import intake
from tests.upstream import Upstream

DOMAIN = "small.example"


def live(sandbox: Upstream, count: int, **options: Any) -> list[str]:
    """Lets new orders live in the stand-in; gives their ids."""
    found: list[str] = sandbox.sandbox.control.orders.live({"shop": DOMAIN, "count": count, **options})["orders"]
    return found


def hear(shop: Shop, order_id: str, event_id: str = "", kind: str = "order.attributed") -> None:
    """As when a webhook of the order was taken."""
    now = datetime.now(UTC)
    event_id = event_id or f"evt_{order_id}_{now.timestamp()}"
    data = {"order_id": order_id}
    text = json.dumps({"id": event_id, "data": data})
    intake.take(shop.pk, intake.Envelope(event_id, kind, now, shop.domain, data, text), now)


def work(**pace: float) -> None:
    each = worker.Worker(
        worker.handlers(), pace=WorkerTimings(**{"base_s": 0.0, "longest_s": 0.0, "away_first_s": 0.0, **pace})
    )
    while each.once():
        pass
