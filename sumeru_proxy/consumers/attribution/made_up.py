"""Made-up journeys, so that a demo's report is full on its first start: always the same ones, up to yesterday."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from sumeru_proxy.consumers.attribution import (
    estimation,
    intake,
    spend,
    storage,
    visitors,
    visits,
    weight_tables,
)
from sumeru_proxy.consumers.attribution.arrivals import SOURCE, Arrived, ArrivedTouch, Spoken
from sumeru_proxy.consumers.attribution.company import Rule
from sumeru_proxy.consumers.attribution.days import day_of
from sumeru_proxy.consumers.attribution.division import divide
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import Conversion, WeightVersion
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.consumers.attribution.visits import Visits

DAYS: Final = 90
ORDERS: Final = 360
VISITORS: Final = 540
BEGINNING: Final = "demo_"
_CHANNELS: Final = {
    "organic": (24, ("",)),
    "paid_search": (20, ("brand", "mugs")),
    "email": (16, ("newsletter", "welcome")),
    "paid_social": (14, ("spring", "video")),
    "direct": (14, ("",)),
    "affiliate": (7, ("coupons",)),
    "referral": (5, ("",)),
}
_COST: Final = {"paid_search": "31.50", "paid_social": "24.00", "email": "4.20", "affiliate": "8.75"}
_PATHS: Final = ("/", "/collections/all", "/products/mug", "/quiz")


def _touch(random_: random.Random, key: str, at_ms: int, *, last: bool) -> ArrivedTouch:
    names = list(_CHANNELS)
    weights = [weight * (2 if last and name in ("direct", "email") else 1) for name, (weight, _) in _CHANNELS.items()]
    channel = random_.choices(names, weights)[0]
    device = random_.choices(("mobile", "desktop", "tablet"), (6, 4, 1))[0]
    campaign = random_.choice(_CHANNELS[channel][1])
    return ArrivedTouch(key, at_ms, channel, campaign, device, random_.choice(_PATHS), channel.partition("_")[2], "")


def _journey(random_: random.Random, key: str, end_ms: int, most: int) -> list[ArrivedTouch]:
    count = random_.randrange(1, most)
    ages = sorted((int(random_.expovariate(1 / (6 * DAY_MS))) for _ in range(count - 1)), reverse=True)
    moments = [end_ms - age for age in [*ages, random_.randrange(1, 3_600_000)]]
    return [
        _touch(random_, f"{key}_{place}", at_ms, last=place == count - 1) for place, at_ms in enumerate(sorted(moments))
    ]


def _order(random_: random.Random, number: int, end_ms: int, currency: str) -> Arrived:
    at_ms = end_ms - int(random_.random() * DAYS * DAY_MS)
    total = random_.randrange(1_500, 18_000)
    touches = _journey(random_, f"{SOURCE}{BEGINNING}{number}", at_ms, 7)
    shares = divide(total, [1] * len(touches))
    own = [
        ArrivedTouch(
            each.key, each.at_ms, each.channel, each.campaign, each.device, each.landing, each.source, "", share
        )
        for each, share in zip(touches, shares, strict=True)
    ]
    refunded = total if random_.random() < 0.03 else total // 4 if random_.random() < 0.05 else 0
    customer = random_.randrange(ORDERS * 2 // 3)
    spoken = Spoken(tuple(own), "linear")
    return Arrived(
        f"{BEGINNING}{number}", at_ms, currency, total, refunded, at_ms, 1, f"demo_customer_{customer}", "", spoken
    )


def _spent(random_: random.Random, last: date, currency: str) -> list[spend.SpendLine]:
    return [
        spend.SpendLine(last - timedelta(days=age), channel, "", Decimal(cost) + random_.randrange(6), currency)
        for age in range(DAYS)
        for channel, cost in _COST.items()
    ]


def seed(shop_id: int, currency: str, today: int) -> int:
    """Store the journeys of the days before ``today`` (a number of days); gives how many orders. Nothing where they are already."""
    if Conversion.objects.filter(shop_id=shop_id, key__startswith=BEGINNING).exists():
        return 0
    random_ = random.Random(11)  # noqa: S311 - always the same
    end_ms = today * DAY_MS
    orders = [_order(random_, number, end_ms, currency) for number in range(ORDERS)]
    alone = {
        visits.visitor_of(f"{BEGINNING}{number}"): tuple(
            _journey(random_, f"{visits.SOURCE}{BEGINNING}{number}", end_ms - int(random_.random() * DAYS * DAY_MS), 5)
        )
        for number in range(VISITORS)
    }
    with transaction.atomic():
        visitors.take(shop_id, Visits(alone), end_ms)
        for start in range(0, ORDERS, 100):
            intake.take(shop_id, orders[start : start + 100])
        rules = [Rule("channel", "direct", 300), Rule("channel", "email", 1_300), Rule("position", "first", 1_500)]
        if not WeightVersion.objects.filter(shop_id=shop_id).exists():
            weight_tables.publish(weight_tables.draft(shop_id, rules, "an example"), end_ms - DAYS * DAY_MS)
        spend.store(shop_id, _spent(random_, day_of(today - 1), currency))
        estimation.store(estimation.fit(shop_id, end_ms))
        ids = list(Conversion.objects.filter(shop_id=shop_id).order_by("pk").values_list("pk", flat=True))
        plan = plan_of(shop_id)
        for start in range(0, len(ids), storage.CHUNK_ORDERS):
            storage.recompute(shop_id, ids[start : start + storage.CHUNK_ORDERS], plan)
    return ORDERS
