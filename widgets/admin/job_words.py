"""A job in words for merchants: what it is, why it waits or is parked, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import batching, rules, writes
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
    Job.State.PAUSED: "waiting",
    Job.State.SUPERSEDED: "unused",
}
OVER = (Job.Reason.DISCARDED, Job.Reason.ERASED)
"""Parked for ever: nothing is left to decide."""


@dataclass(frozen=True, slots=True)
class JobExplanation:
    """Why a job is in its state, what a person can do about it (empty: nothing), and the words of the target that failed (empty:
    none).
    """

    why: str
    advice: str = ""
    target_words: str = ""


def kind_words(kind: str) -> str:
    """A kind's name for people."""
    if kind.startswith(KIND_PREFIX):
        consumer = installed.by_kind().get(kind)
        return _("Event for %s") % (consumer.title if consumer is not None else kind.removeprefix(KIND_PREFIX))
    whole = kind.removesuffix(installed.PART)
    if whole in (own := installed.own_kinds()):
        title = str(own[whole][1].title)
        return title if whole == kind else _("Part of “%s”") % title
    return str(KIND_WORDS.get(kind, kind))


def known_kinds() -> frozenset[str]:
    """The kinds of jobs that this installation's workers can do."""
    own = installed.own_kinds()
    parts = (kind + installed.PART for kind in own)
    return frozenset({*writes.KINDS, batching.EVENT_KIND, erasing.KIND, *installed.by_kind(), *own, *parts})


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
    """Whether Sumeru may already have it, so that sending it again could create it twice."""
    return (
        job.state not in (Job.State.DONE, Job.State.SUPERSEDED)
        and job.reason not in OVER
        and (job.ambiguous or job.reason == Job.Reason.AMBIGUOUS_OLD)
    )


def retryable(job: Job) -> bool:
    """Whether “try again” is possible."""
    return job.state == Job.State.PARKED and job.reason not in OVER and bool(job.body_text)


def discardable(job: Job) -> bool:
    """Whether it can still be discarded."""
    open_states = (Job.State.WAITING, Job.State.PAUSED)
    return job.state in open_states or (job.state == Job.State.PARKED and job.reason not in OVER)


def explain(
    job: Job, now: datetime, *, is_known: bool = True, behind: bool = False, away: bool = False, target: str = ""
) -> JobExplanation:
    """The job in words. ``is_known``: this installation can do the kind. ``behind``: an earlier job must be done first. ``away``:
    another job of the kind found that the target does not respond. ``target``: its name for people.
    """
    if job.state == Job.State.SUPERSEDED:
        return JobExplanation(_("A later one about the same order was done in its place."))
    if job.state == Job.State.PAUSED:
        return JobExplanation(_("A person paused it."), _("Resume it, and it goes on where it is."))
    if job.state == Job.State.DONE:
        return JobExplanation(_("It is done."))
    if job.state == Job.State.CLAIMED:
        if job.lease_until is not None and job.lease_until < now:
            return JobExplanation(_("The worker that had it has stopped; the next one takes it over by itself."))
        return JobExplanation(_("A worker is at it just now."))
    if job.state == Job.State.WAITING:
        if is_known and (job.reason == Job.Reason.TARGET_DOWN or (away and not behind)):
            return _explain_away(job, target)
        return _explain_waiting(job, now, is_known=is_known, behind=behind)
    return _explain_parked(job, target or _("the target"))


def _explain_away(job: Job, target: str) -> JobExplanation:
    name = target or _("the target")
    return JobExplanation(
        _("%s does not answer or does not work. Everything for it goes on by itself when it is back.") % name,
        _("Sumeru is not the cause. If it lasts, look at %s.") % name,
        job.last_error if job.reason == Job.Reason.TARGET_DOWN else "",
    )


def _explain_waiting(job: Job, now: datetime, *, is_known: bool, behind: bool) -> JobExplanation:
    if not is_known:
        return JobExplanation(
            _("Nothing here does this kind of job any more."),
            _("Install the listener again, or discard the job."),
        )
    if behind:
        return JobExplanation(
            _("It waits for an earlier one of the same person or order, so that they arrive in order.")
        )
    if job.next_at <= now - OVERDUE and (job.last_attempt_at is None or job.last_attempt_at <= now - OVERDUE):
        return JobExplanation(
            _("It has been due for %s and no worker has taken it.") % moments.span((now - job.next_at).total_seconds()),
            _("Either many jobs are before it, or no worker runs: ask whoever runs the server whether “work” is up."),
        )
    if job.reason == Job.Reason.LIMITED:
        return JobExplanation(
            _("Sumeru takes no more calls this minute; it goes on as soon as there is room. Nothing to do.")
        )
    if job.reason == Job.Reason.UNAVAILABLE:
        return JobExplanation(
            _("Sumeru could not be reached or did not answer as it should. It is tried again by itself."),
            _("If it lasts for hours, look at the shop’s connection."),
        )
    if job.reason == Job.Reason.FAILED:
        return JobExplanation(
            _("It failed and is tried again by itself."),
            _("If it keeps failing, it is parked; whoever runs the server finds the error in the log."),
        )
    return JobExplanation(_("It is next in line.") if job.next_at <= now else _("It is tried at the time below."))


def _explain_parked(job: Job, target: str) -> JobExplanation:
    again = _("When the cause is gone, try again; else discard.")
    look = _("Look for it at Sumeru. If it is there, discard it here; if it is not, try again.")
    words = {
        Job.Reason.REFUSED: JobExplanation(
            _("Sumeru refused it, so sending the same again changes nothing by itself."),
            _("See what it is about: when the cause is gone (say, the product exists again), try again; else discard."),
        ),
        Job.Reason.CONFLICT: JobExplanation(
            _("Sumeru knows this submission’s key with other content."),
            _("Look for it at Sumeru, then discard it: trying again gets the same answer for a day."),
        ),
        Job.Reason.CREDENTIAL: JobExplanation(
            _("The shop’s credential is missing, or Sumeru does not accept it."),
            _("Enter it under “Credentials” of the shop, test the connection, then try again."),
        ),
        Job.Reason.UNREADABLE: JobExplanation(
            _("Sumeru answered several times in a form that is not understood here. It was perhaps delivered."), look
        ),
        Job.Reason.AMBIGUOUS_OLD: JobExplanation(
            _(
                "It was sent, but the answer was lost, and by now Sumeru no longer recognises it as the same. "
                "It was perhaps delivered."
            ),
            look,
        ),
        Job.Reason.EXHAUSTED: JobExplanation(
            _("It was tried too often or for too long without success."),
            _("When the cause is gone (see the last error), try again; else discard."),
        ),
        Job.Reason.INVALID: JobExplanation(
            _("It lacks something that Sumeru demands, so it was not sent."),
            _("Trying again helps only after an update of this server; else discard."),
        ),
        Job.Reason.UNRECOGNISED: JobExplanation(
            _(
                "Sumeru asks to erase a person, but names nobody by an e-mail address or a customer id. Nothing was erased yet."
            ),
            _(
                "Find out whom the event is about (its page shows what it says). Then run: "
                "manage.py erase SHOP ADDRESS-OR-ID --event %s"
            )
            % job.key,
        ),
        Job.Reason.TARGET_REFUSED: JobExplanation(_("%s refused it.") % target, again, job.last_error),
        Job.Reason.NOT_MAPPABLE: JobExplanation(
            _("It cannot be brought into the form that %s needs.") % target,
            _("When the data or the mapping is mended, try again; else discard."),
            job.last_error,
        ),
        Job.Reason.TARGET_DOWN: JobExplanation(
            _("%(target)s was away for more than %(days)d days.")
            % {"target": target, "days": rules.TARGET_AWAY_MOST.days},
            again,
            job.last_error,
        ),
        Job.Reason.DISCARDED: JobExplanation(
            _("A person decided not to do it: %s") % job.note if job.note else _("A person decided not to do it.")
        ),
        Job.Reason.ERASED: JobExplanation(_("Its content was erased at the person’s request. Nothing is left to do.")),
    }
    explanation = words.get(Job.Reason(job.reason)) if job.reason in Job.Reason.values else None
    return explanation or JobExplanation(_("It was put aside."), look)
