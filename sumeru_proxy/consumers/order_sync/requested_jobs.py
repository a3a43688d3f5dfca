"""What a person asks for in the admin and the worker does: comparing and repairing one day, and a rehearsal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sumeru_proxy.client.windows import Window
from sumeru_proxy.consumers.order_sync import engine, proof, rehearsal
from sumeru_proxy.consumers.order_sync.engine import NAME, target_key
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import OrderTarget
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import Done, JobKind, Target, Work, order_key
from sumeru_proxy.webhooks.walking import read_page

PAGE_LIMIT: Final = 200
"""So many pages of a day's orders are read: 20,000 orders."""
REHEARSAL_LIMIT: Final = 500


def _row(body: Mapping[str, Any]) -> OrderTarget | None:
    return OrderTarget.objects.filter(pk=body.get("target") or 0).select_related("shop", "credential").first()


def _target_of(_shop: Shop, body: Mapping[str, Any]) -> Target | None:
    row = _row(body)
    return None if row is None else Target(target_key(row.pk), row.name)


def _owe(row: OrderTarget, kind: str, body: Mapping[str, Any]) -> Job:
    key = f"{row.pk}.{uuid.uuid4().hex}"
    turn = order_key(NAME, f"{kind}:{row.pk}")
    return installed.owe(
        NAME, kind, row.shop_id, {"target": row.pk, **body}, key=key, order_key=turn, target=target_key(row.pk)
    ).job


# -- one day


def owe_day(row: OrderTarget, day: date) -> Job:
    """Owe the comparison and repair of one day (UTC) in a target. Joins the caller's transaction."""
    return _owe(row, "day", {"day": day.isoformat()})


def compare_day(work: Work) -> Done:
    """One step: a page of the day's orders is read at Sumeru and remembered; after the last page both sides are compared and repaired.

    Each step owes the next one. Raises TargetDown and the client's errors, which mean "later".
    """
    row = _row(work.body)
    if row is None or not row.enabled or row.start_at is None:
        return Done({"skipped": "not enabled"})
    day, number = date.fromisoformat(work.body["day"]), int(work.body.get("number", 0))
    if not work.body.get("read"):
        begin = datetime.combine(day, time(), UTC)
        window = Window("created_at", since=begin, until=begin + timedelta(days=1))
        page, place = read_page(work.sumeru(), window, "-created_at", work.body.get("page"))
        ready = engine.map_orders(row.shop, page.orders)

        def effect() -> None:
            engine.take(row, ready)
            # Without filters the day may be far down the list: what the nightly proof read before is compared then.
            ended = place is None or place.get("plain") or number + 1 >= PAGE_LIMIT
            more = {"read": True} if ended else {"page": place, "number": number + 1}
            _owe(row, "day", {"day": day.isoformat(), **more})

        return Done({"orders": len(page.orders)}, effect)
    with open_target(row) as target:
        sums, repaired = proof.prove(row, target, day, day)
    return Done({"repaired": repaired, "differing": sum(len(each.differing) for each in sums.values())})


# -- a rehearsal


def owe_rehearsal(row: OrderTarget, last: int) -> Job:
    """Owe a rehearsal with the last orders, up to 500; more by ``manage.py order_sync rehearse``. Joins the caller's transaction."""
    return _owe(row, "rehearsal", {"last": max(1, min(last, REHEARSAL_LIMIT))})


def rehearse(work: Work) -> Done:
    """Map the last orders against the real target, which is only read, and keep the report. Works before the target is started."""
    row = _row(work.body)
    if row is None:
        return Done({"skipped": "no such target"})
    orders = rehearsal.newest_orders(work.sumeru(), int(work.body["last"]))
    with open_target(row) as target:
        report = rehearsal.rehearse(row, target, orders)

    def effect() -> None:
        rehearsal.keep(row, report)

    return Done({"orders": report["orders"]}, effect)


KINDS: Final = (
    JobKind("day", "Compare and repair a day", compare_day, _target_of),
    JobKind("rehearsal", "Rehearsal", rehearse, _target_of),
)


def waiting(row: OrderTarget, kind: str) -> bool:
    """Whether such a job of this target is not at its end."""
    turn = order_key(NAME, f"{kind}:{row.pk}")
    open_states = (Job.State.WAITING, Job.State.CLAIMED)
    return Job.objects.filter(kind=f"{NAME}:{kind}", order_key=turn, state__in=open_states).exists()
