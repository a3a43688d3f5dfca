"""What has to be known of a Tryton database before a sale can be made: the web shop, currencies, taxes, countries, rounding.

Read once and kept for some minutes in this process, since every new order would ask the same; forgotten when Tryton rejects something.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sumeru_proxy.consumers.order_sync.targets.interface import NotMappable, TargetDown
from sumeru_proxy.consumers.order_sync.tryton.rest import Broken, Door, Rejected, Row
from sumeru_proxy.memory import Memory

LIFETIME_S: Final = 600.0
PRODUCT_LIMIT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency there. ``rounding`` is its smallest amount; without a rate nothing can be invoiced in another than the company's."""

    id: int
    rounding: Decimal
    has_rate: bool = True


@dataclass(frozen=True, slots=True)
class TaxFact:
    """A percentage tax there; ``plain``: one of its own amount, without parts and without changing the base of others."""

    id: int
    name: str
    rate: Decimal
    plain: bool
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product there, and the unit that it is sold in."""

    id: int
    unit: int


@dataclass(slots=True)
class Facts:
    """What was read. ``products`` grows by what orders need: those that exist, by SKU."""

    shop: int
    company: int
    currency: str
    warehouse: int | None
    guest: int | None
    tax_rounding: str
    price_digits: int
    currencies: Mapping[str, Currency]
    taxes: tuple[TaxFact, ...]
    countries: Mapping[str, int]
    products: dict[str, Product] = field(default_factory=dict)
    read_at: float = 0.0

    def tax(self, percent: Decimal, day: date, chosen: Mapping[str, Any]) -> int | None:
        """The id of the tax of this percentage, None for 0 % where there is none; ``chosen``: names by percentage.

        Raises NotMappable (``tax_unknown``).
        """
        text = format(percent.normalize(), "f")
        name = chosen.get(text)
        for tax in self.taxes:
            current = (tax.start is None or tax.start <= day) and (tax.end is None or day <= tax.end)
            if tax.plain and current and tax.rate * 100 == percent and name in (None, tax.name):
                return tax.id
        if not percent:
            return None
        named = f" named “{name}”" if name else ""
        raise NotMappable("tax_unknown", f"Tryton has no tax of {text} %{named} for this company")

    @property
    def rates(self) -> dict[int, Decimal]:
        """The rates of all taxes, as fractions."""
        return {tax.id: tax.rate for tax in self.taxes}


_PLACES_LIMIT = 200
_memory: Memory[tuple[str, ...], Facts] = Memory(_PLACES_LIMIT, LIFETIME_S)


def forget() -> None:
    """Read everything anew next time. May be repeated."""
    _memory.forget()


def facts_of(door: Door, place: tuple[str, ...], shop_name: str) -> Facts:
    """The facts of a web shop by its name there, at most ten minutes old; the door works within its company afterwards.

    ``place`` names the database (address, name, shop). Raises TargetDown when the shop is not there: all orders wait for it.
    """
    entry = _memory.fresh(place)
    facts = entry.value if entry else None
    if facts is None:
        try:
            facts = _read(door, shop_name)
        except (Rejected, Broken) as error:
            raise TargetDown(text=f"Tryton's set-up cannot be read: {error}", reason="not_set_up") from None
        _memory.set(place, facts)
    door.within(facts.company)
    return facts


def _read(door: Door, shop_name: str) -> Facts:
    shop = shop_named(door, shop_name)
    company = shop["company"]["id"]
    door.within(company)
    taxes = door.search("account.tax", [["company", "=", company], ["type", "=", "percentage"]], _TAX_FIELDS)
    currencies = door.search("currency.currency", [], ["code", "rounding", "rates.id"])
    rounding = door.search("account.configuration", [], ["tax_rounding"])
    digits = door.search("ir.configuration", [], ["product_price_decimal"])
    countries = door.search("country.country", [], ["code"])
    warehouses = shop.get("warehouses") or []
    return Facts(
        shop=shop["id"],
        company=company,
        currency=shop["currency"]["code"],
        warehouse=warehouses[0]["id"] if warehouses else None,
        guest=(shop.get("guest_party") or {}).get("id"),
        tax_rounding=(rounding[0].get("tax_rounding") if rounding else None) or "document",
        price_digits=(digits[0].get("product_price_decimal") if digits else None) or 4,
        currencies={
            row["code"]: Currency(row["id"], row["rounding"] or Decimal("0.01"), bool(row["rates"]))
            for row in currencies
        },
        taxes=tuple(_tax_of(row) for row in taxes),
        countries={row["code"]: row["id"] for row in countries if row["code"]},
        read_at=time.monotonic(),
    )


def shop_named(door: Door, name: str) -> Row:
    """The web shop of this name. Raises TargetDown (``not_set_up``).

    A user sees the records of the current company, or of all of its companies when the preferences say so (company filter: all).
    """
    fields = ("company.id", "currency.code", "guest_party.id", "warehouses.id")
    shops = door.search("web.shop", [["name", "=", name]], fields)
    if len(shops) != 1:
        raise TargetDown(text=f"Tryton has no web shop named “{name}”", reason="not_set_up")
    return shops[0]


_TAX_FIELDS = (
    "name", "rate", "parent.id", "childs.id", "update_unit_price", "group.kind", "start_date", "end_date",
)  # fmt: skip


def _tax_of(row: Row) -> TaxFact:
    sold = (row.get("group") or {}).get("kind") in (None, "sale", "both")
    plain = sold and not row.get("parent") and not row.get("childs") and not row.get("update_unit_price")
    return TaxFact(row["id"], row["name"], row["rate"] or Decimal(0), plain, row.get("start_date"), row.get("end_date"))


def know_products(door: Door, facts: Facts, skus: Iterable[str]) -> dict[str, Product]:
    """Those of the SKUs that are products for sale there; asks only for what is not known yet."""
    codes = set(skus) - {""}
    unknown = sorted(codes - facts.products.keys())
    for start in range(0, len(unknown), 200):
        rows = door.search(
            "product.product",
            [["code", "in", unknown[start : start + 200]], ["salable", "=", True]],
            ["code", "sale_uom.id", "default_uom.id"],
        )
        if len(facts.products) > PRODUCT_LIMIT:
            facts.products.clear()
        for row in rows:
            unit = row.get("sale_uom") or row["default_uom"]
            facts.products[row["code"]] = Product(row["id"], unit["id"])
    return {sku: facts.products[sku] for sku in codes if sku in facts.products}
