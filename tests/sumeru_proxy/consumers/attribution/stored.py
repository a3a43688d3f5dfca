"""Orders as they arrive, drawn at random, and what the database holds of a shop in a form that two shops can be compared by."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

from sumeru_proxy.consumers.attribution.arrivals import SOURCE, Arrived, ArrivedTouch, Spoken
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import (
    ChannelSum,
    Conversion,
    ConversionTouch,
    Credit,
    DayCount,
    DaySum,
    Label,
    Touch,
)
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.drawing import CAMPAIGNS, CHANNELS, DEVICES, LANDINGS

START_MS = 1_760_000_000_000 // DAY_MS * DAY_MS


def random_touch(random_: random.Random, number: int, at_ms: int) -> ArrivedTouch:
    """A touch up to 100 days before a moment; some stand at the very same millisecond."""
    age = random_.choice((0, random_.randrange(100 * DAY_MS), random_.randrange(10) * DAY_MS))
    return ArrivedTouch(
        f"{SOURCE}tp_{number}",
        at_ms - age,
        random_.choice(CHANNELS),
        random_.choice(CAMPAIGNS),
        random_.choice(DEVICES),
        random_.choice(LANDINGS),
        "google",
        "cpc",
        random_.choice((None, random_.randrange(5_000))),
    )


def random_orders(count: int, seed: int, *, days: int = 60, customers: int = 40) -> list[Arrived]:
    """Orders of three currencies; neighbours share touches; some are refunded, some are guests'."""
    random_ = random.Random(seed)
    touches: list[ArrivedTouch] = []
    orders = []
    for number in range(count):
        at_ms = START_MS + random_.randrange(days * DAY_MS)
        own = [random_touch(random_, len(touches) + each, at_ms) for each in range(random_.randrange(8))]
        touches += own
        shared = random_.sample(touches, min(len(touches), random_.choice((0, 0, 1, 2))))
        total = random_.choice((0, 1, 1_999, random_.randrange(100_000)))
        customer = random_.choice(("", f"cus_{random_.randrange(customers)}"))
        orders.append(
            Arrived(
                f"ord_{number}",
                at_ms,
                random_.choice(("EUR", "JPY", "KWD")),
                total,
                random_.choice((0, 0, total, random_.randrange(total + 1))),
                at_ms,
                random_.choice((None, 1, 3)) if customer else None,
                customer,
                f"{customer or number}@example.com",
                Spoken(tuple({touch.key: touch for touch in [*own, *shared]}.values()), "linear"),
            )
        )
    return orders


def earlier(order: Arrived, random_: random.Random) -> Arrived:
    """The order as it was some time before: other amounts, other touches, perhaps none that were told yet."""
    touches = order.touches
    return replace(
        order,
        changed_ms=order.changed_ms - random_.randrange(1, 1_000),
        total=order.total + random_.randrange(500),
        refunded=0,
        at_ms=order.at_ms - random_.choice((0, DAY_MS)),
        currency=random_.choice((order.currency, "EUR")),
        spoken=random_.choice((None, Spoken(touches[:1], "first"), order.spoken)),
    )


def contents(shop: Shop) -> dict[str, Any]:
    """Everything that is stored of a shop, by its own names instead of numbers; sums that are zero left out."""
    texts = {0: "", **dict(Label.objects.filter(shop=shop).values_list("pk", "text"))}
    credits = {
        (key, model, texts[channel], texts[campaign]): (amount, refunded)
        for key, model, channel, campaign, amount, refunded in Credit.objects.filter(conversion__shop=shop).values_list(
            "conversion__key", "model", "channel", "campaign", "amount", "refunded"
        )
    }
    sums = {
        (day, model, currency, texts[channel], texts[campaign]): (amount, refunded)
        for day, model, currency, channel, campaign, amount, refunded in DaySum.objects.filter(shop=shop).values_list(
            "day", "model", "currency", "channel", "campaign", "amount", "refunded"
        )
        if amount or refunded
    }
    channels = {
        (day, model, currency, customer, texts[channel]): (amount, refunded)
        for day, model, currency, customer, channel, amount, refunded in ChannelSum.objects.filter(
            shop=shop
        ).values_list("day", "model", "currency", "customer", "channel", "amount", "refunded")
        if amount or refunded
    }
    counts = {
        (day, currency, customer, what, texts[value] if what == "path" else value): (orders, amount, refunded)
        for day, currency, customer, what, value, orders, amount, refunded in DayCount.objects.filter(
            shop=shop
        ).values_list("day", "currency", "customer", "what", "value", "orders", "amount", "refunded")
        if orders or amount or refunded
    }
    orders = {
        row.key: (row.at_ms, row.currency, row.total, row.refunded, row.customer, row.length, row.days, texts[row.path])
        for row in Conversion.objects.filter(shop=shop)
    }
    links = Counter(
        ConversionTouch.objects.filter(conversion__shop=shop).values_list("conversion__key", "touch__key", "theirs")
    )
    touches = {
        touch.key: (touch.at_ms, texts[touch.channel], texts[touch.campaign], texts[touch.landing], touch.source)
        for touch in Touch.objects.filter(shop=shop)
    }
    return {
        "credits": credits,
        "sums": sums,
        "channels": channels,
        "counts": counts,
        "orders": orders,
        "links": links,
        "touches": touches,
    }


def summed(credits: dict[tuple[Any, ...], tuple[int, int]], orders: dict[str, Any]) -> dict[tuple[str, int], Any]:
    """Credits by order and model."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for (key, model, _channel, _campaign), (amount, refunded) in credits.items():
        before = found.get((key, model), (0, 0))
        found[key, model] = (before[0] + amount, before[1] + refunded)
    assert all(key in orders for key, _model in found)
    return found
