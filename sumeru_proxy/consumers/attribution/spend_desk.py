"""The operators' page of spend: what channels cost in a period, one entry at a time or as a file."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from sumeru_proxy.consumers.attribution import spend, words
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.days import day_number
from sumeru_proxy.consumers.attribution.desk_parts import CHANGE_SPEND, period_of
from sumeru_proxy.models import Shop


def _taken(request: HttpRequest, shop: Shop) -> HttpResponse:
    if not request.user.has_perm(CHANGE_SPEND):
        raise PermissionDenied
    try:
        if request.POST.get("action") == "import":
            upload = request.FILES.get("file")
            lines = spend.from_csv(upload.read(spend.CSV_BYTES_LIMIT + 1) if upload else b"")
        else:
            line = spend.line_of([request.POST.get(name, "") for name in spend.COLUMNS])
            if isinstance(line, spend.SpendProblem):
                raise spend.BadSpend([line])
            lines = (line,)
        count = spend.store(shop.pk, lines)
    except spend.BadSpend as error:
        for problem in error.problems[:10]:
            messages.error(request, _("Line %(line)d: %(text)s") % {"line": problem.line, "text": problem.text})
    else:
        messages.success(request, _("%(count)d entries are stored.") % {"count": count})
    return HttpResponseRedirect(request.get_full_path())


def page(request: HttpRequest, shop: Shop) -> HttpResponse:
    """``GET``: the period's spend by channel and campaign; ``?format=csv`` gives it by day as a file. ``POST``: an entry, or a file."""
    if request.method == "POST":
        return _taken(request, shop)
    form, first, last, currency = period_of(request, shop)
    days = (day_number(first), day_number(last))
    if request.GET.get("format") == "csv":
        answer = HttpResponse(spend.to_csv(shop.pk, days, currency), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="spend-{currency}-{first}-{last}.csv"'
        return answer
    texts = words.texts_of(shop.pk)
    sums = spend.sums(shop.pk, days, currency)
    rows = sorted(
        (texts.get(channel, ""), texts.get(campaign, ""), amount) for (channel, campaign), amount in sums.items()
    )
    context = {
        "form": form,
        "rows": [(channel, campaign, str(major(amount, currency))) for channel, campaign, amount in rows],
        "total": str(major(sum(sums.values()), currency)),
        "currency": currency,
        "first": first,
        "last": last,
        "may_change": request.user.has_perm(CHANGE_SPEND),
    }
    return TemplateResponse(request, "attribution/spend.html", context)
