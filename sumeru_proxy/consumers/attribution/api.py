"""The JSON API that reads attribution: reports, trends, orders with every cent, estimates, the proof, as Django REST framework views."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.generics import ListAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sumeru_proxy.consumers.attribution import api_shapes, days, explanation, proof, reports
from sumeru_proxy.consumers.attribution.api_parts import (
    BearerToken,
    MayRead,
    OldestFirst,
    PerToken,
    exception_handler,
)
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import Conversion, Credit, Label, ModelCode, ReadToken
from sumeru_proxy.consumers.attribution.plans import latest_fits

PERIOD_DAYS = 30
NAMES = tuple(code.name.lower() for code in ModelCode)


class PeriodFields(serializers.Serializer[Any]):
    """Which days (both included, UTC) and which currency."""

    first = serializers.DateField(required=False, help_text="30 days before the last one unless given.")
    last = serializers.DateField(required=False, help_text="Today unless given.")
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z", required=False, help_text="ISO 4217; the one with the most orders unless given."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the period. Raises ValidationError for one that cannot be."""
        last: date = attrs.get("last") or reports.today()
        first: date = attrs.get("first") or last - timedelta(days=PERIOD_DAYS - 1)
        try:
            reports.check_period(first, last)
        except reports.BadPeriod as error:
            raise serializers.ValidationError({"first": [str(error)]}) from None
        return {**attrs, "first": first, "last": last}


class ReportFields(PeriodFields):
    """A report's parameters."""

    campaigns = serializers.BooleanField(default=False, help_text="A row for each campaign of a channel.")


class TrendFields(PeriodFields):
    """A trend's parameters."""

    model = serializers.ChoiceField(NAMES, default="company")


def _parameters(fields: type[serializers.Serializer[Any]]) -> list[Any]:
    return [fields]


class View(APIView):
    """What all views share."""

    authentication_classes = (BearerToken,)
    permission_classes = (MayRead,)
    throttle_classes = (PerToken,)
    renderer_classes = (JSONRenderer,)
    scope = ReadToken.Scope.REPORT

    def get_exception_handler(self) -> Any:
        """Errors in the vocabulary of all our APIs."""
        return exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Private figures are in no cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        return response

    def shop_id(self, request: Request) -> int:
        """The token's shop: the only one that it reads."""
        return int(request.auth.shop_id)  # type: ignore[union-attr]

    def period(self, request: Request, fields: type[PeriodFields] = PeriodFields) -> dict[str, Any]:
        """The validated parameters, with a currency. Raises ValidationError."""
        read = fields(data=request.query_params)
        read.is_valid(raise_exception=True)
        found: dict[str, Any] = dict(read.validated_data)
        if not found.get("currency"):
            used = reports.currencies(self.shop_id(request), found["first"], found["last"])
            found["currency"] = used[0] if used else request.auth.shop.currency  # type: ignore[union-attr]
        return found


class ReportView(View):
    """Channels × models of a period."""

    @extend_schema(parameters=_parameters(ReportFields), responses=api_shapes.ReportAnswer)
    def get(self, request: Request) -> Response:
        """The report. Each model's rows sum to the revenue, to the minor unit."""
        query = self.period(request, ReportFields)
        found = reports.report(
            self.shop_id(request), query["first"], query["last"], query["currency"], campaigns=query["campaigns"]
        )
        return Response(api_shapes.report_of(found))


class ReportCsvView(View):
    """The same as CSV."""

    @extend_schema(
        parameters=_parameters(ReportFields), responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="report_csv"
    )
    def get(self, request: Request) -> HttpResponse:
        """One line for each channel, campaign and model."""
        query = self.period(request, ReportFields)
        found = reports.report(
            self.shop_id(request), query["first"], query["last"], query["currency"], campaigns=query["campaigns"]
        )
        name = f"attribution-{found.currency}-{found.first}-{found.last}.csv"
        answer = HttpResponse(reports.to_csv(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


class TrendView(View):
    """What channels earned day by day."""

    @extend_schema(parameters=_parameters(TrendFields), responses=api_shapes.TrendAnswer)
    def get(self, request: Request) -> Response:
        """One model's credit by channel and day."""
        query = self.period(request, TrendFields)
        code = ModelCode[query["model"].upper()]
        found = reports.trend(self.shop_id(request), query["first"], query["last"], query["currency"], code)
        return Response(api_shapes.trend_of(found, query["model"], query["currency"]))


class EstimatesView(View):
    """What models from data found, with error bars."""

    @extend_schema(responses=api_shapes.EstimatesAnswer)
    def get(self, request: Request) -> Response:
        """The newest estimate of each model; one without enough journeys is not there."""
        return Response({"data": [api_shapes.estimate_of(fit) for fit in latest_fits(self.shop_id(request)).values()]})


class ProofView(View):
    """Whether everything adds up."""

    @extend_schema(parameters=_parameters(PeriodFields), responses=api_shapes.ProofAnswer)
    def get(self, request: Request) -> Response:
        """Credits against revenue, sums against credits, and the orders that Sumeru credits most differently."""
        query = self.period(request)
        found = proof.prove(self.shop_id(request), days.day_number(query["first"]), days.day_number(query["last"]))
        orders = request.auth.scope == ReadToken.Scope.ORDERS  # type: ignore[union-attr]
        return Response(api_shapes.proof_of(found, with_orders=orders))


class OrdersView(View, ListAPIView[Conversion]):
    """Orders of a period with their credits."""

    scope = ReadToken.Scope.ORDERS
    pagination_class = OldestFirst
    serializer_class = api_shapes.OrderShape
    queryset = Conversion.objects.none()

    @extend_schema(parameters=_parameters(PeriodFields), operation_id="orders")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Oldest first, page by page."""
        query = self.period(request)
        rows = Conversion.objects.filter(
            shop_id=self.shop_id(request),
            erased=False,
            currency=query["currency"],
            at_ms__gte=days.day_number(query["first"]) * DAY_MS,
            at_ms__lt=(days.day_number(query["last"]) + 1) * DAY_MS,
        )
        page = self.paginate_queryset(rows) or []
        credits: dict[int, list[Credit]] = {row.pk: [] for row in page}
        for credit in Credit.objects.filter(conversion_id__in=credits).order_by("model", "-amount", "pk"):
            credits[credit.conversion_id].append(credit)
        numbers = {number for own in credits.values() for credit in own for number in (credit.channel, credit.campaign)}
        texts = {0: "", **dict(Label.objects.filter(pk__in=numbers).values_list("pk", "text"))}
        return self.get_paginated_response([api_shapes.order_of(row, credits[row.pk], texts) for row in page])


class OrderView(View):
    """Every cent of one order."""

    scope = ReadToken.Scope.ORDERS

    @extend_schema(
        parameters=[OpenApiParameter("order_id", str, OpenApiParameter.PATH)],
        responses=api_shapes.ExplainedAnswer,
        operation_id="order",
    )
    def get(self, request: Request, order_id: str) -> Response:
        """Touch × factors = weight = credit, for each model."""
        found = explanation.explained(self.shop_id(request), order_id)
        if found is None:
            raise exceptions.NotFound("There is no such order.")
        return Response(api_shapes.explained_of(found))
