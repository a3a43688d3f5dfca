"""The made-up brand Ridge & Hollow and its sister, the stationer Quill & Inkwell: always the same, drawn from a fixed seed."""

from __future__ import annotations

import random
from typing import Any

from sumeru_proxy.sandbox.demo_people import customers, orders
from sumeru_proxy.sandbox.demo_reviews import reviews
from sumeru_proxy.sandbox.demo_rules import main_rules, sister_rules
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES
from sumeru_proxy.sandbox.product_tables import COLLECTIONS, STATIONERY, STATIONERY_SERIES, Kind

Item = dict[str, Any]
SEED = 20_260_401
MAIN_DOMAIN = "ridgeandhollow.example"
SISTER_DOMAIN = "quillandinkwell.example"
MAIN_KEY = "pk_live_" + "R1dgeAndH0ll0wDem0K3yF0rSandb0x1"
SISTER_KEY = "pk_live_" + "Qu1llAndInkw3llDem0K3ySandb0x200"
MAIN_TOKEN = "copt_test_R1dgeAndH0ll0wDem0T0kenSandb0x10"  # noqa: S105 - opens nothing but this stand-in
MAIN_READ_TOKEN = "copt_test_R1dgeAndH0ll0wReadT0kenSandb0x20"  # noqa: S105 - the same
SISTER_TOKEN = "copt_test_Qu1llAndInkw3llT0kenSandb0x00030"  # noqa: S105 - the same
DEVELOPMENT_ORIGINS = [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 8000, 8080)]


def _handle(title: str) -> str:
    letters = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower().replace("'", "")
    )
    return "-".join(part for part in letters.split("-") if part)


def _product(
    number: int, collection: str, series: str, kind: Kind, currency: str, vendor: str, draw: random.Random
) -> Item:
    name, drawing, base_price, tags = kind
    title = f"{series} {name}"
    price = base_price + int(draw.random() * base_price * 0.25)
    reduced = draw.random() < 0.15
    handle = _handle(title)
    return {
        "id": f"prd_{number}",
        "handle": handle,
        "title": title,
        "url": "{storefront}/products/" + handle,
        "vendor": vendor,
        "image": {
            "url": "{base}/media/" + f"{collection}-{drawing}-{number}.svg",
            "width": 800,
            "height": 800,
            "alt": f"Drawing of the {title}",
        },
        "price": f"{price}.00",
        "compare_at_price": f"{int(price * 1.25)}.00" if reduced else None,
        "currency": currency,
        "available": number == 1001 or draw.random() < 0.92,
        "tags": [*tags.split(), series.lower(), *(["sale"] if reduced else [])],
        "variant_id": f"var_{number}",
        "collections": [collection],
    }


def _token(name: str, token: str, number: int, scopes: list[str], plan: str) -> Item:
    return {
        "id": f"key_{number}",
        "token": token,
        "name": name,
        "scopes": scopes,
        "plan": plan,
        "created_at": "2026-01-15T09:00:00Z",
    }


def _main_shop() -> Item:
    draw = random.Random(SEED)  # noqa: S311
    products: list[Item] = []
    # One kind after another, so that neighbours in the feed come from different collections.
    for place in range(13):
        for step in range(4):
            for handle, (_, series, kinds) in COLLECTIONS.items():
                number, one = 1001 + len(products), series[(step + place) % 4]
                products.append(_product(number, handle, one, kinds[place], "EUR", "Ridge & Hollow", draw))
    people = customers(50, "EUR", draw)
    return {
        "domain": MAIN_DOMAIN,
        "name": "Ridge & Hollow",
        "currency": "EUR",
        "origins": [f"https://{MAIN_DOMAIN}", f"https://www.{MAIN_DOMAIN}", *DEVELOPMENT_ORIGINS],
        "public_key": MAIN_KEY,
        "tokens": [
            _token("Everything", MAIN_TOKEN, 1, ALL_SCOPES, "pro"),
            _token("Orders only", MAIN_READ_TOKEN, 2, ["orders:read"], "free"),
        ],
        "auto_publish": False,
        "collections": [{"handle": handle, "title": title} for handle, (title, _, _) in COLLECTIONS.items()],
        "products": products,
        "reviews": reviews(products, 5_000, 327, draw),
        "orders": orders(120, people, products, "EUR", draw),
        "customers": people,
        **main_rules(),
    }


def _sister_shop() -> Item:
    draw = random.Random(SEED + 1)  # noqa: S311
    products = [
        _product(1001 + place * 2 + step, "paper", series, kind, "USD", "Quill & Inkwell", draw)
        for place, kind in enumerate(STATIONERY)
        for step, series in enumerate(STATIONERY_SERIES)
    ]
    people = customers(8, "USD", draw)
    written = reviews(products[1:], 300, 60, draw)
    return {
        "domain": SISTER_DOMAIN,
        "name": "Quill & Inkwell",
        "currency": "USD",
        "origins": [f"https://{SISTER_DOMAIN}", *DEVELOPMENT_ORIGINS],
        "public_key": SISTER_KEY,
        "tokens": [_token("Everything", SISTER_TOKEN, 1, ALL_SCOPES, "starter")],
        "auto_publish": True,
        "collections": [{"handle": "paper", "title": "Paper & Ink"}],
        "products": products,
        "reviews": [review for review in written if len(review["body"]) < 250 and "<" not in review["title"]],
        "orders": orders(12, people, products, "USD", draw),
        "customers": people,
        **sister_rules(),
    }


def generated() -> Item:
    """The catalogue, made anew (about a tenth of a second)."""
    return {"version": 1, "name": "Ridge & Hollow and its sister", "shops": [_main_shop(), _sister_shop()]}
