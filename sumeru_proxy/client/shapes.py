"""What Sumeru's answers become: frozen, typed values. Nothing else of the upstream's JSON goes further in.

Money is kept as the decimal string that Sumeru sends plus its ISO 4217 currency; times are timezone-aware
``datetime`` in UTC; ids are opaque strings. A field that the upstream may leave out is ``None`` (or empty), never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by URL (http, https, or relative to the storefront). Sizes are pixels and may be unknown."""

    url: str
    width: int | None = None
    height: int | None = None
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """One attachment of a review: ``kind`` is ``image`` or ``video``."""

    kind: str
    url: str
    thumb_url: str
    width: int | None = None
    height: int | None = None
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a review, as far as it may be shown. ``country`` is ISO 3166-1 alpha-2 or empty."""

    name: str
    verified_buyer: bool = False
    country: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The merchant's answer to a review (plain text)."""

    body: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """One review. ``rating`` is 1 to 5; ``title`` and ``body`` are plain text and may be empty."""

    id: str
    rating: int
    title: str
    body: str
    author: Author
    created_at: datetime
    locale: str = ""
    variant_title: str = ""
    helpful_count: int = 0
    media: tuple[Media, ...] = ()
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """Totals over *all* reviews of a product. ``histogram`` holds the counts of 1, 2, 3, 4 and 5 stars, in that order.

    ``average`` (1 to 5) and ``histogram`` are None when Sumeru does not say them, or not in a form that can be read.
    """

    product_id: str
    average: Decimal | None
    count: int
    histogram: tuple[int, int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One upstream page of reviews. ``next_cursor`` is None on the last page."""

    summary: ReviewSummary
    reviews: tuple[Review, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """A product's stars. ``average`` is 1 to 5, None when it is not known."""

    average: Decimal | None
    count: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the feed. ``compare_at_price`` is the struck-through price, None when there is none.

    ``other_id`` is the id that the shop's own platform has for it, where the feed tells it.
    """

    id: str
    handle: str
    title: str
    url: str
    price: Decimal
    currency: str
    available: bool
    vendor: str = ""
    image: Image | None = None
    compare_at_price: Decimal | None = None
    tags: tuple[str, ...] = ()
    variant_id: str = ""
    rating: Rating | None = None
    other_id: str = ""


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One page of the product feed. ``unreadable_ids``: what is there, but not in a shape that we know (empty: one without an id)."""

    products: tuple[Product, ...]
    next_cursor: str | None = None
    unreadable_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discount:
    """``kind`` is ``percentage``, ``fixed_amount`` or ``fixed_price``; ``value`` is percent or money accordingly."""

    kind: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class BundleItem:
    """A product inside a bundle and how many of it."""

    product: Product
    quantity: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """Products sold together at ``price``; ``compare_at_price`` is what they cost one by one, when known."""

    id: str
    title: str
    description: str
    items: tuple[BundleItem, ...]
    price: Decimal
    currency: str
    compare_at_price: Decimal | None = None
    discount: Discount | None = None


@dataclass(frozen=True, slots=True)
class UpsellOffer:
    """A product suggested next to the cart, with the upstream's reason."""

    product: Product
    reason: str
    discount: Discount | None = None


@dataclass(frozen=True, slots=True)
class QuizOption:
    """One possible answer."""

    id: str
    label: str
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """``kind`` is ``single`` or ``multiple``."""

    id: str
    text: str
    kind: str
    options: tuple[QuizOption, ...]


@dataclass(frozen=True, slots=True)
class QuizResult:
    """A recommended product. ``score`` is the upstream's; larger fits better."""

    product: Product
    score: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class QuizStep:
    """Where a shopper stands in a quiz: a question to answer, or the results once ``complete``."""

    quiz_id: str
    title: str
    complete: bool
    answered: int
    total: int
    next_question: QuizQuestion | None = None
    results: tuple[QuizResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Reward:
    """What a referral earns. ``kind`` is the upstream's word; ``currency`` is empty for percentages."""

    kind: str
    value: Decimal
    currency: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """A customer's own referral code."""

    code: str
    share_url: str
    reward: Reward | None


@dataclass(frozen=True, slots=True)
class ReferralCheck:
    """What is known of a friend's code."""

    code: str
    valid: bool
    referrer_name: str = ""
    reward: Reward | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The variant of an experiment that a visitor got; stable per visitor. ``payload`` is the merchant's own JSON object."""

    experiment: str
    variant: str
    payload: dict[str, object] = field(default_factory=dict)
    assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NudgeProgress:
    """Money towards a goal, in the cart's currency."""

    current: Decimal
    target: Decimal
    remaining: Decimal


@dataclass(frozen=True, slots=True)
class Cta:
    """A call to action: a label and an http(s) or relative URL."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CartNudge:
    """``kind`` is ``free_shipping``, ``discount_tier``, ``low_stock`` or ``message``."""

    id: str
    kind: str
    message: str
    progress: NudgeProgress | None = None
    cta: Cta | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What Sumeru says of a submitted review: ``status`` is ``pending`` or ``published``."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many events of a pixel call were taken."""

    accepted: int
