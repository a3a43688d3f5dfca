"""What a writing did, for targets that write whatever they are given. Pure."""

from __future__ import annotations

from sumeru_proxy.consumers.order_sync.document import CANCELLED
from sumeru_proxy.consumers.order_sync.targets import interface


def action_of(entry: interface.Entry) -> str:
    """The action of ``interface.Receipt`` that brings ``entry.before`` to ``entry.document``."""
    document, before = entry.document, entry.before
    if before is None:
        return interface.CREATED
    if before.fingerprint == document.fingerprint:
        return interface.UNCHANGED
    if document.state == CANCELLED and before.state != CANCELLED:
        return interface.CANCELLED
    return interface.REFUNDED if len(document.refunds) > len(before.refunds) else interface.UPDATED
