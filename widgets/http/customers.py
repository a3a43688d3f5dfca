"""The shops' customer secrets, kept for a moment; what they sign: ``sumeru_proxy.sdk.customer_tokens``."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from threading import Lock

from django.db import DatabaseError

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop

log = logging.getLogger(__name__)

RECHECK_S = 1.0
_MOST_HELD = 2_000
_held: OrderedDict[int, tuple[float, tuple[str, ...]]] = OrderedDict()
_lock = Lock()


def secrets_of(shop_id: int) -> tuple[str, ...]:
    """The shop's valid customer secrets, newest first; at most RECHECK_S old. Empty when there are none. Raises nothing.

    While the database cannot be asked, the last known ones stay; secrets that no key opens are logged and count as none.
    """
    now = time.monotonic()
    with _lock:
        held = _held.get(shop_id)
    if held and 0 <= now - held[0] < RECHECK_S:
        return held[1]
    try:
        found = tuple(secrets.load_all(Shop(pk=shop_id), Credential.Kind.CUSTOMER_SECRET))
    except DatabaseError as error:
        log.warning("shop %s: customer secrets not read: %s", shop_id, type(error).__name__)
        found = held[1] if held else ()
    except secrets.Unusable as error:
        log.error("shop %s: %s", shop_id, error)
        found = ()
    with _lock:
        _held[shop_id] = (now, found)
        _held.move_to_end(shop_id)
        while len(_held) > _MOST_HELD:
            _held.popitem(last=False)
    return found


def forget() -> None:
    """Drop this process's memory of secrets."""
    with _lock:
        _held.clear()
