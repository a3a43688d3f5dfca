"""Orders and the documents that they are in each target: the list with its search, and one order with what a person can do."""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from sumeru_proxy.consumers.order_sync import engine
from sumeru_proxy.consumers.order_sync.admin_pages import charts, words
from sumeru_proxy.consumers.order_sync.document import changes
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.consumers.order_sync.owing import owe_write
from sumeru_proxy.models import Shop

PAGE_SIZE: Final = 50
CHART_DAYS: Final = 30
SEARCH_CHARS: Final = 190
NOTE_CHARS: Final = 300
SENDING_LIMIT: Final = 50
CHANGE_LIMIT: Final = 60
CHARTED: Final = ("sent", "due", "parked")


def may_change(request: HttpRequest) -> bool:
    """Who may change orders in targets may send and skip, and sees their content: names, addresses, lines."""
    return bool(request.user.has_perm("order_sync.change_link"))


def orders_page(request: HttpRequest, shop: Shop) -> HttpResponse:
    """The list, or the order that ``order`` names. Raises Http404 for another shop's."""
    if "order" in request.GET:
        links = Link.objects.filter(target__shop=shop, pk=words.number_of(request.GET, "order"))
        link = links.select_related("target__shop").first()
        if link is None:
            raise Http404
        return _one(request, shop, link)
    return _list(request, shop)


# -- the list


def _list(request: HttpRequest, shop: Shop) -> HttpResponse:
    rows = words.targets_of(shop)
    target = words.chosen(rows, request.GET.get("target", ""))
    state = request.GET.get("state", "")
    state = state if state in Link.State.values else ""
    search = request.GET.get("q", "").strip()[:SEARCH_CHARS]
    links = _matching_links(shop, target, state, search)
    if request.method == "POST":
        return _all_again(request, links, state)
    paginator = Paginator(links.select_related("target"), PAGE_SIZE)
    part = paginator.get_page(request.GET.get("page"))
    query = {"target": target.name if target else "", "state": state, "q": search}
    context = {
        "rows": [_row(shop, link) for link in part],
        "targets": words.choices(rows, query["target"]),
        "states": [{"value": each.value, "label": each.label, "chosen": each == state} for each in Link.State],
        "search": search,
        "filtered": any(query.values()),
        "all_url": words.address(shop, words.ORDERS),
        "targets_url": words.address(shop, words.TARGETS),
        "may_set_up": request.user.has_perm("order_sync.view_ordertarget"),
        "count": paginator.count,
        "part": part,
        "previous": words.address(shop, words.ORDERS, **query, page=part.number - 1) if part.has_previous() else "",
        "next": words.address(shop, words.ORDERS, **query, page=part.number + 1) if part.has_next() else "",
        "counts": _counts(shop, rows),
        "may_send_all": may_change(request) and state == Link.State.PARKED and paginator.count > 0,
        **_chart(shop, target),
    }
    return TemplateResponse(request, "order_sync/admin/orders.html", context)


def _matching_links(shop: Shop, target: OrderTarget | None, state: str, search: str) -> QuerySet[Link]:
    links = Link.objects.filter(target__shop=shop) if target is None else Link.objects.filter(target=target)
    if state:
        links = links.filter(state=state)
    return links.filter(pk__in=_search(shop, search)) if search else links


def _search(shop: Shop, text: str) -> QuerySet[Link, int]:
    """The orders whose number, here or there, begins with the text (with or without ``#``), or whose id it is. Reads indexes only."""
    targets = list(OrderTarget.objects.filter(shop=shop).values_list("pk", flat=True))
    number = text.removeprefix("#")
    found: QuerySet[Link, int] = Link.objects.none().values_list("pk", flat=True)
    ways = (
        *((_prefix("number", each)) for each in dict.fromkeys((number, f"#{number}")) if number),
        _prefix("remote_number", text),
        Q(order_id=text),
        Q(remote_id=text) & ~Q(remote_id=""),
    )
    return found.union(
        *(Link.objects.filter(way, target__in=targets).order_by().values_list("pk", flat=True) for way in ways)
    )


def _prefix(name: str, text: str) -> Q:
    """That a text begins so, by its index: PostgreSQL has one for patterns, SQLite sorts by bytes."""
    if connection.vendor == "postgresql":
        return Q(**{f"{name}__startswith": text})
    return Q(**{f"{name}__gte": text, f"{name}__lt": f"{text}\U0010ffff"})


def _row(shop: Shop, link: Link) -> dict[str, Any]:
    return {
        "link": link,
        "url": words.address(shop, words.ORDERS, order=link.pk),
        "badge": words.BADGES[Link.State(link.state)],
        "total": words.money(link.total, link.currency),
        "refunded": words.money(link.refunded, link.currency) if link.refunded else "",
        "there": link.remote_number or link.remote_id,
    }


def _counts(shop: Shop, rows: list[OrderTarget]) -> list[dict[str, Any]]:
    """Per target how many orders are in each state, as links."""
    figures = Link.objects.filter(target__shop=shop).order_by().values("target_id", "state").annotate(count=Count("pk"))
    counts = {(each["target_id"], each["state"]): each["count"] for each in figures}
    return [
        {
            "name": row.name,
            "cells": [
                {
                    "count": counts.get((row.pk, state.value), 0),
                    "url": words.address(shop, words.ORDERS, target=row.name, state=state.value),
                }
                for state in Link.State
            ],
        }
        for row in rows
    ]


def _chart(shop: Shop, target: OrderTarget | None) -> dict[str, Any]:
    days = charts.days_before(timezone.now().date(), CHART_DAYS)
    links = Link.objects.filter(target__shop=shop, day__gte=days[0], day__lte=days[-1], state__in=CHARTED)
    if target is not None:
        links = links.filter(target=target)
    counts: dict[Any, dict[str, int]] = {}
    for each in links.order_by().values("day", "state").annotate(count=Count("pk")):
        counts.setdefault(each["day"], {})[each["state"]] = each["count"]
    if not counts:
        return {"chart": None}
    sums = {state: sum(each.get(state, 0) for each in counts.values()) for state in CHARTED}
    sentence = f"{sums['sent']} in agreement, {sums['due']} to be sent, {sums['parked']} parked"
    chart = charts.bars(days, counts, CHARTED, f"Orders of the last {CHART_DAYS} days by day: {sentence}.")
    table = [
        {"day": day, "cells": [counts[day].get(state, 0) for state in CHARTED]} for day in days[::-1] if day in counts
    ]
    return {"chart": chart, "chart_table": table, "chart_days": (days[0], days[-1])}


def _all_again(request: HttpRequest, links: QuerySet[Link], state: str) -> HttpResponse:
    if not may_change(request):
        raise PermissionDenied
    if state == Link.State.PARKED:
        with transaction.atomic():
            rows = list(OrderTarget.objects.filter(links__in=links).distinct())
            count = engine.send_again(links.filter(state=Link.State.PARKED))
            for row in rows:
                words.log(request, row, f"Parked orders are sent again: {count}")
                owe_write(row)
        messages.success(request, f"{count} orders are sent again; the worker does it now.")
    return HttpResponseRedirect(request.get_full_path())


# -- one order


def _one(request: HttpRequest, shop: Shop, link: Link) -> HttpResponse:
    if request.method == "POST":
        return _decided(request, link)
    recent = may_change(request)
    others = Link.objects.filter(target__shop=shop, order_id=link.order_id).exclude(pk=link.pk)
    erased = link.state == Link.State.ERASED
    open_changes = changes(link.sent_data or None, link.document_data) if link.document_text else ()
    differs = link.fingerprint != link.sent_fingerprint
    context = {
        "title": f"Order {link.number or link.order_id} in {link.target.name}",
        "link": link,
        "badge": words.BADGES[Link.State(link.state)],
        "why": words.reason_words(link),
        "reason": link.reason if link.state == Link.State.PARKED else "",
        "facts": _facts(link),
        "url": link.remote_url if link.remote_url.startswith(("https://", "http://")) else "",
        "others": [_row(shop, each) for each in others.select_related("target")],
        "may_change": recent,
        "may_send": recent and not erased and bool(link.document_text),
        "may_skip": recent and link.state in (Link.State.DUE, Link.State.PARKED),
        "pending": words.changes((each.path, each.before, each.after) for each in open_changes[:CHANGE_LIMIT])
        if recent and differs and link.sent_text
        else [],
        "sendings": [
            {
                "sending": each,
                "action": words.ACTIONS.get(each.action, each.action),
                "count": len(each.changes),
                "changes": words.changes(each.changes[:CHANGE_LIMIT]) if recent else [],
                "more": max(0, len(each.changes) - CHANGE_LIMIT),
            }
            for each in link.sendings.all()[:SENDING_LIMIT]
        ],
        "document": json.dumps(link.document_data, indent=2, ensure_ascii=False)
        if recent and link.document_text
        else "",
        "back": words.address(shop, words.ORDERS),
        "day_url": words.address(shop, words.DAYS, target=link.target.name, day=link.day.isoformat()),
    }
    return TemplateResponse(request, "order_sync/admin/order.html", context)


def _facts(link: Link) -> list[tuple[str, Any]]:
    return [
        ("Order at Sumeru", f"{link.number} ({link.order_id})" if link.number else link.order_id),
        ("Of", link.day.isoformat()),
        ("State there", link.order_state or "—"),
        ("Total", words.money(link.total, link.currency)),
        ("Refunded", words.money(link.refunded, link.currency)),
        ("Last read at Sumeru", _moment(link.seen_at)),
        ("Number in the target", link.remote_number or link.remote_id or "—"),
        ("State in the target", link.remote_state or "—"),
        ("Total in the target", words.money(link.remote_total, link.currency)),
        ("Refunded in the target", words.money(link.remote_refunded, link.currency)),
        ("On its rounding line", words.money(link.rounding, link.currency)),
        ("Last sent", _moment(link.sent_at)),
    ]


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "—"


def _decided(request: HttpRequest, link: Link) -> HttpResponse:
    """Raises PermissionDenied for those who may only look."""
    if not may_change(request):
        raise PermissionDenied
    one = Link.objects.filter(pk=link.pk)
    match request.POST.get("do"):
        case "send":
            with transaction.atomic():
                count = engine.send_again(one)
                if count:
                    words.log(request, link, "Sent again")
                    owe_write(link.target)
            if count:
                messages.success(request, "It is sent again; the worker does it now.")
            else:
                messages.error(request, "Its content is no longer here. The next reading of the order brings it back.")
        case "skip":
            note = request.POST.get("note", "").strip()[:NOTE_CHARS]
            if not note:
                messages.error(request, "Nothing was changed: give a reason.")
            else:
                with transaction.atomic():
                    count = engine.skip(one, note)
                    if count:
                        words.log(
                            request, link, "Skipped"
                        )  # the note may name a person, and this history is not erased
                if count:
                    messages.success(request, "It is left out, and no longer counts in the daily proof.")
                else:
                    messages.error(request, "It was written meanwhile, so it cannot be left out.")
    return HttpResponseRedirect(request.get_full_path())
