"""Before and after every call: the limiter and the breaker, decided together in one change of the shared store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sumeru_proxy.client import breaker, limiter
from sumeru_proxy.client.errors import Limited, Refused, Unavailable
from sumeru_proxy.client.limiter import LimitHeaders, MemoryStore, Scope, State, Store, StoreBusy, StoreUnavailable

log = logging.getLogger(__name__)

SHARE_WITHOUT_STORE: Final = 0.25
"""What one process allows itself of every limit while the shared store cannot be reached."""
_own_store: Final = MemoryStore()


@dataclass(frozen=True, slots=True)
class Pass:
    """Permission for one call; given back with its result."""

    scopes: tuple[Scope, ...]
    breaker_key: str
    cost: int
    taken_at: float
    probe: bool
    store: Store


def enter(
    store: Store, scopes: Sequence[Scope], breaker_key: str, lane: str, cost: int, now: float, endpoint: str
) -> Pass:
    """Take the call's share of every scope, atomically. Never waits.

    Raises Limited (with when it would pass), Unavailable (breaker open) or Refused (a cost that no pace could ever let pass).
    """
    if not limiter.fits(scopes, cost):
        raise Refused(code="batch_too_large", status=0, endpoint=endpoint)
    try:
        return _enter(store, tuple(scopes), breaker_key, lane, cost, now, endpoint)
    except StoreBusy:
        # The others count there; a budget of our own beside theirs would go over the limit.
        raise Limited(retry_after_s=1.0, endpoint=endpoint) from None
    except StoreUnavailable:
        log.warning("limiter store unavailable: this process allows itself a part of the limits")
    smaller = tuple(
        replace(scope, limit=max(1, int(scope.limit * SHARE_WITHOUT_STORE)), largest=min(scope.largest, cost))
        for scope in scopes
    )
    return _enter(_own_store, smaller, breaker_key, lane, min(cost, _most(smaller)), now, endpoint)


def _most(scopes: Sequence[Scope]) -> int:
    return max(1, min(int(limiter.pace_of(scope.limit, scope.largest).burst) for scope in scopes))


def _enter(
    store: Store, scopes: tuple[Scope, ...], breaker_key: str, lane: str, cost: int, now: float, endpoint: str
) -> Pass:
    def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], tuple[float, float, bool]]:
        admission = breaker.admit(states[breaker_key], now)
        if admission.wait_s > 0:
            return {}, (admission.wait_s, 0.0, False)
        changed, wait_s = limiter.take(scopes, states, lane, cost, now)
        if wait_s <= 0 and admission.state is not None:
            changed[breaker_key] = admission.state
        return changed, (0.0, wait_s, admission.probe)

    open_s, wait_s, probe = store.change([breaker_key, *(scope.key for scope in scopes)], decide)
    if open_s > 0:
        raise Unavailable(reason="breaker_open", retry_after_s=open_s, endpoint=endpoint)
    if wait_s > 0:
        raise Limited(retry_after_s=wait_s, endpoint=endpoint)
    return Pass(scopes, breaker_key, cost, now, probe, store)


def leave(passed: Pass, told: LimitHeaders, worked: bool, now: float) -> None:
    """Record how the call went and what it said about limits. Never waits; a store that is gone is not an error here."""

    def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], None]:
        changed: dict[str, State] = dict(limiter.settle(passed.scopes, states, told, passed.cost, passed.taken_at, now))
        before = states[passed.breaker_key]
        after = breaker.record(before, worked, passed.probe, now)
        if after != before:
            changed[passed.breaker_key] = after
        return changed, None

    try:
        passed.store.change([passed.breaker_key, *(scope.key for scope in passed.scopes)], decide)
    except StoreUnavailable:
        log.warning("limiter store unavailable: a call's result was not recorded")
