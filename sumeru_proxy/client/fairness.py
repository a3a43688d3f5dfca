"""Whose turn it is inside one limit: shops that share an address, client networks that share a shop. Pure.

Nobody waits in a queue here, so turns are made of what a party must *leave*: who had little lately may take the last token, who had more
than others leaves some for them, and who had more than somebody that waits takes only what would otherwise be lost, from a full
bucket. So a quiet party's share is lent and never lost, and who comes back to it finds it at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

Parties = Mapping[str, Any]
"""By name: ``[calls lately, calls just now, when that was, waiting until]``; times are Unix seconds."""

HALF_LIFE_S: Final = 300.0
"""A call of those lately counts half after so long: who is heavy."""
TURN_S: Final = 15.0
"""The same for calls just now: who goes first. Short, so that a party that lent its share is not paid back for long."""
FREE_CALLS: Final = 0.5
"""Who had fewer lately leaves nothing to others: one call, one half-life ago."""
FAIR_PART: Final = 1 / 3
HEAVY: Final = 0.35
"""What part of a burst a party leaves that had more than FAIR_PART of a fair share."""
BEHIND: Final = 1.0
"""What part a party leaves while another waits that had less."""
SERVER: Final = "server"
SERVER_WEIGHT: Final = 10.0
"""A storefront's own server speaks for many shoppers: its calls count less."""
PARTIES_LIMIT: Final = 200
_IDLE_CALLS: Final = 0.05
_FARTHEST_S: Final = 120.0
_NOBODY: Final = (0.0, 0.0, 0.0, 0.0)


def _faded(calls: float, seconds: float, half_life_s: float) -> float:
    return float(calls * math.exp2(-max(0.0, seconds) / half_life_s))


def calls_lately(parties: Parties, name: str, now: float) -> float:
    """The party's calls, older ones counting less."""
    calls, _just_now, at, _until = parties.get(name, _NOBODY)
    return _faded(calls, now - at, HALF_LIFE_S)


def _just_now(parties: Parties, name: str, now: float) -> float:
    _calls, calls, at, _until = parties.get(name, _NOBODY)
    return _faded(calls, now - at, TURN_S)


def _weight(name: str) -> float:
    return SERVER_WEIGHT if name == SERVER else 1.0


def _waits(parties: Parties, name: str, now: float) -> bool:
    return bool(now < parties[name][3] <= now + _FARTHEST_S)


def left_to_others(parties: Parties, name: str, now: float) -> float:
    """What part of a burst this party must leave, from 0 to 1."""
    others = [each for each in parties if each != name]
    waiting = [_just_now(parties, each, now) / _weight(each) for each in others if _waits(parties, each, now)]
    if waiting and _just_now(parties, name, now) / _weight(name) > min(waiting) + 1.0:
        return BEHIND
    mine = calls_lately(parties, name, now) / _weight(name)
    seen = [calls for each in others if (calls := calls_lately(parties, each, now) / _weight(each)) >= _IDLE_CALLS]
    if not seen or mine < FREE_CALLS:
        return 0.0
    return HEAVY if mine > FAIR_PART * (mine + sum(seen)) / (len(seen) + 1) else 0.0


def counted(parties: Parties, name: str, cost: float, now: float) -> dict[str, list[float]]:
    """The parties after a call of this one, or after ``cost`` below 0 was given back."""
    return _kept({**parties, name: [*_sums(parties, name, cost, now), now, 0.0]}, now)


def noted(parties: Parties, name: str, until: float, now: float) -> dict[str, list[float]]:
    """The parties while this one waits."""
    return _kept({**parties, name: [*_sums(parties, name, 0.0, now), now, until]}, now)


def _sums(parties: Parties, name: str, cost: float, now: float) -> tuple[float, float]:
    both = (calls_lately(parties, name, now), _just_now(parties, name, now))
    lately, just_now = (round(max(0.0, calls + cost), 3) for calls in both)
    return lately, just_now


def _kept(parties: dict[str, list[float]], now: float) -> dict[str, list[float]]:
    # Without it the lightest is forgotten first, which harms it least: it had next to nothing.
    kept = {
        name: entry
        for name, entry in parties.items()
        if _waits(parties, name, now) or calls_lately(parties, name, now) >= _IDLE_CALLS
    }
    if len(kept) > PARTIES_LIMIT:
        ranked = sorted(kept, key=lambda name: (_waits(kept, name, now), calls_lately(kept, name, now)), reverse=True)
        kept = {name: kept[name] for name in ranked[: PARTIES_LIMIT // 2]}
    return kept
