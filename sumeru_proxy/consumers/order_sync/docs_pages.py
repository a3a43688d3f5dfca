"""The documentation pages of order sync and its targets, mounted at ``/docs/recipes/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from django.http import HttpRequest

from sumeru_proxy.consumers.order_sync import personal
from sumeru_proxy.consumers.order_sync.books.bookings import Accounts
from sumeru_proxy.consumers.order_sync.document import FORMAT
from sumeru_proxy.consumers.order_sync.tryton.options import Options
from sumeru_proxy.webhooks.listeners import DocsPage

TRYTON_OPTIONS: Final[Mapping[str, str]] = {
    "url": "where Tryton answers; needed",
    "database": "the name of its database; needed",
    "web_shop": "the web shop’s name there; it decides company and warehouse; needed",
    "state": "how far a new sale is brought: draft, quotation, confirmed",
    "guests": "own: each guest gets a party; shared: the web shop’s guest party, whose sales stay drafts",
    "match_email": "take a party that has the customer’s e-mail address already",
    "other_sku": "the product for what has no product there",
    "shipping_sku": "the product for deliveries, else other_sku",
    "refund_sku": "the product for money given back without goods, else other_sku",
    "rounding_sku": "the product of the rounding line, else other_sku",
    "taxes": "a tax’s name by percentage, where Tryton has several of one rate",
    "tolerance": "smallest units a line that the rounding line may close",
    "prefix": "begins the code of parties",
}


def _http(_request: HttpRequest) -> Mapping[str, Any]:
    return {"schema": f"order_sync/document.v{FORMAT}.schema.json"}


def _files(_request: HttpRequest) -> Mapping[str, Any]:
    accounts = Accounts()
    names = ("receivable", "sales", "shipping", "discounts", "refunds", "rounding", "gift_cards", "tax", "paid")
    return {"accounts": [(name, getattr(accounts, name)) for name in names]}


def _tryton(_request: HttpRequest) -> Mapping[str, Any]:
    defaults = {each.name: each.default for each in fields(Options)}
    options = {name: defaults[name] if isinstance(defaults[name], str | int) else "" for name in TRYTON_OPTIONS}
    return {
        "options": [
            {"name": name, "default": _word(options[name]), "text": text} for name, text in TRYTON_OPTIONS.items()
        ]
    }


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _operations(_request: HttpRequest) -> Mapping[str, Any]:
    return {"stores": personal.STORES}


PAGES = (
    DocsPage(
        slug="orders",
        title="Order sync",
        template="order_sync/docs/recipe.html",
        summary="Every order in your ERP and books: the recipe line by line, in Python, plain HTTP, JavaScript and curl.",
    ),
    DocsPage(
        slug="orders-tryton",
        title="Orders in Tryton",
        template="order_sync/docs/tryton.html",
        summary="Sales, parties, refunds and cancellations in Tryton 8.2, to the cent.",
        context=_tryton,
    ),
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
    DocsPage(
        slug="orders-operations",
        title="Order sync in operation",
        template="order_sync/docs/operations.html",
        summary="Daily proof, rehearsal, back-fill, permissions, and what to do when something is red.",
        context=_operations,
    ),
)
