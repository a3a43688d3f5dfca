"""The control API's part about orders: draw many, let them live, change one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from sumeru_proxy.sandbox.clock import seconds_of
from sumeru_proxy.sandbox.deliveries import Deliveries
from sumeru_proxy.sandbox.orders.generator import EVERY_S, SINCE
from sumeru_proxy.sandbox.orders.life import STEPS, Life
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.shop_data import ShopData

Item = dict[str, Any]
MAX_GENERATED: Final = 1_000_000
MAX_LIVING: Final = 20_000


def generation(body: Mapping[str, Any], first: int) -> Item:
    """The operation that draws orders: ``count``, and ``seed``, ``since``, ``every_s``, ``not_after``, ``changed``, ``shop``.

    Raises ValueError.
    """
    options: Item = {
        "count": _whole(body, "count", None, 1, MAX_GENERATED), "seed": _whole(body, "seed", 0, -(2**63), 2**63), "first": first,
        "since": str(body.get("since") or SINCE), "every_s": _whole(body, "every_s", EVERY_S, 0, 10**7),
        "changed": bool(body.get("changed", True)), "not_after": body.get("not_after"),
    }  # fmt: skip
    for name in ("since", "not_after"):
        if options[name] is not None:
            seconds_of(options[name])
    return {"do": "orders_generated", "shop": body.get("shop"), "options": options}


def _whole(body: Mapping[str, Any], name: str, default: int | None, low: int, high: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}")
    return value


def _share(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1")
    return float(value)


class OrderControl:
    """Usable in-process, too. The methods raise Problem, ValueError and KeyError; any thread may call them."""

    def __init__(self, deliveries: Deliveries, shop_of: Callable[[Item], ShopData], stopping: threading.Event) -> None:
        self.life = Life(deliveries, stopping)
        self._world, self._shop_of = deliveries.world, shop_of

    def generate(self, body: Item) -> Item:
        """Draws orders without any event: see ``generation``. Gives ``count`` and the ids of the first and the last."""
        with self._world.lock:
            shop = self._shop_of(body)
            first = shop.generated + 1
            operation = generation({**body, "shop": shop.domain}, first)
            self._world.commit(operation)
            return {"count": operation["options"]["count"], "first": f"ord_g{first}", "last": f"ord_g{shop.generated}"}

    def step(self, body: Item) -> Item:
        """``{id, step, silent?}`` and the step's options: ``quantities``; ``pieces, shipping, goodwill, reason``; ``reason``."""
        try:
            return self.life.step(
                self._shop_of(body), str(body["id"]), str(body["step"]), body, silent=bool(body.get("silent"))
            )
        except KeyError:
            raise Problem("not_found", "No such order.") from None

    def live(self, body: Item) -> Item:
        """Lets ``count`` new orders live: ``{count, seed?, steps?, repeat?, lose?, reach?, every_s?, pause_s?, later_event?}``.

        ``pause_s`` above 0 answers at once and plays on; ``GET`` of the same path tells how far it is.
        """
        steps = body.get("steps") or ()
        if not isinstance(steps, list | tuple) or not set(map(str, steps)) <= set(STEPS):
            raise invalid("steps", f"must be a list of some of {', '.join(STEPS)}")
        more = {"later_event": body["later_event"]} if "later_event" in body else {}
        return self.life.start(
            self._shop_of(body),
            _whole(body, "count", None, 1, MAX_LIVING),
            _whole(body, "seed", 0, -(2**63), 2**63),
            pause_s=float(body.get("pause_s") or 0),
            steps=tuple(map(str, steps)),
            repeat=_share(body, "repeat"),
            lose=_share(body, "lose"),
            reach=_whole(body, "reach", 0, 0, 10_000),
            every_s=_whole(body, "every_s", 1, 0, 10**6),
            **more,
        )
