"""How much is owed, and how long it takes to pay at the pace that Sumeru's limits allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils import timezone

from sumeru_proxy.client.limiter import DEFAULT_LIMITS, pace_of
from sumeru_proxy.client.resource import ADMIN, PIXEL
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import batching, writes

WARN_AFTER_S = 12 * 3600.0
"""A backlog that takes longer than this is a matter for a person: half of the time for which keys are remembered."""
_OPEN = (Job.State.WAITING, Job.State.CLAIMED)


@dataclass(frozen=True, slots=True)
class Backlog:
    """``counts`` by kind and state; ``parked`` by reason. Seconds: age of the oldest unpaid debt (0: none), and the time to pay
    all of them when nothing new comes and nothing else uses the limits (per limit class in ``drain_s_by_class``).
    """

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    parked: Mapping[str, int] = field(default_factory=dict)
    oldest_age_s: float = 0.0
    drain_s: float = 0.0
    drain_s_by_class: Mapping[str, float] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Debts that are not paid yet, those being delivered included."""
        return sum(count for (_kind, state), count in self.counts.items() if state in _OPEN)

    @property
    def worrying(self) -> bool:
        """Whether a person should be told."""
        return self.drain_s > WARN_AFTER_S


def rate_of(limit_class: str, limits: Mapping[str, int]) -> float:
    """Calls per second that a shop with these limits may make in a class: the narrowest of its scopes. Pure."""
    names = [name for name in DEFAULT_LIMITS if name == limit_class or name.startswith(f"{limit_class}_per_")]
    return min(pace_of(limits.get(name, DEFAULT_LIMITS[name])).rate for name in names)


def _class_of(kind: str) -> str | None:
    if kind == batching.EVENT_KIND:
        return PIXEL
    return writes.KINDS[kind].limit_class if kind in writes.KINDS else None


def waiting_of(shop_id: int, kind: str, most: int) -> int:
    """How many debts of this kind wait, counted up to ``most``. One query."""
    return Job.objects.filter(shop_id=shop_id, kind=kind, state__in=_OPEN)[:most].count()


def figures(shop_id: int | None = None, now: datetime | None = None) -> Backlog:
    """The backlog of a shop, or of all shops together. Three queries; nothing is locked.

    All shops share one outgoing address, so their times add up, except for the admin API, whose limits belong to each token.
    """
    now = now or timezone.now()
    rows = Job.objects.all() if shop_id is None else Job.objects.filter(shop_id=shop_id)
    # Finished rows are counted too, so that an operator sees work being done; pruning keeps their number small.
    by_shop = list(rows.order_by().values_list("shop_id", "kind", "state").annotate(Count("pk")))
    limits = dict(Shop.objects.filter(pk__in={row[0] for row in by_shop}).values_list("pk", "limits"))
    counts: Counter[tuple[str, str]] = Counter()
    by_class: dict[str, float] = {}
    admin_s: dict[int, float] = {}
    for shop, kind, state, count in by_shop:
        counts[kind, state] += count
        limit_class = _class_of(kind)
        if state not in _OPEN or limit_class is None:
            continue
        # An event job holds at least one event, a batch up to a hundred; each event counts against the limit.
        calls = count * (batching.EVENTS_MOST if kind == batching.BATCH_KIND else 1)
        needed_s = calls / rate_of(limit_class, limits.get(shop) or {})
        if limit_class == ADMIN:
            admin_s[shop] = admin_s.get(shop, 0.0) + needed_s
        else:
            by_class[limit_class] = by_class.get(limit_class, 0.0) + needed_s
    if admin_s:
        by_class[ADMIN] = max(admin_s.values())
    oldest = rows.filter(Q(state__in=_OPEN)).aggregate(at=Min("created_at"))["at"]
    parked = rows.filter(state=Job.State.PARKED).order_by().values_list("reason").annotate(Count("pk"))
    return Backlog(
        counts=dict(counts),
        parked=dict(parked),
        oldest_age_s=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        drain_s=max(by_class.values(), default=0.0),
        drain_s_by_class=by_class,
    )
