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
from sumeru_proxy.consumers.order_sync.consumer import CONSUMER
from sumeru_proxy.consumers.order_sync.targets import files, http
from sumeru_proxy.consumers.order_sync.tryton.options import Options
from sumeru_proxy.outbox import signed_webhooks
from tests import samples
from tests.sumeru_proxy.consumers.order_sync.books.test_invoices import PARKED

TARGETS = {
    "orders": (),
    "orders-tryton": [each.name for each in fields(Options)],
    "orders-signed-http": http.OPTIONS,
    "orders-files": files.OPTIONS,
    "orders-own-target": (),
    "orders-operations": (),
}


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
    for status in (*signed_webhooks.AWAY, *signed_webhooks.SETTINGS):
        assert str(status) in text, status


def test_the_schema_is_served_where_the_page_says(client: Client) -> None:
    text = page(client, "orders-signed-http")
    address = re.search(r'href="([^"]+schema\.json)"', text)
    assert address
    name = address[1].split("/static/", 1)[-1]
    found = finders.find(name)
    assert found == str(schema.FILE)
    assert json.loads(schema.FILE.read_text(encoding="utf-8"))["title"] == "Order document, format 1"


def test_the_recipe_has_each_step_in_every_form_and_leads_to_every_page(client: Client) -> None:
    text = page(client, "orders")
    for step in ("begin", "subscribe", "receive", "write", "compare", "end"):
        section = text.split(f'<section id="{step}">')[1].split("</section>")[0]
        forms = re.findall(r'data-tab="([^"]+)"', section)
        assert forms[:3] == ["Python", "Python, plain HTTP", "JavaScript"], step
        assert section.count('<pre tabindex="0"><code>') == len(forms)
    for each in docs_pages.PAGES:
        assert each.slug == "orders" or f"/docs/recipes/{each.slug}/" in text, each.slug


def test_the_pieces_of_the_recipe_are_the_whole_program(client: Client) -> None:
    """Whoever puts the pieces of one language one after the other has the file that the cookbook's tests run."""
    text = page(client, "orders")
    for form, file in (("python", "order_sync.py"), ("http", "order_sync_http.py"), ("javascript", "order_sync.mjs")):
        program = (samples.ROOT / "tests" / "cookbook" / "orders" / file).read_text(encoding="utf-8")
        pieces = samples.cut(program, file)
        assert [name.split("-")[1] for name in pieces] == [form] * 6
        place = 0
        for piece in pieces.values():
            place = text.index(piece.rstrip("\n"), place)
        own = [line for line in program.splitlines() if line.strip() and "sample" not in line]
        shown = [line for piece in pieces.values() for line in piece.splitlines() if line.strip()]
        assert own == shown


def test_the_operations_page_names_permissions_and_what_is_kept(client: Client) -> None:
    text = page(client, "orders-operations")
    assert {each.permission for each in CONSUMER.admin_pages} <= coded(text)
    for row in CONSUMER.stores:
        assert row.kept in text
