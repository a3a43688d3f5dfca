"""Whether and when to send a call again. Pure; random numbers and ``now`` are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from sumeru_proxy.client.errors import Limited, SumeruError, Unavailable

RETRY_AFTER_LEAST_S: Final = 1.0
RETRY_AFTER_MOST_S: Final = 60.0
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 30.0
JITTER_S: Final = 1.0
ATTEMPTS: Final = 5
"""The upstream's own recommendation: at most five tries, Retry-After plus up to a second of jitter."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same call again after ``wait_s`` seconds."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Sending again would not help, or has been tried often enough."""


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a Retry-After header (a number or an HTTP date), within [1, 60]; None when it is absent or says nothing.

    Negative numbers and dates in the past are 1 s, absurdly large ones 60 s.
    """
    if value is None or not value.strip():
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    if seconds != seconds:
        return None
    return min(max(seconds, RETRY_AFTER_LEAST_S), RETRY_AFTER_MOST_S)


def decide(error: SumeruError, attempt: int, max_attempts: int, chance: float) -> Retry | GiveUp:
    """What to do after the ``attempt``-th try (from 1) ended in ``error``. ``chance`` is random within [0, 1).

    A limit is waited for as told plus up to a second; anything else retryable backs off exponentially with full jitter.
    """
    if not error.retryable or attempt >= max_attempts:
        return GiveUp()
    if isinstance(error, Limited):
        return Retry(_told(error.retry_after_s) + chance * JITTER_S)
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return Retry(_told(error.retry_after_s) + chance * JITTER_S)
    return Retry(chance * min(BACKOFF_FIRST_S * 2.0 ** (attempt - 1), BACKOFF_MOST_S))


def _told(seconds: float) -> float:
    return min(max(seconds, 0.0), RETRY_AFTER_MOST_S)
