"""Customer tokens, which prove who a shopper is: the storefront's own server signs them with a secret that the widget server has, too.

``sct_<claims>.<signature>``: both base64url without padding. The claims are JSON with ``exp`` and ``iat`` (Unix seconds), ``shop``
(the shop key) and ``sub`` (Sumeru's customer id); the signature is HMAC-SHA256 of everything before the dot. An id alone proves nothing.
``static/server/customer-token.mjs`` makes the same tokens, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sumeru_proxy.client import bounded_json

Code = Literal["expired", "wrong", "other_shop", "malformed", "from_the_future"]

PREFIX = "sct_"
LONGEST_S = 3600
"""A token is for the page that it was made for, not for keeping."""
SKEW_S = 300.0
"""How far the storefront's clock and ours may be apart: a token is taken so much before and after its time."""
SECRET_LEAST_CHARS = 32
_TOKEN = re.compile(r"sct_([A-Za-z0-9_-]{8,700})\.([A-Za-z0-9_-]{43})", re.ASCII)
# Visible ASCII without a comma: what an id may be in a call to Sumeru, and the same bytes of JSON in every language.
_CUSTOMER = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,190}", re.ASCII)
_SHOP = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


class Unproven(Exception):
    """A token does not prove who the shopper is. ``code`` is stable; nothing of the token is in the text."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


def mint(secret: str, shop_key: str, customer_id: str, *, now: float, lifetime_s: int = 900) -> str:
    """A token for this customer of this shop, valid from ``now`` (Unix seconds) for ``lifetime_s`` seconds. Same values, same token.

    Raises ValueError for a secret of fewer than SECRET_LEAST_CHARS characters, a lifetime that is not 1 to LONGEST_S, and ids that
    cannot be any. For the storefront's server: our own has no business making tokens outside of tests and the demo.
    """
    if len(secret) < SECRET_LEAST_CHARS:
        raise ValueError(f"the secret must have at least {SECRET_LEAST_CHARS} characters")
    if not 1 <= lifetime_s <= LONGEST_S:
        raise ValueError(f"lifetime_s must be 1 to {LONGEST_S}")
    if not _SHOP.fullmatch(shop_key):
        raise ValueError("this is not a shop key")
    if not _CUSTOMER.fullmatch(customer_id):
        raise ValueError("a customer id is 1 to 190 visible ASCII characters without a comma")
    claims = {"exp": int(now) + lifetime_s, "iat": int(now), "shop": shop_key, "sub": customer_id}
    signed = PREFIX + _encoded(json.dumps(claims, separators=(",", ":")).encode())
    return f"{signed}.{_signature(signed, secret)}"


def verify(token: str, secrets: Sequence[str], shop_key: str, now: float) -> str:
    """The customer id that the token proves at ``now`` (Unix seconds), with any of the shop's secrets (two during a rotation).

    Raises Unproven: ``malformed`` (no token at all, or valid for longer than LONGEST_S), ``wrong`` (not signed with these
    secrets), ``other_shop``, ``expired``, ``from_the_future``. Nothing inside is looked at before a signature fits, and the
    comparison takes the same time whichever secret fits and whether one does.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Unproven("malformed")
    signed, given = token[: found.end(1)], found[2]
    good = False
    for secret in secrets:
        good |= hmac.compare_digest(_signature(signed, secret).encode(), given.encode())
    if not good:
        raise Unproven("wrong")
    claims = _claims(found[1])
    if claims["shop"] != shop_key:
        raise Unproven("other_shop")
    if now >= claims["exp"] + SKEW_S:
        raise Unproven("expired")
    if claims["iat"] > now + SKEW_S:
        raise Unproven("from_the_future")
    return str(claims["sub"])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(signed: str, secret: str) -> str:
    return _encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


def _claims(text: str) -> Mapping[str, Any]:
    """What a token that the shop's server signed says. A signature proves who wrote it, not that it was written well."""
    try:
        claims = bounded_json.loads(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True), depth=4, values=100
        )
    except ValueError:
        raise Unproven("malformed") from None
    if not isinstance(claims, dict):
        raise Unproven("malformed")
    times = [claims.get(name) for name in ("iat", "exp")]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in times):
        raise Unproven("malformed")
    if not 0 < claims["exp"] - claims["iat"] <= LONGEST_S or not isinstance(claims.get("shop"), str):
        raise Unproven("malformed")
    if not isinstance(claims.get("sub"), str) or not _CUSTOMER.fullmatch(claims["sub"]):
        raise Unproven("malformed")
    return claims
