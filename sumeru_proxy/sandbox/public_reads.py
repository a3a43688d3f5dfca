"""The public endpoints that only read. Each takes a shop and the query and gives the JSON object to answer with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sumeru_proxy.sandbox.clock import iso
from sumeru_proxy.sandbox.listing import limit_of, page_of
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.shop_data import REVIEW_SORTS, Item, ShopData, shown_review
from sumeru_proxy.sandbox.world import World

Query = Mapping[str, str]
Read = Callable[[World, ShopData, Query], Item]
ID_LIST_LIMIT = 100
CENT = Decimal("0.01")


def _required_text(query: Query, name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise invalid(name, "is required")
    return value


def _ids(query: Query, name: str) -> list[str]:
    ids = list(dict.fromkeys(part for part in query.get(name, "").split(",") if part))
    if len(ids) > ID_LIST_LIMIT:
        raise invalid(name, f"may hold at most {ID_LIST_LIMIT} ids")
    return ids


def _flag(query: Query, name: str) -> bool:
    value = query.get(name, "")
    if value not in ("", "0", "1", "true", "false"):
        raise invalid(name, "must be 1 or 0")
    return value in ("1", "true")


def money_of(text: str, field: str) -> Decimal:
    """A non-negative amount from its decimal string. Raises Problem."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise invalid(field, "must be a decimal string") from None
    if not amount.is_finite() or amount < 0 or amount > 10**12:
        raise invalid(field, "must be an amount of money that is not negative")
    return amount


def money(amount: Decimal) -> str:
    """An amount as the upstream writes it: a string with two decimals."""
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def _reviews(world: World, shop: ShopData, query: Query) -> Item:
    product_id = _required_text(query, "product_id")
    sort = query.get("sort") or "-created_at"
    if sort not in REVIEW_SORTS:
        raise invalid("sort", f"must be one of {', '.join(REVIEW_SORTS)}")
    rating = query.get("rating", "")
    if rating and rating not in ("1", "2", "3", "4", "5"):
        raise invalid("rating", "must be a whole number from 1 to 5")
    limit = limit_of(query)
    only_media = _flag(query, "media")
    reviews = [
        review
        for review in shop.sorted_reviews(product_id, sort)
        if (not rating or review["rating"] == int(rating)) and (not only_media or review.get("media"))
    ]
    key, descending = REVIEW_SORTS[sort]
    binding = f"reviews|{shop.domain}|{product_id}|{sort}|{rating}|{only_media}"
    page_reviews, pagination = page_of(reviews, key, descending, limit, query.get("cursor", ""), binding)
    data = {"summary": shop.summary(product_id), "reviews": [shown_review(review) for review in page_reviews]}
    return {"data": data, "pagination": pagination}


def _product_feed(world: World, shop: ShopData, query: Query) -> Item:
    collection, requested_ids = query.get("collection", ""), _ids(query, "product_ids")
    words = query.get("q", "").casefold().split()
    in_stock = _flag(query, "in_stock")
    limit = limit_of(query)
    ids = requested_ids if "product_ids" in query else list(shop.products)
    matches: list[Item] = []
    for place, product_id in enumerate(ids):
        product = shop.products.get(product_id)
        if product is None or (collection and collection not in (product.get("collections") or [])):
            continue
        if in_stock and not product["available"]:
            continue
        if words:
            text = " ".join([product["title"], product.get("vendor") or "", *(product.get("tags") or [])]).casefold()
            if not all(word in text for word in words):
                continue
        matches.append({"id": product_id, "place": place})
    binding = f"feed|{shop.domain}|{collection}|{','.join(requested_ids)}|{words}|{in_stock}"
    page_items, pagination = page_of(
        matches, lambda item: item["place"], False, limit, query.get("cursor", ""), binding
    )
    return {"data": shop.shown_products(item["id"] for item in page_items), "pagination": pagination}


def _discounted_price(full: Decimal, discount: Item) -> Decimal:
    value = Decimal(str(discount["value"]))
    if discount["kind"] == "percentage":
        return full * (100 - value) / 100
    if discount["kind"] == "fixed_amount":
        return max(Decimal(0), full - value)
    return value


def _bundles(world: World, shop: ShopData, query: Query) -> Item:
    product_id = _required_text(query, "product_id")
    bundles: list[Item] = []
    for bundle in shop.bundles:
        ids = [item["product_id"] for item in bundle["items"]]
        if product_id not in (bundle.get("shown_on") or ids) or not all(item_id in shop.products for item_id in ids):
            continue
        items = [
            {**shop.shown_product(shop.products[item["product_id"]]), "quantity": item["quantity"]}
            for item in bundle["items"]
        ]
        full = sum((Decimal(item["price"]) * item["quantity"] for item in items), Decimal(0))
        bundles.append(
            {
                "id": bundle["id"],
                "title": bundle["title"],
                "description": bundle.get("description") or "",
                "items": items,
                "price": money(_discounted_price(full, bundle["discount"])),
                "compare_at_price": money(full),
                "currency": shop.currency,
                "discount": {"kind": bundle["discount"]["kind"], "value": str(bundle["discount"]["value"])},
            }
        )
    return {"data": bundles}


def _upsell(world: World, shop: ShopData, query: Query) -> Item:
    cart = _ids(query, "product_ids")
    total = money_of(query["cart_total"], "cart_total") if query.get("cart_total") else None
    limit = limit_of(query)
    offers: list[Item] = []
    excluded_ids = set(cart)
    collections = {
        name
        for product_id in cart
        if product_id in shop.products
        for name in shop.products[product_id].get("collections") or []
    }
    if query.get("currency") not in (None, "", shop.currency):
        return {"data": []}
    for rule in shop.upsell_rules:
        by_product, by_collection = rule.get("if_product_ids") or [], rule.get("if_collections") or []
        triggers = set(by_product) & set(cart) or set(by_collection) & collections
        if (by_product or by_collection) and not triggers:
            continue
        for product_id in rule["product_ids"]:
            product = shop.products.get(product_id)
            if product is None or product_id in excluded_ids or not product["available"]:
                continue
            ceiling = None if total is None else total * Decimal(str(rule.get("max_share_of_cart", 1)))
            if ceiling and Decimal(product["price"]) > ceiling:
                continue
            excluded_ids.add(product_id)
            discount = rule.get("discount")
            offers.append(
                {
                    "product": shop.shown_product(product),
                    "reason": rule["reason"],
                    "discount": {"kind": discount["kind"], "value": str(discount["value"])} if discount else None,
                }
            )
    return {"data": offers[:limit]}


def _ab_experiment(world: World, shop: ShopData, query: Query) -> Item:
    name, visitor = _required_text(query, "experiment"), _required_text(query, "visitor_id")
    experiment = shop.experiments.get(name)
    if experiment is None:
        raise Problem("not_found", "No such experiment.")
    digest = hashlib.sha256(f"{shop.domain}|{name}|{visitor}".encode("utf-8", "replace")).digest()
    weights = [int(variant["weight"]) for variant in experiment["variants"]]
    point = int.from_bytes(digest[:8], "big") % sum(weights)
    assigned_variant = experiment["variants"][-1]
    for variant, weight in zip(experiment["variants"], weights, strict=True):
        if point < weight:
            assigned_variant = variant
            break
        point -= weight
    key = f"{name}|{visitor}"
    if key not in shop.assignments:
        world.commit({"do": "assignment", "shop": shop.domain, "key": key, "at": world.clock.now()})
    return {
        "data": {
            "experiment": name,
            "variant": assigned_variant["name"],
            "payload": assigned_variant.get("payload") or {},
            "assigned_at": iso(shop.assignments[key]),
        }
    }


def _cart_nudge(world: World, shop: ShopData, query: Query) -> Item:
    _required_text(query, "cart_id")
    total = money_of(query.get("cart_total") or "0", "cart_total")
    count_text = query.get("item_count") or ""
    if count_text and not (count_text.isascii() and count_text.isdecimal()):
        raise invalid("item_count", "must be a whole number")
    if query.get("currency") not in (None, "", shop.currency) or count_text == "0" or total == 0:
        return {"data": None}
    for nudge in shop.nudges:
        threshold = Decimal(nudge["threshold"]) if nudge.get("threshold") else None
        if threshold is not None and total >= threshold:
            continue
        if nudge.get("min_total") and total < Decimal(nudge["min_total"]):
            continue
        if nudge.get("min_items") and int(count_text or 0) < nudge["min_items"]:
            continue
        remaining = threshold - total if threshold is not None else None
        progress = None
        if threshold is not None and remaining is not None:
            progress = {"current": money(total), "target": money(threshold), "remaining": money(remaining)}
        message = nudge["message"].replace(
            "{remaining}", f"{money(remaining)} {shop.currency}" if remaining is not None else ""
        )
        expires_s = nudge.get("expires_after_s")
        return {
            "data": {
                "id": nudge["id"],
                "kind": nudge["kind"],
                "message": message,
                "progress": progress,
                "cta": nudge.get("cta"),
                "expires_at": iso(world.clock.now() + expires_s) if expires_s else None,
            }
        }
    return {"data": None}


def _referral(world: World, shop: ShopData, query: Query) -> Item:
    customer_id, code = query.get("customer_id", ""), query.get("code", "")
    if bool(customer_id) == bool(code):
        raise invalid("customer_id", "or code is required, and only one of them")
    reward = shop.referral.get("reward")
    if customer_id:
        own = shop.referrals.get(customer_id)
        if own is None:
            return {"data": None}
        return {"data": {"code": own["code"], "share_url": own["share_url"], "reward": reward}}
    for own in list(shop.referrals.values()):
        if own["code"].casefold() == code.casefold():
            name = shop.customers.get(own["customer_id"], {}).get("first_name") or ""
            return {"data": {"code": own["code"], "valid": True, "referrer_name": name, "reward": reward}}
    return {"data": {"code": code, "valid": False, "referrer_name": "", "reward": None}}


READS: dict[str, Read] = {
    "reviews": _reviews,
    "product-feed": _product_feed,
    "bundles": _bundles,
    "upsell": _upsell,
    "ab-experiment": _ab_experiment,
    "cart-nudge": _cart_nudge,
    "referral": _referral,
}


def answer_to(name: str, world: World, shop: ShopData, query: Query) -> Any:
    """The JSON object for the read endpoint ``name``. Raises Problem."""
    return READS[name](world, shop, query)
