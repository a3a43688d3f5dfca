"""The shift over all orders of a period, as a long job: started when the slider is released, watched, cancelled, forgotten after a day."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from sumeru_proxy.consumers.attribution import shift
from sumeru_proxy.consumers.attribution.company import Rule, WeightTable, table
from sumeru_proxy.consumers.attribution.models import ShiftRun
from sumeru_proxy.consumers.attribution.storage import CONSUMER_NAME
from sumeru_proxy.models import Job
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import Step, Stride

NAME: Final = "shift"
CHUNK_ORDERS: Final = 2_000
KEPT: Final = timedelta(days=1)
_OPEN: Final = (Job.State.WAITING, Job.State.CLAIMED, Job.State.PAUSED)


def start(shop_id: int, rules: Sequence[Rule], span: tuple[int, int], currency: str) -> ShiftRun:
    """Begin to compute what these rules would shift; ends those of the shop that still run. Raises BadRules."""
    checked = table(rules)
    with transaction.atomic():
        cancel(shop_id)
        run = ShiftRun.objects.create(
            shop_id=shop_id,
            rules=[list(rule) for rule in checked.rules],
            since_ms=span[0],
            until_ms=span[1],
            currency=currency,
        )
        run.job = installed.owe(CONSUMER_NAME, NAME, shop_id, {"run": run.pk}, key=f"shift-{uuid.uuid4()}").job
        run.save(update_fields=["job"])
    return run


def cancel(shop_id: int, run_id: int | None = None) -> int:
    """End this one, or every one of the shop that still runs; gives how many. What is computed stays to be seen."""
    rows = ShiftRun.objects.filter(shop_id=shop_id, job__state__in=_OPEN)
    rows = rows if run_id is None else rows.filter(pk=run_id)
    return jobs.cancel(Job.objects.filter(pk__in=list(rows.values_list("job_id", flat=True))), "cancelled by hand")


def find(shop_id: int, run_id: int) -> ShiftRun | None:
    """A shop's own run."""
    return ShiftRun.objects.select_related("job").filter(shop_id=shop_id, pk=run_id).first()


def state_of(run: ShiftRun) -> str:
    """``running``, ``done``, or ``ended`` before it was done."""
    state = run.job.state if run.job is not None else ""
    return "running" if state in _OPEN else "done" if state == Job.State.DONE else "ended"


def shifts_of(run: ShiftRun) -> shift.Shifts:
    """What is computed so far, the largest change first."""
    return shift.shifts(
        {name: both[0] for name, both in run.sums.items()}, {name: both[1] for name, both in run.sums.items()}
    )


def _table(run: ShiftRun) -> WeightTable:
    return table(Rule(*each) for each in run.rules)


def step(at: Step) -> Stride:
    """Add the next orders of the period; nothing for a run that is gone (or was begun by hand without one)."""
    run = ShiftRun.objects.filter(shop_id=at.work.shop.pk, pk=at.work.body.get("run") or 0).first()
    if run is None:
        return Stride(next=None)
    rows = shift.orders_between(run.shop_id, run.since_ms, run.until_ms, run.currency)
    total = at.cursor["total"] if at.cursor else rows.count()
    if at.cursor:
        rows = rows.filter(Q(at_ms=at.cursor["at_ms"], pk__gt=at.cursor["id"]) | Q(at_ms__gt=at.cursor["at_ms"]))
    found = list(rows.order_by("at_ms", "pk").values_list("at_ms", "pk")[:CHUNK_ORDERS])
    last = found[-1] if len(found) == CHUNK_ORDERS else None
    part = shift.shift_of_orders(run.shop_id, [pk for _at_ms, pk in found], _table(run))

    def effect() -> None:
        sums: dict[str, Any] = dict(run.sums)
        for name, (now, then) in part.items():
            before = sums.get(name, (0, 0))
            sums[name] = [before[0] + now, before[1] + then]
        ShiftRun.objects.filter(pk=run.pk).update(orders=run.orders + len(found), total=total, sums=sums)

    return Stride(
        next={"at_ms": last[0], "id": last[1], "total": total} if last else None,
        units=len(found),
        effect=effect,
        total=total,
        reached=datetime.fromtimestamp(found[-1][0] / 1_000, UTC) if found else None,
    )


def prune(now: datetime, dry_run: bool) -> int:
    """Forget runs of yesterday; gives how many."""
    rows = ShiftRun.objects.filter(created_at__lt=now - KEPT)
    count = rows.count()
    if not dry_run:
        rows.delete()
    return count
