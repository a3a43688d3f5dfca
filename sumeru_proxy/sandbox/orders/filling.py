"""What a catalogue's orders leave out and what follows from the rest: taxes and discounts in parts, payments, refunds, how people came.

A catalogue then only says what was bought. What an order says itself stays. Pure; the same order gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

Item = dict[str, Any]
_ZERO: Final = "0.00"
_DEVICES: Final = ("mobile", "desktop", "tablet")


def filled(order: Item, domain: str) -> Item:
    """The order with the optional fields of ``client/resources_orders.py``; one without amounts to add up stays as it is."""
    try:
        return _filled(order, domain)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return order


def _filled(order: Item, domain: str) -> Item:
    lines = [_line(each) for each in order.get("line_items") or ()]
    discount = order.get("total_discounts", _ZERO)
    customer = order.get("customer") or {}
    whole: Item = {
        "cancelled_at": None,
        "cancel_reason": None,
        "taxes_included": True,
        "test": False,
        "source_name": "web",
        "email": customer.get("email"),
        "discounts": [_discount(discount)] if Decimal(discount) else [],
        "shipping_lines": _shipping(order),
        "payments": [_payment(order)],
        "refunds": [_refund(order, lines)] if order.get("financial_status") == "refunded" else [],
    }
    attributions = [_attribution(each, domain, customer) for each in order.get("attributions") or ()]
    return {**whole, **order, "line_items": lines, "attributions": attributions}


def _discount(amount: str) -> Item:
    parts = {"code": "WELCOME", "title": "Welcome", "level": "order", "kind": "fixed_amount"}
    return {**parts, "value": amount, "amount": amount}


def _line(line: Mapping[str, Any]) -> Item:
    tax, discount = line.get("tax", _ZERO), line.get("discount", _ZERO)
    net = Decimal(line["price"]) * line["quantity"] - Decimal(discount) - Decimal(tax)
    rate = format(round(Decimal(tax) / net, 2), "f") if net else "0"
    taxes = [{"title": "VAT", "rate": rate, "amount": tax}] if Decimal(tax) else []
    discounts = [_discount(discount)] if Decimal(discount) else []
    return {"gift_card": False, "tax_lines": taxes, "discounts": discounts, **line}


def _shipping(order: Mapping[str, Any]) -> list[Item]:
    price = order.get("shipping_price", _ZERO)
    if not Decimal(price):
        return []
    return [
        {
            "id": f"shp_{order['id']}",
            "title": "Standard",
            "price": price,
            "discount": _ZERO,
            "tax": _ZERO,
            "tax_lines": [],
        }
    ]


def _payment(order: Mapping[str, Any]) -> Item:
    about = {"id": f"pay_{order['id']}_1", "kind": "card", "gateway": "sumeru_pay"}
    return {**about, "amount": order["total_price"], "created_at": order["created_at"]}


def _refund(order: Mapping[str, Any], lines: list[Item]) -> Item:
    """All of it, when the order was changed last."""
    back = []
    for line in lines:
        amount = Decimal(line["price"]) * line["quantity"] - Decimal(line.get("discount", _ZERO))
        tax = line.get("tax", _ZERO)
        about = {"line_id": line["id"], "quantity": line["quantity"], "tax_lines": line["tax_lines"]}
        back.append({**about, "amount": format(amount, "f"), "tax": tax})
    price = order.get("shipping_price", _ZERO)
    shipping = {"amount": price, "tax": _ZERO, "tax_lines": []} if Decimal(price) else None
    about = {"id": f"ref_{order['id']}_1", "created_at": order["updated_at"], "reason": ""}
    amounts = {"amount": order["total_price"], "tax": order.get("total_tax", _ZERO)}
    return {**about, **amounts, "lines": back, "shipping": shipping}


def _attribution(entry: Mapping[str, Any], domain: str, customer: Mapping[str, Any]) -> Item:
    visitor = f"vis_{customer.get('id') or entry['order_id']}"
    touches = []
    for number, touch in enumerate(entry.get("touchpoints") or ()):
        query = "&".join(f"utm_{name}={touch[name]}" for name in ("source", "medium") if touch.get(name))
        landing = f"https://{domain}/" + (f"?{query}" if query else "")
        about = {"device": _DEVICES[number % len(_DEVICES)], "visitor_id": visitor, "landing_url": landing}
        touches.append({**about, **touch})
    return {**entry, "touchpoints": touches}
