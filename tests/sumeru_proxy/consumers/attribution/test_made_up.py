"""The demo's journeys: a full report on the first start, to the cent, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from sumeru_proxy.consumers.attribution import days, made_up, proof, reports
from sumeru_proxy.consumers.attribution.models import ModelCode
from sumeru_proxy.models import Shop
from widgets.demo.addresses import Addresses
from widgets.demo.ordering import ATTRIBUTION, FILES, NOTHING, Ordering

pytestmark = pytest.mark.django_db


@pytest.mark.thorough
def test_the_report_is_full(shop: Shop) -> None:
    out = StringIO()
    for _ in range(2):
        call_command("attribution", "seed", shop.key, stdout=out)
    assert out.getvalue().split()[0::3] == [str(made_up.ORDERS), "0"]
    today = datetime.now(UTC).date()
    found = reports.report(shop.pk, today - timedelta(days=89), today, shop.currency)
    assert found.orders > 300
    assert found.missing == ()
    assert set(found.models) == {int(code) for code in ModelCode}
    assert {row.channel for row in found.rows if row.spent} == {"paid_search", "paid_social", "email", "affiliate"}
    assert all(row.errors for row in found.rows if row.channel != reports.NOBODY)
    assert {"new", "returning"} & set(found.customers)
    number = days.day_number(today)
    proven = proof.prove(shop.pk, number - 100, number)
    assert (proven.exact, proven.stale, proven.waiting) == (True, 0, 0)


def test_the_demo_has_it_on_when_it_is_asked_for() -> None:
    def ordering(*wanted: str) -> Ordering:
        return Ordering(wanted, Addresses(8000, 8001, 8002), Path(), None, 8003)

    asked = ordering(ATTRIBUTION)
    assert asked.environment["SUMERU_CONSUMERS"].endswith("consumers.attribution")
    assert asked.facts("http://x/admin/", 7)["attribution"].endswith("/shop/7/consumers/attribution/report/")
    for other in (ordering(FILES), ordering(NOTHING), ordering(NOTHING, ATTRIBUTION)):
        assert other.environment == {}
        assert "attribution" not in other.facts("", 7)
