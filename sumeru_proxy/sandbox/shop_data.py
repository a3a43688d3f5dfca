"""One shop of the catalogue, indexed for answering. The catalogue's own objects are never changed, only replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sumeru_proxy.sandbox.endpoints import ALL_SCOPES
from sumeru_proxy.sandbox.listing import in_order
from sumeru_proxy.sandbox.orders.book import OrderBook
from sumeru_proxy.sandbox.orders.filling import filled
from sumeru_proxy.sandbox.orders.generator import OrderGenerator
from sumeru_proxy.sandbox.shelf import Shelf

Item = dict[str, Any]

PRODUCT_FIELDS = (
    "id handle title url vendor image price compare_at_price currency available tags variant_id".split()  # noqa: SIM905
)
REVIEW_FIELDS = (
    "id rating title body author created_at locale variant_title helpful_count media reply".split()  # noqa: SIM905
)


def fill_places(value: Any, places: dict[str, str]) -> Any:
    """``value`` with the placeholders ``{base}`` and ``{storefront}`` filled in, everywhere inside."""
    if isinstance(value, str):
        for name, url in places.items():
            value = value.replace(name, url)
        return value
    if isinstance(value, dict):
        return {name: fill_places(inner, places) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill_places(inner, places) for inner in value]
    return value


class ShopData:
    """Products, reviews, people and rules of one shop. The caller holds the world's lock while changing it."""

    def __init__(self, shop: Item, base_url: str, storefront_url: str) -> None:
        self.places = {"{base}": base_url, "{storefront}": storefront_url}
        self.raw = shop
        self.domain: str = shop["domain"]
        self.name: str = shop.get("name") or self.domain
        self.currency: str = shop["currency"]
        self.public_key: str = shop["public_key"]
        self.origins: set[str] = set(shop.get("origins") or [])
        self.auto_publish: bool = bool(shop.get("auto_publish"))
        self.tokens: dict[str, Item] = {
            token["token"]: {"scopes": ALL_SCOPES, **token} for token in shop.get("tokens") or []
        }
        self.products: dict[str, Item] = {}
        self.reviews: dict[str, Item] = {}
        self.customers = Shelf(shop.get("customers") or [])
        self.orders = OrderBook(filled(each, self.domain) for each in shop.get("orders") or ())
        self.generated = 0
        """How many orders were drawn for this shop; the next one's number less 1."""
        self.referrals: dict[str, Item] = {}
        self.assignments: dict[str, float] = {}
        self.bundles: list[Item] = list(shop.get("bundles") or [])
        self.upsell_rules: list[Item] = list(shop.get("upsell_rules") or [])
        self.quizzes: dict[str, Item] = {quiz["id"]: quiz for quiz in shop.get("quizzes") or []}
        self.experiments: dict[str, Item] = {item["name"]: item for item in shop.get("experiments") or []}
        self.nudges: list[Item] = list(shop.get("nudges") or [])
        self.referral: Item = shop.get("referral") or {}
        self._published: dict[str, list[Item]] = {}
        self._summaries: dict[str, Item] = {}
        self._sorted: dict[str, dict[str, list[Item]]] = {}
        for product in shop["products"]:
            self.put_product(product)
        for review in shop.get("reviews") or []:
            self.put_review(review)
        for customer_id in self.referral.get("claimed") or []:
            self.claim_referral(customer_id)

    def generator(self, seed: int, first: int = 1, **options: Any) -> OrderGenerator:
        """Draws orders of this shop's products from number ``first`` on; options are those of ``OrderGenerator``."""
        products = [product for product in self.products.values() if product["price"] != "0.00"]
        customers = dict(self.customers) if first > 1 else None
        place = self.places["{storefront}"]
        return OrderGenerator(seed, products=products, storefront=place, customers=customers, first=first, **options)

    def generate_orders(self, count: int, seed: int, first: int, changed: bool = True, **options: Any) -> None:
        """Adds ``count`` orders and those who placed them. About 0.2 ms each."""
        generator = self.generator(seed, first, **options)
        for order in generator.take(count, changed=changed):
            self.orders[order["id"]] = order
        self.customers.update(generator.customers)
        self.orders.sort()
        self.customers.sort()
        self.generated = max(self.generated, first + count - 1)

    def filled(self, value: Any) -> Any:
        """A value of the catalogue with its placeholders filled in."""
        return fill_places(value, self.places)

    def put_product(self, product: Item) -> None:
        """Adds or replaces a product."""
        self.products[product["id"]] = {
            **product,
            "url": fill_places(product["url"], self.places),
            "image": fill_places(product.get("image"), self.places),
        }

    def put_review(self, review: Item) -> None:
        """Adds or replaces a review."""
        before = self.reviews.get(review["id"])
        if before is not None:
            self.drop_review(before["id"])
        if review.get("media"):
            review = {**review, "media": fill_places(review["media"], self.places)}
        self.reviews[review["id"]] = review
        if is_published(review):
            self._published.setdefault(review["product_id"], []).append(review)
        self._summaries.pop(review["product_id"], None)
        self._sorted.pop(review["product_id"], None)

    def drop_review(self, review_id: str) -> None:
        """Removes a review, if there is such."""
        review = self.reviews.pop(review_id, None)
        if review is None:
            return
        if is_published(review):
            self._published[review["product_id"]].remove(review)
        self._summaries.pop(review["product_id"], None)
        self._sorted.pop(review["product_id"], None)

    def published_reviews(self, product_id: str) -> list[Item]:
        """The published reviews of a product, in no particular order; not to be changed."""
        return self._published.get(product_id, [])

    def sorted_reviews(self, product_id: str, sort: str) -> list[Item]:
        """The published reviews in the order of one of ``REVIEW_SORTS``; not to be changed."""
        if not self.published_reviews(product_id):
            return []
        orders = self._sorted.setdefault(product_id, {})
        if sort not in orders:
            orders[sort] = in_order(self.published_reviews(product_id), *REVIEW_SORTS[sort])
        return orders[sort]

    def summary(self, product_id: str) -> Item:
        """``{product_id, average, count, histogram}`` over all published reviews; zeros for an unknown product."""
        summary = self._summaries.get(product_id)
        if summary is None:
            ratings = [review["rating"] for review in self.published_reviews(product_id)]
            average = round(sum(ratings) / len(ratings), 4) if ratings else 0
            histogram = {str(stars): ratings.count(stars) for stars in range(1, 6)}
            summary = {"product_id": product_id, "average": average, "count": len(ratings), "histogram": histogram}
            # Any id may be asked for; only known products are worth remembering.
            if product_id in self.products:
                self._summaries[product_id] = summary
        return summary

    def shown_product(self, product: Item) -> Item:
        """A product in the shape of the public endpoints."""
        summary = self.summary(product["id"])
        view = {name: product.get(name) for name in PRODUCT_FIELDS}
        view["rating"] = {"average": summary["average"], "count": summary["count"]} if summary["count"] else None
        return view

    def shown_products(self, product_ids: Iterable[str]) -> list[Item]:
        """Several products in the given order; unknown ones are left out."""
        return [
            self.shown_product(self.products[product_id]) for product_id in product_ids if product_id in self.products
        ]

    def referral_of(self, customer_id: str) -> Item:
        """The referral this customer has or would get: the same at every call. Raises KeyError for a stranger."""
        name = self.customers[customer_id].get("first_name") or ""
        digest = hashlib.sha256(f"{self.domain}|{customer_id}".encode()).hexdigest()[:6].upper()
        letters = "".join(letter for letter in name.upper() if "A" <= letter <= "Z") or "FRIEND"
        code = f"{letters}-{digest}"
        template: str = self.referral.get("share_url") or "{storefront}/?ref={code}"
        share_url = fill_places(template, {**self.places, "{code}": code})
        return {"customer_id": customer_id, "code": code, "share_url": share_url}

    def claim_referral(self, customer_id: str) -> None:
        """Makes the customer's referral known. May be repeated. Raises KeyError for a stranger."""
        if customer_id not in self.referrals:
            self.referrals[customer_id] = self.referral_of(customer_id)


def is_published(review: Item) -> bool:
    """Reviews of a catalogue are published unless they say otherwise."""
    return str(review.get("status", "published")) == "published"


def shown_review(review: Item) -> Item:
    """A review in the shape of the public endpoint; what the catalogue leaves out becomes empty."""
    author = review.get("author") or {}
    view = {name: review.get(name) for name in REVIEW_FIELDS}
    view["title"] = review.get("title") or ""
    view["body"] = review.get("body") or ""
    view["author"] = {
        "name": author.get("name") or "",
        "verified_buyer": bool(author.get("verified_buyer")),
        "country": author.get("country") or "",
    }
    view["helpful_count"] = review.get("helpful_count") or 0
    view["media"] = review.get("media") or []
    return view


REVIEW_SORTS: dict[str, tuple[Callable[[Item], Any], bool]] = {
    "-created_at": (lambda review: review["created_at"], True),
    "-rating": (lambda review: review["rating"], True),
    "rating": (lambda review: review["rating"], False),
    "-helpful": (lambda review: review.get("helpful_count") or 0, True),
}
