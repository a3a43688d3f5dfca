"""What becomes of a job: tables of values, no database, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy import secrets
from sumeru_proxy.client.errors import Limited, Refused, Unavailable, Unreadable
from sumeru_proxy.outbox.rules import KEY_SAFE_FOR, Facts, Park, RetryAt, backoff_s, decide_before, decide_next

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW = Facts(0)
SENT = Facts(3, NOW - timedelta(hours=1), True)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def refused(status: int, code: str = "validation_failed") -> Refused:
    return Refused(code=code, status=status)


LOST = Unavailable(reason="timeout", ambiguous=True)
UNREACHED = Unavailable(reason="network")
SERVER = Unavailable(reason="server_error", status=503, ambiguous=True)
BREAKER = Unavailable(reason="breaker_open", retry_after_s=7.0)


@pytest.mark.parametrize(
    ("error", "facts", "expected"),
    [
        # A limit is not an attempt: nothing was sent.
        (Limited(retry_after_s=4.0), NEW, RetryAt(after(4.5), "limited", counts=False)),
        (Limited(retry_after_s=60.0, status=429), SENT, RetryAt(after(60.5), "limited", counts=False, ambiguous=True)),
        (Limited(retry_after_s=-3.0), NEW, RetryAt(after(0.5), "limited", counts=False)),
        (BREAKER, NEW, RetryAt(after(7.5), "unavailable", counts=False)),
        # Backoff with a draw of one half: 1 s plus half of the way to the bound (2, 4, 8 … s, at most 900).
        (UNREACHED, NEW, RetryAt(after(1.5), "unavailable")),
        (LOST, NEW, RetryAt(after(1.5), "unavailable", sent=True, ambiguous=True)),
        (SERVER, NEW, RetryAt(after(1.5), "unavailable", sent=True, ambiguous=True)),
        (UNREACHED, SENT, RetryAt(after(8.5), "unavailable", ambiguous=True)),
        (UNREACHED, Facts(50), RetryAt(after(450.5), "unavailable")),
        (
            Unavailable(reason="server_error", status=503, retry_after_s=30.0),
            NEW,
            RetryAt(after(30), "unavailable", sent=True),
        ),
        # A person is needed.
        (refused(422), NEW, Park("refused")),
        (refused(404, "not_found"), SENT, Park("refused", ambiguous=True)),
        (refused(409, "idempotency_conflict"), NEW, Park("conflict")),
        (refused(401, "unauthenticated"), NEW, Park("credential")),
        (refused(403, "forbidden"), NEW, Park("credential")),
        (refused(0, "no_credential"), NEW, Park("credential")),
        (refused(0, "invalid_argument"), NEW, Park("invalid")),
        (secrets.CredentialUnusable("lost key"), NEW, Park("credential")),
        (Unreadable(path="$"), NEW, RetryAt(after(1.5), "unavailable", sent=True, ambiguous=True)),
        (Unreadable(path="$"), Facts(4), Park("unreadable", ambiguous=True)),
        # Listeners.
        (RuntimeError("whatever"), Facts(0, attempts_most=3), RetryAt(after(1.5), "failed")),
        (RuntimeError("whatever"), Facts(2, attempts_most=3), Park("exhausted")),
        (RuntimeError("whatever"), Facts(2), RetryAt(after(4.5), "failed")),
    ],
)
def test_what_follows_a_failed_try(error: Exception, facts: Facts, expected: RetryAt | Park) -> None:
    assert decide_next(error, facts, NOW, draw=0.5) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (NEW, None),
        (Facts(900), None),
        (Facts(1, NOW - timedelta(hours=22, minutes=59), True), None),
        (Facts(1, NOW - timedelta(hours=23), True), Park("ambiguous_old", ambiguous=True)),
        (Facts(1, NOW - timedelta(days=40), True), Park("ambiguous_old", ambiguous=True)),
        (Facts(1, NOW - timedelta(hours=23), False), Park("exhausted")),
    ],
)
def test_what_may_still_be_sent(facts: Facts, expected: Park | None) -> None:
    assert decide_before(facts, NOW) == expected


def test_no_wait_goes_beyond_the_deadline() -> None:
    first = NOW - KEY_SAFE_FOR + timedelta(seconds=2)
    decision = decide_next(LOST, Facts(30, first, True), NOW, draw=0.9)
    assert isinstance(decision, RetryAt)
    assert decision.at == first + KEY_SAFE_FOR


@pytest.mark.thorough
@given(
    attempts=st.integers(0, 10_000),
    draw=st.floats(0, 1, exclude_max=True),
    error=st.sampled_from(
        [LOST, UNREACHED, SERVER, BREAKER, Limited(retry_after_s=60), Unreadable(path="$"), OSError()]
    ),
    first_s=st.one_of(st.none(), st.integers(0, 23 * 3600 - 1)),
    most=st.one_of(st.none(), st.integers(1, 50)),
)
def test_every_sent_write_ends_within_the_day(
    attempts: int, draw: float, error: Exception, first_s: int | None, most: int | None
) -> None:
    first = None if first_s is None else NOW - timedelta(seconds=first_s)
    decision = decide_next(error, Facts(attempts, first, first is not None, most), NOW, draw=draw)
    if isinstance(decision, RetryAt):
        assert decision.at >= NOW
        assert decision.at <= NOW + timedelta(seconds=901)
        if first is not None:
            assert decision.at <= first + KEY_SAFE_FOR < first + timedelta(hours=24)


@given(st.integers(-3, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_a_second_and_a_quarter_of_an_hour(attempts: int, draw: float) -> None:
    assert 1.0 <= backoff_s(attempts, draw) <= 900.0
