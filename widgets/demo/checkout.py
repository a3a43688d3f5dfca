"""The shop's own cart, kept in a signed cookie: how things get into it, what it costs, and the widgets around it."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from typing import Any

from widgets.demo import carts, cookies, goods
from widgets.demo.carts import Cart
from widgets.demo.frame import Shop, missing, page, render
from widgets.demo.visits import Answer, Visit, refused, see
from widgets.demo.widget_html import Wish

_OPTIONS = range(1, 11)


def _kept(shop: Shop, cart: Cart) -> str:
    return shop.jar.set(cookies.CART, cart.text() if cart.id else f"{secrets.token_hex(8)}{cart.text()}")


def _context(shop: Shop, visit: Visit, cart: Cart, *, server_html: bool) -> dict[str, Any]:
    """Lines, totals and the two widgets, for a cart that is not empty."""
    currency = shop.about.currency
    lines, quantities, prices = [], {}, {}
    for variant, quantity in cart.lines:
        good = shop.stock.by_variant[variant]
        quantities[good.id], prices[good.id] = quantity, good.amount
        lines.append(
            {
                "good": good,
                "url": visit.url(good.path),
                "variant": variant,
                "quantity": quantity,
                "options": sorted({*_OPTIONS, quantity}),
                "total": goods.money(good.amount * quantity, currency),
            }
        )
    whole = sum((prices[each] * quantities[each] for each in quantities), Decimal(0))
    found = carts.savings(quantities, {**_prices(shop), **prices}, shop.about.bundles)
    total = whole - sum((amount for _title, amount in found), Decimal(0))
    told = {"cart_total": str(total), "currency": currency}
    wishes = [
        Wish(
            "cart_nudge",
            {"cart_id": cart.id, **told, "item_count": str(cart.count)},
            "How far to free delivery",
            live=True,
        ),
        Wish("upsell", {"product_ids": ",".join(sorted(quantities)), **told}, "What goes with it", live=True),
    ]
    nudge, upsell = shop.widgets.place(wishes, visit.nonce, server_html=server_html)
    return {
        "lines": lines,
        "savings": [{"title": title, "amount": goods.money(-amount, currency)} for title, amount in found],
        "subtotal": goods.money(whole, currency),
        "total": goods.money(total, currency),
        "nudge": nudge,
        "upsell": upsell,
    }


def _prices(shop: Shop) -> dict[str, Decimal]:
    return {each: shop.stock.by_id[each].amount for each in shop.about.bundled if each in shop.stock.by_id}


def _links(visit: Visit) -> dict[str, Any]:
    return {"cart_url": visit.url("/cart"), "home_url": visit.url("/"), "checkout_url": visit.url("/checkout")}


def show(shop: Shop, visit: Visit, _name: str) -> Answer:
    """The cart; a form that was sent changes the quantity of a line first."""
    cart = shop.cart(visit)
    if visit.form is not None:
        variant, quantity = visit.form.get("variant", ""), visit.form.get("quantity", "")
        if variant not in shop.stock.by_variant or not (quantity.isascii() and quantity.isdecimal()):
            return refused(400, "Say which thing, and how many.")
        return _changed(shop, visit, cart.with_quantity(variant, int(quantity[:4])), "Your cart is changed.")
    context = _context(shop, visit, cart, server_html=visit.server_html) if cart.lines else {"lines": []}
    return page(shop, visit, "cart.html", {**context, **_links(visit)})


def add(shop: Shop, visit: Visit, _name: str) -> Answer:
    """Takes ``items`` (``var_1:2,var_2:1``) of a form."""
    items = carts.items_of((visit.form or {}).get("items", ""))
    if not items or any(variant not in shop.stock.by_variant for variant, _many in items):
        return refused(400, "This shop does not have that.")
    return _changed(shop, visit, shop.cart(visit).plus(items), _said(shop, items))


def by_link(shop: Shop, visit: Visit, text: str) -> Answer:
    """``/cart/var_1:2,var_2:1``: adds and shows the cart; where links lead when no script takes them."""
    items = carts.items_of(text)
    if not items or any(variant not in shop.stock.by_variant for variant, _many in items):
        return missing(shop, visit)
    return see(visit.url("/cart"), _kept(shop, shop.cart(visit).plus(items)))


def _said(shop: Shop, items: list[tuple[str, int]]) -> str:
    if len(items) > 1:
        return f"{sum(many for _variant, many in items)} things are in your cart."
    return f"{shop.stock.by_variant[items[0][0]].title} is in your cart."


def _changed(shop: Shop, visit: Visit, cart: Cart, said: str) -> Answer:
    kept = _kept(shop, cart)
    if not visit.wants_json:
        return see(visit.url("/cart"), kept)
    context = _context(shop, visit, cart, server_html=False) if cart.lines else {"lines": []}
    main = render("_cart.html", {**context, **_links(visit)})
    body = json.dumps({"count": cart.count, "said": said, "main": main}).encode()
    return Answer(200, "application/json", body, {"Cache-Control": "no-store"}, (kept,))


def checkout(shop: Shop, visit: Visit, _name: str) -> Answer:
    """Where paying would be."""
    return page(shop, visit, "checkout.html", _links(visit))
