"""The report equals what its credits say, counted by hand from them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from sumeru_proxy.consumers.attribution import days, intake, reports
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import Conversion, ModelCode
from sumeru_proxy.consumers.attribution.reports import Earned, day_of
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.stored import START_MS, contents, random_orders

pytestmark = [pytest.mark.django_db, pytest.mark.stores]
FIRST, LAST = day_of(START_MS // DAY_MS), day_of(START_MS // DAY_MS + 29)


@pytest.fixture
def filled(shop: Shop, other_shop: Shop) -> Shop:
    intake.take(shop.pk, random_orders(150, seed=21))
    intake.take(other_shop.pk, random_orders(20, seed=22))
    return shop


def test_the_report_is_what_the_credits_say(filled: Shop) -> None:
    found = contents(filled)
    inside = {
        key: order
        for key, order in found["orders"].items()
        if FIRST <= day_of(order[0] // DAY_MS) <= LAST and order[1] == "EUR"
    }
    assert 10 < len(inside) < len(found["orders"])
    got = reports.report(filled.pk, FIRST, LAST, "EUR", campaigns=True)
    expected: dict[tuple[str, str], dict[int, Earned]] = {}
    groups: dict[tuple[str, int, str], Earned] = {}
    for (key, model, channel, campaign), (amount, refunded) in found["credits"].items():
        if key in inside:
            earned = Earned(amount, refunded)
            cell = expected.setdefault((channel or reports.NOBODY, campaign), {})
            cell[model] = cell.get(model, Earned()).plus(earned)
            group = (inside[key][4], model, channel or reports.NOBODY)
            groups[group] = groups.get(group, Earned()).plus(earned)
    assert {(row.channel, row.campaign): dict(row.by_model) for row in got.rows} == expected
    assert {
        (customer, model, channel): earned
        for customer, models in got.customers.items()
        for model, channels in models.items()
        for channel, earned in channels.items()
    } == groups
    assert got.revenue == Earned(sum(order[2] for order in inside.values()), sum(order[3] for order in inside.values()))
    assert got.orders == len(inside)
    for model in got.models:
        total = Earned()
        for row in got.rows:
            total = total.plus(row.by_model.get(model, Earned()))
        assert total == got.revenue
    assert got.missing == (ModelCode.MARKOV, ModelCode.SHAPLEY_RATE)
    assert reports.currencies(filled.pk, FIRST, LAST)[0] in ("EUR", "JPY", "KWD")
    lengths = Counter(order[5] for order in inside.values())
    assert {
        group.label: group.orders for group in got.lengths if "-" not in group.label and "+" not in group.label
    } == {str(length): count for length, count in lengths.items() if length < 5}
    assert sum(group.orders for group in got.lengths) == sum(group.orders for group in got.days) == len(inside)
    paths = Counter(order[7] for order in inside.values())
    assert [group.orders for group in got.paths] == sorted(paths.values(), reverse=True)[: reports.PATHS_LIMIT]
    assert all(paths["" if group.label == reports.NOBODY else group.label] == group.orders for group in got.paths)


def test_without_campaigns_channels_are_sums_of_theirs(filled: Shop) -> None:
    whole = reports.report(filled.pk, FIRST, LAST, "JPY")
    fine = reports.report(filled.pk, FIRST, LAST, "JPY", campaigns=True)
    for row in whole.rows:
        assert row.campaign == ""
        for model, earned in row.by_model.items():
            parts = [each.by_model.get(model, Earned()) for each in fine.rows if each.channel == row.channel]
            assert sum(part.amount for part in parts) == earned.amount
            assert sum(part.refunded for part in parts) == earned.refunded


def test_the_trend_sums_to_the_report(filled: Shop) -> None:
    days = reports.trend(filled.pk, FIRST, LAST, "EUR", ModelCode.LINEAR)
    got = reports.report(filled.pk, FIRST, LAST, "EUR")
    for row in got.rows:
        own = days.get(row.channel, {})
        assert sum(earned.amount for earned in own.values()) == row.by_model.get(ModelCode.LINEAR, Earned()).amount
        assert all(FIRST <= day <= LAST for day in own)


def test_csv_has_every_cell_in_the_currency_s_decimals(filled: Shop) -> None:
    for currency, places in (("EUR", 2), ("JPY", 0), ("KWD", 3)):
        got = reports.report(filled.pk, FIRST, LAST, currency, campaigns=True)
        lines = list(csv.DictReader(io.StringIO(reports.to_csv(got))))
        assert len(lines) == len(got.rows) * len(got.models)
        total = sum(Decimal(line["credited"]) for line in lines if line["model"] == "company")
        assert total.scaleb(places) == got.revenue.amount
        assert {-int(Decimal(line["net"]).as_tuple().exponent) for line in lines} == {places}
        assert all(Decimal(line["credited"]) - Decimal(line["refunded"]) == Decimal(line["net"]) for line in lines)


def test_periods_that_cannot_be(filled: Shop) -> None:
    with pytest.raises(reports.BadPeriod):
        reports.report(filled.pk, LAST, FIRST, "EUR")
    with pytest.raises(reports.BadPeriod):
        reports.trend(filled.pk, FIRST, FIRST + timedelta(days=1_100), "EUR", 1)
    nothing = reports.report(filled.pk, date(1999, 1, 1), date(1999, 1, 2), "EUR")
    assert (nothing.rows, nothing.orders, nothing.models) == ((), 0, ())


def test_moments_are_exact() -> None:
    for at_ms in (0, 1, 999, 1_760_000_000_001, 1_760_000_123_456):
        assert int(reports.moment_of(at_ms).timestamp() * 1_000 + 0.5) == at_ms
    assert Conversion._meta.get_field("at_ms")
    assert days.day_of(days.day_number(date(2026, 2, 28))) == date(2026, 2, 28)
