"""A shop's long jobs of consumers, such as back-fills: which run, and a form to start one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import ranges
from widgets.admin import job_words, moments, range_words

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

MAX_RANGES = 30


class StartForm(forms.Form):
    """The kind, and the period."""

    kind = forms.ChoiceField(label=gettext_lazy("What"))
    since = forms.DateTimeField(
        label=gettext_lazy("Created since"),
        required=False,
        help_text=gettext_lazy("UTC; empty: from the first."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Created before"),
        required=False,
        help_text=gettext_lazy("UTC; empty: to the last."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        if isinstance(field, forms.ChoiceField):
            field.choices = sorted((name, str(kind.title)) for name, kind in ranges.kinds().items())

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError when the period ends before it begins."""
        cleaned_data = super().clean() or {}
        since, until = cleaned_data.get("since"), cleaned_data.get("until")
        if since and until and since >= until:
            raise forms.ValidationError(_("The beginning must be before the end."))
        return cleaned_data


def may_see(request: HttpRequest) -> bool:
    """Whether this person may open the page, and it has something to show."""
    may_see_jobs = any(request.user.has_perm(f"sumeru_proxy.{act}_job") for act in ("view", "change"))
    return may_see_jobs and bool(ranges.kinds())


def ranges_page(admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    """The list, and the form for those who may change jobs. Raises PermissionDenied for those who may not see them."""
    if not may_see(request):
        raise PermissionDenied
    may_start = request.user.has_perm("sumeru_proxy.change_job")
    form = StartForm(request.POST or None) if may_start else None
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid() and _start(request, shop, form.cleaned_data):
            return HttpResponseRedirect(request.path)
    now = timezone.now()
    rows = [_row(job, now) for job in ranges.of_shop(shop.pk)[:MAX_RANGES]]
    return TemplateResponse(
        request, "admin/sumeru_proxy/shop/ranges.html", {**context, "rows": rows, "form": form, "may_start": may_start}
    )


def _start(request: HttpRequest, shop: Shop, values: dict[str, Any]) -> bool:
    try:
        with transaction.atomic():
            job = ranges.start(shop.pk, values["kind"], since=values["since"], until=values["until"])
            LogEntry.objects.log_actions(int(request.user.pk or 0), [job], ADDITION, change_message=_("Started"))
    except ranges.Running:
        messages.error(request, _("One of this kind is not at its end yet: open it to resume or cancel it."))
        return False
    messages.success(request, _("It is started; the worker does it, page by page."))
    return True


def _row(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "what": job_words.kind_words(job.kind),
        "url": reverse("admin:sumeru_proxy_job_change", args=[job.pk]),
        "badge": job_words.badge(job),
        "state": job_words.state_words(job),
        "told": range_words.one_line(job, now),
        "owed": moments.tag(job.created_at, moments.ago(job.created_at, now)),
        "parts": ranges.open_parts(job),
    }
