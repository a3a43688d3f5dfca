"""The admin API."""

from __future__ import annotations

import pytest

from tests.sumeru_proxy.sandbox.conversation import ORDERS_TOKEN, Conversation

ORDER_FIELDS = {
    "id", "number", "created_at", "updated_at", "currency", "total_price", "subtotal_price", "total_tax",
    "total_discounts", "shipping_price", "financial_status", "fulfillment_status", "customer", "shipping_address",
    "billing_address", "line_items", "cancelled_at", "cancel_reason", "taxes_included", "test", "source_name", "email",
    "discounts", "shipping_lines", "payments", "refunds",
}  # fmt: skip


def test_orders_page_newest_first(talk: Conversation) -> None:
    first = talk.get("/api/v1/orders?limit=3").json()
    second = talk.get(f"/api/v1/orders?limit=3&cursor={first['pagination']['next_cursor']}").json()
    assert [order["id"] for order in first["data"] + second["data"]] == [f"ord_{n}" for n in (5, 4, 3, 2, 1)]
    assert second["pagination"] == {"next_cursor": None, "has_next": False}
    assert all(set(order) == ORDER_FIELDS for order in first["data"])


def test_attributions_come_when_included(talk: Conversation) -> None:
    assert "attributions" not in talk.get("/api/v1/orders/ord_1").data
    order = talk.get("/api/v1/orders/ord_1?include=attributions").data
    assert set(order) == ORDER_FIELDS | {"attributions"}
    assert len(order["attributions"][0]["touchpoints"]) == 3
    customer = talk.get("/api/v1/customers/cus_1?include=orders,attributions").data
    assert [order["id"] for order in customer["orders"]] == ["ord_1", "ord_4"]
    assert customer["orders"][0]["attributions"]


def test_filters_sorts_and_fields(talk: Conversation) -> None:
    def ids(query: str) -> list[str]:
        return [order["id"] for order in talk.get(f"/api/v1/orders?{query}").data]

    assert ids("filter[customer.id]=cus_1&sort=created_at") == ["ord_1", "ord_4"]
    assert ids("filter[updated_at][gte]=2026-03-04T00:00:00Z&sort=number") == ["ord_4", "ord_5"]
    assert ids("filter[id]=ord_2,ord_3") == ["ord_3", "ord_2"]
    assert set(talk.get("/api/v1/orders?fields=number,currency&limit=1").data[0]) == {"id", "number", "currency"}
    assert talk.get("/api/v1/customers?filter[tags]=vip").data[0]["id"] == "cus_1"


@pytest.mark.parametrize(
    "query", ["filter[nothing]=1", "filter[id", "sort=nothing", "include=secrets", "limit=500", "cursor=x"]
)
def test_wrong_queries(talk: Conversation, query: str) -> None:
    assert talk.get(f"/api/v1/orders?{query}").code == "validation_failed"


def test_attribution_is_listed_by_order(talk: Conversation) -> None:
    (entry,) = talk.get("/api/v1/attribution?filter[order_id]=ord_2").data
    assert set(entry) == {"order_id", "model", "revenue", "currency", "touchpoints"}
    assert set(entry["touchpoints"][0]) == {
        "id", "channel", "source", "medium", "campaign_id", "occurred_at", "weight", "credited_revenue",
        "device", "visitor_id", "landing_url",
    }  # fmt: skip


def test_a_customer_is_changed_once_per_key(talk: Conversation) -> None:
    headers = {"Authorization": "Bearer copt_test_" + "1" * 32, "Idempotency-Key": "k"}
    first = talk.call("PATCH", "/api/v1/customers/cus_2", {"first_name": "Benno", "tags": ["new"]}, headers)
    assert (first.status, first.data["first_name"]) == (200, "Benno")
    assert talk.get("/api/v1/customers/cus_2").data["tags"] == ["new"]
    again = talk.call("PATCH", "/api/v1/customers/cus_2", {"first_name": "Other"}, headers)
    assert again.status == 409
    assert talk.call("PATCH", "/api/v1/customers/cus_2", {"id": "cus_9"}).code == "validation_failed"
    assert talk.call("PATCH", "/api/v1/customers/cus_9", {"first_name": "x"}).code == "not_found"


def test_keys_are_made_masked_and_revoked(talk: Conversation) -> None:
    made = talk.post("/api/v1/api-keys", {"name": "CI", "scopes": ["orders:read"]})
    assert made.status == 201
    token = made.data["token"]
    assert talk.call("GET", "/api/v1/orders", None, {"Authorization": f"Bearer {token}"}).status == 200
    assert token.encode() not in talk.get("/api/v1/api-keys").body
    assert talk.call("DELETE", f"/api/v1/api-keys/{made.data['id']}").status == 204
    assert talk.call("GET", "/api/v1/orders", None, {"Authorization": f"Bearer {token}"}).status == 401
    assert talk.post("/api/v1/api-keys", {"name": "CI", "scopes": ["everything"]}).code == "validation_failed"


def test_scopes_bind(talk: Conversation) -> None:
    narrow = {"Authorization": f"Bearer {ORDERS_TOKEN}"}
    assert talk.call("GET", "/api/v1/orders", None, narrow).status == 200
    for path in ("/api/v1/customers", "/api/v1/orders?include=attributions", "/api/v1/attribution"):
        answer = talk.call("GET", path, None, narrow)
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.json()["error"]["details"]["required_scope"]
