"""Asking Sumeru and storing the answer as a copy. Only a validated answer is ever stored; stamps are read before the fetch begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.reading import ratings, stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.leases import lease

ABSENT_FRESH_S = 60.0
"""How long "there is no such thing" counts as fresh."""
CONFIRM_ABSENT_S = 300.0
"""A good copy is replaced by "there is no such thing" when Sumeru still says so this much later: one wrong answer, or a fault that
says it of everything for a while, must not cost what shoppers see."""


def stamped(shop_id: int, topics: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """The stamps of these topics as a copy remembers them."""
    return tuple((topic, value.soft) for topic, value in stamps.current(shop_id, topics).items())


def fetch(shop_id: int, sumeru: Sumeru, query: Query) -> Copy:
    """Ask Sumeru now and store the answer. Raises the client's errors; Sumeru's own 404 is stored as an absent value, in the place
    of a good copy only when it is said again CONFIRM_ABSENT_S later. Until then the good copy is given back, as old as it is.

    May take the client's whole time budget; whether it may sleep is the client's lane.
    """
    made_under = stamped(shop_id, query.watched)
    try:
        value = getattr(sumeru, query.method)(**dict(query.arguments))
    except errors.Refused as error:
        if error.status != 404:
            raise
        copy = absent_copy(query.key(shop_id), shop_id, query, made_under)
    else:
        copy = Copy(value=value, fetched_at=time.time(), fresh_s=query.fresh_s, made_under=made_under)
    copies.store(query.key(shop_id), copy)
    ratings.remember(shop_id, query, copy)
    return copy


def absent_copy(key: str, shop_id: int, query: Query, made_under: tuple[tuple[str, int], ...]) -> Copy:
    """What to store when Sumeru says that there is no such thing: an absence, or the good copy with the time of the first such word."""
    now = time.time()
    stored = copies.load(key)
    good = stored is not None and stored.value is not None
    if stored is None or not good or stored.state(now, stamps.current(shop_id, query.watched)) == "withdrawn":
        return Copy(None, now, ABSENT_FRESH_S, made_under)
    if stored.absent_since and now - stored.absent_since >= CONFIRM_ABSENT_S:
        return Copy(None, now, ABSENT_FRESH_S, made_under)
    return replace(stored, absent_since=stored.absent_since or now)


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
    """Seconds after which asking again makes sense: what limiter, pause or upstream said, else 2 (30 when a person must act)."""
    if isinstance(error, errors.Limited) or is_pause(error):
        return min(max(error.retry_after_s or 1.0, 1.0), 60.0)
    return 2.0 if error.retryable else 30.0


def is_pause(error: errors.SumeruError) -> TypeGuard[errors.Unavailable]:
    """Whether nothing was sent because the last answers of this kind were useless: it is known and told already."""
    return isinstance(error, errors.Unavailable) and error.reason == "paused"
