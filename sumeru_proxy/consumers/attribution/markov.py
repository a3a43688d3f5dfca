"""Removal effects in a Markov chain of channels, orders 1 to 3. Pure; no sampling, so the same data always gives the same result.

A journey is a walk: start → state → … → conversion or nothing, where a state is the last one, two or three channels. The removal effect of
a channel is the part of all conversions that would be lost if every step to it led to nothing: ``1 - P(without) / P``. Source:
E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the customer journey", International Journal of Research in
Marketing 33 (2016), 457-474. The probability of a conversion from each state is the solution of a sparse linear system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

State = tuple[str, ...]
START: Final[State] = ()
_CONVERTED, _NOTHING = ("\x00converted",), ("\x00nothing",)
_DENSE_LIMIT = 40
_SWEEP_LIMIT = 100_000
_PRECISION = 1e-14


class NotEnoughJourneys(ValueError):
    """Too little data for an effect that means anything; ``found`` and ``needed`` say how many conversions."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(f"{found} conversions, at least {needed} are needed")
        self.found, self.needed = found, needed


@dataclass(slots=True)
class Transitions:
    """How often each step was taken. Counts are whole numbers: parts that were counted separately add up exactly."""

    order: int = 1
    counts: dict[tuple[State, State], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3):
            raise ValueError("order must be 1, 2 or 3")

    def add(self, channels: Sequence[str], converted: bool, times: int = 1) -> None:
        """Count one journey (its channels in order of time), or ``times`` equal ones. A journey without a touch says nothing."""
        if not channels:
            return
        counts, order = self.counts, self.order
        state: State = START
        for channel in channels:
            following = (channel,) if order == 1 else (*state, channel)[-order:]
            step = (state, following)
            counts[step] = counts.get(step, 0) + times
            state = following
        step = (state, _CONVERTED if converted else _NOTHING)
        counts[step] = counts.get(step, 0) + times

    def merge(self, other: Transitions, sign: int = 1) -> None:
        """Add another part's counts, or take them away with ``sign=-1``."""
        for step, count in other.counts.items():
            total = self.counts.get(step, 0) + sign * count
            if total:
                self.counts[step] = total
            else:
                self.counts.pop(step, None)

    @property
    def conversions(self) -> int:
        """How many counted journeys ended in a conversion."""
        return sum(count for (_state, following), count in self.counts.items() if following == _CONVERTED)

    @property
    def channels(self) -> list[str]:
        """All channels, sorted."""
        ends = (_CONVERTED, _NOTHING)
        return sorted({following[-1] for _state, following in self.counts if following not in ends})


@dataclass(frozen=True, slots=True)
class _Chain:
    """Rows of probabilities by state number; ``direct`` is the probability of a conversion in the next step."""

    states: list[State]
    rows: list[list[tuple[int, float]]]
    direct: list[float]


def _chain(transitions: Transitions) -> _Chain:
    states = sorted({state for state, _following in transitions.counts})
    numbers = {state: number for number, state in enumerate(states)}
    totals = [0] * len(states)
    for (state, _following), count in transitions.counts.items():
        totals[numbers[state]] += count
    rows: list[list[tuple[int, float]]] = [[] for _ in states]
    direct = [0.0] * len(states)
    for (state, following), count in sorted(transitions.counts.items()):
        number = numbers[state]
        if following == _CONVERTED:
            direct[number] = count / totals[number]
        elif following != _NOTHING:
            rows[number].append((numbers[following], count / totals[number]))
    return _Chain(states, rows, direct)


def _eliminate(chain: _Chain, removed: str | None) -> float:
    """P(conversion) from the start by elimination: exact up to rounding, for few states."""
    rest = [number for number, state in enumerate(chain.states) if state == START or state[-1] != removed]
    places = {number: place for place, number in enumerate(rest)}
    size = len(rest)
    matrix = [[0.0] * (size + 1) for _ in rest]
    for place, number in enumerate(rest):
        matrix[place][place] = 1.0
        matrix[place][size] = chain.direct[number]
        for following, probability in chain.rows[number]:
            if following in places:
                matrix[place][places[following]] -= probability
    # The start is state 0 and is reached from nowhere, so it is solved last: eliminate from the end. The matrix is a substochastic
    # M-matrix, whose pivots need no exchange of rows.
    for pivot in range(size - 1, 0, -1):
        pivot_row = matrix[pivot]
        for row in range(pivot):
            factor = matrix[row][pivot] / pivot_row[pivot]
            if factor:
                target = matrix[row]
                for column in range(pivot):
                    target[column] -= factor * pivot_row[column]
                target[size] -= factor * pivot_row[size]
    return matrix[0][size] / matrix[0][0]


def _sweep(chain: _Chain, removed: str | None, first: list[float]) -> list[float]:
    """P(conversion) from every state by Gauss-Seidel, alternating directions, until nothing moves by more than 1e-14."""
    values = [
        0.0 if state and state[-1] == removed else value for state, value in zip(chain.states, first, strict=True)
    ]
    own = [
        sum(probability for following, probability in row if following == number)
        for number, row in enumerate(chain.rows)
    ]
    work = [
        (number, chain.direct[number], [each for each in row if each[0] != number], 1.0 - own[number])
        for number, row in enumerate(chain.rows)
        if not (chain.states[number] and chain.states[number][-1] == removed)
    ]
    for sweep in range(_SWEEP_LIMIT):
        largest = 0.0
        for number, value, row, rest in work if sweep % 2 else reversed(work):
            for following, probability in row:
                value += probability * values[following]
            value /= rest
            change = abs(value - values[number])
            if change > largest:
                largest = change
            values[number] = value
        if largest <= _PRECISION:
            break
    return values


def removal_effects(transitions: Transitions) -> dict[str, float]:
    """Removal effect of each channel, 0 to 1: the part of all conversions that are lost without it. They do not sum to 1.

    Up to 40 states by elimination, more by Gauss-Seidel. Raises NotEnoughJourneys without any conversion.
    """
    if not transitions.conversions:
        raise NotEnoughJourneys(0, 1)
    chain = _chain(transitions)
    channels = transitions.channels
    if len(chain.states) <= _DENSE_LIMIT:
        whole = _eliminate(chain, None)
        return {channel: 1.0 - _eliminate(chain, channel) / whole for channel in channels}
    values = _sweep(chain, None, [1.0] * len(chain.states))
    whole = values[0]
    return {channel: 1.0 - _sweep(chain, channel, values)[0] / whole for channel in channels}


def shares(effects: dict[str, float]) -> dict[str, float]:
    """Effects as parts of their sum, so that they sum to 1; all 0 when every effect is."""
    whole = sum(effects.values())
    return {channel: effect / whole if whole else 0.0 for channel, effect in effects.items()}
