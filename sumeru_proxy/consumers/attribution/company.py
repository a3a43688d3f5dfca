"""The company's own weights: factors in thousandths, multiplied. Pure; ``weight_tables`` stores them.

A rule says: touches with this value in this dimension count so many thousandths (1000 is neutral, 0 excludes, 2500 is two and a half
times). A touch's weight is the product of its factors over the dimensions that have any rule. In each dimension ``*`` is the factor of
every value without a rule of its own; without ``*`` that is 1000. The campaign or device ``(none)`` is that of touches without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch
from sumeru_proxy.consumers.attribution.rules import Factor, Model, place, product_of

DIMENSIONS: Final = ("channel", "campaign", "position", "age", "device", "customer", "landing")
NEUTRAL: Final = 1_000
LARGEST: Final = 100_000
RULES_LIMIT: Final = 2_000
VALUE_CHARS: Final = 190
ANY: Final = "*"
NONE: Final = "(none)"
_CHOICES: Final = {"position": ("only", "first", "middle", "last"), "customer": ("new", "returning")}
_AGE = re.compile(r"(0|[1-9]\d{0,3})-(0|[1-9]\d{0,3})?\Z", re.ASCII)


class Rule(NamedTuple):
    """One line of the table. ``age`` values are days, ``0-7`` (from 0, below 7) or ``30-``; ``landing`` values are path prefixes."""

    dimension: str
    value: str
    thousandths: int


class Problem(NamedTuple):
    """Why a rule is refused: its number in the given order (from 1, 0 for the whole table), a stable code, and a text."""

    line: int
    code: str
    text: str


class BadRules(ValueError):
    """The rules do not make a table; ``problems`` says why, line by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"line {each.line}: {each.text}" for each in problems[:5]))
        self.problems = tuple(problems)


def age_range(value: str) -> tuple[int, int | None] | None:
    """``7-30`` as (7, 30), ``30-`` as (30, None); None when it is neither or holds nothing."""
    found = _AGE.match(value)
    if not found:
        return None
    start, end = int(found[1]), int(found[2]) if found[2] else None
    return None if end is not None and end <= start else (start, end)


def _problem_of(rule: Rule) -> tuple[str, str] | None:
    if rule.dimension not in DIMENSIONS:
        return "dimension", f"{rule.dimension[:40]!r} is none of {', '.join(DIMENSIONS)}"
    if not rule.value or len(rule.value) > VALUE_CHARS or any(ord(char) < 32 for char in rule.value):
        return "value", f"the value must have 1 to {VALUE_CHARS} printable characters"
    if isinstance(rule.thousandths, bool) or not isinstance(rule.thousandths, int):
        return "factor", "the factor must be a whole number of thousandths"
    if not 0 <= rule.thousandths <= LARGEST:
        return "factor", f"the factor must be 0 to {LARGEST} thousandths"
    if rule.value == ANY:
        return None
    choices = _CHOICES.get(rule.dimension)
    if choices and rule.value not in choices:
        return "value", f"{rule.value!r} is none of {', '.join(choices)}"
    if rule.dimension == "age" and not age_range(rule.value):
        return "value", "an age is a range of days, such as 0-7 or 30-"
    if rule.dimension == "landing" and not rule.value.startswith("/"):
        return "value", "a landing page is a path that begins with /"
    return None


def problems_of(rules: Sequence[Rule]) -> list[Problem]:
    """Everything that is wrong with these rules; empty when they make a table."""
    if len(rules) > RULES_LIMIT:
        return [Problem(0, "too_many", f"at most {RULES_LIMIT} rules")]
    problems = []
    seen: dict[tuple[str, str], int] = {}
    ages: list[tuple[int, int | None, int]] = []
    for line, rule in enumerate(rules, 1):
        if found := _problem_of(rule):
            problems.append(Problem(line, *found))
            continue
        other = seen.setdefault((rule.dimension, rule.value), line)
        if other != line:
            problems.append(Problem(line, "twice", f"the same as line {other}"))
        elif rule.dimension == "age" and (days := age_range(rule.value)):
            ages.append((*days, line))
    ages.sort(key=lambda each: each[0])
    for (_start, end, line), (start, _end, later) in pairwise(ages):
        if end is None or start < end:
            problems.append(Problem(later, "overlap", f"the range of days overlaps with line {line}"))
    for dimension in DIMENSIONS:
        own = [rule.thousandths for rule in rules if rule.dimension == dimension]
        if own and not any(own) and any(rule == (dimension, ANY, 0) for rule in rules):
            problems.append(Problem(0, "all_zero", f"every {dimension} would weigh 0"))
    return problems


@dataclass(frozen=True)
class WeightTable:
    """A checked set of rules. Make it with ``table``; ``version`` is the stored version's number, 0 for a draft."""

    rules: tuple[Rule, ...]
    version: int = 0
    _cache: dict[tuple[str, str, str, str], int] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _exact(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {dimension: {} for dimension in DIMENSIONS}
        for rule in self.rules:
            found[rule.dimension][rule.value] = rule.thousandths
        return found

    @cached_property
    def used(self) -> tuple[str, ...]:
        """The dimensions that have a rule, in the fixed order of ``DIMENSIONS``."""
        return tuple(dimension for dimension in DIMENSIONS if self._exact[dimension])

    @cached_property
    def _ages(self) -> list[tuple[int, int | None, str]]:
        ranges = [(days, value) for value in self._exact["age"] if (days := age_range(value))]
        return sorted((start, end, value) for (start, end), value in ranges)

    @cached_property
    def _prefixes(self) -> list[str]:
        return sorted((value for value in self._exact["landing"] if value != ANY), key=len, reverse=True)

    def _plain(self, dimension: str, value: str) -> Factor:
        numbers = self._exact[dimension]
        return Factor(dimension, value, numbers.get(value, numbers.get(ANY, NEUTRAL)))

    def _age(self, age_ms: int) -> Factor:
        days = age_ms // DAY_MS
        for start, end, value in self._ages:
            if start <= days and (end is None or days < end):
                return Factor("age", value, self._exact["age"][value])
        return Factor("age", f"{days}", self._exact["age"].get(ANY, NEUTRAL))

    def _landing(self, path: str) -> Factor:
        for prefix in self._prefixes:
            if path.startswith(prefix):
                return Factor("landing", prefix, self._exact["landing"][prefix])
        return Factor("landing", path, self._exact["landing"].get(ANY, NEUTRAL))

    def _factor(self, dimension: str, conversion: JourneyConversion, touch: JourneyTouch, where: str) -> Factor:
        if dimension == "age":
            return self._age(conversion.at_ms - touch.at_ms)
        if dimension == "landing":
            return self._landing(touch.landing)
        if dimension == "position":
            return self._plain(dimension, where)
        if dimension == "customer":
            return self._plain(dimension, conversion.customer)
        if dimension == "channel":
            return self._plain(dimension, touch.channel)
        return self._plain(dimension, getattr(touch, dimension) or NONE)

    def explain(self, conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[tuple[Factor, ...]]:
        """The factors of each touch, in the order of ``used``; a table without rules gives one neutral factor."""
        count = len(touches)
        return [
            tuple(self._factor(each, conversion, touch, place(index, count)) for each in self.used)
            or (Factor("channel", touch.channel, NEUTRAL),)
            for index, touch in enumerate(touches)
        ]

    def _own(self, conversion: JourneyConversion, touch: JourneyTouch) -> int:
        key = (touch.channel, touch.campaign, touch.device, touch.landing)
        weight = self._cache.get(key)
        if weight is None:
            own = [each for each in self.used if each in ("channel", "campaign", "device", "landing")]
            weight = product_of([self._factor(each, conversion, touch, "") for each in own])
            if len(self._cache) >= 100_000:
                self._cache.clear()
            self._cache[key] = weight
        return weight

    def weigh(self, conversion: JourneyConversion, touches: Sequence[JourneyTouch]) -> list[int]:
        """The products of ``explain``'s factors, found faster: what depends on the touch alone is computed once."""
        if not self.used:
            return [NEUTRAL] * len(touches)
        weights = [self._own(conversion, touch) for touch in touches]
        if self._exact["customer"]:
            number = self._plain("customer", conversion.customer).number
            weights = [weight * number for weight in weights]
        if self._exact["position"]:
            count = len(weights)
            numbers = [self._plain("position", word).number for word in ("first", "middle", "last")]
            if count == 1:
                weights[0] *= self._plain("position", "only").number
            else:
                first, middle, last = numbers
                weights = [weights[0] * first, *[each * middle for each in weights[1:-1]], weights[-1] * last]
        if self._exact["age"]:
            at_ms = conversion.at_ms
            weights = [
                weight * self._age(at_ms - touch.at_ms).number for weight, touch in zip(weights, touches, strict=True)
            ]
        return weights

    def model(self) -> Model:
        """These weights as a model named ``company``."""
        return Model("company", self.weigh, self.explain)


def table(rules: Iterable[Rule], version: int = 0) -> WeightTable:
    """A table of these rules. Raises BadRules."""
    checked = tuple(rules)
    if problems := problems_of(checked):
        raise BadRules(problems)
    return WeightTable(checked, version)
