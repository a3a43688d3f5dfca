"""What operators see of each endpoint's last outcomes."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from sumeru_proxy import health
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Meta, Observed
from sumeru_proxy.health import Health

pytestmark = pytest.mark.stores


@pytest.fixture(autouse=True)
def clean() -> None:
    cache.clear()
    health.forget()


REFUSED = errors.Refused(code="forbidden", status=403, endpoint="bundles", request_id="req_1")


@pytest.mark.parametrize(
    ("succeeded_at", "failed_at", "error", "state"),
    [
        (None, None, "", "unused"),
        (5.0, None, "", "ok"),
        (5.0, 4.0, "Unavailable", "ok"),
        (5.0, 5.0, "Unavailable", "ok"),
        (5.0, 6.0, "Unavailable", "failing"),
        (None, 6.0, "Refused", "failing"),
        (5.0, 6.0, "Limited", "waiting"),
    ],
)
def test_state(succeeded_at: float | None, failed_at: float | None, error: str, state: str) -> None:
    assert Health("reviews", succeeded_at, failed_at, error).state == state


def test_the_last_success_and_the_last_failure_are_both_kept() -> None:
    health.note(7, "bundles", now=100.0)
    health.note(7, "bundles", REFUSED, now=101.0)
    assert health.of(7) == [Health("bundles", 100.0, 101.0, "Refused", "forbidden", 403, "req_1")]
    health.note(7, "bundles", now=102.0)  # at once, although the last success is young: it ends a failure
    assert health.of(7)[0].state == "ok"
    assert health.worst(health.of(7)) == "ok"


def test_successes_are_written_sparingly() -> None:
    health.note(7, "reviews", now=100.0)
    health.note(7, "reviews", now=104.0)
    assert health.of(7)[0].succeeded_at == 100.0
    health.note(7, "reviews", now=105.0)
    assert health.of(7)[0].succeeded_at == 105.0


def test_shops_are_apart_and_unknown_endpoints_together() -> None:
    health.note(7, "something_new", now=1.0)
    health.note(7, "something_else", REFUSED, now=2.0)
    assert [each.endpoint for each in health.of(7)] == ["other"]
    assert health.of(8) == []
    assert health.of_many([7, 8])[8] == []


def test_worst() -> None:
    rows = [Health("a", 1.0), Health("b", None, 1.0, "Limited")]
    assert health.worst([]) == "unused"
    assert health.worst(rows) == "waiting"
    assert health.worst([*rows, Health("c", None, 1.0, "Refused")]) == "failing"


def test_the_observer_of_a_client_notes_the_same() -> None:
    observe = health.observer(7)
    observe(Observed("page", Meta("reviews", 200, 0.1), "", True))
    observe(Observed("page", Meta("bundles", 503, 0.1, "req_2"), "Unavailable", True))
    states = {each.endpoint: (each.state, each.status, each.request_id) for each in health.of(7)}
    assert states == {"reviews": ("ok", 0, ""), "bundles": ("failing", 503, "req_2")}


def test_a_broken_cache_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError("cache is away")

    monkeypatch.setattr(cache, "set", broken)
    monkeypatch.setattr(cache, "get_many", broken)
    health.note(7, "reviews")
    health.note(7, "reviews", REFUSED)
    assert health.of(7) == []


def test_an_unreadable_answer_keeps_its_path_and_an_example_request() -> None:
    observe = health.observer(7)
    meta = Meta("bundles", 200, 0.1, "req_9")
    observe(Observed("page", meta, "Unreadable", True, "", "data[0].price", "number 0 to 10"))
    for code in ("paused", "breaker_open"):
        observe(Observed("page", Meta("bundles", 0, 0.0), "Unavailable", False, code))
    observe(Observed("page", Meta("bundles", 0, 0.0), "Limited", False))
    found = health.of(7)[0]
    assert (found.error, found.unreadable_path, found.expected, found.unreadable_request_id, found.left_out) == (
        "Limited",
        "data[0].price",
        "number 0 to 10",
        "req_9",
        False,
    )


def test_what_is_held_back_does_not_hide_why() -> None:
    observe = health.observer(7)
    observe(Observed("page", Meta("bundles", 403, 0.1, "req_2"), "Refused", True, "forbidden"))
    observe(Observed("page", Meta("bundles", 0, 0.0), "Unavailable", False, "paused"))
    found = health.of(7)[0]
    assert (found.error, found.code, found.status, found.request_id) == ("Refused", "forbidden", 403, "req_2")


def test_an_item_that_was_left_out_is_shown_beside_the_success() -> None:
    observe = health.observer(7)
    observe(Observed("page", Meta("products", 200, 0.1, "req_3"), "", True, "", "data[3].price"))
    found = health.of(7)[0]
    assert (found.state, found.unreadable_path, found.left_out) == ("ok", "data[3].price", True)


@pytest.mark.parametrize(
    ("status", "code", "named", "state"),
    [
        (404, "not_found", True, "ok"),
        (422, "validation_failed", True, "ok"),
        (409, "idempotency_conflict", True, "ok"),
        (404, "not_found", False, "failing"),  # a list that is not there is a wrong address
        (401, "unauthenticated", True, "failing"),
        (403, "forbidden", True, "failing"),
        (404, "http_404", True, "failing"),
    ],
)
def test_a_shoppers_unknown_code_is_no_failure_of_the_connection(
    status: int, code: str, named: bool, state: str
) -> None:
    seen = Observed("page", Meta("check_referral", status, 0.1), "Refused", True, code, named=named)
    health.observer(7)(seen)
    assert {each.endpoint: each.state for each in health.of(7)} == {"check_referral": state}
