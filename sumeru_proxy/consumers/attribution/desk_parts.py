"""What the operators' pages share: permissions, and the period that is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.consumers.attribution import reports
from sumeru_proxy.consumers.attribution.arrivals import milliseconds
from sumeru_proxy.models import Shop

VIEW: Final = "attribution.view_credit"
CHANGE: Final = "attribution.change_weightversion"
CHANGE_SPEND: Final = "attribution.change_spend"
PERIOD_DAYS: Final = 90


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


def period_of(request: HttpRequest, shop: Shop) -> tuple[PeriodForm, date, date, str]:
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


def span_of(first: date, last: date) -> tuple[int, int]:
    """The days ``first`` to ``last`` (both included) as milliseconds: from, and until."""
    begin = datetime.combine(first, time(), UTC)
    return milliseconds(begin), milliseconds(datetime.combine(last + timedelta(days=1), time(), UTC))
