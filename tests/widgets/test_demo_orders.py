"""Orders in the demo: they arrive in accounting files by themselves; what an ERP of the demo would hold; and none when not asked for."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sumeru_proxy.consumers.order_sync.tryton.set_up import plan_of
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import upstream
from tests.widgets.demo_runs import eventually, running
from widgets.demo import order_life, order_targets
from widgets.demo.addresses import Addresses
from widgets.demo.ordering import Ordering


def ordering(*wanted: str, folder: Path = Path("/x")) -> Ordering:
    return Ordering(wanted, Addresses(8000, 8001, 8002), folder, None, 8003)


def test_what_is_asked_for() -> None:
    assert (ordering("files").on, ordering("files").with_erp) == (True, False)
    assert (ordering("erp").on, ordering("erp").with_erp) == (True, True)
    assert (ordering("nothing").on, ordering("nothing", "erp").with_erp) == (False, False)


def test_the_facts_tell_where_to_look(tmp_path: Path) -> None:
    assert ordering("nothing").facts("http://a/admin/", 7) == {}
    found = ordering("erp", folder=tmp_path).facts("http://a/admin/", 7)
    assert found["orders"] == "http://a/admin/sumeru_proxy/shop/7/consumers/order_sync/orders/"
    assert found["erp"] == "http://127.0.0.1:8003"
    assert len(found["erp_password"]) == 64
    assert (tmp_path / "erp_key").stat().st_mode & 0o777 == 0o600
    assert found == ordering("erp", folder=tmp_path).facts("http://a/admin/", 7)


def test_the_plan_of_the_erp_is_one_that_the_command_reads(tmp_path: Path) -> None:
    shop = small_catalogue()["shops"][0]
    file = tmp_path / "erp" / "plan.json"
    order_targets.write_plan(file, None)
    assert plan_of("k", json.loads(file.read_text(encoding="utf-8"))).companies[0].shops == {"demonstration": "EUR"}
    plan = plan_of("a-key", order_targets.erp_plan(shop, 2026))
    skus = {each.sku for each in plan.products}
    assert {"SUMERU-OTHER", "GIFT"} < skus
    assert {f"SKU-{each['id'].removeprefix('prd_')}" for each in shop["products"]} < skus
    assert plan.years == [2025, 2026, 2027]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"companies": [{"colour": 1}], "products": []}'])
def test_a_plan_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match="--plan"):
        call_command("order_sync", "erp", str(tmp_path), "--plan", str(file))


def test_orders_come_one_batch_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is real; only the waiting between two looks is cut short, and what it waits for is looked at instead."""
    with upstream(small_catalogue()) as sandbox:
        url = f"{sandbox.url}/_sandbox/orders/live"
        monkeypatch.setattr(order_life, "MAX_ORDERS", 40)
        monkeypatch.setattr("sys.argv", ["order_life", "--sandbox", sandbox.url, "--pause-s", "0.001"])

        def until_it_rests(_seconds: float) -> None:
            deadline = time.monotonic() + 60
            while (order_life.ask(url) or {}).get("running"):
                assert time.monotonic() < deadline

        monkeypatch.setattr(order_life.time, "sleep", until_it_rests)
        before = len(sandbox.sandbox.world.shops["small.example"].orders)
        order_life.main()
        assert len(sandbox.sandbox.world.shops["small.example"].orders) == before + 40
    assert order_life.ask(url) is None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_orders_arrive_in_accounting_files(tmp_path: Path) -> None:
    with running(tmp_path / "demo") as run:
        facts = run.facts()
        sandbox = facts["sandbox"].rstrip("/")

        def lines() -> int:
            files = Path(facts["books"]).glob("*/*/orders.jsonl")
            return sum(len(each.read_text(encoding="utf-8").splitlines()) for each in files)

        eventually(lambda: lines() >= 1, 90, "an order is in the books")
        with urllib.request.urlopen(f"{sandbox}/_sandbox/orders/live", timeout=10) as answer:
            assert json.load(answer)["data"]["acts"] > 20
        assert facts["orders"].startswith(facts["admin"])


@pytest.mark.slow
def test_no_orders_when_none_are_wanted(tmp_path: Path) -> None:
    with running(tmp_path / "demo", "--with", "nothing") as run:
        facts = run.facts()
        assert "orders" not in facts
        assert not (tmp_path / "demo" / "books").exists()
