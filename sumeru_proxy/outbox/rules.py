"""What becomes of a job after a try, decided from values alone: send, wait, or park for a person.

The upstream remembers an idempotency key for 24 hours (its documentation). A write that it may have received is therefore
delivered or parked within that time of the first sending; one that certainly never reached it may be sent at any age.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sumeru_proxy import secrets
from sumeru_proxy.client import errors
from sumeru_proxy.models import Job
from sumeru_proxy.outbox.target_errors import NotMappable, Refused, TargetDown

KEY_SAFE_FOR = timedelta(hours=23)
"""An hour less than the upstream's 24, for clocks that differ and a try that takes its time."""
BASE_S = 1.0
LONGEST_WAIT_S = 900.0
LIMITED_JITTER_S = 1.0
UNREADABLE_TRIES = 5
TARGET_AWAY_MOST = timedelta(days=14)
"""For so long a job waits for a target that is away before a person is asked."""
_EXPONENT_MOST = 30


class PersonNeeded(Exception):
    """A job that only a person can decide: it is parked at once. ``reason`` is one of Job.Reason, the text our own words."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a job. ``attempts`` counts tries that failed or whose answer was lost, not those that limits held back.

    ``first_sent_at`` is when it first may have reached the upstream, None when it certainly has not. ``ambiguous``: it may have
    been acted upon. ``attempts_most`` is None for writes: they are bounded by age alone.
    """

    attempts: int
    first_sent_at: datetime | None = None
    ambiguous: bool = False
    attempts_most: int | None = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at ``at``. ``counts``: the try counts as an attempt; one that was held back here does not, and its like would
    be held back too. ``sent``: it may have reached the upstream.
    """

    at: datetime
    reason: str
    counts: bool = True
    sent: bool = False
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """A person is needed. ``reason`` is one of Job.Reason."""

    reason: str
    ambiguous: bool = False


def backoff_s(attempts: int, draw: float, base_s: float = BASE_S, longest_s: float = LONGEST_WAIT_S) -> float:
    """Seconds to wait after ``attempts`` failures: full jitter between ``base_s`` and an exponentially growing bound."""
    bound = min(longest_s, base_s * 2.0 ** min(max(attempts, 1), _EXPONENT_MOST))
    return base_s + draw * max(0.0, bound - base_s)


def deadline(facts: Facts) -> datetime | None:
    """When Sumeru may have forgotten the key; None while it cannot have seen the key."""
    return None if facts.first_sent_at is None else facts.first_sent_at + KEY_SAFE_FOR


def decide_before(facts: Facts, now: datetime) -> Park | None:
    """Whether a job may be sent now (None), or must be parked without sending."""
    last = deadline(facts)
    if last is None or now < last:
        return None
    return Park(Job.Reason.AMBIGUOUS_OLD if facts.ambiguous else Job.Reason.EXHAUSTED, facts.ambiguous)


def decide_next(
    error: Exception,
    facts: Facts,
    now: datetime,
    *,
    draw: float,
    base_s: float = BASE_S,
    longest_s: float = LONGEST_WAIT_S,
) -> RetryAt | Park:
    """What follows a failed try. ``facts`` are those from before it (attempts not yet counted); ``draw`` is random in [0, 1)."""
    if isinstance(error, errors.Limited):
        # Held back before anything was done: neither an attempt nor a sending.
        wait_s = max(0.0, error.retry_after_s) + draw * min(LIMITED_JITTER_S, base_s)
        return _bounded(
            RetryAt(now + timedelta(seconds=wait_s), Job.Reason.LIMITED, False, False, facts.ambiguous), facts
        )
    if isinstance(error, TargetDown):
        # The wait is the target's breaker's, which all processes share.
        return RetryAt(now + timedelta(seconds=max(base_s, error.retry_after_s)), Job.Reason.TARGET_DOWN, counts=False)
    if isinstance(error, PersonNeeded):
        return Park(error.reason, facts.ambiguous)
    if isinstance(error, NotMappable):
        return Park(Job.Reason.NOT_MAPPABLE)
    if isinstance(error, Refused):
        return Park(Job.Reason.TARGET_REFUSED)
    if isinstance(error, secrets.CredentialUnusable):
        return Park(Job.Reason.CREDENTIAL, facts.ambiguous)
    if isinstance(error, errors.Refused):
        return Park(_refusal(error), facts.ambiguous)
    if isinstance(error, errors.Unavailable) and error.reason == "breaker_open":
        wait_s = (error.retry_after_s or base_s) + draw * min(LIMITED_JITTER_S, base_s)
        return _bounded(
            RetryAt(now + timedelta(seconds=wait_s), Job.Reason.UNAVAILABLE, False, False, facts.ambiguous), facts
        )
    attempts = facts.attempts + 1
    at = now + timedelta(seconds=backoff_s(attempts, draw, base_s, longest_s))
    if isinstance(error, errors.Unreadable):
        # Something answered that is not the upstream's API, or it acted and its answer changed shape.
        if attempts >= UNREADABLE_TRIES:
            return Park(Job.Reason.UNREADABLE, True)
        return _bounded(RetryAt(at, Job.Reason.UNAVAILABLE, True, True, True), facts, now)
    if isinstance(error, errors.Unavailable):
        at = max(at, now + timedelta(seconds=min(error.retry_after_s or 0.0, longest_s)))
        ambiguous = facts.ambiguous or error.ambiguous
        return _bounded(
            RetryAt(at, Job.Reason.UNAVAILABLE, True, error.ambiguous or error.status != 0, ambiguous), facts, now
        )
    if facts.attempts_most is not None and attempts >= facts.attempts_most:
        return Park(Job.Reason.EXHAUSTED, facts.ambiguous)
    return _bounded(RetryAt(at, Job.Reason.FAILED, True, False, facts.ambiguous), facts, now)


def away_too_long(away_since: datetime | None, owed_at: datetime, now: datetime) -> bool:
    """Whether a job is to be parked because its target has been away since then."""
    return away_since is not None and now - max(away_since, owed_at) > TARGET_AWAY_MOST


def _refusal(error: errors.Refused) -> str:
    if error.status in (401, 403) or error.code == "no_credential":
        return Job.Reason.CREDENTIAL
    if error.status == 0:
        return Job.Reason.INVALID
    return Job.Reason.CONFLICT if error.status == 409 else Job.Reason.REFUSED


def _bounded(retry: RetryAt, facts: Facts, now: datetime | None = None) -> RetryAt:
    """No wait beyond the deadline: the next try of the job then parks it in time."""
    first = facts.first_sent_at or (now if retry.sent else None)
    if first is None or retry.at <= first + KEY_SAFE_FOR:
        return retry
    return RetryAt(first + KEY_SAFE_FOR, retry.reason, retry.counts, retry.sent, retry.ambiguous)
