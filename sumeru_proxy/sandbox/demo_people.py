"""Draws the made-up shops' customers and orders, with the touchpoints that led to them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sumeru_proxy.sandbox.product_tables import CHANNELS, CITIES, FIRST_NAMES, LAST_NAMES

Item = dict[str, Any]
CENT = Decimal("0.01")
STAGES = ("new", "active", "loyal", "at_risk", "lapsed")
FIRST_ORDER = datetime(2026, 4, 1, 7, tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _money(amount: Decimal) -> str:
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def customers(count: int, currency: str, draw: random.Random) -> list[Item]:
    """``cus_1`` and following; totals are filled in by ``orders``."""
    firsts, lasts = FIRST_NAMES.split(), LAST_NAMES.split()
    found = []
    for number in range(count):
        first, last = firsts[number % len(firsts)], lasts[(number * 7) % len(lasts)]
        joined = datetime(2025, 1, 5, tzinfo=UTC) + timedelta(days=number * 8, hours=number % 24)
        found.append(
            {
                "id": f"cus_{number + 1}", "email": f"{first}.{last}{number + 1}@mail.example".lower(), "first_name": first,
                "last_name": last, "phone": None, "created_at": _iso(joined), "updated_at": _iso(joined),
                "tags": ["vip"] if number % 9 == 0 else [], "lifecycle_stage": STAGES[int(draw.random() * len(STAGES))],
                "opt_in": {"email": draw.random() < 0.7, "sms": draw.random() < 0.2}, "orders_count": 0,
                "total_spent": "0.00", "currency": currency,
            }
        )  # fmt: skip
    return found


def orders(count: int, people: list[Item], products: list[Item], currency: str, draw: random.Random) -> list[Item]:
    """``ord_1`` and following, oldest first; adds up each customer's totals."""
    found = []
    for number in range(1, count + 1):
        customer = people[int(draw.random() ** 1.5 * len(people))]
        at = FIRST_ORDER + timedelta(hours=number * 40, minutes=int(draw.random() * 600))
        order = _order(number, customer, products, currency, at, draw)
        customer["orders_count"] += 1
        customer["total_spent"] = _money(Decimal(customer["total_spent"]) + Decimal(order["total_price"]))
        found.append(order)
    return found


def _order(number: int, customer: Item, products: list[Item], currency: str, at: datetime, draw: random.Random) -> Item:
    lines, subtotal, discounts = [], Decimal(0), Decimal(0)
    for place in range(1 + int(draw.random() * 3)):
        product = products[int(draw.random() * len(products))]
        quantity = 1 + int(draw.random() ** 3 * 3)
        full = Decimal(product["price"]) * quantity
        discount = (full / 10).quantize(CENT, ROUND_HALF_UP) if draw.random() < 0.2 else Decimal(0)
        tax = ((full - discount) * 20 / 120).quantize(CENT, ROUND_HALF_UP)
        subtotal, discounts = subtotal + full, discounts + discount
        lines.append(
            {
                "id": f"lin_{number}_{place + 1}", "product_id": product["id"], "variant_id": product["variant_id"],
                "sku": f"RH-{product['id'][4:]}", "title": product["title"], "quantity": quantity,
                "price": product["price"], "tax": _money(tax), "discount": _money(discount),
            }
        )  # fmt: skip
    shipping = Decimal("0.00") if subtotal >= 75 else Decimal("5.90")
    total = subtotal - discounts + shipping
    city, postcode, country = CITIES[int(draw.random() * len(CITIES))]
    address = {
        "first_name": customer["first_name"], "last_name": customer["last_name"], "company": None,
        "address1": f"{1 + int(draw.random() * 90)} Mill Lane", "address2": None, "city": city, "zip": postcode,
        "province": None, "country": country, "phone": None,
    }  # fmt: skip
    refunded = draw.random() < 0.05
    return {
        "id": f"ord_{number}", "number": str(10_000 + number), "created_at": _iso(at),
        "updated_at": _iso(at + timedelta(hours=3)), "currency": currency, "total_price": _money(total),
        "subtotal_price": _money(subtotal), "total_tax": _money(sum((Decimal(line["tax"]) for line in lines), Decimal(0))),
        "total_discounts": _money(discounts), "shipping_price": _money(shipping),
        "financial_status": "refunded" if refunded else "paid",
        "fulfillment_status": "fulfilled" if number % 5 else "unfulfilled",
        "customer": {name: customer[name] for name in ("id", "email", "first_name", "last_name")},
        "shipping_address": address, "billing_address": address, "line_items": lines,
        "attributions": [_attribution(number, total, currency, at, draw)] if draw.random() < 0.93 else [],
    }  # fmt: skip


def _attribution(number: int, total: Decimal, currency: str, at: datetime, draw: random.Random) -> Item:
    """Linear credit: the same for every touchpoint, cents left over going to the last."""
    count = 1 + int(draw.random() * 4)
    share = (total / count).quantize(CENT, ROUND_HALF_UP)
    touchpoints = []
    for place in range(count):
        channel, source, medium, campaign = CHANNELS[int(draw.random() * len(CHANNELS))]
        credit = share if place < count - 1 else total - share * (count - 1)
        occurred = at - timedelta(days=(count - place) * 2, minutes=int(draw.random() * 900))
        touchpoints.append(
            {
                "id": f"tp_{number}_{place + 1}", "channel": channel, "source": source, "medium": medium,
                "campaign_id": campaign, "occurred_at": _iso(occurred), "weight": f"{1 / count:.4f}",
                "credited_revenue": _money(credit),
            }
        )  # fmt: skip
    return {
        "order_id": f"ord_{number}", "model": "linear", "revenue": _money(total), "currency": currency,
        "touchpoints": touchpoints,
    }  # fmt: skip
