"""Filters of the lists of jobs and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.webhooks import topics
from widgets.admin import job_words


class StateFilter(SimpleListFilter):
    """By state; by default only jobs that are not finished."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """The states, and two groups."""
        return [
            ("all", _("All")),
            ("waiting", _("waiting")),
            ("claimed", _("being delivered")),
            ("parked", _("parked: a person is needed")),
            ("paused", _("paused by a person")),
            ("done", _("done")),
            ("superseded", _("superseded")),
            ("over", _("discarded or erased")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The default is the open ones."""
        choices = super().choices(changelist)
        yield {**next(choices), "display": _("Open: waiting or parked")}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """The jobs of the choice."""
        over = Q(state=Job.State.PARKED, reason__in=job_words.OVER)
        match self.value():
            case "all":
                return queryset
            case "over":
                return queryset.filter(over)
            case "parked":
                return queryset.filter(state=Job.State.PARKED).exclude(over)
            case "waiting" | "claimed" | "paused" | "done" | "superseded" as state:
                return queryset.filter(state=state)
        return queryset.exclude(state__in=(Job.State.DONE, Job.State.SUPERSEDED)).exclude(over)


class KindFilter(SimpleListFilter):
    """By kind, those of listeners included."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """The kinds of this installation."""
        kinds = {
            *job_words.known_kinds(),
            *([requested_kind] if (requested_kind := request.GET.get("kind", "")[:60]) else []),
        }
        return sorted(((kind, job_words.kind_words(kind)) for kind in kinds), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """The jobs of the choice."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DoubtFilter(SimpleListFilter):
    """Jobs that may have been delivered."""

    title = _("perhaps delivered")
    parameter_name = "doubt"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """One choice besides “all”."""
        return [("1", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """The jobs of the choice."""
        if self.value() != "1":
            return queryset
        doubt = Q(ambiguous=True) | Q(reason=Job.Reason.AMBIGUOUS_OLD)
        return queryset.filter(doubt).exclude(state=Job.State.DONE).exclude(reason__in=job_words.OVER)


class OutcomeFilter(SimpleListFilter):
    """By the outcome of an event."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """Taken, ignored, and what still waits for a worker or a person."""
        return [
            ("taken", _("taken")),
            ("ignored", _("ignored")),
            ("parked", _("a job of it is parked")),
            ("open", _("a job of it waits")),
            ("erased", _("erased")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> QuerySet[InboundEvent]:
        """The events of the choice."""
        jobs = Job.objects.filter(event=OuterRef("pk"))
        match self.value():
            case "taken" | "ignored" as state:
                return queryset.filter(state=state)
            case "erased":
                return queryset.filter(reason="erased")
            case "parked":
                return queryset.filter(Exists(jobs.filter(state=Job.State.PARKED).exclude(reason__in=job_words.OVER)))
            case "open":
                return queryset.filter(Exists(jobs.filter(state__in=(Job.State.WAITING, Job.State.CLAIMED))))
        return queryset


class TypeFilter(SimpleListFilter):
    """By the event's type."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """The documented types, and the one in the URL."""
        requested_type = request.GET.get("type", "")[:80]
        return [(each, each) for each in sorted({*topics.EVENT_TYPES, *([requested_type] if requested_type else [])})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> QuerySet[InboundEvent]:
        """The events of the choice."""
        return queryset.filter(type=self.value()) if self.value() else queryset
