"""The calendar of the daily proof, and one day: both sides' counts and sums, the orders that differ, and the button that repairs."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from sumeru_proxy.consumers.order_sync import requested_jobs
from sumeru_proxy.consumers.order_sync.admin_pages import charts, words
from sumeru_proxy.consumers.order_sync.document import digits_of
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget
from sumeru_proxy.models import Shop

GREEN: Final = "green"
DIFFERS: Final = "differs"
NONE: Final = "none"
DIFFERENCE_LIMIT: Final = 100
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def may_change(request: HttpRequest) -> bool:
    """Who may change orders in targets may compare and repair."""
    return bool(request.user.has_perm("order_sync.change_link"))


def days_page(request: HttpRequest, shop: Shop) -> HttpResponse:
    """The calendar of a target, or the day that ``day`` names."""
    rows = words.targets_of(shop)
    row = words.chosen(rows, request.GET.get("target", "")) or (rows[0] if rows else None)
    if row is None:
        return TemplateResponse(request, "order_sync/admin/days.html", {"row": None, **_links(request, shop)})
    day = _day_of(request.GET.get("day", ""))
    if request.method == "POST":
        return _compare_day(request, row, _day_of(request.POST.get("day", "")))
    if day is not None:
        return _one(request, shop, row, day)
    return _calendar(request, shop, rows, row)


def _links(request: HttpRequest, shop: Shop) -> dict[str, Any]:
    return {
        "targets_url": words.address(shop, words.TARGETS),
        "may_set_up": request.user.has_perm("order_sync.view_ordertarget"),
        "may_change": may_change(request),
    }


def _day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def kinds_of(proofs: Iterable[DayProof]) -> dict[date, str]:
    """Each compared day's colour: green only when every currency is."""
    kinds: dict[date, str] = {}
    for proof in proofs:
        if not proof.green:
            kinds[proof.day] = DIFFERS
        kinds.setdefault(proof.day, GREEN)
    return kinds


# -- the calendar


def _calendar(request: HttpRequest, shop: Shop, rows: list[OrderTarget], row: OrderTarget) -> HttpResponse:
    today = timezone.now().date()
    month = _month_of(request.GET.get("month", ""), today)
    past = DayProof.objects.filter(target=row, day__gt=today - timedelta(days=372), day__lte=today)
    kinds = kinds_of(past)
    green = sum(kind == GREEN for kind in kinds.values())
    words_of_kind = f"Days that were compared in the last year: {green} green, {len(kinds) - green} with differences."
    last = calendar.monthrange(month.year, month.month)[1]
    own = list(DayProof.objects.filter(target=row, day__gte=month, day__lte=month.replace(day=last)))
    red = [day for day, kind in sorted(kinds.items(), reverse=True) if kind == DIFFERS]
    context = {
        "row": row,
        "targets": words.choices(rows, row.name),
        "several": len(rows) > 1,
        "month": f"{month:%B %Y}",
        "months": _months(shop, row, month, today),
        "weekdays": WEEKDAYS,
        "weeks": _weeks(shop, row, month, today, own),
        "year": charts.year(today, kinds, words_of_kind) if kinds else None,
        "said": words_of_kind,
        "red": [{"day": day, "url": _url(shop, row, day)} for day in red[:20]],
        "red_count": len(red),
        "today": today.isoformat(),
        "busy": requested_jobs.waiting(row, "day"),
        "started": row.enabled and row.start_at is not None,
        **_links(request, shop),
    }
    return TemplateResponse(request, "order_sync/admin/days.html", context)


def _url(shop: Shop, row: OrderTarget, day: date) -> str:
    return words.address(shop, words.DAYS, target=row.name, day=day.isoformat())


def _month_of(text: str, today: date) -> date:
    first = _day_of(f"{text[:7]}-01")
    return first if first is not None and 2000 <= first.year <= today.year + 1 else today.replace(day=1)


def _months(shop: Shop, row: OrderTarget, month: date, today: date) -> list[dict[str, str]]:
    before = (month - timedelta(days=1)).replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    months = [before] + ([after] if after <= today else [])
    return [
        {
            "label": f"{each:%B %Y}",
            "url": words.address(shop, words.DAYS, target=row.name, month=f"{each:%Y-%m}"),
        }
        for each in months
    ]


def _weeks(
    shop: Shop, row: OrderTarget, month: date, today: date, proofs: Iterable[DayProof]
) -> list[list[dict[str, Any] | None]]:
    by_day: dict[date, list[DayProof]] = {}
    for proof in proofs:
        by_day.setdefault(proof.day, []).append(proof)

    def cell(day: date) -> dict[str, Any] | None:
        if day.month != month.month:
            return None
        here = by_day.get(day, [])
        kind = kinds_of(here).get(day, NONE)
        differing = sum(len(each.differing) for each in here)
        orders = sum(each.orders for each in here)
        words_of_kind = {
            GREEN: f"{orders} orders agree",
            DIFFERS: f"{differing} of {orders} orders differ" if differing else "the sums differ",
            NONE: "not compared",
        }[kind]
        return {
            "day": day,
            "kind": kind,
            "sign": {GREEN: "✓", DIFFERS: "✗", NONE: "·"}[kind],
            "count": differing if kind == DIFFERS else orders,
            "words": words_of_kind,
            "url": _url(shop, row, day) if day <= today else "",
        }

    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return [[cell(day) for day in week] for week in weeks]


# -- one day


def _one(request: HttpRequest, shop: Shop, row: OrderTarget, day: date) -> HttpResponse:
    proofs = list(DayProof.objects.filter(target=row, day=day))
    numbers = {each[0] for proof in proofs for each in proof.differing}
    links = dict(Link.objects.filter(target=row, order_id__in=list(numbers)[:500]).values_list("order_id", "pk"))
    kind = kinds_of(proofs).get(day, NONE)
    context = {
        "title": f"Daily proof of {day.isoformat()} in {row.name}",
        "row": row,
        "day": day.isoformat(),
        "badge": {GREEN: "ok", DIFFERS: "failing", NONE: "unused"}[kind],
        "state": {GREEN: "both sides agree", DIFFERS: "orders differ", NONE: "not compared yet"}[kind],
        "sums": [_sums(proof) for proof in proofs],
        "differing": [_difference(shop, proof, each, links) for proof in proofs for each in proof.differing],
        "checked_at": max((proof.checked_at for proof in proofs), default=None),
        "busy": requested_jobs.waiting(row, "day"),
        "started": row.enabled and row.start_at is not None,
        "back": words.address(shop, words.DAYS, target=row.name, month=f"{day:%Y-%m}"),
        **_links(request, shop),
    }
    context["more"] = max(0, len(context["differing"]) - DIFFERENCE_LIMIT)
    context["differing"] = context["differing"][:DIFFERENCE_LIMIT]
    return TemplateResponse(request, "order_sync/admin/day.html", context)


def _sums(proof: DayProof) -> dict[str, Any]:
    return {
        "proof": proof,
        "total": words.money(proof.total, proof.currency),
        "target_total": words.money(proof.target_total, proof.currency),
        "difference": words.money(proof.total - proof.target_total, proof.currency),
        "badge": "ok" if proof.green else "failing",
        "state": "green" if proof.green else "differs",
    }


def _difference(shop: Shop, proof: DayProof, each: list[Any], links: Mapping[str, int]) -> dict[str, Any]:
    order_id, number, fields = each
    url = words.address(shop, words.ORDERS, order=links[order_id]) if order_id in links else ""
    return {"number": number or order_id, "url": url, "fields": [_field(proof.currency, *one) for one in fields]}


def _field(currency: str, name: str, ours: str, theirs: str) -> dict[str, str]:
    def words_for(text: str) -> str:
        digits = text.removeprefix("-").isdigit() and digits_of(currency) >= 0
        return words.money(int(text), currency) if name in words.MONEY_FIELDS and digits else text or "—"

    return {"name": words.FIELDS.get(name, name), "ours": words_for(ours), "theirs": words_for(theirs)}


def _compare_day(request: HttpRequest, row: OrderTarget, day: date | None) -> HttpResponse:
    """Raises PermissionDenied for those who may only look."""
    if not may_change(request):
        raise PermissionDenied
    if day is None or day > timezone.now().date():
        messages.error(request, "Give a day of the past, like 2026-03-01.")
    elif not row.enabled or row.start_at is None:
        messages.error(request, "This target is not started, so nothing is written and nothing can be repaired.")
    elif requested_jobs.waiting(row, "day"):
        messages.info(request, "A day of this target is being compared already.")
    else:
        with transaction.atomic():
            requested_jobs.owe_day(row, day)
            words.log(request, row, f"Compared and repaired: {day.isoformat()}")
        messages.success(request, f"{day.isoformat()} is compared and repaired; the worker does it now.")
    return HttpResponseRedirect(request.get_full_path())
