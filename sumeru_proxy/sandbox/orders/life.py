"""Orders that live: created, attributed, edited, refunded, cancelled, each step announced by an event, on time or not.

``plan`` decides what happens when, and which event arrives late, again or never; it is a pure function of its seed. ``Life``
carries it out. Documented are only ``order.created`` and ``order.attributed``; that a later change is announced by another
``order.attributed`` is assumed (``later_event`` says otherwise: another type, or none, so that only a comparison finds it).
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sumeru_proxy.sandbox.clock import iso
from sumeru_proxy.sandbox.deliveries import Deliveries
from sumeru_proxy.sandbox.orders import changes
from sumeru_proxy.sandbox.shop_data import ShopData

Item = dict[str, Any]
STEPS: Final = ("created", "attributed", "edited", "refunded", "cancelled")
SHARES: Final = {"edited": 0.3, "refunded": 0.35, "cancelled": 0.15}
TICKS_PER_ORDER: Final = 4
EVENT_LINES: Final = 100
"""An event carries its order with its lines up to so many: a webhook's body has a limit."""


@dataclass(frozen=True, slots=True)
class Act:
    """Order number ``order`` (from 0) takes a step at a tick."""

    tick: int
    order: int
    step: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``acts`` in the order in which they happen; ``sends`` are places of acts whose event goes out, by the place after which it does."""

    acts: tuple[Act, ...]
    sends: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]
    repeated: tuple[int, ...]


def plan(
    count: int, seed: int = 0, steps: Sequence[str] = (), repeat: float = 0.0, lose: float = 0.0, reach: int = 0
) -> Plan:
    """What happens to ``count`` orders. ``steps``: what every order goes through; drawn for each unless given.

    ``repeat`` and ``lose`` are probabilities of an event; ``reach``: an event may be late by so many acts (0: on time).
    """
    draw = random.Random(f"life|{seed}")  # noqa: S311
    acts = []
    for order in range(count):
        tick = order * TICKS_PER_ORDER
        for step in steps or _draw_steps(draw):
            acts.append(Act(tick, order, step))
            tick += 1 + int(draw.random() * (6 if step == "created" else 200))
    acts.sort(key=lambda act: (act.tick, act.order))
    sends: list[tuple[int, int]] = []
    lost, repeated = [], []
    for place in range(len(acts)):
        due = place + (int(draw.random() * (reach + 1)) if reach else 0)
        if draw.random() < lose:
            lost.append(place)
            continue
        sends.append((due, place))
        if draw.random() < repeat:
            repeated.append(place)
            sends.append((due + int(draw.random() * (reach + 10)), place))
    sends.sort()
    return Plan(tuple(acts), tuple(sends), tuple(lost), tuple(repeated))


def _draw_steps(draw: random.Random) -> list[str]:
    steps = ["created", "attributed", *(step for step, share in SHARES.items() if draw.random() < share)]
    if "refunded" in steps and draw.random() < 0.2:
        steps.insert(steps.index("refunded"), "refunded")
    return steps


def event_of(order: Item, kind: str) -> Item:
    """An event's ``type`` and ``data``: the order's id, and the order as it is at this moment."""
    event_order = (
        order if len(order["line_items"]) <= EVENT_LINES else {k: v for k, v in order.items() if k != "line_items"}
    )
    if kind == "order.created":
        event_order = {name: value for name, value in event_order.items() if name != "attributions"}
    return {"type": kind, "data": {"order_id": order["id"], "order": event_order}}


class Life:
    """Lets a shop's orders live, one plan at a time, until ``stopping`` is set."""

    def __init__(self, deliveries: Deliveries, stopping: threading.Event) -> None:
        self._deliveries, self._world, self._stopping = deliveries, deliveries.world, stopping
        self._lock = threading.Lock()
        self.progress: Item = {"running": False}

    def step(self, shop: ShopData, order_id: str, step: str, options: Item, *, silent: bool = False) -> Item:
        """One step of one order, now. Raises KeyError for an unknown order, ValueError for a step that cannot be.

        ``options``: ``quantities`` of an edit, ``pieces``, ``shipping``, ``goodwill``, ``reason`` of a refund, ``reason`` of a
        cancellation; drawn when none is given. ``silent``: no event.
        """
        with self._world.lock:
            order = shop.orders[order_id]
            new_order = self._step(order, step, options, iso(self._world.clock.now()), random.Random(order_id))  # noqa: S311
            self._put(shop, new_order)
        if not silent:
            self._deliveries.emit(event_of(new_order, _kind(step)), shop.domain)
        return new_order

    def start(self, shop: ShopData, count: int, seed: int, *, pause_s: float = 0.0, **options: Any) -> Item:
        """Plays a plan for ``count`` new orders; with a pause after each act in a thread of its own. Gives ``progress``.

        Options are those of ``plan``, ``every_s`` (seconds between ticks in the orders' times; the last act is now), and
        ``later_event``. Raises ValueError for an unknown step, and while another plan is being played.
        """
        every_s, later = int(options.pop("every_s", 1)), options.pop("later_event", "order.attributed")
        if unknown := set(options.get("steps") or ()) - set(STEPS):
            raise ValueError(f"unknown steps: {', '.join(sorted(unknown))}")
        new_plan = plan(count, seed, **options)
        if not self._lock.acquire(blocking=False):
            raise ValueError("another life is being played")
        self.progress = {
            "running": True, "orders": [], "acts": len(new_plan.acts), "done": 0, "steps": {}, "events": 0,
            "lost": len(new_plan.lost), "repeated": len(new_plan.repeated), "refused": 0, "unannounced": [],
        }  # fmt: skip
        if pause_s:
            arguments = (shop, count, seed, new_plan, every_s, later, pause_s)
            threading.Thread(target=self._play, args=arguments, name="sandbox-life", daemon=True).start()
        else:
            self._play(shop, count, seed, new_plan, every_s, later, 0.0)
        return self.progress

    def stop(self) -> None:
        """Ends a plan that is being played after the act it is at."""
        self.progress["running"] = False

    def _play(
        self, shop: ShopData, count: int, seed: int, plan: Plan, every_s: int, later: str | None, pause_s: float
    ) -> None:
        progress, steps = self.progress, Counter[str]()
        announced_orders: dict[str, bool] = {}
        try:
            began = self._world.clock.now() - (plan.acts[-1].tick if plan.acts else 0) * every_s
            first = shop.generated + 1
            spacing_s = TICKS_PER_ORDER * every_s
            since = iso(began - (first - 1) * spacing_s)
            with self._world.lock:
                generator = shop.generator(seed, first, since=since, every_s=spacing_s)
                orders = list(generator.take(count, changed=False))
                customers = list(generator.customers.values())
                self._world.commit(
                    {
                        "do": "customers",
                        "shop": shop.domain,
                        "customers": customers,
                        "generated": shop.generated + count,
                    }
                )
            progress["orders"] = [order["id"] for order in orders]
            draw = random.Random(f"steps|{seed}")  # noqa: S311
            events: dict[int, Item] = {}
            sends, lost_places = iter(plan.sends), set(plan.lost)
            due = next(sends, None)
            for place, act in enumerate(plan.acts):
                if not progress["running"] or self._stopping.is_set():
                    return
                at = iso(began + act.tick * every_s)
                order = self._act(shop, orders[act.order], act, at, draw)
                progress["done"] += 1
                if order is None:
                    progress["refused"] += 1
                else:
                    steps[act.step] += 1
                    kind = _kind(act.step) if act.step in ("created", "attributed") else later
                    if kind:
                        identity = {"id": self._world.new_id("evt"), "created_at": at}
                        events[place] = {**event_of(order, kind), **identity}
                    announced_orders[order["id"]] = bool(kind) and place not in lost_places
                while due is not None and due[0] <= place:
                    progress["events"] += self._send(shop, events.get(due[1]))
                    due = next(sends, None)
                if pause_s and self._stopping.wait(pause_s):
                    return
            for _after, place in (*([due] if due is not None else []), *sends):
                progress["events"] += self._send(shop, events.get(place))
        finally:
            progress["steps"], progress["running"] = dict(steps), False
            progress["unannounced"] = [
                order_id for order_id, is_announced in announced_orders.items() if not is_announced
            ]
            self._lock.release()

    def _act(self, shop: ShopData, new_order: Item, act: Act, at: str, draw: random.Random) -> Item | None:
        """The order after the act; None when the step cannot be (no touchpoints, nothing to refund, cancelled before)."""
        with self._world.lock:
            if act.step == "created":
                payments = [{**payment, "created_at": at} for payment in new_order["payments"]]
                order = {**new_order, "created_at": at, "updated_at": at, "payments": payments, "attributions": []}
            else:
                try:
                    options = {"attributions": new_order["attributions"]}
                    order = self._step(shop.orders[new_order["id"]], act.step, options, at, draw)
                except (ValueError, KeyError):
                    return None
            self._put(shop, order)
        return order

    def _step(self, order: Item, step: str, options: Item, at: str, draw: random.Random) -> Item:
        if step == "attributed":
            attributions = options.get("attributions") or order["attributions"]
            if not attributions:
                raise ValueError("an attribution needs touchpoints")
            for entry in attributions:
                order = changes.attribute(order, entry["touchpoints"], entry["model"])
            return {**order, "updated_at": at}
        if step == "edited":
            return changes.edit(order, options.get("quantities") or changes.drawn_edit(order, draw), at)
        if step == "refunded":
            reason, goodwill = str(options.get("reason") or ""), int(options.get("goodwill") or 0)
            pieces, shipping = options.get("pieces") or {}, bool(options.get("shipping"))
            if not pieces and not shipping and not goodwill:
                pieces, shipping = changes.drawn_refund(order, draw)
            return changes.refund(order, pieces, at, shipping=shipping, goodwill=goodwill, reason=reason)
        if step == "cancelled":
            return changes.cancel(order, at, str(options.get("reason") or "customer"))
        raise ValueError(f"unknown step: {step}")

    def _put(self, shop: ShopData, order: Item) -> None:
        self._world.commit({"do": "order", "shop": shop.domain, "order": order})

    def _send(self, shop: ShopData, event: Item | None) -> int:
        if event is None:
            return 0
        self._deliveries.emit(event, shop.domain)
        return 1


def _kind(step: str) -> str:
    return "order.created" if step == "created" else "order.attributed"
