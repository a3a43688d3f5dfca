"""Jobs and events in every state, with canaries where a shopper's data and a secret could stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import intake

PERSON = "Adelheid-Canary"
EMAIL = "adelheid.canary@mail.example"
SECRET = "wsec_cAnArYiNaBoDy0123456789"
PERSONAL = (PERSON, EMAIL, "mail.example", SECRET, SECRET[6:18])


def review(shop: Shop, key: str = "review-key-1", **changes: Any) -> Job:
    """An owed review with a person's name; ``changes`` are columns."""
    body = {
        "product_id": "prd_1",
        "rating": 5,
        "title": "<script>alert(1)</script>",
        "body": f"{SECRET} \u202egnirts",
        "author": {"name": PERSON, "email": EMAIL},
    }
    job = jobs.owe(shop.pk, "review", body, key=key).job
    if changes:
        Job.objects.filter(pk=job.pk).update(**changes)
        job.refresh_from_db()
    return job


def parked(shop: Shop, key: str = "parked-key-1", reason: str = "refused", **changes: Any) -> Job:
    """A parked review."""
    columns = {"state": "parked", "reason": reason, "finished_at": timezone.now(), "attempts": 3, **changes}
    return review(shop, key, **columns)


def event(
    shop: Shop, event_id: str = "evt_1", kind: str = "order.created", *, age: timedelta = timedelta(), **data: Any
) -> InboundEvent:
    """An event that came through the intake; it names a person."""
    at = datetime.now(UTC) - age
    found = {"customer": {"email": EMAIL, "name": PERSON}, "token": SECRET, **data}
    text = json.dumps({"id": event_id, "type": kind, "data": found})
    intake.take(shop.pk, intake.Envelope(event_id, kind, at, shop.domain, found, text), datetime.now(UTC))
    return InboundEvent.objects.get(shop=shop, event_id=event_id)
