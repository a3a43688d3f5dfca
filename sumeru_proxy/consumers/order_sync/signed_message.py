"""An order as a signed message; how messages are signed and sent: ``sumeru_proxy.outbox.signed_webhooks``. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from sumeru_proxy.consumers.order_sync.document import Document, as_data
from sumeru_proxy.outbox.signed_webhooks import body_of

ORDER_CHANGED: Final = "order.changed"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,120}\Z")


def message_id(document: Document) -> str:
    """The same for the same content of the same order: its id (a digest of it when it has other characters) and the fingerprint.

    It never holds a full stop, which separates the parts of what is signed.
    """
    order_id = document.order_id
    if not _PLAIN_ID.match(order_id):
        order_id = hashlib.sha256(order_id.encode()).hexdigest()[:32]
    return f"{order_id}_{document.fingerprint[:32]}"


def order_body(document: Document) -> bytes:
    """The message about an order. ``data`` is the document and its fingerprint, by the published schema."""
    moment = document.updated_at or document.created_at
    return body_of(ORDER_CHANGED, moment, {**as_data(document), "fingerprint": document.fingerprint})
