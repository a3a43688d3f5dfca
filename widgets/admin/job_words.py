"""What a job is, why it waits or is parked, and what to do about it, in words that a merchant understands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import batching, writes
from sumeru_proxy.webhooks import erasing, installed
from sumeru_proxy.webhooks.listeners import KIND_PREFIX
from widgets.admin import moments

OVERDUE = timedelta(minutes=5)
"""A due job that nobody touched for so long wants an explanation."""
KIND_WORDS = {
    "review": gettext_lazy("Review"),
    "quiz_result": gettext_lazy("Quiz result"),
    "referral_claim": gettext_lazy("Referral code"),
    batching.EVENT_KIND: gettext_lazy("Visitor events"),
    batching.BATCH_KIND: gettext_lazy("Batch of visitor events"),
    "customer_update": gettext_lazy("Change of a customer"),
    erasing.KIND: gettext_lazy("Erasure of a person"),
}
BADGES = {
    Job.State.WAITING: "waiting",
    Job.State.CLAIMED: "ok",
    Job.State.DONE: "ok",
    Job.State.PARKED: "failing",
}
OVER = (Job.Reason.DISCARDED, Job.Reason.ERASED)
"""Parked for ever: nothing is left to decide."""


@dataclass(frozen=True, slots=True)
class Told:
    """Why a job is where it is, and what a person can do (empty: nothing)."""

    why: str
    advice: str = ""


def kind_words(kind: str) -> str:
    """A kind's name for people."""
    if kind.startswith(KIND_PREFIX):
        return _("Event for %s") % kind.removeprefix(KIND_PREFIX)
    return str(KIND_WORDS.get(kind, kind))


def known_kinds() -> frozenset[str]:
    """The kinds that this installation's workers do."""
    return frozenset({*writes.KINDS, batching.EVENT_KIND, erasing.KIND, *installed.by_kind()})


def badge(job: Job) -> str:
    """The style of the state's badge: ``ok``, ``waiting``, ``failing`` or ``unused``."""
    return "unused" if job.state == Job.State.PARKED and job.reason in OVER else BADGES[Job.State(job.state)]


def state_words(job: Job) -> str:
    """The state in one or two words."""
    if job.state == Job.State.PARKED:
        return {Job.Reason.DISCARDED: _("discarded"), Job.Reason.ERASED: _("erased")}.get(
            Job.Reason(job.reason) if job.reason else Job.Reason.FAILED, _("parked")
        )
    return str(Job.State(job.state).label)


def doubtful(job: Job) -> bool:
    """Whether Sumeru may have it although nobody knows: sending it anew could make it twice."""
    return (
        job.state != Job.State.DONE
        and job.reason not in OVER
        and (job.ambiguous or job.reason == Job.Reason.AMBIGUOUS_OLD)
    )


def retryable(job: Job) -> bool:
    """Whether “try again” has something to do."""
    return job.state == Job.State.PARKED and job.reason not in OVER and bool(job.body_text)


def discardable(job: Job) -> bool:
    """Whether it can still be discarded."""
    return job.state == Job.State.WAITING or (job.state == Job.State.PARKED and job.reason not in OVER)


def told(job: Job, now: datetime, *, known: bool = True, behind: bool = False) -> Told:
    """``known``: this installation has a worker's hand for the kind. ``behind``: an earlier job must be done first."""
    if job.state == Job.State.DONE:
        return Told(_("It is done."))
    if job.state == Job.State.CLAIMED:
        if job.lease_until is not None and job.lease_until < now:
            return Told(_("The worker that had it has stopped; the next one takes it over by itself."))
        return Told(_("A worker is at it just now."))
    if job.state == Job.State.WAITING:
        return _waiting(job, now, known=known, behind=behind)
    return _parked(job)


def _waiting(job: Job, now: datetime, *, known: bool, behind: bool) -> Told:
    if not known:
        return Told(
            _("Nothing here does this kind of job any more."),
            _("Install the listener again, or discard the job."),
        )
    if behind:
        return Told(_("It waits for an earlier one of the same person or order, so that they arrive in order."))
    if job.next_at <= now - OVERDUE and (job.last_attempt_at is None or job.last_attempt_at <= now - OVERDUE):
        return Told(
            _("It has been due for %s and no worker has taken it.") % moments.span((now - job.next_at).total_seconds()),
            _("Either many jobs are before it, or no worker runs: ask whoever runs the server whether “work” is up."),
        )
    if job.reason == Job.Reason.LIMITED:
        return Told(_("Sumeru takes no more calls this minute; it goes on as soon as there is room. Nothing to do."))
    if job.reason == Job.Reason.UNAVAILABLE:
        return Told(
            _("Sumeru could not be reached or did not answer as it should. It is tried again by itself."),
            _("If it lasts for hours, look at the shop’s connection."),
        )
    if job.reason == Job.Reason.FAILED:
        return Told(
            _("It failed and is tried again by itself."),
            _("If it keeps failing, it is parked; whoever runs the server finds the error in the log."),
        )
    return Told(_("It is next in line.") if job.next_at <= now else _("It is tried at the time below."))


def _parked(job: Job) -> Told:
    look = _("Look for it at Sumeru. If it is there, discard it here; if it is not, try again.")
    words = {
        Job.Reason.REFUSED: Told(
            _("Sumeru refused it, so sending the same again changes nothing by itself."),
            _("See what it is about: when the cause is gone (say, the product exists again), try again; else discard."),
        ),
        Job.Reason.CONFLICT: Told(
            _("Sumeru knows this submission’s key with other content."),
            _("Look for it at Sumeru, then discard it: trying again gets the same answer for a day."),
        ),
        Job.Reason.CREDENTIAL: Told(
            _("The shop’s credential is missing, or Sumeru does not accept it."),
            _("Enter it under “Credentials” of the shop, test the connection, then try again."),
        ),
        Job.Reason.UNREADABLE: Told(
            _("Sumeru answered several times in a form that is not understood here. It was perhaps delivered."), look
        ),
        Job.Reason.AMBIGUOUS_OLD: Told(
            _(
                "It was sent, but the answer was lost, and by now Sumeru no longer recognises it as the same. "
                "It was perhaps delivered."
            ),
            look,
        ),
        Job.Reason.EXHAUSTED: Told(
            _("It was tried too often or for too long without success."),
            _("When the cause is gone (see the last error), try again; else discard."),
        ),
        Job.Reason.INVALID: Told(
            _("It lacks something that Sumeru demands, so it was not sent."),
            _("Trying again helps only after an update of this server; else discard."),
        ),
        Job.Reason.DISCARDED: Told(
            _("A person decided not to do it: %s") % job.note if job.note else _("A person decided not to do it.")
        ),
        Job.Reason.ERASED: Told(_("Its content was erased at the person’s request. Nothing is left to do.")),
    }
    found = words.get(Job.Reason(job.reason)) if job.reason in Job.Reason.values else None
    return found or Told(_("It was put aside."), look)
