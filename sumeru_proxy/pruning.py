"""What may be forgotten, and when. What is owed or waits for a person never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from sumeru_proxy.limit_stores import BRAKES
from sumeru_proxy.models import Bucket, InboundEvent, Job
from sumeru_proxy.reading import erasures
from sumeru_proxy.webhooks import installed, intake

CHUNK_ROWS = 1_000
ENDED = (Job.State.DONE, Job.State.SUPERSEDED)
EVENTS_KEPT_AT_LEAST = intake.OLDEST * 2 + intake.FUTURE
"""An event's row is its replay protection: it must outlive every moment at which its date would be accepted again."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long. Bodies name people, so they go first; rows stay, because they recognise a key or an event again."""

    done_bodies: timedelta = timedelta(days=2)
    jobs: timedelta = timedelta(days=30)
    event_bodies: timedelta = timedelta(days=14)
    events: timedelta = timedelta(days=90)


def _chunks(rows: QuerySet[Job] | QuerySet[InboundEvent]) -> Iterator[list[int]]:
    # By position, not by what is left: a dry run must end too.
    last = 0
    while ids := list(rows.order_by("pk").filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK_ROWS]):
        yield ids
        last = ids[-1]


def prune(now: datetime, keep: Keep | None = None, *, dry_run: bool = False) -> dict[str, int]:
    """Forget what is old enough, in small transactions; gives how many of each. May be repeated and interrupted.

    Raises ValueError when event rows would go while a replay of them could still be accepted.
    """
    keep = keep or Keep()
    if keep.events < EVENTS_KEPT_AT_LEAST:
        raise ValueError(
            f"event rows must be kept at least {EVENTS_KEPT_AT_LEAST.days} days: they protect against replays"
        )
    over = Job.objects.filter(state__in=ENDED)
    thrown_away = Job.objects.filter(state=Job.State.PARKED, reason__in=(Job.Reason.DISCARDED, Job.Reason.ERASED))
    unfinished = Job.objects.filter(event=OuterRef("pk")).exclude(state__in=ENDED)
    idle_events = InboundEvent.objects.filter(~Exists(unfinished))
    counts = dict.fromkeys(("job_bodies", "jobs", "event_bodies", "events"), 0)
    for rows in (over, thrown_away):
        for ids in _chunks(rows.filter(finished_at__lt=now - keep.done_bodies).exclude(body_text="")):
            counts["job_bodies"] += len(ids) if dry_run else Job.objects.filter(pk__in=ids).update(body_text="")
        for ids in _chunks(rows.filter(finished_at__lt=now - keep.jobs)):
            counts["jobs"] += len(ids) if dry_run else Job.objects.filter(pk__in=ids).delete()[0]
    for ids in _chunks(idle_events.filter(received_at__lt=now - keep.event_bodies).exclude(body_text="")):
        counts["event_bodies"] += len(ids) if dry_run else InboundEvent.objects.filter(pk__in=ids).update(body_text="")
    for ids in _chunks(idle_events.filter(received_at__lt=now - keep.events)):
        if dry_run:
            counts["events"] += len(ids)
        else:
            # Nothing cascades here: jobs of an event that goes only lose the reference.
            InboundEvent.objects.filter(pk__in=ids).delete()
            counts["events"] += len(ids)
    if not dry_run:  # counters that are full again, of networks that nobody knows
        Bucket.objects.filter(key__startswith=BRAKES, tat__lt=(now - timedelta(hours=1)).timestamp()).delete()
    counts["erasures"] = erasures.settle(now, dry_run=dry_run)
    for consumer in installed.consumers():
        if consumer.prune is not None:
            counts.update(consumer.prune(now, dry_run))
    return counts
