from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from sumeru_proxy.client import costs
from sumeru_proxy.client.errors import Limited
from sumeru_proxy.client.limiter import LimitHeaders, Scope
from sumeru_proxy.client.resource import READS
from sumeru_proxy.client.resources_catalogue import PRODUCTS
from sumeru_proxy.sandbox.limits import Limits, Verdict
from sumeru_proxy.sandbox.limits import Scope as Counter
from tests.sumeru_proxy.client.doors import REVIEWS_JSON, Clock, door
from tests.sumeru_proxy.client.scripted import Received, json_answer, scripted

NOW = 1_800_000_000.0
ADDRESS = Scope("ip", 100, READS, 1, True)


@pytest.mark.parametrize(
    ("before", "after", "others", "items", "unit"),
    [
        (90, 42, 0, 48, 1.0),
        (90, 89, 0, 48, 0.0),
        (90, 40, 2, 48, 1.0),
        (90, 60, 0, 48, 0.62),
        (90, 80, 0, 48, 0.0),  # nine calls of strangers behind the same address
        (90, 42, 0, 4, None),  # too few items to tell
    ],
)
def test_what_is_gone_is_what_it_cost(before: int, after: int, others: int, items: int, unit: float | None) -> None:
    states = {"ip": {"told": [NOW - 3, before, 7], "charged": 7 + others + 1}}
    known = costs.learnt({}, [ADDRESS], states, LimitHeaders(100, after), items, 1, NOW)
    assert known.get("unit") == unit


@pytest.mark.parametrize(
    ("own", "remaining", "unit"),
    [
        (0, 52, 1.0),  # the first call of all
        (0, 99, 0.0),
        (30, 22, 1.0),
        (30, 69, None),  # thirty of ours and one, or a minute that began with this call
        (30, 85, 0.0),
    ],
)
@pytest.mark.parametrize("told", [None, [NOW - 40, 90, 0], [NOW - 3, 1, 0]])
def test_an_answer_alone_says_it_when_it_can_mean_nothing_else(
    own: int, remaining: int, unit: float | None, told: list[float] | None
) -> None:
    state: dict[str, Any] = {"log": [[NOW - 30, own], [NOW, 1]], "charged": own + 1}
    states = {"ip": {**state, "told": told} if told else state}
    assert costs.learnt({}, [ADDRESS], states, LimitHeaders(100, remaining), 48, 1, NOW).get("unit") == unit


def test_what_says_nothing_leaves_what_is_known() -> None:
    states: dict[str, Any] = {"ip": {"told": [NOW - 3, 90, 7], "charged": 8}}
    known = {"unit": 1.0}
    for told in (LimitHeaders(), LimitHeaders(100, 89, cache_hit=True), LimitHeaders(100, 0, refused_s=30)):
        assert costs.learnt(known, [ADDRESS], states, told, 48, 1, NOW) == known


def test_many_items_share_a_call_only_while_they_leave_room() -> None:
    assert costs.items_at_once({}, [ADDRESS], 100) == 100
    assert costs.items_at_once({"unit": 0.0}, [ADDRESS], 100) == 100
    assert costs.items_at_once({"unit": 1.0}, [ADDRESS], 100) == 10
    assert costs.items_at_once({"unit": 1.0}, [ADDRESS, Scope("shop", 10_000, READS)], 48) == 10
    assert costs.items_at_once({"unit": 1.0}, [Scope("ip", 2, READS)], 48) == 1
    assert costs.cost_of({"unit": 1.0}, 1, 48) == 48
    assert costs.cost_of({"unit": 0.5}, 1, 3) == 2
    assert costs.cost_of({}, 100, 100) == 100


class Upstream:
    """Counts one per id, in a minute that slides; the answers say what is left."""

    def __init__(self, clock: Clock, per_item: bool) -> None:
        self.clock, self.per_item = clock, per_item
        self.limits = Limits({"public_reads_per_ip": 100})
        self.refused = 0

    def __call__(self, request: Received, sock: Any) -> bool | None:
        ids = request.target.partition("product_ids=")[2].partition("&")[0]
        cost = max(1, ids.count("%2C") + 1 if ids and self.per_item else 1)
        verdict: Verdict = self.limits.take([Counter("ip", 100)], cost, self.clock.now)
        self.refused += not verdict.allowed
        headers = [f"{name}: {value}" for name, value in verdict.headers().items()]
        if not verdict.allowed:
            error = {"error": {"code": "rate_limited"}}
            return json_answer(error, 429, *headers, f"Retry-After: {verdict.retry_after_s}")(request, sock)
        return json_answer({"data": []} if ids else REVIEWS_JSON, 200, *headers)(request, sock)


@pytest.mark.parametrize("per_item", [True, False])
def test_grids_of_48_earn_no_429_and_reviews_go_on(per_item: bool) -> None:
    clock = Clock()
    with scripted(lambda request, sock: True) as server:
        upstream = Upstream(clock, per_item)
        server.answer = upstream
        page = door(server.url, clock=clock, limits={})
        reviews, badges = 0, 0
        for second in range(120):
            clock.now += 1
            size = page.items_at_once(PRODUCTS, 48)
            ids = [f"prd_{second}_{number}" for number in range(48 if second % 10 == 0 else 0)]
            with suppress(Limited):
                for start in range(0, len(ids), size):
                    page.products(product_ids=ids[start : start + size])
                    badges += len(ids[start : start + size])
            with suppress(Limited):
                page.reviews(f"prd_{second}")
                reviews += 1
        assert upstream.refused == 0
        assert reviews >= 60, "single reads find the rest of each minute"
        assert badges >= (80 if per_item else 48 * 12)
        assert page.items_at_once(PRODUCTS, 100) == (10 if per_item else 100)
