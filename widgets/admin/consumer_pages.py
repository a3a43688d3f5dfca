"""Pages of consumers among a shop's pages: found by what is installed, framed like the core's own."""

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


def _allowed(request: HttpRequest) -> Iterator[tuple[Consumer, AdminPage]]:
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
        for consumer, page in _allowed(request)
    ]


def page(
    model_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any], consumer: str, slug: str
) -> HttpResponse:
    """A consumer's page about a shop. Raises Http404 for one that is not installed, PermissionDenied for those who may not open it."""
    known = [each for found in installed.consumers() if found.name == consumer for each in found.admin_pages]
    meant = next((each for each in known if each.slug == slug), None)
    if meant is None:
        raise Http404
    if not request.user.has_perm(meant.permission):
        raise PermissionDenied
    answer = meant.view(request, shop)
    if isinstance(answer, TemplateResponse) and not answer.is_rendered:
        answer.context_data = {**context, "title": meant.title, **(answer.context_data or {})}
    return answer
