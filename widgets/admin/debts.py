"""Decisions about many jobs at once: try again, discard, pause, resume, cancel. The history names exactly the jobs that changed.
Built on ``outbox.jobs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import ranges
from widgets.admin import job_words

CHUNK_ROWS = 500
OPEN = ~Q(reason__in=job_words.OVER)
DOUBTFUL = Q(ambiguous=True) | Q(reason=Job.Reason.AMBIGUOUS_OLD)
RETRYABLE = Q(state=Job.State.PARKED) & OPEN & ~Q(body_text="")
DISCARDABLE = Q(state__in=(Job.State.WAITING, Job.State.PAUSED)) | (Q(state=Job.State.PARKED) & OPEN)
MOVING = Q(state__in=(Job.State.WAITING, Job.State.CLAIMED))
HALTED = Q(state=Job.State.PAUSED) | Q(control=jobs.PAUSE)


def _chunks(rows: QuerySet[Job]) -> Iterator[list[int]]:
    # By position: what was changed may no longer be among the rows of a list's filter.
    last = 0
    while ids := list(rows.order_by("pk").filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK_ROWS]):
        yield ids
        last = ids[-1]


def _change(
    rows: QuerySet[Job], user_id: int, before: Q, after: Q, message: str, change: Callable[[QuerySet[Job]], int]
) -> int:
    count = 0
    for ids in _chunks(rows):
        with transaction.atomic():
            # Held until the history is written, so that it names exactly what was changed.
            locked_rows = Job.objects.filter(before, pk__in=ids).select_for_update()
            matching_ids = list(locked_rows.values_list("pk", flat=True))
            change(Job.objects.filter(before, pk__in=matching_ids))
            changed_jobs = list(Job.objects.filter(after, pk__in=matching_ids).defer("body_text"))
            if changed_jobs:
                LogEntry.objects.log_actions(user_id, changed_jobs, CHANGE, change_message=message)
            count += len(changed_jobs)
    return count


def retry(rows: QuerySet[Job], user_id: int, *, doubled: bool) -> int:
    """Try parked jobs again; gives how many. Safe to repeat.

    Jobs that may have been delivered are left out unless ``doubled``: the operator accepts that they are delivered twice.
    """
    again = Q(state=Job.State.WAITING)
    count = _change(rows, user_id, RETRYABLE & ~DOUBTFUL, again, _("Tried again"), jobs.retry)
    if doubled:
        message = _("Tried again, although perhaps delivered before")
        count += _change(rows, user_id, RETRYABLE & DOUBTFUL, again, message, jobs.retry)
    return count


def discard(rows: QuerySet[Job], user_id: int, note: str) -> int:
    """Discard waiting or parked jobs; gives how many. Safe to repeat: the first reason stays.

    The history does not repeat the note, because the note is erased with the job when a person is erased.
    """
    thrown_away = Q(reason=Job.Reason.DISCARDED)
    return _change(
        rows, user_id, DISCARDABLE, thrown_away, _("Discarded"), lambda matching_rows: jobs.discard(matching_rows, note)
    )


def pause(rows: QuerySet[Job], user_id: int) -> int:
    """Pause long jobs after their present step; gives how many. Safe to repeat."""
    long_jobs = rows.filter(kind__in=list(ranges.kinds()))
    return _change(long_jobs, user_id, MOVING & ~HALTED, HALTED, _("Paused"), jobs.pause)


def resume(rows: QuerySet[Job], user_id: int) -> int:
    """Resume paused long jobs; gives how many. Safe to repeat."""
    long_jobs = rows.filter(kind__in=list(ranges.kinds()))
    return _change(long_jobs, user_id, HALTED, MOVING & ~HALTED, _("Resumed"), jobs.resume)


def cancel(rows: QuerySet[Job], user_id: int, note: str) -> int:
    """End long jobs after their present step, even if a worker is at it; gives how many. Safe to repeat: the first reason stays."""
    long_jobs = rows.filter(kind__in=list(ranges.kinds()), state=Job.State.CLAIMED)
    over = Q(control=jobs.CANCEL) | Q(reason=Job.Reason.DISCARDED)
    return _change(
        long_jobs, user_id, ~over, over, _("Cancelled"), lambda matching_rows: jobs.cancel(matching_rows, note)
    )
