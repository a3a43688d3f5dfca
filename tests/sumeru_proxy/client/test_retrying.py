from __future__ import annotations

from email.utils import formatdate

import pytest

from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable, Unreadable
from sumeru_proxy.client.retrying import GiveUp, Retry, decide, parse_retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("   ", None),
        ("abc", None),
        ("nan", None),
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("0", 1.0),
        ("-1", 1.0),
        ("9999999999", 60.0),
        ("inf", 60.0),
        ("-inf", 1.0),
        ("1" * 400, 60.0),
        (formatdate(NOW + 20, usegmt=True), 20.0),
        (formatdate(NOW - 5000, usegmt=True), 1.0),
        (formatdate(NOW + 5000, usegmt=True), 60.0),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == (None if seconds is None else pytest.approx(seconds, abs=1))


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(
    ("error", "attempt", "low", "high"),
    [
        (Limited(retry_after_s=7, status=429), 1, 7, 8),
        (Limited(retry_after_s=0.2), 1, 0.2, 1.2),
        (Limited(retry_after_s=10_000, status=429), 4, 60, 61),
        (Unavailable(reason="server_error", status=503, retry_after_s=4), 2, 4, 5),
        (Unavailable(reason="network"), 1, 0, 0.5),
        (Unavailable(reason="network"), 2, 0, 1),
        (Unavailable(reason="timeout"), 3, 0, 2),
        (Unavailable(reason="timeout", ambiguous=True), 4, 0, 4),
    ],
)
def test_waits(error: SumeruError, attempt: int, low: float, high: float, chance: float) -> None:
    verdict = decide(error, attempt, 5, chance)
    assert isinstance(verdict, Retry)
    assert low <= verdict.wait_s <= high
    assert verdict.wait_s == pytest.approx(low + chance * (high - low), rel=1e-6)


def test_backoff_is_bounded() -> None:
    verdict = decide(Unavailable(reason="network"), 60, 100, 0.999)
    assert isinstance(verdict, Retry)
    assert 29 < verdict.wait_s <= 30


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        (Refused(code="validation_failed", status=422), 1),
        (Unreadable(path="$"), 1),
        (Limited(retry_after_s=1), 5),
        (Unavailable(reason="network"), 5),
        (Unavailable(reason="network"), 6),
    ],
)
def test_giving_up(error: SumeruError, attempt: int) -> None:
    assert decide(error, attempt, 5, 0.5) == GiveUp()
