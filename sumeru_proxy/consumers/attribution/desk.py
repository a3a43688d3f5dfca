"""The operators' pages: the report, the weights with what they would shift, and every cent of an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.client import bounded_json
from sumeru_proxy.consumers.attribution import (
    charts,
    explanation,
    proof,
    reports,
    shift,
    weight_tables,
)
from sumeru_proxy.consumers.attribution.arrivals import major, milliseconds
from sumeru_proxy.consumers.attribution.company import DIMENSIONS, BadRules, Problem, Rule, table
from sumeru_proxy.consumers.attribution.credits import Explanation
from sumeru_proxy.consumers.attribution.models import ModelCode, WeightVersion
from sumeru_proxy.consumers.attribution.reports import Earned, Report, day_number
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import installed

VIEW: Final = "attribution.view_credit"
CHANGE: Final = "attribution.change_weightversion"
PERIOD_DAYS: Final = 90
ROWS_LIMIT: Final = 60
BODY_BYTES_LIMIT: Final = 256 * 1024


class PeriodForm(forms.Form):
    """Which days and which currency."""

    first = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}))
    currency = forms.RegexField(r"^[A-Z]{3}\Z", label=gettext_lazy("Currency"), max_length=3)

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for a period that cannot be."""
        found = super().clean() or {}
        if found.get("first") and found.get("last"):
            try:
                reports.check_period(found["first"], found["last"])
            except reports.BadPeriod:
                raise forms.ValidationError(_("This period cannot be.")) from None
        return found


def _period(request: HttpRequest, shop: Shop) -> tuple[PeriodForm, date, date, str]:
    """The period asked for, or the last 90 days and the currency with the most orders."""
    last = reports.today()
    first = last - timedelta(days=PERIOD_DAYS - 1)
    if "first" in request.GET:
        form = PeriodForm(request.GET)
        if form.is_valid():
            return form, form.cleaned_data["first"], form.cleaned_data["last"], form.cleaned_data["currency"]
    else:
        form = PeriodForm()
    used = reports.currencies(shop.pk, first, last)
    currency = used[0] if used else shop.currency
    form.initial = {"first": first, "last": last, "currency": currency}
    return form, first, last, currency


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


def report(request: HttpRequest, shop: Shop) -> HttpResponse:
    """``GET``: channels × models of a period with charts; ``?format=csv`` gives the table as a file. ``POST`` owes an estimate."""
    if request.method == "POST":
        return _estimate(request, shop)
    form, first, last, currency = _period(request, shop)
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


# -- weights


def _rules_in(payload: object) -> list[Rule]:
    """The rules of a JSON body ``[[dimension, value, thousandths], …]``. Raises BadRules."""
    if not isinstance(payload, list) or not all(isinstance(each, list) and len(each) == 3 for each in payload):
        raise BadRules([Problem(0, "json", "rules must be a list of [dimension, value, thousandths]")])
    rules = []
    for line, (dimension, value, thousandths) in enumerate(payload, 1):
        if not (isinstance(dimension, str) and isinstance(value, str)):
            raise BadRules([Problem(line, "json", "dimension and value must be text")])
        rules.append(Rule(dimension, value, thousandths))
    return rules


def _span(first: date, last: date) -> tuple[int, int]:
    begin = datetime.combine(first, time(), UTC)
    return milliseconds(begin), milliseconds(datetime.combine(last + timedelta(days=1), time(), UTC))


def preview(request: HttpRequest, shop: Shop) -> JsonResponse:
    """``POST`` of ``{rules, first, last, currency}``: what they would shift of a sample's revenue, as JSON."""
    if len(request.body) > BODY_BYTES_LIMIT:
        return JsonResponse({"problems": ["too large"]}, status=400)
    try:
        body = bounded_json.loads(request.body)
        if not isinstance(body, dict):
            raise ValueError
        form = PeriodForm(body)
        rules = table(_rules_in(body.get("rules")))
    except BadRules as error:
        return JsonResponse({"problems": [problem._asdict() for problem in error.problems]}, status=400)
    except (ValueError, RecursionError):
        return JsonResponse({"problems": ["no JSON"]}, status=400)
    if not form.is_valid():
        return JsonResponse({"problems": ["period"]}, status=400)
    currency = form.cleaned_data["currency"]
    sample = shift.samples.of(shop.pk, *_span(form.cleaned_data["first"], form.cleaned_data["last"]), currency)
    shifts = shift.shift_of(sample, rules)
    return JsonResponse(
        {
            "orders": sample.orders,
            "of": sample.of,
            "currency": currency,
            "channels": [
                [name, str(major(now, currency)), str(major(then, currency)), str(major(then - now, currency))]
                for name, (now, then) in shifts.items()
            ],
        }
    )


def _draft_of(request: HttpRequest, shop: Shop) -> WeightVersion | None:
    number = request.GET.get("version", "")
    rows = WeightVersion.objects.filter(shop=shop)
    if number.isdecimal() and len(number) < 10:
        return rows.filter(number=int(number)).first()
    return rows.order_by("-number").first()


def _posted_rules(request: HttpRequest) -> list[Rule]:
    """The rules of the table's form: one line for each ``value-N``; lines without a value are left out. Raises BadRules."""
    rules, problems = [], []
    numbers = sorted(
        int(name.removeprefix("value-"))
        for name in request.POST
        if name.startswith("value-") and name.removeprefix("value-").isdecimal()
    )
    for line, number in enumerate((each for each in numbers if request.POST[f"value-{each}"].strip()), 1):
        factor = request.POST.get(f"factor-{number}", "").strip()
        good = factor.isascii() and factor.isdecimal() and len(factor) < 10
        if not good:
            problems.append(Problem(line, "factor", "the factor must be a whole number of thousandths"))
        value = request.POST[f"value-{number}"].strip()
        rules.append(Rule(request.POST.get(f"dimension-{number}", ""), value, int(factor) if good else 0))
    if problems:
        raise BadRules(problems)
    return rules


def _changed(request: HttpRequest, shop: Shop, version: WeightVersion | None) -> HttpResponse:
    action = request.POST.get("action", "")
    here = request.path
    if action not in ("save", "publish", "import"):
        return HttpResponse(status=400)
    try:
        if action == "import":
            upload = request.FILES.get("file")
            data = upload.read(weight_tables.CSV_BYTES_LIMIT + 1) if upload else b""
            rules: Sequence[Rule] = weight_tables.from_csv(data)
        else:
            rules = _posted_rules(request)
        if action == "publish" and version is not None and version.effective_ms is None:
            moment = forms.DateField().clean(request.POST.get("effective", ""))
            weight_tables.change(version, rules)
            weight_tables.publish(version, milliseconds(datetime.combine(moment, time(), UTC)))
            messages.success(
                request, _("Version %(number)d is in force from %(day)s.") % {"number": version.number, "day": moment}
            )
        elif action == "save" and version is not None and version.effective_ms is None:
            weight_tables.change(version, rules)
            messages.success(request, _("Draft %(number)d is saved.") % {"number": version.number})
        else:
            version = weight_tables.draft(shop.pk, rules)
            messages.success(request, _("Draft %(number)d is made.") % {"number": version.number})
    except BadRules as error:
        for problem in error.problems[:10]:
            messages.error(request, _("Line %(line)d: %(text)s") % {"line": problem.line, "text": problem.text})
    except weight_tables.Published:
        messages.error(request, _("This version is in force already and never changes."))
    except forms.ValidationError:
        messages.error(request, _("Give the day from which the weights are in force."))
    return HttpResponseRedirect(f"{here}?version={version.number}" if version is not None else here)


def weights(request: HttpRequest, shop: Shop) -> HttpResponse:
    """The versions of the company's weights: read, change a draft, import, export, publish; ``POST`` of JSON is a preview."""
    may_change = request.user.has_perm(CHANGE)
    version = _draft_of(request, shop)
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if request.content_type == "application/json":
            return preview(request, shop)
        return _changed(request, shop, version)
    rules = weight_tables.rules_of(version) if version is not None else ()
    if request.GET.get("format") == "csv":
        answer = HttpResponse(weight_tables.to_csv(rules), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="weights.csv"'
        return answer
    _form, first, last, currency = _period(request, shop)
    draft = version is None or version.effective_ms is None
    blank = [Rule("channel", "", 1_000)] * 3 if may_change and draft else []
    context = {
        "versions": WeightVersion.objects.filter(shop=shop).order_by("-number")[:50],
        "version": version,
        "effective": reports.moment_of(version.effective_ms) if version and version.effective_ms is not None else None,
        "draft": draft,
        "rules": list(enumerate([*rules, *blank])),
        "dimensions": DIMENSIONS,
        "may_change": may_change,
        "today": reports.today().isoformat(),
        "first": first.isoformat(),
        "last": last.isoformat(),
        "currency": currency,
    }
    return TemplateResponse(request, "attribution/weights.html", context)
