"""The progress of a consumer's long job, in words."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sumeru_proxy.models import Job
from sumeru_proxy.webhooks import ranges
from widgets.admin import moments


def counts(job: Job) -> str:
    """How many units are done, could not be read, or failed."""
    figures = ranges.figures_of(job)
    words = [ngettext("%d done", "%d done", figures["done"]) % figures["done"]]
    if figures["skipped"]:
        words.append(_("%d could not be read") % figures["skipped"])
    if figures["failed"]:
        words.append(ngettext("%d part failed", "%d parts failed", figures["failed"]) % figures["failed"])
    return ", ".join(words)


def outlook(job: Job, now: datetime) -> str:
    """The share that is done and the estimated time to the end; empty when that is not known, or it has ended."""
    if job.state not in ranges.OPEN or not job.progress:
        return ""
    guess = ranges.estimate(job.progress, now)
    if guess.share is None:
        return ""
    share = _("%d %% of it") % int(guess.share * 100)
    if guess.left_s is None or job.state not in (Job.State.WAITING, Job.State.CLAIMED):
        return share
    return _("%(share)s, about %(left)s left") % {"share": share, "left": moments.span(guess.left_s)}


def one_line(job: Job, now: datetime) -> str:
    """Counts and outlook in one line."""
    return "; ".join(each for each in (counts(job), outlook(job, now)) if each)
