"""Asking Sumeru and storing the answer as a copy. Only a validated answer is ever stored; stamps are read before the fetch begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.leases import lease

ABSENT_FRESH_S = 60.0
"""How long "there is no such thing" counts as fresh."""


def stamped(shop_id: int, topics: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """The stamps of these topics as a copy remembers them."""
    return tuple((topic, value.soft) for topic, value in stamps.current(shop_id, topics).items())


def fetch(shop_id: int, sumeru: Sumeru, query: Query) -> Copy:
    """Ask Sumeru now and store the answer. Raises the client's errors; a 404 is stored as an absent value.

    May take the client's whole time budget; whether it may sleep is the client's lane.
    """
    made_under = stamped(shop_id, query.watched)
    fresh_s = query.fresh_s
    try:
        value = getattr(sumeru, query.method)(**dict(query.arguments))
    except errors.Refused as error:
        if error.status != 404:
            raise
        value, fresh_s = None, ABSENT_FRESH_S
    copy = Copy(value=value, fetched_at=time.time(), fresh_s=fresh_s, made_under=made_under)
    copies.store(query.key(shop_id), copy)
    return copy


def fetch_leased(shop_id: int, sumeru: Sumeru, query: Query, *, renew: bool = False) -> Copy | None:
    """As ``fetch``, unless another process or thread is at it (None) or it failed a moment ago (None).

    What another stored between the caller's look and the lease is given without a call, if it is fresh; ``renew`` asks Sumeru all
    the same.
    """
    key = query.key(shop_id)
    with lease(key) as leased:
        if not leased:
            return None
        copy = None if renew else fresh_copies(shop_id, {key: query}).get(key)
        return copy or fetch(shop_id, sumeru, query)


def fresh_copies(shop_id: int, queries: Mapping[str, Query]) -> dict[str, Copy]:
    """Those of these copies (by key) that need no fetch, as the shared cache holds them at this moment."""
    current = stamps.current(shop_id, {topic for query in queries.values() for topic in query.watched})
    now = time.time()
    stored = copies.load_latest(list(queries))
    return {key: copy for key, copy in stored.items() if copy.state(now, current) == "fresh"}


def retry_after(error: errors.SumeruError) -> float:
    """Seconds after which asking again makes sense: what the limiter or the upstream said, else 2 (30 when a person must act)."""
    if isinstance(error, errors.Limited):
        return min(max(error.retry_after_s, 1.0), 60.0)
    return 2.0 if error.retryable else 30.0
