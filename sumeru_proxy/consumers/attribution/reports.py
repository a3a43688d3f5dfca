"""The report of a period: channels × models, new and returning, lengths, times, journeys, days. Read from the sums by day only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import BigIntegerField, ExpressionWrapper, F, QuerySet, Sum

from sumeru_proxy.consumers.attribution import spend
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.computation import LENGTH_LIMIT
from sumeru_proxy.consumers.attribution.days import day_number, day_of, plain
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import ChannelSum, DayCount, DaySum, Fit, Label, ModelCode
from sumeru_proxy.consumers.attribution.plans import latest_fits

DAYS_LIMIT: Final = 1_100
PATHS_LIMIT: Final = 20
_MODELS: Final = 128
"""More than any model's code."""
NOBODY: Final = "(unattributed)"
BUCKETS: Final = {
    DayCount.What.LENGTH: (0, 1, 2, 3, 4, 5, 8, 13, LENGTH_LIMIT),
    DayCount.What.DAYS: (0, 1, 2, 3, 7, 14, 30, 60, 90),
}
"""Where the next group of journey lengths or of days to convert begins."""


class BadPeriod(ValueError):
    """The period ends before it begins or is longer than DAYS_LIMIT."""


@dataclass(frozen=True, slots=True)
class Earned:
    """Minor units: credited, and taken back by refunds."""

    amount: int = 0
    refunded: int = 0

    @property
    def net(self) -> int:
        """What remains."""
        return self.amount - self.refunded

    def plus(self, other: Earned) -> Earned:
        """The sum of both."""
        return Earned(self.amount + other.amount, self.refunded + other.refunded)


@dataclass(frozen=True, slots=True)
class Row:
    """A channel (or a campaign of it) under each model. ``errors``: the standard error of its share under a model from data.
    ``spent``: what it cost, minor units.
    """

    channel: str
    campaign: str
    by_model: Mapping[int, Earned]
    errors: Mapping[int, float]
    spent: int = 0

    def returned(self, model: int) -> Decimal | None:
        """Return on spend under a model; None where nothing was spent."""
        return spend.returned(self.by_model.get(model, Earned()).net, self.spent)


@dataclass(frozen=True, slots=True)
class Group:
    """Orders by a property: ``label`` is a range of numbers, or the channels of a journey in order."""

    label: str
    orders: int
    earned: Earned


@dataclass(frozen=True, slots=True)
class Report:
    """Everything of one period and currency. Each model's rows sum to ``revenue``; ``missing`` are models without enough journeys."""

    first: date
    last: date
    currency: str
    models: tuple[int, ...]
    missing: tuple[int, ...]
    rows: tuple[Row, ...]
    revenue: Earned
    orders: int
    customers: Mapping[str, Mapping[int, Mapping[str, Earned]]]
    lengths: tuple[Group, ...]
    days: tuple[Group, ...]
    paths: tuple[Group, ...]


def currencies(shop_id: int, first: date, last: date) -> list[str]:
    """The currencies with orders in the period, the most used first."""
    rows = DayCount.objects.filter(
        shop_id=shop_id, day__gte=day_number(first), day__lte=day_number(last), what=DayCount.What.LENGTH
    )
    found = rows.values("currency").annotate(orders_sum=Sum("orders")).order_by("-orders_sum", "currency")
    return [row["currency"] for row in found if row["orders_sum"]]


def check_period(first: date, last: date) -> None:
    """Raises BadPeriod."""
    if last < first:
        raise BadPeriod("the period ends before it begins")
    if (last - first).days >= DAYS_LIMIT:
        raise BadPeriod(f"a period has at most {DAYS_LIMIT} days")


def _errors(fits: Mapping[int, Fit]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for code, fit in fits.items():
        for channel, (_share, error, _weight) in fit.effects.items():
            found.setdefault(channel, {})[code] = float(error)
    return found


def _grouped(rows: Iterable[Any], starts: Sequence[int]) -> tuple[Group, ...]:
    counts = [0] * len(starts)
    sums = [Earned()] * len(starts)
    for value, orders, amount, refunded in rows:
        place = max(index for index, start in enumerate(starts) if value >= start)
        counts[place] += orders
        sums[place] = sums[place].plus(Earned(amount, refunded))
    labels = [
        str(start) if end == start + 1 else f"{start}-{end - 1}"
        for start, end in zip(starts, [*starts[1:], None], strict=True)
        if end is not None
    ]
    labels.append(f"{starts[-1]}+")
    return tuple(
        Group(label, count, earned) for label, count, earned in zip(labels, counts, sums, strict=True) if count
    )


def _with_model(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    """With ``both``: a word's number and the model's in one, as a group by one number less costs SQLite a quarter less."""
    found: QuerySet[Any] = rows.annotate(both=ExpressionWrapper(F(name) * _MODELS + F("model"), BigIntegerField()))
    return found


def _costs(shop_id: int, days: tuple[int, int], currency: str, *, campaigns: bool) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for (channel, campaign), amount in spend.sums(shop_id, days, currency).items():
        where = (channel, campaign if campaigns else 0)
        found[where] = found.get(where, 0) + amount
    return found


def report(shop_id: int, first: date, last: date, currency: str, *, campaigns: bool = False) -> Report:
    """The report of the days ``first`` to ``last`` (both included, UTC). Raises BadPeriod. About ten queries of sums."""
    check_period(first, last)
    span = {"shop_id": shop_id, "day__gte": day_number(first), "day__lte": day_number(last), "currency": currency}
    cells: dict[tuple[int, int], dict[int, Earned]] = {}
    customers: dict[str, dict[int, dict[int, Earned]]] = {}
    sums = _with_model(ChannelSum.objects.filter(**span), "channel").values_list("both", "customer")
    for both, customer, amount, refunded in sums.annotate(Sum("amount"), Sum("refunded")).order_by():
        channel, model = divmod(both, _MODELS)
        earned = Earned(amount, refunded)
        cell = cells.setdefault((channel, 0), {})
        cell[model] = cell.get(model, Earned()).plus(earned)
        customers.setdefault(customer, {}).setdefault(model, {})[channel] = earned
    if campaigns:
        cells = {}
        fine = _with_model(DaySum.objects.filter(**span), "campaign").values_list("both", "channel")
        for both, channel, amount, refunded in fine.annotate(Sum("amount"), Sum("refunded")).order_by():
            campaign, model = divmod(both, _MODELS)
            cells.setdefault((channel, campaign), {})[model] = Earned(amount, refunded)
    costs = _costs(shop_id, (day_number(first), day_number(last)), currency, campaigns=campaigns)
    for where in costs:
        cells.setdefault(where, {})
    numbers = {number for pair in cells for number in pair}
    counted = DayCount.objects.filter(**span)
    by_what: dict[str, list[Any]] = {}
    for what in (DayCount.What.LENGTH, DayCount.What.DAYS):
        rows = counted.filter(what=what).values("value").annotate(o=Sum("orders"), a=Sum("amount"), r=Sum("refunded"))
        by_what[what] = [(row["value"], row["o"], row["a"], row["r"]) for row in rows.order_by()]
    tops = (
        counted.filter(what=DayCount.What.PATH)
        .values("value")
        .annotate(o=Sum("orders"), a=Sum("amount"), r=Sum("refunded"))
        .order_by("-o", "value")[:PATHS_LIMIT]
    )
    paths = [(row["value"], row["o"], Earned(row["a"], row["r"])) for row in tops if row["o"]]
    numbers |= {value for value, _orders, _earned in paths}
    texts = {0: NOBODY, **dict(Label.objects.filter(pk__in=numbers).values_list("pk", "text"))}
    fits = latest_fits(shop_id)
    errors = _errors(fits)
    models = sorted({model for cell in cells.values() for model in cell})
    revenue = Earned()
    for _value, _orders, amount, refunded in by_what[DayCount.What.LENGTH]:
        revenue = revenue.plus(Earned(amount, refunded))
    rows_found = [
        Row(
            texts[channel],
            texts[campaign] if campaign else "",
            cell,
            errors.get(texts[channel], {}),
            costs.get((channel, campaign), 0),
        )
        for (channel, campaign), cell in cells.items()
    ]
    rows_found.sort(
        key=lambda row: (
            -max((earned.amount for earned in row.by_model.values()), default=0),
            row.channel,
            row.campaign,
        )
    )
    return Report(
        first,
        last,
        currency,
        tuple(models),
        tuple(code for code in (ModelCode.MARKOV, ModelCode.SHAPLEY_RATE) if code not in fits),
        tuple(rows_found),
        revenue,
        sum(orders for _value, orders, _amount, _refunded in by_what[DayCount.What.LENGTH]),
        {
            customer: {
                model: {texts[channel]: earned for channel, earned in own.items()} for model, own in found.items()
            }
            for customer, found in customers.items()
        },
        _grouped(by_what[DayCount.What.LENGTH], BUCKETS[DayCount.What.LENGTH]),
        _grouped(by_what[DayCount.What.DAYS], BUCKETS[DayCount.What.DAYS]),
        tuple(Group(texts[value] if value else NOBODY, orders, earned) for value, orders, earned in paths),
    )


def trend(shop_id: int, first: date, last: date, currency: str, model: int) -> dict[str, dict[date, Earned]]:
    """What each channel earned day by day under one model; days without anything are left out. Raises BadPeriod."""
    check_period(first, last)
    rows = (
        ChannelSum.objects.filter(
            shop_id=shop_id, day__gte=day_number(first), day__lte=day_number(last), currency=currency, model=model
        )
        .values("day", "channel")
        .annotate(a=Sum("amount"), r=Sum("refunded"))
        .order_by("day")
    )
    found: dict[int, dict[date, Earned]] = {}
    for row in rows:
        found.setdefault(row["channel"], {})[day_of(row["day"])] = Earned(row["a"], row["r"])
    texts = {0: NOBODY, **dict(Label.objects.filter(pk__in=found).values_list("pk", "text"))}
    return {texts[channel]: days for channel, days in found.items()}


def name_of(model: int) -> str:
    """A model's stable name in files and in the API: ``last``, ``company``, ``sumeru`` …"""
    return ModelCode(model).name.lower()


def to_csv(found: Report) -> str:
    """The report's table as CSV: one line for each channel, campaign and model, amounts with the currency's decimals.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        (
            *("channel", "campaign", "model", "currency", "credited", "refunded", "net", "first_day", "last_day"),
            *("spent", "return_on_spend"),
        )
    )
    for row in found.rows:
        for model in found.models:
            earned = row.by_model.get(model, Earned())
            amounts = [str(major(each, found.currency)) for each in (earned.amount, earned.refunded, earned.net)]
            writer.writerow(
                (
                    plain(row.channel),
                    plain(row.campaign),
                    name_of(model),
                    found.currency,
                    *amounts,
                    found.first,
                    found.last,
                    str(major(row.spent, found.currency)) if row.spent else "",
                    "" if (gain := row.returned(model)) is None else gain,
                )
            )
    return out.getvalue()


def moment_of(at_ms: int) -> datetime:
    """A stored time as a moment in UTC, without loss."""
    seconds, rest = divmod(at_ms, 1_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1_000)


def today() -> date:
    """The day of now, in UTC."""
    return day_of(int(datetime.now(UTC).timestamp() * 1_000) // DAY_MS)
