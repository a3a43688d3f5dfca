"""The description of our own API (OpenAPI 3), made by drf-spectacular from the widgets' parameter serializers."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.views import APIView

from widgets import registry
from widgets.base import Widget
from widgets.http import responses
from widgets.http.events import EventFields
from widgets.http.requests import reading


class IdentifierLists(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Ids separated by commas are one text. Being defined registers it."""

    target_class = "widgets.base.IdentifierListField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The field's schema."""
        return {"type": "string"}


class ErrorBody(serializers.Serializer[Any]):
    """What every error holds."""

    code = serializers.CharField(help_text="Stable; one of the documented codes.")
    message = serializers.CharField(help_text="For developers, in English.")
    details = serializers.DictField(help_text="What to change, by parameter.")
    request_id = serializers.CharField(help_text="Stands in the server's log, too.")


class ErrorAnswer(serializers.Serializer[Any]):
    """An error as data."""

    error = ErrorBody()


class WidgetAnswer(serializers.Serializer[Any]):
    """A widget in its JSON form."""

    widget = serializers.CharField()
    state = serializers.ChoiceField(["ready", "empty", "pending"])
    html = serializers.CharField(help_text="The same bytes as the .html form.")
    inner_html = serializers.CharField(help_text="What stands inside the shadow root.")
    data = serializers.DictField(  # type: ignore[assignment]
        allow_null=True, help_text="What the HTML was made of."
    )
    json_ld = serializers.DictField(allow_null=True, help_text="schema.org data for the page's head.")
    css = serializers.CharField()
    lang = serializers.CharField()
    fresh = serializers.BooleanField()
    age_s = serializers.IntegerField(help_text="0 while fresh, else the data's age in steps of 60 seconds.")
    retry_after_s = serializers.FloatField(required=False, help_text="Only when pending.")


class BatchError(serializers.Serializer[Any]):
    """Why one widget of a batch is not there. Without a request's id: equal batches have equal bytes."""

    code = serializers.CharField(help_text="Stable; one of the documented codes.")
    message = serializers.CharField(help_text="For developers, in English.")
    details = serializers.DictField(required=False, help_text="What to change, by parameter.")


class BatchItem(serializers.Serializer[Any]):
    """One widget of a batch."""

    state = serializers.ChoiceField(
        ["ready", "empty", "pending", "live", "alone", "error"],
        help_text="live: ask the other address. alone: this answer was full, ask for it without the others.",
    )
    status = serializers.IntegerField()
    html = serializers.CharField(allow_blank=True)
    retry_after_s = serializers.FloatField(required=False)
    error = BatchError(required=False)


class BatchAnswer(serializers.Serializer[Any]):
    """Many widgets in one answer, in request order."""

    v = serializers.IntegerField()
    css = serializers.CharField(allow_blank=True)
    items = BatchItem(many=True)


def only_public(endpoints: list[Any], **_kwargs: Any) -> list[Any]:
    """Hook of drf-spectacular: this document describes the storefront API alone."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/w/v1/")]


_SHOP = OpenApiParameter("shop", OpenApiTypes.STR, OpenApiParameter.PATH, description="The shop's public key.")
_LIGHT = OpenApiParameter(
    "light",
    OpenApiTypes.BOOL,
    description="1: the HTML stands among the page's own elements, its styles in the cascade layer sumeru.",
)
_ERRORS = {
    400: OpenApiResponse(ErrorAnswer, description="validation_failed"),
    401: OpenApiResponse(ErrorAnswer, description="unauthenticated: a customer token is needed"),
    404: OpenApiResponse(ErrorAnswer, description="not_found"),
    405: OpenApiResponse(ErrorAnswer, description="method_not_allowed"),
    414: OpenApiResponse(ErrorAnswer, description="uri_too_long"),
    429: OpenApiResponse(ErrorAnswer, description="rate_limited, with Retry-After in seconds"),
    503: OpenApiResponse(
        ErrorAnswer, description="unavailable: busy, or the database does not answer; with Retry-After"
    ),
}


_SENDING_ERRORS = {
    401: OpenApiResponse(ErrorAnswer, description="unauthenticated"),
    403: OpenApiResponse(ErrorAnswer, description="forbidden: the Origin is not the shop's"),
    409: OpenApiResponse(ErrorAnswer, description="idempotency_conflict: the key was used for something else"),
    413: OpenApiResponse(ErrorAnswer, description="payload_too_large"),
    415: OpenApiResponse(ErrorAnswer, description="unsupported_media_type"),
    422: OpenApiResponse(ErrorAnswer, description="validation_failed: details by field"),
}


def _html(errors: dict[int, Any]) -> dict[Any, Any]:
    """The same errors as pages for people; those that are told before there is a page stay data."""
    return {
        key: value
        for status, error in errors.items()
        for key, value in ([((status, "text/html"), OpenApiTypes.STR)] if status in (400, 401, 404, 503) else [])
        + ([((status, "application/json"), error)] if status in (401, 404, 405, 414, 429, 503) else [])
    }


def _described(
    operation_id: str, summary: str, parameters: list[Any], answers: dict[Any, Any], *, errors_are_pages: bool = False
) -> type[APIView]:
    """A view class that exists for the description only; the real views are plain functions."""

    class Described(APIView):
        @extend_schema(
            operation_id=operation_id,
            summary=summary,
            parameters=[_SHOP, *parameters],
            responses={**answers, **(_html(_ERRORS) if errors_are_pages else _ERRORS)},
            auth=[],
        )
        def get(self, request: Any) -> None:
            """Never called."""

    return Described


def _sending(
    operation_id: str, summary: str, parameters: list[Any], body: Any, answers_by_status: dict[int, Any]
) -> type[APIView]:
    class Sending(APIView):
        @extend_schema(
            operation_id=operation_id,
            summary=summary,
            parameters=[_SHOP, *parameters],
            request={"application/json": body},
            responses={**answers_by_status, **_ERRORS, **_SENDING_ERRORS},
            auth=[],
        )
        def post(self, request: Any) -> None:
            """Never called."""

    return Sending


def _submitted(form: type[serializers.Serializer[Any]], name: str) -> type[serializers.Serializer[Any]]:
    """A widget's form with the fields that every submission has."""
    return type(f"{name.title().replace('_', '')}Submission", (form,), {"token": _TOKEN, "key": _KEY})


_TOKEN = serializers.CharField(help_text="From `data.form.token` of a private answer, at least two seconds old.")
_KEY = serializers.CharField(
    help_text="Idempotency key (8 to 80 letters, digits, _ and -), or the header Idempotency-Key."
)


class SubmissionAnswer(serializers.Serializer[Any]):
    """What became of a submission."""

    status = serializers.CharField(help_text="The widget's word: pending, published, accepted, …")
    data = serializers.DictField()  # type: ignore[assignment]


class EventsBody(serializers.Serializer[Any]):
    """Up to 100 events."""

    events = EventFields(many=True)


class EventsAnswer(serializers.Serializer[Any]):
    """How many events were taken: those with consent."""

    accepted = serializers.IntegerField()


def _endpoints() -> list[tuple[str, str, str, Any]]:
    found: list[tuple[str, str, str, Any]] = []

    def add(path: str, view: type[APIView], method: str = "GET") -> None:
        found.append((path, path, method, view.as_view()))

    for widget in registry.all_widgets().values():
        params: list[Any] = [widget.Params]
        base = f"/w/v1/{{shop}}/{widget.name}"
        add(
            f"{base}.json",
            _described(f"{widget.name}_json", f"{widget.title}: JSON", [*params, _LIGHT], _json(WidgetAnswer)),
        )
        add(
            f"{base}.html",
            _described(f"{widget.name}_html", f"{widget.title}: HTML fragment", [*params, _LIGHT], _HTML),
        )
        page = _described(f"{widget.name}_page", f"{widget.title}: whole page", params, _HTML, errors_are_pages=True)
        add(base, page)
        if widget.Form is not None:
            form = _submitted(widget.Form, widget.name)
            said = {200: SubmissionAnswer, 202: SubmissionAnswer}
            add(base, _sending(f"{widget.name}_submit", f"{widget.title}: submit", params, form, said), "POST")
    events = _sending("events", "Events, with the visitor's consent", [], EventsBody, {202: EventsAnswer})
    add("/w/v1/{shop}/events", events, "POST")
    wanted = [
        OpenApiParameter(
            "w",
            {"type": "array", "items": {"type": "string"}, "maxItems": 60},
            OpenApiParameter.QUERY,
            required=True,
            explode=True,
            description="A widget and its parameters, for example reviews?product_id=prd_1. Repeat for more.",
        )
    ]
    add("/w/v1/{shop}/batch", _described("batch", "Many public widgets", wanted, _json(BatchAnswer)))
    add("/w/v1/{shop}/live", _described("live", "Many private widgets, never stored", wanted, _json(BatchAnswer)))
    return found


_HTML = {(200, "text/html"): OpenApiTypes.STR}


def _json(answer: Any) -> dict[Any, Any]:
    return {200: answer}


class _Enumerator(EndpointEnumerator):
    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> list[Any]:
        return _endpoints()


class _Generator(SchemaGenerator):
    endpoint_inspector_cls = _Enumerator


def widget_parameters(widget: Widget) -> dict[str, Any]:
    """A widget's parameter fields by name, for docs pages."""
    return dict(widget.Params().fields)


@cache
def schema() -> str:
    """The document as JSON text; the same for the whole life of a process."""
    generator = _Generator()  # type: ignore[no-untyped-call]
    return responses.to_json(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@reading
def document(request: HttpRequest) -> HttpResponse:
    """``GET /w/v1/openapi.json``."""
    return responses.finish(schema().encode(), "application/json", cache="public, max-age=3600")
