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
from sumeru_proxy.sandbox.listing import in_order, limit_of, page
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.public_writes import Deed
from sumeru_proxy.sandbox.shop_data import ShopData
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
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
}
_FILTER = re.compile(r"filter\[([A-Za-z_.]+)\](?:\[(gt|gte|lt|lte)\])?")
BASE62 = string.digits + string.ascii_letters


def _value(item: Item, path: str) -> Any:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _knows(items: list[Item], field: str) -> bool:
    # An empty list knows every field: nothing can be said against it.
    return not items or any(field.split(".")[0] in item for item in items)


def _matches(have: Any, comparison: str | None, want: str) -> bool:
    if comparison:
        return have is not None and COMPARISONS[comparison](str(have), want)
    if isinstance(have, list):
        return want in have
    if isinstance(have, bool):
        return want == str(have).lower()
    return have is not None and str(have) in want.split(",")


def _listed(name: str, items: list[Item], query: Query, default_sort: str) -> tuple[list[Item], Item]:
    chosen = items
    for parameter, want in query.items():
        if not parameter.startswith("filter"):
            continue
        parsed = _FILTER.fullmatch(parameter)
        if parsed is None or not _knows(items, parsed[1]):
            raise invalid(parameter, "is not a filter of this list")
        chosen = [item for item in chosen if _matches(_value(item, parsed[1]), parsed[2], want)]
    sort = query.get("sort") or default_sort
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    if not _knows(items, field):
        raise invalid("sort", "names no field of this list")
    ignored = ("cursor", "limit", "fields", "include")
    binding = f"{name}|{sorted(pair for pair in query.items() if pair[0] not in ignored)}"

    def key(item: Item) -> str:
        value = _value(item, field)
        return "" if value is None else str(value)

    ordered = in_order(chosen, key, descending)
    return page(ordered, key, descending, limit_of(query), query.get("cursor", ""), binding)


def _included(name: str, query: Query, scopes: list[str]) -> set[str]:
    asked = set(filter(None, query.get("include", "").split(",")))
    unknown = asked - INCLUDES[name]
    if unknown:
        raise invalid("include", f"does not know {', '.join(sorted(unknown))}")
    for thing, scope in (("orders", "orders:read"), ("attributions", "attribution:read")):
        if thing in asked and scope not in scopes:
            raise Problem("forbidden", "The token lacks a scope.", {"required_scope": scope})
    return asked


def _shown(item: Item, query: Query) -> Item:
    fields = set(filter(None, query.get("fields", "").split(",")))
    included = set(filter(None, query.get("include", "").split(",")))
    return {name: value for name, value in item.items() if not fields or name in fields | included | {"id"}}


def _order(order: Item, included: set[str]) -> Item:
    return order if "attributions" in included else {k: v for k, v in order.items() if k != "attributions"}


def _customer(shop: ShopData, customer: Item, included: set[str]) -> Item:
    if "orders" in included:
        own = [order for order in shop.orders.values() if order["customer"]["id"] == customer["id"]]
        return {**customer, "orders": [_order(order, included) for order in own]}
    if "attributions" in included:
        own = [order for order in shop.orders.values() if order["customer"]["id"] == customer["id"]]
        return {**customer, "attributions": [entry for order in own for entry in order.get("attributions") or []]}
    return customer


def _attributions(shop: ShopData) -> list[Item]:
    return [
        {"id": f"{entry['order_id']}|{entry['model']}", "created_at": order["created_at"], **entry}
        for order in shop.orders.values()
        for entry in order.get("attributions") or []
    ]


def answer_to(name: str, world: World, shop: ShopData, item_id: str, query: Query, scopes: list[str]) -> Item:
    """The JSON object for a reading admin endpoint. Raises Problem."""
    if name in ("customer", "order"):
        items, kind = (shop.customers, "customers") if name == "customer" else (shop.orders, "orders")
        included = _included(kind, query, scopes)
        item = items.get(item_id)
        if item is None:
            raise Problem("not_found", f"No such {name}.")
        item = _customer(shop, item, included) if name == "customer" else _order(item, included)
        return {"data": _shown(item, query)}
    if name == "customers":
        included = _included(name, query, scopes)
        shown, pagination = _listed(name, list(shop.customers.values()), query, "-created_at")
        rows = [_shown(_customer(shop, item, included), query) for item in shown]
    elif name == "orders":
        included = _included(name, query, scopes)
        shown, pagination = _listed(name, list(shop.orders.values()), query, "-created_at")
        rows = [_shown(_order(item, included), query) for item in shown]
    elif name == "attribution":
        _included(name, query, scopes)
        shown, pagination = _listed(name, _attributions(shop), query, "-created_at")
        rows = [{key: value for key, value in item.items() if key not in ("id", "created_at")} for item in shown]
    elif name == "webhook-subscriptions":
        own = [subscription for subscription in world.subscriptions.values() if subscription["shop"] == shop.domain]
        shown, pagination = _listed(name, own, query, "created_at")
        rows = [_shown(shown_subscription(item), query) for item in shown]
    else:
        shown, pagination = _listed(name, list(shop.tokens.values()), query, "id")
        rows = [_shown(_shown_token(item), query) for item in shown]
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
    changed = {**customer, **body, "updated_at": iso(world.clock.now())}
    operation = {"do": "customer", "shop": shop.domain, "customer": changed}
    log = ("admin", f"customer|{item_id}|{world.new_id('chg')}", {"customer_id": item_id, "change": body}, 1)
    return Deed(200, {"data": changed}, [operation], [log])


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
    return _revealed(201, subscription)


def _rotate(world: World, shop: ShopData, item_id: str, body: Item) -> Deed:
    return _revealed(200, {**_subscription(world, shop, item_id), "secret": _new_secret()})


def _revealed(status: int, subscription: Item) -> Deed:
    shown = {**shown_subscription(subscription), "secret": subscription["secret"]}
    return Deed(status, {"data": shown}, [{"do": "subscription", "subscription": subscription}])


def _new_secret() -> str:
    return "wsec_" + "".join(secrets.choice(BASE62) for _ in range(32))


def _subscription(world: World, shop: ShopData, item_id: str) -> Item:
    found = world.subscriptions.get(item_id)
    if found is None or found["shop"] != shop.domain:
        raise Problem("not_found", "No such webhook subscription.")
    return found


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
    shown = {**_shown_token(token), "token": token["token"]}
    return Deed(201, {"data": shown}, [{"do": "shop", "shop": shop.domain, "token": token}])


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
