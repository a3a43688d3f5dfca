"""The documentation pages of order sync's targets, mounted at ``/docs/recipes/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from sumeru_proxy.consumers.order_sync.books.bookings import Accounts
from sumeru_proxy.consumers.order_sync.document import FORMAT
from sumeru_proxy.webhooks.listeners import DocsPage


def _http(_request: HttpRequest) -> Mapping[str, Any]:
    return {"schema": f"order_sync/document.v{FORMAT}.schema.json"}


def _files(_request: HttpRequest) -> Mapping[str, Any]:
    accounts = Accounts()
    names = ("receivable", "sales", "shipping", "discounts", "refunds", "rounding", "gift_cards", "tax", "paid")
    return {"accounts": [(name, getattr(accounts, name)) for name in names]}


PAGES = (
    DocsPage(
        slug="orders-signed-http",
        title="Orders by signed HTTP",
        template="order_sync/docs/signed_http.html",
        summary="Each order as a signed message to an endpoint of yours, or to an integration platform.",
        context=_http,
    ),
    DocsPage(
        slug="orders-files",
        title="Orders as accounting files and e-invoices",
        template="order_sync/docs/files.html",
        summary="Per day and shop: CSV, JSON Lines, a balanced journal, and e-invoices by EN 16931.",
        context=_files,
    ),
    DocsPage(
        slug="orders-own-target",
        title="Add a target",
        template="order_sync/docs/own_target.html",
        summary="Orders to any other system: one Python file.",
    ),
)
