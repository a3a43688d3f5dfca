"""The targets' documentation pages: they are served, name every option and reason, and lead to the schema."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html import unescape

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from sumeru_proxy.consumers.order_sync import docs_pages, schema
from sumeru_proxy.consumers.order_sync.books.bookings import Accounts
from sumeru_proxy.consumers.order_sync.books.invoices import Seller
from sumeru_proxy.consumers.order_sync.targets import files, http
from tests.sumeru_proxy.consumers.order_sync.books.test_invoices import PARKED

TARGETS = {"orders-signed-http": http.OPTIONS, "orders-files": files.OPTIONS, "orders-own-target": ()}


def page(client: Client, slug: str) -> str:
    answer = client.get(f"/docs/recipes/{slug}/")
    assert answer.status_code == 200, slug
    return unescape(answer.content.decode())


def coded(text: str) -> set[str]:
    return set(re.findall(r"<code>([^<]+)</code>", text))


@pytest.mark.parametrize("slug", TARGETS)
def test_each_page_is_served_and_names_every_option(client: Client, slug: str) -> None:
    assert slug in {each.slug for each in docs_pages.PAGES}
    assert set(TARGETS[slug]) <= coded(page(client, slug))


def test_accounts_sellers_fields_and_reasons_are_named(client: Client) -> None:
    text = coded(page(client, "orders-files"))
    assert {each.name for each in fields(Accounts)} | {each.name for each in fields(Seller)} | set(PARKED) <= text
    assert set(Accounts().every()) <= text


def test_every_status_that_has_a_meaning_is_named(client: Client) -> None:
    text = page(client, "orders-signed-http")
    for status in (*http.AWAY, *http.SETTINGS):
        assert str(status) in text, status


def test_the_schema_is_served_where_the_page_says(client: Client) -> None:
    text = page(client, "orders-signed-http")
    address = re.search(r'href="([^"]+schema\.json)"', text)
    assert address
    name = address[1].split("/static/", 1)[-1]
    found = finders.find(name)
    assert found == str(schema.FILE)
    assert json.loads(schema.FILE.read_text(encoding="utf-8"))["title"] == "Order document, format 1"
