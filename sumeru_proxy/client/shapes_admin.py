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
    """The customer as an order carries it. A guest has an empty ``id``. ``orders_count`` counts this order, too."""

    id: str
    email: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    orders_count: int | None = None


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
class TaxLine:
    """One tax on a line or on shipping: its amount in the order's currency. ``rate`` is a fraction (0.2 for 20 %), None when not told."""

    amount: Decimal
    rate: Decimal | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class OrderDiscount:
    """A discount, on the whole order or its share on one line. ``amount`` is money taken off, never negative.

    ``level`` is where it was granted (``order``, ``line`` or ``shipping``, or the upstream's word), ``kind`` is ``percentage`` or
    ``fixed_amount`` and ``value`` the percentage or the amount. ``code`` is empty for one that was granted without a code.
    """

    amount: Decimal
    code: str = ""
    title: str = ""
    level: str = ""
    kind: str = ""
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of an order. ``price`` is per piece, in the order's price form (``Order.taxes_included``).

    ``tax`` and ``discount`` are the whole line's; ``tax_lines`` and ``discounts`` say how these two are made up. ``product_id``
    is empty when the product was deleted. What the upstream does not tell is None, never 0 or empty.
    """

    id: str
    title: str
    quantity: int
    price: Decimal
    product_id: str = ""
    variant_id: str = ""
    sku: str = ""
    tax: Decimal | None = None
    discount: Decimal | None = None
    tax_lines: tuple[TaxLine, ...] | None = None
    discounts: tuple[OrderDiscount, ...] | None = None
    gift_card: bool | None = None


@dataclass(frozen=True, slots=True)
class ShippingLine:
    """One shipping charge, in the order's price form and before ``discount``. ``tax`` is the tax on what remains."""

    price: Decimal
    id: str = ""
    title: str = ""
    discount: Decimal | None = None
    tax: Decimal | None = None
    tax_lines: tuple[TaxLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of an order. ``kind`` is ``card``, ``gift_card`` or the upstream's word."""

    amount: Decimal
    id: str = ""
    kind: str = ""
    gateway: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What was given back for one line: ``amount`` is money with its tax inside, whatever the order's price form; ``tax`` is the tax in it.

    ``quantity`` is the number of pieces returned; 0 when only money went back.
    """

    line_id: str
    quantity: int
    amount: Decimal
    tax: Decimal | None = None
    tax_lines: tuple[TaxLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class RefundShipping:
    """Shipping given back: ``amount`` with its tax inside; ``tax`` is the tax in it."""

    amount: Decimal
    tax: Decimal | None = None
    tax_lines: tuple[TaxLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back, never negative and always with its tax inside.

    ``amount`` is lines plus shipping plus whatever was given back for neither (goodwill: no lines). ``tax`` is all tax in it.
    """

    id: str
    amount: Decimal
    created_at: datetime | None = None
    tax: Decimal | None = None
    lines: tuple[RefundLine, ...] = ()
    shipping: RefundShipping | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One contact before an order, with the upstream's weight (0 to 1) and the revenue it credits.

    ``device`` is the upstream's word (``mobile``, ``desktop``, ``tablet``); ``visitor_id`` and ``landing_url`` concern a person.
    """

    id: str
    channel: str
    source: str = ""
    medium: str = ""
    campaign_id: str = ""
    occurred_at: datetime | None = None
    weight: Decimal | None = None
    credited_revenue: Decimal | None = None
    device: str = ""
    visitor_id: str = field(default="", repr=False)
    landing_url: str = field(default="", repr=False)


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
    """An order with all of its lines, as it was placed or last edited. What the upstream leaves out is None, never 0 or empty.

    ``taxes_included`` is the price form: whether prices and discounts hold their tax. Refunds and cancellation change no amount of
    the order itself. How the amounts add up: ``resources_orders``. ``email`` is the order's own, for a guest without ``customer``.
    """

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
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    taxes_included: bool | None = None
    test: bool | None = None
    source_name: str = ""
    email: str = field(default="", repr=False)
    shipping_lines: tuple[ShippingLine, ...] | None = None
    discounts: tuple[OrderDiscount, ...] | None = None
    payments: tuple[Payment, ...] | None = None
    refunds: tuple[Refund, ...] | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of orders. ``skipped`` counts those that could not be read, ``outside`` those that were not asked for.

    The latter are sent by an upstream that ignores a filter; they are not in ``orders``.
    """

    orders: tuple[Order, ...]
    next_cursor: str | None = None
    skipped: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class WebhookSubscription:
    """A webhook subscription. ``secret`` (``wsec_…``) is shown once, when it is made; empty ever after."""

    id: str
    url: str
    events: tuple[str, ...]
    active: bool
    secret: str = field(default="", repr=False)
    created_at: datetime | None = None
