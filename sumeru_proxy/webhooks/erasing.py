"""Erasing a person: what ``gdpr.completed`` asks for. Rows stay as evidence that something was; what they said goes.

Two steps. With the event itself (``begin``): copies are sifted for the person, and what of theirs waits to be sent never is. Then a job
(``handler``): every row that speaks of the person is emptied, after it was read for what else names them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.outbox import jobs, writes
from sumeru_proxy.outbox.batching import EVENT_KIND
from sumeru_proxy.outbox.delivering import Handler, Outcome
from sumeru_proxy.outbox.rules import PersonNeeded
from sumeru_proxy.reading import erasures
from sumeru_proxy.webhooks import installed, persons
from sumeru_proxy.webhooks.persons import Identity
from sumeru_proxy.webhooks.readings import readings

log = logging.getLogger(__name__)

KIND = "erase"
_WAITING = (Job.State.WAITING, Job.State.PAUSED)


def event_data(event: InboundEvent | None) -> object:
    """What an event says, in whatever shape; None when there is nothing left of it."""
    if event is None or not event.body_text or event.type == InboundEvent.UNREADABLE:
        return None
    found = json.loads(event.body_text)
    return found.get("data") if isinstance(found, dict) else None


def begin(shop_id: int, person: Identity) -> int:
    """What must not wait: older copies are sifted for the person and read again first, and writes of theirs that wait are parked as
    ``erased``, never sent; gives how many. Also for nobody: copies are read again then. Joins the caller's transaction; may be repeated.
    """
    with transaction.atomic():
        erasures.begin(shop_id, person.ids, person.emails, person.names)
        waiting = Job.objects.filter(shop_id=shop_id, kind__in=(*writes.KINDS, EVENT_KIND), state__in=_WAITING)
        return _empty(_jobs_of(waiting, person), dry_run=False) if person.known else 0


def _speaking_of(person: Identity) -> Q:
    """A rough sieve for the database; ``persons.speaks_of`` decides."""
    found = Q(pk__in=())
    for name in person.keys:
        for needle in {json.dumps(name)[1:-1], name}:
            found |= Q(body_text__icontains=needle)
    return found


def _jobs_of(rows: QuerySet[Job], person: Identity) -> Iterator[Job]:
    for job in list(rows.filter(_speaking_of(person)).exclude(kind=KIND)):
        if persons.speaks_of(job.body, person):
            yield job


def _empty(found: Iterable[Job], *, dry_run: bool) -> int:
    count = 0
    for job in found:
        count += 1
        if dry_run:
            continue
        Job.objects.filter(pk=job.pk).update(
            body_text="", body_hash=jobs.ERASED_HASH, order_key="", result={}, last_error="", note=""
        )
        Job.objects.filter(pk=job.pk).exclude(state__in=(Job.State.DONE, Job.State.SUPERSEDED)).update(
            state=Job.State.PARKED,
            reason=Job.Reason.ERASED,
            claimed_by="",
            lease_until=None,
            finished_at=timezone.now(),
        )
    return count


def whole(shop_id: int, person: Identity) -> Identity:
    """The person with what rows here say of the same one: other addresses, ids, and the names that they are shown under."""
    rows = Job.objects.filter(_speaking_of(person), shop_id=shop_id).exclude(kind=KIND)
    events = InboundEvent.objects.filter(_speaking_of(person), shop_id=shop_id)
    bodies = [job.body for job in rows] + [event_data(event) for event in events]
    return persons.expanded(person, bodies)


def erase(shop_id: int, person: Identity, *, dry_run: bool = False, begun: bool = False) -> dict[str, int]:
    """Empty every job and inbound event of the shop that speaks of the person, and what consumers hold of them; gives how many of each.
    May be repeated. ``begun``: ``begin`` was called for them as they are given here.

    A write that still waits is parked as ``erased``, never sent. Joins the caller's transaction.
    """
    counts = {"jobs": 0, "events": 0}
    if not person.known:
        return counts
    with transaction.atomic():
        named, person = person, whole(shop_id, person)
        if not dry_run and not (begun and person == named):
            begin(shop_id, person)
        counts["jobs"] = _empty(_jobs_of(Job.objects.filter(shop_id=shop_id), person), dry_run=dry_run)
        for event in list(InboundEvent.objects.filter(_speaking_of(person), shop_id=shop_id)):
            # What could not be read as an event is searched as the text that it is.
            if event.type != InboundEvent.UNREADABLE and not persons.speaks_of(event_data(event), person):
                continue
            counts["events"] += 1
            if not dry_run:
                InboundEvent.objects.filter(pk=event.pk).update(body_text="", reason="erased")
        for consumer in installed.consumers():
            if consumer.erase is not None:
                counts.update(consumer.erase(shop_id, person.keys, dry_run))
        if not dry_run:
            readings.forget()
    return counts


def held_of(shop_id: int, person: frozenset[str]) -> dict[str, Any]:
    """What consumers hold of a person, as JSON by the consumer's name."""
    return {
        consumer.name: dict(consumer.export(shop_id, person))
        for consumer in installed.consumers()
        if consumer.export is not None
    }


def handler() -> Handler:
    """How the job of a ``gdpr.completed`` event is done; the event's own body goes last, as it names the person too. It raises PersonNeeded
    for an event that names nobody in a form that is known here.
    """

    def run(job: Job) -> Outcome:
        event: InboundEvent | None = job.event
        if event is None or not event.body_text:
            return Outcome({"skipped": "no body"})
        person = persons.recognised(event_data(event))
        if not person.known:
            raise PersonNeeded(Job.Reason.UNRECOGNISED, "the event names nobody by an e-mail address or a customer id")
        return Outcome({}, lambda: _erase_for(job.shop_id, person, event.pk))

    return Handler(run, keyed=False, group=(KIND,), attempts_most=None)


def _erase_for(shop_id: int, person: Identity, event_pk: int) -> None:
    counts = erase(shop_id, person, begun=True)
    # In whatever words it names them.
    InboundEvent.objects.filter(pk=event_pk).update(body_text="", reason="erased")
    log.info(
        "shop %s: a person was erased: %s", shop_id, ", ".join(f"{count} {what}" for what, count in counts.items())
    )


def settle(shop_id: int, event_id: str) -> bool:
    """A person has done by hand what an event asks for: its job is done and its body empty. False for an event without such a job."""
    with transaction.atomic():
        rows = Job.objects.filter(shop_id=shop_id, kind=KIND, key=event_id).exclude(state=Job.State.CLAIMED)
        done = rows.update(state=Job.State.DONE, reason="", last_error="", finished_at=timezone.now())
        if done:
            InboundEvent.objects.filter(shop_id=shop_id, event_id=event_id).update(body_text="", reason="erased")
    return bool(done)
