"""Owing the writing of a target's orders: the one job that brings a target to what is due in it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sumeru_proxy.consumers.order_sync.engine import NAME, target_key
from sumeru_proxy.consumers.order_sync.models import OrderTarget
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import order_key


def owe_write(row: OrderTarget, due_at: datetime | None = None) -> None:
    """Owe one writing of all that is due in a target. Joins the caller's transaction; of several that wait only the newest runs."""
    installed.owe(
        NAME,
        "write",
        row.shop_id,
        {"target": row.pk},
        key=f"{row.pk}.{uuid.uuid4().hex}",
        # One that is for later must not take the place of one that is due now.
        order_key=order_key(NAME, f"target:{row.pk}{':later' if due_at else ''}"),
        target=target_key(row.pk),
        due_at=due_at,
    )
