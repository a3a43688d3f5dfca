"""Spam defence without a third party: a form is signed and timed when it is made, and says so when it comes back.

A seal is only put into private answers (``live`` and the no-store pages): in cacheable HTML all shoppers would share it.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import uuid

from django.core import signing

from sumeru_proxy.reading.shared_cache import cache
from widgets.base import Seal

log = logging.getLogger(__name__)

SALT = "widgets.forms"
LATEST_S = 12 * 3600.0
TRAP = "website"
"""A field that people do not see; whoever fills it in is a script."""
_KEY = re.compile(r"^[A-Za-z0-9_-]{8,80}\Z")


class Stale(Exception):
    """The token was made too long ago: a new form with the same input may be sent."""


class Refused(Exception):
    """The token is missing, was made for another form, was changed, or comes back faster than a person could."""


def seal(subject: str) -> Seal:
    """A new token for this subject (shop, widget and what it is about) and a new idempotency key."""
    return Seal(
        signing.TimestampSigner(salt=SALT).sign_object({"for": subject, "n": secrets.token_hex(6)}), uuid.uuid4().hex
    )


def check(token: str, subject: str, *, soonest_s: float = 2.0) -> None:
    """Raises Stale or Refused; the signature is checked before anything in the token is looked at."""
    signer = signing.TimestampSigner(salt=SALT)
    try:
        said = signer.unsign_object(token, max_age=LATEST_S) if len(token) <= 500 else {}
        if not isinstance(said, dict) or said.get("for") != subject:
            raise Refused
    except signing.SignatureExpired:
        raise Stale from None
    except (signing.BadSignature, ValueError):
        raise Refused from None
    try:
        signer.unsign_object(token, max_age=soonest_s)
    except signing.SignatureExpired:
        return
    raise Refused


def spend(token: str, key: str, most: int) -> None:
    """Count what is sent with this token, each idempotency key once. Raises Stale when it was good for ``most`` already: a new form
    with the same input may be sent, at the pace of people. Without a shared cache nothing is counted; the other brakes hold.
    """
    name = "form:" + hashlib.blake2s(token.encode(), digest_size=12).hexdigest()
    try:
        if not cache.add(f"{name}:{key}", 1, timeout=LATEST_S):
            return
        cache.add(name, 0, timeout=LATEST_S)
        if cache.incr(name) <= most:
            return
    except Exception as error:  # whatever the cache library raises, or the key expired between the two
        log.warning("uses of a form are not counted: %s", type(error).__name__)
        return
    raise Stale


def fits_key(key: str) -> bool:
    """Whether this may be an idempotency key: 8 to 80 letters, digits, _ and -."""
    return bool(_KEY.match(key))
