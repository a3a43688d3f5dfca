"""The consumers' pages of a shop: found among the installed consumers, shown in the same frame as the core's pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import AdminPage, Consumer

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

URL_NAME = "sumeru_proxy_shop_consumer"


def _permitted_pages(request: HttpRequest) -> Iterator[tuple[Consumer, AdminPage]]:
    for consumer in installed.consumers():
        for page in consumer.admin_pages:
            if request.user.has_perm(page.permission):
                yield consumer, page


def tabs(request: HttpRequest, site_name: str, shop: Shop, here: str) -> list[dict[str, Any]]:
    """The consumers' pages that this person may open."""
    return [
        {
            "label": page.title,
            "url": reverse(f"{site_name}:{URL_NAME}", args=[shop.pk, consumer.name, page.slug]),
            "here": here == f"{consumer.name}/{page.slug}",
        }
        for consumer, page in _permitted_pages(request)
    ]


def consumer_page(
    model_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any], consumer: str, slug: str
) -> HttpResponse:
    """A consumer's page about a shop. Raises Http404 for one that is not installed, PermissionDenied for those who may not open it."""
    consumer_pages = [each for app in installed.consumers() if app.name == consumer for each in app.admin_pages]
    requested_page = next((each for each in consumer_pages if each.slug == slug), None)
    if requested_page is None:
        raise Http404
    if not request.user.has_perm(requested_page.permission):
        raise PermissionDenied
    answer = requested_page.view(request, shop)
    if isinstance(answer, TemplateResponse) and not answer.is_rendered:
        answer.context_data = {**context, "title": requested_page.title, **(answer.context_data or {})}
    return answer
