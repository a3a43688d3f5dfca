"""The orders of the built-in catalogues have every field that an order may have, and their amounts add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sumeru_proxy.client.reading import Fields, Notes
from sumeru_proxy.client.resources_orders import order_of
from sumeru_proxy.sandbox.catalogue import built_in, small_catalogue
from sumeru_proxy.sandbox.clock import Clock
from sumeru_proxy.sandbox.orders.filling import filled
from sumeru_proxy.sandbox.shop_data import ShopData
from sumeru_proxy.sandbox.world import World


def shops(catalogue: dict[str, Any]) -> dict[str, ShopData]:
    return World(catalogue, "http://127.0.0.1", Clock()).shops


@pytest.mark.parametrize("catalogue", [built_in(), small_catalogue()], ids=["demo", "small"])
def test_every_field_is_there_and_the_amounts_add_up(catalogue: dict[str, Any]) -> None:
    for shop in shops(catalogue).values():
        assert shop.orders
        for raw in shop.orders.values():
            notes = Notes()
            order = order_of(Fields(dict(raw), "order", notes))
            assert (order.taxes_included, order.test, order.source_name) == (True, False, "web")
            lines = order.line_items
            assert all(line.tax == sum(each.amount for each in line.tax_lines or ()) for line in lines)
            assert all(line.discount == sum(each.amount for each in line.discounts or ()) for line in lines)
            assert order.total_discounts == sum(each.amount for each in order.discounts or ())
            assert order.shipping_price == sum(each.price for each in order.shipping_lines or ())
            assert order.total_price == sum(each.amount for each in order.payments or ())
            for refund in order.refunds or ():
                shipping = refund.shipping.amount if refund.shipping else Decimal(0)
                assert refund.amount == order.total_price == sum(each.amount for each in refund.lines) + shipping
            touches = [touch for each in order.attributions for touch in each.touchpoints]
            assert all(touch.device and touch.visitor_id and touch.landing_url for touch in touches)


def test_some_are_refunded_some_had_a_discount_and_some_paid_for_shipping() -> None:
    orders = [order for shop in shops(built_in()).values() for order in shop.orders.values()]
    for name in ("refunds", "discounts", "shipping_lines"):
        assert 0 < sum(bool(order[name]) for order in orders) < len(orders)


def test_what_an_order_says_itself_stays() -> None:
    (order, *_rest) = shops(small_catalogue())["small.example"].orders.values()
    own = {
        **order,
        "taxes_included": False,
        "refunds": [{"id": "r"}],
        "line_items": [{**order["line_items"][0], "tax_lines": []}],
    }
    after = filled(own, "small.example")
    assert (after["taxes_included"], after["refunds"], after["line_items"][0]["tax_lines"]) == (
        False,
        [{"id": "r"}],
        [],
    )
    assert filled(after, "small.example") == after
