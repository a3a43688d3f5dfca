"""The operators' page of weights: versions, a draft changed, published, imported; what it would shift of a sample and of all orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from sumeru_proxy.client import bounded_json
from sumeru_proxy.consumers.attribution import recomputation, reports, shift, shift_runs, weight_tables
from sumeru_proxy.consumers.attribution.arrivals import major, milliseconds
from sumeru_proxy.consumers.attribution.company import DIMENSIONS, BadRules, Problem, Rule, table
from sumeru_proxy.consumers.attribution.desk_parts import CHANGE, PeriodForm, period_of, span_of
from sumeru_proxy.consumers.attribution.models import ShiftRun, WeightVersion
from sumeru_proxy.models import Shop

BODY_BYTES_LIMIT: Final = 256 * 1024


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


def _channels(shifts: shift.Shifts, currency: str) -> list[list[str]]:
    return [
        [name, str(major(now, currency)), str(major(then, currency)), str(major(then - now, currency))]
        for name, (now, then) in shifts.items()
    ]


def _told(run: ShiftRun) -> JsonResponse:
    return JsonResponse(
        {
            "run": run.pk,
            "state": shift_runs.state_of(run),
            "orders": run.orders,
            "of": run.total,
            "currency": run.currency,
            "channels": _channels(shift_runs.shifts_of(run), run.currency),
        }
    )


def run_told(request: HttpRequest, shop: Shop) -> HttpResponse:
    """``GET ?run=``: how far the shift over all orders is, as JSON."""
    number = request.GET["run"]
    run = shift_runs.find(shop.pk, int(number)) if number.isdecimal() and len(number) < 19 else None
    return _told(run) if run is not None else JsonResponse({"problems": ["run"]}, status=404)


def preview(request: HttpRequest, shop: Shop) -> JsonResponse:
    """``POST`` of ``{rules, first, last, currency}``: what they would shift of a sample's revenue, as JSON. With ``all`` a long job
    begins that computes it over all orders; ``{cancel: run}`` ends one.
    """
    if len(request.body) > BODY_BYTES_LIMIT:
        return JsonResponse({"problems": ["too large"]}, status=400)
    try:
        body = bounded_json.loads(request.body)
        if not isinstance(body, dict):
            raise ValueError
        if isinstance(body.get("cancel"), int):
            shift_runs.cancel(shop.pk, body["cancel"])
            run = shift_runs.find(shop.pk, body["cancel"])
            return _told(run) if run is not None else JsonResponse({"problems": ["run"]}, status=404)
        form = PeriodForm(body)
        rules = table(_rules_in(body.get("rules")))
    except BadRules as error:
        return JsonResponse({"problems": [problem._asdict() for problem in error.problems]}, status=400)
    except (ValueError, RecursionError):
        return JsonResponse({"problems": ["no JSON"]}, status=400)
    if not form.is_valid():
        return JsonResponse({"problems": ["period"]}, status=400)
    currency = form.cleaned_data["currency"]
    span = span_of(form.cleaned_data["first"], form.cleaned_data["last"])
    if body.get("all") is True:
        return _told(shift_runs.start(shop.pk, rules.rules, span, currency))
    sample = shift.samples.of(shop.pk, *span, currency)
    shifts = shift.shift_of(sample, rules)
    return JsonResponse(
        {
            "orders": sample.orders,
            "of": sample.of,
            "currency": currency,
            "channels": _channels(shifts, currency),
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
            with transaction.atomic():
                weight_tables.change(version, rules)
                weight_tables.publish(version, milliseconds(datetime.combine(moment, time(), UTC)))
                due = recomputation.owe_for(version)
            if due is not None:
                messages.info(
                    request, _("A worker credits the orders from that day on anew; the report says how far it is.")
                )
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
    if "run" in request.GET:
        return run_told(request, shop)
    rules = weight_tables.rules_of(version) if version is not None else ()
    if request.GET.get("format") == "csv":
        answer = HttpResponse(weight_tables.to_csv(rules), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="weights.csv"'
        return answer
    _form, first, last, currency = period_of(request, shop)
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
