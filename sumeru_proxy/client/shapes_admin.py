"""What the admin API's answers become: frozen, typed values. Money is decimal with its ISO 4217 code, times are UTC.

Customers' names and addresses never show in a representation, so that they cannot end in a log by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer. ``opt_in`` holds the channels (``email``, ``sms``) that the customer agreed to."""

    id: str
    email: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    tags: tuple[str, ...] = ()
    lifecycle_stage: str = ""
    opt_in: tuple[str, ...] = ()
    orders_count: int | None = None
    total_spent: Decimal | None = None
    currency: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One page of customers; ``skipped`` counts those that could not be read."""

    customers: tuple[Customer, ...]
    next_cursor: str | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Buyer:
    """The customer as an order carries it."""

    id: str
    email: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; every part may be empty. ``country`` is as the upstream writes it, usually ISO 3166-1 alpha-2."""

    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    company: str = field(default="", repr=False)
    address1: str = field(default="", repr=False)
    address2: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    province: str = ""
    zip: str = field(default="", repr=False)
    country: str = ""
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of an order. ``price`` is per piece; ``tax`` and ``discount`` are the line's, None when not told."""

    id: str
    title: str
    quantity: int
    price: Decimal
    product_id: str = ""
    variant_id: str = ""
    sku: str = ""
    tax: Decimal | None = None
    discount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One contact before an order, with the upstream's weight (0 to 1) and the revenue it credits."""

    id: str
    channel: str
    source: str = ""
    medium: str = ""
    campaign_id: str = ""
    occurred_at: datetime | None = None
    weight: Decimal | None = None
    credited_revenue: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """How one model divides an order's revenue over its touchpoints."""

    order_id: str
    model: str
    revenue: Decimal
    currency: str
    touchpoints: tuple[Touchpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributionPage:
    """One page of attributions; ``skipped`` counts those that could not be read."""

    attributions: tuple[Attribution, ...]
    next_cursor: str | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """An order with all of its lines. Amounts that the upstream leaves out are None, never 0."""

    id: str
    number: str
    currency: str
    total_price: Decimal
    line_items: tuple[LineItem, ...]
    created_at: datetime
    updated_at: datetime | None = None
    subtotal_price: Decimal | None = None
    total_tax: Decimal | None = None
    total_discounts: Decimal | None = None
    shipping_price: Decimal | None = None
    financial_status: str = ""
    fulfillment_status: str = ""
    customer: Buyer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    attributions: tuple[Attribution, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of orders; ``skipped`` counts those that could not be read."""

    orders: tuple[Order, ...]
    next_cursor: str | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook subscription. ``secret`` (``wsec_…``) is shown once, when it is made; empty ever after."""

    id: str
    url: str
    events: tuple[str, ...]
    active: bool
    secret: str = field(default="", repr=False)
    created_at: datetime | None = None
