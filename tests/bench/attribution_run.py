"""One part of the attribution bench in a process of its own: ``python -m tests.bench.attribution_run PART ORDERS``; prints JSON.

Its memory can then be measured alone: the highest resident size, and how much of it came after Django was up.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

Result = dict[str, Any]
START_DAY = 20_300
DAYS = 180
CHANNELS = (
    *("direct", "organic", "paid_search", "paid_social", "email", "affiliate"),
    *("display", "referral", "video", "sms", "podcast", "influencer"),
)
CAMPAIGNS = 6


def peak_mb() -> float:
    """The process's own highest resident size so far. (``ru_maxrss`` would begin with what its parent had.)"""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def lengths(count: int) -> Iterator[int]:
    """Touches of each order: 1 to 200, ten on average, most have few."""
    random_ = random.Random(7)
    for _ in range(count):
        yield min(200, 1 + int(random_.expovariate(1 / 9.5)))


def _load(table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    from django.db import connection

    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def fill(orders: int) -> Result:
    """A shop with so many orders, ten touches each on average, over half a year; no credits yet."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from sumeru_proxy.consumers.attribution import words
    from sumeru_proxy.consumers.attribution.company import Rule
    from sumeru_proxy.consumers.attribution.journeys import DAY_MS
    from sumeru_proxy.consumers.attribution.weight_tables import draft, publish
    from sumeru_proxy.models import Shop

    call_command("migrate", verbosity=0)
    shop = Shop.objects.create(name="Bench", domain="bench.example")
    campaigns = [("campaign", f"{channel}_{number}") for channel in CHANNELS for number in range(CAMPAIGNS)]
    ids = words.ids_of(shop.pk, [("channel", channel) for channel in CHANNELS] + campaigns + [("device", "mobile")])
    rules = [
        Rule("channel", "email", 1_300),
        Rule("channel", "direct", 200),
        Rule("campaign", "email_1", 1_500),
        Rule("position", "first", 1_200),
        Rule("age", "0-7", 1_400),
        Rule("customer", "new", 1_100),
    ]
    publish(draft(shop.pk, rules), 0)
    random_ = random.Random(3)
    moments = [START_DAY * DAY_MS + random_.randrange(DAYS * DAY_MS) for _ in range(orders)]
    counts = list(lengths(orders))
    empty = (0, "", "", 0, "", False, 0, 0, 0, 0, 0)

    def conversions() -> Iterator[tuple[Any, ...]]:
        for number, at_ms in enumerate(moments, 1):
            customer = "new" if random_.random() < 0.4 else "returning"
            total = random_.randrange(1_000, 30_000)
            yield number, shop.pk, "order", f"ord_{number}", at_ms, "EUR", total, customer, *empty

    def touches() -> Iterator[tuple[Any, ...]]:
        number = 0
        for at_ms, count in zip(moments, counts, strict=True):
            for _ in range(count):
                number += 1
                channel = CHANNELS[min(11, int(random_.expovariate(0.35)))]
                campaign = ids["campaign", f"{channel}_{random_.randrange(CAMPAIGNS)}"]
                age = int(random_.random() ** 2 * 80 * DAY_MS)
                words_of = (ids["channel", channel], campaign, ids["device", "mobile"], 0)
                yield number, shop.pk, f"t{number}", at_ms - age, number, *words_of, "", "", ""

    def steps() -> Iterator[tuple[Any, ...]]:
        number = 0
        for order, count in enumerate(counts, 1):
            for _ in range(count):
                number += 1
                yield (number, order, number, None)

    began = time.monotonic()
    with transaction.atomic():
        _load(
            "attribution_conversion",
            (
                *("id", "shop_id", "kind", "key", "at_ms", "currency", "total", "customer"),
                *("refunded", "person", "email", "changed_ms", "their_model", "erased"),
                *("revision", "length", "days", "path", "version"),
            ),
            conversions(),
        )
        _load(
            "attribution_touch",
            (
                *("id", "shop_id", "key", "at_ms", "rank", "channel", "campaign", "device", "landing"),
                *("source", "medium", "person"),
            ),
            touches(),
        )
        _load("attribution_conversiontouch", ("id", "conversion_id", "touch_id", "theirs"), steps())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"orders": orders, "touches": sum(counts), "seconds": time.monotonic() - began}


SEVEN = range(1, 8)


def _shop_id() -> int:
    from sumeru_proxy.models import Shop

    return Shop.objects.get(name="Bench").pk


def stream(_orders: int) -> Result:
    """Seven models over every order, nothing stored: sums by model and channel are kept, and must equal the revenue."""
    from sumeru_proxy.consumers.attribution import journey_rows, words
    from sumeru_proxy.consumers.attribution.computation import compute
    from sumeru_proxy.consumers.attribution.plans import plan_of

    shop_id = _shop_id()
    plan = plan_of(shop_id, SEVEN)
    sums: dict[tuple[int, str], int] = {}
    revenue = count = touches = 0
    for journey in journey_rows.of_shop(shop_id, plan.options, words.texts_of(shop_id)):
        for (model, channel, _campaign), (amount, _refunded) in compute(
            plan, journey.conversion, journey.touches
        ).credits.items():
            sums[model, channel] = sums.get((model, channel), 0) + amount
        revenue += journey.conversion.total
        count += 1
        touches += len(journey.touches)
    by_model = {model: sum(amount for (each, _channel), amount in sums.items() if each == model) for model in SEVEN}
    assert set(by_model.values()) == {revenue}, by_model
    return {"orders": count, "touches": touches, "models": len(by_model), "revenue": revenue}


def store(_orders: int) -> Result:
    """The same seven models with credits and sums by day, in the steps of the range job."""
    from sumeru_proxy.consumers.attribution import storage
    from sumeru_proxy.consumers.attribution.models import Conversion, Credit, DaySum
    from sumeru_proxy.consumers.attribution.plans import plan_of

    shop_id = _shop_id()
    plan = plan_of(shop_id, SEVEN)
    ids = list(Conversion.objects.filter(shop_id=shop_id).order_by("at_ms", "pk").values_list("pk", flat=True))
    for start in range(0, len(ids), storage.CHUNK_ORDERS):
        storage.recompute(shop_id, ids[start : start + storage.CHUNK_ORDERS], plan)
    return {"credits": Credit.objects.count(), "day_sums": DaySum.objects.count()}


def one(orders: int) -> Result:
    """Single orders computed anew, each in its transaction: CPU of the median and of one in twenty."""
    from sumeru_proxy.consumers.attribution import storage
    from sumeru_proxy.consumers.attribution.plans import plan_of

    shop_id = _shop_id()
    plan = plan_of(shop_id, SEVEN)
    random_ = random.Random(1)
    cpu, wall = [], []
    for number in range(220):
        began, began_cpu = time.perf_counter(), time.process_time()
        storage.recompute(shop_id, [random_.randrange(1, orders + 1)], plan)
        if number >= 20:
            cpu.append((time.process_time() - began_cpu) * 1_000)
            wall.append((time.perf_counter() - began) * 1_000)
    return {
        "cpu_ms": statistics.median(cpu),
        "cpu_p95_ms": statistics.quantiles(cpu, n=20)[-1],
        "wall_ms": statistics.median(wall),
        "wall_p95_ms": statistics.quantiles(wall, n=20)[-1],
    }


def report(_orders: int) -> Result:
    """The report of 90 days, by channel and by campaign."""
    from sumeru_proxy.consumers.attribution import days, reports

    shop_id = _shop_id()
    first = days.day_of(START_DAY + 60)
    last = first + timedelta(days=89)
    result: Result = {}
    for name, campaigns in (("channels", False), ("campaigns", True)):
        cpu, wall = [], []
        for number in range(12):
            began, began_cpu = time.perf_counter(), time.process_time()
            found = reports.report(shop_id, first, last, "EUR", campaigns=campaigns)
            if number >= 2:
                cpu.append((time.process_time() - began_cpu) * 1_000)
                wall.append((time.perf_counter() - began) * 1_000)
        assert all(
            sum(row.by_model[model].amount for row in found.rows if model in row.by_model) == found.revenue.amount
            for model in found.models
        )
        result |= {
            f"{name}_cpu_ms": statistics.median(cpu),
            f"{name}_wall_ms": statistics.median(wall),
            f"{name}_rows": len(found.rows),
        }
    return result


def estimate(_orders: int) -> Result:
    """The models from data: one pass, solved for each order of the chain, with error bars."""
    from sumeru_proxy.consumers.attribution import certainty, estimation, markov
    from sumeru_proxy.consumers.attribution.journeys import DAY_MS, Options

    shop_id = _shop_id()
    result: Result = {}
    for order in (1, 2):
        began = time.process_time()
        counted = estimation.count(shop_id, Options(), order, (START_DAY + DAYS + 1) * DAY_MS)
        result[f"order_{order}_count_s"] = time.process_time() - began
        whole = markov.Transitions(order)
        for block in counted.chains:
            whole.merge(block)
        began = time.process_time()
        if order == 1:
            certainty.estimates(whole, counted.chains, markov.removal_effects)
        else:
            markov.removal_effects(whole)
        result[f"order_{order}_solve_s"] = time.process_time() - began
        result[f"order_{order}_transitions"] = len(whole.counts)
    return result


PARTS: dict[str, Callable[[int], Result]] = {
    "fill": fill,
    "stream": stream,
    "store": store,
    "one": one,
    "report": report,
    "estimate": estimate,
}


def main() -> None:
    """Do one part and print what it took."""
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    before = peak_mb()
    began, began_cpu = time.monotonic(), time.process_time()
    result = PARTS[sys.argv[1]](int(sys.argv[2]))
    result |= {
        "cpu_s": time.process_time() - began_cpu,
        "wall_s": time.monotonic() - began,
        "peak_mb": peak_mb(),
        "more_mb": peak_mb() - before,
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
