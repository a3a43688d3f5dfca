"""A shop's targets: set up, checked in plain words, rehearsed, started from a date and stopped; and a rehearsal's report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from sumeru_proxy.consumers.order_sync import engine, requested_jobs
from sumeru_proxy.consumers.order_sync.admin_pages import words
from sumeru_proxy.consumers.order_sync.admin_pages.target_form import TargetForm
from sumeru_proxy.consumers.order_sync.kinds import keep_secret, kinds, open_target
from sumeru_proxy.consumers.order_sync.models import OrderTarget, Rehearsal
from sumeru_proxy.consumers.order_sync.owing import owe_write
from sumeru_proxy.consumers.order_sync.targets.interface import ERROR, Finding, TargetDown
from sumeru_proxy.models import Shop

REHEARSED: Final = (100, 500)
LEVELS: Final = {"ok": ("ok", "fine"), "warning": ("waiting", "look at it"), "error": ("failing", "to be mended")}


class StartForm(forms.Form):
    """From when on orders are written."""

    start_at = forms.DateTimeField(
        label="Orders created since",
        help_text="UTC. Orders from before are left alone: they are in the books already.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
    )

    def clean_start_at(self) -> datetime:
        """The moment in UTC. Raises ValidationError for one before the year 2000."""
        at: datetime = self.cleaned_data["start_at"]
        at = at if timezone.is_aware(at) else at.replace(tzinfo=UTC)
        if at.year < 2000:
            raise forms.ValidationError("Give a date since the year 2000.")
        return at


def may_change(request: HttpRequest) -> bool:
    """Who may change targets may check, rehearse, start and stop them."""
    return bool(request.user.has_perm("order_sync.change_ordertarget"))


def may_add(request: HttpRequest) -> bool:
    """Adding has its own permission."""
    return bool(request.user.has_perm("order_sync.add_ordertarget"))


def may_enter(request: HttpRequest) -> bool:
    """Entering a secret takes what entering any credential of the shop takes."""
    return request.user.has_perms(["sumeru_proxy.add_credential", "sumeru_proxy.change_credential"])


def targets_page(request: HttpRequest, shop: Shop) -> HttpResponse:
    """The list; ``add`` names a kind for a new one, ``change`` a target, ``rehearsal`` a report."""
    if "rehearsal" in request.GET:
        return _report(request, shop)
    if "add" in request.GET:
        return _form(request, shop, request.GET["add"], None)
    row = words.chosen(words.targets_of(shop), request.GET.get("change", ""))
    if row is not None:
        return _form(request, shop, row.kind, row)
    if request.method == "POST":
        return _act(request, shop)
    return _list(request, shop)


# -- the list


def _list(
    request: HttpRequest,
    shop: Shop,
    findings: Mapping[int, list[Finding]] | None = None,
    starts: Mapping[int, StartForm] | None = None,
) -> HttpResponse:
    rows = words.targets_of(shop)
    context = {
        "cards": [_card(request, shop, row, (findings or {}).get(row.pk), (starts or {}).get(row.pk)) for row in rows],
        "may_change": may_change(request),
        "kinds": [
            {"title": kind.title, "url": words.address(shop, words.TARGETS, add=name)} for name, kind in kinds().items()
        ]
        if may_add(request)
        else [],
        "rehearsed": REHEARSED,
        "ranges_url": reverse("admin:sumeru_proxy_shop_ranges", args=[shop.pk]),
    }
    return TemplateResponse(request, "order_sync/admin/targets.html", context)


def _card(
    request: HttpRequest, shop: Shop, row: OrderTarget, findings: list[Finding] | None, start: StartForm | None
) -> dict[str, Any]:
    kind = kinds().get(row.kind)
    badge, state = _state(row)
    rehearsals = Rehearsal.objects.filter(target=row).only("pk", "at", "target")[:3]
    first = timezone.now().replace(second=0, microsecond=0, tzinfo=UTC)
    return {
        "row": row,
        "kind": kind.title if kind is not None else row.kind,
        "place": row.options.get("url") or row.options.get("folder") or "",
        "secret": row.credential.hint if row.credential is not None else "",
        "needs_secret": kind is not None and bool(kind.secret_label) and row.credential is None,
        "badge": badge,
        "state": state,
        "running": row.enabled and row.start_at is not None,
        "start_form": start
        or StartForm(initial={"start_at": row.start_at or first}, prefix=row.name, auto_id=f"id_%s_{row.pk}"),
        "findings": None
        if findings is None
        else [{"finding": each, "badge": LEVELS[each.level][0], "level": LEVELS[each.level][1]} for each in findings],
        "rehearsals": [
            {"at": each.at, "url": words.address(shop, words.TARGETS, rehearsal=each.pk)} for each in rehearsals
        ],
        "rehearsing": requested_jobs.waiting(row, "rehearsal"),
        "change_url": words.address(shop, words.TARGETS, change=row.name) if may_change(request) else "",
        "orders_url": words.address(shop, words.ORDERS, target=row.name),
        "days_url": words.address(shop, words.DAYS, target=row.name),
    }


def _state(row: OrderTarget) -> tuple[str, str]:
    if row.start_at is None:
        return "unused", "not started: nothing is written"
    since = f"{row.start_at:%Y-%m-%d %H:%M} UTC"
    if not row.enabled:
        return "waiting", f"stopped; orders since {since} wait"
    return "ok", f"orders since {since} are written"


# -- what a person does


def _act(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Raises PermissionDenied for those who may only look, Http404 for a target that there is not."""
    if not may_change(request):
        raise PermissionDenied
    row = words.chosen(words.targets_of(shop), request.POST.get("target", ""))
    if row is None:
        raise Http404
    match request.POST.get("do"):
        case "check":
            return _list(request, shop, {row.pk: _checked(row)})
        case "rehearse":
            _rehearse(request, row)
        case "start":
            form = StartForm(request.POST, prefix=row.name, auto_id=f"id_%s_{row.pk}")
            if not form.is_valid():
                return _list(request, shop, starts={row.pk: form})
            _start(request, row, form.cleaned_data["start_at"])
        case "stop":
            OrderTarget.objects.filter(pk=row.pk).update(enabled=False)
            words.log(request, row, "Stopped")
            messages.success(request, f"{row.name}: nothing is written any more. Start it with the same date later.")
    return HttpResponseRedirect(words.address(shop, words.TARGETS))


def _checked(row: OrderTarget) -> list[Finding]:
    """The target's own check; reads only. What keeps it from being asked is a finding, too."""
    try:
        with open_target(row) as target:
            return list(target.check())
    except TargetDown as error:
        return [Finding(ERROR, error.reason, error.text or "it cannot be reached", "mend it and check again")]


def _rehearse(request: HttpRequest, row: OrderTarget) -> None:
    last = words.number_of(request.POST, "last")
    if requested_jobs.waiting(row, "rehearsal"):
        messages.info(request, f"{row.name}: a rehearsal is under way.")
        return
    with transaction.atomic():
        requested_jobs.owe_rehearsal(row, last if last in REHEARSED else REHEARSED[0])
        words.log(request, row, "Rehearsed")
    messages.success(
        request, f"{row.name}: the rehearsal is under way. Its report appears here when the worker is done."
    )


def _start(request: HttpRequest, row: OrderTarget, at: datetime) -> None:
    with transaction.atomic():
        row.start_at, row.enabled = at, True
        row.save(update_fields=["start_at", "enabled"])
        due = engine.reopen(row)
        words.log(request, row, f"Started with orders since {at:%Y-%m-%d %H:%M} UTC")
        owe_write(row)
    more = f" {due} are due now." if due else ""
    messages.success(request, f"{row.name}: orders created since {at:%Y-%m-%d %H:%M} UTC are written.{more}")


# -- setting up


@sensitive_variables()
def _form(request: HttpRequest, shop: Shop, kind: str, row: OrderTarget | None) -> HttpResponse:
    if not (may_change(request) if row is not None else may_add(request)):
        raise PermissionDenied
    if kind not in kinds():
        raise Http404
    posted = request.POST if request.method == "POST" else None
    form = TargetForm(posted, shop=shop, kind=kind, row=row, may_enter=may_enter(request))
    if posted is not None and form.is_valid():
        form_data = form.values()
        with transaction.atomic():
            stored = row or OrderTarget(shop=shop, kind=kind, name=form_data.name)
            stored.options, stored.test_orders = form_data.options, form_data.test_orders
            stored.save()
            if form_data.secret:
                keep_secret(stored, form_data.secret)
            act, text = (CHANGE, "Changed") if row is not None else (ADDITION, "Added")
            message = f"{text}; secret replaced" if form_data.secret else text
            LogEntry.objects.log_actions(int(request.user.pk or 0), [stored], act, change_message=message)
        messages.success(request, f"{stored.name} is stored. Check it next.")
        return HttpResponseRedirect(words.address(shop, words.TARGETS))
    target_kind = kinds()[kind]
    context = {
        "title": f"{row.name}: {target_kind.title}" if row is not None else f"New target: {target_kind.title}",
        "form": form,
        "row": row,
        "kind": target_kind,
        "may_enter": may_enter(request),
        "needs_secret": bool(target_kind.secret_label) and not may_enter(request),
        "back": words.address(shop, words.TARGETS),
    }
    return TemplateResponse(request, "order_sync/admin/target.html", context)


# -- a rehearsal


def _report(request: HttpRequest, shop: Shop) -> HttpResponse:
    rehearsals = Rehearsal.objects.filter(target__shop=shop, pk=words.number_of(request.GET, "rehearsal"))
    rehearsal = rehearsals.select_related("target").first()
    if rehearsal is None:
        raise Http404
    report = rehearsal.report
    problems = report.get("problems", {})
    context = {
        "title": f"Rehearsal of {rehearsal.target.name}",
        "rehearsal": rehearsal,
        "orders": report.get("orders", 0),
        "parked": sum(each["count"] for each in problems.values()),
        "actions": [(words.ACTIONS.get(name, name), count) for name, count in report.get("actions", {}).items()],
        "problems": [{"reason": name, **each} for name, each in problems.items()],
        "sums": [(code, words.money(amount, code)) for code, amount in report.get("sums", {}).items()],
        "rounding": [
            (code, each["lines"], words.money(each["sum"], code)) for code, each in report.get("rounding", {}).items()
        ],
        "parties": [(name, count) for name, count in report.get("parties", {}).items() if name],
        "missing": list(report.get("missing_skus", {}).items())[:100],
        "missing_count": len(report.get("missing_skus", {})),
        "notes": [(name.replace("_", " "), count) for name, count in report.get("notes", {}).items()],
        "skipped": [(name.replace("_", " "), count) for name, count in report.get("skipped", {}).items()],
        "back": words.address(shop, words.TARGETS),
    }
    return TemplateResponse(request, "order_sync/admin/rehearsal.html", context)
