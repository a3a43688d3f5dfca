"""Whether to ask again what was not answered in a way that can be used: a pause that grows, per question and then per endpoint.

A state machine over plain values, kept in the limiter's store, so that all processes share it. A question (an endpoint with its
arguments) whose answer is useless is asked again after FIRST_S, then twice as long, and so on; with many such questions each waits
longer, so that all of them together cost little. When KEYS different ones fare so, with no good answer between them, it is the
endpoint: then nobody asks it until the pause is over, and after it one caller in the whole fleet. One good answer ends the
endpoint's pause, and what single questions waited for because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sumeru_proxy.client.breaker import PROBE_MOST_S, SKEW_S
from sumeru_proxy.client.errors import Refused, SumeruError, Unavailable, Unreadable

State = Mapping[str, Any]
"""``keys`` {question: [failures, until]}, ``streak`` [question, ...] without a good answer between them; while the endpoint is paused
``failures``, ``until``, ``probe_until`` and ``shape`` (whether the answers came, in a form that we do not know)."""

FIRST_S: Final = 5.0
KEYS: Final = 3
LONGEST_S: Final = 300.0
"""For what another minute does not heal: an answer in a shape that we do not know, a refusal."""
LONGEST_AWAY_S: Final = 30.0
"""For what may be over at any moment: a gateway's page, a failing server. As long as the breaker's longest."""
_KEYS_MOST: Final = 200
_RETRY_S: Final = 2.0
_EXPONENT_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Useless:
    """What an answer that cannot be used says. ``longest_s``: how far its pause grows; ``of_key`` and ``of_endpoint``: of whom it speaks;
    ``shape``: it was Sumeru's, in a form that we do not know.
    """

    longest_s: float
    of_key: bool
    of_endpoint: bool
    shape: bool = False


@dataclass(frozen=True, slots=True)
class PauseAdmission:
    """``wait_s`` above 0: do not call. ``probe``: this call decides for the endpoint. ``state``: what to store (None: unchanged)."""

    wait_s: float
    probe: bool
    state: State | None


def verdict_on(failure: SumeruError) -> Useless | None:
    """Whether a failed call was answered in vain. None: it was not (a full limit, no connection), or "no such thing" is the answer."""
    if isinstance(failure, Unreadable):
        return Useless(LONGEST_S, True, True, shape=True)
    if isinstance(failure, Refused) and failure.status not in (0, 404):
        # What is wrong with one question says nothing of the others, and strangers may ask anything.
        return Useless(LONGEST_S, True, failure.status in (401, 403))
    if isinstance(failure, Unavailable) and failure.reason == "not_sumeru":
        return Useless(LONGEST_AWAY_S, True, True)
    if isinstance(failure, Unavailable) and failure.reason == "server_error":
        return Useless(LONGEST_AWAY_S, False, True)
    return None


def _left(until: float, now: float) -> float:
    """Seconds until then; 0 for a time so far ahead that it was written before the clock was set back."""
    return until - now if now < until <= now + LONGEST_S + SKEW_S else 0.0


def admit(state: State, key: str, now: float) -> PauseAdmission:
    """Whether this question may be asked now."""
    own_s = _left(state.get("keys", {}).get(key, (0, 0.0))[1], now)
    if not state.get("until"):
        return PauseAdmission(own_s, False, None)
    wait_s = max(_left(state["until"], now), own_s)
    if wait_s > 0:
        return PauseAdmission(wait_s, False, None)
    if (probing_s := _left(state.get("probe_until", 0.0), now)) > 0:
        return PauseAdmission(min(1.0, probing_s), False, None)
    return PauseAdmission(0.0, True, {**state, "probe_until": now + PROBE_MOST_S})


def record(state: State, key: str, failure: SumeruError | None, told: bool, probe: bool, now: float) -> State:
    """The state after a call. ``told``: the answer held something in the shape that we know; an empty list or "no such thing" does not.

    A failure that says nothing of the answers leaves all as it was, and the next caller may probe.
    """
    if failure is None or (isinstance(failure, Refused) and failure.status == 404):
        return _after_good(state, key, now) if told else _after_nothing(state, key, now)
    useless = verdict_on(failure)
    if useless is None:
        return _without(state, "probe_until") if probe else state
    after: dict[str, Any] = dict(state)
    if useless.of_key:
        after["keys"] = _longer(state.get("keys", {}), key, useless.longest_s, now)
    if state.get("until"):
        if not probe:
            return after
        after.pop("probe_until", None)
        after["failures"] = state.get("failures", 1) + 1
        after["until"] = now + _grown(after["failures"], useless.longest_s)
        after["shape"] = useless.shape
    elif useless.of_endpoint:
        streak = [*(each for each in state.get("streak", ()) if each != key), key]
        if len(streak) < KEYS:
            return {**after, "streak": streak}
        after.pop("streak", None)
        after |= {"failures": 1, "until": now + FIRST_S, "shape": useless.shape}
    return after


def _without(state: State, *names: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in names}


def _after_good(state: State, key: str, now: float) -> State:
    keys = _without(state.get("keys", {}), key)
    if state.get("until"):
        # They failed with the endpoint, perhaps. One that does not fare better now waits on from where it was.
        keys = {name: [failures, min(until, now + _RETRY_S)] for name, (failures, until) in keys.items()}
    return {"keys": keys} if keys else {}


def _after_nothing(state: State, key: str, now: float) -> State:
    """An answer that came as it should and holds nothing to judge the shape by: most products have no bundle."""
    if state.get("until") and (not state.get("shape") or state.get("failures", 1) <= 1):
        return _after_good(state, key, now)
    after = _without(state, "probe_until")
    if key in state.get("keys", {}):
        after["keys"] = _without(state["keys"], key)
    if state.get("until"):
        after["failures"] = state.get("failures", 1) - 1
    return after


def _grown(times: int, longest_s: float) -> float:
    return float(min(longest_s, FIRST_S * 2.0 ** min(times - 1, _EXPONENT_MOST)))


def _longer(keys: Mapping[str, Any], key: str, longest_s: float, now: float) -> dict[str, Any]:
    """The questions with a longer pause for this one: at most _KEYS_MOST. One whose pause has been over for long begins anew."""
    kept = {name: each for name, each in keys.items() if each[1] > now - LONGEST_S}
    failures = kept.get(key, (0, 0.0))[0] + 1
    pause_s = min(longest_s, max(_grown(failures, longest_s), FIRST_S * len(kept.keys() | {key})))
    kept[key] = [failures, round(now + pause_s, 3)]
    for name in sorted(kept, key=lambda each: kept[each][1])[: max(0, len(kept) - _KEYS_MOST)]:
        del kept[name]
    return kept
