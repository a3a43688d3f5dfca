"""How the API writes its values: amounts are decimal text in the currency's decimals, models have their stable names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rest_framework import serializers

from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.credits import Line
from sumeru_proxy.consumers.attribution.days import day_of
from sumeru_proxy.consumers.attribution.explanation import Explained
from sumeru_proxy.consumers.attribution.models import Conversion, Credit, Fit
from sumeru_proxy.consumers.attribution.proof import Proof
from sumeru_proxy.consumers.attribution.reports import Earned, Group, Report, moment_of, name_of


class MoneyShape(serializers.Serializer[Any]):
    """Credited, taken back by refunds, and what remains; decimal text."""

    credited = serializers.CharField()
    refunded = serializers.CharField()
    net = serializers.CharField()


class RowShape(serializers.Serializer[Any]):
    """A channel, or a campaign of it."""

    channel = serializers.CharField()
    campaign = serializers.CharField(allow_blank=True)
    models = serializers.DictField(child=MoneyShape(), help_text="By the model's name.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.FloatField(), help_text="Standard error of the channel's share, for models from data."
    )
    spent = serializers.CharField(allow_null=True, help_text="What it cost; decimal text.")
    return_on_spend = serializers.DictField(
        child=serializers.CharField(), help_text="Net revenue for each unit spent, by the model's name."
    )


class GroupShape(serializers.Serializer[Any]):
    """Orders that have something in common."""

    label = serializers.CharField()  # type: ignore[assignment]
    orders = serializers.IntegerField()
    revenue = MoneyShape()


class ReportAnswer(serializers.Serializer[Any]):
    """A period's report."""

    first = serializers.DateField()
    last = serializers.DateField()
    currency = serializers.CharField()
    orders = serializers.IntegerField()
    revenue = MoneyShape()
    models = serializers.ListField(child=serializers.CharField())
    not_enough_journeys = serializers.ListField(child=serializers.CharField())
    rows = RowShape(many=True)
    customers = serializers.DictField(
        child=serializers.DictField(child=serializers.DictField(child=MoneyShape())),
        help_text="new, returning, unknown → model → channel.",
    )
    lengths = GroupShape(many=True)
    days_to_convert = GroupShape(many=True)
    paths = GroupShape(many=True)


class TrendAnswer(serializers.Serializer[Any]):
    """One model's credit by channel and day."""

    model = serializers.CharField()
    currency = serializers.CharField()
    channels = serializers.DictField(child=serializers.DictField(child=MoneyShape()))


class EstimateShape(serializers.Serializer[Any]):
    """What a model from data found."""

    model = serializers.CharField()
    made_at = serializers.DateTimeField()
    parameters = serializers.DictField()
    orders = serializers.IntegerField()
    journeys_without_order = serializers.IntegerField()
    sampled_one_in = serializers.IntegerField()
    set_to_zero = serializers.ListField(child=serializers.CharField())
    channels = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()), help_text="share, error, weight_millionths"
    )


class EstimatesAnswer(serializers.Serializer[Any]):
    """The newest estimates."""

    data = EstimateShape(many=True)  # type: ignore[assignment]


class ProofAnswer(serializers.Serializer[Any]):
    """Whether everything adds up; ``differing`` only for a token that may read orders."""

    exact = serializers.BooleanField()
    orders = serializers.IntegerField()
    compared = serializers.IntegerField()
    stale = serializers.IntegerField(help_text="Orders credited under older choices.")
    waiting = serializers.IntegerField(help_text="Orders not credited yet.")
    gaps = serializers.ListField(child=serializers.DictField())
    differing = serializers.ListField(child=serializers.DictField())


class OrderShape(serializers.Serializer[Any]):
    """An order with its credits."""

    id = serializers.CharField()
    type = serializers.CharField()
    at = serializers.DateTimeField()
    currency = serializers.CharField()
    revenue = MoneyShape()
    customer = serializers.CharField(allow_blank=True)
    touches = serializers.IntegerField()
    days_to_convert = serializers.IntegerField()
    weights_version = serializers.IntegerField()
    credits = serializers.ListField(child=serializers.DictField())


class ExplainedAnswer(serializers.Serializer[Any]):
    """Every cent of an order."""

    id = serializers.CharField()
    at = serializers.DateTimeField()
    currency = serializers.CharField()
    revenue = MoneyShape()
    customer = serializers.CharField(allow_blank=True)
    weights_version = serializers.IntegerField()
    current = serializers.BooleanField(help_text="Whether its credits were made under the choices that hold now.")
    models = serializers.DictField(child=serializers.DictField())


def money(earned: Earned, currency: str) -> dict[str, str]:
    """An amount with its refund and what remains."""
    return {
        "credited": str(major(earned.amount, currency)),
        "refunded": str(major(earned.refunded, currency)),
        "net": str(major(earned.net, currency)),
    }


def _group(group: Group, currency: str) -> dict[str, Any]:
    return {"label": group.label, "orders": group.orders, "revenue": money(group.earned, currency)}


def report_of(found: Report) -> dict[str, Any]:
    """A report as JSON."""
    currency = found.currency
    return {
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "currency": currency,
        "orders": found.orders,
        "revenue": money(found.revenue, currency),
        "models": [name_of(model) for model in found.models],
        "not_enough_journeys": [name_of(model) for model in found.missing],
        "rows": [
            {
                "channel": row.channel,
                "campaign": row.campaign,
                "models": {name_of(model): money(earned, currency) for model, earned in sorted(row.by_model.items())},
                "errors": {name_of(model): error for model, error in sorted(row.errors.items())},
                "spent": str(major(row.spent, currency)) if row.spent else None,
                "return_on_spend": {name_of(model): str(row.returned(model)) for model in found.models}
                if row.spent
                else {},
            }
            for row in found.rows
        ],
        "customers": {
            customer or "unknown": {
                name_of(model): {channel: money(earned, currency) for channel, earned in sorted(channels.items())}
                for model, channels in sorted(models.items())
            }
            for customer, models in sorted(found.customers.items())
        },
        "lengths": [_group(group, currency) for group in found.lengths],
        "days_to_convert": [_group(group, currency) for group in found.days],
        "paths": [_group(group, currency) for group in found.paths],
    }


def trend_of(found: Mapping[str, Mapping[date, Earned]], model: str, currency: str) -> dict[str, Any]:
    """A trend as JSON."""
    return {
        "model": model,
        "currency": currency,
        "channels": {
            channel: {day.isoformat(): money(earned, currency) for day, earned in days.items()}
            for channel, days in sorted(found.items())
        },
    }


def estimate_of(fit: Fit) -> dict[str, Any]:
    """An estimate as JSON."""
    return {
        "model": name_of(fit.model),
        "made_at": fit.made_at,
        "parameters": fit.parameters,
        "orders": fit.conversions,
        "journeys_without_order": fit.open_journeys,
        "sampled_one_in": fit.sampled,
        "set_to_zero": fit.negative,
        "channels": {
            channel: {"share": share, "error": error, "weight_millionths": weight}
            for channel, (share, error, weight) in fit.effects.items()
        },
    }


def proof_of(found: Proof, *, with_orders: bool) -> dict[str, Any]:
    """A proof as JSON."""
    return {
        "exact": found.exact,
        "orders": found.orders,
        "compared": found.compared,
        "stale": found.stale,
        "waiting": found.waiting,
        "gaps": [
            {
                "what": gap.what,
                "day": day_of(gap.day).isoformat(),
                "model": name_of(gap.model) if gap.model else "",
                "currency": gap.currency,
                "expected": money(Earned(*gap.expected), gap.currency),
                "found": money(Earned(*gap.found), gap.currency),
            }
            for gap in found.gaps
        ],
        "differing": [
            {"id": key, "currency": currency, "moved": str(major(moved, currency))}
            for key, currency, moved in (found.differing if with_orders else ())
        ],
    }


def order_of(row: Conversion, credits: Sequence[Credit], texts: Mapping[int, str]) -> dict[str, Any]:
    """An order as JSON. A credit without a channel is what nobody could be credited with."""
    return {
        "id": row.key,
        "type": row.kind,
        "at": moment_of(row.at_ms),
        "currency": row.currency,
        "revenue": money(Earned(row.total, row.refunded), row.currency),
        "customer": row.customer,
        "touches": row.length,
        "days_to_convert": row.days,
        "weights_version": row.version,
        "credits": [
            {
                "model": name_of(credit.model),
                "channel": texts.get(credit.channel, ""),
                "campaign": texts.get(credit.campaign, ""),
                **money(Earned(credit.amount, credit.refunded), row.currency),
            }
            for credit in credits
        ],
    }


def _line(line: Line, currency: str) -> dict[str, Any]:
    touch = line.touch
    return {
        "at": moment_of(touch.at_ms),
        "channel": touch.channel,
        "campaign": touch.campaign,
        "device": touch.device,
        "landing": touch.landing,
        "left_out": line.left_out,
        "factors": [factor._asdict() for factor in line.factors],
        "weight": str(line.weight),
        **money(Earned(line.amount, line.refunded), currency),
    }


def explained_of(found: Explained) -> dict[str, Any]:
    """Every cent of an order as JSON. Weights are text: they may be larger than JSON's numbers are read exactly."""
    currency = found.currency
    return {
        "id": found.key,
        "at": moment_of(found.conversion.at_ms),
        "currency": currency,
        "revenue": money(Earned(found.conversion.total, found.conversion.refunded), currency),
        "customer": found.conversion.customer,
        "weights_version": found.version,
        "current": found.current,
        "models": {
            name_of(code): {
                "touches": [_line(line, currency) for line in explanation.lines],
                "weights_sum": str(explanation.weights_sum),
                "unattributed": money(Earned(explanation.unattributed, explanation.unattributed_refund), currency),
            }
            for code, explanation in sorted(found.by_model.items())
        },
    }
