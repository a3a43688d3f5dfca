"""The addresses of the attribution API, mounted below ``/consumers/attribution/``."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path

from sumeru_proxy.consumers.attribution import api, api_document


def document(_request: HttpRequest) -> JsonResponse:
    """``GET v1/openapi.json``."""
    return JsonResponse(api_document.described(_API))


_API = (
    path("v1/report", api.ReportView.as_view(), name="attribution-report"),
    path("v1/report.csv", api.ReportCsvView.as_view(), name="attribution-report-csv"),
    path("v1/trend", api.TrendView.as_view(), name="attribution-trend"),
    path("v1/estimates", api.EstimatesView.as_view(), name="attribution-estimates"),
    path("v1/proof", api.ProofView.as_view(), name="attribution-proof"),
    path("v1/orders", api.OrdersView.as_view(), name="attribution-orders"),
    path("v1/orders/<path:order_id>", api.OrderView.as_view(), name="attribution-order"),
)
urlpatterns = [path("v1/openapi.json", document, name="attribution-openapi"), *_API]
