"""Reads are braked by what they cost, over all processes, and a storefront's own server has a share of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy import memory, secrets
from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from widgets.http import brakes, throttles

pytestmark = pytest.mark.stores
KEY = "k" * 40


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


@pytest.mark.parametrize(
    ("calls", "cpu_s", "size", "cost"),
    [(0, 0.003, 9_000, 1), (1, 0.0, 0, 5), (0, 2.0, 0, 101), (0, 0.0, 3_300_000, 51), (2, 0.05, 70_000, 12)],
)
def test_what_an_answer_costs(calls: int, cpu_s: float, size: int, cost: int) -> None:
    assert brakes.cost_of(calls, cpu_s, size) == cost


def test_calls_to_sumeru_are_counted(client: Client, shop: Shop, settings: Any) -> None:
    settings.CLIENT_READS_PER_MINUTE = 30
    address = f"/w/v1/{shop.key}/bundles.json"
    answers = [client.get(address, {"product_id": f"prd_{number}"}) for number in range(1, 20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused  # nineteen small answers alone would be free
    assert int(refused[0]["Retry-After"]) >= 1


def test_who_spends_much_is_known_to_other_processes(shop: Shop) -> None:
    brakes.costs.charge("203.0.113.9", 500, 600)
    memory.forget_all()  # another process
    assert throttles.reads.wait_s("203.0.113.9", 600) == 0.0
    brakes.costs.charge("203.0.113.9", 110, 600)
    assert throttles.reads.wait_s("203.0.113.9", 600) > 0


@pytest.mark.parametrize("ahead_s", [3_600.0, 300.0, -3_600.0])
def test_nobody_is_refused_because_another_machines_clock_is_apart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    here = time.time()
    monkeypatch.setattr(time, "time", lambda: here + ahead_s)
    brakes.costs.charge("203.0.113.9", 30, 600)
    assert throttles.log_ins.wait_s("203.0.113.9", 10) == 0.0
    memory.forget_all()  # another process, on a machine with the right time
    monkeypatch.setattr(time, "time", lambda: here)
    brakes.costs.charge("203.0.113.9", 30, 600)
    assert throttles.reads.wait_s("203.0.113.9", 600) == 0.0
    assert throttles.log_ins.wait_s("203.0.113.9", 10) == 0.0


def test_who_reads_little_costs_no_other_store(shop: Shop, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        for _ in range(brakes.SHARED_FROM - 1):
            brakes.costs.charge("203.0.113.9", 1, 600)


def test_whoever_spent_much_is_free_again_after_a_minute() -> None:
    meter = throttles.Meter()
    assert meter.wait_s("a", 60, now=0.0) == 0.0
    meter.charge("a", 10_000, 60, now=0.0)
    assert 60.0 < meter.wait_s("a", 60, now=0.0) <= 61.0


@pytest.mark.parametrize(("given", "statuses"), [(KEY, {200}), ("x" * 40, {200, 429}), ("", {200, 429})])
def test_a_storefronts_server_has_a_share_of_its_own(
    client: Client, shop: Shop, settings: Any, given: str, statuses: set[int]
) -> None:
    secrets.store(shop, "server_key", KEY)
    settings.CLIENT_READS_PER_MINUTE = 3
    address = f"/w/v1/{shop.key}/quiz.json"
    headers = {brakes.HEADER: given} if given else {}
    found = {client.get(address, {"quiz_id": "q"}, headers=headers).status_code for _ in range(6)}
    assert found == statuses


def test_a_servers_key_is_of_one_shop(
    client: Client, shop: Shop, make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any
) -> None:
    secrets.store(shop, "server_key", KEY)
    other = make_shop(sandbox.url, name="Other", **sandbox.account(1))
    settings.CLIENT_READS_PER_MINUTE = 3
    address = f"/w/v1/{other.key}/quiz.json"
    found = [client.get(address, {"quiz_id": "q"}, headers={brakes.HEADER: KEY}).status_code for _ in range(6)]
    assert found[-1] == 429


def test_a_key_that_retires_and_the_new_one_both_count(shop: Shop, rf: Any) -> None:
    secrets.store(shop, "server_key", KEY)
    secrets.store(shop, "server_key", "n" * 40, keep_old=True)
    for key in (KEY, "n" * 40):
        assert brakes.proves_server(rf.get("/", headers={brakes.HEADER: key}), shop.pk)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"prefer": "respond-async"}, "server_without_key"),
        ({"sec-fetch-mode": "cors", "origin": "https://shop.example"}, "client_network"),
        ({brakes.HEADER: KEY}, "server_share"),
    ],
)
def test_a_refusal_says_why(
    client: Client, shop: Shop, settings: Any, caplog: pytest.LogCaptureFixture, headers: dict[str, str], reason: str
) -> None:
    secrets.store(shop, "server_key", KEY)
    settings.CLIENT_READS_PER_MINUTE = settings.SERVER_READS_PER_MINUTE = 1
    caplog.set_level(logging.WARNING)
    address = f"/w/v1/{shop.key}/quiz.json"
    answers = [client.get(address, {"quiz_id": "q"}, headers=headers) for _ in range(5)]
    error = answers[-1].json()["error"]
    assert (answers[-1].status_code, error["details"]["reason"]) == (429, reason)
    assert ("server key" in error["message"]) == (reason == "server_without_key")
    assert sum("reads refused" in line for line in caplog.messages) == 1
