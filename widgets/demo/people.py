"""Who somebody is to the shop: signing in (with nothing to prove, this is a demo), and what may be remembered of visitors."""

from __future__ import annotations

import secrets
import time

from django.http import HttpResponse, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme

from sumeru_proxy.sdk import customer_tokens
from widgets.demo.frame import CONSENT, CUSTOMER, VISITOR, Visit, redirect, refusal, render_page, set_cookie
from widgets.demo.widget_html import Placed, Wish


def account(visit: Visit) -> HttpResponse:
    """Sign in as one of the customers, or see what is yours: the link to share with friends."""
    names = dict(visit.shop.customers)
    customer = visit.cookie(CUSTOMER)
    context = {
        "customer": customer if customer in names else "",
        "customer_name": names.get(customer, ""),
        "customers": visit.shop.customers,
        "account_url": visit.url("/account"),
        "referral": _referral(visit, customer if customer in names else ""),
    }
    return render_page(visit, "account.html", context, own_scripts=("share",))


def sign_in(visit: Visit) -> HttpResponse:
    """Takes the ``customer`` from a form; empty signs out."""
    customer = visit.request.POST.get("customer", "")
    if customer and customer not in dict(visit.shop.customers):
        return refusal(400, "There is no such customer.")
    response = redirect(visit.url("/account"))
    if customer:
        try:
            _token(visit, customer)
        except ValueError as error:
            return refusal(400, f"This customer cannot sign in: {error}.")
        set_cookie(response, CUSTOMER, customer)
    else:
        response.delete_cookie(CUSTOMER, samesite="Lax")
    return response


def _token(visit: Visit, customer: str) -> str:
    """Proves the customer to the widget server. Raises ValueError for an id that no token can carry."""
    return customer_tokens.mint(visit.shop.customer_secret, visit.shop.widgets.shop, customer, now=time.time())


def _referral(visit: Visit, customer: str) -> Placed:
    """The token is in the element too: what is clicked or sent inside the widget needs it as much as our own request."""
    shop = visit.shop
    if not customer:
        # A program that asks without a proof is refused, so this one is for the loader.
        return Placed(shop.widgets.bare(Wish("referral", {}, "Check a friend's code", live=True)))
    token = _token(visit, customer)
    wish = Wish("referral", {"customer_token": token}, "Your link to share", live=True, token=token)
    (element,) = shop.widgets.place([wish], visit.nonce, server_html=visit.server_html)
    return element


def consent(visit: Visit) -> HttpResponse:
    """Remembers that the visitor accepted, and from then on who it is; nothing before, and nothing of who declines."""
    form = visit.request.POST
    if form.get("consent") != "granted":
        return refusal(400, "Say consent=granted.")
    response: HttpResponse = redirect(own_address(form.get("back", "")))
    if visit.wants_json:
        response = JsonResponse({}, headers={"Cache-Control": "no-store"})
    set_cookie(response, CONSENT, "granted")
    if not visit.cookie(VISITOR):
        set_cookie(response, VISITOR, secrets.token_hex(16))
    return response


def own_address(text: str) -> str:
    """An address on this shop, else its start page. Never leads elsewhere."""
    fits = text.startswith("/") and text.isprintable() and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if fits else "/"
