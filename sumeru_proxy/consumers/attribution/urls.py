"""The addresses of the attribution API, mounted below ``/consumers/attribution/``."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from drf_spectacular.generators import SchemaGenerator

from sumeru_proxy.consumers.attribution import api


def document(_request: HttpRequest) -> JsonResponse:
    """The API's description (OpenAPI 3). It names no shop and needs no token."""
    patterns = [path(f"consumers/attribution/{each.pattern}", each.callback) for each in _API]
    generator = SchemaGenerator(title="Attribution", patterns=patterns)  # type: ignore[no-untyped-call]
    found = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found["info"] = {"title": "Attribution", "version": "1", "description": "What each touch before an order earned."}
    return JsonResponse(found)


_API = [
    path("v1/report", api.ReportView.as_view(), name="attribution-report"),
    path("v1/report.csv", api.ReportCsvView.as_view(), name="attribution-report-csv"),
    path("v1/trend", api.TrendView.as_view(), name="attribution-trend"),
    path("v1/estimates", api.EstimatesView.as_view(), name="attribution-estimates"),
    path("v1/proof", api.ProofView.as_view(), name="attribution-proof"),
    path("v1/orders", api.OrdersView.as_view(), name="attribution-orders"),
    path("v1/orders/<path:order_id>", api.OrderView.as_view(), name="attribution-order"),
]
urlpatterns = [path("v1/openapi.json", document, name="attribution-openapi"), *_API]
