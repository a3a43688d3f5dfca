"""The admin endpoints (``/api/v1``): customers, orders, attribution, webhook subscriptions.

For each its address, its parameters and the one mapping from its JSON to our values (assumptions as in ``resources_catalogue``).
An order's lines are read strictly: an order with a line missing would be a wrong order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

from sumeru_proxy.client import arguments, shapes_admin
from sumeru_proxy.client.reading import ID_CHARS, LARGEST, Fields, flag_of, next_cursor
from sumeru_proxy.client.resource import ADMIN, Asked, Resource
from sumeru_proxy.client.session import is_loopback

T = TypeVar("T")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_EVENT = re.compile(r"(?:\*|[a-z][a-z_]{0,30}\.[a-z][a-z_]{0,30})\Z")
ORDER_INCLUDES: Final = ("attributions",)


def _customer_of(fields: Fields) -> shapes_admin.Customer:
    return shapes_admin.Customer(
        id=fields.need_text("id", ID_CHARS),
        email=fields.text("email"),
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        phone=fields.text("phone", 60),
        tags=fields.texts("tags", 100),
        lifecycle_stage=fields.text("lifecycle_stage", 60),
        opt_in=_channels_of(fields),
        orders_count=fields.integer("orders_count"),
        total_spent=fields.decimal("total_spent", -LARGEST),
        currency=fields.text("currency", 3).upper(),
        created_at=fields.moment("created_at"),
        updated_at=fields.moment("updated_at"),
    )


def _channels_of(fields: Fields) -> tuple[str, ...]:
    raw = fields.raw("opt_in")
    return tuple(sorted(name[:40] for name, value in raw.items() if flag_of(value))) if isinstance(raw, dict) else ()


def _buyer_of(fields: Fields) -> shapes_admin.Buyer:
    return shapes_admin.Buyer(
        id=fields.need_text("id", ID_CHARS),
        email=fields.text("email"),
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
    )


def _address_of(fields: Fields) -> shapes_admin.Address:
    return shapes_admin.Address(
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        company=fields.text("company"),
        address1=fields.text("address1"),
        address2=fields.text("address2"),
        city=fields.text("city"),
        province=fields.text("province"),
        zip=fields.text("zip", 40),
        country=fields.text("country", 100),
        phone=fields.text("phone", 60),
    )


def _line_of(fields: Fields) -> shapes_admin.LineItem:
    return shapes_admin.LineItem(
        id=fields.need_text("id", ID_CHARS),
        title=fields.text("title"),
        quantity=fields.need_integer("quantity"),
        price=fields.need_decimal("price"),
        product_id=fields.text("product_id", ID_CHARS),
        variant_id=fields.text("variant_id", ID_CHARS),
        sku=fields.text("sku", ID_CHARS),
        tax=fields.decimal("tax"),
        discount=fields.decimal("discount"),
    )


def _touchpoint_of(fields: Fields) -> shapes_admin.Touchpoint:
    return shapes_admin.Touchpoint(
        id=fields.need_text("id", ID_CHARS),
        channel=fields.need_text("channel", 60),
        source=fields.text("source"),
        medium=fields.text("medium"),
        campaign_id=fields.text("campaign_id", ID_CHARS),
        occurred_at=fields.moment("occurred_at"),
        weight=fields.decimal("weight", 0, 1),
        credited_revenue=fields.decimal("credited_revenue", -LARGEST),
    )


def _attribution_of(fields: Fields) -> shapes_admin.Attribution:
    return shapes_admin.Attribution(
        order_id=fields.need_text("order_id", ID_CHARS),
        model=fields.text("model", 60),
        revenue=fields.need_decimal("revenue", -LARGEST),
        currency=fields.need_text("currency", 3).upper(),
        touchpoints=fields.need_whole_items("touchpoints", _touchpoint_of),
    )


def _order_of(fields: Fields) -> shapes_admin.Order:
    return shapes_admin.Order(
        id=fields.need_text("id", ID_CHARS),
        number=fields.text("number", 60),
        currency=fields.need_text("currency", 3).upper(),
        total_price=fields.need_decimal("total_price", -LARGEST),
        line_items=fields.need_whole_items("line_items", _line_of),
        created_at=fields.need_moment("created_at"),
        updated_at=fields.moment("updated_at"),
        subtotal_price=fields.decimal("subtotal_price", -LARGEST),
        total_tax=fields.decimal("total_tax", -LARGEST),
        total_discounts=fields.decimal("total_discounts", -LARGEST),
        shipping_price=fields.decimal("shipping_price", -LARGEST),
        financial_status=fields.text("financial_status", 60),
        fulfillment_status=fields.text("fulfillment_status", 60),
        customer=fields.child("customer", _buyer_of),
        shipping_address=fields.child("shipping_address", _address_of),
        billing_address=fields.child("billing_address", _address_of),
        attributions=fields.items("attributions", _attribution_of),
    )


def _subscription_of(fields: Fields) -> shapes_admin.Subscription:
    return shapes_admin.Subscription(
        id=fields.need_text("id", ID_CHARS),
        url=fields.text("url", 2_048),
        events=fields.texts("events", 80),
        active=fields.flag("active", default=True),
        secret=fields.text("secret", 200),
        created_at=fields.moment("created_at"),
    )


def _page_of(outer: Fields, read: Callable[[Fields], T]) -> tuple[tuple[T, ...], str | None, int]:
    found = outer.need_items("data", read)
    return found, next_cursor(outer), len(outer.raw("data")) - len(found)


CUSTOMERS = Resource(
    "customers",
    "GET",
    "/api/v1/customers",
    ADMIN,
    lambda outer: shapes_admin.CustomerPage(*_page_of(outer, _customer_of)),
)
CUSTOMER = Resource(
    "customer", "GET", "/api/v1/customers/{id}", ADMIN, lambda outer: outer.need_child("data", _customer_of)
)
UPDATE_CUSTOMER = Resource(
    "update_customer", "PATCH", "/api/v1/customers/{id}", ADMIN, lambda outer: outer.need_child("data", _customer_of)
)
ORDERS = Resource(
    "orders",
    "GET",
    "/api/v1/orders",
    ADMIN,
    lambda outer: shapes_admin.OrderPage(*_page_of(outer, _order_of)),
)
ORDER = Resource("order", "GET", "/api/v1/orders/{id}", ADMIN, lambda outer: outer.need_child("data", _order_of))
ATTRIBUTION = Resource(
    "attribution",
    "GET",
    "/api/v1/attribution",
    ADMIN,
    lambda outer: shapes_admin.AttributionPage(*_page_of(outer, _attribution_of)),
)
SUBSCRIBE = Resource(
    "subscribe",
    "POST",
    "/api/v1/webhook-subscriptions",
    ADMIN,
    lambda outer: outer.need_child("data", _subscription_of),
)
EVERY = (CUSTOMERS, CUSTOMER, UPDATE_CUSTOMER, ORDERS, ORDER, ATTRIBUTION, SUBSCRIBE)


def ask_list(
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
    filters: Mapping[str, str] | None = None,
    include: Iterable[str] = (),
    allowed_includes: Iterable[str] = (),
) -> Asked:
    """One page of any admin list. ``sort`` is a field name, with ``-`` in front for descending; ``filters`` are equalities."""
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
    included = [arguments.choice("include", each, allowed_includes) for each in include]
    if included:
        query.append(("include", ",".join(included)))
    return Asked(tuple(query))


def ask_one(field: str, value: str, include: Iterable[str] = (), allowed_includes: Iterable[str] = ()) -> Asked:
    """One thing by its id."""
    included = [arguments.choice("include", each, allowed_includes) for each in include]
    query = (("include", ",".join(included)),) if included else ()
    return Asked(query, segments=(("id", arguments.identifier(field, value)),))


def ask_update_customer(customer_id: str, changes: Mapping[str, object]) -> Asked:
    """Changed fields of a customer."""
    if not changes or not all(isinstance(name, str) and _FIELD.match(name) for name in changes):
        raise arguments.invalid("changes", "must be an object of field names")
    return Asked(
        body=arguments.json_value("changes", dict(changes)),
        segments=(("id", arguments.identifier("customer_id", customer_id)),),
    )


def ask_subscribe(url: str, events: Iterable[str]) -> Asked:
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
    return Asked(body={"url": url, "events": words, "secret": "auto"})
