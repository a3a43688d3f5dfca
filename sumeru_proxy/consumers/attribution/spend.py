"""What channels cost: entered or uploaded by day, summed for reports. Of two words about the same day and campaign the last holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Sum

from sumeru_proxy.consumers.attribution import words
from sumeru_proxy.consumers.attribution.arrivals import digits_of, major
from sumeru_proxy.consumers.attribution.days import day_number, day_of, plain
from sumeru_proxy.consumers.attribution.models import Label
from sumeru_proxy.consumers.attribution.models import Spend as SpendRow

COLUMNS: Final = ("day", "channel", "campaign", "amount", "currency")
CSV_BYTES_LIMIT: Final = 2 * 1024 * 1024
LINES_LIMIT: Final = 20_000
AMOUNT_LIMIT: Final = Decimal(10) ** 12
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_AMOUNT = re.compile(r"\d{1,13}(\.\d{1,4})?\Z", re.ASCII)
_EARLIEST: Final = date(2000, 1, 1)
_LATEST: Final = date(2100, 1, 1)


class SpendLine(NamedTuple):
    """One line: what was spent. ``amount`` has at most the currency's decimals; 0 takes an earlier word back."""

    day: date
    channel: str
    campaign: str
    amount: Decimal
    currency: str


class SpendProblem(NamedTuple):
    """Why a line is refused: its number (from 1, 0 for the whole file), a stable code, and a text."""

    line: int
    code: str
    text: str


class BadSpend(ValueError):
    """The lines cannot be taken; ``problems`` says why."""

    def __init__(self, problems: Sequence[SpendProblem]) -> None:
        super().__init__("; ".join(f"line {each.line}: {each.text}" for each in problems[:5]))
        self.problems = tuple(problems)


def line_of(cells: Sequence[str], number: int = 1) -> SpendLine | SpendProblem:
    """A line of five texts, in the order of ``COLUMNS``."""
    if len(cells) != len(COLUMNS):
        return SpendProblem(number, "columns", f"{len(COLUMNS)} columns are needed")
    day_text, channel, campaign, amount_text, currency = (cell.strip() for cell in cells)
    channel, campaign = (text[1:] if text.startswith("'") else text for text in (channel, campaign))
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        return SpendProblem(number, "day", "the day must be a date such as 2026-05-31")
    if not _EARLIEST <= day < _LATEST:
        return SpendProblem(number, "day", "the day must be of this century")
    for name, text in (("channel", channel), ("campaign", campaign)):
        if len(text) > words.CHARS or not text.isprintable() or (name == "channel" and not text):
            return SpendProblem(number, name, f"the {name} must have up to {words.CHARS} printable characters")
    if not _CURRENCY.match(currency):
        return SpendProblem(number, "currency", "the currency must be a code of three capital letters")
    try:
        amount = Decimal(amount_text) if _AMOUNT.match(amount_text) else Decimal("NaN")
        whole = amount.scaleb(digits_of(currency))
        good = amount < AMOUNT_LIMIT and whole == int(whole)
    except (InvalidOperation, ValueError):
        good = False
    if not good:
        decimals = digits_of(currency)
        return SpendProblem(number, "amount", f"the amount must be a number with up to {decimals} decimals, 0 or more")
    return SpendLine(day, channel, campaign, amount, currency)


def from_csv(data: bytes) -> tuple[SpendLine, ...]:
    """The lines of a CSV file with the header ``day,channel,campaign,amount,currency``. Raises BadSpend."""
    if len(data) > CSV_BYTES_LIMIT:
        raise BadSpend([SpendProblem(0, "too_large", f"at most {CSV_BYTES_LIMIT} bytes")])
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise BadSpend([SpendProblem(0, "encoding", "the file must be UTF-8")]) from None
    except csv.Error as error:
        raise BadSpend([SpendProblem(0, "csv", f"no CSV: {error}")]) from None
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise BadSpend([SpendProblem(0, "header", f"the first line must be {','.join(COLUMNS)}")])
    if len(rows) > LINES_LIMIT + 1:
        raise BadSpend([SpendProblem(0, "too_many", f"at most {LINES_LIMIT} lines")])
    found = [line_of(row, number) for number, row in enumerate((row for row in rows[1:] if row), 1)]
    problems = [each for each in found if isinstance(each, SpendProblem)]
    if problems:
        raise BadSpend(problems)
    return tuple(each for each in found if isinstance(each, SpendLine))


def store(shop_id: int, lines: Iterable[SpendLine]) -> int:
    """Store these lines; gives how many days, channels and campaigns they are about. All or nothing; may be repeated."""
    latest = {(line.day, line.currency, line.channel, line.campaign): line.amount for line in lines}
    with transaction.atomic():
        needed = {(Label.Kind.CHANNEL.value, key[2]) for key in latest}
        needed |= {(Label.Kind.CAMPAIGN.value, key[3]) for key in latest}
        numbers = words.ids_of(shop_id, needed)
        rows: dict[tuple[int, str, int, int], int] = {}
        for (day, currency, channel, campaign), amount in latest.items():
            where = (day_number(day), currency, numbers["channel", channel], numbers["campaign", campaign])
            # Names beyond the limit of words share one: their amounts add up.
            rows[where] = rows.get(where, 0) + int(amount.scaleb(digits_of(currency)))
        SpendRow.objects.bulk_create(
            [
                SpendRow(shop_id=shop_id, day=day, currency=currency, channel=channel, campaign=campaign, amount=amount)
                for (day, currency, channel, campaign), amount in sorted(rows.items())
            ],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["shop", "day", "currency", "channel", "campaign"],
            update_fields=["amount"],
        )
        SpendRow.objects.filter(shop_id=shop_id, amount=0).delete()
    return len(rows)


def sums(shop_id: int, days: tuple[int, int], currency: str) -> dict[tuple[int, int], int]:
    """Spend by the numbers of channel and campaign (0: the channel as a whole) of these days, both included; minor units."""
    rows = SpendRow.objects.filter(shop_id=shop_id, day__gte=days[0], day__lte=days[1], currency=currency)
    grouped = rows.values_list("channel", "campaign").annotate(Sum("amount")).order_by()
    return {(channel, campaign): amount for channel, campaign, amount in grouped}


def returned(net: int, spent: int) -> Decimal | None:
    """Return on spend: revenue for each unit spent, two decimals; None where nothing was spent."""
    return (Decimal(net) / spent).quantize(Decimal("0.01")) if spent else None


def to_csv(shop_id: int, days: tuple[int, int], currency: str) -> str:
    """What is stored of these days, as ``from_csv`` reads it; what a spreadsheet would take for a formula begins with an apostrophe."""
    texts: Mapping[int, str] = words.texts_of(shop_id)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = SpendRow.objects.filter(shop_id=shop_id, day__gte=days[0], day__lte=days[1], currency=currency)
    for row in rows.order_by("day", "channel", "campaign"):
        names = (plain(texts.get(row.channel, "")), plain(texts.get(row.campaign, "")))
        writer.writerow((day_of(row.day).isoformat(), *names, major(row.amount, currency), currency))
    return out.getvalue()
