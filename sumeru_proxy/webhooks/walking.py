"""Walking through all orders of a shop, a page of 100 at a time: the step of a range job (see ``listeners.RangeKind``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks.listeners import Effect, NotMappable, Refused, Step, Stride

PAGE: Final = 100
PART_TRIES: Final = 5
"""After so many failures of its own a page is left behind as a part job, and the walk goes on."""

HandlePage = Callable[[Shop, Sequence[Order], Mapping[str, Any]], Effect | None]


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def over_orders(handle: HandlePage) -> Callable[[Step], Stride]:
    """A step that reads the next page of orders, oldest first, attributions included, and gives ``handle(shop, orders, body)`` those
    created between the body's ``since`` and ``until`` (ISO 8601 with offset, each optional, ``until`` excluded).

    What ``handle`` raises decides: ``TargetDown`` and the client's errors make the walk wait; ``NotMappable`` and ``Refused``, and other
    errors after PART_TRIES tries, leave the page behind as a part job that stays owed. ``handle`` may be called again for a page.
    """

    def step(at: Step) -> Stride:
        body = at.work.body
        since, until = _moment(body.get("since")), _moment(body.get("until"))
        page = at.work.sumeru().orders(limit=PAGE, cursor=at.cursor, sort="created_at", include=("attributions",))
        orders = [
            order
            for order in page.orders
            if (since is None or order.created_at >= since) and (until is None or order.created_at < until)
        ]
        reached = page.orders[-1].created_at if page.orders else None
        beyond = until is not None and reached is not None and reached >= until
        effect: Effect | None = None
        failed: Exception | None = None
        if orders:
            try:
                effect = handle(at.work.shop, orders, body)
            except (NotMappable, Refused) as error:
                failed = error
        return Stride(
            next=None if beyond else page.next_cursor,
            units=len(orders),
            effect=effect,
            reached=reached,
            last=until,
            skipped=page.skipped,
            failed=failed,
        )

    return step
