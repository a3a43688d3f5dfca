"""Range jobs: how far one is, when it will end, and what a person does with it. Figures are pure; the row is the job's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import RangeKind, Stride

Progress = Mapping[str, Any]
"""``cursor``, ``done`` units, ``pages``, ``skipped``, ``failed`` pages, ``total`` (None: unknown); ISO times ``started_at``,
``stepped_at``; ``first``, ``reached``, ``last``: how the units are dated; ``active_s`` seconds without pauses, ``paced`` units in them.
"""
BREAK = timedelta(minutes=10)
"""A longer time between two steps was a pause or an outage, and says nothing of the pace."""
OPEN = (Job.State.WAITING, Job.State.CLAIMED, Job.State.PAUSED, Job.State.PARKED)


def _time(progress: Progress, name: str) -> datetime | None:
    value = progress.get(name)
    return datetime.fromisoformat(value) if value else None


def after(progress: Progress, stride: Stride, now: datetime) -> dict[str, Any]:
    """The figures after a step. Pure."""
    stepped_at = _time(progress, "stepped_at")
    gap = now - stepped_at if stepped_at is not None else BREAK
    reached = stride.reached.isoformat() if stride.reached is not None else progress.get("reached")
    return {
        "cursor": stride.next,
        "done": int(progress.get("done", 0)) + stride.units,
        "pages": int(progress.get("pages", 0)) + 1,
        "skipped": int(progress.get("skipped", 0)) + stride.skipped,
        "failed": int(progress.get("failed", 0)) + (1 if stride.failed is not None else 0),
        "total": stride.total if stride.total is not None else progress.get("total"),
        "started_at": progress.get("started_at") or now.isoformat(),
        "stepped_at": now.isoformat(),
        "active_s": float(progress.get("active_s", 0.0)) + (gap.total_seconds() if gap < BREAK else 0.0),
        "paced": int(progress.get("paced", 0)) + (stride.units if gap < BREAK else 0),
        "first": progress.get("first") or reached,
        "reached": reached,
        "last": stride.last.isoformat() if stride.last is not None else progress.get("last"),
    }


def figures(progress: Progress) -> dict[str, int]:
    """What is kept of a range that has ended. Pure."""
    return {name: int(progress.get(name, 0)) for name in ("done", "pages", "skipped", "failed")}


@dataclass(frozen=True, slots=True)
class Estimate:
    """``share`` of the range that is done (0 to 1) and seconds to its end at the pace so far; None: not known yet."""

    share: float | None = None
    left_s: float | None = None


def estimate(progress: Progress, now: datetime) -> Estimate:
    """How far a range is and how long it will take: by its total when that is known, else by the times of what it has reached. Pure."""
    active_s, total, done = float(progress.get("active_s", 0.0)), progress.get("total"), int(progress.get("done", 0))
    if total:
        share = min(1.0, done / total)
        paced = int(progress.get("paced", 0))
        return Estimate(share, max(0, total - done) * active_s / paced if paced and active_s else None)
    first, reached = _time(progress, "first"), _time(progress, "reached")
    last = _time(progress, "last") or _time(progress, "started_at")
    if first is None or reached is None or last is None or last <= first:
        return Estimate()
    walked_s, whole_s = (reached - first).total_seconds(), (min(last, now) - first).total_seconds()
    if walked_s <= 0 or whole_s <= 0:
        return Estimate()
    share = min(1.0, walked_s / whole_s)
    return Estimate(share, active_s * (1.0 - share) / share if active_s else None)


def figures_of(job: Job) -> dict[str, int]:
    """What a range job has done: so far, or in all. Pure."""
    return figures(job.result if job.state == Job.State.DONE else job.progress)


# -- in the database


def kinds() -> dict[str, RangeKind]:
    """The installed range kinds by the kind of their jobs."""
    return {name: kind for name, (_consumer, kind) in installed.own_kinds().items() if isinstance(kind, RangeKind)}


def of_shop(shop_id: int) -> QuerySet[Job]:
    """A shop's range jobs, the newest first."""
    return Job.objects.filter(shop_id=shop_id, kind__in=list(kinds())).order_by("-pk")


def open_parts(job: Job) -> int:
    """How many parts of a range failed and are still owed."""
    return Job.objects.filter(
        shop_id=job.shop_id, kind=job.kind + installed.PART, key__startswith=f"{job.pk}/", state__in=OPEN
    ).count()


class Running(Exception):
    """There is one of this kind that has not ended."""


def start(
    shop_id: int,
    kind: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    more: Progress | None = None,
) -> Job:
    """Owe a range job. Raises KeyError for a kind that is not installed, and Running while another of the shop has not ended (parked
    ones count: they are to be resumed or discarded first).
    """
    if kind not in kinds():
        raise KeyError(kind)
    body = dict(more or {})
    for name, moment in (("since", since), ("until", until)):
        if moment is not None:
            body[name] = moment.isoformat()
    running = Job.objects.filter(shop_id=shop_id, kind=kind, state__in=OPEN).exclude(
        reason__in=(Job.Reason.DISCARDED, Job.Reason.ERASED)
    )
    if running.exists():
        raise Running(kind)
    # The number of the one before in the key: of two who start at the same moment one only finds the other's.
    before = Job.objects.filter(shop_id=shop_id, kind=kind).order_by("-pk").values_list("pk", flat=True).first() or 0
    try:
        owed = jobs.owe(shop_id, kind, body, key=f"after-{before}")
    except jobs.KeyReused:
        raise Running(kind) from None
    if not owed.created:
        raise Running(kind)
    return owed.job


def resume(rows: QuerySet[Job]) -> int:
    """Let paused and parked ranges go on where they are; gives how many. May be repeated."""
    return jobs.resume(rows) + jobs.retry(rows)


def paused_for(progress: Progress, now: datetime | None = None) -> timedelta | None:
    """How long ago the last step was; None before the first. For people to see."""
    stepped_at = _time(progress, "stepped_at")
    return None if stepped_at is None else (now or timezone.now()) - stepped_at
