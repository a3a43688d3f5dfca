"""Debts as rows: what must happen is owed here, claimed with a lease, and ends delivered, or parked with a named reason.

Only conditional UPDATEs move a job, each fenced by the claim's own name, so that a worker whose lease ran out can change
nothing any more. A worker that dies leaves a lease that expires; the job is then claimed again and sent with the same key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.outbox.rules import KEY_SAFE_FOR

BODY_LIMIT_BYTES = 64 * 1024
LEASE_S = 120.0
"""Longer than any single try may take, so that a living worker's job is not claimed by another."""
PROBE_WAIT_S = 20.0
"""During an outage at least one job of a shop tries again within this time, so that its end is noticed soon."""
_KEY = re.compile(r"[\x21-\x7e]{1,190}\Z")
ERASED_HASH = "erased"
PAUSE, CANCEL = "pause", "cancel"
"""What a person asked of a job while a worker held it."""


class Unfit(ValueError):
    """The job cannot be stored: its key is not allowed, or its body is too large or not JSON. The text names no value."""


class KeyReused(Exception):
    """The key was used before for another body (409 to a client)."""


class Owed(NamedTuple):
    """The row of a job, and whether this call made it (False: it was there already)."""

    job: Job
    created: bool


def body_text_of(body: Mapping[str, Any]) -> str:
    """The body as canonical ASCII JSON. Raises Unfit above 64 kB or when it is no JSON."""
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Unfit("the body is not plain JSON") from None
    if len(text) > BODY_LIMIT_BYTES:
        raise Unfit(f"the body is larger than {BODY_LIMIT_BYTES} bytes")
    return text


def owe(
    shop_id: int,
    kind: str,
    body: Mapping[str, Any],
    *,
    key: str,
    order_key: str = "",
    due_at: datetime | None = None,
    event: InboundEvent | None = None,
    target: str = "",
) -> Owed:
    """Write down that this must happen. Joins the caller's transaction: it is owed when that commits.

    The same key with the same body gives the row that exists; with another body it raises KeyReused. Raises Unfit for a
    key that is not 1 to 190 visible ASCII characters and for a body that is too large. May be repeated. ``order_key``: jobs of a
    shop with the same one are done in the order in which they were owed, except that a parked one lets the later ones pass.
    """
    if not _KEY.match(key):
        raise Unfit("the key must be 1 to 190 visible ASCII characters")
    text = body_text_of(body)
    body_hash = hashlib.sha256(text.encode()).hexdigest()
    try:
        with transaction.atomic():
            job = Job.objects.create(
                shop_id=shop_id,
                kind=kind,
                key=key,
                order_key=order_key[:190],
                event=event,
                target=target[:60],
                body_text=text,
                body_hash=body_hash,
                next_at=due_at or timezone.now(),
            )
        return Owed(job, True)
    except IntegrityError:
        known = Job.objects.filter(shop_id=shop_id, kind=kind, key=key).first()
        if known is None:  # not the key but something else was violated
            raise
    if known.body_hash not in (body_hash, ERASED_HASH):
        raise KeyReused(f"{kind}: this key was used with another body")
    return Owed(known, False)


def is_owed(shop_id: int, kind: str, key: str) -> bool:
    """Whether there is a debt with this key, in whatever state."""
    return Job.objects.filter(shop_id=shop_id, kind=kind, key=key).exists()


# -- what the holder of a claim writes


def held(job: Job) -> QuerySet[Job]:
    """The job's row while this claim holds it, else no row: a worker whose lease has expired changes nothing."""
    return Job.objects.filter(pk=job.pk, state=Job.State.CLAIMED, claimed_by=job.claimed_by)


def begin(job: Job, *, keyed: bool, lease_s: float = LEASE_S, now: datetime | None = None) -> bool:
    """Note, before anything is sent, that a try begins; False when the lease was lost and nothing may be sent.

    A ``keyed`` job (a write) is noted as perhaps delivered until its outcome says otherwise: a worker that dies in between
    leaves exactly that.
    """
    now = now or timezone.now()
    changes: dict[str, Any] = {
        "attempts": job.attempts + 1,
        "last_attempt_at": now,
        "lease_until": now + timedelta(seconds=lease_s),
    }
    if keyed:
        changes |= {"ambiguous": True, "first_attempt_at": job.first_attempt_at or now}
    return bool(held(job).update(**changes))


_FREE: dict[str, Any] = {"claimed_by": "", "lease_until": None}


def _back() -> dict[str, Any]:
    """Put a claimed job back to wait, unless a person paused or cancelled it meanwhile."""
    return {
        **_FREE,
        "state": Case(
            When(control=PAUSE, then=Value(Job.State.PAUSED)),
            When(control=CANCEL, then=Value(Job.State.PARKED)),
            default=Value(Job.State.WAITING),
        ),
        "control": "",
    }


def finish(job: Job, result: Mapping[str, Any]) -> bool:
    """Mark a held job done; False when the lease was lost. Call it inside the transaction that holds the job's effect, before
    the effect: of two workers with the same job only one gets True.
    """
    return bool(
        held(job).update(
            state=Job.State.DONE,
            reason="",
            last_error="",
            code="",
            control="",
            ambiguous=False,
            result=dict(result),
            finished_at=Now(),
            **_FREE,
        )
    )


def advance(job: Job, progress: Mapping[str, Any]) -> bool:
    """Store how far a held range job is and give it back: its next step is due now, after the others' turn. False when the lease was
    lost. Call it as ``finish``: in the transaction that holds the step's effect, before the effect.
    """
    return bool(
        held(job).update(
            **_back(),
            reason=_cancelled(Value("")),
            last_error="",
            code="",
            attempts=0,
            progress=dict(progress),
            next_at=timezone.now(),
            finished_at=_cancelled_at(),
        )
    )


def hold(
    job: Job,
    *,
    at: datetime,
    reason: str,
    error: str,
    attempts: int,
    first_attempt_at: datetime | None,
    ambiguous: bool,
    code: str = "",
    target: str | None = None,
) -> bool:
    """Give a held job back to wait until ``at``; False when the lease was lost. ``target``: at whose side it failed, when known."""
    more = {} if target is None else {"target": target[:60]}
    return bool(
        held(job).update(
            **_back(),
            **more,
            next_at=at,
            reason=_cancelled(Value(reason)),
            last_error=error[:300],
            code=code[:40],
            attempts=attempts,
            first_attempt_at=first_attempt_at,
            ambiguous=ambiguous,
            finished_at=_cancelled_at(),
        )
    )


def park(job: Job, *, reason: str, error: str, ambiguous: bool, code: str = "") -> bool:
    """Park a held job for a person to decide; False when the lease was lost."""
    return bool(
        held(job).update(
            state=Job.State.PARKED,
            reason=reason,
            last_error=error[:300],
            code=code[:40],
            control="",
            ambiguous=ambiguous,
            finished_at=Now(),
            **_FREE,
        )
    )


def release(jobs: Iterable[Job]) -> int:
    """Give back claimed jobs that were not started, unchanged; gives how many. For a worker that stops."""
    return sum(held(job).update(**_back(), reason=_cancelled(F("reason")), finished_at=_cancelled_at()) for job in jobs)


def free_expired(now: datetime) -> int:
    """Give back the jobs of workers that died: those whose lease ran out; gives how many. May be repeated."""
    expired = Job.objects.filter(state=Job.State.CLAIMED, lease_until__lt=now)
    # Most looks find nothing: they must not take the write lock of SQLite.
    if not expired.exists():
        return 0
    return expired.update(**_back(), reason=_cancelled(F("reason")), finished_at=_cancelled_at())


def _cancelled(reason: Value | F) -> Case:
    return Case(When(control=CANCEL, then=Value(Job.Reason.DISCARDED)), default=reason)


def _cancelled_at() -> Case:
    return Case(When(control=CANCEL, then=Now()), default=Value(None), output_field=DateTimeField())


# -- outages


def probe_is_due(shop_id: int, kinds: Collection[str], *, but: int, now: datetime | None = None) -> bool:
    """Whether another waiting job of these kinds (not ``but``) tries again within PROBE_WAIT_S."""
    soon = (now or timezone.now()) + timedelta(seconds=PROBE_WAIT_S)
    return (
        Job.objects.filter(
            shop_id=shop_id, kind__in=kinds, state=Job.State.WAITING, reason=Job.Reason.UNAVAILABLE, next_at__lte=soon
        )
        .exclude(pk=but)
        .exists()
    )


def wake_target(target: str) -> int:
    """A target responds again: the jobs that waited because of its outage are due now; gives how many. Safe to repeat."""
    now = timezone.now()
    return Job.objects.filter(
        target=target, state=Job.State.WAITING, reason=Job.Reason.TARGET_DOWN, next_at__gt=now
    ).update(next_at=now)


def wake(shop_id: int, kinds: Collection[str], now: datetime | None = None) -> int:
    """Sumeru responds again: the jobs that waited because of the outage are due now; gives how many. Safe to repeat."""
    now = now or timezone.now()
    return Job.objects.filter(
        shop_id=shop_id, kind__in=kinds, state=Job.State.WAITING, reason=Job.Reason.UNAVAILABLE, next_at__gt=now
    ).update(next_at=now)


# -- what a person does


def retry(jobs: QuerySet[Job]) -> int:
    """Let parked jobs be tried again from the beginning; gives how many. Those erased, discarded or without a body stay.

    A job that was perhaps delivered and is older than the upstream's memory may be doubled by this: the person has looked. One whose
    key Sumeru still remembers keeps the time of its first sending, so that it is parked again before the key is forgotten.
    """
    chosen = (
        jobs.filter(state=Job.State.PARKED)
        .exclude(reason__in=(Job.Reason.ERASED, Job.Reason.DISCARDED))
        .exclude(body_text="")
    )
    now = timezone.now()
    forgotten = Q(first_attempt_at__lte=now - KEY_SAFE_FOR)
    again: dict[str, Any] = {
        "state": Job.State.WAITING,
        "reason": "",
        "code": "",
        "attempts": 0,
        "next_at": now,
        "finished_at": None,
    }
    with transaction.atomic():
        # The second filter no longer meets what the first has changed: those are waiting by then.
        return chosen.filter(forgotten).update(**again, first_attempt_at=None, ambiguous=False) + chosen.update(**again)


def discard(jobs: QuerySet[Job], note: str) -> int:
    """Decide that waiting, paused or parked jobs are not to be done; gives how many. ``note`` says why, for the record.

    What was erased or discarded before keeps its reason and note.
    """
    open_jobs = jobs.filter(state__in=(Job.State.WAITING, Job.State.PARKED, Job.State.PAUSED))
    return open_jobs.exclude(reason__in=(Job.Reason.ERASED, Job.Reason.DISCARDED)).update(
        state=Job.State.PARKED, reason=Job.Reason.DISCARDED, note=note[:300], finished_at=Now(), **_FREE
    )


def pause(jobs: QuerySet[Job]) -> int:
    """Keep waiting jobs from being done until ``resume``; one in a worker's hand ends its step first. Gives how many. May be repeated."""
    waiting = jobs.filter(state=Job.State.WAITING).update(state=Job.State.PAUSED, control="")
    return waiting + jobs.filter(state=Job.State.CLAIMED, control="").update(control=PAUSE)


def resume(jobs: QuerySet[Job]) -> int:
    """Let paused jobs go on where they are; gives how many. May be repeated."""
    now = timezone.now()
    paused = jobs.filter(state=Job.State.PAUSED).update(state=Job.State.WAITING, next_at=now)
    return paused + jobs.filter(state=Job.State.CLAIMED, control=PAUSE).update(control="")


def cancel(jobs: QuerySet[Job], note: str) -> int:
    """``discard``, also of a job in a worker's hand: it ends its step first. Gives how many. What is done stays done."""
    return discard(jobs, note) + jobs.filter(state=Job.State.CLAIMED).exclude(control=CANCEL).update(
        control=CANCEL, note=note[:300]
    )
