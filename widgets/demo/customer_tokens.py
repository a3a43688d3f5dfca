"""The customer token as this shop's server makes it: it has the shared secret and nothing of the widget server's code.

The same bytes as ``sumeru_proxy.sdk.customer_tokens.mint``; see there for what they mean.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

LIFETIME_S = 900


def mint(secret: str, shop_key: str, customer_id: str, now: float) -> str:
    """A token that proves for LIFETIME_S seconds from ``now`` (Unix seconds) that this shop knows the customer."""
    claims = {"exp": int(now) + LIFETIME_S, "iat": int(now), "shop": shop_key, "sub": customer_id}
    signed = "sct_" + _encoded(json.dumps(claims, separators=(",", ":")).encode())
    return f"{signed}.{_encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
