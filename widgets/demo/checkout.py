"""The shop's own cart, kept in a signed cookie: how things get into it, what it costs, and the widgets around it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse

from widgets.demo import carts
from widgets.demo.carts import Cart
from widgets.demo.frame import CART, Visit, redirect, refusal, render, render_page, set_cookie
from widgets.demo.shop import money
from widgets.demo.widget_html import Wish

_OPTIONS = range(1, 11)


def _context(visit: Visit, cart: Cart, *, server_html: bool) -> dict[str, Any]:
    """Lines, totals, the two widgets and where to go on; of an empty cart only the last."""
    links = {"cart_url": visit.url("/cart"), "home_url": visit.url("/"), "checkout_url": visit.url("/checkout")}
    if not cart.lines:
        return {"lines": [], **links}
    shop, currency = visit.shop, visit.shop.currency
    lines, quantities = [], {}
    for variant, quantity in cart.lines:
        product = shop.by_variant[variant]
        quantities[product.id] = quantity
        lines.append(
            {
                "product": product,
                "url": visit.url(product.path),
                "variant": variant,
                "quantity": quantity,
                "options": sorted({*_OPTIONS, quantity}),
                "total": money(product.amount * quantity, currency),
            }
        )
    prices = {each: shop.by_id[each].amount for each in {*quantities, *shop.bundled} if each in shop.by_id}
    whole = sum((prices[each] * quantity for each, quantity in quantities.items()), Decimal(0))
    savings = carts.savings(quantities, prices, shop.bundles)
    total = whole - sum((amount for _title, amount in savings), Decimal(0))
    amounts = {"cart_total": str(total), "currency": currency}
    state = {"cart_id": cart.id, **amounts, "item_count": str(cart.count)}
    products = {"product_ids": ",".join(sorted(quantities)), **amounts}
    wishes = [
        Wish("cart_nudge", state, "How far to free delivery", live=True),
        Wish("upsell", products, "What goes with it", live=True),
    ]
    nudge, upsell = shop.widgets.place(wishes, visit.nonce, server_html=server_html)
    return {
        "lines": lines,
        "savings": [{"title": title, "amount": money(-amount, currency)} for title, amount in savings],
        "subtotal": money(whole, currency),
        "total": money(total, currency),
        "nudge": nudge,
        "upsell": upsell,
        **links,
    }


def show(visit: Visit) -> HttpResponse:
    """The cart."""
    return render_page(visit, "cart.html", _context(visit, visit.cart, server_html=visit.server_html))


def change(visit: Visit) -> HttpResponse:
    """Takes the ``quantity`` of a ``variant`` from a form; 0 removes the line."""
    variant, quantity = (visit.request.POST.get(name, "") for name in ("variant", "quantity"))
    if variant not in visit.shop.by_variant or not (quantity.isascii() and quantity.isdecimal()):
        return refusal(400, "Say which thing, and how many.")
    return _answer_with(visit, visit.cart.with_quantity(variant, int(quantity[:4])), "Your cart is changed.")


def _items(visit: Visit, text: str) -> list[tuple[str, int]]:
    """``var_1:2,var_2:1`` as variants with quantities; empty when the shop does not have all of it."""
    items = carts.items_of(text)
    return items if all(variant in visit.shop.by_variant for variant, _quantity in items) else []


def add(visit: Visit) -> HttpResponse:
    """Takes ``items`` (``var_1:2,var_2:1``) from a form."""
    items = _items(visit, visit.request.POST.get("items", ""))
    if not items:
        return refusal(400, "This shop does not have that.")
    return _answer_with(visit, visit.cart.plus(items), _message(visit, items))


def by_link(visit: Visit, text: str) -> HttpResponse:
    """``/cart/var_1:2,var_2:1``: adds and shows the cart; where links lead when no script takes them."""
    items = _items(visit, text)
    if not items:
        raise Http404
    return _with_cart(redirect(visit.url("/cart")), visit.cart.plus(items))


def _message(visit: Visit, items: Sequence[tuple[str, int]]) -> str:
    if len(items) > 1:
        return f"{sum(quantity for _variant, quantity in items)} things are in your cart."
    return f"{visit.shop.by_variant[items[0][0]].title} is in your cart."


def _with_cart(response: HttpResponse, cart: Cart) -> HttpResponse:
    set_cookie(response, CART, cart.text() if cart.id else f"{secrets.token_hex(8)}{cart.text()}")
    return response


def _answer_with(visit: Visit, cart: Cart, message: str) -> HttpResponse:
    if not visit.wants_json:
        return _with_cart(redirect(visit.url("/cart")), cart)
    main = render("_cart.html", _context(visit, cart, server_html=False))
    answer = {"count": cart.count, "said": message, "main": main}
    return _with_cart(JsonResponse(answer, headers={"Cache-Control": "no-store"}), cart)


def checkout(visit: Visit) -> HttpResponse:
    """Where paying would be."""
    return render_page(visit, "checkout.html", {"cart_url": visit.url("/cart")})
