"""The admin API: customers, orders, attribution, webhook subscriptions and API keys of one shop."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sumeru_proxy.sandbox.clock import iso
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES
from sumeru_proxy.sandbox.listing import limit_of, make_cursor, read_cursor
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.public_writes import Deed
from sumeru_proxy.sandbox.shelf import Condition, Shelf
from sumeru_proxy.sandbox.shop_data import ShopData
from sumeru_proxy.sandbox.wire import encode
from sumeru_proxy.sandbox.world import World

Item = dict[str, Any]
Query = Mapping[str, str]

EVENT_TYPES = frozenset(
    "customer.created customer.updated customer.tagged lifecycle.changed opt_in.changed order.created order.attributed "  # noqa: SIM905
    "campaign.launched campaign.completed campaign.approved campaign.rejected journey.enrolled journey.exited "
    "journey.step_executed anomaly.fired gdpr.completed webhook.failed".split()
)
INCLUDES = {"customers": {"orders", "attributions"}, "orders": {"attributions"}, "attribution": set[str]()}
PATCHABLE: dict[str, type] = {
    "first_name": str, "last_name": str, "phone": str, "email": str, "tags": list, "opt_in": dict, "lifecycle_stage": str,
}  # fmt: skip
_FILTER = re.compile(r"filter\[([A-Za-z_.]+)\](?:\[(gt|gte|lt|lte)\])?")
BASE62 = string.digits + string.ascii_letters


def _page_of_ids(name: str, shelf: Shelf, query: Query, default_sort: str) -> tuple[list[str], Item]:
    """The ids of a page, and its ``pagination``. Raises Problem."""
    conditions = []
    for parameter, text in query.items():
        if not parameter.startswith("filter"):
            continue
        match = _FILTER.fullmatch(parameter)
        if match is None or not shelf.knows(match[1]):
            raise invalid(parameter, "is not a filter of this list")
        conditions.append(Condition.of(match[1], match[2] or "", text))
    sort = query.get("sort") or default_sort
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    if not shelf.knows(field):
        raise invalid("sort", "names no field of this list")
    other_names = ("cursor", "limit", "fields", "include")
    binding = f"{name}|{sorted(pair for pair in query.items() if pair[0] not in other_names)}"
    cursor = query.get("cursor", "")
    after = read_cursor(cursor, binding) if cursor else None
    keys_and_ids, has_next = shelf.page_of(field, descending, limit_of(query), after, conditions)
    next_cursor = make_cursor(*keys_and_ids[-1], binding) if has_next else None
    return [item_id for _key, item_id in keys_and_ids], {"next_cursor": next_cursor, "has_next": has_next}


def _supported_query(query: Query, habits: Mapping[str, str]) -> Query:
    """The query without what this account ignores. Raises Problem for what it refuses."""
    comparing = [name for name in query if name.endswith(("[gt]", "[gte]", "[lt]", "[lte]"))]
    if comparing and habits["comparison_filters"] == "refused":
        raise invalid(comparing[0], "is not a filter of this list")
    ignored_names = comparing if habits["comparison_filters"] == "ignored" else []
    return {
        name: text
        for name, text in query.items()
        if name not in ignored_names and (name != "sort" or habits["sort"] == "honoured")
    }


def _inclusions(name: str, query: Query, scopes: list[str]) -> set[str]:
    names = set(filter(None, query.get("include", "").split(",")))
    unknown = names - INCLUDES[name]
    if unknown:
        raise invalid("include", f"does not know {', '.join(sorted(unknown))}")
    for thing, scope in (("orders", "orders:read"), ("attributions", "attribution:read")):
        if thing in names and scope not in scopes:
            raise Problem("forbidden", "The token lacks a scope.", {"required_scope": scope})
    return names


def _only_fields(item: Item, query: Query) -> Item:
    fields = set(filter(None, query.get("fields", "").split(",")))
    inclusions = set(filter(None, query.get("include", "").split(",")))
    return {name: value for name, value in item.items() if not fields or name in fields | inclusions | {"id"}}


def _order(order: Item, inclusions: set[str]) -> Item:
    return order if "attributions" in inclusions else {k: v for k, v in order.items() if k != "attributions"}


def _customer(shop: ShopData, customer: Item, inclusions: set[str]) -> Item:
    own = [shop.orders[order_id] for order_id in shop.orders.of_customer(customer["id"])] if inclusions else []
    if "orders" in inclusions:
        return {**customer, "orders": [_order(order, inclusions) for order in own]}
    if "attributions" in inclusions:
        return {**customer, "attributions": [entry for order in own for entry in order["attributions"]]}
    return customer


def _orders(shop: ShopData, query: Query, inclusions: set[str]) -> bytes:
    """A page of orders, joined from the JSON that is there."""
    ids, pagination = _page_of_ids("orders", shop.orders.bare, query, "-created_at")
    if query.get("fields"):
        rows = [encode(_only_fields(_order(shop.orders[order_id], inclusions), query)) for order_id in ids]
    else:
        rows = [shop.orders.raw(order_id, "attributions" in inclusions) for order_id in ids]
    return _list_body(rows, pagination)


def _list_body(rows: list[bytes], pagination: Item) -> bytes:
    return b'{"data":[' + b",".join(rows) + b'],"pagination":' + encode(pagination) + b"}"


def answer_to(name: str, world: World, shop: ShopData, item_id: str, query: Query, scopes: list[str]) -> Item | bytes:
    """The JSON object for a reading admin endpoint, or its bytes. Raises Problem."""
    query = _supported_query(query, world.habits)
    if name == "order":
        inclusions = _inclusions("orders", query, scopes)
        if item_id not in shop.orders:
            raise Problem("not_found", "No such order.")
        if not query.get("fields"):
            return b'{"data":' + shop.orders.raw(item_id, "attributions" in inclusions) + b"}"
        return {"data": _only_fields(_order(shop.orders[item_id], inclusions), query)}
    if name == "customer":
        inclusions = _inclusions("customers", query, scopes)
        if item_id not in shop.customers:
            raise Problem("not_found", "No such customer.")
        return {"data": _only_fields(_customer(shop, shop.customers[item_id], inclusions), query)}
    if name == "customers":
        inclusions = _inclusions(name, query, scopes)
        ids, pagination = _page_of_ids(name, shop.customers, query, "-created_at")
        rows = [_only_fields(_customer(shop, shop.customers[customer_id], inclusions), query) for customer_id in ids]
    elif name == "orders":
        return _orders(shop, query, _inclusions(name, query, scopes))
    elif name == "attribution":
        _inclusions(name, query, scopes)
        ids, pagination = _page_of_ids(name, shop.orders.credits, query, "-created_at")
        return _list_body([shop.orders.raw_credit(credit_id) for credit_id in ids], pagination)
    elif name == "webhook-subscriptions":
        own = [subscription for subscription in world.subscriptions.values() if subscription["shop"] == shop.domain]
        ids, pagination = _page_of_ids(name, Shelf(own), query, "created_at")
        rows = [_only_fields(shown_subscription(world.subscriptions[whk_id]), query) for whk_id in ids]
    else:
        tokens = {token["id"]: token for token in shop.tokens.values()}
        ids, pagination = _page_of_ids(name, Shelf(tokens.values()), query, "id")
        rows = [_only_fields(_shown_token(tokens[token_id]), query) for token_id in ids]
    return {"data": rows, "pagination": pagination}


def shown_subscription(subscription: Item) -> Item:
    """A subscription without its secret."""
    return {k: v for k, v in subscription.items() if k not in ("secret", "shop", "failures")}


def _shown_token(token: Item) -> Item:
    return {
        "id": token["id"],
        "name": token["name"],
        "prefix": token["token"][:10],
        "last4": token["token"][-4:],
        "scopes": token["scopes"],
        "plan": token.get("plan", "free"),
        "created_at": token.get("created_at"),
    }


def _update_customer(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    customer = shop.customers.get(item_id)
    if customer is None:
        raise Problem("not_found", "No such customer.")
    for name, value in body.items():
        if name not in PATCHABLE or not isinstance(value, PATCHABLE[name]):
            raise invalid(name, "cannot be changed to this")
    new_customer = {**customer, **body, "updated_at": iso(world.clock.now())}
    operation = {"do": "customer", "shop": shop.domain, "customer": new_customer}
    log = ("admin", f"customer|{item_id}|{world.new_id('chg')}", {"customer_id": item_id, "change": body}, 1)
    return Deed(200, {"data": new_customer}, [operation], [log])


def _subscribe(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    url, events, secret = body.get("url"), body.get("events"), body.get("secret", "auto")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise invalid("url", "must be an http or https URL")
    if not isinstance(events, list) or not events or not all(isinstance(event, str) for event in events):
        raise invalid("events", "must be a list of event types")
    unknown = set(events) - EVENT_TYPES - {"*"}
    if unknown:
        raise invalid("events", f"does not know {', '.join(sorted(unknown))}")
    if not isinstance(secret, str) or (secret != "auto" and len(secret) < 16):  # noqa: S105 - the documented word
        raise invalid("secret", 'must be "auto" or at least 16 characters')
    subscription = {
        "id": world.new_id("whk"),
        "url": url,
        "events": events,
        "active": True,
        "created_at": iso(world.clock.now()),
        "secret": _new_secret() if secret == "auto" else secret,  # noqa: S105 - the documented word
        "shop": shop.domain,
        "failures": 0,
    }
    return _deed_with_secret(201, subscription)


def _rotate(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    return _deed_with_secret(200, {**_subscription(world, shop, item_id), "secret": _new_secret()})


def _deed_with_secret(status: int, subscription: Item) -> Deed:
    view = {**shown_subscription(subscription), "secret": subscription["secret"]}
    return Deed(status, {"data": view}, [{"do": "subscription", "subscription": subscription}])


def _new_secret() -> str:
    return "wsec_" + "".join(secrets.choice(BASE62) for _ in range(32))


def _subscription(world: World, shop: ShopData, item_id: str) -> Item:
    subscription = world.subscriptions.get(item_id)
    if subscription is None or subscription["shop"] != shop.domain:
        raise Problem("not_found", "No such webhook subscription.")
    return subscription


def _unsubscribe(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    _subscription(world, shop, item_id)
    return Deed(204, {}, [{"do": "subscription_dropped", "id": item_id}])


def _create_key(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    name, scopes = body.get("name"), body.get("scopes")
    if not isinstance(name, str) or not name.strip():
        raise invalid("name", "is required")
    if not isinstance(scopes, list) or not scopes or not all(scope in ALL_SCOPES for scope in scopes):
        raise invalid("scopes", f"must be a list of some of {', '.join(ALL_SCOPES)}")
    plan = next(iter(shop.tokens.values()))["plan"]
    token = {
        "id": world.new_id("key"),
        "name": name,
        "token": "copt_test_" + "".join(secrets.choice(BASE62) for _ in range(32)),
        "scopes": scopes,
        "plan": plan,
        "created_at": iso(world.clock.now()),
    }
    view = {**_shown_token(token), "token": token["token"]}
    return Deed(201, {"data": view}, [{"do": "shop", "shop": shop.domain, "token": token}])


def _revoke_key(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    if not any(token["id"] == item_id for token in shop.tokens.values()):
        raise Problem("not_found", "No such key.")
    return Deed(204, {}, [{"do": "shop", "shop": shop.domain, "token_dropped": item_id}])


WRITES: dict[str, Callable[[World, ShopData, str, Item], Deed]] = {
    "customer-update": _update_customer,
    "webhook-subscribe": _subscribe,
    "webhook-rotate": _rotate,
    "webhook-unsubscribe": _unsubscribe,
    "api-key-create": _create_key,
    "api-key-revoke": _revoke_key,
}
