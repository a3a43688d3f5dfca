"""Draws orders: as many as asked for, the same for the same seed on every machine, and the first 1,000 of 10,000 are the 1,000.

Odd cases come at fixed places of every thousand (``SCHEDULE``), so that none is missing when a thousand are drawn; all else is up
to the seed. ``cases_of`` says which ones an order shows. Every order adds up (``amounts.mismatches`` is empty).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sumeru_proxy.sandbox.clock import iso, seconds_of
from sumeru_proxy.sandbox.orders import changes
from sumeru_proxy.sandbox.orders.amounts import digits_of, major, minor, with_amounts

Item = dict[str, Any]
SAMPLES: Final[Item] = json.loads((Path(__file__).parent / "samples.json").read_text(encoding="utf-8"))
SINCE: Final = "2024-01-01T00:00:00Z"
EVERY_S: Final = 600
DAY_S: Final = 86_400

COUNTRIES: Final = {8: "JP", 12: "KW", 4: "GB", 1: "US", 6: "US", 15: "US"}
"""Of every 17 orders these go outside the euro: a prime, so that each currency meets each case below."""

SCHEDULE: Final[dict[str, tuple[int, int]]] = {
    # name: (every, at): the orders whose number leaves `at` when divided by `every`.
    "500_lines": (1_000, 500), "test_order": (50, 7), "gift_card_sold": (40, 11), "gift_card_payment": (20, 3),
    "deleted_product": (25, 9), "no_sku": (10, 5), "guest": (5, 2), "guest_without_customer": (35, 16), "free": (200, 13),
    "order_discount_percentage": (8, 3), "order_discount_fixed": (13, 6), "line_discount": (7, 3), "free_shipping": (16, 5),
    "no_shipping": (19, 2), "unpaid": (29, 5), "edited": (11, 6), "partly_refunded": (9, 4), "refunded_twice": (45, 4),
    "refunded": (31, 10), "goodwill": (47, 20), "cancelled": (33, 17), "no_touchpoints": (14, 1), "many_touchpoints": (60, 33),
    "two_models": (21, 16), "same_second": (50, 0), "no_tax": (70, 15),
}  # fmt: skip
"""Which orders show which odd case; each occurs within any 1,000 in a row."""


def sample_products(count: int = 53) -> list[Item]:
    """Products for orders that belong to no shop: ``prd_1`` and following, in euros."""
    return [
        {"id": f"prd_{n}", "variant_id": f"var_{n}", "title": f"Product {n}", "price": f"{(n * 733) % 190 + 3}.{(n * 37) % 100:02d}"}
        for n in range(1, count + 1)
    ]  # fmt: skip


class OrderGenerator:
    """Orders ``ord_g1`` and following, one every ``every_s`` seconds from ``since`` on.

    ``products`` are a shop's (``id, variant_id, title, price`` in euro cents of size). ``customers`` collects those that order
    (``cus_g1`` and following), their totals kept up. No change of an order is dated later than ``not_after``.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        products: Sequence[Mapping[str, Any]] | None = None,
        since: str = SINCE,
        every_s: int = EVERY_S,
        not_after: str | None = None,
        storefront: str = "https://shop.example",
        customers: dict[str, Item] | None = None,
        first: int = 1,
    ) -> None:
        self.customers: dict[str, Item] = {} if customers is None else customers
        self._seed, self._products, self._storefront = seed, list(products or sample_products()), storefront
        self._since, self._every_s, self._next = seconds_of(since), every_s, first
        self._not_after = seconds_of(not_after) if not_after else None

    def take(self, count: int, *, changed: bool = True) -> Iterator[Item]:
        """The next ``count`` orders, oldest first. Without ``changed`` none is edited, refunded or cancelled yet."""
        for number in range(self._next, self._next + count):
            self._next = number + 1
            yield self._order(number, changed)

    def _is(self, case: str, number: int) -> bool:
        every, at = SCHEDULE[case]
        return number % every == at

    def _time(self, seconds: float) -> str:
        return iso(min(seconds, self._not_after) if self._not_after is not None else seconds)

    def _order(self, number: int, changed: bool) -> Item:
        draw = random.Random(f"{self._seed}|{number}")  # noqa: S311
        country = self._country(number)
        rules = SAMPLES["taxes"][country]
        at = self._since + (number - 1 - self._is("same_second", number)) * self._every_s
        customer = self._customer(number, country, rules["currency"], at, draw)
        order_id, test = f"ord_g{number}", self._is("test_order", number)
        buyer: Item | None = {name: customer[name] for name in ("id", "email", "first_name", "last_name")}
        guest, bare = self._is("guest", number), self._is("guest_without_customer", number)
        if buyer is not None:
            buyer = {**buyer, "id": None} if guest else {**buyer, "orders_count": customer["orders_count"] + 1}
        order: Item = {
            "id": order_id, "number": str(100_000 + number), "created_at": self._time(at), "updated_at": self._time(at + 120),
            "cancelled_at": None, "cancel_reason": None, "currency": rules["currency"], "total_price": "0", "subtotal_price": "0",
            "total_tax": "0", "total_discounts": "0", "shipping_price": "0", "taxes_included": rules["inside"],
            "financial_status": "pending", "fulfillment_status": "fulfilled" if draw.random() < 0.8 else "unfulfilled",
            "test": test, "source_name": _one(SAMPLES["source_names"], draw), "email": customer["email"],
            "customer": None if bare else buyer, "shipping_address": None, "billing_address": _address(customer, country, draw),
            "line_items": self._lines(number, rules, draw), "shipping_lines": self._shipping(number, rules, draw),
            "discounts": self._discounts(number, rules["currency"], draw), "payments": [], "refunds": [], "attributions": [],
        }  # fmt: skip
        order["shipping_address"] = order["billing_address"]
        if order["shipping_lines"] and draw.random() < 0.15:
            order["shipping_address"] = _address(self._stranger(draw), country, draw)
        if self._is("no_tax", number):
            for item in [*order["line_items"], *order["shipping_lines"]]:
                item["tax_lines"] = []
        order = with_amounts(order)
        if not self._is("unpaid", number):
            share = draw.random() if self._is("gift_card_payment", number) else 0
            digits = digits_of(order["currency"])
            order = changes.pay(order, order["created_at"], round(minor(order["total_price"], digits) * share))
        order = self._attribute(number, order, at, draw)
        if changed:
            order = self._change(number, order, at, draw)
        if not guest and not bare and not test:
            self._count(customer, order)
        return order

    def _country(self, number: int) -> str:
        countries: list[str] = SAMPLES["euro_countries"]
        return COUNTRIES.get(number % 17) or countries[number // 17 * 3 % len(countries)]

    def _stranger(self, draw: random.Random) -> Item:
        first, last = _one(SAMPLES["names"], draw)
        return {"first_name": first, "last_name": last}

    def _customer(self, number: int, country: str, currency: str, at: float, draw: random.Random) -> Item:
        pool = (number * 2 + 4) // 5
        # Two orders in five are a new customer's, the others anybody's who was there before.
        place = pool if pool != ((number - 1) * 2 + 4) // 5 else 1 + int(draw.random() * pool)
        customer_id = f"cus_g{place}"
        existing = self.customers.get(customer_id)
        if existing is not None:
            return existing
        first, last = SAMPLES["names"][place * 7 % len(SAMPLES["names"])]
        joined_at = self._time(at)
        return {
            "id": customer_id, "email": f"{'Buyer' if place % 9 == 0 else 'buyer'}.{place}@mail.example",
            "first_name": first, "last_name": last, "phone": None, "created_at": joined_at, "updated_at": joined_at, "tags": [],
            "lifecycle_stage": "new", "opt_in": {"email": place % 3 != 0, "sms": place % 5 == 0}, "orders_count": 0,
            "total_spent": major(0, digits_of(currency)), "currency": currency,
        }  # fmt: skip

    def _count(self, customer: Item, order: Item) -> None:
        total = customer["total_spent"]
        if customer["currency"] == order["currency"]:
            digits = digits_of(order["currency"])
            total = major(minor(total, digits) + minor(order["total_price"], digits), digits)
        self.customers[customer["id"]] = {
            **customer, "orders_count": customer["orders_count"] + 1, "total_spent": total, "updated_at": order["created_at"],
            "lifecycle_stage": "active" if customer["orders_count"] else "new",
        }  # fmt: skip

    def _lines(self, number: int, rules: Item, draw: random.Random) -> list[Item]:
        count = 500 if self._is("500_lines", number) else 1 + int(draw.random() ** 2 * 5)
        digits = digits_of(rules["currency"])
        lines = []
        for place in range(1, count + 1):
            product_place = int(draw.random() * len(self._products))
            product = self._products[product_place]
            # Yen and fils of about the same worth as the product's cents.
            price = minor(product["price"], 2) * {0: 16, 2: 10, 3: 33}[digits] // (1_000 if not digits else 10)
            price = price * 100 if not digits else price
            line: Item = {
                "id": f"lin_g{number}_{place}", "product_id": product["id"], "variant_id": product.get("variant_id"),
                "sku": f"SKU-{product['id'].removeprefix('prd_')}", "title": product["title"],
                "quantity": 1 + int(draw.random() ** 4 * 6), "price": major(price, digits), "tax": "0", "discount": "0",
                "gift_card": False, "tax_lines": _rates(rules["reduced" if product_place % 4 == 1 else "standard"]), "discounts": [],
            }  # fmt: skip
            lines.append(line)
        first = lines[0]
        if self._is("deleted_product", number):
            first |= {"product_id": None, "variant_id": None, "title": f"Discontinued: {first['title']}"}
        if self._is("no_sku", number):
            lines[-1]["sku"] = None
        if self._is("line_discount", number):
            value = "10" if draw.random() < 0.5 else "33.33"
            first["discounts"] = [
                {"code": None, "title": "Sale", "level": "line", "kind": "percentage", "value": value, "amount": "0"}
            ]
        if self._is("gift_card_sold", number):
            gift_card = {
                "product_id": "prd_gift_card", "variant_id": "var_gift_card", "sku": "GIFT", "title": "Gift card", "quantity": 1,
                "price": major(5_000, digits), "gift_card": True, "tax_lines": [], "discounts": [],
            }  # fmt: skip
            lines.append({**first, **gift_card, "id": f"lin_g{number}_{count + 1}"})
        return lines

    def _shipping(self, number: int, rules: Item, draw: random.Random) -> list[Item]:
        if self._is("no_shipping", number):
            return []
        digits = digits_of(rules["currency"])
        price = {0: 600, 2: 590, 3: 1_750}[digits] + int(draw.random() * 3) * {0: 100, 2: 200, 3: 500}[digits]
        return [
            {"id": f"shp_g{number}", "title": "Standard", "price": major(price, digits), "discount": "0", "tax": "0",
             "tax_lines": _rates(rules["standard"])}
        ]  # fmt: skip

    def _discounts(self, number: int, currency: str, draw: random.Random) -> list[Item]:
        discounts = []
        digits = digits_of(currency)
        if self._is("free", number):
            discounts.append(_discount("EVERYTHING", "On the house", "order", "percentage", "100"))
            discounts.append(_discount("SHIPFREE", "Free shipping", "shipping", "percentage", "100"))
            return discounts
        if self._is("order_discount_percentage", number):
            discounts.append(_discount("WELCOME15", "Welcome", "order", "percentage", "15"))
        if self._is("order_discount_fixed", number):
            amount = major(500 + int(draw.random() * 400), digits)
            discounts.append(_discount("DANKE-5", "Danke für Ihre Treue", "order", "fixed_amount", amount))
        if self._is("free_shipping", number):
            discounts.append(_discount("SHIPFREE", "Free shipping", "shipping", "percentage", "100"))
        return discounts

    def _attribute(self, number: int, order: Item, at: float, draw: random.Random) -> Item:
        if self._is("no_touchpoints", number):
            return order
        count = 60 if self._is("many_touchpoints", number) else 1 + int(draw.random() ** 2 * 5)
        touchpoints = []
        visitor = f"vis_g{number}_{int(draw.random() * 10**8):08d}"
        for place in range(count):
            channel, source, medium, campaign = _one(SAMPLES["channels"], draw)
            before_s = (count - place) * 40_000 - draw.random() * 30_000
            touchpoints.append(
                {
                    "id": f"tp_g{number}_{place + 1}", "channel": channel, "source": source, "medium": medium,
                    "campaign_id": campaign, "occurred_at": iso(at - before_s), "device": _one(SAMPLES["devices"], draw),
                    "visitor_id": visitor, "landing_url": f"{self._storefront}/?utm_source={source}&utm_medium={medium}",
                }
            )  # fmt: skip
        order = changes.attribute(order, touchpoints)
        return changes.attribute(order, touchpoints, "last_click") if self._is("two_models", number) else order

    def _change(self, number: int, order: Item, at: float, draw: random.Random) -> Item:
        if self._is("edited", number):
            order = changes.edit(order, changes.drawn_edit(order, draw), self._time(at + 3_600))
        is_paid = bool(order["payments"])
        later = at + DAY_S * (1 + int(draw.random() * 12))
        reason = _one(SAMPLES["refund_reasons"], draw)
        if is_paid and self._is("refunded", number):
            order = changes.refund(order, changes.pieces_left(order), self._time(later), shipping=True, reason=reason)
        elif is_paid and self._is("goodwill", number):
            total = minor(order["total_price"], digits_of(order["currency"]))
            order = changes.refund(order, {}, self._time(later), goodwill=max(1, total // 7), reason="Sorry")
        elif is_paid and self._is("partly_refunded", number):
            for time in range(2 if self._is("refunded_twice", number) else 1):
                pieces, shipping = changes.drawn_refund(order, draw)
                if pieces:
                    moment = self._time(later + time * DAY_S)
                    order = changes.refund(order, pieces, moment, shipping=shipping, reason=reason)
        if self._is("cancelled", number):
            order = changes.cancel(order, self._time(later + 2 * DAY_S))
        return order


def orders(count: int, seed: int = 0, **options: Any) -> Iterator[Item]:
    """``count`` orders of ``OrderGenerator(seed, **options)``."""
    return OrderGenerator(seed, **options).take(count)


def _one(values: Sequence[Any], draw: random.Random) -> Any:
    return values[int(draw.random() * len(values))]


def _rates(rates: list[list[str]]) -> list[Item]:
    return [{"title": title, "rate": rate, "amount": "0"} for title, rate in rates]


def _discount(code: str, title: str, level: str, kind: str, value: str) -> Item:
    return {"code": code, "title": title, "level": level, "kind": kind, "value": value, "amount": "0"}


def _address(person: Mapping[str, Any], country: str, draw: random.Random) -> Item:
    street, city, postcode, province = _one(SAMPLES["places"][country], draw)
    company = "Müller & Söhne GmbH" if draw.random() < 0.05 else None
    house = 1 + int(draw.random() * 90)
    # Numbers that are nobody's: kept free for plays.
    phone = f"+44 7700 900{house:03d}" if house % 3 == 0 else None
    return {
        "first_name": person["first_name"], "last_name": person["last_name"],
        "company": company, "address1": f"{street} {house}", "address2": None, "city": city, "zip": postcode, "province": province,
        "country": country, "phone": phone,
    }  # fmt: skip


def cases_of(order: Item) -> set[str]:
    """The odd cases that an order of the API shows, read off the order itself (without any from ``SCHEDULE`` that leave no trace)."""
    lines, digits = order["line_items"], digits_of(order["currency"])
    rates = {tuple(each["rate"] for each in line["tax_lines"]) for line in lines if not line["gift_card"]}
    levels = {(each["level"], each["kind"]) for each in order["discounts"]}
    customer = order["customer"]
    name = "".join((customer or order["billing_address"])[part] or "" for part in ("first_name", "last_name"))
    kinds = {payment["kind"] for payment in order["payments"]}
    flags = {
        "0_decimals": digits == 0, "3_decimals": digits == 3, "tax_inside": order["taxes_included"],
        "tax_outside": not order["taxes_included"], "two_rates": len(rates) > 1, "two_taxes": any(len(each) > 1 for each in rates),
        "no_tax": not any(rates), "order_discount": any(level == "order" for level, _kind in levels),
        "order_discount_fixed": ("order", "fixed_amount") in levels, "line_discount": ("line", "percentage") in levels,
        "free_shipping": ("shipping", "percentage") in levels, "no_shipping": not order["shipping_lines"],
        "gift_card_sold": any(line["gift_card"] for line in lines), "gift_card_payment": "gift_card" in kinds,
        "500_lines": len(lines) >= 499, "deleted_product": any(line["product_id"] is None for line in lines),
        "no_sku": any(line["sku"] is None for line in lines), "guest": customer is None or customer["id"] is None,
        "guest_without_customer": customer is None, "any_script": not name.isascii(), "test_order": order["test"],
        "free": not minor(order["total_price"], digits), "unpaid": order["financial_status"] == "pending",
        "partly_refunded": order["financial_status"] == "partially_refunded", "refunded_twice": len(order["refunds"]) > 1,
        "goodwill": any(not each["lines"] and not each["shipping"] for each in order["refunds"]),
        "refunded": order["financial_status"] == "refunded", "cancelled": order["cancelled_at"] is not None,
        "no_touchpoints": not order["attributions"], "two_models": len(order["attributions"]) > 1,
        "many_touchpoints": any(len(each["touchpoints"]) > 50 for each in order["attributions"]),
    }  # fmt: skip
    return {case for case, there in flags.items() if there}
