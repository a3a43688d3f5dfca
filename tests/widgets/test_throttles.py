"""Brakes per client address."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from widgets.http.throttles import Meter, client_address


def test_a_burst_of_a_minute_then_the_rate() -> None:
    meter = Meter()
    assert [meter.wait_s("a", 60, now=100.0) for _ in range(60)] == [0.0] * 60
    assert meter.wait_s("a", 60, now=100.0) == pytest.approx(1.0)
    assert meter.wait_s("b", 60, now=100.0) == 0.0
    assert meter.wait_s("a", 60, now=101.0) == 0.0
    assert meter.wait_s("a", 60, now=101.0) > 0


def test_memory_is_bounded() -> None:
    meter = Meter(most=10)
    for number in range(1000):
        meter.wait_s(f"client-{number}", 60, now=1.0)
    assert len(meter._full_at) == 10


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1"),  # no proxy of ours: the header is the client's own invention
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (3, "203.0.113.9", "203.0.113.9"),
    ],
)
def test_which_address_is_believed(settings: Any, proxies: int, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={"x-forwarded-for": forwarded})
    assert client_address(request) == expected
