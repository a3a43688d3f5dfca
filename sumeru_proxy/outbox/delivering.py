"""One try of one claimed job: send it, and store the outcome. ``rules`` decides what follows."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from sumeru_proxy import accounts, limit_stores, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.session import Budget
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs, rules, targets
from sumeru_proxy.outbox.masking import masked
from sumeru_proxy.outbox.rules import Facts, Park
from sumeru_proxy.outbox.target_errors import TargetDown, TargetError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A try that succeeded. ``result`` is kept with the job; ``effect`` runs in the transaction that marks it done, so
    that both happen or neither, and once even when two workers hold the job. With ``progress`` it is not done but one step further.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    effect: Callable[[], None] | None = None
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """How jobs of a kind are done. ``run`` tries once and raises what went wrong; it may be called again for the same job.

    ``keyed``: a write whose idempotency key the upstream forgets. ``group``: the kinds that share its limits, which wait together
    when the limits are reached. ``attempts_most``: after so many failures it is parked; None for writes, bounded by age. ``target_of``:
    the key of the target at whose side a job ends (empty: none). ``latest_only``: of jobs with one order key the newest is enough.
    """

    run: Callable[[Job], Outcome]
    keyed: bool
    group: Collection[str] = ()
    attempts_most: int | None = None
    target_of: Callable[[Job], str] | None = None
    latest_only: bool = False


@dataclass(frozen=True, slots=True)
class WorkerTimings:
    """Seconds: how long waits begin and end, and how long a claim lasts. Shortened in tests and demonstrations."""

    base_s: float = rules.BASE_S
    longest_s: float = rules.LONGEST_WAIT_S
    lease_s: float = jobs.LEASE_S
    probe_s: float = jobs.PROBE_WAIT_S
    away_first_s: float = targets.OPEN_FIRST_S


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try: ``done``, ``waits``, ``parked`` or ``lost`` (the lease ran out); why; and for how long it waits.

    ``held_back``: our limiter or breaker did not let it pass; the others of its group would fare the same until then, or those of its
    ``target`` when that is what is away.
    """

    state: str
    reason: str = ""
    wait_s: float = 0.0
    held_back: bool = False
    target: str = ""


def client_of(shop: Shop, lane: str = "worker", budget: Budget | None = None) -> Sumeru:
    """A client that tries once and never sleeps, whatever the lane's habit: the job's row is what waits and tries again."""
    return Sumeru(accounts.account_of(shop), lane, limit_stores.shared(), budget=budget, max_attempts=1)


def _said(error: Exception) -> str:
    """Our own words for an error, or a target's, masked. Those of other classes may hold anybody's data."""
    if isinstance(error, TargetError):
        return masked(error.text, error.personal) or error.reason
    if isinstance(error, errors.SumeruError | secrets.CredentialUnusable):
        return f"{type(error).__name__}: {error}"
    return str(error) if isinstance(error, rules.PersonNeeded) else type(error).__name__


def attempt(job: Job, handler: Handler, pace: WorkerTimings | None = None) -> Tried:
    """Try a claimed job once and store the outcome. May take as long as the handler's time budget; never sleeps.

    Raises django.db's OperationalError and InterfaceError when the database is gone: the lease then expires and the job is
    claimed again.
    """
    pace = pace or WorkerTimings()
    facts = Facts(job.attempts, job.first_attempt_at, job.ambiguous, handler.attempts_most)
    if handler.keyed and (too_old := rules.decide_before(facts, timezone.now())):
        kept = jobs.park(job, reason=too_old.reason, error=job.last_error, ambiguous=too_old.ambiguous)
        return _told(job, Tried("parked", too_old.reason) if kept else Tried("lost"))
    started_at = timezone.now()
    target, admission = "", targets.TargetAdmission()
    try:
        target = handler.target_of(job) if handler.target_of is not None else ""
        if target:
            admission = targets.enter(target)
            if admission.wait_s > 0:
                return _told(job, _held_back(job, target, admission))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # the consumer's own function
        return _told(job, _failed(job, handler, facts, error, pace, started_at), error)
    if not jobs.begin(job, keyed=handler.keyed, lease_s=pace.lease_s, now=started_at):
        targets.give_back(target, admission)
        return _told(job, Tried("lost"))
    try:
        outcome = handler.run(job)
        with transaction.atomic():
            kept = jobs.finish(job, outcome.result) if outcome.progress is None else jobs.advance(job, outcome.progress)
            if kept and outcome.effect is not None:
                outcome.effect()
        _answered(target, admission)
        return _told(job, Tried("done") if kept else Tried("lost"))
    except (OperationalError, InterfaceError):
        targets.give_back(target, admission)
        raise
    except TargetDown as error:
        where = target or job.target or job.kind
        admission = targets.down(where, error.retry_after_s, pace.away_first_s)
        return _told(job, _away(job, handler, facts, error, pace, started_at, where, admission), error)
    except Exception as error:  # whatever a listener raises: the worker goes on with the next job
        if isinstance(error, TargetError):
            _answered(target, admission)
        else:
            targets.give_back(target, admission)
        return _told(job, _failed(job, handler, facts, error, pace, started_at), error)


def _answered(target: str, admission: targets.TargetAdmission) -> None:
    if target and targets.up(target, admission):
        log.info("target %s answers again: %d jobs are due now", target, jobs.wake_target(target))


def _since(admission: targets.TargetAdmission) -> datetime | None:
    return datetime.fromtimestamp(admission.since, UTC) if admission.since is not None else None


def _held_back(job: Job, target: str, admission: targets.TargetAdmission) -> Tried:
    """The target is away: the job waits as before, or is parked after days."""
    if rules.away_too_long(_since(admission), job.created_at, timezone.now()):
        kept = jobs.park(job, reason=Job.Reason.TARGET_DOWN, error=job.last_error, ambiguous=False, code=job.code)
        return Tried("parked", Job.Reason.TARGET_DOWN) if kept else Tried("lost")
    jobs.release([job])
    return Tried("waits", Job.Reason.TARGET_DOWN, admission.wait_s, held_back=True, target=target)


def _away(
    job: Job,
    handler: Handler,
    facts: Facts,
    error: TargetDown,
    pace: WorkerTimings,
    started_at: datetime,
    target: str,
    admission: targets.TargetAdmission,
) -> Tried:
    if rules.away_too_long(_since(admission), job.created_at, timezone.now()):
        kept = jobs.park(job, reason=Job.Reason.TARGET_DOWN, error=_said(error), ambiguous=False, code=error.reason)
        return Tried("parked", Job.Reason.TARGET_DOWN) if kept else Tried("lost")
    wait = TargetDown(admission.wait_s, error.text, reason=error.reason, personal=error.personal)
    return _failed(job, handler, facts, wait, pace, started_at, target)


def _failed(
    job: Job,
    handler: Handler,
    facts: Facts,
    error: Exception,
    pace: WorkerTimings,
    started_at: datetime,
    target: str = "",
) -> Tried:
    now = timezone.now()
    decision = rules.decide_next(
        error,
        facts,
        now,
        draw=random.random(),  # noqa: S311 - jitter
        base_s=pace.base_s,
        longest_s=pace.longest_s,
    )
    code = error.reason if isinstance(error, TargetError) else ""
    if isinstance(decision, Park):
        kept = jobs.park(job, reason=decision.reason, error=_said(error), ambiguous=decision.ambiguous, code=code)
        return Tried("parked", decision.reason) if kept else Tried("lost")
    at = decision.at
    if decision.reason == Job.Reason.UNAVAILABLE:
        probe_at = now + timedelta(seconds=pace.probe_s)
        if at > probe_at and not jobs.probe_is_due(job.shop_id, handler.group, but=job.pk, now=now):
            at = probe_at
    # The time of beginning, not of failing: the upstream's clock for the key began no earlier, perhaps no later.
    first = job.first_attempt_at or (started_at if handler.keyed and decision.sent else None)
    kept = jobs.hold(
        job,
        at=at,
        reason=decision.reason,
        error=_said(error),
        attempts=job.attempts + int(decision.counts),
        first_attempt_at=first,
        ambiguous=decision.ambiguous and handler.keyed,
        code=code,
        target=target or None,
    )
    wait_s = max(0.0, (at - now).total_seconds())
    return Tried("waits", decision.reason, wait_s, not decision.counts, target) if kept else Tried("lost")


def _told(job: Job, tried: Tried, error: Exception | None = None) -> Tried:
    why = f" ({tried.reason})" if tried.reason else ""
    log.info(
        "job %s %s shop %s: %s%s%s",
        job.pk,
        job.kind,
        job.shop_id,
        tried.state,
        why,
        f": {_said(error)}" if error else "",
    )
    return tried
