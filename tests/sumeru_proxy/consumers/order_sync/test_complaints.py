"""What users of other connectors complain of, one test a kind. Against a real Tryton where it is about the ERP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync import engine
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.consumers.order_sync.targets.interface import CREATED, UNCHANGED, Entry, NotMappable, Receipt
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN, hear, live, work
from tests.sumeru_proxy.consumers.order_sync.erp import (
    AT,
    MUG,
    Ledger,
    Ledgers,
    documents,
    line,
    order,
    problem,
    tax,
    written,
)
from tests.upstream import Upstream

pytestmark = pytest.mark.timeout(600)
ONE = order("12.00", MUG)


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def test_01_a_deleted_product_stops_neither_its_order_nor_those_after_it(ledger: Ledger) -> None:
    target = ledger.target()
    deleted = order("12.00", line("12.00", sku="GONE", tax_lines=(tax("2.00"),)), id="ord_1")
    unknown_rate = order("11.00", line("11.00", tax_lines=(tax("1.00", "0.099"),)), id="ord_2")
    orders = [deleted, unknown_rate, *(replace(ONE, id=f"ord_{n}") for n in range(3, 7))]
    outcomes = target.write([Entry(each) for each in documents(orders)])
    assert [isinstance(each, Receipt) for each in outcomes] == [True, False, True, True, True, True]
    assert isinstance(outcomes[1], NotMappable)
    rows = ledger.door.search(
        "sale.line",
        [["sale.web_shop", "=", ledger.shop], ["sale.web_id", "=", "ord_1"]],
        ["product.code", "description"],
    )
    assert [(each["product"]["code"], each["description"]) for each in rows] == [
        ("SUMERU-OTHER", "Title of GONE (GONE)")
    ]


@pytest.mark.parametrize(
    ("given", "untaxed"),
    [
        # A discount on a price with tax lowers the net by its part of it.
        (order("10.80", line("12.00", discount=D("1.20"), tax_lines=(tax("1.80"),))), "9.00"),
        # Tax on top.
        (order("12.00", line("10.00", tax_lines=(tax("2.00"),)), taxes_included=False), "10.00"),
        # Shipping has a tax of its own.
        (
            order(
                "16.80", MUG, shipping_lines=(shapes.ShippingLine(D("4.80"), "s", "Post", tax_lines=(tax("0.80"),)),)
            ),
            "14.00",
        ),
        # Two rates, each on its line.
        (order("22.70", MUG, line("10.70", id="b", tax_lines=(tax("0.70", "0.07"),))), "20.00"),
    ],
)
def test_02_totals_and_taxes_are_the_shop_s(ledger: Ledger, given: shapes.Order, untaxed: str) -> None:
    written(ledger.target(), given)
    (sale,) = ledger.sales("untaxed_amount", "tax_amount")
    assert (sale["total_amount"], str(sale["untaxed_amount"])) == (given.total_price, untaxed)


def test_03_refunds_are_followed_also_several_and_late_ones(ledger: Ledger) -> None:
    target = ledger.target(state="confirmed")
    two = order("24.00", line("12.00", 2, tax_lines=(tax("4.00"),)))
    refunds = tuple(
        shapes.Refund(
            f"ref_{n}",
            D("12.00"),
            AT + timedelta(days=n),
            D("2.00"),
            (shapes.RefundLine("li_1", 1, D("12.00"), D("2.00")),),
        )
        for n in (1, 40)
    )
    written(target, two)
    written(target, replace(two, refunds=refunds[:1]))
    assert written(target, replace(two, refunds=refunds)).refunded == 2400
    assert sum(row["total_amount"] for row in ledger.sales()) == 0


def test_04_the_order_s_currency_is_kept(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, order("1190", line("1190", tax_lines=(tax("108", "0.1"),)), currency="JPY"))
    (sale,) = ledger.sales("currency.code")
    assert (sale["currency"]["code"], str(sale["total_amount"])) == ("JPY", "1190")
    assert problem(target, order("12.00", MUG, id="ord_2", currency="SEK")).reason == "currency_unknown"


def test_05_nobody_exists_twice_not_even_guests_who_order_at_the_same_moment(ledger: Ledger) -> None:
    guest = {"customer": None, "email": "Guest@mail.example"}
    targets = [ledger.target() for _ in range(4)]
    at_once(
        4,
        lambda n: targets[n].write([Entry(each) for each in documents([order("12.00", MUG, id=f"ord_{n}", **guest)])]),
    )
    assert len(ledger.parties()) == 1
    assert len(ledger.sales()) == 4
    written(targets[0], order("12.00", MUG, id="ord_9", customer=None, email="guest@MAIL.example"))
    assert len(ledger.parties()) == 1


def test_06_products_are_found_by_sku_and_none_is_made(ledger: Ledger) -> None:
    before = len(ledger.door.search("product.product", [], ["code"], limit=1_000))
    written(ledger.target(), order("12.00", line("12.00", sku="TENT", tax_lines=(tax("2.00"),))))
    assert len(ledger.door.search("product.product", [], ["code"], limit=1_000)) == before
    (sale,) = ledger.sales("lines.product.code")
    assert sale["lines"][0]["product"]["code"] == "TENT"


def test_07_events_out_of_order_end_in_the_same_state(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    (order_id,) = live(sandbox, 1, steps=["created", "attributed"])
    hear(shop, order_id, "evt_2", kind="order.attributed")
    work()
    before = Link.objects.values_list("sent_fingerprint", "state").get()
    hear(shop, order_id, "evt_1", kind="order.created")
    work()
    assert Link.objects.values_list("sent_fingerprint", "state").get() == before
    assert before[1] == "sent"


def test_08_the_same_webhook_several_times_at_once_makes_one_sale(ledger: Ledger) -> None:
    targets = [ledger.target() for _ in range(6)]
    outcomes = at_once(6, lambda n: targets[n].write([Entry(each) for each in documents([ONE])])[0])
    assert {each.action for each in outcomes if isinstance(each, Receipt)} <= {CREATED, UNCHANGED}
    assert [row["web_id"] for row in ledger.sales()] == ["ord_1"]
    assert len(ledger.parties()) == 1


def test_09_a_job_is_neither_stuck_nor_run_by_two_servers(row: OrderTarget) -> None:
    engine.take(row, [ONE])
    now = timezone.now()
    assert len(engine._claim_links(row, 10, None, now)) == 1
    assert engine._claim_links(row, 10, None, now) == []  # another server has it in hand
    later = now + engine.CLAIM + timedelta(seconds=2)
    assert len(engine._claim_links(row, 10, None, later)) == 1  # that server was killed


def test_10_a_customer_whom_the_merchant_mended_is_neither_overwritten_nor_in_the_way(ledger: Ledger) -> None:
    target = ledger.target()
    written(target, ONE)
    (party,) = ledger.parties()
    ledger.door.update("party.party", party["id"], {"name": "Doe & Sons Ltd"})
    moved = replace(
        ONE, id="ord_2", billing_address=shapes.Address("Jo", "Doe", address1="Neu 2", city="Bonn", country="DE")
    )
    written(target, moved)
    (party,) = ledger.parties()
    assert party["name"] == "Doe & Sons Ltd"
    assert sorted(each["city"] for each in party["addresses"]) == ["Bonn", "Köln"]


@pytest.mark.thorough
def test_11_a_back_fill_has_no_limit_and_does_not_stop_at_an_error(
    shop: Shop, sandbox: Upstream, row: OrderTarget
) -> None:
    ids = live(sandbox, 130, steps=["created"])
    data = sandbox.sandbox.world.shops[DOMAIN]
    broken = {**dict(data.orders[ids[3]]), "total_price": "1.23456"}
    sandbox.sandbox.control.put_order({"shop": DOMAIN, "order": broken})
    installed.owe("order_sync", "backfill", shop.pk, {"target": row.pk, "since": "2000-01-01T00:00:00Z"}, key="a")
    work()
    assert Link.objects.filter(order_id__in=ids).count() == 130
    assert Link.objects.get(order_id=ids[3]).reason == "amount_precision"
    assert not Link.objects.filter(state="due").exists()


def test_12_nothing_from_before_the_start_is_booked_by_itself(row: OrderTarget) -> None:
    assert OrderTarget._meta.get_field("start_at").null  # a person chooses it: there is no default that reaches back
    row.start_at = AT + timedelta(days=1)
    assert engine.take(row, [ONE]) == 0
    assert engine.take(row, [replace(ONE, id="ord_2", created_at=AT + timedelta(days=2))]) == 1


def test_13_a_failed_page_of_a_back_fill_stays_owed(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    ids = live(sandbox, 20, seed=6)
    sandbox.fault("status", endpoint="orders", status=500)
    installed.owe("order_sync", "backfill", shop.pk, {"target": row.pk, "since": "2000-01-01T00:00:00Z"}, key="a")
    work(base_s=30.0, longest_s=60.0)
    assert Link.objects.count() == 0
    assert Job.objects.get(kind="order_sync:backfill").state == "waiting"
    sandbox.heal()
    Job.objects.update(next_at=timezone.now())
    from sumeru_proxy.models import Bucket

    Bucket.objects.all().delete()  # the breaker's pause is over
    from sumeru_proxy import limit_stores

    limit_stores.shared.forget()
    from django.core.cache import cache

    cache.clear()
    work()
    assert Link.objects.filter(order_id__in=ids).count() == 20


def test_14_several_shops_and_companies(ledgers: Ledgers) -> None:
    euros, dollars, other = ledgers("acme-eur"), ledgers("acme-usd"), ledgers("beta-usd")
    for each in (euros, dollars, other):
        written(each.target(), order("12.00", MUG, currency="EUR" if each is euros else "USD"))
    companies = [each.sales("company.rec_name")[0]["company"]["rec_name"] for each in (euros, dollars, other)]
    assert companies == ["Acme", "Acme", "Beta"]
    assert [len(each.sales()) for each in (euros, dollars, other)] == [1, 1, 1]


@pytest.mark.parametrize(("state", "invoices"), [("draft", 0), ("quotation", 0), ("confirmed", 1)])
def test_15_draft_quotation_or_confirmed_with_an_invoice(ledger: Ledger, state: str, invoices: int) -> None:
    written(ledger.target(state=state), order("49.00", line("49.00", sku="COURSE", tax_lines=(tax("8.17"),))))
    (sale,) = ledger.sales("invoices.state")
    assert [each["state"] for each in sale["invoices"]] == ["draft"] * invoices


def test_16_what_does_not_arrive_says_why(ledger: Ledger, row: OrderTarget, tmp_path: Path) -> None:
    found = problem(ledger.target(), order("11.00", line("11.00", tax_lines=(tax("1.00", "0.099"),))))
    assert (found.reason, found.text) == ("tax_unknown", "Tryton has no tax of 9.9 % for this company")
    engine.take(row, [order("12.001", MUG, created_at=datetime.now(UTC))])
    link = Link.objects.get()
    assert (link.state, link.reason, link.text) == (
        "parked",
        "amount_precision",
        "12.001 has more than 2 decimals of EUR",
    )
