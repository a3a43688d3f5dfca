"""Pages while calls are scarce: what cannot be had is asked for once, and nearly every read brings reviews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sumeru_proxy import accounts, limit_stores, secrets
from sumeru_proxy.client.limiter import Store
from sumeru_proxy.models import Credential, Shop
from tests.upstream import Upstream

pytestmark = pytest.mark.stores
GRID = "&".join(f"w=rating_badge?product_id=prd_{number}" for number in range(1, 49))


class CountingStore:
    """The real store, and how often it was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changes = 0

    def change(self, keys: Any, decide: Any) -> Any:
        self.changes += 1
        return self.store.change(keys, decide)


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def test_a_cold_grid_without_calls_asks_the_limiter_once(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    client.get(f"/w/v1/{shop.key}/batch", {"w": "rating_badge?product_id=prd_3"})
    sandbox.fault("429", retry_after=30)
    client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "prd_4"})
    counting = CountingStore(limit_stores.shared())
    monkeypatch.setattr(limit_stores, "shared", lambda: counting)
    calls = sandbox.calls()
    with django_assert_max_num_queries(25):
        answer = client.get(f"/w/v1/{shop.key}/batch?{GRID}")
    states = [item["state"] for item in answer.json()["items"]]
    assert states == ["pending"] * 2 + ["ready"] + ["pending"] * 45
    assert counting.changes <= 2  # what a bulk call costs, and whether it may be made
    assert sandbox.calls() == calls


def test_a_miss_that_the_limiter_refuses_opens_no_credential(client: Client, shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("429", retry_after=30)
    address = f"/w/v1/{shop.key}/bundles.json"
    client.get(address, {"product_id": "prd_4"})
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, {"product_id": "prd_5"}).json()["state"] == "pending"
    assert not [each["sql"] for each in queries if "credential" in each["sql"]]


def test_a_credential_that_cannot_be_opened_costs_no_call(client: Client, shop: Shop, sandbox: Upstream) -> None:
    Credential.objects.update(sealed="damaged")
    for number in range(3, 11):
        address = f"/w/v1/{shop.key}/bundles.json"
        assert client.get(address, {"product_id": f"prd_{number}"}).json()["state"] == "pending"
    assert sandbox.calls() == 0
    secrets.store(shop, "public_key", sandbox.account()["public_key"])
    Credential.objects.filter(sealed="damaged").delete()
    assert client.get(f"/w/v1/{shop.key}/bundles.json", {"product_id": "prd_1"}).json()["state"] == "ready"


def test_a_page_of_reviews_leaves_its_product_to_the_refresher_when_calls_are_scarce(
    client: Client, shop: Shop, sandbox: Upstream
) -> None:
    Shop.objects.update(limits={"public_reads_per_ip": 10})  # one call, and the next in seven seconds
    answer = client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "prd_1"}).json()
    assert (answer["state"], answer["json_ld"]) == ("ready", None)
    assert (sandbox.calls("reviews"), sandbox.calls("product-feed")) == (1, 0)
    assert accounts.refresher.waiting == 1


def test_a_page_of_reviews_asks_for_its_product_while_calls_are_idle(
    client: Client, shop: Shop, sandbox: Upstream
) -> None:
    assert client.get(f"/w/v1/{shop.key}/reviews.json", {"product_id": "prd_1"}).json()["json_ld"]["name"]
    assert (sandbox.calls("reviews"), sandbox.calls("product-feed")) == (1, 1)
