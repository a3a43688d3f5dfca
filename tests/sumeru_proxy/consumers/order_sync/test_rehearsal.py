"""Rehearsals: what a target would get, said before anything is written."""

from __future__ import annotations

from django.core.management import call_command

from sumeru_proxy.consumers.order_sync import rehearsal
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget, Rehearsal
from sumeru_proxy.models import Shop
from sumeru_proxy.outbox.delivering import client_of
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN, live
from tests.sumeru_proxy.consumers.order_sync.erp import MUG, order
from tests.sumeru_proxy.consumers.order_sync.test_engine import orders
from tests.upstream import Upstream


def test_a_rehearsal_says_what_would_be_written_and_writes_nothing(
    shop: Shop, sandbox: Upstream, row: OrderTarget
) -> None:
    live(sandbox, 25, seed=4)
    call_command("order_sync", "rehearse", shop.key, "--all", "--json")
    report = Rehearsal.objects.get().report
    assert report["orders"] >= 25
    assert Link.objects.count() == 0
    assert (
        sum(report["actions"].values())
        + sum(report["skipped"].values())
        + sum(each["count"] for each in report["problems"].values())
        == report["orders"]
    )
    call_command("sync_orders", shop.key, "--since", "3650d")
    happened = dict(Link.objects.values_list("order_id", "total"))
    predicted = {
        order_id: total for order_id, action, total, _rounding, _reason in report["each"] if action == "created"
    }
    assert predicted == {
        each: happened[each] for each in Link.objects.filter(state="sent").values_list("order_id", flat=True)
    }


def test_a_rehearsal_of_all_outlasts_a_cursor(shop: Shop, sandbox: Upstream) -> None:
    live(sandbox, 230, steps=["created"])
    there = list(sandbox.sandbox.world.shops[DOMAIN].orders)
    orders = rehearsal.newest_orders(client_of(shop), None)
    ids = [next(orders).id for _ in range(150)]
    sandbox.fault("status", endpoint="orders", status=422, times=1)
    ids += [each.id for each in orders]
    assert sorted(ids) == sorted(there)
    assert len([*rehearsal.newest_orders(client_of(shop), 120)]) == 120


def test_a_rehearsal_counts_problems_by_reason(row: OrderTarget) -> None:
    bad = order("12.001", MUG, id="ord_bad", number="#7")
    with open_target(row) as target:
        report = rehearsal.rehearse(row, target, [bad, *orders("ord_1")])
    assert report["problems"]["amount_precision"]["orders"] == ["#7"]
    assert report["actions"] == {"created": 1}
