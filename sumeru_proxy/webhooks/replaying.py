"""Replaying stored events: for a listener that was added later, failed, or was wrong."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import intake
from sumeru_proxy.webhooks.listeners import KIND_PREFIX


def chosen(
    *, shop_id: int | None = None, ids: Collection[str] = (), failed: bool = False, since: datetime | None = None
) -> QuerySet[InboundEvent]:
    """The events to replay, oldest first: by id, those with a parked job, or those received since a time. Ignored ones only by id."""
    events = InboundEvent.objects.exclude(body_text="").order_by("pk")
    if shop_id is not None:
        events = events.filter(shop_id=shop_id)
    if ids:
        events = events.filter(event_id__in=ids)
    else:
        events = events.filter(state=InboundEvent.State.TAKEN)
    if failed:
        events = events.filter(Exists(Job.objects.filter(event=OuterRef("pk"), state=Job.State.PARKED)))
    if since is not None:
        events = events.filter(received_at__gte=since)
    return events


def replay(event: InboundEvent) -> int:
    """Make every consequence of an event due again, except what waits anyway; gives how many jobs. May be repeated.

    Listeners end in the same state however often they hear an event. What is no event has no consequences.
    """
    if event.reason.startswith(intake.UNREADABLE):
        return 0
    again = Job.objects.filter(event=event, kind__startswith=KIND_PREFIX)
    with transaction.atomic():
        due = jobs.retry(again)
        due += again.filter(state__in=(Job.State.DONE, Job.State.SUPERSEDED)).update(
            state=Job.State.WAITING, attempts=0, next_at=timezone.now(), finished_at=None, result={}
        )
        due += intake.act(event, event.data)
        if event.state == InboundEvent.State.IGNORED:
            InboundEvent.objects.filter(pk=event.pk).update(state=InboundEvent.State.TAKEN)
    return due
