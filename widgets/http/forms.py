"""Spam protection without a third party: a form gets a signed, timed token when it is rendered, and the token is checked when the
form is sent.

Only private responses hold a token (``live`` and the no-store pages): in cacheable HTML all shoppers would share one.
"""

from __future__ import annotations

import re
import uuid

from django.core import signing

from widgets.base import Seal

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
    return Seal(signing.TimestampSigner(salt=SALT).sign_object({"for": subject}), uuid.uuid4().hex)


def check(token: str, subject: str, *, soonest_s: float = 2.0) -> None:
    """Raises Stale or Refused; the signature is checked before anything in the token is looked at."""
    signer = signing.TimestampSigner(salt=SALT)
    try:
        if len(token) > 500 or signer.unsign_object(token, max_age=LATEST_S) != {"for": subject}:
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


def fits_key(key: str) -> bool:
    """Whether this may be an idempotency key: 8 to 80 letters, digits, _ and -."""
    return bool(_KEY.match(key))
