"""Many small event jobs, one call: what goes together is fixed in a row, with its own key, before anything is sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min
from django.db.models.functions import Now

from sumeru_proxy.client import errors
from sumeru_proxy.models import Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.outbox.delivering import Outcome

EVENT_KIND = "pixel"
BATCH_KIND = "pixel_batch"
EVENTS_MOST = 100
GATHER_FOR = timedelta(seconds=1)
_ROWS_MOST = 100
OWN_FIELDS = frozenset(("device", "excluded", "customer_id"))
"""What our own server adds to an event for consumers. Sumeru gets the event as it came."""
_TOO_LARGE = (400, 413, 422)


def gather(now: datetime, *, gather_for: timedelta = GATHER_FOR, also: Sequence[str] = ()) -> int:
    """Turn waiting event jobs that are old or many enough into batches; gives how many batches are new. May be repeated.

    A batch's row and the end of its members are one transaction: an event is in exactly one batch, whatever dies when. ``also``:
    kinds of consumers that get the same events, in a job of their own each.
    """
    waiting = Job.objects.filter(kind=EVENT_KIND, state=Job.State.WAITING, next_at__lte=now).order_by()
    made = 0
    for shop_id, count, oldest in list(waiting.values_list("shop_id").annotate(Count("pk"), Min("created_at"))):
        while count >= EVENTS_MOST or (count and oldest <= now - gather_for):
            taken = _gather_one(shop_id, now, also)
            if not taken:
                break
            made += 1
            count -= taken
    return made


def _gather_one(shop_id: int, now: datetime, also: Sequence[str]) -> int:
    with transaction.atomic():
        rows = Job.objects.filter(shop_id=shop_id, kind=EVENT_KIND, state=Job.State.WAITING, next_at__lte=now).order_by(
            "pk"
        )
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        events: list[Any] = []
        members: list[int] = []
        size = 0
        for job in rows[:_ROWS_MOST]:
            found = job.body.get("events") or []
            size += len(job.body_text)
            if members and (len(events) + len(found) > EVENTS_MOST or size > jobs.BODY_LIMIT_BYTES):
                break
            events.extend(found)
            members.append(job.pk)
        if not members:
            return 0
        key = f"batch-{uuid.uuid4()}"
        if events:
            upstream = [{name: value for name, value in event.items() if name not in OWN_FIELDS} for event in events]
            jobs.owe(shop_id, BATCH_KIND, {"events": upstream}, key=key)
            for kind in also:
                jobs.owe(shop_id, kind, {"events": events}, key=key)
        # The events live on in the batch; kept twice they would have to be erased twice.
        Job.objects.filter(pk__in=members, state=Job.State.WAITING).update(
            state=Job.State.DONE, reason="", body_text="", result={"batch": key}, finished_at=Now()
        )
        return len(members)


def can_split(error: errors.Refused, body: Mapping[str, Any]) -> bool:
    """Whether a refused batch may hold good events: it was judged by its content, and holds more than one."""
    return error.status in _TOO_LARGE and len(body.get("events") or ()) > 1


def split(job: Job) -> Outcome:
    """The end of a refused batch: its halves become batches of their own, until the bad event stands alone and is parked."""
    events = job.body["events"]
    half = len(events) // 2

    def effect() -> None:
        for number, part in enumerate((events[:half], events[half:])):
            jobs.owe(job.shop_id, BATCH_KIND, {"events": part}, key=f"{job.key[-150:]}/{number}")

    return Outcome({"split": 2}, effect)
