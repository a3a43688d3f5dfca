"""Random orders with journeys, for hypothesis and for the comparison with JavaScript."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution.company import Rule, table
from sumeru_proxy.consumers.attribution.journeys import (
    DAY_MS,
    DIRECT_HANDLING,
    JourneyConversion,
    JourneyTouch,
    Options,
)
from sumeru_proxy.consumers.attribution.offers import Parameters

CHANNELS = ("email", "paid_search", "paid_social", "direct", "(none)", "affiliate", "organic", "Ünïcode 🎁")
CAMPAIGNS = ("", "", "cam_1", "cam_2")
DEVICES = ("", "mobile", "desktop")
LANDINGS = ("", "/", "/sale", "/sale/shoes", "/blog/post")

touches = st.builds(
    JourneyTouch,
    at_ms=st.integers(0, 200 * DAY_MS),
    id=st.integers(1, 10**9),
    channel=st.sampled_from(CHANNELS),
    campaign=st.sampled_from(CAMPAIGNS),
    device=st.sampled_from(DEVICES),
    landing=st.sampled_from(LANDINGS),
)
journeys = st.lists(touches, max_size=30, unique_by=lambda touch: touch.id)
conversions = st.builds(
    JourneyConversion,
    at_ms=st.integers(0, 200 * DAY_MS),
    total=st.integers(-(10**12), 10**12),
    customer=st.sampled_from(("", "new", "returning")),
)
options = st.builds(
    Options,
    look_back_days=st.sampled_from((0, 1, 30, 90)),
    direct=st.sampled_from(DIRECT_HANDLING),
    prefer_campaigns=st.booleans(),
)

RULES = table(
    [
        Rule("channel", "email", 1_200),
        Rule("channel", "direct", 0),
        Rule("channel", "paid_search", 2_500),
        Rule("campaign", "cam_1", 1_750),
        Rule("campaign", "(none)", 900),
        Rule("position", "first", 1_300),
        Rule("position", "only", 1_000),
        Rule("position", "middle", 333),
        Rule("age", "0-1", 2_000),
        Rule("age", "7-30", 700),
        Rule("age", "30-", 410),
        Rule("device", "mobile", 1_100),
        Rule("device", "*", 950),
        Rule("customer", "new", 1_500),
        Rule("landing", "/", 1_010),
        Rule("landing", "/sale", 777),
    ]
)
PARAMETERS = Parameters(half_life_days=7, position_parts=(40, 20, 40))
EFFECTS = {"email": 412_345, "paid_search": 250_001, "direct": 3, "organic": 0, "affiliate": 99_999}


def random_order(random_: random.Random) -> tuple[JourneyConversion, list[JourneyTouch], Options]:
    """An order, its touches in any order of time, some after it or too old, some at the same millisecond."""
    at_ms = 1_700_000_000_000 + random_.randrange(100 * DAY_MS)
    total = random_.choice((0, 1, 1_999, random_.randrange(-10_000, 5_000_000), random_.randrange(10**17)))
    refunded = random_.choice((0, 0, max(0, total), random_.randrange(total + 1) if total > 0 else 0))
    conversion = JourneyConversion(at_ms, total, refunded, random_.choice(("", "new", "returning")))
    count = random_.choice((0, 1, 2, 3, random_.randrange(40)))
    found = [
        JourneyTouch(
            at_ms - random_.choice((0, 86_400_000, random_.randrange(120 * DAY_MS), -random_.randrange(DAY_MS))),
            number,
            random_.choice(CHANNELS),
            random_.choice(CAMPAIGNS),
            random_.choice(DEVICES),
            random_.choice(LANDINGS),
        )
        for number in random_.sample(range(1, 1_000), count)
    ]
    chosen = Options(
        look_back_days=random_.choice((0, 30, 90)),
        direct=random_.choice(DIRECT_HANDLING),
        prefer_campaigns=random_.random() < 0.3,
    )
    return conversion, found, chosen


def as_json(conversion: JourneyConversion, found: list[JourneyTouch], chosen: Options) -> dict[str, Any]:
    """An order as the JavaScript reads it: amounts as text, so that none is too large."""
    order = conversion._asdict() | {"total": str(conversion.total), "refunded": str(conversion.refunded)}
    option_values = {
        "look_back_days": chosen.look_back_days,
        "direct": chosen.direct,
        "prefer_campaigns": chosen.prefer_campaigns,
    }
    return {"conversion": order, "touches": [touch._asdict() for touch in found], "options": option_values}
