"""The API by its own address: who may read what, figures that sum up, pages, limits, errors as data, a true description."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from django.core.cache import cache
from django.test import Client

from sumeru_proxy.consumers.attribution import api_parts, days, intake, reports, tokens
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import Conversion, ReadToken
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.stored import START_MS, random_orders

pytestmark = [pytest.mark.django_db, pytest.mark.stores]
BASE = "/consumers/attribution/v1/"
SPAN = {
    "first": days.day_of(START_MS // DAY_MS).isoformat(),
    "last": days.day_of(START_MS // DAY_MS + 60).isoformat(),
}
ENDPOINTS = ("report", "report.csv", "trend", "estimates", "proof", "orders", "orders/ord_1")
Ask = Callable[..., Any]


@pytest.fixture
def filled(shop: Shop) -> Shop:
    intake.take(shop.pk, random_orders(25, seed=31))
    return shop


@pytest.fixture
def ask(filled: Shop, client: Client) -> Ask:
    """A GET with a token of this scope."""

    def get(path: str, scope: str = ReadToken.Scope.ORDERS, token: str = "", **query: Any) -> Any:
        bearer = token or tokens.issue(filled.pk, "test", scope).token
        return client.get(BASE + path, query, headers={"authorization": f"Bearer {bearer}"})

    return get


def test_without_a_valid_token_nothing_is_read(shop: Shop, client: Client) -> None:
    intake.take(shop.pk, random_orders(2, seed=31))
    for path in ENDPOINTS:
        for header in ("", "Bearer x", "Bearer attr_" + "a" * 43, "Basic YTpi", "Bearer"):
            answer = client.get(BASE + path, headers={"authorization": header} if header else {})
            assert answer.status_code == 401, (path, header)
            assert answer["WWW-Authenticate"].startswith("Bearer")
            error = answer.json()["error"]
            assert error["code"] == "unauthenticated"
            assert error["request_id"]


def test_a_revoked_token_and_one_of_an_inactive_shop_are_refused(ask: Ask, filled: Shop) -> None:
    issued = tokens.issue(filled.pk, "old")
    assert ask("report", token=issued.token, **SPAN).status_code == 200
    tokens.revoke(issued.row)
    assert ask("report", token=issued.token, **SPAN).status_code == 401
    other = tokens.issue(filled.pk, "other").token
    Shop.objects.filter(pk=filled.pk).update(active=False)
    assert ask("report", token=other, **SPAN).status_code == 401


def test_a_token_is_stored_as_a_hash_and_notes_its_use(ask: Ask, filled: Shop) -> None:
    issued = tokens.issue(filled.pk, "hash")
    assert issued.token.startswith("attr_")
    assert issued.token not in str(ReadToken.objects.values())
    assert issued.row.used_at is None
    ask("report", token=issued.token, **SPAN)
    issued.row.refresh_from_db()
    assert issued.row.used_at is not None
    with pytest.raises(ValueError):
        tokens.issue(filled.pk, "bad", "everything")


def test_the_scope_decides(ask: Ask) -> None:
    for path in ENDPOINTS:
        assert ask(path, ReadToken.Scope.ORDERS, **SPAN).status_code == 200, path
        expected = 403 if path.startswith("orders") else 200
        assert ask(path, ReadToken.Scope.REPORT, **SPAN).status_code == expected, path
    assert ask("proof", ReadToken.Scope.REPORT, currency="EUR", **SPAN).json()["differing"] == []
    assert ask("proof", ReadToken.Scope.ORDERS, currency="EUR", **SPAN).json()["differing"] != []


def test_a_token_reads_its_own_shop_alone(ask: Ask, other_shop: Shop) -> None:
    foreign = tokens.issue(other_shop.pk, "foreign", ReadToken.Scope.ORDERS).token
    assert ask("report", token=foreign, **SPAN).json()["orders"] == 0
    assert ask("orders", token=foreign, **SPAN).json()["data"] == []
    assert ask("orders/ord_1", token=foreign).status_code == 404


def test_the_report_sums_to_the_revenue(ask: Ask, filled: Shop) -> None:
    for currency, places in (("EUR", 2), ("JPY", 0), ("KWD", 3)):
        found = ask("report", currency=currency, campaigns="true", **SPAN).json()
        orders = Conversion.objects.filter(shop=filled, currency=currency)
        assert found["orders"] == orders.count() > 0
        total = Decimal(sum(order.total for order in orders)).scaleb(-places)
        assert found["revenue"]["credited"] == str(total)
        assert {"last", "company", "sumeru"} <= set(found["models"])
        assert found["not_enough_journeys"] == ["markov", "shapley_rate"]
        for model in found["models"]:
            parts = [Decimal(row["models"][model]["net"]) for row in found["rows"] if model in row["models"]]
            assert sum(parts) == Decimal(found["revenue"]["net"])
        assert sum(group["orders"] for group in found["lengths"]) == found["orders"]


def test_the_currency_with_most_orders_is_meant_unless_given(ask: Ask, filled: Shop) -> None:
    counts = {code: Conversion.objects.filter(shop=filled, currency=code).count() for code in ("EUR", "JPY", "KWD")}
    assert counts[ask("report", **SPAN).json()["currency"]] == max(counts.values())
    assert ask("report", first="1999-01-01", last="1999-01-02").json()["currency"] == filled.currency


def test_orders_come_page_by_page_with_their_credits(ask: Ask, filled: Shop, client: Client) -> None:
    token = tokens.issue(filled.pk, "pages", ReadToken.Scope.ORDERS).token
    answer = ask("orders", token=token, currency="EUR", limit=7, **SPAN).json()
    seen: list[Any] = []
    pages = 0
    while True:
        pages += 1
        assert len(answer["data"]) <= 7
        seen += answer["data"]
        if not answer["pagination"]["next"]:
            break
        answer = client.get(answer["pagination"]["next"], headers={"authorization": f"Bearer {token}"}).json()
    rows = Conversion.objects.filter(shop=filled, currency="EUR").order_by("at_ms", "pk")
    assert [order["id"] for order in seen] == [row.key for row in rows]
    assert pages == -(-rows.count() // 7)
    for order in seen:
        for model in {credit["model"] for credit in order["credits"]}:
            own = [credit for credit in order["credits"] if credit["model"] == model]
            assert sum(Decimal(credit["credited"]) for credit in own) == Decimal(order["revenue"]["credited"])
            assert sum(Decimal(credit["refunded"]) for credit in own) == Decimal(order["revenue"]["refunded"])


def test_an_order_is_explained_to_the_cent(ask: Ask, filled: Shop) -> None:
    for row in Conversion.objects.filter(shop=filled)[:6]:
        found = ask(f"orders/{row.key}").json()
        assert found["current"] is True
        for model in found["models"].values():
            amounts = [Decimal(line["credited"]) for line in model["touches"]]
            assert sum(amounts) + Decimal(model["unattributed"]["credited"]) == Decimal(found["revenue"]["credited"])
            assert sum(int(line["weight"]) for line in model["touches"]) == int(model["weights_sum"])
            for line in model["touches"]:
                product = 1
                for factor in line["factors"]:
                    product *= factor["number"]
                assert line["left_out"] or product == int(line["weight"])


def test_bad_parameters_are_named(shop: Shop, client: Client) -> None:
    token = tokens.issue(shop.pk, "bad").token
    for path, query, field in (
        ("report", {"first": "2026-13-01"}, "first"),
        ("report", {"first": "2026-02-02", "last": "2026-02-01"}, "first"),
        ("report", {"first": "1970-01-01", "last": "2026-02-01"}, "first"),
        ("report", {"currency": "euro"}, "currency"),
        ("trend", {"model": "magic"}, "model"),
        ("report", {"first": "\x00"}, "first"),
    ):
        answer = client.get(BASE + path, query, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "validation_failed"
        assert field in answer.json()["error"]["details"]


def test_what_is_not_there_and_what_may_not_be_done(ask: Ask, client: Client, filled: Shop) -> None:
    assert ask("orders/ord_nothing").json()["error"]["code"] == "not_found"
    assert ask("orders", cursor="nonsense", **SPAN).status_code in (400, 404)
    token = tokens.issue(filled.pk, "post").token
    answer = client.post(BASE + "report", {}, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_answers_are_in_no_cache(ask: Ask) -> None:
    for path in ENDPOINTS:
        answer = ask(path, **SPAN)
        assert answer["Cache-Control"] == "private, no-store"
        assert "sessionid" not in answer.cookies


def test_each_token_has_its_own_limit(ask: Ask, filled: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(api_parts.PerToken, "rate", "3/min")
    busy = tokens.issue(filled.pk, "busy").token
    assert [ask("estimates", token=busy).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = ask("estimates", token=busy)
    assert answer.json()["error"]["code"] == "rate_limited"
    assert int(answer["Retry-After"]) == answer.json()["error"]["details"]["retry_after"] > 0
    assert ask("estimates").status_code == 200


def test_the_csv_is_a_file_of_the_same_figures(ask: Ask) -> None:
    answer = ask("report.csv", currency="EUR", **SPAN)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    lines = answer.content.decode().splitlines()
    assert lines[0].startswith("channel,campaign,model,currency")
    company = sum(Decimal(line.split(",")[4]) for line in lines[1:] if ",company," in line)
    assert str(company) == ask("report", currency="EUR", **SPAN).json()["revenue"]["credited"]


def _resolved(schema: Any, document: Any) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _resolved(document["components"]["schemas"][schema["$ref"].split("/")[-1]], document)
        found = {name: _resolved(value, document) for name, value in schema.items()}
        # OpenAPI 3.0 says "or null" in its own way.
        return {**found, "type": [found["type"], "null"]} if found.pop("nullable", False) is True else found
    return [_resolved(each, document) for each in schema] if isinstance(schema, list) else schema


def test_answers_are_as_the_description_says(ask: Ask, client: Client) -> None:
    document = client.get(BASE + "openapi.json").json()
    assert document["openapi"].startswith("3.")
    checked = 0
    for path in ("report", "trend", "estimates", "proof", "orders", "orders/ord_1"):
        described = path.replace("ord_1", "{order_id}")
        operation = document["paths"][f"{BASE}{described}"]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(ask(path, **SPAN).json(), _resolved(schema, document))
        checked += 1
        assert operation["security"], path
    assert checked == 6
    names = {parameter["name"] for parameter in document["paths"][f"{BASE}report"]["get"]["parameters"]}
    assert names == {"first", "last", "currency", "campaigns"}


def test_the_default_period_is_the_last_thirty_days(ask: Ask) -> None:
    found = ask("report").json()
    first, last = date.fromisoformat(found["first"]), date.fromisoformat(found["last"])
    assert last == reports.today()
    assert (last - first).days == 29
