"""The head of the job list: how much is waiting, how long it will take, and what needs attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.client.resource import ADMIN, PIXEL, WRITES
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import backlog, batching, writes
from widgets.admin import job_words, moments

ARRIVAL_WINDOW = timedelta(hours=1)
CLASS_WORDS = {
    WRITES: gettext_lazy("reviews, quiz results and referral codes"),
    PIXEL: gettext_lazy("visitor events"),
    ADMIN: gettext_lazy("changes of customers"),
}
_COLUMNS = (Job.State.WAITING, Job.State.CLAIMED, Job.State.PARKED, Job.State.DONE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, and the query of the list of what it counts."""

    count: int
    query: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The figures in words. ``rows``: a kind and its counts, in the order of ``columns``."""

    columns: tuple[str, ...]
    rows: list[tuple[str, list[Cell]]]
    parked: list[tuple[str, Cell]]
    waiting: int
    oldest: str
    drain: str
    warnings: list[str]


def class_of(kind: str) -> str:
    """The limit class of a kind that goes to Sumeru, else empty."""
    if kind == batching.EVENT_KIND:
        return PIXEL
    # Batches are made from events that were counted when they came.
    return writes.KINDS[kind].limit_class if kind in writes.KINDS and kind != batching.BATCH_KIND else ""


def faster_than_paid(
    arrivals: Mapping[tuple[int, str], int], limits: Mapping[int, Mapping[str, int]]
) -> list[tuple[str, int, int]]:
    """Which limit classes got more in the last hour than Sumeru's limits let out in one: class, arrived, possible. Pure.

    ``arrivals`` counts by shop and kind. All shops share one outgoing address and so its limits, of which the lowest counts (the strict
    reading: 20 writes a minute for all); the admin API's belong to each shop.
    """
    sums: dict[tuple[int | None, str], int] = {}
    for (shop_id, kind), count in arrivals.items():
        if limit_class := class_of(kind):
            whose = shop_id if limit_class == ADMIN else None
            sums[whose, limit_class] = sums.get((whose, limit_class), 0) + count
    faster = []
    for (shop, limit_class), count in sorted(sums.items(), key=str):
        rows = [limits.get(shop, {})] if shop is not None else [limits.get(each, {}) for each, _kind in arrivals]
        possible = int(min(backlog.rate_of(limit_class, row) for row in rows) * ARRIVAL_WINDOW.total_seconds())
        if count > possible:
            faster.append((limit_class, count, possible))
    return faster


def _arrivals(now: datetime) -> dict[tuple[int, str], int]:
    kinds = Job.objects.filter(created_at__gte=now - ARRIVAL_WINDOW).order_by().values_list("shop_id", "kind")
    return {(shop_id, kind): count for shop_id, kind, count in kinds.annotate(Count("pk"))}


def _idle_for_s(now: datetime) -> float:
    """How many seconds a due job has waited without any worker being active; 0 when one was."""
    overdue = Job.objects.filter(
        state=Job.State.WAITING, next_at__lte=now - job_words.OVERDUE, kind__in=job_words.known_kinds()
    ).aggregate(at=Min("next_at"))["at"]
    if overdue is None:
        return 0.0
    recent = now - job_words.OVERDUE
    if (
        Job.objects.filter(last_attempt_at__gte=recent).exists()
        or Job.objects.filter(state=Job.State.CLAIMED, lease_until__gte=now).exists()
    ):
        return 0.0
    return float((now - overdue).total_seconds())


def warnings_of(
    figures: backlog.Backlog, faster: list[tuple[str, int, int]], idle_s: float, parked_count: int
) -> list[str]:
    """What needs attention, most urgent first. Pure."""
    warnings = []
    if idle_s:
        warnings.append(
            _("Nothing has been delivered although jobs are due (the first for %s). Is a worker running? Start “work”.")
            % moments.span(idle_s)
        )
    if figures.worrying:
        warnings.append(
            _(
                "Delivering what waits takes about %(drain)s at the pace that Sumeru allows, more than %(most)s. What was sent "
                "without an answer must be settled within 24 hours of its first sending. Ask Sumeru for higher limits and enter "
                "them in the shop’s settings, or discard what nobody needs."
            )
            % {"drain": moments.span(figures.drain_s), "most": moments.span(backlog.WARN_AFTER_S)}
        )
    for limit_class, count, possible in faster:
        warnings.append(
            _(
                "In the last hour %(count)d came (%(what)s), and Sumeru takes at most %(possible)d an hour from this server, all "
                "shops together. While that lasts, the backlog grows."
            )
            % {"count": count, "what": CLASS_WORDS[limit_class], "possible": possible}
        )
    if parked_count:
        warnings.append(_("Parked, so that a person must decide: %d.") % parked_count)
    return warnings


def panel(shop: Shop | None, now: datetime) -> Panel:
    """The head of the list, of one shop or all. Reads only; about nine queries."""
    figures = backlog.figures(shop.pk if shop else None, now)
    of_shop = {"shop__id__exact": shop.pk} if shop else {}

    def cell(count: int, **query: Any) -> Cell:
        return Cell(count, urlencode({**query, **of_shop}))

    open_parked = Job.objects.filter(state=Job.State.PARKED).exclude(reason__in=job_words.OVER)
    if shop:
        open_parked = open_parked.filter(shop=shop)
    # What was discarded or erased is parked too, but nothing is left to decide about it.
    counts = {key: count for key, count in figures.counts.items() if key[1] != Job.State.PARKED}
    for kind, count in open_parked.order_by().values_list("kind").annotate(Count("pk")):
        counts[kind, Job.State.PARKED.value] = count
    rows = [
        (
            job_words.kind_words(kind),
            [cell(counts.get((kind, state.value), 0), state=state.value, kind=kind) for state in _COLUMNS],
        )
        for kind in sorted({kind for kind, _state in counts}, key=job_words.kind_words)
    ]
    decide = {reason: count for reason, count in figures.parked.items() if reason not in job_words.OVER}
    limits = dict(Shop.objects.values_list("pk", "limits"))
    faster = faster_than_paid(_arrivals(now), {pk: each or {} for pk, each in limits.items()})
    return Panel(
        columns=tuple(str(state.label) for state in _COLUMNS),
        rows=rows,
        parked=[
            (
                str(Job.Reason(reason).label) if reason in Job.Reason.values else reason,
                cell(count, state="parked", reason=reason),
            )
            for reason, count in sorted(decide.items())
        ],
        waiting=figures.waiting,
        oldest=moments.span(figures.oldest_age_s) if figures.waiting else "",
        drain=moments.span(figures.drain_s) if figures.drain_s else "",
        warnings=warnings_of(figures, faster, _idle_for_s(now), sum(decide.values())),
    )
