"""The steps of an order's life: pure functions from an order to the order afterwards. Nothing given is changed.

Created, attributed, edited (before any refund), refunded (pieces, shipping, goodwill), cancelled. Amounts follow ``amounts``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sumeru_proxy.sandbox.orders.amounts import (
    digits_of,
    half_up_quotient,
    major,
    minor,
    paid_for,
    refunded_so_far,
    with_amounts,
)

Item = dict[str, Any]


def pay(order: Item, at: str, gift_card: int = 0) -> Item:
    """The order paid in full: up to ``gift_card`` minor units by gift card, the rest by card."""
    digits = digits_of(order["currency"])
    total = minor(order["total_price"], digits)
    by_gift_card = min(gift_card, total)
    parts = [("gift_card", "gift_card", by_gift_card), ("card", "sumeru_pay", total - by_gift_card)]
    payments = [
        {"id": f"pay_{order['id']}_{place}", "kind": kind, "gateway": gateway, "amount": major(amount, digits), "created_at": at}
        for place, (kind, gateway, amount) in enumerate(parts, 1)
        if amount
    ]  # fmt: skip
    return {**order, "payments": payments, "financial_status": "paid"}


def attribute(order: Item, touchpoints: list[Item], model: str = "linear") -> Item:
    """The order with one more model's credit: the same for every touchpoint, units left over going to the last."""
    digits, count = digits_of(order["currency"]), len(touchpoints)
    total = minor(order["total_price"], digits)
    shares = [total // count] * (count - 1)
    if model == "last_click":
        shares = [0] * (count - 1)
    credits = [*shares, total - sum(shares)]
    weights = [f"{1 / count:.4f}" if model == "linear" else "0" for _ in shares]
    weights.append("1" if model == "last_click" else f"{1 / count:.4f}")
    entry = {
        "order_id": order["id"], "model": model, "revenue": order["total_price"], "currency": order["currency"],
        "touchpoints": [
            {**touchpoint, "weight": weight, "credited_revenue": major(credit, digits)}
            for touchpoint, weight, credit in zip(touchpoints, weights, credits, strict=True)
        ],
    }  # fmt: skip
    others = [each for each in order["attributions"] if each["model"] != model]
    return {**order, "attributions": [*others, entry]}


def _credited_again(order: Item) -> Item:
    again = order
    for entry in order["attributions"]:
        again = attribute(again, entry["touchpoints"], entry["model"])
    return again


def edit(order: Item, quantities: Mapping[str, int], at: str) -> Item:
    """Other quantities for some lines by id, 0 removes a line; payment and credit follow the new total.

    Raises ValueError for an order that has refunds or is cancelled, for an unknown line, and when no line would be left.
    """
    if order["refunds"] or order["cancelled_at"]:
        raise ValueError("an order with refunds, or a cancelled one, cannot be edited")
    unknown = set(quantities) - {line["id"] for line in order["line_items"]}
    if unknown:
        raise ValueError(f"no such line: {', '.join(sorted(unknown))}")
    new_lines = [{**line, "quantity": quantities.get(line["id"], line["quantity"])} for line in order["line_items"]]
    lines = [line for line in new_lines if line["quantity"] > 0]
    if not lines:
        raise ValueError("an order needs a line")
    again = with_amounts({**order, "line_items": lines, "updated_at": at})
    if order["payments"]:
        digits = digits_of(order["currency"])
        gift_card = sum(minor(each["amount"], digits) for each in order["payments"] if each["kind"] == "gift_card")
        again = pay(again, order["payments"][0]["created_at"], gift_card)
    return _credited_again(again)


def _part(amount: int, count: int, of: int, before: int) -> int:
    """What ``count`` more of ``of`` pieces give back when ``before`` went back already."""
    return half_up_quotient(amount * (before + count), of) - half_up_quotient(amount * before, of)


def _refund_line(order: Item, line: Item, count: int) -> Item:
    digits = digits_of(order["currency"])
    earlier = [each for refund in order["refunds"] for each in refund["lines"] if each["line_id"] == line["id"]]
    before = sum(each["quantity"] for each in earlier)
    if not 0 < count <= line["quantity"] - before:
        raise ValueError(f"{line['id']}: {line['quantity'] - before} pieces are left, not {count}")

    def part(amount: int) -> str:
        return major(_part(amount, count, line["quantity"], before), digits)

    # Each tax goes back on its own, and the line's is their sum, so that the parts of a refund add up, too.
    tax_lines = [{**each, "amount": part(minor(each["amount"], digits))} for each in line["tax_lines"]]
    tax = sum(minor(each["amount"], digits) for each in tax_lines)
    return {
        "line_id": line["id"], "quantity": count, "amount": part(paid_for(line, order)), "tax": major(tax, digits),
        "tax_lines": tax_lines,
    }  # fmt: skip


def _refund_shipping(order: Item) -> Item | None:
    """All shipping at once, its taxes by rate; None when there is none, or it went back already."""
    digits = digits_of(order["currency"])
    amount = sum(paid_for(charge, order) for charge in order["shipping_lines"])
    if not amount or any(refund["shipping"] for refund in order["refunds"]):
        return None
    tax_lines = [dict(each) for charge in order["shipping_lines"] for each in charge["tax_lines"]]
    tax = sum(minor(each["amount"], digits) for each in tax_lines)
    return {"amount": major(amount, digits), "tax": major(tax, digits), "tax_lines": tax_lines}


def refund(
    order: Item, pieces: Mapping[str, int], at: str, *, shipping: bool = False, goodwill: int = 0, reason: str = ""
) -> Item:
    """One more refund: pieces by line id, shipping, or ``goodwill`` minor units for neither (alone, and as an order's last).

    Raises ValueError for more than is left, for a goodwill that is not alone, and for an order that was not paid.
    """
    digits = digits_of(order["currency"])
    total, before = minor(order["total_price"], digits), refunded_so_far(order)
    if not order["payments"]:
        raise ValueError("an order that was not paid has nothing to refund")
    if any(not refund["lines"] and not refund["shipping"] for refund in order["refunds"]):
        raise ValueError("after a goodwill refund there is no other")
    lines = {line["id"]: line for line in order["line_items"]}
    parts = [_refund_line(order, lines[line_id], count) for line_id, count in pieces.items() if line_id in lines]
    if len(parts) != len(pieces):
        raise ValueError("no such line")
    charge = _refund_shipping(order) if shipping else None
    items = [*parts, *([charge] if charge else [])]
    if goodwill < 0 or bool(goodwill) == bool(items):
        raise ValueError("a refund is of pieces or shipping, or a goodwill above 0 alone")
    amount = goodwill or sum(minor(item["amount"], digits) for item in items)
    if before + amount > total:
        raise ValueError("a refund cannot be more than what is left of the order")
    refund = {
        "id": f"ref_{order['id']}_{len(order['refunds']) + 1}", "created_at": at, "reason": reason,
        "amount": major(amount, digits), "tax": major(sum(minor(item["tax"], digits) for item in items), digits),
        "lines": parts, "shipping": charge,
    }  # fmt: skip
    status = "refunded" if before + amount == total else "partially_refunded"
    return {**order, "refunds": [*order["refunds"], refund], "financial_status": status, "updated_at": at}


def pieces_left(order: Item) -> dict[str, int]:
    """Per line id the pieces that have not gone back, lines without any left out."""
    remaining = {line["id"]: line["quantity"] for line in order["line_items"]}
    for entry in order["refunds"]:
        for line in entry["lines"]:
            remaining[line["line_id"]] -= line["quantity"]
    return {line_id: count for line_id, count in remaining.items() if count > 0}


def cancel(order: Item, at: str, reason: str = "customer") -> Item:
    """The order cancelled; what was paid and has not gone back is refunded. Raises ValueError when it is cancelled already."""
    if order["cancelled_at"]:
        raise ValueError("the order is cancelled already")
    digits = digits_of(order["currency"])
    again = order
    if order["payments"] and refunded_so_far(order) < minor(order["total_price"], digits):
        again = _rest_refunded(order, at, digits)
    elif not order["payments"] and order["financial_status"] == "pending":
        again = {**order, "financial_status": "voided"}
    return {**again, "cancelled_at": at, "cancel_reason": reason, "updated_at": at}


def _rest_refunded(order: Item, at: str, digits: int) -> Item:
    if any(not each["lines"] and not each["shipping"] for each in order["refunds"]):
        # Pieces at their price would give back the goodwill a second time: the rest goes back as money.
        rest = minor(order["total_price"], digits) - refunded_so_far(order)
        entry: Item = {
            "id": f"ref_{order['id']}_{len(order['refunds']) + 1}", "created_at": at, "reason": "cancelled",
            "amount": major(rest, digits), "tax": major(0, digits), "lines": [], "shipping": None,
        }  # fmt: skip
        return {**order, "refunds": [*order["refunds"], entry], "financial_status": "refunded"}
    return refund(order, pieces_left(order), at, shipping=True, reason="cancelled")


def drawn_edit(order: Item, draw: random.Random) -> dict[str, int]:
    """Quantities for ``edit``: one line gets more or fewer pieces, or goes when there are others."""
    lines = order["line_items"]
    line = lines[int(draw.random() * len(lines))]
    wish = int(draw.random() * 4) if len(lines) > 1 else 1 + int(draw.random() * 3)
    return {line["id"]: wish if wish != line["quantity"] else wish + 1}


def drawn_refund(order: Item, draw: random.Random) -> tuple[dict[str, int], bool]:
    """Pieces and whether shipping goes back, for ``refund``: never all pieces; none when only one is left."""
    remaining = pieces_left(order)
    if sum(remaining.values()) < 2:
        return {}, False
    line_id = list(remaining)[int(draw.random() * len(remaining))]
    most = remaining[line_id] if len(remaining) > 1 else remaining[line_id] - 1
    return {line_id: 1 + int(draw.random() * most)}, draw.random() < 0.3
