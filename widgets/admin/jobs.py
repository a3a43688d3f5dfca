"""Jobs in the admin: what is waiting, why each waits or is parked, and an operator's decisions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from sumeru_proxy.models import Job
from sumeru_proxy.webhooks import ranges
from widgets.admin import backlog_panel, bodies, debts, job_acts, job_words, moments, range_words
from widgets.admin.inbound import may_see_events
from widgets.admin.job_filters import DoubtFilter, KindFilter, StateFilter
from widgets.admin.refusing import RefusesCredentials
from widgets.admin.rows import RowAdmin

MAX_LISTED = 20


class DiscardForm(RefusesCredentials, forms.Form):
    """The reason for discarding a job."""

    note = forms.CharField(
        label=gettext_lazy("Why?"),
        max_length=300,
        help_text=gettext_lazy(
            "Kept with the job. Name no shopper here: it can be read by everybody who may see jobs."
        ),
        widget=forms.TextInput(attrs={"class": "vTextField", "size": 60}),
    )


class JobAdmin(RowAdmin[Job]):
    """The jobs of the outbox."""

    list_display = ("what", "standing", "why", "age", "attempts", "next_try", "shop")
    list_filter = (StateFilter, "shop", KindFilter, ("reason", admin.ChoicesFieldListFilter), DoubtFilter)
    search_fields = ("key", "event__event_id")
    search_help_text = gettext_lazy("An idempotency key or an event id")
    list_select_related = ("shop", "event")
    actions = ("try_again", "discard", "pause", "resume")
    change_list_template = "admin/sumeru_proxy/job/change_list.html"
    open_lookups: ClassVar[frozenset[str]] = frozenset({"shop__id__exact", "reason__exact", "state", "kind", "doubt"})

    # -- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Also whether an earlier job must be done first, and whether the target of the kind is away."""
        earlier = Job.objects.filter(
            shop_id=OuterRef("shop_id"),
            order_key=OuterRef("order_key"),
            state__in=(Job.State.WAITING, Job.State.CLAIMED),
            pk__lt=OuterRef("pk"),
        ).exclude(order_key="")
        away = Job.objects.filter(
            shop_id=OuterRef("shop_id"),
            kind=OuterRef("kind"),
            state=Job.State.WAITING,
            reason=Job.Reason.TARGET_DOWN,
        )
        return super().get_queryset(request).annotate(behind=Exists(earlier), away=Exists(away))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's list, below the backlog's figures."""
        extra: dict[str, Any] = {}
        if request.method == "GET" and self.has_view_permission(request):
            shop = self.shop_chosen(request)
            extra = {
                "panel": backlog_panel.panel(shop, timezone.now()),
                "shop": shop,
                "tabs": self.tabs_of(request, shop, "jobs"),
            }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    @admin.display(description=gettext_lazy("job"), ordering="pk")
    def what(self, job: Job) -> str:
        """Its kind and number."""
        return f"{job_words.kind_words(job.kind)} {job.pk}"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, job: Job) -> SafeString:
        """The state as a badge."""
        return format_html(
            '<span class="sumeru-state sumeru-{}">{}</span>', job_words.badge(job), job_words.state_words(job)
        )

    @admin.display(description=gettext_lazy("why, and what to do"))
    def why(self, job: Job) -> SafeString:
        """Explanation, advice, and a warning for a job that may have been delivered."""
        explanation = self._explain(job, timezone.now())
        words = [
            explanation.why,
            f"“{explanation.target_words}”" if explanation.target_words else "",
            self._progress(job),
        ]
        return format_html(
            '<div class="sumeru-why">{} <span class="sumeru-advice">{}</span>{}</div>',
            " ".join(each for each in words if each),
            explanation.advice,
            format_html('<br><span class="sumeru-warning">{}</span>', _("Perhaps delivered already."))
            if job_words.doubtful(job)
            else "",
        )

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, job: Job) -> SafeString:
        """How long ago the job was stored."""
        return moments.tag(job.created_at, moments.ago(job.created_at, timezone.now()))

    @admin.display(description=gettext_lazy("next try"), ordering="next_at")
    def next_try(self, job: Job) -> str | SafeString:
        """When a worker will try it next; empty when none will."""
        if job.state != Job.State.WAITING:
            return "—"
        return moments.tag(job.next_at, moments.until(job.next_at, timezone.now()))

    @staticmethod
    def _explain(job: Job, now: datetime) -> job_words.JobExplanation:
        return job_words.explain(
            job,
            now,
            is_known=job.kind in job_words.known_kinds(),
            behind=bool(getattr(job, "behind", False)),
            away=bool(getattr(job, "away", False)),
            target=job_acts.target_name(job),
        )

    @staticmethod
    def _progress(job: Job) -> str:
        return range_words.one_line(job, timezone.now()) if job.kind in ranges.kinds() else ""

    # -- what a person decides

    @admin.action(description=gettext_lazy("Try again now (parked jobs)"), permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Tries the jobs again (``debts.retry``). Asks for confirmation when some may have been delivered."""
        return self._try_again(request, self._fenced_rows(request, queryset), self._selection(request, "try_again"))

    @admin.action(description=gettext_lazy("Discard, with a reason"), permissions=["change"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Discards the jobs (``debts.discard``). Asks for the reason."""
        return self._discard(request, self._fenced_rows(request, queryset), self._selection(request, "discard"))

    @admin.action(description=gettext_lazy("Pause (back-fills and other long jobs)"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Pauses long jobs (``debts.pause``)."""
        job_acts.pause(request, self._fenced_rows(request, queryset))

    @admin.action(description=gettext_lazy("Resume (paused jobs)"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Resumes long jobs (``debts.resume``)."""
        job_acts.resume(request, self._fenced_rows(request, queryset))

    @staticmethod
    def _fenced_rows(request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """The chosen rows; after a confirmation page, without jobs that were stored after it was shown."""
        rows = Job.objects.filter(pk__in=queryset.order_by().values("pk"))
        newest = request.POST.get("newest", "")
        return rows.filter(pk__lte=int(newest)) if newest.isdecimal() and len(newest) < 19 else rows

    @staticmethod
    def _selection(request: HttpRequest, action: str) -> list[tuple[str, str]]:
        """Hidden fields that select the same jobs again."""
        selected_ids = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if request.POST.get("select_across") == "1":
            return [
                ("action", action),
                ("select_across", "1"),
                *((ACTION_CHECKBOX_NAME, pk) for pk in selected_ids[:1]),
            ]
        return [("action", action), *((ACTION_CHECKBOX_NAME, pk) for pk in selected_ids)]

    def _try_again(
        self, request: HttpRequest, rows: QuerySet[Job], selection: list[tuple[str, str]]
    ) -> HttpResponse | None:
        doubtful = rows.filter(debts.RETRYABLE, debts.DOUBTFUL)
        if request.POST.get("decided") != "1" and doubtful.exists():
            return self._ask(request, rows, selection, doubtful=doubtful, title=_("Try again"))
        user_id = int(request.user.pk or 0)
        count = debts.retry(rows, user_id, doubled=request.POST.get("doubled") == "on")
        if count:
            messages.success(request, ngettext("%d job is due again.", "%d jobs are due again.", count) % count)
        if doubtful_count := doubtful.count():
            messages.warning(
                request,
                ngettext(
                    "%d job was left as it is: it was perhaps delivered, and sending it twice was not confirmed.",
                    "%d jobs were left as they are: they were perhaps delivered, and sending them twice was not confirmed.",
                    doubtful_count,
                )
                % doubtful_count,
            )
        elif not count:
            messages.info(
                request,
                _("Nothing to try again: only parked jobs are, neither discarded nor erased, with their content."),
            )
        return None

    def _discard(
        self, request: HttpRequest, rows: QuerySet[Job], selection: list[tuple[str, str]]
    ) -> HttpResponse | None:
        form = DiscardForm(request.POST) if request.POST.get("decided") == "1" else DiscardForm()
        if not form.is_valid():
            return self._ask(request, rows, selection, form=form, title=_("Discard"))
        user_id, note = int(request.user.pk or 0), form.cleaned_data["note"]
        count = debts.discard(rows, user_id, note) + debts.cancel(rows, user_id, note)
        if count:
            messages.success(request, ngettext("%d job was discarded.", "%d jobs were discarded.", count) % count)
        else:
            messages.info(
                request,
                _("Nothing to discard: jobs that are being delivered, done, discarded or erased stay as they are."),
            )
        return None

    def _ask(
        self, request: HttpRequest, rows: QuerySet[Job], selection: list[tuple[str, str]], title: str, **more: Any
    ) -> HttpResponse:
        selected_jobs = rows.filter(debts.DISCARDABLE if "form" in more else debts.RETRYABLE)
        newest = rows.order_by("-pk").values_list("pk", flat=True).first()
        context = self.page_context(
            request,
            None,
            title,
            selection=[*selection, ("newest", str(newest or 0))],
            count=selected_jobs.count(),
            others=rows.count() - selected_jobs.count(),
            listed=[
                {"job": job, "what": self.what(job), "doubtful": job_words.doubtful(job)}
                for job in selected_jobs.select_related("shop").defer("body_text").order_by("pk")[:MAX_LISTED]
            ],
            doubtful_count=more["doubtful"].count() if "doubtful" in more else 0,
            form=more.get("form"),
            back=request.get_full_path(),
        )
        return TemplateResponse(request, "admin/sumeru_proxy/job/decide.html", context)

    # -- one job

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One job, with the decisions about it. Its content is shown to those who may change jobs."""
        job = self.row_or_404(request, object_id)
        if request.method == "POST":
            rows = Job.objects.filter(pk=job.pk)
            return self.perform(
                request,
                job,
                {
                    "retry": lambda: self._try_again(request, rows, [("do", "retry")]),
                    "discard": lambda: self._discard(request, rows, [("do", "discard")]),
                    "pause": lambda: job_acts.pause(request, rows),
                    "resume": lambda: job_acts.resume(request, rows),
                },
            )
        may_change = self.has_change_permission(request, job)
        context = self.page_context(
            request,
            job,
            self.what(job),
            job=job,
            shop=job.shop,
            told=self._explain(job, timezone.now()),
            badge=job_words.badge(job),
            state_words=job_words.state_words(job),
            doubtful=job_words.doubtful(job),
            facts=self._facts(request, job),
            body=bodies.readable_body(job.body_text) if may_change and job.body_text else "",
            result=bodies.readable_body(json.dumps(job.result)) if may_change and job.result else "",
            has_body=bool(job.body_text),
            may_change=may_change,
            may_retry=may_change and job_words.retryable(job),
            may_discard=may_change and (job_words.discardable(job) or job_acts.cancellable(job)),
            may_pause=may_change and job_acts.pausable(job),
            may_resume=may_change and job_acts.resumable(job),
            progress=self._progress(job),
            parts=ranges.open_parts(job) if job.kind in ranges.kinds() else 0,
            tabs=self.tabs_of(request, job.shop, "jobs"),
        )
        return TemplateResponse(request, "admin/sumeru_proxy/job/page.html", context)

    def _facts(self, request: HttpRequest, job: Job) -> list[tuple[str, Any]]:
        def time(at: datetime | None) -> Any:
            return moments.tag(at, moments.exact(at)) if at else "—"

        event: Any = "—"
        if job.event is not None:
            event = job.event.event_id
            if may_see_events(request):
                address = reverse("admin:sumeru_proxy_inboundevent_change", args=[job.event.pk])
                event = format_html('<a href="{}">{}</a>', address, event)
        facts: list[tuple[str, Any]] = [
            (_("Shop"), job.shop.name),
            (_("Kind"), format_html("{} <code>{}</code>", job_words.kind_words(job.kind), job.kind)),
            (_("Idempotency key"), format_html("<code>{}</code>", job.key)),
            (_("Event"), event),
            (_("Owed since"), time(job.created_at)),
            (_("Attempts"), job.attempts),
            (_("First sent at"), time(job.first_attempt_at)),
            (_("Last tried at"), time(job.last_attempt_at)),
            (_("Next try"), time(job.next_at) if job.state == Job.State.WAITING else "—"),
            (_("Finished at"), time(job.finished_at)),
            (_("Last error"), job.last_error or "—"),
            *([(_("Target"), job_acts.target_name(job) or job.target)] if job.target else []),
            *([(_("The consumer’s word for it"), format_html("<code>{}</code>", job.code))] if job.code else []),
        ]
        return facts
