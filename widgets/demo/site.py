"""The demo shop's routes. A new page is a function, a template and a route."""

from __future__ import annotations

import re
from collections.abc import Callable

from widgets.demo import checkout, people, shelves
from widgets.demo.frame import ASSETS, PAGES, Shop, missing
from widgets.demo.visits import Answer, Visit, refused


def asset(_shop: Shop, _visit: Visit, name: str) -> Answer:
    """Styles, the shop's script and the icon."""
    if name not in ASSETS:
        return Answer(404, "text/plain", b"Not found\n")
    return Answer(200, ASSETS[name], (PAGES / name).read_bytes(), {"Cache-Control": "public, max-age=3600"})


def picture(shop: Shop, _visit: Visit, name: str) -> Answer:
    """A product's picture, from this shop's own store."""
    kept = shop.stock.picture(name)
    if kept is None:
        return Answer(404, "text/plain", b"Not found\n")
    headers = {
        "Cache-Control": "public, max-age=86400",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, kept.content_type, kept.body, headers)


def health(_shop: Shop, _visit: Visit, _name: str) -> Answer:
    """This process answers."""
    return Answer(200, "text/plain", b"ok\n", {"Cache-Control": "no-store"})


Route = Callable[[Shop, Visit, str], Answer]
ROUTES: list[tuple[re.Pattern[str], Route]] = [
    (re.compile(r"/()"), shelves.home),
    (re.compile(r"/collections/([^/]+)"), shelves.collection),
    (re.compile(r"/products/([^/]+)"), shelves.product),
    (re.compile(r"/product/([^/]+)"), shelves.by_id),
    (re.compile(r"/quiz()"), shelves.quiz),
    (re.compile(r"/cart/([^/]+:[^/]+)"), checkout.by_link),
    (re.compile(r"/checkout()"), checkout.checkout),
    (re.compile(r"/media/([^/]+)"), picture),
    (re.compile(r"/assets/([^/]+)"), asset),
    (re.compile(r"/healthz()"), health),
]
# GET shows, POST does.
BOTH: list[tuple[re.Pattern[str], Route]] = [
    (re.compile(r"/cart()"), checkout.show),
    (re.compile(r"/account()"), people.account),
]
FORMS: list[tuple[re.Pattern[str], Route]] = [
    (re.compile(r"/cart/(add)"), checkout.add),
    (re.compile(r"/(consent)"), people.consent),
]


def answer(shop: Shop, visit: Visit) -> Answer:
    """The answer to a visit: GET, or POST when it has a form."""
    shown, taken = [*ROUTES, *BOTH], [*FORMS, *BOTH]
    for pattern, route in taken if visit.form is not None else shown:
        if found := pattern.fullmatch(visit.path):
            return route(shop, visit, found[1])
    if any(pattern.fullmatch(visit.path) for pattern, _route in [*shown, *taken]):
        return refused(405, "This address does not take that.")
    return missing(shop, visit)
