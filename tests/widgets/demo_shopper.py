"""A shopper of the demo shop, in one process: its site through Django's test client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from widgets.demo import frame, storefront
from widgets.demo.shop import Product, Shop, product_of
from widgets.demo.widget_html import WidgetServer

SHOP = "shp_test"
SANDBOX = "http://127.0.0.1:9"


def product(number: int, **changes: Any) -> Product:
    item = {
        "id": f"prd_{number}",
        "handle": f"thing-{number}",
        "title": f"Thing <{number}>",
        "vendor": "Maker",
        "image": {"url": "{base}/media/a b.svg", "width": 800, "height": 600, "alt": 'A "thing"'},
        "price": "1234.50",
        "currency": "EUR",
        "available": True,
        "tags": ["home"],
        "variant_id": f"var_{number}",
        "collections": ["none", "home"],
    }
    return product_of({**item, **changes}, {"home": "Home & Hearth"})


def shop_of(base: str, count: int = 50, **more: Any) -> Shop:
    """A shop without collections, unless it is told of them."""
    products = tuple(product(number) for number in range(1, count + 1))
    if "collections" not in more:
        products = tuple(replace(each, collection="") for each in products)
    server = WidgetServer(base, SHOP)
    return Shop(
        **{
            "name": "Test & Co",
            "currency": "EUR",
            "products": products,
            "widgets": server,
            "pictures_from": SANDBOX,
            **more,
        }
    )


def site(shop: Shop) -> override_settings:
    """The site of this shop instead of the widget server's, for a ``with`` block."""
    return override_settings(**storefront.SETTINGS, SECRET_KEY="k" * 40, STOREFRONT=shop)


class Shopper:
    """A browser without scripts; it keeps cookies."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.client = Client()

    def get(self, target: str, **headers: str) -> HttpResponse:
        with site(self.shop):
            return self.client.get(target, headers={each.replace("_", "-"): text for each, text in headers.items()})

    def post(self, target: str, form: dict[str, str], **headers: str) -> HttpResponse:
        with site(self.shop):
            return self.client.post(
                target, form, headers={each.replace("_", "-"): text for each, text in headers.items()}
            )

    def text(self, target: str, status: int = 200) -> str:
        answer = self.get(target)
        assert answer.status_code == status, answer
        return answer.content.decode()

    @property
    def cookies(self) -> dict[str, str]:
        return {name: morsel.value for name, morsel in self.client.cookies.items() if morsel.value}

    def cookie(self, name: str) -> str:
        """What the shop reads in it."""
        visit = self.visit("/")
        with site(self.shop):
            return visit.cookie(name)

    def visit(self, target: str) -> frame.Visit:
        request = RequestFactory().get(target)
        request.COOKIES.update(self.cookies)
        with site(self.shop):
            return frame.Visit(request)
