"""How fast we may ask: one bucket per limit scope, shared by all processes, divided into lanes. Pure functions of states and ``now``.

A bucket is a GCRA (generic cell rate algorithm): ``tat`` is the Unix time at which it will be full again. For a limit L per
minute, rate x 60 + burst stays within 95 % of L, so no 60 s window, fixed or sliding, ever holds more than L calls.

A call passes all of its scopes or none. Inside a scope every lane has a guaranteed share of the rate; beyond it, a lane borrows
what nobody else is waiting for, and leaves what more important lanes may need at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from sumeru_proxy.client import fairness
from sumeru_proxy.client.resource import ADMIN, PIXEL, READS, WRITES

R = TypeVar("R")
State = Mapping[str, Any]
"""A bucket as JSON: ``tat``, ``lanes`` {lane: tat}, ``wanted`` {lane: until}, ``closed_until``, ``low_limit``, ``low_until``; where the
scope is logged ``log`` [[second, cost], ...] of the last minute, ``charged``, all costs ever counted, and ``told`` [at, remaining,
charged], what the last answer said and what had been counted then; where it is divided ``parties`` (see ``fairness``)."""

DEFAULT_LIMITS: Final[Mapping[str, int]] = {
    "public_reads_per_shop": 10_000,
    "public_reads_per_ip": 100,
    "writes_per_shop": 1_000,
    "writes_per_ip": 20,
    "pixel_per_shop": 100_000,
    "pixel_per_ip": 1_000,
    "admin": 60,
}
"""Calls per minute as documented (``admin``: the Free plan's); an account may name others under these names."""

LANES: Final = ("write", "page", "spare", "refresh", "worker", "index", "check")
"""In order of importance. ``spare`` is what a page would like but can do without: it only borrows. ``index`` walks through
catalogues, ``check`` asks whether strangers' ids are products at all."""
CAPPED: Final = frozenset({"check"})
"""Lanes that never get more than their own share, whatever is idle: what strangers make up must not cost more."""
SHARES: Final[Mapping[str, Mapping[str, float]]] = {
    READS: {"page": 0.5, "refresh": 0.32, "worker": 0.08, "index": 0.05, "check": 0.05},
    WRITES: {"write": 0.5, "page": 0.35, "worker": 0.15},
    PIXEL: {"write": 0.4, "page": 0.2, "worker": 0.4},
    ADMIN: {"write": 0.25, "page": 0.15, "refresh": 0.1, "worker": 0.5},
}
"""What each lane is sure to get of a scope's rate; a lane that is not named only borrows."""
WINDOW_S: Final = 60.0
BULK_SHARE: Final = 0.75
"""Calls that cost more than a burst fill at most this part of a minute: single reads find the rest."""
_PATIENCE_S: Final = 2.0
_CLOSED_MOST_S: Final = 60.0
_EPSILON: Final = 1e-4
"""Seconds or calls; Unix times as floats are only good to about 2e-7 s."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that has a limit: a key without credentials, calls per minute, the class of calls.

    ``largest``: a single cost that must fit into the burst. ``logged``: the last minute is also kept second by second, so that
    rare calls that cost more than a burst may pass when the minute has room for them. ``party``: in whose name the call is made, where the
    scope is divided fairly among parties; empty where it is not.
    """

    key: str
    limit: int
    limit_class: str
    largest: int = 1
    logged: bool = False
    party: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls per second, and how many may come at once."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class LimitHeaders:
    """What an answer said about limits; all optional. ``reset_at`` is Unix seconds; ``refused_s`` is a 429's clamped Retry-After."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None
    refused_s: float | None = None
    cache_hit: bool = False


class StoreUnavailable(Exception):
    """The shared store cannot be reached; the caller falls back to a part of the budget of its own."""


class StoreBusy(StoreUnavailable):
    """The shared store answers, but others changed the same keys again and again: nothing was changed, and asking later helps."""


class Store(Protocol):
    """Shared states. ``change`` is atomic over all keys: no other change happens between reading and writing them."""

    def change(self, keys: Sequence[str], decide: Callable[[Mapping[str, State]], tuple[Mapping[str, State], R]]) -> R:
        """Call ``decide`` with the keys' states (absent ones empty), store what it changed, give its result.

        ``decide`` is pure and may be called more than once. Raises StoreUnavailable, of which StoreBusy is one.
        """


class MemoryStore:
    """States of this process only. Thread-safe."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}
        self._lock = threading.Lock()

    def change(self, keys: Sequence[str], decide: Callable[[Mapping[str, State]], tuple[Mapping[str, State], R]]) -> R:
        """See Store."""
        with self._lock:
            changed, result = decide({key: self._states.get(key, {}) for key in keys})
            self._states.update(changed)
            return result


def pace_of(limit: int, largest: int = 1) -> Pace:
    """The pace for a limit per minute: 100 is 1.5/s with a burst of 5, 20 is 0.3/s with 1. ``largest`` fits into the burst."""
    if limit < 5:
        # Too little for a margin: one at a time, and the spacing alone keeps every window within the limit.
        return Pace(limit / 63.0, 1.0)
    usable = 0.95 * limit
    burst = min(max(1.0, 0.05 * limit, float(largest)), usable / 2)
    return Pace((usable - burst) / WINDOW_S, burst)


def _pace(scope: Scope, state: State, now: float) -> Pace:
    low = state.get("low_limit")
    if low is not None and now < state.get("low_until", 0.0) <= now + _CLOSED_MOST_S and low < scope.limit:
        return pace_of(low, scope.largest)
    return pace_of(scope.limit, scope.largest)


def _tat(value: float, now: float, span_s: float) -> float:
    # A bucket is never emptier than empty.
    return min(max(_counted(value, now, span_s), now), now + span_s)


def _counted(value: float, now: float, span_s: float) -> float:
    # A time far beyond what is full was written before the clock was set back: it says nothing.
    return value if value <= now + span_s + _CLOSED_MOST_S else now


def _lane_wait(state: State, lane: str, share: float, pace: Pace, cost: float, now: float) -> float:
    """Seconds until this lane's own share covers the cost; 0 when it does now."""
    each_s = 1.0 / (pace.rate * share)
    # Two at least: a lane that asks a little late must not lose what it was promised. A capped one never makes up for it.
    span_s = max(1.0 if lane in CAPPED else 2.0, share * pace.burst, cost) * each_s
    return max(0.0, _tat(state.get("lanes", {}).get(lane, 0.0), now, span_s) + cost * each_s - now - span_s)


def _log(state: State, now: float) -> list[list[float]]:
    # A second counts until a whole minute after its end has passed. Another process may be ahead a little: it read its clock later, or
    # its clock is. One from farther in the future was written before the clock was set back, and is forgotten.
    return [[at, cost] for at, cost in state.get("log", []) if now - WINDOW_S - 1.0 < at <= now + _CLOSED_MOST_S]


def _room_s(scope: Scope, state: State, cost: int, now: float) -> float:
    """Seconds until the last minute has room for the cost, in a logged scope."""
    if not scope.logged:
        return 0.0
    entries = _log(state, now)
    share = BULK_SHARE if cost > pace_of(scope.limit, scope.largest).burst else 0.95
    over = sum(each for _, each in entries) + cost - max(share * scope.limit, float(cost))
    for at, each in entries:
        if over <= _EPSILON:
            break
        over -= each
        if over <= _EPSILON:
            return at + WINDOW_S + 1.0 - now
    return 0.0


def wait_s(scope: Scope, state: State, lane: str, cost: int, now: float, left: float = 0.0) -> tuple[float, bool]:
    """Seconds until ``cost`` calls of ``lane`` may pass this scope (0: now), and whether the lane's own share pays for them.

    ``left``: what part of the burst must be left to others.
    """
    closed_s = state.get("closed_until", 0.0) - now
    if 0 < closed_s <= _CLOSED_MOST_S:
        return closed_s, False
    pace = _pace(scope, state, now)
    each_s = 1.0 / pace.rate
    span_s = pace.burst * each_s
    tat = _tat(state.get("tat", 0.0), now, span_s)
    needed = min(float(cost), pace.burst) if scope.logged else float(cost)
    spare = left * max(0.0, pace.burst - needed)
    short_s = max(tat + (needed + spare) * each_s - now - span_s, _room_s(scope, state, cost, now))
    shares = SHARES[scope.limit_class]
    own = shares.get(lane, 0.0)
    lane_s = _lane_wait(state, lane, own, pace, cost, now) if own else each_s
    if short_s > _EPSILON:
        return short_s, False
    if own and lane_s <= _EPSILON:
        return 0.0, True
    if lane in CAPPED:
        return max(lane_s, each_s), False
    wanted = state.get("wanted", {})
    level = (now + span_s - tat) * pace.rate
    for other, share in shares.items():
        waiting = now < wanted.get(other, 0.0) <= now + 2 * _CLOSED_MOST_S
        if other == lane or not waiting or level - needed >= 1.0 - _EPSILON:
            continue  # nobody waits there, or finds its token all the same
        if _lane_wait(state, other, share, pace, 1.0, now) <= _EPSILON:
            return max(lane_s, each_s), False
    more_important = LANES[: LANES.index(lane)]
    kept = sum(shares.get(other, 0.0) for other in more_important) * max(0.0, pace.burst - 1.0)
    lacking = kept + needed - level
    return (min(lacking * each_s, max(lane_s, each_s)), False) if lacking > _EPSILON else (0.0, False)


def take(
    scopes: Sequence[Scope], states: Mapping[str, State], lane: str, cost: int, now: float
) -> tuple[dict[str, State], float]:
    """Count ``cost`` calls in all scopes, or in none: the changed states, and the seconds to wait (0: taken)."""
    left = min(1.0, sum(_left(scope, states[scope.key], now) for scope in scopes))
    verdicts = {
        scope.key: wait_s(scope, states[scope.key], lane, cost, now, left if scope.party else 0.0) for scope in scopes
    }
    longest = max((wait for wait, _ in verdicts.values()), default=0.0)
    changed: dict[str, dict[str, Any]] = {}
    for scope in scopes:
        state = states[scope.key]
        wanted = {name: until for name, until in state.get("wanted", {}).items() if name != lane and until > now}
        parties = state.get("parties", {})
        until = now + longest + _PATIENCE_S
        if longest > 0:
            if verdicts[scope.key][0] > 0:
                changed[scope.key] = {**state, "wanted": {**wanted, lane: until}}
            if scope.party:
                waiting = fairness.noted(parties, scope.party, until, now)
                changed[scope.key] = {**changed.get(scope.key, state), "parties": waiting}
            continue
        pace = _pace(scope, state, now)
        lanes = {name: tat for name, tat in state.get("lanes", {}).items() if tat > now}
        if verdicts[scope.key][1]:
            lane_rate = pace.rate * SHARES[scope.limit_class][lane]
            lanes[lane] = max(lanes.get(lane, 0.0), now) + cost / lane_rate
        tat = _tat(state.get("tat", 0.0), now, pace.burst / pace.rate) + cost / pace.rate
        changed[scope.key] = {**state, "tat": tat, "lanes": lanes, "wanted": wanted}
        if scope.party:
            changed[scope.key] = {
                **changed[scope.key],
                "parties": fairness.counted(parties, scope.party, float(cost), now),
            }
        if scope.logged:
            log, second = _log(state, now), float(int(now))
            if log and log[-1][0] == second:
                log[-1] = [second, log[-1][1] + cost]
            else:
                log.append([second, float(cost)])
            # The log holds the rest of a bulk call's cost; other calls go on at their pace meanwhile.
            tat = min(tat, now + pace.burst / pace.rate)
            changed[scope.key] |= {"tat": tat, "log": log, "charged": state.get("charged", 0) + cost}
    return dict(changed), longest


def _completed(log: list[list[float]], used: int, now: float) -> list[list[float]]:
    """The minute's log with what the upstream counted in it and we did not: a bulk call that cost more, or others' calls."""
    missing = used - sum(cost for _, cost in log)
    return [*log, [float(int(now)), float(missing)]] if missing > _EPSILON else log


def _left(scope: Scope, state: State, now: float) -> float:
    return fairness.left_to_others(state.get("parties", {}), scope.party, now) if scope.party else 0.0


def fits(scopes: Sequence[Scope], cost: int) -> bool:
    """Whether a call of this cost could ever pass."""
    return all(
        cost <= scope.limit if scope.logged else cost <= pace_of(scope.limit, scope.largest).burst + _EPSILON
        for scope in scopes
    )


def spoken_of(scopes: Sequence[Scope], limit: int | None) -> tuple[Scope, ...]:
    """Which scopes an answer's ``X-RateLimit-Limit`` speaks of: those with that very limit, else the nearest above it.

    None when the limit is above all of ours (it could only raise), all of them when the answer names no limit.
    """
    if limit is None:
        return tuple(scopes)
    above = [scope.limit for scope in scopes if scope.limit >= limit]
    return tuple(scope for scope in scopes if above and scope.limit == min(above))


def settle(
    scopes: Sequence[Scope], states: Mapping[str, State], told: LimitHeaders, cost: int, taken_at: float, now: float
) -> dict[str, State]:
    """The states after an answer. What it says can only lower a bucket; a cache hit gives back what has not drained since."""
    changed: dict[str, dict[str, Any]] = {}

    def of(scope: Scope) -> dict[str, Any]:
        return changed.setdefault(scope.key, dict(states[scope.key]))

    if told.cache_hit:
        for scope in scopes:
            # Part of the token may have drained on an idle bucket; giving that back too would allow a call too many later.
            back_s = cost / _pace(scope, states[scope.key], now).rate - max(0.0, now - taken_at)
            if back_s > _EPSILON and "tat" in states[scope.key]:
                of(scope)["tat"] = states[scope.key]["tat"] - back_s
            if scope.party:
                of(scope)["parties"] = fairness.counted(states[scope.key].get("parties", {}), scope.party, -cost, now)
            if scope.logged:
                second = float(int(taken_at))
                of(scope)["log"] = [
                    [at, max(0.0, each - cost) if at == second else each] for at, each in _log(states[scope.key], now)
                ]
                of(scope)["charged"] = states[scope.key].get("charged", 0) - cost
    until = now + min(max((told.reset_at or now + WINDOW_S) - now, 1.0), _CLOSED_MOST_S)
    for scope in spoken_of(scopes, told.limit) if (told.limit, told.remaining, told.refused_s) != (None,) * 3 else ():
        state = of(scope)
        if told.limit is not None and told.limit < scope.limit:
            state["low_limit"], state["low_until"] = max(1, told.limit), until
        pace = _pace(scope, state, now)
        span_s = pace.burst / pace.rate
        if told.remaining is not None and told.limit is not None and not told.cache_hit:
            # Not cut to what is full by this clock: while this process waited for the store, others counted by a later one.
            counted = _counted(state.get("tat", 0.0), now, span_s)
            state["tat"] = max(counted, now + span_s - max(0, told.remaining) / pace.rate)
            if scope.logged:
                state["log"] = _completed(_log(state, now), told.limit - told.remaining, now)
                state["told"] = [now, told.remaining, state.get("charged", 0)]
            if told.remaining <= 0:
                state["closed_until"] = max(min(state.get("closed_until", 0.0), now + _CLOSED_MOST_S), until)
        if told.refused_s is not None:
            closed_until = now + min(max(told.refused_s, 1.0), _CLOSED_MOST_S)
            state["closed_until"] = max(min(state.get("closed_until", 0.0), now + _CLOSED_MOST_S), closed_until)
    return {key: state for key, state in changed.items() if state != states[key]}
