"""The company's table: what is refused and why, and that a larger factor never earns less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution.company import LARGEST, BadRules, Rule, problems_of, table
from sumeru_proxy.consumers.attribution.credits import counted_touches, credit
from sumeru_proxy.consumers.attribution.journeys import JourneyConversion, JourneyTouch, Options
from tests.sumeru_proxy.consumers.attribution import drawing


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule("colour", "red", 1_000), "dimension"),
        (Rule("channel", "", 1_000), "value"),
        (Rule("channel", "x" * 191, 1_000), "value"),
        (Rule("channel", "a\nb", 1_000), "value"),
        (Rule("channel", "email", -1), "factor"),
        (Rule("channel", "email", LARGEST + 1), "factor"),
        (Rule("channel", "email", True), "factor"),
        (Rule("channel", "email", 1.5), "factor"),  # type: ignore[arg-type]
        (Rule("position", "third", 1_000), "value"),
        (Rule("customer", "old", 1_000), "value"),
        (Rule("age", "7", 1_000), "value"),
        (Rule("age", "7-7", 1_000), "value"),
        (Rule("age", "٧-٩", 1_000), "value"),
        (Rule("landing", "sale", 1_000), "value"),
    ],
)
def test_a_bad_rule_is_named_by_line_and_code(rule: Rule, code: str) -> None:
    good = Rule("channel", "organic", 1_000)
    assert [(each.line, each.code) for each in problems_of([good, rule])] == [(2, code)]
    with pytest.raises(BadRules):
        table([good, rule])


def test_rules_that_do_not_go_together() -> None:
    twice = [Rule("channel", "email", 1), Rule("channel", "email", 2)]
    assert [(each.line, each.code) for each in problems_of(twice)] == [(2, "twice")]
    overlap = [Rule("age", "7-30", 1), Rule("age", "0-8", 2), Rule("age", "30-", 1)]
    assert [(each.line, each.code) for each in problems_of(overlap)] == [(1, "overlap")]
    endless = [Rule("age", "7-", 1), Rule("age", "10-12", 2)]
    assert [(each.line, each.code) for each in problems_of(endless)] == [(2, "overlap")]
    assert [each.code for each in problems_of([Rule("device", "*", 0), Rule("device", "tv", 0)])] == ["all_zero"]
    assert [each.code for each in problems_of([Rule("channel", str(n), 1) for n in range(2_001)])] == ["too_many"]


@given(drawing.conversions, drawing.journeys, st.sampled_from(drawing.CHANNELS), st.integers(1, 90_000))
def test_a_larger_factor_never_earns_a_channel_less(
    conversion: JourneyConversion, touches: list[JourneyTouch], channel: str, more: int
) -> None:
    conversion = conversion._replace(total=abs(conversion.total))
    counted = counted_touches(conversion, touches, Options())

    def earned(factor: int) -> tuple[int, int]:
        credits = credit(conversion, counted, table([Rule("channel", channel, factor)]).model())
        own = [each.amount for each in credits if each.touch.channel == channel]
        return sum(own), len(own)

    (before, touches_of_it), (after, _count) = earned(1_000), earned(1_000 + more)
    # Each touch's share is within one unit of its exact value, which does not fall.
    assert after > before - max(1, touches_of_it)


def test_weights_of_many_different_touches_stay_right_when_the_memory_is_emptied() -> None:
    rules = table([Rule("campaign", "cam_7", 2_000)])
    touches = [JourneyTouch(number, number, "email", f"cam_{number}") for number in range(100_050)]
    assert [
        number for number, weight in enumerate(rules.weigh(JourneyConversion(10**9, 1), touches)) if weight == 2_000
    ] == [7]
    assert rules.weigh(JourneyConversion(10**9, 1), touches[7:8]) == [2_000]
