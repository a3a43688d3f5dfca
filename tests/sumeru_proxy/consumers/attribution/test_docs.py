"""The documentation pages: they are there, and the worked example is what the models compute."""

from __future__ import annotations

import html
from decimal import Decimal

import pytest
from django.apps import apps
from django.test import Client

from sumeru_proxy.consumers.attribution import channels, consumer, docs_pages, offers


def test_the_worked_example_sums_to_the_order() -> None:
    found = docs_pages.worked()
    assert [each["name"] for each in found] == list(offers.NAMES)
    for each in found:
        assert sum(Decimal(line["amount"]) for line in each["lines"]) == Decimal("100.00")
    by_name = {each["name"]: [line["amount"] for line in each["lines"]] for each in found}
    assert by_name["time_decay"] == ["6.67", "13.33", "26.67", "53.33"]
    assert by_name["position"] == ["40.00", "10.00", "10.00", "40.00"]
    # 800 × 1500 : 1200 × 1000 : 800 × 1000 : 500 × 1000 = 12 : 12 : 8 : 5 of 37
    assert by_name["company"] == ["32.43", "32.43", "21.62", "13.52"]
    # 450 : 300 : 450 : 150 of 1350; the missing cent goes to the earlier of the two largest remainders
    assert by_name["markov"] == ["33.34", "22.22", "33.33", "11.11"]


@pytest.mark.django_db
def test_the_pages_are_served(client: Client) -> None:
    for page in docs_pages.PAGES:
        answer = client.get(f"/docs/recipes/{page.slug}/")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert page.title in text
        assert "style=" not in text
    models = client.get("/docs/recipes/attribution-models/").content.decode()
    for offer in offers.OFFERS.values():
        assert offer.title in models
    assert models.count("<svg") == len(offers.OFFERS)
    recipe = html.unescape(client.get("/docs/recipes/attribution/").content.decode())
    assert "credit.mjs" in recipe
    assert channels.DEFAULT_RULES in recipe
    privacy = client.get("/docs/recipes/attribution-privacy/").content.decode()
    assert all(row.model in privacy for row in consumer.CONSUMER.stores)
    models = {f"attribution.{each.__name__}" for each in apps.get_app_config("attribution").get_models()}
    assert models == {row.model for row in consumer.CONSUMER.stores}
