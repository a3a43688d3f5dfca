"""A real Tryton for the tests: prepared once in an ignored folder, copied and started once per process of tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.client.reading import Fields, Notes
from sumeru_proxy.client.resources_orders import order_of
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.targets.interface import Entry, Place, Receipt, TargetError
from sumeru_proxy.consumers.order_sync.targets.tryton import KIND, TrytonTarget
from sumeru_proxy.consumers.order_sync.tryton.facts import shop_named
from sumeru_proxy.consumers.order_sync.tryton.rest import Door, Row
from sumeru_proxy.consumers.order_sync.tryton.set_up import Company, Erp, Plan, Server, SetupItem
from sumeru_proxy.sandbox.orders.generator import OrderGenerator

HOME = Path(os.environ.get("SUMERU_ERP_HOME") or Path(__file__).parents[4] / ".venv-erp")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = Plan(
    key="a-key-of-the-tests",
    companies=(
        Company("Acme", "EUR", {"acme-eur": "EUR", "acme-usd": "USD"}),
        Company("Beta", "USD", {"beta-usd": "USD"}),
    ),
    products=(
        SetupItem("SUMERU-OTHER", "Other", type="service"),
        SetupItem("MUG", "Mug", "10"),
        SetupItem("TENT", "Tent", "199.90"),
        SetupItem("COURSE", "Course", "49", type="service"),
        *(SetupItem(f"SKU-{number}", f"Product {number}", "10") for number in range(1, 41)),
    ),
    countries=("DE", "FR", "IT", "GR", "AT", "GB", "US", "JP"),
    taxes=("4", "4.875", "5", "5.5", "7", "8", "10", "13", "19", "20", "22", "24"),
    currencies={"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3},
)


class Ledger:
    """The running Tryton with a web shop of this test's own: what the tests speak to and look into."""

    def __init__(self, server: Server, shop: str = "acme-eur") -> None:
        self.server = server
        self.door = Door(server.url, server.name, PLAN.key)
        origin = shop_named(self.door, shop)
        self.company = origin["company"]["id"]
        self.door.within(self.company)
        self.name = f"{shop}-{uuid.uuid4().hex[:8]}"
        self.guest = self.door.create("party.party", {"name": "Guests", "code": f"GUEST-{self.name}"})["id"]
        values = {
            "name": self.name,
            "company": self.company,
            "currency": origin["currency"]["id"],
            "guest_party": self.guest,
            "warehouses": [["add", [each["id"] for each in origin["warehouses"]]]],
        }
        self.shop = self.door.create("web.shop", values)["id"]

    def target(self, **options: Any) -> TrytonTarget:
        raw = {"url": self.server.url, "database": self.server.name, "web_shop": self.name, "prefix": f"{self.name}-"}
        return KIND.open(Place("acme", "tryton", KIND.options_of({**raw, **options}), PLAN.key))

    def sales(self, *fields: str) -> list[Row]:
        return self.door.search(
            "sale.sale", [["web_shop", "=", self.shop]], ["web_id", "state", "total_amount", *fields]
        )

    def states(self) -> dict[str, tuple[str, str]]:
        return {row["web_id"]: (row["state"], str(row["total_amount"])) for row in self.sales()}

    def parties(self) -> list[Row]:
        return self.door.search("party.party", [["code", "like", f"{self.name}-%"]], ["name", "code", "addresses.city"])


def tax(amount: str, rate: str = "0.2") -> shapes.TaxLine:
    return shapes.TaxLine(D(amount), D(rate))


def line(price: str, quantity: int = 1, *, id: str = "li_1", sku: str = "MUG", **more: Any) -> shapes.LineItem:
    return shapes.LineItem(id, f"Title of {sku or id}", quantity, D(price), sku=sku, **more)


MUG = line("12.00", tax_lines=(tax("2.00"),))


def order(total: str, *lines: shapes.LineItem, **more: Any) -> shapes.Order:
    values: dict[str, Any] = {
        "id": "ord_1",
        "number": "#1",
        "currency": "EUR",
        "created_at": AT,
        "taxes_included": True,
        "customer": shapes.Buyer("cus_1", "jo@mail.example", "Jo", "Doe"),
        "billing_address": shapes.Address("Jo", "Doe", address1="Weg 1", zip="50667", city="Köln", country="DE"),
    }
    return shapes.Order(total_price=D(total), line_items=lines, **{**values, **more})


def documents(orders: Sequence[shapes.Order]) -> list[Document]:
    return [map_order(each, "acme") for each in orders]


def outcome(target: TrytonTarget, given: shapes.Order) -> Receipt | TargetError:
    (found,) = target.write([Entry(map_order(given, "acme"))])
    return found


def written(target: TrytonTarget, given: shapes.Order) -> Receipt:
    found = outcome(target, given)
    assert isinstance(found, Receipt), getattr(found, "text", found)
    return found


def problem(target: TrytonTarget, given: shapes.Order) -> TargetError:
    found = outcome(target, given)
    assert isinstance(found, TargetError), found
    return found


def generated(count: int, seed: int = 0, *, changed: bool = True, **options: Any) -> list[shapes.Order]:
    """Orders of the stand-in's generator, read as the client reads them."""
    drawn = OrderGenerator(seed, **options).take(count, changed=changed)
    return [order_of(Fields(each, "order", Notes())) for each in drawn]


Ledgers = Callable[..., Ledger]


def start(folder: Path) -> Server:
    erp = Erp(HOME)
    erp.copy(PLAN, folder, "erp")
    server = Server(erp, folder, "erp")
    server.start()
    return server
