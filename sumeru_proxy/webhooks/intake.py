"""Taking a signed event: read the envelope, then one transaction for the row, the stamps and a job per listener."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from sumeru_proxy.client.values import moment_of, word_of
from sumeru_proxy.models import InboundEvent
from sumeru_proxy.outbox import jobs
from sumeru_proxy.reading import stamps
from sumeru_proxy.webhooks import erasing, installed, persons, topics
from sumeru_proxy.webhooks.domains import is_among
from sumeru_proxy.webhooks.listeners import Listener, hears, kind_of, order_key

OLDEST = timedelta(days=3)
"""How old an event's own date may be. Its row, which makes a replay harmless, is kept much longer (see ``pruning.py``)."""
FUTURE = timedelta(days=1)
"""How far ahead of our clock an event may be dated: machines' clocks differ, and an event that is ignored does not come again."""
DEPTH_MOST = 64
ID_CHARS = 120
TYPE_CHARS = 80
DOMAIN_CHARS = 190
UNREADABLE = InboundEvent.UNREADABLE


class Malformed(Exception):
    """A signed body that is no event. ``field`` says where; the text never repeats what was sent."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Envelope:
    """A webhook's outer object, checked. ``text`` is all of it as it came; ``shop_domain`` may be empty."""

    id: str
    type: str
    occurred_at: datetime
    shop_domain: str
    data: Mapping[str, Any]
    text: str


def _no_constant(_name: str) -> float:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError
    return number


def _depth(value: object) -> int:
    deepest, pending = 0, [(value, 1)]
    while pending:
        item, depth = pending.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            pending.extend((each, depth + 1) for each in item.values())
        elif isinstance(item, list):
            pending.extend((each, depth + 1) for each in item)
    return deepest


def _moment(value: object) -> datetime:
    moment = moment_of(value)
    if moment is None:
        raise Malformed("created_at", "must be an ISO 8601 time or Unix seconds")
    return moment


def read_envelope(raw: bytes) -> Envelope:
    """The event in a body whose signature was verified. Pure; raises Malformed for everything that is no event."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("body", "must be UTF-8") from None
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        depth = _depth(value)
    except (ValueError, RecursionError):
        raise Malformed("body", "must be JSON") from None
    if depth > DEPTH_MOST:
        raise Malformed("body", "is nested too deeply")
    if not isinstance(value, dict):
        raise Malformed("body", "must be a JSON object")
    event_id, event_type = word_of(value.get("id"), ID_CHARS), word_of(value.get("type"), TYPE_CHARS)
    domain, data = value.get("shop_domain"), value.get("data")
    if not event_id:
        raise Malformed("id", "must be an event id")
    if not event_type:
        raise Malformed("type", "must be an event type")
    domain = "" if domain is None else word_of(domain, DOMAIN_CHARS)
    if domain is None:
        raise Malformed("shop_domain", "must be a domain")
    occurred_at = _moment(value.get("created_at"))
    return Envelope(event_id, event_type, occurred_at, domain, data if isinstance(data, dict) else {}, text)


def reason_to_ignore(envelope: Envelope, now: datetime, domains: Collection[str] | None = None) -> str:
    """Why a genuine event is stored but not acted upon: ``too_old``, ``in_future`` or ``other_domain`` (None of ``domains``: any will
    do); empty when it is to be acted upon.

    The signature covers no time but this one, so it bounds how long a recorded delivery could be replayed.
    """
    if now - envelope.occurred_at > OLDEST:
        return "too_old"
    if envelope.occurred_at - now > FUTURE:
        return "in_future"
    if domains is not None and not is_among(envelope.shop_domain, domains):
        return "other_domain"
    return ""


def keep_unreadable(shop_id: int, raw: bytes, error: Malformed, now: datetime) -> str:
    """Store a signed body that is no event, for a person to see: ``ignored``, or ``seen`` when it came before. Raises django.db.Error.

    Sumeru would send it again and again otherwise, and in the end nothing more at all.
    """
    named = "unread_" + hashlib.sha256(raw).hexdigest()[:40]
    text = raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    _kept, created = InboundEvent.objects.get_or_create(
        shop_id=shop_id,
        event_id=named,
        defaults={
            "type": UNREADABLE,
            "occurred_at": now,
            "state": InboundEvent.State.IGNORED,
            "reason": f"{UNREADABLE}:{error.field}",
            "body_text": text,
        },
    )
    return "ignored" if created else "seen"


def take(
    shop_id: int,
    envelope: Envelope,
    now: datetime,
    listeners: Iterable[Listener] | None = None,
    domains: Collection[str] | None = None,
) -> str:
    """Store an event and what follows from it, in one transaction: ``taken``, ``ignored`` or ``seen``. ``domains`` are the shop's; an
    event that names another one is ignored.

    May be repeated: the same event id of a shop changes nothing the second time. Raises django.db.Error when the database
    fails; then nothing has happened and the event is to be sent again.
    """
    known = InboundEvent.objects.filter(shop_id=shop_id, event_id=envelope.id)
    if known.exists():  # a storm of repetitions waits for no write lock; the unique constraint below decides
        return "seen"
    ignored = reason_to_ignore(envelope, now, domains)
    with transaction.atomic():
        try:
            with transaction.atomic():
                event = InboundEvent.objects.create(
                    shop_id=shop_id,
                    event_id=envelope.id,
                    type=envelope.type,
                    occurred_at=envelope.occurred_at,
                    state=InboundEvent.State.IGNORED if ignored else InboundEvent.State.TAKEN,
                    reason=ignored,
                    body_text=envelope.text,
                )
        except IntegrityError:
            if not known.exists():
                raise
            return "seen"
        if ignored:
            return "ignored"
        act(event, envelope.data, listeners)
    return "taken"


def act(event: InboundEvent, data: Mapping[str, Any], listeners: Iterable[Listener] | None = None) -> int:
    """What follows from an event: stamps, the erasure, one job per listener. Gives how many jobs are new; may be repeated."""
    stale = topics.stale_after(event.type, data)
    if stale.topics:
        stamps.invalidate(event.shop_id, stale.topics)
    new = 0
    if event.type == topics.ERASURE:
        erasing.begin(event.shop_id, persons.recognised(erasing.event_data(event)))
        owed = jobs.owe(event.shop_id, erasing.KIND, {"event": event.event_id}, key=event.event_id, event=event)
        new += int(owed.created)
    order_id = topics.order_of(event.type, data)
    for listener in installed.listeners() if listeners is None else listeners:
        if not hears(listener, event.type):
            continue
        # Two workers must not bring the same order to the same listener at the same time: the later reading could lose.
        in_turn = order_key(listener.name, order_id) if order_id else ""
        owed = jobs.owe(
            event.shop_id,
            kind_of(listener),
            {"event": event.event_id},
            key=event.event_id,
            order_key=in_turn,
            event=event,
        )
        new += int(owed.created)
    return new
