"""Debts as rows: what must happen is owed here, claimed with a lease, and ends delivered, or parked with a named reason.

Only conditional UPDATEs move a job, each fenced by the claim's own name, so that a worker whose lease ran out can change
nothing any more. A worker that dies leaves a lease that expires; the job is then claimed again and sent with the same key.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
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


class Unfit(ValueError):
    """What is to be owed cannot be: the key, or a body that is too large or no JSON. The text names no value."""


class KeyReused(Exception):
    """The key was used before for another body (409 to a client)."""


class Owed(NamedTuple):
    """The row of a debt, and whether this call made it (False: it was owed already)."""

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


# -- claiming


def _due(now: datetime) -> Q:
    return Q(state=Job.State.WAITING, next_at__lte=now) | Q(state=Job.State.CLAIMED, lease_until__lt=now)


def _claimable(now: datetime, kinds: Collection[str], skip: Iterable[tuple[int, Collection[str]]]) -> QuerySet[Job]:
    earlier = Job.objects.filter(
        shop_id=OuterRef("shop_id"),
        order_key=OuterRef("order_key"),
        state__in=(Job.State.WAITING, Job.State.CLAIMED),
        pk__lt=OuterRef("pk"),
    )
    found = Job.objects.filter(_due(now), kind__in=kinds).filter(Q(order_key="") | ~Exists(earlier))
    for shop_id, paused in skip:
        found = found.exclude(shop_id=shop_id, kind__in=paused)
    return found.order_by("pk")


def claim(
    claimant: str,
    *,
    kinds: Collection[str],
    most: int = 10,
    lease_s: float = LEASE_S,
    now: datetime | None = None,
    skip: Sequence[tuple[int, Collection[str]]] = (),
) -> list[Job]:
    """Up to ``most`` due jobs, oldest first, each held by the returned row's ``claimed_by`` until ``lease_until``.

    Two callers never hold the same job while its lease runs. ``skip`` leaves out kinds of a shop. Does not wait for locked rows on
    PostgreSQL; on SQLite it waits for the one writer, up to the busy timeout.
    """
    now = now or timezone.now()
    # Most looks find nothing: they must not take the write lock of SQLite.
    if not _claimable(now, kinds, skip).exists():
        return []
    name = f"{claimant}:{uuid.uuid4().hex[:12]}"
    with transaction.atomic():
        rows = _claimable(now, kinds, skip)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        ids = list(rows.values_list("pk", flat=True)[:most])
        Job.objects.filter(_due(now), pk__in=ids).update(
            state=Job.State.CLAIMED, claimed_by=name, lease_until=now + timedelta(seconds=lease_s)
        )
    return list(
        Job.objects.filter(pk__in=ids, state=Job.State.CLAIMED, claimed_by=name).select_related("shop").order_by("pk")
    )


def claim_one(job: Job, claimant: str, *, lease_s: float, now: datetime | None = None) -> bool:
    """Claim this very job if it is due, waiting and next in its order; updates ``job`` in place. For answers to a waiting shopper."""
    now = now or timezone.now()
    name = f"{claimant}:{uuid.uuid4().hex[:12]}"
    with transaction.atomic():
        rows = _claimable(now, [job.kind], ()).filter(pk=job.pk)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        if not list(rows.values_list("pk", flat=True)):
            return False
        claimed = Job.objects.filter(_due(now), pk=job.pk).update(
            state=Job.State.CLAIMED, claimed_by=name, lease_until=now + timedelta(seconds=lease_s)
        )
    job.refresh_from_db()
    return bool(claimed)


def _held(job: Job) -> QuerySet[Job]:
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
    return bool(_held(job).update(**changes))


_FREE = {"claimed_by": "", "lease_until": None}


def finish(job: Job, result: Mapping[str, Any]) -> bool:
    """Mark a held job done; False when the lease was lost. Call it inside the transaction that holds the job's effect, before
    the effect: of two workers with the same job only one gets True.
    """
    return bool(
        _held(job).update(
            state=Job.State.DONE,
            reason="",
            last_error="",
            ambiguous=False,
            result=dict(result),
            finished_at=Now(),
            **_FREE,
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
) -> bool:
    """Give a held job back to wait until ``at``; False when the lease was lost."""
    return bool(
        _held(job).update(
            state=Job.State.WAITING,
            next_at=at,
            reason=reason,
            last_error=error[:300],
            attempts=attempts,
            first_attempt_at=first_attempt_at,
            ambiguous=ambiguous,
            **_FREE,
        )
    )


def park(job: Job, *, reason: str, error: str, ambiguous: bool) -> bool:
    """Put a held job aside for a person; False when the lease was lost."""
    return bool(
        _held(job).update(
            state=Job.State.PARKED,
            reason=reason,
            last_error=error[:300],
            ambiguous=ambiguous,
            finished_at=Now(),
            **_FREE,
        )
    )


def release(jobs: Iterable[Job]) -> int:
    """Give back claimed jobs that were not begun, as they were; gives how many. For a worker that stops."""
    return sum(_held(job).update(state=Job.State.WAITING, **_FREE) for job in jobs)


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


def wake(shop_id: int, kinds: Collection[str], now: datetime | None = None) -> int:
    """The upstream answers again: what waits because of the outage is due now; gives how many. May be repeated."""
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
        "attempts": 0,
        "next_at": now,
        "finished_at": None,
    }
    with transaction.atomic():
        # The second filter no longer meets what the first has changed: those are waiting by then.
        return chosen.filter(forgotten).update(**again, first_attempt_at=None, ambiguous=False) + chosen.update(**again)


def discard(jobs: QuerySet[Job], note: str) -> int:
    """Decide that waiting or parked jobs are not to be done; gives how many. ``note`` says why, for the record.

    What was erased or discarded before keeps its reason and note.
    """
    open_jobs = jobs.filter(Q(state=Job.State.WAITING) | Q(state=Job.State.PARKED))
    return open_jobs.exclude(reason__in=(Job.Reason.ERASED, Job.Reason.DISCARDED)).update(
        state=Job.State.PARKED, reason=Job.Reason.DISCARDED, note=note[:300], finished_at=Now(), **_FREE
    )
