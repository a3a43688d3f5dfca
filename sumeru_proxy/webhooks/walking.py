"""Walking through all orders of a shop, a page of 100 at a time: the step of a range job (see ``listeners.RangeKind``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError

from sumeru_proxy.client.api import Sumeru
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
        page, following = read_page(at.work.sumeru(), window, "created_at", at.cursor)
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
            next=following,
            units=len(page.orders),
            effect=effect,
            reached=page.orders[-1].created_at if page.orders else None,
            last=window.until,
            skipped=page.skipped,
            failed=failed,
        )

    return step


# -- pages


Place = Mapping[str, Any]
"""Where a walk is, as JSON: ``cursor``; ``plain``: the account knows no comparison filters; ``at``: the time of the last order read, and
``ids``: those of about that time; ``ordered``: times came in the order that was asked for; ``edge``: where the walk began anew; ``stuck``:
the ``at`` at which it did.
"""
SAME_TIME: Final = timedelta(seconds=1)
"""Orders this close may come again after a new beginning, since an account may compare whole seconds."""
_IDS_LIMIT: Final = 1_000


def read_page(
    sumeru: Sumeru, window: Window, sort: str, place: Place | None
) -> tuple[OrderPage, dict[str, Any] | None]:
    """The page of orders at a place of a walk (None: the first), attributions included, and the next place (None: the end).

    ``sort`` is the window's field, with ``-`` for newest first. An account that refuses the window's filters is asked without them. A
    cursor that is refused has expired: the walk then begins anew at the last time that it has read, from the first order when times did
    not come in order. What was read by then is left out. Raises the client's errors; that refusal, too, when the new beginning led nowhere.
    """
    place = dict(place or {})
    try:
        page = _fetch(sumeru, window, sort, place)
    except RefusedBySumeru as error:
        if error.status not in (400, 422):
            raise
        if place.get("cursor") is not None:
            if "stuck" in place and place["stuck"] == place.get("at"):
                raise
            place |= {"cursor": None, "stuck": place.get("at"), "edge": place.get("at") if _ordered(place) else None}
        elif window.query() and not place.get("plain"):
            place["plain"] = True
        else:
            raise
        return read_page(sumeru, window, sort, place)
    seen = set(place.get("ids") or ()) if place.get("edge") else set()
    after = _after(place, page, window.field, sort)
    return replace(page, orders=tuple(each for each in page.orders if each.id not in seen)), after


def _ordered(place: Place) -> bool:
    return bool(place.get("ordered", True))


def _fetch(sumeru: Sumeru, window: Window, sort: str, place: Place) -> OrderPage:
    rest = window
    if place.get("edge"):
        edge = datetime.fromisoformat(place["edge"])
        rest = replace(window, until=edge + SAME_TIME) if sort.startswith("-") else replace(window, since=edge)
    plain = bool(place.get("plain"))
    page = sumeru.orders(PAGE, place.get("cursor"), sort, include=("attributions",), window=None if plain else rest)
    if not plain:
        return page
    inside = window.kept(page)  # what was read before the walk began anew is not outside
    return replace(rest.kept(inside), outside=inside.outside)


def _after(place: Place, page: OrderPage, field: str, sort: str) -> dict[str, Any] | None:
    if page.next_cursor is None:
        return None
    at = datetime.fromisoformat(place["at"]) if place.get("at") else None
    recent = dict.fromkeys(place.get("ids") or ())
    ordered = _ordered(place)
    for order in page.orders:
        time: datetime | None = getattr(order, field)
        if time is None:
            continue
        if at is not None and order.id not in recent:
            ordered = ordered and (time <= at if sort.startswith("-") else time >= at)
        if at is not None and abs(time - at) > SAME_TIME:
            recent.clear()
        recent[order.id] = None
        at = time
    return {
        **place,
        "cursor": page.next_cursor,
        "at": None if at is None else at.isoformat(),
        "ids": list(recent)[-_IDS_LIMIT:],
        "ordered": ordered,
    }
