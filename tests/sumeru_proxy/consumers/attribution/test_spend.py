"""Spend: entered, uploaded, refused with its line, and returned under each model."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from sumeru_proxy.consumers.attribution import intake, reports, spend, tokens
from sumeru_proxy.consumers.attribution.days import day_number
from sumeru_proxy.consumers.attribution.models import ModelCode, Spend
from sumeru_proxy.consumers.attribution.spend import BadSpend, SpendLine
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.stored import random_orders
from tests.sumeru_proxy.consumers.attribution.test_desk import FIRST, LAST, SPAN, address, desk, rows_of

pytestmark = pytest.mark.django_db
HEADER = "day,channel,campaign,amount,currency\n"


@pytest.fixture
def filled(shop: Shop) -> Shop:
    intake.take(shop.pk, random_orders(40, seed=41))
    return shop


@pytest.fixture
def editor(db: None) -> Client:
    return desk("view_credit", "change_spend")


def line(day: date, channel: str, amount: str, campaign: str = "", currency: str = "EUR") -> SpendLine:
    return SpendLine(day, channel, campaign, Decimal(amount), currency)


@pytest.mark.parametrize(
    ("text", "number", "code"),
    [
        ("", 0, "header"),
        ("day,channel\n", 0, "header"),
        (HEADER + "2026-01-01,email,,1\n", 1, "columns"),
        (HEADER + "2026-01-01,email,,1,EUR\n1.2.2026,email,,1,EUR\n", 2, "day"),
        (HEADER + "1999-12-31,email,,1,EUR\n", 1, "day"),
        (HEADER + "2026-01-01,,,1,EUR\n", 1, "channel"),
        (HEADER + f"2026-01-01,{'x' * 191},,1,EUR\n", 1, "channel"),
        (HEADER + "2026-01-01,email,,-1,EUR\n", 1, "amount"),
        (HEADER + "2026-01-01,email,,1.005,EUR\n", 1, "amount"),
        (HEADER + '2026-01-01,email,,"1,50",EUR\n', 1, "amount"),
        (HEADER + "2026-01-01,email,,1.5,JPY\n", 1, "amount"),
        (HEADER + "2026-01-01,email,,NaN,EUR\n", 1, "amount"),
        (HEADER + "2026-01-01,email,,1,Euro\n", 1, "currency"),
        (HEADER + '2026-01-01,"email,,1,EUR\n', 0, "csv"),
        (HEADER + "2026-01-01,email,,1,EUR\n" * 20_001, 0, "too_many"),
    ],
)
def test_bad_files_are_refused_whole(text: str, number: int, code: str) -> None:
    with pytest.raises(BadSpend) as caught:
        spend.from_csv(text.encode())
    assert (caught.value.problems[0].line, caught.value.problems[0].code) == (number, code)


def test_other_bad_files() -> None:
    for data, code in ((b"\xff\xfe", "encoding"), (b"x" * (spend.CSV_BYTES_LIMIT + 1), "too_large")):
        with pytest.raises(BadSpend) as caught:
            spend.from_csv(data)
        assert caught.value.problems[0].code == code


def test_what_is_stored_is_what_is_saved(shop: Shop) -> None:
    text = (
        HEADER
        + "2026-01-01,email,May,1.50,EUR\n2026-01-01,email,,2,EUR\n2026-01-02,'=x,,0.1,EUR\n2026-01-01,email,,3,JPY\n"
    )
    lines = spend.from_csv(text.encode())
    assert spend.store(shop.pk, lines) == 4
    assert spend.store(shop.pk, lines) == 4
    assert Spend.objects.count() == 4
    days = (day_number(date(2026, 1, 1)), day_number(date(2026, 1, 31)))
    again = spend.from_csv(spend.to_csv(shop.pk, days, "EUR").encode())
    assert set(again) == {each for each in lines if each.currency == "EUR"}
    spend.store(shop.pk, [line(date(2026, 1, 1), "email", "7"), line(date(2026, 1, 2), "=x", "0")])
    assert sorted(spend.sums(shop.pk, days, "EUR").values()) == [150, 700]


def test_the_report_returns_revenue_by_spend(filled: Shop, editor: Client) -> None:
    middle = FIRST + timedelta(days=5)
    spend.store(
        filled.pk,
        [
            line(middle, "email", "100"),
            line(middle, "email", "50", "spring"),
            line(middle, "radio", "10"),
            line(middle, "email", "9", currency="JPY"),
            line(LAST + timedelta(days=1), "email", "1000"),
        ],
    )
    found = reports.report(filled.pk, FIRST, LAST, "EUR")
    by_name = {row.channel: row for row in found.rows}
    assert (by_name["email"].spent, by_name["radio"].spent, by_name["direct"].spent) == (15_000, 1_000, 0)
    for model in found.models:
        net = by_name["email"].by_model[model].net
        assert by_name["email"].returned(model) == (Decimal(net) / 15_000).quantize(Decimal("0.01"))
        assert by_name["radio"].returned(model) == 0
        assert by_name["direct"].returned(model) is None
    fine = {
        (row.channel, row.campaign): row.spent
        for row in reports.report(filled.pk, FIRST, LAST, "EUR", campaigns=True).rows
    }
    assert (fine["email", ""], fine["email", "spring"]) == (10_000, 5_000)
    cells = rows_of(editor.get(address(filled, "report"), SPAN).content.decode(), 'aria-labelledby="attr-returns"')
    assert {row[0]: row[1] for row in cells} == {"email": "150.00", "radio": "10.00"}
    company = next(row for row in cells if row[0] == "email")[2 + found.models.index(ModelCode.COMPANY)]
    assert company == str(by_name["email"].returned(ModelCode.COMPANY))
    token = tokens.issue(filled.pk, "BI").token
    answer = Client().get("/consumers/attribution/v1/report", SPAN, headers={"authorization": f"Bearer {token}"})
    row = next(each for each in json.loads(answer.content)["rows"] if each["channel"] == "email")
    assert (row["spent"], row["return_on_spend"]["company"]) == ("150.00", company)
    assert ",150.00," in reports.to_csv(found)


def test_the_page_takes_entries_and_files(shop: Shop, editor: Client) -> None:
    where = address(shop, "spend")
    entry = {
        "action": "enter",
        "day": "2026-01-05",
        "channel": "email",
        "campaign": "",
        "amount": "12.34",
        "currency": "EUR",
    }
    assert "1 entries are stored" in editor.post(where, entry, follow=True).content.decode()
    upload = SimpleUploadedFile("spend.csv", (HEADER + "2026-01-06,email,,5,EUR\n").encode(), "text/csv")
    editor.post(where, {"action": "import", "file": upload})
    period = {"first": "2026-01-01", "last": "2026-01-31", "currency": "EUR"}
    assert "17.34 EUR" in editor.get(where, period).content.decode()
    assert b"2026-01-06,email,,5.00,EUR" in editor.get(where, {**period, "format": "csv"}).content
    assert "amount must be" in editor.post(where, {**entry, "amount": "x"}, follow=True).content.decode()
    assert "first line must be" in editor.post(where, {"action": "import"}, follow=True).content.decode()


def test_who_may_enter(shop: Shop) -> None:
    reader: Any = desk("view_credit")
    assert 'name="action"' not in reader.get(address(shop, "spend")).content.decode()
    assert reader.post(address(shop, "spend"), {"action": "enter"}).status_code == 403
    assert desk().get(address(shop, "spend")).status_code == 403
