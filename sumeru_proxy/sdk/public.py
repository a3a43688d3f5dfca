"""Sumeru's API from Python: a typed client, webhook verification, and customer tokens for the widget server.

    client = Client(token=os.environ["ATLANTIS_API_KEY"])
    for order in client.every_order(sort="created_at", include=["attributions"]):
        ...

A call is tried up to five times: after a 429 when ``Retry-After`` says, after an outage with growing random pauses; a write carries
one Idempotency-Key through all of its tries. The account's limits are kept before they are reached. What goes wrong is one of four
errors: ``Refused``, ``Limited``, ``Unavailable``, ``Unreadable``.
"""

from __future__ import annotations

from sumeru_proxy.client.account import Account
from sumeru_proxy.client.errors import Limited, Refused, SumeruError, Unavailable, Unreadable
from sumeru_proxy.client.session import Budget
from sumeru_proxy.client.shapes import (
    Accepted,
    Assignment,
    Author,
    Bundle,
    BundleItem,
    CartNudge,
    Cta,
    Discount,
    Image,
    Media,
    NudgeProgress,
    Product,
    ProductPage,
    QuizOption,
    QuizQuestion,
    QuizResult,
    QuizStep,
    Rating,
    Referral,
    ReferralCheck,
    Reply,
    Review,
    ReviewPage,
    ReviewSummary,
    Reward,
    Submitted,
    UpsellOffer,
)
from sumeru_proxy.client.shapes_admin import (
    Address,
    Attribution,
    AttributionPage,
    Buyer,
    Customer,
    CustomerPage,
    LineItem,
    Order,
    OrderDiscount,
    OrderPage,
    Payment,
    Refund,
    RefundLine,
    RefundShipping,
    ShippingLine,
    TaxLine,
    Touchpoint,
    WebhookSubscription,
)
from sumeru_proxy.client.version import VERSION
from sumeru_proxy.client.windows import Window
from sumeru_proxy.sdk.calls import Client
from sumeru_proxy.sdk.customer_tokens import mint as mint_customer_token
from sumeru_proxy.sdk.events import BadEvent, BadSignature, Event, read_event, verify

__version__ = VERSION
__all__ = [
    "Accepted",
    "Account",
    "Address",
    "Assignment",
    "Attribution",
    "AttributionPage",
    "Author",
    "BadEvent",
    "BadSignature",
    "Budget",
    "Bundle",
    "BundleItem",
    "Buyer",
    "CartNudge",
    "Client",
    "Cta",
    "Customer",
    "CustomerPage",
    "Discount",
    "Event",
    "Image",
    "Limited",
    "LineItem",
    "Media",
    "NudgeProgress",
    "Order",
    "OrderDiscount",
    "OrderPage",
    "Payment",
    "Product",
    "ProductPage",
    "QuizOption",
    "QuizQuestion",
    "QuizResult",
    "QuizStep",
    "Rating",
    "Referral",
    "ReferralCheck",
    "Refund",
    "RefundLine",
    "RefundShipping",
    "Refused",
    "Reply",
    "Review",
    "ReviewPage",
    "ReviewSummary",
    "Reward",
    "ShippingLine",
    "Submitted",
    "SumeruError",
    "TaxLine",
    "Touchpoint",
    "Unavailable",
    "Unreadable",
    "UpsellOffer",
    "WebhookSubscription",
    "Window",
    "mint_customer_token",
    "read_event",
    "verify",
]
