"""Whether bytes were signed with a subscription's secret. Pure; nothing is parsed before the signature is verified."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

HEADER = "X-Sumeru-Signature"
_FORM = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


class BadSignature(Exception):
    """The signature does not prove that the bytes come from Sumeru. The exception does not say what is wrong with it, so that an
    attacker learns nothing.
    """


def sign(raw: bytes, secret: str) -> str:
    """The header's value for these bytes: HMAC-SHA256 of the raw body, in lower-case hex."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def verify(raw: bytes, header: str | None, secrets: Sequence[str]) -> None:
    """Raises BadSignature unless ``header`` signs exactly these bytes with one of ``secrets`` (two during a rotation).

    Takes the same time whichever secret fits, and whether one does.
    """
    found = _FORM.fullmatch(header or "")
    given = found[1].encode() if found else b"-" * 64
    good = False
    for secret in secrets:
        good |= hmac.compare_digest(hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().encode(), given)
    if not good:
        raise BadSignature
