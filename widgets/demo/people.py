"""Who somebody is to the shop: signing in (with nothing to prove, this is a demo), and what may be remembered of visitors."""

from __future__ import annotations

import secrets
import time
from urllib.parse import urlsplit

from widgets.demo import cookies, customer_tokens
from widgets.demo.frame import Shop, page
from widgets.demo.visits import Answer, Visit, refused, see
from widgets.demo.widget_html import Placed, Wish


def account(shop: Shop, visit: Visit, _name: str) -> Answer:
    """Sign in as one of the customers, or see what is yours: the link to share with friends."""
    names = dict(shop.about.people)
    if visit.form is not None:
        chosen = visit.form.get("customer", "")
        if chosen == "":
            return see(visit.url("/account"), shop.jar.drop(cookies.CUSTOMER))
        if chosen not in names:
            return refused(400, "There is no such customer.")
        return see(visit.url("/account"), shop.jar.set(cookies.CUSTOMER, chosen))
    customer = shop.jar.read(visit.cookies, cookies.CUSTOMER)
    customer = customer if customer in names else ""
    context = {
        "customer": customer,
        "customer_name": names.get(customer, ""),
        "people": [{"id": each, "name": name} for each, name in shop.about.people],
        "account_url": visit.url("/account"),
        "referral": _referral(shop, visit, customer),
    }
    return page(shop, visit, "account.html", context, own_scripts=("share",))


def _referral(shop: Shop, visit: Visit, customer: str) -> Placed:
    """The token is in the element too: what is clicked or sent inside the widget needs it as much as our own request."""
    if not customer:
        # A program that asks without a proof is refused, so this one is for the loader.
        return Placed(shop.widgets.bare(Wish("referral", {}, "Check a friend's code", live=True)))
    token = customer_tokens.mint(shop.customer_secret, shop.widgets.shop, customer, time.time())
    wish = Wish("referral", {"customer_token": token}, "Your link to share", live=True, token=token)
    (placed,) = shop.widgets.place([wish], visit.nonce, server_html=visit.server_html)
    return placed


def consent(shop: Shop, visit: Visit, _name: str) -> Answer:
    """Remembers that the visitor accepted, and from then on who it is; nothing before, and nothing of who declines."""
    if visit.form is None or visit.form.get("consent") != "granted":
        return refused(400, "Say consent=granted.")
    kept = [shop.jar.set(cookies.CONSENT, "granted")]
    if not shop.jar.read(visit.cookies, cookies.VISITOR):
        kept.append(shop.jar.set(cookies.VISITOR, secrets.token_hex(16)))
    if visit.wants_json:
        return Answer(200, "application/json", b"{}", {"Cache-Control": "no-store"}, tuple(kept))
    return see(own_address(visit.form.get("back", "")), *kept)


def own_address(text: str) -> str:
    """An address on this shop, else its start page. Never leads elsewhere."""
    parts = urlsplit(text)
    fits = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and text.isascii()
    return text if fits and not parts.scheme and not parts.netloc else "/"
