"""For load balancers and monitoring: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from sumeru_proxy.webhooks import installed
from widgets.http import responses

log = logging.getLogger(__name__)


class ConsumersFigures:
    """The metrics of the installed consumers, for Prometheus. A consumer that raises is left out."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: names are only known at collection, and registration must not query the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """The current figures."""
        for consumer in installed.consumers():
            try:
                found = list(consumer.metrics()) if consumer.metrics is not None else []
            except Exception as error:
                log.error("figures of %s: %s", consumer.name, type(error).__name__)
                continue
            for metric in found:
                labels = sorted({name for sample, _value in metric.samples for name in sample})
                family = CounterMetricFamily if metric.counter else GaugeMetricFamily
                metric_family = family(metric.name, metric.text, labels=labels)
                for sample, value in metric.samples:
                    metric_family.add_metric([sample.get(name, "") for name in labels], value)
                yield metric_family


REGISTRY.register(ConsumersFigures())


def healthz(request: HttpRequest) -> HttpResponse:
    """``GET /healthz``: whether this process responds. Asks nothing else, so that a slow database does not get web processes killed."""
    return responses.json_answer({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """``GET /readyz``: 200 when the database responds, else 503. A failing cache is reported, but the process counts as ready."""
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
