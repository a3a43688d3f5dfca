"""Before and after every call: limiter, breaker and pauses, decided together in one change of the shared store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sumeru_proxy.client import breaker, costs, limiter, pauses
from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable
from sumeru_proxy.client.limiter import LimitHeaders, MemoryStore, Scope, State, Store, StoreBusy, StoreUnavailable

log = logging.getLogger(__name__)

SHARE_WITHOUT_STORE: Final = 0.25
"""What one process allows itself of every limit while the shared store cannot be reached."""
_own_store: Final = MemoryStore()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: ``place`` is the key under which the store keeps what is known of the endpoint, ``key`` names the arguments,
    ``items`` how many things a bulk call asks for. ``heeds_pauses``: whether a pause for useless answers holds this call;
    ``heeds_breaker``: whether an open breaker does.
    """

    place: str
    key: str = ""
    items: int = 1
    heeds_pauses: bool = True
    heeds_breaker: bool = True


@dataclass(frozen=True, slots=True)
class Pass:
    """Permission for one call; given back with its result. ``cost`` is what was counted, ``probe`` and ``tries`` say that the call decides
    for the breaker and for the endpoint's pause.
    """

    scopes: tuple[Scope, ...]
    breaker_key: str
    cost: int
    taken_at: float
    probe: bool
    store: Store
    question: Question | None = None
    tries: bool = False

    @property
    def keys(self) -> list[str]:
        """The states that the call depends on."""
        return _keys(self.scopes, self.breaker_key, self.question)


def _keys(scopes: Sequence[Scope], breaker_key: str, question: Question | None) -> list[str]:
    return [breaker_key, *(scope.key for scope in scopes), *([question.place] if question else [])]


def enter(
    store: Store,
    scopes: Sequence[Scope],
    breaker_key: str,
    lane: str,
    cost: int,
    now: float,
    endpoint: str,
    question: Question | None = None,
) -> Pass:
    """Take the call's share of every scope, atomically. Never waits.

    Raises Limited (with when it would pass), Unavailable (``breaker_open``, ``paused``) or Refused (a cost that no pace could ever let
    pass).
    """
    if not limiter.fits(scopes, cost):
        raise Refused(code="batch_too_large", status=0, endpoint=endpoint)
    try:
        return _enter(store, tuple(scopes), breaker_key, lane, cost, now, endpoint, question)
    except StoreBusy:
        # The others count there; a budget of our own beside theirs would go over the limit.
        raise Limited(retry_after_s=1.0, endpoint=endpoint) from None
    except StoreUnavailable:
        log.warning("limiter store unavailable: this process allows itself a part of the limits")
    smaller = tuple(
        replace(scope, limit=max(1, int(scope.limit * SHARE_WITHOUT_STORE)), largest=min(scope.largest, cost))
        for scope in scopes
    )
    return _enter(_own_store, smaller, breaker_key, lane, min(cost, _most(smaller)), now, endpoint, question)


def _most(scopes: Sequence[Scope]) -> int:
    return max(1, min(int(limiter.pace_of(scope.limit, scope.largest).burst) for scope in scopes))


def _enter(
    store: Store,
    scopes: tuple[Scope, ...],
    breaker_key: str,
    lane: str,
    cost: int,
    now: float,
    endpoint: str,
    question: Question | None,
) -> Pass:
    def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], Pass | SumeruError]:
        pause = pauses.PauseAdmission(0.0, False, None)
        counted = cost
        if question is not None:
            known = states[question.place]
            if question.heeds_pauses:
                pause = pauses.admit(known.get("pause", {}), question.key, now)
            counted = min(costs.cost_of(known, cost, question.items), max(cost, _least(scopes)))
        if pause.wait_s > 0:
            return {}, Unavailable(reason="paused", retry_after_s=pause.wait_s, endpoint=endpoint)
        heeds_breaker = question is None or question.heeds_breaker
        admission = breaker.admit(states[breaker_key], now) if heeds_breaker else breaker.Admission(0.0, False, None)
        if admission.wait_s > 0:
            return {}, Unavailable(reason="breaker_open", retry_after_s=admission.wait_s, endpoint=endpoint)
        changed, wait_s = limiter.take(scopes, states, lane, counted, now)
        if wait_s > 0:
            return changed, Limited(retry_after_s=wait_s, endpoint=endpoint)
        if admission.state is not None:
            changed[breaker_key] = admission.state
        if question is not None and pause.state is not None:
            changed[question.place] = {**states[question.place], "pause": pause.state}
        return changed, Pass(scopes, breaker_key, counted, now, admission.probe, store, question, pause.probe)

    passed = store.change(_keys(scopes, breaker_key, question), decide)
    if isinstance(passed, SumeruError):
        raise passed
    return passed


def _least(scopes: Sequence[Scope]) -> int:
    return min((scope.limit for scope in scopes), default=1)


def leave(
    passed: Pass,
    told: LimitHeaders,
    worked: bool,
    now: float,
    failure: SumeruError | None = None,
    *,
    held: bool = False,
) -> None:
    """Record how the call went and what it said about limits. Never waits; a store that is gone is not an error here.

    ``worked`` is about the upstream as a whole, ``failure`` about this answer; ``held``: the answer held something in a shape that we know.
    """
    question = passed.question

    def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], None]:
        changed: dict[str, State] = dict(limiter.settle(passed.scopes, states, told, passed.cost, passed.taken_at, now))
        before = states[passed.breaker_key]
        after = breaker.record(before, worked, passed.probe, now)
        if after != before:
            changed[passed.breaker_key] = after
        if question is not None:
            known = states[question.place]
            pause = pauses.record(known.get("pause", {}), question.key, failure, held, passed.tries, now)
            learnt = costs.learnt(known, passed.scopes, states, told, question.items, passed.cost, now)
            kept = {name: value for name, value in learnt.items() if name != "pause"}
            kept = {**kept, "pause": pause} if pause else kept
            if kept != known:
                changed[question.place] = kept
        return changed, None

    try:
        passed.store.change(passed.keys, decide)
    except StoreUnavailable:
        log.warning("limiter store unavailable: a call's result was not recorded")


def known_of(store: Store, place: str) -> State:
    """What the store knows of an endpoint; nothing while it cannot be reached."""
    try:
        return store.change([place], lambda states: ({}, states[place]))
    except StoreUnavailable:
        return {}
