"""Whether a consumer's target is asked at all: one breaker and one probe per target, shared by all processes.

The consumer's word ``TargetDown`` opens it at once. Until its time is over nobody asks; then one job in the whole fleet does, and its
answer decides for everyone: on success what waits is due, on failure all wait twice as long. The states are in the limiter's store.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sumeru_proxy import limit_stores
from sumeru_proxy.client.limiter import StoreUnavailable

log = logging.getLogger(__name__)
R = TypeVar("R")
State = Mapping[str, Any]
"""``since`` (Unix seconds of the first failure), ``open_s``, ``until``, ``probe_until``; empty: it works."""

OPEN_FIRST_S: Final = 2.0
OPEN_MOST_S: Final = 300.0
TOLD_MOST_S: Final = 1_800.0
"""A target that asks for more patience is asked again after this all the same."""
PROBE_MOST_S: Final = 130.0
"""Longer than a lease: after it the probe's worker counts as gone."""
SKEW_S: Final = 60.0
"""By so much clocks may differ, or two threads read theirs in another order than they store; a time farther ahead says nothing."""
LOOK_AGAIN_S: Final = 5.0
"""How long a process remembers that a target is away before it looks at the shared state again."""


@dataclass(frozen=True, slots=True)
class TargetAdmission:
    """``wait_s`` above 0: do not ask the target. ``probe``: this job decides for everyone. ``since``: away since (Unix seconds)."""

    wait_s: float = 0.0
    probe: bool = False
    since: float | None = None


# -- pure


def admitted(state: State, now: float) -> tuple[State | None, TargetAdmission]:
    """Whether a job may ask the target now, and the state to store (None: unchanged)."""
    until, since = state.get("until", 0.0), state.get("since")
    if not until:
        return None, TargetAdmission()
    if now < until <= now + TOLD_MOST_S + SKEW_S:
        return None, TargetAdmission(until - now, False, since)
    probe_until = state.get("probe_until", 0.0)
    if now < probe_until <= now + PROBE_MOST_S + SKEW_S:
        return None, TargetAdmission(min(1.0, probe_until - now), False, since)
    return {**state, "probe_until": now + PROBE_MOST_S}, TargetAdmission(0.0, True, since)


def failed(state: State, now: float, first_s: float, retry_after_s: float = 0.0) -> State:
    """The state after the target was found to be away. While it is open only a later failure than the one that opened it counts."""
    if now < state.get("until", 0.0) <= now + TOLD_MOST_S + SKEW_S:
        return state
    open_s = min(state["open_s"] * 2, OPEN_MOST_S) if state.get("open_s") else first_s
    wait_s = min(max(open_s, retry_after_s), TOLD_MOST_S)
    return {"since": state.get("since", now), "open_s": open_s, "until": now + wait_s}


# -- shared


def _key(target: str) -> str:
    return "target:" + hashlib.blake2s(target.encode(), digest_size=10).hexdigest()


def _change(target: str, decide: Callable[[State], tuple[State | None, R]], otherwise: R) -> R:
    key = _key(target)

    def changed(states: Mapping[str, State]) -> tuple[Mapping[str, State], R]:
        state, result = decide({name: value for name, value in states[key].items() if name != "tat"})
        return ({} if state is None else {key: dict(state)}), result

    try:
        return limit_stores.shared().change([key], changed)
    except StoreUnavailable:
        # Without the shared state every job asks for itself, and waits by itself.
        log.warning("limiter store unavailable: a target's state was neither read nor kept")
        return otherwise


def enter(target: str) -> TargetAdmission:
    """Ask before a job calls its target. Never waits, never raises."""
    now = time.time()
    return _change(target, lambda state: admitted(state, now), TargetAdmission())


def down(target: str, retry_after_s: float = 0.0, first_s: float = OPEN_FIRST_S) -> TargetAdmission:
    """Record that the target is away: all its jobs wait. Gives for how many seconds, and since when."""
    now = time.time()

    def decide(state: State) -> tuple[State, TargetAdmission]:
        after = failed(state, now, first_s, retry_after_s)
        return after, TargetAdmission(max(0.0, after["until"] - now), False, after["since"])

    return _change(target, decide, TargetAdmission(max(first_s, retry_after_s)))


def up(target: str, admission: TargetAdmission) -> bool:
    """Record that the target works (it took or refused a job); True when this ends an outage."""
    if not admission.probe:
        return False
    return _change(target, lambda state: ({}, bool(state.get("until"))), False)


def give_back(target: str, admission: TargetAdmission) -> None:
    """The job ended without a response of the target (something else failed), so another job may be the probe."""
    if admission.probe:
        _change(target, lambda state: ({**state, "probe_until": 0.0}, None), None)


def away_since(target: str) -> float | None:
    """Since when the target is away (Unix seconds); None when it works or that is unknown. For display."""
    return _change(target, lambda state: (None, state.get("since")), None)
