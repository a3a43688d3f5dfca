"""202 for answers that are not finished, when that is preferred: caches of storefront servers go by the status alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.upstream import Upstream

ASYNC = {"prefer": 'return=minimal, Respond-Async; wait="1"'}


@pytest.fixture
def base(make_shop: Callable[..., Any], sandbox: Upstream) -> str:
    account = sandbox.account()
    return f"/w/v1/{make_shop(sandbox.url, domain=account['domain'], public_key=account['public_key']).key}"


def test_pending(base: str, sandbox: Upstream, client: Client, settings: Any) -> None:
    sandbox.fault("latency", endpoint="reviews", seconds=5)
    path = f"{base}/reviews.json?product_id={sandbox.product()}"
    preferred = client.get(path, headers=ASYNC)
    assert (preferred.status_code, preferred.json()["state"]) == (202, "pending")
    assert preferred["Cache-Control"] == "no-store"
    usual = client.get(path)
    assert (usual.status_code, usual.json()["state"]) == (200, "pending")
    batch = f"{base}/batch?w=reviews?product_id={sandbox.product()}"
    assert client.get(batch, headers=ASYNC).status_code == 202
    assert client.get(batch).status_code == 200


def test_finished_is_200_and_an_error_in_a_batch_is_not(base: str, sandbox: Upstream, client: Client) -> None:
    reviews = f"reviews?product_id={sandbox.product()}"
    answer = client.get(f"{base}/{reviews.replace('?', '.json?')}", headers=ASYNC)
    assert (answer.status_code, answer.json()["state"]) == (200, "ready")
    assert client.get(f"{base}/batch", {"w": reviews}, headers=ASYNC).status_code == 200
    assert client.get(f"{base}/batch", {"w": [reviews, "no_such"]}, headers=ASYNC).status_code == 202
