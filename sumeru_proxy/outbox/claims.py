"""Who does what next: claiming due jobs with a lease, and fairly between kinds, shops and targets.

Waiting jobs form *lines*: one per shop, kind and target. A worker takes a few of several lines at once, those first that were served
longest ago, so that nobody waits behind another's thousands. Within a line the job that has been due longest comes first.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from sumeru_proxy.models import Job
from sumeru_proxy.outbox.jobs import LEASE_S, free_expired, held


class Line(NamedTuple):
    """Jobs that wait for the same thing."""

    shop_id: int
    kind: str
    target: str


class _Lost(Exception):
    pass


def line_of(job: Job) -> Line:
    """The line that a job waits in."""
    return Line(job.shop_id, job.kind, job.target)


def lines_due(kinds: Collection[str], now: datetime) -> list[Line]:
    """The lines with a due job, the one that has waited longest first. Reads only the index of what waits."""
    due = Job.objects.filter(state=Job.State.WAITING, next_at__lte=now, kind__in=kinds).order_by()
    found = due.values_list("shop_id", "kind", "target").annotate(oldest=Min("next_at"), first=Min("pk"))
    ordered = sorted(found, key=lambda row: (row[3], row[4]))
    return [Line(shop_id, kind, target) for shop_id, kind, target, _oldest, _first in ordered]


def _in_turn(rows: QuerySet[Job]) -> QuerySet[Job]:
    earlier = Job.objects.filter(
        shop_id=OuterRef("shop_id"),
        order_key=OuterRef("order_key"),
        state__in=(Job.State.WAITING, Job.State.CLAIMED),
        pk__lt=OuterRef("pk"),
    )
    return rows.filter(Q(order_key="") | ~Exists(earlier))


def _locked(rows: QuerySet[Job]) -> QuerySet[Job]:
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows


def _free_of(rows: QuerySet[Job], siblings: Collection[str]) -> QuerySet[Job]:
    """Those of whose event no job of another of these kinds is in hand."""
    in_hand = Job.objects.filter(event_id=OuterRef("event_id"), state=Job.State.CLAIMED, kind__in=siblings)
    return rows.filter(Q(event=None) | ~Exists(in_hand.exclude(kind=OuterRef("kind"))))


def claim_lines(
    claimant: str,
    portions: Sequence[tuple[Line, int]],
    *,
    lease_s: float = LEASE_S,
    now: datetime | None = None,
    siblings: Collection[str] = (),
) -> list[Job]:
    """Up to so many due jobs of each line, held by the rows' ``claimed_by`` until ``lease_until``; one of each line, then the second ones.

    Two callers never hold the same job while its lease runs. Of an event's jobs of the kinds ``siblings`` the first one that is claimed
    brings the others along, and they are claimed by nobody else meanwhile: what one has read serves all. Does not wait for locked rows
    on PostgreSQL; on SQLite it waits for the one writer, up to the busy timeout.
    """
    if not portions:
        return []
    now = now or timezone.now()
    name = f"{claimant}:{uuid.uuid4().hex[:12]}"
    places: dict[int, tuple[int, int]] = {}
    due = Job.objects.filter(state=Job.State.WAITING, next_at__lte=now)
    with transaction.atomic():
        for number, (line, most) in enumerate(portions):
            rows = due.filter(shop_id=line.shop_id, kind=line.kind, target=line.target).order_by("next_at", "pk")
            together = line.kind in siblings
            if together:
                rows = _free_of(rows, siblings)
            chosen = list(_locked(_in_turn(rows)).values_list("pk", "event_id")[:most])
            for turn, (pk, _event) in enumerate(chosen):
                places.setdefault(pk, (turn, number))
            if together:
                turns = {event: turn for turn, (_pk, event) in enumerate(chosen) if event is not None}
                others = due.filter(event_id__in=list(turns), kind__in=siblings).exclude(kind=line.kind)
                for pk, event in list(_locked(_in_turn(others)).values_list("pk", "event_id")) if turns else ():
                    places.setdefault(pk, (turns[event], number))
        if places:
            Job.objects.filter(state=Job.State.WAITING, pk__in=list(places)).update(
                state=Job.State.CLAIMED, claimed_by=name, lease_until=now + timedelta(seconds=lease_s)
            )
    if not places:
        return []
    held_jobs = Job.objects.filter(pk__in=list(places), state=Job.State.CLAIMED, claimed_by=name)
    return sorted(held_jobs.select_related("shop", "event"), key=lambda job: (*places[job.pk], job.pk))


def claim(
    claimant: str,
    *,
    kinds: Collection[str],
    most: int = 10,
    lease_s: float = LEASE_S,
    now: datetime | None = None,
    skip: Iterable[tuple[int, Collection[str]]] = (),
) -> list[Job]:
    """Up to ``most`` due jobs of all lines, as ``claim_lines``, without a memory of turns; ``skip`` leaves out kinds of a shop."""
    now = now or timezone.now()
    free_expired(now)
    left_out = [(shop_id, frozenset(names)) for shop_id, names in skip]
    lines = [
        line
        for line in lines_due(kinds, now)
        if not any(line.shop_id == shop_id and line.kind in names for shop_id, names in left_out)
    ]
    return claim_lines(claimant, portions(lines, most), lease_s=lease_s, now=now)


def portions(lines: Sequence[Line], most: int) -> list[tuple[Line, int]]:
    """How many to take of which line: as even as can be, the first lines first. Pure."""
    chosen = lines[:most]
    if not chosen:
        return []
    each, rest = divmod(most, len(chosen))
    return [(line, each + (1 if number < rest else 0)) for number, line in enumerate(chosen)]


def claim_one(job: Job, claimant: str, *, lease_s: float, now: datetime | None = None) -> bool:
    """Claim this very job if it is due, waiting and next in its order; updates ``job`` in place. For answers to a waiting shopper."""
    now = now or timezone.now()
    name = f"{claimant}:{uuid.uuid4().hex[:12]}"
    due = Q(state=Job.State.WAITING, next_at__lte=now) | Q(state=Job.State.CLAIMED, lease_until__lt=now)
    with transaction.atomic():
        if not list(_locked(_in_turn(Job.objects.filter(due, pk=job.pk))).values_list("pk", flat=True)):
            return False
        claimed = Job.objects.filter(due, pk=job.pk).update(
            state=Job.State.CLAIMED, claimed_by=name, lease_until=now + timedelta(seconds=lease_s)
        )
    job.refresh_from_db()
    return bool(claimed)


def claim_siblings(job: Job, kinds: Collection[str], claimant: str, *, lease_s: float) -> list[Job]:
    """The due jobs of a job's event for other kinds, claimed: what one listener's job has read serves them too."""
    if job.event_id is None or not kinds:
        return []
    now = timezone.now()
    rows = Job.objects.filter(event_id=job.event_id, state=Job.State.WAITING, next_at__lte=now, kind__in=kinds).exclude(
        kind=job.kind
    )
    if not rows.exists():
        return []
    name = f"{claimant}:{uuid.uuid4().hex[:12]}"
    with transaction.atomic():
        ids = list(_locked(_in_turn(rows)).values_list("pk", flat=True))
        Job.objects.filter(state=Job.State.WAITING, pk__in=ids).update(
            state=Job.State.CLAIMED, claimed_by=name, lease_until=now + timedelta(seconds=lease_s)
        )
    return list(Job.objects.filter(pk__in=ids, claimed_by=name).select_related("shop", "event").order_by("pk"))


def take_latest(job: Job, now: datetime | None = None) -> Job | None:
    """The newest due job with a held job's kind and order key, claimed in its place, while it and those between end *superseded*.

    The job itself when none is newer; None when its lease was lost. For kinds whose newest job does what the earlier ones asked for.
    """
    now = now or timezone.now()
    line = Job.objects.filter(shop_id=job.shop_id, kind=job.kind, order_key=job.order_key, state=Job.State.WAITING)
    later = line.filter(pk__gt=job.pk, next_at__lte=now)
    if job.event_id is not None:
        # One that can say nothing any more must not stand in for others.
        later = later.filter(event__isnull=False).exclude(event__body_text="")
    newest = later.order_by("-pk").values_list("pk", flat=True).first() if job.order_key else None
    if newest is None:
        return job
    over = {
        "state": Job.State.SUPERSEDED,
        "reason": "",
        "result": {"by": newest},
        "finished_at": Now(),
        "claimed_by": "",
        "lease_until": None,
    }
    try:
        with transaction.atomic():
            taken = Job.objects.filter(pk=newest, state=Job.State.WAITING).update(
                state=Job.State.CLAIMED, claimed_by=job.claimed_by, lease_until=job.lease_until
            )
            if not taken:  # a person was faster
                return job
            if not held(job).update(**over):
                raise _Lost
            line.filter(pk__lt=newest).update(**over)
    except _Lost:
        return None
    return Job.objects.select_related("shop", "event").get(pk=newest)
