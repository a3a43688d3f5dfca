from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sumeru_proxy.client import pauses
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable, Unreadable
from sumeru_proxy.client.limiter import MemoryStore
from sumeru_proxy.client.pauses import admit, record
from tests.sumeru_proxy.client.doors import REVIEWS_JSON, Clock, door
from tests.sumeru_proxy.client.scripted import Received, fixed, json_answer, raw, scripted

NOW = 1_800_000_000.0
UNREADABLE = Unreadable(path="data[0].price")
GATEWAY = Unavailable(reason="not_sumeru", status=404)
FAILING = Unavailable(reason="server_error", status=500)
UNKNOWN = Refused(code="not_found", status=404)


def after(steps: list[tuple[str, SumeruError | None]], state: pauses.State | None = None) -> pauses.State:
    current: pauses.State = state or {}
    for key, failure in steps:
        current = record(current, key, failure, failure is None, False, NOW)
    return current


def test_a_question_waits_longer_each_time() -> None:
    state: pauses.State = {}
    now, waits = NOW, []
    for _ in range(8):
        state = record(state, "a", UNREADABLE, False, False, now)
        waits.append(round(admit(state, "a", now).wait_s))
        now += waits[-1]
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    assert admit(state, "b", now).wait_s == 0
    assert record(state, "a", None, True, False, now) == {}


def test_many_useless_questions_wait_longer_so_that_all_of_them_cost_little() -> None:
    steps: list[tuple[str, SumeruError | None]] = []
    for number in range(70):
        steps += [(f"bad{number}", UNREADABLE), (f"good{number}", None)]
    state = after(steps)
    assert not state.get("until"), "there are good answers between them"
    per_minute = sum(60 / max(1.0, admit(state, f"bad{number}", NOW).wait_s) for number in range(35, 70))
    assert per_minute < 12


@pytest.mark.parametrize(
    ("failures", "paused_s"),
    [
        ([UNREADABLE] * 3, 5),
        ([GATEWAY] * 3, 5),
        ([FAILING] * 3, 5),
        ([Refused(code="forbidden", status=403)] * 3, 5),
        ([UNREADABLE, GATEWAY, FAILING], 5),
        ([UNREADABLE] * 2, 0),
        ([UNREADABLE, UNREADABLE, None, UNREADABLE], 0),
        ([UNREADABLE, UNREADABLE, UNKNOWN, UNREADABLE], 5),
        ([UNKNOWN] * 9, 0),
        ([Refused(code="validation_failed", status=422)] * 9, 0),
        ([Limited(retry_after_s=3)] * 9, 0),
        ([Unavailable(reason="network")] * 9, 0),
    ],
)
def test_a_few_different_questions_speak_of_the_endpoint(failures: list[SumeruError | None], paused_s: float) -> None:
    state = after([(f"k{number}", failure) for number, failure in enumerate(failures)])
    assert admit(state, "another", NOW).wait_s == paused_s


def test_one_question_alone_does_not_pause_its_endpoint() -> None:
    assert admit(after([("a", UNREADABLE)] * 20), "b", NOW).wait_s == 0


@pytest.mark.parametrize(("failure", "longest_s"), [(UNREADABLE, 300), (GATEWAY, 30), (FAILING, 30)])
def test_one_probe_for_the_fleet_and_twice_as_long_until_a_good_answer(failure: SumeruError, longest_s: float) -> None:
    state = after([(key, failure) for key in "abc"])
    now, waits = NOW, []
    for number in range(9):
        now += admit(state, f"n{number}", now).wait_s
        probe = admit(state, f"n{number}", now)
        assert (probe.wait_s, probe.probe) == (0, True)
        assert probe.state is not None
        assert admit(probe.state, "x", now).wait_s > 0, "one at a time"
        state = record(probe.state, f"n{number}", failure, False, True, now)
        waits.append(admit(state, "x", now).wait_s)
    assert waits[:2] == [10, 20]
    assert waits[-1] == longest_s
    healed = record(state, "x", None, True, True, now)
    assert admit(healed, "y", now).wait_s == 0
    assert admit(healed, "n8", now).wait_s <= 2, "it failed with the endpoint"


def test_an_empty_list_says_nothing_about_the_shape() -> None:
    """Most products have no bundle: their answers must not open what stays unreadable for all the others."""
    state = after([(key, UNREADABLE) for key in "abc"])
    now = NOW + 5
    grown = record(admit(state, "d", now).state or {}, "d", UNREADABLE, False, True, now)
    now += 10
    empty = record(admit(grown, "e", now).state or {}, "e", None, False, True, now)
    probe = admit(empty, "f", now)
    assert (probe.wait_s, probe.probe) == (0, True), "asked one by one"
    assert admit(record(probe.state or {}, "f", UNREADABLE, False, True, now), "g", now).wait_s == 10
    ended = record(admit(empty, "h", now).state or {}, "h", None, False, True, now)
    assert not admit(ended, "i", now).probe
    way = after([(key, GATEWAY) for key in "abc"])
    assert not record(way, "d", None, False, True, NOW + 5).get("until"), "Sumeru itself answers again"


def test_a_probe_that_says_nothing_lets_the_next_one_probe() -> None:
    state = admit(after([(key, UNREADABLE) for key in "abc"]), "d", NOW + 5).state or {}
    assert admit(record(state, "d", Limited(retry_after_s=1), False, True, NOW + 6), "e", NOW + 6).probe
    assert admit(state, "e", NOW + 5 + 36).probe, "its process is gone"


def test_clocks_that_are_set_back_do_not_pause_for_hours() -> None:
    state = record(after([(key, UNREADABLE) for key in "abc"]), "a", UNREADABLE, False, False, NOW + 90_000)
    assert admit(state, "a", NOW).wait_s <= 5
    assert admit({**state, "until": NOW + 90_000}, "z", NOW).wait_s == 0


def test_what_is_remembered_is_bounded() -> None:
    state: Mapping[str, Any] = {}
    for number in range(2_000):
        state = record(state, f"k{number}", Refused(code="validation_failed", status=422), False, False, NOW + number)
    assert len(state["keys"]) <= 200


# -- through the client


BUNDLE = {"id": "bun_1", "title": "Set", "items": [], "price": "10.00", "currency": "EUR"}


def pair(url: str) -> tuple[Sumeru, Sumeru, Clock]:
    """Two processes that share one store."""
    store, clock = MemoryStore(), Clock()
    return door(url, clock=clock, store=store), door(url, "refresh", clock=clock, store=store), clock


def test_a_renamed_field_costs_a_few_calls_and_other_endpoints_go_on() -> None:
    renamed = {"data": [{**BUNDLE, "name": "Set", "title": None}]}

    def answer(request: Received, sock: Any) -> bool | None:
        return json_answer(REVIEWS_JSON if "reviews" in request.target else renamed)(request, sock)

    with scripted(answer) as server:
        page, refresh, clock = pair(server.url)
        for second in range(100):
            clock.now += 1
            for each in (page, refresh):
                with pytest.raises((Unreadable, Unavailable)):
                    each.bundles(f"prd_{second % 40}")
            assert page.reviews(f"prd_{second}").reviews == ()
        bundles = [each for each in server.received if "bundles" in each.target]
        assert len(bundles) <= 8
        assert len(server.received) - len(bundles) == 100
        with pytest.raises(Unavailable) as caught:
            page.bundles("prd_99")
        assert caught.value.reason == "paused"
        assert 0 < (caught.value.retry_after_s or 0) <= 300
        server.answer = json_answer({"data": [BUNDLE]})
        assert refresh.for_a_test().bundles("prd_1")[0].id == "bun_1", "a person's test asks all the same"
        assert page.bundles("prd_99")[0].id == "bun_1", "one good answer ended it for all"


def test_one_product_with_a_null_price_costs_its_own_reads_only() -> None:
    def answer(request: Received, sock: Any) -> bool | None:
        bad = "prd_bad" in request.target
        return json_answer({"data": [{**BUNDLE, "price": None if bad else "10.00"}]})(request, sock)

    with scripted(answer) as server:
        page, _refresh, clock = pair(server.url)
        for second in range(60):
            clock.now += 1
            with pytest.raises((Unreadable, Unavailable)):
                page.bundles("prd_bad")
            assert page.bundles(f"prd_{second}")
        assert sum("prd_bad" in each.target for each in server.received) == 4


def test_a_gateway_s_pages_are_an_outage_of_their_endpoint_and_over_within_half_a_minute() -> None:
    with scripted(fixed(raw(404, b"<html>Not found</html>", content_type="text/html"))) as server:
        page, _refresh, clock = pair(server.url)
        for second in range(90):
            clock.now += 1
            with pytest.raises(Unavailable):
                page.reviews(f"prd_{second}")
        assert len(server.received) <= 10
        server.answer = json_answer(REVIEWS_JSON)
        waited = 0
        while True:
            try:
                assert page.reviews("prd_0").reviews == ()
                break
            except Unavailable:
                clock.now += 1
                waited += 1
        assert waited <= 31


def test_jobs_have_pauses_of_their_own() -> None:
    with scripted(json_answer({"data": []})) as server:
        page, _refresh, clock = pair(server.url)
        for number in range(4):
            with pytest.raises((Unreadable, Unavailable)):
                page.reviews(f"prd_{number}")
        worker = door(server.url, "worker", clock, store=page._store, max_attempts=1)
        for _ in range(3):
            with pytest.raises(Unreadable):
                worker.reviews("prd_1")
        assert len(server.received) == 6
