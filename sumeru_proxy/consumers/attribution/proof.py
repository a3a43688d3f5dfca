"""The daily proof: credits equal revenue, sums equal credits, by day, currency and model; and where Sumeru's own credit differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BigIntegerField, F, QuerySet, Sum
from django.db.models.functions import Cast

from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import ChannelSum, Conversion, Credit, DayCount, DaySum, ModelCode
from sumeru_proxy.consumers.attribution.plans import due, settings_of

LIST_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """A day and currency where two figures that must be equal are not. ``what``: ``credits`` against revenue, ``sums`` and
    ``channels`` against credits, ``counts`` against revenue.
    """

    what: str
    day: int
    currency: str
    model: int
    expected: tuple[int, int]
    found: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared and what differs; ``stale`` orders were credited under older choices, ``waiting`` not yet at all."""

    orders: int
    compared: int
    gaps: tuple[Gap, ...]
    stale: int
    waiting: int
    differing: tuple[tuple[str, str, int], ...]

    @property
    def exact(self) -> bool:
        """Whether nothing differs."""
        return not self.gaps


_Totals = dict[tuple[int, str, int], tuple[int, int]]


def _by_day(rows: QuerySet[Any], at: str, currency: str, model: str | None) -> _Totals:
    day = Cast(F(at) / DAY_MS, BigIntegerField()) if at.endswith("_ms") else F(at)
    names = ["the_day", currency, *([model] if model else [])]
    found: _Totals = {}
    grouped = rows.annotate(the_day=day).values(*names).annotate(a=Sum("amount"), r=Sum("refunded")).order_by()
    for row in grouped:
        found[row["the_day"], row[currency], row[model] if model else 0] = (row["a"], row["r"])
    return found


def _compare(what: str, expected: _Totals, found: _Totals) -> list[Gap]:
    return [
        Gap(what, *key, expected.get(key, (0, 0)), found.get(key, (0, 0)))
        for key in sorted(expected.keys() | found.keys())
        if expected.get(key, (0, 0)) != found.get(key, (0, 0))
    ]


def prove(shop_id: int, first_day: int, last_day: int) -> Proof:
    """Compare all figures of these days (both included), and list the orders whose credit by Sumeru differs most from the company's.

    Reads only; each figure is summed by the database. Models from data are compared where they were computed.
    """
    options = settings_of(shop_id).options()
    span = {"at_ms__gte": first_day * DAY_MS, "at_ms__lt": (last_day + 1) * DAY_MS}
    orders = Conversion.objects.filter(shop_id=shop_id, **span)
    if options.kinds:
        orders = orders.filter(kind__in=options.kinds)
    done = orders.filter(revision__gt=0)
    credits = Credit.objects.filter(
        conversion__shop_id=shop_id, **{f"conversion__{name}": value for name, value in span.items()}
    )
    sums = DaySum.objects.filter(shop_id=shop_id, day__gte=first_day, day__lte=last_day)
    channels = ChannelSum.objects.filter(shop_id=shop_id, day__gte=first_day, day__lte=last_day)
    counts = DayCount.objects.filter(shop_id=shop_id, day__gte=first_day, day__lte=last_day, what=DayCount.What.LENGTH)
    revenue = _by_day(done.annotate(amount=F("total")), "at_ms", "currency", None)
    by_model = _by_day(credits, "conversion__at_ms", "conversion__currency", "model")
    models = {model for _day, _currency, model in by_model} - {ModelCode.MARKOV, ModelCode.SHAPLEY_RATE}
    expected = {(day, currency, model): money for (day, currency, _), money in revenue.items() for model in models}
    always = {key: money for key, money in by_model.items() if key[2] in models}
    gaps = _compare("credits", expected, always)
    gaps += _compare("sums", by_model, _by_day(sums, "day", "currency", "model"))
    gaps += _compare("channels", by_model, _by_day(channels, "day", "currency", "model"))
    gaps += _compare("counts", revenue, _by_day(counts, "day", "currency", None))
    return Proof(
        orders.count(),
        len(expected) + 2 * len(by_model) + len(revenue),
        tuple(gaps[:LIST_LIMIT]),
        done.filter(due(shop_id).behind(), erased=False).count(),
        orders.filter(revision=0, erased=False).count(),
        differing(shop_id, first_day, last_day),
    )


def differing(
    shop_id: int, first_day: int, last_day: int, model: int = ModelCode.COMPANY, most: int = 20
) -> tuple[tuple[str, str, int], ...]:
    """Orders (id, currency, amount) by how much of their revenue Sumeru credits elsewhere than ``model`` does; largest first.

    The amount (by channel and campaign) is half the sum of the absolute differences: what would have to move. One pass over the credits.
    """
    rows = Credit.objects.filter(
        conversion__shop_id=shop_id,
        conversion__at_ms__gte=first_day * DAY_MS,
        conversion__at_ms__lt=(last_day + 1) * DAY_MS,
        model__in=(model, ModelCode.SUMERU),
    ).order_by("conversion_id")
    found: list[tuple[int, int]] = []
    number, parts = 0, dict[tuple[int, int], int]()

    def finish() -> None:
        moved = sum(abs(part) for part in parts.values()) // 2
        if moved:
            found.append((moved, number))
            if len(found) > 50 * most:
                found.sort(reverse=True)
                del found[most:]

    fields = ("conversion_id", "model", "channel", "campaign", "amount")
    for each, code, channel, campaign, amount in rows.values_list(*fields).iterator(chunk_size=5_000):
        if each != number:
            finish()
            number, parts = each, {}
        where = (channel, campaign)
        parts[where] = parts.get(where, 0) + (amount if code == model else -amount)
    finish()
    found.sort(reverse=True)
    rows_found = Conversion.objects.in_bulk([pk for _moved, pk in found[:most]])
    return tuple((rows_found[pk].key, rows_found[pk].currency, moved) for moved, pk in found[:most] if pk in rows_found)
