"""The admin endpoints (``/api/v1``): customers, orders, attribution, webhook subscriptions.

For each its address, its parameters and the one mapping from its JSON to our values (assumptions as in ``resources_catalogue``).
Orders and attributions are mapped in ``resources_orders``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlsplit

from sumeru_proxy.client import arguments, shapes_admin
from sumeru_proxy.client.reading import Fields, next_cursor
from sumeru_proxy.client.resource import (
    ADMIN,
    NEEDS_WRITE,
    NO_CUSTOMER,
    CallArguments,
    Example,
    ProbeState,
    Resource,
)
from sumeru_proxy.client.resources_orders import attribution_of, order_of
from sumeru_proxy.client.session import is_loopback
from sumeru_proxy.client.values import LARGEST, flag_of
from sumeru_proxy.client.windows import Window

T = TypeVar("T")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_EVENT = re.compile(r"(?:\*|[a-z][a-z_]{0,30}\.[a-z][a-z_]{0,30})\Z")
ORDER_INCLUDES: Final = ("attributions",)
BY_ID_CHARS: Final = 6_000


def _customer_of(fields: Fields) -> shapes_admin.Customer:
    return shapes_admin.Customer(
        id=fields.need_word("id"),
        email=fields.word("email", 254),
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        phone=fields.word("phone", 60),
        tags=fields.words("tags", 100),
        lifecycle_stage=fields.word("lifecycle_stage", 60),
        opt_in=_channels_of(fields),
        orders_count=fields.integer("orders_count"),
        total_spent=fields.decimal("total_spent", -LARGEST),
        currency=fields.currency("currency"),
        created_at=fields.moment("created_at"),
        updated_at=fields.moment("updated_at"),
    )


def _channels_of(fields: Fields) -> tuple[str, ...]:
    raw = fields.raw("opt_in")
    return (
        tuple(sorted(name for name, value in raw.items() if len(name) <= 40 and flag_of(value)))
        if isinstance(raw, dict)
        else ()
    )


def _subscription_of(fields: Fields) -> shapes_admin.WebhookSubscription:
    return shapes_admin.WebhookSubscription(
        id=fields.need_word("id"),
        url=fields.word("url", 2_048),
        events=fields.words("events", 80),
        active=fields.flag("active", default=True),
        secret=fields.word("secret", 200),
        created_at=fields.moment("created_at"),
    )


def _page_of(outer: Fields, read: Callable[[Fields], T]) -> tuple[tuple[T, ...], str | None, int]:
    found = outer.need_items("data", read)
    return found, next_cursor(outer), len(outer.raw("data")) - len(found)


def ask_list(
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
    filters: Mapping[str, str] | None = None,
    include: Iterable[str] = (),
    allowed_includes: Iterable[str] = (),
    window: Window | None = None,
) -> CallArguments:
    """One page of any admin list. ``sort`` is a field name, with ``-`` in front for descending; ``filters`` are equalities.

    ``window`` adds comparison filters.
    """
    query: list[tuple[str, str]] = []
    if limit is not None:
        query.append(("limit", str(arguments.whole("limit", limit, 1, 100))))
    if cursor is not None:
        query.append(("cursor", arguments.cursor(cursor)))
    if sort is not None:
        if not isinstance(sort, str) or not _FIELD.match(sort.removeprefix("-")):
            raise arguments.invalid("sort", "must be a field name")
        query.append(("sort", sort))
    for name, value in (filters or {}).items():
        if not isinstance(name, str) or not _FIELD.match(name):
            raise arguments.invalid("filters", "must have field names")
        query.append((f"filter[{name}]", arguments.line("filters", value, 200, least=1)))
    query.extend(window.query() if window is not None else ())
    query.extend(_include(include, allowed_includes))
    return CallArguments(tuple(query))


def _include(include: Iterable[str], allowed: Iterable[str]) -> tuple[tuple[str, str], ...]:
    included = [arguments.choice("include", each, allowed) for each in include]
    return (("include", ",".join(included)),) if included else ()


def ask_orders_by_id(order_ids: Iterable[str], include: Iterable[str] = ()) -> CallArguments:
    """Up to 100 orders by their ids, together at most 6,000 characters so that the address stays one that servers take.

    Refuses a single text, which would be read as a list of its characters.
    """
    joined = arguments.identifiers("order_ids", order_ids)
    if len(joined) > BY_ID_CHARS:
        raise arguments.invalid("order_ids", f"must be at most {BY_ID_CHARS} characters together")
    return CallArguments((("limit", "100"), ("filter[id]", joined), *_include(include, ORDER_INCLUDES)))


def ask_one(field: str, value: str, include: Iterable[str] = (), allowed_includes: Iterable[str] = ()) -> CallArguments:
    """One thing by its id."""
    return CallArguments(_include(include, allowed_includes), segments=(("id", arguments.identifier(field, value)),))


def ask_update_customer(customer_id: str, changes: Mapping[str, object]) -> CallArguments:
    """Changed fields of a customer."""
    if not changes or not all(isinstance(name, str) and _FIELD.match(name) for name in changes):
        raise arguments.invalid("changes", "must be an object of field names")
    return CallArguments(
        body=arguments.json_value("changes", dict(changes)),
        segments=(("id", arguments.identifier("customer_id", customer_id)),),
    )


def ask_subscribe(url: str, events: Iterable[str]) -> CallArguments:
    """A webhook subscription; the upstream makes the secret."""
    words = list(dict.fromkeys(events))
    if not words or not all(isinstance(word, str) and _EVENT.match(word) for word in words):
        raise arguments.invalid("events", 'must be event types or "*"')
    try:
        parts = urlsplit(arguments.line("url", url, 2_048, least=1))
        good = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        good = good and bool(parts.hostname) and "@" not in parts.netloc and " " not in url
    except ValueError:
        good = False
    if not good:
        raise arguments.invalid("url", "must be an https URL")
    return CallArguments(body={"url": url, "events": words, "secret": "auto"})


def _probe_update_customer(state: ProbeState) -> CallArguments | str:
    customer = state.first("customers", "customers")
    if customer is None:
        return NO_CUSTOMER
    # The tags it has already: a change that changes nothing.
    return ask_update_customer(customer.id, {"tags": list(customer.tags)}) if state.write else NEEDS_WRITE


def _probe_one(field: str, list_name: str, without: str) -> Callable[[ProbeState], CallArguments | str]:
    def probe(state: ProbeState) -> CallArguments | str:
        found = state.first(list_name, list_name)
        return ask_one(field, found.id) if found else without

    return probe


CUSTOMERS = Resource(
    "customers",
    "GET",
    "/api/v1/customers",
    ADMIN,
    lambda outer: shapes_admin.CustomerPage(*_page_of(outer, _customer_of)),
    ask_list,
    Example(limit=50),
    probe=lambda _state: ask_list(limit=5),
)
CUSTOMER = Resource(
    "customer",
    "GET",
    "/api/v1/customers/{id}",
    ADMIN,
    lambda outer: outer.need_child("data", _customer_of),
    partial(ask_one, "customer_id"),
    Example("cus_1"),
    probe=_probe_one("customer_id", "customers", NO_CUSTOMER),
    after="customers",
)
UPDATE_CUSTOMER = Resource(
    "update_customer",
    "PATCH",
    "/api/v1/customers/{id}",
    ADMIN,
    lambda outer: outer.need_child("data", _customer_of),
    ask_update_customer,
    Example("cus_1", {"tags": ["vip"]}),
    probe=_probe_update_customer,
    after="customers",
)
ORDERS = Resource(
    "orders",
    "GET",
    "/api/v1/orders",
    ADMIN,
    lambda outer: shapes_admin.OrderPage(*_page_of(outer, order_of)),
    ask_list,
    Example(limit=50),
    probe=lambda _state: ask_list(limit=100, include=ORDER_INCLUDES, allowed_includes=ORDER_INCLUDES),
)
ORDER = Resource(
    "order",
    "GET",
    "/api/v1/orders/{id}",
    ADMIN,
    lambda outer: outer.need_child("data", order_of),
    partial(ask_one, "order_id"),
    Example("ord_1"),
    probe=_probe_one("order_id", "orders", "no order known"),
    after="orders",
)
ATTRIBUTION = Resource(
    "attribution",
    "GET",
    "/api/v1/attribution",
    ADMIN,
    lambda outer: shapes_admin.AttributionPage(*_page_of(outer, attribution_of)),
    ask_list,
    Example(limit=50),
    probe=lambda _state: ask_list(limit=5),
)
SUBSCRIBE = Resource(
    "subscribe",
    "POST",
    "/api/v1/webhook-subscriptions",
    ADMIN,
    lambda outer: outer.need_child("data", _subscription_of),
    ask_subscribe,
    Example("https://widgets.example.com/hooks/sumeru/SHOP", ["*"]),
    probe=lambda state: (
        ask_subscribe(state.webhook_url, ("webhook.failed",))
        if state.write and state.webhook_url
        else "needs --write and --webhook-url"
    ),
)
