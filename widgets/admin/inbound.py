"""Events from Sumeru in the admin: what was received, what followed from it, and replaying it to the listeners."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.webhooks import intake, replaying
from widgets.admin import bodies, job_words, moments
from widgets.admin.job_filters import OutcomeFilter, TypeFilter
from widgets.admin.rows import RowAdmin

MAX_REPLAYED = 500
"""In one request; for more there is ``manage.py replay``."""
ERASED = "erased"
ERASED_WORDS = gettext_lazy("Its content was erased at the person’s request.")


def outcome(event: InboundEvent) -> str:
    """The outcome of an event, in a sentence. Pure."""
    if event.reason == ERASED:
        return str(ERASED_WORDS)
    if event.state == InboundEvent.State.TAKEN:
        return _("Taken.")
    if event.reason == "too_old":
        return _("Ignored: dated more than %d days before it came; it may be an old delivery sent again.") % (
            intake.OLDEST.days
        )
    if event.reason == "in_future":
        return _("Ignored: dated in the future. Compare this server’s clock.")
    if event.reason == "other_domain":
        return _(
            "Ignored: it names the domain %s. If that is this shop, add it to the shop’s other domains and replay the event."
        ) % bodies.readable_body(event.shop_domain)
    if event.reason.startswith(intake.UNREADABLE):
        field = event.reason.partition(":")[2]
        return _("Kept as it came: Sumeru signed it, but it is not an event that we know (%s).") % field
    return _("Ignored.")


def badge(event: InboundEvent) -> tuple[str, str]:
    """Style and text of the outcome's badge. Pure."""
    if event.reason == ERASED:
        return "unused", _("erased")
    return ("ok", _("taken")) if event.state == InboundEvent.State.TAKEN else ("unused", _("ignored"))


def may_see_jobs(request: HttpRequest) -> bool:
    """Whether this person may open jobs, so that links to them are shown."""
    return any(request.user.has_perm(f"sumeru_proxy.{act}_job") for act in ("view", "change"))


def may_see_events(request: HttpRequest) -> bool:
    """Whether this person may open events, so that links to them are shown."""
    return any(request.user.has_perm(f"sumeru_proxy.{act}_inboundevent") for act in ("view", "change"))


class InboundEventAdmin(RowAdmin[InboundEvent]):
    """The events that Sumeru signed."""

    list_display = ("event_id", "type", "standing", "consequences", "happened", "received", "shop")
    list_filter = ("shop", OutcomeFilter, TypeFilter)
    search_fields = ("event_id",)
    search_help_text = gettext_lazy("An event id, or its beginning or end")
    list_select_related = ("shop",)
    actions = ("replay",)
    change_list_template = "admin/sumeru_proxy/inboundevent/change_list.html"
    open_lookups: ClassVar[frozenset[str]] = frozenset({"shop__id__exact", "outcome", "type"})

    # -- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        """With the jobs that follow from each, without their content."""
        jobs = Job.objects.only("pk", "event_id", "kind", "state", "reason").order_by("pk")
        return super().get_queryset(request).prefetch_related(Prefetch("jobs", jobs))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """As Django's, with the shop's other pages above when it is filtered by a shop."""
        shop = self.shop_chosen(request)
        extra = {"shop": shop, "tabs": self.tabs_of(request, shop, "events")}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    @admin.display(description=gettext_lazy("outcome"), ordering="state")
    def standing(self, event: InboundEvent) -> SafeString:
        """A badge, and the reason for an event that was not taken."""
        style, word = badge(event)
        sentence = "" if style == "ok" else outcome(event)
        return format_html(
            '<div class="sumeru-why"><span class="sumeru-state sumeru-{}">{}</span> <span class="quiet">{}</span></div>',
            style,
            word,
            sentence,
        )

    @admin.display(description=gettext_lazy("what follows from it"))
    def consequences(self, event: InboundEvent) -> SafeString:
        """The job of each listener, and its state."""
        jobs = list(event.jobs.all())
        if not jobs:
            return format_html('<span class="quiet">{}</span>', _("no listener wants it"))
        return format_html_join(
            SafeString("<br>"),
            '{} <span class="sumeru-state sumeru-{}">{}</span>',
            [(job_words.kind_words(job.kind), job_words.badge(job), job_words.state_words(job)) for job in jobs],
        )

    @admin.display(description=gettext_lazy("happened"), ordering="occurred_at")
    def happened(self, event: InboundEvent) -> SafeString:
        """When it happened, by Sumeru's date."""
        return self._time(event.occurred_at)

    @admin.display(description=gettext_lazy("received"), ordering="received_at")
    def received(self, event: InboundEvent) -> SafeString:
        """When this server received it."""
        return self._time(event.received_at)

    @staticmethod
    def _time(at: datetime) -> SafeString:
        words = moments.ago(at, timezone.now()) if at <= timezone.now() else moments.until(at, timezone.now())
        return moments.tag(at, words)

    # -- hearing again

    @admin.action(description=gettext_lazy("Replay: let listeners hear them again"), permissions=["change"])
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> HttpResponse | None:
        """Replays the chosen events (``replaying.replay``). Asks for confirmation when ignored ones are among them."""
        selected_ids = request.POST.getlist(ACTION_CHECKBOX_NAME)
        across = request.POST.get("select_across") == "1"
        selection = [("action", "replay"), *([("select_across", "1")] if across else [])]
        selection += [(ACTION_CHECKBOX_NAME, pk) for pk in (selected_ids[:1] if across else selected_ids)]
        return self._replay(request, InboundEvent.objects.filter(pk__in=queryset.order_by().values("pk")), selection)

    def _replay(
        self, request: HttpRequest, events: QuerySet[InboundEvent], selection: list[tuple[str, str]]
    ) -> HttpResponse | None:
        is_ignored = Q(state=InboundEvent.State.IGNORED)
        whole = events.exclude(body_text="")
        if whole.count() > MAX_REPLAYED:
            messages.error(
                request,
                _("Nothing was replayed: at most %d events at a time here. For more: manage.py replay --since TIME.")
                % MAX_REPLAYED,
            )
            return None
        if request.POST.get("decided") != "1" and whole.filter(is_ignored).exists():
            context = self.page_context(
                request,
                None,
                _("Replay"),
                selection=selection,
                count=whole.count(),
                ignored=list(whole.filter(is_ignored).defer("body_text").order_by("pk")[:20]),
                ignored_count=whole.filter(is_ignored).count(),
                back=request.get_full_path(),
            )
            return TemplateResponse(request, "admin/sumeru_proxy/inboundevent/replay.html", context)
        selected_events = whole if request.POST.get("ignored") == "on" else whole.exclude(is_ignored)
        count = due = 0
        for event in selected_events.order_by("pk").iterator(chunk_size=100):
            with transaction.atomic():
                again = replaying.replay(event)
                if again:
                    self.log_change(request, event, _("Replayed"))
            count += 1
            due += again
        self._say(request, count, due, events.filter(body_text="").count(), whole.filter(is_ignored).count())
        return None

    @staticmethod
    def _say(request: HttpRequest, count: int, due: int, empty: int, ignored_count: int) -> None:
        if count:
            message = ngettext("%d event was replayed", "%d events were replayed", count) % count
            jobs = ngettext("%d job is due.", "%d jobs are due.", due) % due
            messages.success(request, f"{message}: {jobs}")
        if empty:
            messages.warning(
                request,
                ngettext(
                    "%d event has no content any more (erased or old) and cannot be replayed.",
                    "%d events have no content any more (erased or old) and cannot be replayed.",
                    empty,
                )
                % empty,
            )
        if ignored_count:
            messages.warning(
                request,
                ngettext(
                    "%d ignored event was left out.",
                    "%d ignored events were left out.",
                    ignored_count,
                )
                % ignored_count,
            )

    # -- one event

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One event, with its replay button. Its content is shown to those who may change events."""
        event = self.row_or_404(request, object_id)
        if request.method == "POST":
            rows = InboundEvent.objects.filter(pk=event.pk)
            return self.perform(request, event, {"replay": lambda: self._replay(request, rows, [("do", "replay")])})
        may_change = self.has_change_permission(request, event)
        style, word = badge(event)
        may_link = may_see_jobs(request)
        context = self.page_context(
            request,
            event,
            event.event_id,
            event=event,
            shop=event.shop,
            outcome=outcome(event),
            badge=style,
            word=word,
            facts=[
                (_("Shop"), event.shop.name),
                (_("Type"), format_html("<code>{}</code>", event.type)),
                (_("Happened at (as Sumeru says)"), moments.exact(event.occurred_at)),
                (_("Received at"), moments.exact(event.received_at)),
            ],
            jobs=[
                {
                    "words": job_words.kind_words(job.kind),
                    "badge": job_words.badge(job),
                    "state": job_words.state_words(job),
                    "reason": job.get_reason_display(),
                    "url": reverse("admin:sumeru_proxy_job_change", args=[job.pk]) if may_link else "",
                }
                for job in event.jobs.all()
            ],
            body=bodies.readable_body(event.body_text) if may_change and event.body_text else "",
            has_body=bool(event.body_text),
            erased=event.reason == ERASED,
            may_change=may_change,
            may_replay=may_change and bool(event.body_text),
            tabs=self.tabs_of(request, event.shop, "events"),
        )
        return TemplateResponse(request, "admin/sumeru_proxy/inboundevent/page.html", context)
