"""What a bulk call really costs: one, or one per item. Sumeru's documentation leaves it open, so it is learnt from the answers.

Every answer tells how much of the minute is left. What is gone since the answer before, less what was counted for other calls in
between, is what the call cost. Pure functions of the states that the limiter keeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sumeru_proxy.client.limiter import WINDOW_S, LimitHeaders, Scope, spoken_of

State = Mapping[str, Any]
"""``unit``: what an item of the endpoint's bulk calls costs, 0 to 1; absent while it is not known. A call costs one at least."""

ITEMS_LEAST: Final = 5
"""From so many items on a call teaches something: the calls of strangers behind the same address cost something, too."""
SPAN_S: Final = 10.0
"""Two answers farther apart are not compared: older calls leave the minute in between."""
SHARE_AT_ONCE: Final = 0.1
"""How much of a minute's calls one bulk call may cost: a small one finds its room between the others."""


def cost_of(state: State, cost: int, items: int) -> int:
    """What to count for a call with so many items, as far as it is known."""
    unit: float = state.get("unit", 0.0)
    return max(cost, math.ceil(unit * items))


def items_at_once(state: State, scopes: Sequence[Scope], most: int) -> int:
    """How many items one call may hold, ``most`` at most, so that it leaves room for others."""
    unit = state.get("unit", 0.0)
    room = SHARE_AT_ONCE * min((scope.limit for scope in scopes), default=most)
    return most if unit * most <= 1 else max(1, min(most, int(room / unit)))


def learnt(
    state: State,
    scopes: Sequence[Scope],
    states: Mapping[str, Any],
    told: LimitHeaders,
    items: int,
    cost: int,
    now: float,
) -> State:
    """What is known of the endpoint after an answer to a call with so many items, for which ``cost`` was counted. ``states`` are those
    from before the answer was settled.
    """
    if (
        items < ITEMS_LEAST
        or told.remaining is None
        or told.limit is None
        or told.cache_hit
        or told.refused_s is not None
    ):
        return state
    for scope in spoken_of(scopes, told.limit):
        if scope.logged:
            least, most = _gone(states[scope.key], told.limit, told.remaining, cost, now)
            # Half of the items: between one and one for each, so that a few calls of strangers do not decide.
            if least >= items / 2:
                return {**state, "unit": round(min(1.0, least / items), 2)}
            return {**state, "unit": 0.0} if most < items / 2 else state
    return state


def _gone(state: State, limit: int, remaining: int, cost: int, now: float) -> tuple[float, float]:
    """The least and the most that the call may have taken of what was left."""
    at, left, charged = state.get("told", (0.0, 0, 0))
    if 0 <= now - at <= SPAN_S and remaining <= left:
        others = max(0, state.get("charged", 0) - charged - cost)
        return (left - remaining - others,) * 2
    # Nothing was told lately: all that is used, with or without our own calls of this minute. Whether they count still depends on
    # where the upstream's minute begins.
    used = float(limit - remaining)
    own = sum(each for second, each in state.get("log", ()) if now - WINDOW_S < second <= now) - cost
    return used - max(0.0, own), used
