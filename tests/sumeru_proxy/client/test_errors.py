from __future__ import annotations

import pickle
import traceback

import pytest

from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable, Unreadable, code_of, request_id_of

EVERY = [
    Refused(code="forbidden", status=403, endpoint="orders", request_id="req_1"),
    Refused(code="invalid_argument", status=0, field="product_id", why="must be an identifier"),
    Limited(retry_after_s=3.5, status=429, endpoint="reviews", request_id="req_2"),
    Unavailable(reason="timeout", ambiguous=True, status=504, retry_after_s=2.0, endpoint="quiz"),
    Unreadable(path="data.reviews[3].rating", expected="whole number 1 to 5", endpoint="reviews"),
]


def test_the_kinds_are_four_under_one_base() -> None:
    assert {kind.__name__ for kind in SumeruError.__subclasses__()} == {
        "Refused",
        "Limited",
        "Unavailable",
        "Unreadable",
    }
    assert [kind.retryable for kind in (Refused, Limited, Unavailable, Unreadable)] == [False, True, True, False]


@pytest.mark.parametrize("error", EVERY, ids=str)
def test_pickling_keeps_everything(error: SumeruError) -> None:
    error.ambiguous = True
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, again.__dict__) == (str(error), error.args, error.__dict__)


def test_texts_say_what_to_know() -> None:
    assert str(EVERY[0]) == "orders: refused (forbidden, 403) [req_1]"
    assert str(EVERY[1]) == "not sent (invalid_argument): product_id must be an identifier"
    assert str(EVERY[2]) == "reviews: 429 from upstream, retry after 3.5 s [req_2]"
    assert str(EVERY[3]) == "quiz: unavailable (timeout, 504, ambiguous)"
    assert str(EVERY[4]) == "reviews: unreadable answer at data.reviews[3].rating (expected whole number 1 to 5)"


def test_only_our_vocabulary_is_taken_over() -> None:
    assert code_of("not_found", 404) == "not_found"
    assert code_of("copt_live_abc", 400) == "http_400"
    assert code_of(["not_found"], 404) == "http_404"
    assert request_id_of("req_Ab3") == "req_Ab3"
    for odd in ("copt_live_abc", "req_", "req_" + "a" * 60, "req_a b", "req_a\n", None, 5):
        assert request_id_of(odd) == ""


def test_a_traceback_shows_no_other_exception() -> None:
    with pytest.raises(Unavailable) as caught:
        raise EVERY[3]
    assert "During handling" not in "".join(traceback.format_exception(caught.value))
