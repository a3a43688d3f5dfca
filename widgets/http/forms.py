"""Spam protection without a third party: a form gets a signed, timed token when it is rendered, and the token is checked when the
form is sent.

Only private responses hold a token (``live`` and the no-store pages): in cacheable HTML all shoppers would share one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import socket
import uuid

from django.core import signing
from django.utils.crypto import salted_hmac

from sumeru_proxy.reading.shared_cache import cache
from widgets.base import Seal

log = logging.getLogger(__name__)

SALT = "widgets.forms"
LATEST_S = 12 * 3600.0
TRAP = "website"
"""A field that people do not see; whoever fills it in is a script."""
_KEY = re.compile(r"^[A-Za-z0-9_-]{8,80}\Z")


def _machine() -> str:
    """Names the machine whose clock a seal was timed by, to ourselves alone."""
    return salted_hmac(SALT, socket.gethostname()).hexdigest()[:8]


class Stale(Exception):
    """The token was made too long ago: a new form with the same input may be sent."""


class Refused(Exception):
    """The token is missing, was made for another form, was changed, or comes back faster than a person could."""


def seal(subject: str) -> Seal:
    """A new token for this subject (shop, widget and what it is about) and a new idempotency key."""
    words = {"for": subject, "by": _machine(), "n": secrets.token_hex(6)}
    return Seal(signing.TimestampSigner(salt=SALT).sign_object(words), uuid.uuid4().hex)


def check(token: str, subject: str, *, soonest_s: float = 2.0) -> None:
    """Raises Stale or Refused; the signature is checked before anything in the token is looked at.

    Whether it comes too soon is judged by one clock only: a few minutes between two machines' would refuse people.
    """
    signer = signing.TimestampSigner(salt=SALT)
    try:
        made = signer.unsign_object(token, max_age=LATEST_S) if len(token) <= 500 else {}
    except signing.SignatureExpired:
        raise Stale from None
    except (signing.BadSignature, ValueError):
        raise Refused from None
    if not isinstance(made, dict) or made.get("for") != subject:
        raise Refused
    if made.get("by") == _machine() and not _is_future(token) and not _is_older(token, soonest_s):
        raise Refused


def _is_older(token: str, seconds: float) -> bool:
    try:
        signing.TimestampSigner(salt=SALT).unsign_object(token, max_age=seconds)
    except signing.SignatureExpired:
        return True
    return False


def _is_future(token: str) -> bool:
    """Whether this machine's clock was set back since."""
    return not _is_older(token, -1)


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
