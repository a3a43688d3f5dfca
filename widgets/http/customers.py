"""The shops' customer secrets, cached for RECHECK_S seconds. ``sumeru_proxy.sdk.customer_tokens`` verifies what they sign."""

from __future__ import annotations

import logging
import time

from django.db import DatabaseError

from sumeru_proxy import secrets
from sumeru_proxy.memory import Memory
from sumeru_proxy.models import Credential, Shop

log = logging.getLogger(__name__)

RECHECK_S = 1.0
_SHOPS_LIMIT = 2_000
_memory: Memory[int, tuple[str, ...]] = Memory(_SHOPS_LIMIT, RECHECK_S)


def secrets_of(shop_id: int) -> tuple[str, ...]:
    """The shop's valid customer secrets, newest first; at most RECHECK_S old. Empty when there are none. Raises nothing.

    While the database cannot be asked, the last known ones stay; secrets that no key opens are logged and count as none.
    """
    now = time.monotonic()
    if entry := _memory.fresh(shop_id, now):
        return entry.value
    try:
        found = tuple(secrets.load_all(Shop(pk=shop_id), Credential.Kind.CUSTOMER_SECRET))
    except DatabaseError as error:
        log.warning("shop %s: customer secrets not read: %s", shop_id, type(error).__name__)
        last = _memory.last(shop_id)
        found = last.value if last else ()
    except secrets.CredentialUnusable as error:
        log.error("shop %s: %s", shop_id, error)
        found = ()
    _memory.set(shop_id, found, now)
    return found


def forget() -> None:
    """Drop this process's memory of secrets."""
    _memory.forget()
