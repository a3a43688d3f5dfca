"""Orders credited anew: as a long job over a period, with progress, pause and cancel; who owes it and how a step goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from django.db.models import Q

from sumeru_proxy.consumers.attribution import arrivals, storage
from sumeru_proxy.consumers.attribution.models import Conversion, WeightVersion
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.consumers.attribution.storage import CONSUMER_NAME
from sumeru_proxy.models import Job
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import Step, Stride
from sumeru_proxy.webhooks.walking import moment_of

NAME: Final = "recompute"


def owe(shop_id: int, since: datetime | None, key: str) -> Job:
    """Owe the crediting anew of all orders since a moment (None: of all). One after the other; the same key does it once.

    Joins the caller's transaction, so that what makes it due and the job are one.
    """
    body = {} if since is None else {"since": since.isoformat()}
    return installed.owe(CONSUMER_NAME, NAME, shop_id, body, key=key, order_key=f"{CONSUMER_NAME}:{NAME}").job


def owe_for(version: WeightVersion) -> Job | None:
    """What a published version makes due: the orders from its moment on. None when there is no such order yet."""
    rows = Conversion.objects.filter(shop_id=version.shop_id, at_ms__gte=version.effective_ms or 0, erased=False)
    if version.effective_ms is None or not rows.exists():
        return None
    since = datetime.fromtimestamp(version.effective_ms / 1_000, UTC)
    return owe(version.shop_id, since, f"publish/{version.pk}")


def running(shop_id: int) -> Job | None:
    """The job that credits orders of the shop anew and has not ended; the oldest one."""
    rows = Job.objects.filter(shop_id=shop_id, kind=f"{CONSUMER_NAME}:{NAME}")
    return rows.filter(state__in=(Job.State.WAITING, Job.State.CLAIMED, Job.State.PAUSED)).order_by("pk").first()


def step(at: Step) -> Stride:
    """Credit the next few hundred orders of a period anew, oldest first."""
    since, until = moment_of(at.work.body, "since"), moment_of(at.work.body, "until")
    shop_id = at.work.shop.pk
    rows = Conversion.objects.filter(shop_id=shop_id, erased=False)
    if since is not None:
        rows = rows.filter(at_ms__gte=arrivals.milliseconds(since))
    if until is not None:
        rows = rows.filter(at_ms__lt=arrivals.milliseconds(until))
    total = at.cursor["total"] if at.cursor else rows.count()
    if at.cursor:
        place = Q(at_ms=at.cursor["at_ms"], pk__gt=at.cursor["id"]) | Q(at_ms__gt=at.cursor["at_ms"])
        rows = rows.filter(place)
    found = list(rows.order_by("at_ms", "pk").values_list("at_ms", "pk")[: storage.CHUNK_ORDERS])
    last = found[-1] if len(found) == storage.CHUNK_ORDERS else None
    return Stride(
        next={"at_ms": last[0], "id": last[1], "total": total} if last else None,
        units=len(found),
        effect=lambda: _credit(shop_id, [pk for _at_ms, pk in found]),
        total=total,
        reached=datetime.fromtimestamp(found[-1][0] / 1_000, UTC) if found else None,
    )


def _credit(shop_id: int, ids: Sequence[int]) -> None:
    # The plan of this moment, read in the same transaction: choices that change meanwhile cannot be half applied.
    storage.recompute(shop_id, ids, plan_of(shop_id))
