"""What Sumeru says of an order, as the values that are stored. Pure.

What was decided where the upstream's documentation is silent: revenue is the order's total with taxes and shipping; a cancelled order is
taken back completely; test orders are not credited; of several attributions of an order all touches count, and the amounts of one model
(the preferred one, else the first by name) are "Sumeru's own"; a touch without a time counts at the order's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from urllib.parse import urlsplit

from babel.numbers import get_currency_precision

from sumeru_proxy.client.shapes_admin import Attribution, Order, Touchpoint

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SOURCE: Final = "sumeru:"
UNKNOWN_CHANNEL: Final = "(unknown)"
TOUCHES_LIMIT: Final = 1_000
"""Of a longer journey only the latest touches are stored."""


@dataclass(frozen=True, slots=True)
class ArrivedTouch:
    """A touch as it is stored; ``theirs`` is what Sumeru credits to it, in minor units, None when it does not say."""

    key: str
    at_ms: int
    channel: str
    campaign: str = ""
    device: str = ""
    landing: str = ""
    source: str = ""
    medium: str = ""
    theirs: int | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """What Sumeru says of an order's journey: its touches, each id once, the model whose amounts are ``theirs``, and the ids of the
    visitors that they were.
    """

    touches: tuple[ArrivedTouch, ...]
    model: str
    visitor_ids: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """An order as it is stored. ``customer_id`` and ``email`` are hashed before. ``spoken`` None: Sumeru says nothing of its journey."""

    key: str
    at_ms: int
    currency: str
    total: int
    refunded: int
    changed_ms: int
    orders_count: int | None = None
    customer_id: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    spoken: Spoken | None = None

    @property
    def touches(self) -> tuple[ArrivedTouch, ...]:
        """The touches that Sumeru names."""
        return self.spoken.touches if self.spoken else ()


def digits_of(currency: str) -> int:
    """Decimals of a currency by ISO 4217 (CLDR): 2 for most, 0 for yen, 3 for Kuwaiti dinar."""
    return int(get_currency_precision(currency))


def minor(amount: Decimal, currency: str) -> int:
    """An amount in the currency's minor units; what is finer is rounded half up."""
    return int(amount.scaleb(digits_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def major(amount: int, currency: str) -> Decimal:
    """Minor units as an amount with all of the currency's decimals."""
    return Decimal(amount).scaleb(-digits_of(currency))


def milliseconds(moment: datetime) -> int:
    """A moment as milliseconds since 1970 (UTC)."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def rank_of(key: str) -> int:
    """A number of 52 bits that follows from a touch's key; JavaScript can hold it exactly."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:13], 16)


def landing_of(url: str) -> str:
    """The path of a landing page, without host, query and fragment: those may name a person. Empty when it cannot be read."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return path if path.startswith("/") else "/" if url.startswith(("http://", "https://")) else ""


def _touch(point: Touchpoint, at_ms: int, currency: str, *, theirs: bool) -> ArrivedTouch:
    amount = point.credited_revenue if theirs else None
    return ArrivedTouch(
        SOURCE + point.id,
        milliseconds(point.occurred_at) if point.occurred_at else at_ms,
        point.channel or UNKNOWN_CHANNEL,
        point.campaign_id,
        point.device,
        landing_of(point.landing_url),
        point.source,
        point.medium,
        None if amount is None else minor(amount, currency),
    )


def spoken_of(attributions: Iterable[Attribution], at_ms: int, currency: str, preferred: str = "") -> Spoken:
    """The touches of an order's attributions. In another currency than the order's nothing is compared."""
    ranked = sorted(attributions, key=lambda each: (each.model != preferred, each.model))
    found: dict[str, ArrivedTouch] = {}
    visitor_ids: set[str] = set()
    for place, attribution in enumerate(ranked):
        theirs = place == 0 and attribution.currency in ("", currency)
        for point in attribution.touchpoints:
            if point.id and SOURCE + point.id not in found:
                touch = _touch(point, at_ms, currency, theirs=theirs)
                found[touch.key] = touch
                visitor_ids |= {point.visitor_id} - {""}
    latest = sorted(found.values(), key=lambda touch: (touch.at_ms, rank_of(touch.key)))
    return Spoken(tuple(latest[-TOUCHES_LIMIT:]), ranked[0].model if ranked else "", frozenset(visitor_ids))


def new_or_returning(counts: Sequence[int | None]) -> list[str]:
    """Of one person's stored orders, oldest first with the upstream's count of their orders: which is ``new``, which ``returning``.

    The oldest is new when the upstream counts no more orders than are stored, returning when it does (its first order came before),
    unknown (empty) when it never counts. The count may be today's rather than the order's day's, so the largest decides.
    """
    largest = max((count for count in counts if count), default=0)
    oldest = "" if not largest else "new" if largest <= len(counts) else "returning"
    return [oldest, *["returning"] * (len(counts) - 1)] if counts else []


def arrived(order: Order, preferred: str = "") -> Arrived | None:
    """The order as it is stored; None for a test order. ``preferred``: the model at Sumeru to compare with, where there is a choice."""
    if order.test:
        return None
    at_ms = milliseconds(order.created_at)
    total = minor(order.total_price, order.currency)
    refunded = sum(minor(refund.amount, order.currency) for refund in order.refunds or ())
    if order.cancelled_at is not None:
        refunded = max(total, refunded)
    buyer = order.customer
    return Arrived(
        order.id,
        at_ms,
        order.currency,
        total,
        refunded,
        milliseconds(order.updated_at or order.created_at),
        buyer.orders_count if buyer else None,
        buyer.id if buyer else "",
        order.email or (buyer.email if buyer else ""),
        spoken_of(order.attributions, at_ms, order.currency, preferred) if order.attributions else None,
    )
