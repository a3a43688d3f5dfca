"""For load balancers and monitoring: alive, ready, and figures."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from widgets.http import responses


def healthz(request: HttpRequest) -> HttpResponse:
    """``GET /healthz``: this process answers. Asks nothing else, so that a slow database kills no web process."""
    return responses.json_answer({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """``GET /readyz``: 200 when the database answers, else 503. A failing cache is told but does not stop the service."""
    state = {"database": "ok", "cache": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        state["database"] = "failed"
    try:
        cache.get("readyz")
    except Exception:  # whatever the cache library raises
        state["cache"] = "failed"
    return responses.json_answer(state, status=200 if state["database"] == "ok" else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """``GET /metrics``: Prometheus text."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
