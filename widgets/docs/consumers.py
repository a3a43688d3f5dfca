"""``/docs/consumers/`` and the consumers' own pages: made from what is installed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import DocsPage
from widgets.http.requests import public_base


def pages() -> list[DocsPage]:
    """The documentation pages of all installed consumers."""
    return [page for consumer in installed.consumers() for page in consumer.docs_pages]


def consumers_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/consumers/``: each consumer with its pages, its settings and what it stores."""
    documented = [each for each in installed.consumers() if each.docs_pages or each.settings or each.stores]
    return render(
        request, "docs/consumers.html", {"base": public_base(request), "title": "Consumers", "consumers": documented}
    )


def recipe_page(request: HttpRequest, slug: str) -> HttpResponse:
    """``GET /docs/recipes/<slug>/``. Raises Http404 for one that is not installed."""
    page = next((each for each in pages() if each.slug == slug), None)
    if page is None:
        raise Http404
    more: dict[str, Any] = dict(page.context(request)) if page.context is not None else {}
    context = {"base": public_base(request), "title": page.title, "summary": page.summary, **more}
    return render(request, page.template, context)
