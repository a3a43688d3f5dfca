"""Every cent of a stored order: touch × factors = weight = cents, for each model, as it was or would be credited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sumeru_proxy.consumers.attribution import journey_rows
from sumeru_proxy.consumers.attribution.credits import Explanation, explain
from sumeru_proxy.consumers.attribution.journeys import JourneyConversion
from sumeru_proxy.consumers.attribution.models import Conversion as ConversionRow
from sumeru_proxy.consumers.attribution.models import Credit
from sumeru_proxy.consumers.attribution.plans import Plan, due, plan_of


@dataclass(frozen=True, slots=True)
class Explained:
    """An order and how each model of the plan divides it. ``stored`` are the totals by model that its credits hold now.

    ``theirs``: Sumeru's own credit by touch. ``current``: the credits were made under the choices that hold now.
    """

    key: str
    currency: str
    conversion: JourneyConversion
    by_model: Mapping[int, Explanation]
    theirs: Mapping[int, int]
    stored: Mapping[int, tuple[int, int]]
    version: int
    current: bool


def explained(shop_id: int, key: str, *, kind: str = "order", plan: Plan | None = None) -> Explained | None:
    """Every cent of this order; None when there is no such order or its person was erased."""
    row = ConversionRow.objects.filter(shop_id=shop_id, kind=kind, key=key, erased=False).first()
    if row is None:
        return None
    plan = plan or plan_of(shop_id)
    taken = journey_rows.taken_touches(row.pk, plan.options)
    # All touches, also those that an earlier order has: they are shown with that reason.
    everything = type(plan.options)(look_back_days=0)
    (journey,), _words = journey_rows.of_rows([row], everything)
    company = plan.company_at(row.at_ms)
    stored: dict[int, tuple[int, int]] = {}
    for model, amount, refunded in Credit.objects.filter(conversion=row).values_list("model", "amount", "refunded"):
        before = stored.get(model, (0, 0))
        stored[model] = (before[0] + amount, before[1] + refunded)
    return Explained(
        row.key,
        row.currency,
        journey.conversion,
        {
            code: explain(journey.conversion, journey.touches, plan.options, model, taken)
            for code, model in plan.models_at(row.at_ms)
        },
        journey.theirs,
        stored,
        company[1].version if company else 0,
        row.revision >= due(shop_id).at(row.at_ms),
    )
