"""Who is let in."""

from __future__ import annotations

import pytest

from tests.sumeru_proxy.sandbox.conversation import KEY, ORDERS_TOKEN, OTHER_KEY, TOKEN, Conversation

SHOP, ORIGIN = "small.example", "https://small.example"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Public-Key": KEY}, 200),
        ({"X-Public-Key": KEY, "X-Shop-Domain": SHOP}, 200),
        ({"X-Public-Key": OTHER_KEY, "X-Shop-Domain": SHOP}, 403),
        ({"X-Public-Key": "pk_live_" + "9" * 32}, 401),
        ({"X-Shop-Domain": SHOP, "Origin": ORIGIN}, 200),
        ({"X-Shop-Domain": SHOP, "Origin": "https://other.example"}, 403),
        ({"X-Shop-Domain": SHOP, "Origin": ORIGIN + ".evil.example"}, 403),
        ({"X-Shop-Domain": SHOP}, 401),
        ({"X-Shop-Domain": "nobody.example", "Origin": ORIGIN}, 401),
        ({"Origin": ORIGIN}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 401),
        ({}, 401),
    ],
)
def test_public_credentials(talk: Conversation, headers: dict[str, str], status: int) -> None:
    answer = talk.call("GET", "/api/public/reviews?product_id=prd_1", None, headers)
    assert answer.status == status
    if status != 200:
        assert answer.code == {401: "unauthenticated", 403: "forbidden"}[status]
        assert int(answer.headers["x-ratelimit-limit"]) > 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer {ORDERS_TOKEN}"}, 200),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 401),
        ({"Authorization": "Bearer copt_live_" + "1" * 32}, 401),
        ({"X-Public-Key": KEY}, 401),
        ({"X-Shop-Domain": SHOP, "Origin": ORIGIN}, 401),
        ({}, 401),
    ],
)
def test_admin_credentials(talk: Conversation, headers: dict[str, str], status: int) -> None:
    answer = talk.call("GET", "/api/v1/orders", None, headers)
    assert answer.status == status
    if status != 200:
        assert answer.code == "unauthenticated"


def test_a_token_sees_its_own_shop_only(talk: Conversation) -> None:
    other = {"Authorization": "Bearer copt_test_" + "2" * 32}
    assert talk.call("GET", "/api/v1/orders/ord_1", None, other).data["currency"] == "USD"
    assert talk.get("/api/v1/orders/ord_1").data["currency"] == "EUR"


def test_cors_is_for_the_shops_origins(talk: Conversation) -> None:
    answer = talk.get("reviews?product_id=prd_1", Origin=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in talk.get("reviews?product_id=prd_1", Origin="https://e.example").headers
    preflight = talk.call("OPTIONS", "/api/public/reviews", None, {"Origin": ORIGIN})
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "access-control-allow-origin" not in talk.call("OPTIONS", "/api/public/reviews", None, {}).headers
