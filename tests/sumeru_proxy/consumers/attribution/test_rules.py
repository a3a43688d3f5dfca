"""Each rule worked by hand over one journey, and what must hold for all of them."""

from __future__ import annotations

from decimal import Decimal, getcontext
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution import credits, offers, rules
from sumeru_proxy.consumers.attribution.company import NEUTRAL
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch, Options
from tests.sumeru_proxy.consumers.attribution import drawing

ORDER = JourneyConversion(at_ms=30 * DAY_MS, total=10_000, customer="new")
JOURNEY = [
    JourneyTouch(9 * DAY_MS, 1, "paid_social", "cam_1", "mobile", "/sale/shoes"),  # 21 days before the order
    JourneyTouch(16 * DAY_MS, 2, "email", "", "desktop", "/"),  # 14 days
    JourneyTouch(23 * DAY_MS, 3, "paid_social", "cam_1", "mobile", "/blog/post"),  # 7 days
    JourneyTouch(30 * DAY_MS, 4, "direct", "", "", ""),  # at the moment of the order
]
MODELS = [
    offers.model_named(name, drawing.PARAMETERS, drawing.RULES, drawing.EFFECTS if offer.from_data else None)
    for name, offer in offers.OFFERS.items()
]


@pytest.mark.parametrize(
    ("name", "weights", "cents"),
    [
        ("last", [0, 0, 0, 1], [0, 0, 0, 10_000]),
        ("last_non_direct", [0, 0, 1, 0], [0, 0, 10_000, 0]),
        ("first", [1, 0, 0, 0], [10_000, 0, 0, 0]),
        ("linear", [1, 1, 1, 1], [2_500, 2_500, 2_500, 2_500]),
        # 125 : 250 : 500 : 1000 thousandths, sum 1875: 666.67 1333.33 2666.67 5333.33
        ("time_decay", [125_000, 250_000, 500_000, 1_000_000], [667, 1_333, 2_667, 5_333]),
        ("position", [80, 20, 20, 80], [4_000, 1_000, 1_000, 4_000]),
        # three channels, a third each; paid_social's third over two touches: 1 : 2 : 1 : 2 of 6
        ("shapley_equal", [1, 2, 1, 2], [1_667, 3_333, 1_667, 3_333]),
        ("markov", [0, 412_345, 0, 3], [0, 10_000, 0, 0]),
    ],
)
def test_worked_by_hand(name: str, weights: list[int], cents: list[int]) -> None:
    (model,) = [model for model in MODELS if model.name == name]
    assert model.weigh(ORDER, JOURNEY) == weights
    assert [each.amount for each in credits.credit(ORDER, JOURNEY, model)] == cents


def test_company_weights_worked_by_hand() -> None:
    # channel × campaign × position × age × device × customer × landing, in thousandths
    factors = [
        (1_000, 1_750, 1_300, 700, 1_100, 1_500, 777),  # 21 days old; /sale is the longest prefix
        (1_200, 900, 333, 700, 950, 1_500, 1_010),
        (1_000, 1_750, 333, 700, 1_100, 1_500, 1_010),  # 7 days old: 7-30 begins at 7
        (0, 900, 1_000, 2_000, 950, 1_500, 1_000),  # direct never counts; no landing page known: neutral
    ]
    model = drawing.RULES.model()
    explained = model.explain(ORDER, JOURNEY)
    assert [tuple(factor.number for factor in own) for own in explained] == factors
    assert [own[6].value for own in explained] == ["/sale", "/", "/", ""]
    weights = model.weigh(ORDER, JOURNEY)
    assert weights == [rules.product_of(own) for own in explained]
    # 2.041665 : 0.362328 : 0.679807 : 0 of 3.083800: 6620.61, 1174.94, 2204.45 cents
    assert [each.amount for each in credits.credit(ORDER, JOURNEY, model)] == [6_621, 1_175, 2_204, 0]


@pytest.mark.parametrize(
    ("parts", "count", "weights"),
    [
        ((40, 20, 40), 1, [1]),
        ((40, 20, 40), 2, [40, 40]),
        ((30, 10, 60), 2, [30, 60]),
        ((0, 100, 0), 2, [1, 1]),
        ((0, 100, 0), 3, [0, 100, 0]),
        ((30, 10, 60), 5, [90, 10, 10, 10, 180]),
    ],
)
def test_position_of_any_length(parts: tuple[int, int, int], count: int, weights: list[int]) -> None:
    assert rules.position(*parts).weigh(ORDER, JOURNEY[:1] * count) == weights


def test_last_known_channel_of_a_journey_that_is_all_direct() -> None:
    all_direct = [JourneyTouch(1, 1, "Direct"), JourneyTouch(2, 2, "(none)")]
    assert rules.LAST_NON_DIRECT.weigh(ORDER, all_direct) == [0, 1]


def test_the_halving_table_is_exact() -> None:
    root = 1 << 199  # one half, in 200 binary places
    for number in rules.HALVINGS:
        root = isqrt(root << 200)
        assert number == (root + (1 << 167)) >> 168


@given(st.integers(0, 21 * 7 * DAY_MS), st.integers(1, 365))
def test_decay_is_near_its_formula(age_ms: int, half_life_days: int) -> None:
    getcontext().prec = 40
    exact = 1_000_000 * Decimal(2) ** (-Decimal(age_ms) / (half_life_days * DAY_MS))
    found = rules.decay(age_ms, half_life_days * DAY_MS)
    assert found == 1 or -1 < found - exact < 11
    assert rules.decay(age_ms + 1, half_life_days * DAY_MS) <= found


@given(drawing.conversions, drawing.journeys, drawing.options)
def test_every_model_gives_everything_to_the_cent(
    conversion: JourneyConversion, touches: list[JourneyTouch], options: Options
) -> None:
    counted = credits.counted_touches(conversion, touches, options)
    assert counted == [touch for touch, reason in credits.left_out(conversion, touches, options) if not reason]
    for model in MODELS:
        shares = credits.credit(conversion, counted, model)
        explained = credits.explain(conversion, touches, options, model)
        assert sum(line.amount for line in explained.lines) + explained.unattributed == conversion.total
        if shares:
            assert sum(each.amount for each in shares) == conversion.total
            weights = model.weigh(conversion, counted)
            counted_lines = [line for line in explained.lines if not line.left_out]
            assert [line.weight for line in counted_lines] == weights
            assert [(line.touch, line.amount) for line in counted_lines] == [
                (each.touch, each.amount) for each in shares
            ]
            assert all(rules.product_of(line.factors) == line.weight for line in counted_lines)
            assert all(weight or not each.amount for weight, each in zip(weights, shares, strict=True))
        else:
            assert explained.unattributed == conversion.total


@given(drawing.conversions, drawing.journeys, drawing.options, st.randoms())
def test_the_order_of_arrival_does_not_matter(
    conversion: JourneyConversion, touches: list[JourneyTouch], options: Options, random_: object
) -> None:
    shuffled = list(touches)
    random_.shuffle(shuffled)  # type: ignore[attr-defined]
    counted = credits.counted_touches(conversion, touches, options)
    assert counted == credits.counted_touches(conversion, shuffled, options)


def test_refunds_show_in_the_explanation() -> None:
    explained = credits.explain(ORDER._replace(refunded=10_000), JOURNEY, Options(), rules.time_decay())
    assert [(line.amount, line.refunded) for line in explained.lines] == [(x, x) for x in (667, 1_333, 2_667, 5_333)]
    nobody = credits.explain(ORDER._replace(refunded=17), [], Options(), rules.LAST)
    assert (nobody.unattributed, nobody.unattributed_refund) == (10_000, 17)


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        (Options(), ["", "", "", ""]),
        (Options(look_back_days=14), ["look_back", "", "", ""]),
        (Options(direct="fallback"), ["", "", "", "direct"]),
        (Options(direct="never"), ["", "", "", "direct"]),
        (Options(prefer_campaigns=True), ["", "no_campaign", "", "no_campaign"]),
        (Options(look_back_days=5, direct="fallback"), ["look_back", "look_back", "look_back", ""]),
        (Options(look_back_days=5, direct="never"), ["look_back", "look_back", "look_back", "direct"]),
        (Options(kinds=frozenset({"signup"})), ["kind", "kind", "kind", "kind"]),
    ],
)
def test_options(options: Options, reasons: list[str]) -> None:
    explained = credits.explain(ORDER, JOURNEY, options, rules.LINEAR)
    assert [line.left_out for line in explained.lines] == reasons
    counted = credits.counted_touches(ORDER, JOURNEY, options)
    assert [touch.id for touch in counted] == [line.touch.id for line in explained.lines if not line.left_out]


def test_a_touch_after_the_order_never_counts() -> None:
    late = JourneyTouch(ORDER.at_ms + 1, 9, "email")
    explained = credits.explain(ORDER, [late], Options(look_back_days=0), rules.LAST)
    assert [line.left_out for line in explained.lines] == ["after"]
    assert explained.unattributed == ORDER.total


@pytest.mark.parametrize(
    "make",
    [
        lambda: Options(look_back_days=-1),
        lambda: Options(direct="sometimes"),
        lambda: rules.time_decay(0),
        lambda: rules.position(0, 0, 0),
        lambda: rules.position(-1, 50, 50),
        lambda: offers.Parameters(markov_order=4),
        lambda: offers.model_named("markov", offers.Parameters()),
        lambda: offers.model_named("company", offers.Parameters()),
    ],
)
def test_impossible_settings_are_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


def test_an_empty_table_is_linear() -> None:
    from sumeru_proxy.consumers.attribution.company import table

    assert table([]).model().weigh(ORDER, JOURNEY) == [NEUTRAL] * 4
    assert [own[0].number for own in table([]).model().explain(ORDER, JOURNEY)] == [NEUTRAL] * 4
