"""The documentation pages of attribution, mounted at ``/docs/recipes/``. The worked example is computed, not written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest

from sumeru_proxy.consumers.attribution import certainty, channels, company, erasure, estimation, spend
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.charts import bars
from sumeru_proxy.consumers.attribution.credits import credit
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, JourneyConversion, JourneyTouch
from sumeru_proxy.consumers.attribution.offers import OFFERS, Parameters, model_named
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import DocsPage

ORDER: Final = JourneyConversion(at_ms=21 * DAY_MS, total=10_000, customer="new")
TOUCHES: Final = (
    JourneyTouch(0, 1, "paid_social", "spring"),
    JourneyTouch(7 * DAY_MS, 2, "email"),
    JourneyTouch(14 * DAY_MS, 3, "paid_social", "spring"),
    JourneyTouch(21 * DAY_MS, 4, "direct"),
)
TABLE: Final = company.table(
    [
        company.Rule("channel", "email", 1_200),
        company.Rule("channel", "direct", 500),
        company.Rule("campaign", "spring", 800),
        company.Rule("position", "first", 1_500),
    ]
)
EFFECTS: Final = {"paid_social": 450_000, "email": 300_000, "direct": 150_000}


def worked() -> list[dict[str, Any]]:
    """One order of 100.00 over four touches under every model: weights, cents and a picture."""
    found = []
    for name, offer in OFFERS.items():
        model = model_named(name, Parameters(), TABLE, EFFECTS if offer.from_data else None)
        weights = model.weigh(ORDER, TOUCHES)
        amounts = [each.amount for each in credit(ORDER, TOUCHES, model)]
        lines = [
            {
                "place": place,
                "channel": touch.channel,
                "weight": weight,
                "factors": " × ".join(str(factor.number) for factor in factors),
                "amount": str(major(amount, "EUR")),
            }
            for place, (touch, weight, factors, amount) in enumerate(
                zip(TOUCHES, weights, model.explain(ORDER, TOUCHES), amounts, strict=True), 1
            )
        ]
        rows = [
            (f"{place}. {touch.channel}", (amount,))
            for place, (touch, amount) in enumerate(zip(TOUCHES, amounts, strict=True), 1)
        ]
        found.append({"name": name, "offer": offer, "lines": lines, "chart": bars(offer.title, rows, (offer.title,))})
    return found


def _models(_request: HttpRequest) -> Mapping[str, Any]:
    return {"models": worked(), "blocks": certainty.BLOCKS, "least": certainty.CONVERSIONS_LEAST}


def _recipe(_request: HttpRequest) -> Mapping[str, Any]:
    return {
        "dimensions": company.DIMENSIONS,
        "largest": company.LARGEST,
        "rules_limit": company.RULES_LIMIT,
        "fields": channels.FIELDS,
        "rules": channels.DEFAULT_RULES,
        "open_limit": f"{estimation.OPEN_LIMIT:,}",
        "spend_columns": spend.COLUMNS,
    }


def _privacy(_request: HttpRequest) -> Mapping[str, Any]:
    consumer = installed.consumer("attribution")
    return {"stored": consumer.stores if consumer else (), "open_days": erasure.OPEN_RETENTION.days}


PAGES: Final = (
    DocsPage(
        slug="attribution",
        title="Attribution by your own weights",
        template="attribution/docs/recipe.html",
        summary="Credit each order's revenue to its touches, to the cent, by the company's own weights.",
        context=_recipe,
    ),
    DocsPage(
        slug="attribution-privacy",
        title="Attribution and privacy",
        template="attribution/docs/privacy.html",
        summary="What is stored of visitors and customers, why, and how it ends.",
        context=_privacy,
    ),
    DocsPage(
        slug="attribution-models",
        title="Attribution models",
        template="attribution/docs/models.html",
        summary="Ten models with formula, source and a worked example.",
        context=_models,
    ),
)
