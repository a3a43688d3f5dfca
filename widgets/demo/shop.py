"""What the demo shop sells and knows of itself: read once from its catalogue, as a shop reads its own database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from babel.numbers import format_currency

from widgets.demo.widget_html import WidgetServer

CUSTOMERS_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Bundle:
    """A set with a discount that the shop's cart gives. ``items``: product ids with quantities; ``value`` is a decimal number."""

    title: str
    items: tuple[tuple[str, int], ...]
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product. ``picture`` is an address on this shop, or an absolute one elsewhere; empty without a picture.

    ``variant`` is what a cart holds; ``amount`` is the price as a number; ``collection`` is a handle or empty.
    """

    id: str
    handle: str
    title: str
    vendor: str
    picture: str
    picture_alt: str
    width: int
    height: int
    price: str
    was: str
    available: bool
    tags: tuple[str, ...]
    variant: str
    amount: Decimal
    collection: str = ""

    @property
    def path(self) -> str:
        """Its page on this shop."""
        return f"/products/{quote(self.handle, safe='')}"


@dataclass(frozen=True)
class Shop:
    """Everything the pages are made from.

    ``collections``: handle and title. ``customers``: id and name. ``variants`` of the experiment: name and headline, the control group
    first. ``pictures_from``: origin of the shoppers' photos inside the reviews. ``customer_secret`` is shared with the widget server,
    for customer tokens. ``scripts``: what the widget server has besides the loader: ``pixel`` (measures), ``share`` (copy and share).
    """

    name: str
    currency: str
    products: tuple[Product, ...]
    widgets: WidgetServer
    pictures_from: str
    collections: tuple[tuple[str, str], ...] = ()
    bundles: tuple[Bundle, ...] = ()
    customers: tuple[tuple[str, str], ...] = ()
    quiz: str = ""
    experiment: str = ""
    variants: tuple[tuple[str, str], ...] = ()
    customer_secret: str = ""
    scripts: frozenset[str] = frozenset()

    @cached_property
    def by_id(self) -> dict[str, Product]:
        """Products by id."""
        return {product.id: product for product in self.products}

    @cached_property
    def by_handle(self) -> dict[str, Product]:
        """Products by handle."""
        return {product.handle: product for product in self.products}

    @cached_property
    def by_variant(self) -> dict[str, Product]:
        """Products by what a cart holds."""
        return {product.variant: product for product in self.products if product.variant}

    @cached_property
    def pictures(self) -> frozenset[str]:
        """Names of the pictures that this shop serves itself."""
        prefix = "/media/"
        return frozenset(
            unquote(product.picture.removeprefix(prefix))
            for product in self.products
            if product.picture.startswith(prefix)
        )

    @cached_property
    def bundled(self) -> frozenset[str]:
        """Ids of the products that are part of a set."""
        return frozenset(product for bundle in self.bundles for product, _quantity in bundle.items)


def shop_of(catalogue_shop: Mapping[str, Any], widgets: WidgetServer, pictures_from: str, **more: Any) -> Shop:
    """A shop of a checked catalogue. ``more``: fields of ``Shop`` that no catalogue holds."""
    experiments = catalogue_shop.get("experiments") or []
    none: dict[str, Any] = {"name": "", "variants": []}
    experiment = next((each for each in experiments if len(each["variants"]) > 1), none)
    collections = {each["handle"]: each["title"] for each in catalogue_shop.get("collections") or []}
    return Shop(
        name=catalogue_shop.get("name") or catalogue_shop["domain"],
        currency=catalogue_shop["currency"],
        products=tuple(product_of(each, collections) for each in catalogue_shop["products"]),
        widgets=widgets,
        pictures_from=pictures_from,
        collections=tuple(collections.items()),
        bundles=tuple(
            Bundle(
                each["title"],
                tuple((item["product_id"], item["quantity"]) for item in each["items"]),
                each["discount"]["kind"],
                each["discount"]["value"],
            )
            for each in catalogue_shop.get("bundles") or []
        ),
        customers=tuple(
            (each["id"], f"{each['first_name']} {each['last_name']}")
            for each in (catalogue_shop.get("customers") or [])[:CUSTOMERS_LIMIT]
        ),
        quiz=next((each["id"] for each in catalogue_shop.get("quizzes") or []), ""),
        experiment=experiment["name"],
        variants=tuple((each["name"], _headline(each.get("payload") or {})) for each in experiment["variants"]),
        **more,
    )


def product_of(item: Mapping[str, Any], collections: Mapping[str, str]) -> Product:
    """A product of a checked catalogue, in the first of its collections that the shop has."""
    image = item.get("image") or {}
    before = item.get("compare_at_price")
    return Product(
        id=item["id"],
        handle=item["handle"],
        title=item["title"],
        vendor=item.get("vendor") or "",
        picture=own_address(image.get("url") or ""),
        picture_alt=image.get("alt") or "",
        width=image.get("width") or 800,
        height=image.get("height") or 800,
        price=money(Decimal(item["price"]), item["currency"]),
        was=money(Decimal(before), item["currency"]) if before else "",
        available=item["available"],
        tags=tuple(item.get("tags") or ()),
        variant=item.get("variant_id") or "",
        amount=Decimal(item["price"]),
        collection=next((each for each in item.get("collections") or [] if each in collections), ""),
    )


def _headline(payload: Mapping[str, Any]) -> str:
    texts = [payload.get(name) for name in ("headline", "text")]
    return next((text for text in texts if isinstance(text, str) and text), "Made to be used")


def money(amount: Decimal, currency: str) -> str:
    """An amount for people."""
    return str(format_currency(amount, currency, locale="en"))


def own_address(url: str) -> str:
    """Where this shop serves a picture of the catalogue; other web addresses stay, anything else is dropped."""
    prefix = "{base}/media/"
    if url.startswith(prefix):
        return f"/media/{quote(unquote(url.removeprefix(prefix)), safe='')}"
    return url if urlsplit(url).scheme in ("http", "https") else ""
