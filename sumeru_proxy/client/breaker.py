"""Whether to ask an upstream at all that has been failing: a state machine over plain values, kept in the limiter's store.

Closed: calls pass and their results are counted. Open: nobody calls until ``until``. Then one caller in the whole fleet probes
(whoever stores ``probe_until`` first); its success closes, its failure opens for twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

State = Mapping[str, Any]
"""``streak`` failures in a row, ``recent`` results (``0`` failed, ``1`` worked; newest last), ``open_s``, ``until``, ``probe_until``."""

FAILURES_IN_A_ROW: Final = 5
RECENT: Final = 20
OPEN_FIRST_S: Final = 2.0
OPEN_MOST_S: Final = 30.0
PROBE_MOST_S: Final = 35.0
"""Longer than any single call: after it the probe's process counts as gone."""
SKEW_S: Final = 60.0
"""By so much clocks may differ, or two threads read theirs in another order than they store; a time farther ahead says nothing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """``wait_s`` above 0: do not call. ``probe``: this call decides for everyone. ``state``: what to store (None: unchanged)."""

    wait_s: float
    probe: bool
    state: State | None


def admit(state: State, now: float) -> Admission:
    """Whether a call may be made now."""
    until = state.get("until", 0.0)
    if not until:
        return Admission(0.0, False, None)
    if now < until <= now + OPEN_MOST_S + SKEW_S:
        return Admission(until - now, False, None)
    probe_until = state.get("probe_until", 0.0)
    if now < probe_until <= now + PROBE_MOST_S + SKEW_S:
        return Admission(min(1.0, probe_until - now), False, None)
    return Admission(0.0, True, {**state, "probe_until": now + PROBE_MOST_S})


def record(state: State, worked: bool, probe: bool, now: float) -> State:
    """The state after a call's result. While open, only the probe's result counts."""
    if state.get("until"):
        if not probe:
            return state
        if worked:
            return {}
        open_s = min(state.get("open_s", OPEN_FIRST_S) * 2, OPEN_MOST_S)
        return {"open_s": open_s, "until": now + open_s}
    streak = 0 if worked else state.get("streak", 0) + 1
    recent = (state.get("recent", "") + ("1" if worked else "0"))[-RECENT:]
    if streak >= FAILURES_IN_A_ROW or (len(recent) == RECENT and recent.count("0") * 2 > RECENT):
        return {"open_s": OPEN_FIRST_S, "until": now + OPEN_FIRST_S}
    return {"streak": streak, "recent": recent}
