"""Messages by Standard Webhooks 1.0, signed and posted to an endpoint of the merchant's: what consumers send to others.

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
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sumeru_proxy.client.version import VERSION
from sumeru_proxy.outbox.endpoint import Endpoint, HttpAnswer, PrivateAddress, Unreachable
from sumeru_proxy.outbox.target_errors import TargetDown

PING: Final = "ping"
SECRETS_LIMIT: Final = 2
AWAY: Final = (408, 425, 429, 502, 503, 504)
SETTINGS: Final = {
    401: "key_refused",
    403: "key_refused",
    404: "endpoint_gone",
    405: "endpoint_gone",
    410: "endpoint_gone",
}
_PREFIX = "whsec_"
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_WORDS_CHARS: Final = 300


def new_secret() -> str:
    """A fresh secret of 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def keys_of(text: str) -> tuple[bytes, ...]:
    """The keys in a secret's text: one secret, or two with a comma or a space between them during a rotation, the new one first.

    Raises ValueError, whose text never shows any of it.
    """
    words = text.replace(",", " ").split()
    if not 1 <= len(words) <= SECRETS_LIMIT:
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


def body_of(kind: str, moment: datetime, data: Mapping[str, Any]) -> bytes:
    """Any message: ``type``, ``timestamp`` (RFC 3339) and ``data``."""
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": kind, "timestamp": text, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def post(endpoint: Endpoint, keys: Sequence[bytes], id: str, body: bytes) -> HttpAnswer:
    """Sign and send once. Raises TargetDown where the answer (or that there is none) says something about all messages."""
    headers = {"User-Agent": f"sumeru-widgets/{VERSION}", **headers_of(id, time.time(), body, keys)}
    try:
        answer = endpoint.post(headers, body)
    except Unreachable as error:
        raise TargetDown(text=str(error), reason="unreachable") from None
    except PrivateAddress:
        text = "the endpoint's name leads to a private address; allow_private allows that"
        raise TargetDown(60.0, text, reason="private_address") from None
    if problem := _away(answer):
        raise problem
    return answer


def ping(endpoint: Endpoint, keys: Sequence[bytes]) -> HttpAnswer:
    """Send a message that a receiver answers with 2xx and otherwise ignores. Raises TargetDown, also for an answer of 5xx."""
    answer = post(endpoint, keys, f"ping_{time.time_ns()}", body_of(PING, datetime.now(UTC), {}))
    if answer.status >= 500:
        raise TargetDown(answer.retry_after_s or 0.0, f"the endpoint answers {answer.status}", reason="server_error")
    return answer


def words_of(body: bytes) -> str:
    """The beginning of an answer as text for people."""
    return _UNFIT.sub(" ", body[: _WORDS_CHARS * 4].decode("utf-8", "replace"))[:_WORDS_CHARS].strip()


def _away(answer: HttpAnswer) -> TargetDown | None:
    """What an answer says about all messages, whatever this one holds."""
    if answer.status in AWAY:
        return TargetDown(answer.retry_after_s or 0.0, f"the endpoint answers {answer.status}", reason="busy")
    if 300 <= answer.status < 400:
        text = f"the endpoint redirects ({answer.status}); give its final address"
        return TargetDown(60.0, text, reason="redirect")
    if answer.status in SETTINGS:
        return TargetDown(60.0, f"the endpoint answers {answer.status}", reason=SETTINGS[answer.status])
    return None
