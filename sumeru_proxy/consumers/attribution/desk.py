"""The operators' pages: the report, the weights with what they would shift, and every cent of an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from sumeru_proxy.consumers.attribution import (
    charts,
    explanation,
    proof,
    recomputation,
    reports,
)
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.credits import Explanation
from sumeru_proxy.consumers.attribution.days import day_number
from sumeru_proxy.consumers.attribution.desk_parts import CHANGE, period_of
from sumeru_proxy.consumers.attribution.models import ModelCode
from sumeru_proxy.consumers.attribution.plans import latest_fits
from sumeru_proxy.consumers.attribution.reports import Earned, Report
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import installed, ranges

ROWS_LIMIT: Final = 60


def _cells(found: Report, by_model: Mapping[int, Earned]) -> list[str]:
    return [str(major(by_model.get(model, Earned()).net, found.currency)) for model in found.models]


def _difference(found: Report, by_model: Mapping[int, Earned]) -> str:
    mine, theirs = by_model.get(ModelCode.COMPANY, Earned()), by_model.get(ModelCode.SUMERU, Earned())
    return str(major(mine.net - theirs.net, found.currency))


def _groups(found: Report, groups: Sequence[reports.Group]) -> list[tuple[str, int, str]]:
    return [(group.label, group.orders, str(major(group.earned.net, found.currency))) for group in groups]


def _net(by_model: Mapping[int, Earned], model: int) -> int:
    return by_model.get(model, Earned()).net


def _charts(shop: Shop, found: Report) -> dict[str, Any]:
    top = [row for row in found.rows if row.channel != reports.NOBODY][:8]
    names = (str(ModelCode.COMPANY.label), str(ModelCode.SUMERU.label))
    channels = [
        (row.channel, (_net(row.by_model, ModelCode.COMPANY), _net(row.by_model, ModelCode.SUMERU))) for row in top
    ]
    days = reports.trend(shop.pk, found.first, found.last, found.currency, ModelCode.COMPANY)
    totals: dict[date, int] = {}
    for own in days.values():
        for day, earned in own.items():
            totals[day] = totals.get(day, 0) + earned.net
    count = (found.last - found.first).days + 1
    series = [totals.get(found.first + timedelta(days=place), 0) for place in range(count)]
    return {
        "channels_chart": charts.bars(_("Revenue by channel"), channels, names),
        "trend_chart": charts.line(_("Revenue by day"), series, found.first.isoformat(), found.last.isoformat()),
        "trend_rows": [(day.isoformat(), str(major(net, found.currency))) for day, net in sorted(totals.items())],
        "lengths_chart": charts.bars(
            _("Orders by touches"), [(group.label, (group.orders,)) for group in found.lengths], (_("Orders"),)
        ),
        "days_chart": charts.bars(
            _("Orders by days"), [(group.label, (group.orders,)) for group in found.days], (_("Orders"),)
        ),
    }


def _customers(found: Report) -> list[tuple[str, list[str]]]:
    words = {"new": _("new"), "returning": _("returning"), "": _("unknown")}
    rows = []
    for customer, models in sorted(found.customers.items(), reverse=True):
        sums = {
            model: Earned(
                sum(earned.amount for earned in channels.values()), sum(earned.refunded for earned in channels.values())
            )
            for model, channels in models.items()
        }
        rows.append((words.get(customer, customer), [str(major(sums[found.models[0]].net, found.currency))]))
    return rows


def _estimate(request: HttpRequest, shop: Shop) -> HttpResponse:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    # Once a minute at most: a second press finds the job of the first.
    minute = datetime.now(UTC).isoformat(timespec="minutes")
    installed.owe("attribution", "fit", shop.pk, {}, key=f"desk/{minute}")
    messages.success(request, _("The models are estimated from data by a worker, and past orders credited by them."))
    return HttpResponseRedirect(request.get_full_path())


def _again(shop: Shop) -> dict[str, Any]:
    """How far the crediting anew is that has not ended, and where it can be paused or cancelled."""
    job = recomputation.running(shop.pk)
    if job is None:
        return {}
    share = ranges.estimate(job.progress, datetime.now(UTC)).share
    far = _("it has not begun") if share is None else f"{share * 100:.0f} %"
    return {"again": far, "again_url": reverse("admin:sumeru_proxy_job_change", args=[job.pk])}


def report(request: HttpRequest, shop: Shop) -> HttpResponse:
    """``GET``: channels × models of a period with charts; ``?format=csv`` gives the table as a file. ``POST`` owes an estimate."""
    if request.method == "POST":
        return _estimate(request, shop)
    form, first, last, currency = period_of(request, shop)
    campaigns = request.GET.get("campaigns") == "1"
    found = reports.report(shop.pk, first, last, currency, campaigns=campaigns)
    if request.GET.get("format") == "csv":
        answer = HttpResponse(reports.to_csv(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="attribution-{currency}-{first}-{last}.csv"'
        return answer
    proven = proof.prove(shop.pk, day_number(first), day_number(last))
    context = {
        "form": form,
        "found": found,
        "campaigns": campaigns,
        "models": [ModelCode(model).label for model in found.models],
        "may_estimate": request.user.has_perm(CHANGE),
        "missing": [ModelCode(model).label for model in found.missing],
        "rows": [
            {
                "channel": row.channel,
                "campaign": row.campaign,
                "cells": _cells(found, row.by_model),
                "difference": _difference(found, row.by_model),
                "errors": [
                    f"{ModelCode(model).label} ± {error * 100:.1f} %" for model, error in sorted(row.errors.items())
                ],
            }
            for row in found.rows[:ROWS_LIMIT]
        ],
        "returns": [
            {
                "channel": row.channel,
                "campaign": row.campaign,
                "spent": str(major(row.spent, currency)),
                "cells": [str(row.returned(model)) for model in found.models],
            }
            for row in found.rows
            if row.spent
        ][:ROWS_LIMIT],
        **_again(shop),
        "estimates": [
            {
                "model": ModelCode(code).label,
                "orders": fit.conversions,
                "open": fit.open_journeys,
                "sampled": fit.sampled,
                "negative": ", ".join(fit.negative),
            }
            for code, fit in sorted(latest_fits(shop.pk).items())
        ],
        "more_rows": max(0, len(found.rows) - ROWS_LIMIT),
        "revenue": str(major(found.revenue.net, currency)),
        "refunded": str(major(found.revenue.refunded, currency)),
        "lengths": _groups(found, found.lengths),
        "days": _groups(found, found.days),
        "paths": _groups(found, found.paths),
        "customers": _customers(found) if found.models else [],
        "proof": proven,
        "differing": [
            (key, each, str(major(moved, each))) for key, each, moved in proven.differing if each == currency
        ],
        **_charts(shop, found),
    }
    return TemplateResponse(request, "attribution/report.html", context)


def _reasons() -> dict[str, str]:
    return {
        "after": _("after the order"),
        "look_back": _("older than the look-back window"),
        "earlier_order": _("served an earlier order"),
        "direct": _("direct visit"),
        "no_campaign": _("without a campaign"),
        "kind": _("this type is not credited"),
    }


def _lines(explanation: Explanation, currency: str) -> list[dict[str, Any]]:
    reasons = _reasons()
    return [
        {
            "at": reports.moment_of(line.touch.at_ms),
            "touch": line.touch,
            "reason": reasons.get(line.left_out, line.left_out),
            "factors": line.factors,
            "weight": line.weight,
            "amount": major(line.amount, currency),
            "refunded": major(line.refunded, currency),
        }
        for line in explanation.lines
    ]


def order(request: HttpRequest, shop: Shop) -> HttpResponse:
    """``GET ?id=``: every cent of an order under each model."""
    key = request.GET.get("id", "").strip()[:190]
    found = explanation.explained(shop.pk, key) if key else None
    context: dict[str, Any] = {"key": key, "found": found}
    if found is not None:
        currency = found.currency
        context |= {
            "at": reports.moment_of(found.conversion.at_ms),
            "total": major(found.conversion.total, currency),
            "refunded": major(found.conversion.refunded, currency),
            "models": [
                {
                    "title": ModelCode(code).label,
                    "lines": _lines(explanation, currency),
                    "nobody": major(explanation.unattributed, currency),
                    "has_nobody": bool(explanation.unattributed or explanation.unattributed_refund),
                }
                for code, explanation in sorted(found.by_model.items())
            ],
        }
    return TemplateResponse(request, "attribution/order.html", context)
