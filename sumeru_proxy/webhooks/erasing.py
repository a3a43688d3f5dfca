"""Erasing a person: what ``gdpr.completed`` asks for. Rows stay as evidence that something was; what they said goes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.outbox.delivering import Handler, Outcome
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.readings import readings

log = logging.getLogger(__name__)

KIND = "erase"

_EMAIL_PATHS = ("email", "customer.email", "customer_email")
_ID_PATHS = ("customer_id", "customer.id", "subject_id", "id")


def _texts(value: object) -> Iterable[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _at(data: Mapping[str, Any], path: str) -> object:
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def person_in(data: Mapping[str, Any]) -> frozenset[str]:
    """By what the person of an event is known here: e-mail addresses and customer ids, case folded. Pure; may be empty."""
    found = [_at(data, path) for path in (*_EMAIL_PATHS, *_ID_PATHS)]
    return frozenset(
        text.strip().casefold() for text in found if isinstance(text, str) and 3 <= len(text.strip()) <= 254
    )


def names(body: object, person: frozenset[str]) -> bool:
    """Whether a JSON value speaks of the person: one of its texts is one of their names. Pure."""
    return any(text.strip().casefold() in person for text in _texts(body))


def _speaking_of(person: frozenset[str]) -> Q:
    """A rough sieve for the database; ``names`` decides."""
    found = Q(pk__in=())
    for name in person:
        for needle in {json.dumps(name)[1:-1], name}:
            found |= Q(body_text__icontains=needle)
    return found


def erase(shop_id: int, person: frozenset[str], *, dry_run: bool = False) -> dict[str, int]:
    """Empty every job and inbound event of the shop that speaks of the person, and what consumers hold of them; gives how many of each.
    May be repeated.

    A write that still waits is parked as ``erased``, never sent. Joins the caller's transaction.
    """
    counts = {"jobs": 0, "events": 0}
    if not person:
        return counts
    with transaction.atomic():
        for job in list(Job.objects.filter(_speaking_of(person), shop_id=shop_id).exclude(kind=KIND)):
            if not names(job.body, person):
                continue
            counts["jobs"] += 1
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
        for event in list(InboundEvent.objects.filter(_speaking_of(person), shop_id=shop_id)):
            # What could not be read as an event is searched as the text that it is.
            if event.type != InboundEvent.UNREADABLE and not names(json.loads(event.body_text), person):
                continue
            counts["events"] += 1
            if not dry_run:
                InboundEvent.objects.filter(pk=event.pk).update(body_text="", reason="erased")
        for consumer in installed.consumers():
            if consumer.erase is not None:
                counts.update(consumer.erase(shop_id, person, dry_run))
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
    """How the job of a ``gdpr.completed`` event is done; the event's own body goes last, as it names the person too."""

    def run(job: Job) -> Outcome:
        event = job.event
        person = person_in(event.data) if event is not None else frozenset()
        return Outcome({}, lambda: _erase_for(job.shop_id, person))

    return Handler(run, keyed=False, group=(KIND,), attempts_most=None)


def _erase_for(shop_id: int, person: frozenset[str]) -> None:
    counts = erase(shop_id, person)
    log.info(
        "shop %s: a person was erased: %s", shop_id, ", ".join(f"{count} {what}" for what, count in counts.items())
    )
