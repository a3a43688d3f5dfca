"""A cart: variants with quantities, what they cost, and what sets in it save. Values only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from widgets.demo.shop import Bundle

MAX_LINES = 30
MAX_EACH = 20
CENT = Decimal("0.01")
_ID = r"[A-Za-z0-9_-]{1,64}"
_ITEM = re.compile(rf"({_ID}):([1-9]\d{{0,2}})", re.ASCII)
_CART = re.compile(rf"({_ID})\.((?:{_ID}:[1-9]\d{{0,2}},?)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cart:
    """``lines``: variant ids with quantities, in the order in which they came."""

    id: str = ""
    lines: tuple[tuple[str, int], ...] = ()

    @property
    def count(self) -> int:
        """How many things."""
        return sum(quantity for _variant, quantity in self.lines)

    def with_quantity(self, variant: str, quantity: int) -> Cart:
        """With so many of it: at most MAX_EACH; none at all removes the line. A line beyond MAX_LINES is not taken."""
        quantity = min(max(quantity, 0), MAX_EACH)
        quantities = dict(self.lines)
        if variant not in quantities and len(quantities) >= MAX_LINES:
            return self
        quantities[variant] = quantity
        return replace(self, lines=tuple((name, many) for name, many in quantities.items() if many))

    def plus(self, items: Iterable[tuple[str, int]]) -> Cart:
        """With these added."""
        cart = self
        for variant, quantity in items:
            cart = cart.with_quantity(variant, dict(cart.lines).get(variant, 0) + quantity)
        return cart

    def text(self) -> str:
        """What ``of_text`` reads."""
        return f"{self.id}." + ",".join(f"{variant}:{quantity}" for variant, quantity in self.lines)


def of_text(text: str, new_id: str) -> Cart:
    """The cart of a text; an empty one called ``new_id`` when there is none in it."""
    match = _CART.fullmatch(text)
    return Cart(match[1]).plus(items_of(match[2])) if match else Cart(new_id)


def items_of(text: str) -> list[tuple[str, int]]:
    """``var_1:2,var_2:1`` as items; empty for anything else."""
    parts = [_ITEM.fullmatch(part) for part in text.split(",")] if text else []
    return [(part[1], int(part[2])) for part in parts if part] if all(parts) else []


def savings(
    quantities: Mapping[str, int], prices: Mapping[str, Decimal], bundles: Sequence[Bundle]
) -> list[tuple[str, Decimal]]:
    """Title and amount per bundle that is whole in the cart (products with quantities), the best first; nothing counts twice."""
    remaining = dict(quantities)
    complete_bundles = [bundle for bundle in bundles if all(product in prices for product, _many in bundle.items)]
    amounts: list[tuple[str, Decimal]] = []
    for bundle in sorted(complete_bundles, key=lambda each: -saving(each, prices)):
        once = saving(bundle, prices)
        times = min((remaining.get(product, 0) // many for product, many in bundle.items), default=0)
        if once > 0 and times:
            amounts.append((bundle.title, once * times))
            for product, many in bundle.items:
                remaining[product] -= many * times
    return amounts


def saving(bundle: Bundle, prices: Mapping[str, Decimal]) -> Decimal:
    """What one such set saves; 0 for a kind of discount that is not known."""
    whole = sum((prices[product] * many for product, many in bundle.items), Decimal(0))
    value = Decimal(bundle.value)
    amounts = {
        "percentage": whole * value / 100,
        "fixed_amount": value,
        "fixed_price": whole - value,
    }
    return max(Decimal(0), min(whole, amounts.get(bundle.kind, Decimal(0)))).quantize(CENT, ROUND_HALF_UP)
