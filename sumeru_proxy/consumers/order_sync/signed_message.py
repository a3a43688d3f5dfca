"""An order as a signed message by Standard Webhooks 1.0: id, timestamp, signature, body. Pure.

Signed is ``id.timestamp.body`` with HMAC-SHA256; a secret is ``whsec_`` and 24 to 64 bytes in base64. During a rotation there are two
secrets and so two signatures with a space between them: a receiver is content with either.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.document import Document, as_data

ORDER_CHANGED: Final = "order.changed"
PING: Final = "ping"
SECRET_LIMIT: Final = 2
_PREFIX = "whsec_"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,120}\Z")


def new_secret() -> str:
    """A fresh secret of 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def keys_of(text: str) -> tuple[bytes, ...]:
    """The keys in a secret's text: one secret, or two with a comma or a space between them during a rotation, the new one first.

    Raises ValueError, whose text never shows any of it.
    """
    words = text.replace(",", " ").split()
    if not 1 <= len(words) <= SECRET_LIMIT:
        raise ValueError("the secret must be one whsec_… or two of them with a comma in between")
    keys = []
    for word in words:
        try:
            key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not word.startswith(_PREFIX) or not 24 <= len(key) <= 64:
            raise ValueError("each secret must be whsec_ and 24 to 64 bytes in base64")
        keys.append(key)
    return tuple(keys)


def headers_of(message_id: str, moment: float, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers, for a body sent at ``moment`` (Unix seconds)."""
    timestamp = str(int(moment))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


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


def body_of(kind: str, moment: datetime, data: Mapping[str, Any]) -> bytes:
    """Any message: ``type``, ``timestamp`` (RFC 3339) and ``data``."""
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": kind, "timestamp": text, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
