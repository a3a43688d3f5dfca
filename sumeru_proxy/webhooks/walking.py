"""Walking through all orders of a shop, a page of 100 at a time: the step of a range job (see ``listeners.RangeKind``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError

from sumeru_proxy.client.errors import Refused as RefusedBySumeru
from sumeru_proxy.client.errors import SumeruError
from sumeru_proxy.client.shapes_admin import Order, OrderPage
from sumeru_proxy.client.windows import Window
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks.listeners import Effect, NotMappable, Refused, Step, Stride, TargetDown

PAGE: Final = 100
PART_TRIES: Final = 5
"""After so many failures of its own a page is left behind as a part job, and the walk goes on."""

HandlePage = Callable[[Shop, Sequence[Order], Mapping[str, Any]], Effect | None]


def moment_of(body: Mapping[str, Any], name: str) -> datetime | None:
    """A body's ``since`` or ``until``. Raises ValueError for one that is no ISO 8601 time with an offset."""
    value = body.get(name)
    if not value:
        return None
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(name)
    return moment


def over_orders(handle: HandlePage) -> Callable[[Step], Stride]:
    """A step that reads the next page of orders, oldest first, attributions included, and gives ``handle(shop, orders, body)`` those
    created between the body's ``since`` and ``until`` (ISO 8601 with offset, each optional, ``until`` excluded).

    What ``handle`` raises decides: ``TargetDown`` and the client's errors make the walk wait; ``NotMappable`` and ``Refused``, and other
    errors after PART_TRIES tries, leave the page behind as a part job that stays owed. ``handle`` may be called again for a page.
    """

    def step(at: Step) -> Stride:
        body = at.work.body
        window = Window("created_at", moment_of(body, "since"), moment_of(body, "until"))
        page, plain = _page(at, window)
        effect: Effect | None = None
        failed: Exception | None = None
        if page.orders:
            try:
                effect = handle(at.work.shop, page.orders, body)
            except (NotMappable, Refused) as error:
                failed = error
            except (TargetDown, SumeruError, OperationalError, InterfaceError):
                raise
            except Exception as error:
                if at.work.attempts < PART_TRIES:
                    raise
                failed = error
        return Stride(
            next=None if page.next_cursor is None else {"cursor": page.next_cursor, "plain": plain},
            units=len(page.orders),
            effect=effect,
            reached=page.orders[-1].created_at if page.orders else None,
            last=window.until,
            skipped=page.skipped,
            failed=failed,
        )

    return step


def _page(at: Step, window: Window) -> tuple[OrderPage, bool]:
    """The next page, and whether it was asked for without filters, which an account may not know."""
    place = at.cursor or {}
    cursor, plain = place.get("cursor"), bool(place.get("plain"))
    sumeru = at.work.sumeru()

    def ask(sent: Window | None) -> OrderPage:
        return sumeru.orders(limit=PAGE, cursor=cursor, sort="created_at", include=("attributions",), window=sent)

    if not plain:
        try:
            return ask(window), False
        except RefusedBySumeru as error:
            if not window.query() or cursor is not None or error.status not in (400, 422):
                raise
    return window.kept(ask(None)), True
