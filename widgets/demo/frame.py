"""What every page of the shop shares: the frame around it, its Content-Security-Policy, and the shop that it is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.template import Context, Engine

from widgets.demo import carts, cookies
from widgets.demo.about import About
from widgets.demo.carts import Cart
from widgets.demo.goods import Stock
from widgets.demo.visits import SHOWN_SWITCHES, SWITCHES, Answer, Visit
from widgets.demo.widget_html import WidgetServer

PAGES = Path(__file__).resolve().parent / "pages"
ASSETS = {
    "site.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything the pages are made from. ``customer_secret`` is shared with the widget server, for customer tokens."""

    about: About
    stock: Stock
    widgets: WidgetServer
    pictures_from: str
    """Origin of the shoppers' photos inside the reviews."""
    jar: cookies.Jar
    customer_secret: str = ""
    scripts: frozenset[str] = frozenset()
    """What the widget server has besides the loader: ``pixel`` (measures), ``share`` (copy and share buttons)."""

    @property
    def name(self) -> str:
        """For people."""
        return self.about.name

    def cart(self, visit: Visit) -> Cart:
        """The visitor's cart; without one, an empty cart that has no id. What this shop no longer sells is left out."""
        cart = carts.of_text(self.jar.read(visit.cookies, cookies.CART), "")
        known = tuple(line for line in cart.lines if line[0] in self.stock.by_variant)
        return Cart(cart.id, known)

    def consent(self, visit: Visit) -> str:
        """``granted``, ``denied``, or empty while the visitor was not asked or has not answered."""
        if self.jar.read(visit.cookies, cookies.CONSENT) == "granted":
            return "granted"
        return "denied" if visit.choices["consent"] == "denied" else ""


@dataclass(frozen=True, slots=True)
class Tab:
    """A link of the shop's navigation."""

    url: str
    text: str
    current: bool = field(default=False)


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(PAGES)], autoescape=True)


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name in sorted(ASSETS):
        digest.update((PAGES / name).read_bytes())
    return digest.hexdigest()[:12]


def policy(shop: Shop, nonce: str) -> str:
    """The pages' Content-Security-Policy: nothing inline without the nonce, nothing from elsewhere but the widgets."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        f"img-src 'self' {shop.pictures_from} https:; media-src {shop.pictures_from} https:; "
        f"connect-src 'self' {shop.widgets.base}; form-action 'self' {shop.widgets.base}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _tabs(shop: Shop, visit: Visit) -> list[Tab]:
    paths = [(f"/collections/{handle}", title) for handle, title in shop.about.collections]
    if shop.about.quiz:
        paths.append(("/quiz", "Gift finder"))
    return [Tab(visit.url(path), text, visit.path == path) for path, text in paths]


def _switches(visit: Visit) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "options": [
                {
                    "label": label,
                    "url": visit.url(quote(visit.path), visit.query, **{name: value}),
                    "current": visit.choices[name] == value,
                }
                for value, label in SWITCHES[name].items()
            ],
        }
        for name in SHOWN_SWITCHES
    ]


def render(template: str, context: Mapping[str, Any]) -> str:
    """A template of the shop."""
    return str(_engine().get_template(template).render(Context(dict(context))))


def page(
    shop: Shop,
    visit: Visit,
    template: str,
    context: Mapping[str, Any],
    status: int = 200,
    own_scripts: tuple[str, ...] = (),
) -> Answer:
    """A whole page; ``own_scripts`` are what its widgets use besides the loader.

    Never stored: it holds a nonce, and often the visitor's own.
    """
    cart = shop.cart(visit)
    values = {
        **context,
        "shop": shop,
        "visit": visit,
        "choices": visit.choices,
        "switches": _switches(visit),
        "kept": {
            name: visit.choices[name] for name, values in SWITCHES.items() if visit.choices[name] != next(iter(values))
        },
        "tabs": _tabs(shop, visit),
        "home_url": visit.url("/"),
        "account": Tab(visit.url("/account"), "Account", visit.path == "/account"),
        "cart_tab": Tab(visit.url("/cart"), "Cart", visit.path == "/cart"),
        "cart_count": cart.count,
        "add_url": visit.url("/cart/add"),
        "consent": shop.consent(visit),
        "consent_url": visit.url("/consent"),
        "decline_url": visit.url(quote(visit.path), visit.query, consent="denied"),
        "here": visit.url(quote(visit.path), visit.query),
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
    return Answer(status, "text/html; charset=utf-8", render(template, values).encode(), headers)


def missing(shop: Shop, visit: Visit, _name: str = "") -> Answer:
    """The page that says that there is no such page."""
    return page(shop, visit, "missing.html", {}, 404)
