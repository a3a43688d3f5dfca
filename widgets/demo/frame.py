"""What every page of the shop shares: the visit that it answers, the frame around it, and its Content-Security-Policy."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Engine

from widgets.demo import carts
from widgets.demo.carts import Cart
from widgets.demo.shop import Shop

PAGES = Path(__file__).resolve().parent / "pages"
ASSETS = {
    "site.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# What an address remembers: the first value is the default and stays out of it.
SWITCHES: dict[str, dict[str, str]] = {
    "mode": {"server": "Server HTML", "script": "Script tag"},
    "theme": {"light": "Light", "dark": "Dark"},
    "dir": {"ltr": "LTR", "rtl": "RTL"},
    # Who declines is not remembered by anything that is stored.
    "consent": {"open": "", "denied": ""},
}
LABELLED_SWITCHES = ("mode", "theme", "dir")
DEFAULTS = {name: next(iter(values)) for name, values in SWITCHES.items()}
# The shop's cookies are signed and for its server only. None is set before the shopper did something that needs it.
CART, CUSTOMER, CONSENT, VISITOR = "shop_cart", "shop_customer", "shop_consent", "shop_visitor"
COOKIE_LIFETIME_S = 30 * 86_400
COOKIE_SALT = "storefront"


class Visit:
    """One request. ``choices`` holds a value for every switch, unknown ones count as the default; ``query`` is the rest of the query."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.shop: Shop = settings.STOREFRONT  # type: ignore[misc] # only this site has it
        self.choices = {name: request.GET.get(name, "") for name in SWITCHES}
        for name, value in self.choices.items():
            if value not in SWITCHES[name]:
                self.choices[name] = DEFAULTS[name]
        self.query = {name: str(value) for name, value in request.GET.items() if name not in SWITCHES}
        self.nonce = secrets.token_urlsafe(12)

    @property
    def server_html(self) -> bool:
        """Whether the shop's server puts finished widgets into the page."""
        return self.choices["mode"] == "server"

    @property
    def wants_json(self) -> bool:
        """Whether the page's own script asks, not a browser that navigates."""
        return self.request.headers.get("Accept") == "application/json"

    def url(self, path: str, query: Mapping[str, str] | None = None, **changes: str) -> str:
        """An address on this shop that keeps the switches as they are, but for the changes."""
        pairs = urlencode({**(query or {}), **non_default({**self.choices, **changes})})
        return f"{path}?{pairs}" if pairs else path

    def here(self, **changes: str) -> str:
        """The address of this very page."""
        return self.url(quote(self.request.path), self.query, **changes)

    def cookie(self, name: str) -> str:
        """What we wrote into a cookie; empty without it, and for one that is not ours."""
        return self.request.get_signed_cookie(name, default="", salt=COOKIE_SALT, max_age=COOKIE_LIFETIME_S) or ""

    @property
    def cart(self) -> Cart:
        """The visitor's cart; without one, an empty cart that has no id. What this shop no longer sells is left out."""
        cart = carts.of_text(self.cookie(CART), "")
        return Cart(cart.id, tuple(line for line in cart.lines if line[0] in self.shop.by_variant))

    @property
    def consent(self) -> str:
        """``granted``, ``denied``, or empty while the visitor was not asked or has not answered."""
        if self.cookie(CONSENT) == "granted":
            return "granted"
        return "denied" if self.choices["consent"] == "denied" else ""


def non_default(choices: Mapping[str, str]) -> dict[str, str]:
    """The choices that are not the default."""
    return {name: choices[name] for name in SWITCHES if choices[name] != DEFAULTS[name]}


def set_cookie(response: HttpResponse, name: str, value: str) -> None:
    """Makes the visitor's browser keep the value, which ``Visit.cookie`` then gives."""
    response.set_signed_cookie(name, value, salt=COOKIE_SALT, max_age=COOKIE_LIFETIME_S, httponly=True, samesite="Lax")


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(PAGES)], autoescape=True)


@cache
def _version() -> str:
    return hashlib.sha256(b"".join((PAGES / name).read_bytes() for name in sorted(ASSETS))).hexdigest()[:12]


def policy(shop: Shop, nonce: str) -> str:
    """The pages' Content-Security-Policy: nothing inline without the nonce, nothing from elsewhere but the widgets."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        f"img-src 'self' {shop.pictures_from} https:; media-src {shop.pictures_from} https:; "
        f"connect-src 'self' {shop.widgets.base}; form-action 'self' {shop.widgets.base}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _tab(visit: Visit, path: str, text: str) -> dict[str, Any]:
    return {"url": visit.url(path), "text": text, "current": visit.request.path == path}


def _switches(visit: Visit) -> list[list[dict[str, Any]]]:
    return [
        [
            {"label": label, "url": visit.here(**{name: value}), "current": visit.choices[name] == value}
            for value, label in SWITCHES[name].items()
        ]
        for name in LABELLED_SWITCHES
    ]


def render(template: str, context: Mapping[str, Any]) -> str:
    """A template of the shop."""
    return str(_engine().get_template(template).render(Context(dict(context))))


def render_page(
    visit: Visit, template: str, context: Mapping[str, Any], status: int = 200, own_scripts: tuple[str, ...] = ()
) -> HttpResponse:
    """A whole page; ``own_scripts`` are what its widgets use besides the loader.

    Never stored: it holds a nonce, and often the visitor's own.
    """
    shop = visit.shop
    tabs = [_tab(visit, f"/collections/{handle}", title) for handle, title in shop.collections]
    if shop.quiz:
        tabs.append(_tab(visit, "/quiz", "Gift finder"))
    values = {
        **context,
        "shop": shop,
        "visit": visit,
        "switches": _switches(visit),
        "tabs": tabs,
        "home_url": visit.url("/"),
        "account": _tab(visit, "/account", "Account"),
        "cart_tab": _tab(visit, "/cart", "Cart"),
        "add_url": visit.url("/cart/add"),
        "consent_url": visit.url("/consent"),
        "decline_url": visit.here(consent="denied"),
        "scripts": [
            {"url": shop.widgets.script(name), "measures": name == "pixel"}
            for name in ("pixel", *own_scripts)
            if name in shop.scripts
        ],
        "version": _version(),
    }
    headers = {
        "Content-Security-Policy": policy(shop, visit.nonce),
        # The nonce is for one answer.
        "Cache-Control": "private, no-cache",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(render(template, values), status=status, headers=headers)


def redirect(location: str) -> HttpResponse:
    """303: look there."""
    return HttpResponseRedirect(location, status=303, headers={"Cache-Control": "no-store"})


def refusal(status: int, text: str) -> HttpResponse:
    """A plain sentence with an error status."""
    return HttpResponse(f"{text}\n", "text/plain; charset=utf-8", status, headers={"Cache-Control": "no-store"})
