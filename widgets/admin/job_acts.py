"""What an operator may do with long jobs, and the name of a job's target."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import installed, ranges
from widgets.admin import debts

_NAMED = (Job.Reason.TARGET_DOWN, Job.Reason.TARGET_REFUSED, Job.Reason.NOT_MAPPABLE)


def target_name(job: Job) -> str:
    """The name of a job's target for people; empty when the job has none."""
    if job.reason not in _NAMED and not job.target and not getattr(job, "away", False):
        return ""
    target = installed.target_of(job)
    return target.name if target is not None else ""


def pausable(job: Job) -> bool:
    """Whether it is a long job that is not paused."""
    moving = job.state in (Job.State.WAITING, Job.State.CLAIMED) and not job.control
    return moving and job.kind in ranges.kinds()


def resumable(job: Job) -> bool:
    """Whether it is paused, or will be after its present step."""
    return job.kind in ranges.kinds() and (job.state == Job.State.PAUSED or job.control == jobs.PAUSE)


def cancellable(job: Job) -> bool:
    """Whether it is a long job at which a worker is, and which can be ended after its present step."""
    return job.state == Job.State.CLAIMED and job.control != jobs.CANCEL and job.kind in ranges.kinds()


def pause(request: HttpRequest, rows: QuerySet[Job]) -> None:
    """Pauses the jobs (``debts.pause``) and reports how many."""
    count = debts.pause(rows, int(request.user.pk or 0))
    if count:
        messages.success(request, ngettext("%d job is paused.", "%d jobs are paused.", count) % count)
    else:
        messages.info(request, _("Nothing to pause: only back-fills and other long jobs that run are."))


def resume(request: HttpRequest, rows: QuerySet[Job]) -> None:
    """Resumes the jobs (``debts.resume``) and reports how many."""
    count = debts.resume(rows, int(request.user.pk or 0))
    if count:
        messages.success(request, ngettext("%d job goes on.", "%d jobs go on.", count) % count)
    else:
        messages.info(request, _("Nothing to resume: only paused jobs are."))
