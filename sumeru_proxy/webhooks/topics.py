"""What each of Sumeru's events makes stale here. Pure. An event is a hint: freshness itself comes from lifetimes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERASURE = "gdpr.completed"
EVENT_TYPES = (
    "customer.created",
    "customer.updated",
    "customer.tagged",
    "lifecycle.changed",
    "opt_in.changed",
    "order.created",
    "order.attributed",
    "campaign.launched",
    "campaign.completed",
    "campaign.approved",
    "campaign.rejected",
    "journey.enrolled",
    "journey.exited",
    "journey.step_executed",
    "anomaly.fired",
    "gdpr.completed",
    "webhook.failed",
)
"""The documented types. One that is not listed is taken too, and makes nothing stale."""
_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,190}\Z")
"""Opaque text, as long as Sumeru's ids may be."""
_PRODUCTS_MOST = 200


@dataclass(frozen=True, slots=True)
class Stale:
    """Topics to invalidate."""

    topics: tuple[str, ...] = ()


def _id_in(data: Mapping[str, Any], *paths: str) -> str | None:
    for path in paths:
        value: Any = data
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            value = str(value)
        if isinstance(value, str) and _ID.match(value):
            return value
    return None


def customer_of(data: Mapping[str, Any]) -> str | None:
    """The customer an event is about, if it names one (the payload's shape is not documented)."""
    found = _id_in(data, "customer_id", "customer.id", "order.customer.id")
    own = _id_in(data, "id")
    return found or (own if own and own.startswith("cus_") else None)


def order_of(event_type: str, data: Mapping[str, Any]) -> str | None:
    """The order an ``order.*`` event is about, if it names one."""
    return _id_in(data, "order_id", "order.id", "id") if event_type.startswith("order.") else None


def _products_of(data: Mapping[str, Any]) -> list[str]:
    order = data.get("order") if isinstance(data.get("order"), Mapping) else data
    lines = order.get("line_items") if isinstance(order, Mapping) else None
    found: dict[str, None] = {}
    for line in lines[:_PRODUCTS_MOST] if isinstance(lines, list) else ():
        product_id = _id_in(line, "product_id") if isinstance(line, Mapping) else None
        if product_id:
            found[product_id] = None
    return list(found)


def stale_after(event_type: str, data: Mapping[str, Any]) -> Stale:
    """The topics that an event makes stale. Never raises, whatever ``data`` holds."""
    if event_type == ERASURE:
        # Whom it is about needs more than a path, and copies are not all that goes: see ``erasing.begin``.
        return Stale()
    customer = customer_of(data)
    about_customer = (f"customer:{customer}",) if customer else ()
    if event_type == "order.created":
        # What was sold may be out of stock now.
        return Stale(tuple(f"product:{product_id}" for product_id in _products_of(data)) + about_customer)
    if event_type.startswith(("customer.", "lifecycle.", "opt_in.")) or event_type == "order.attributed":
        return Stale(about_customer)
    return Stale()
