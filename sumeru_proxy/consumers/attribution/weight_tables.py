"""Versions of the company's weights: stored, published from a moment, looked up by an order's time; as CSV in and out."""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from sumeru_proxy.consumers.attribution.company import BadRules, Problem, Rule, WeightTable, problems_of, table
from sumeru_proxy.consumers.attribution.models import AttributionSettings, WeightRule, WeightVersion

COLUMNS: Final = ("dimension", "value", "factor_thousandths")
CSV_BYTES_LIMIT: Final = 512 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TRIES = 5


class Published(Exception):
    """The version is in force: it never changes. Make a new one."""


def draft(shop_id: int, rules: Iterable[Rule], note: str = "") -> WeightVersion:
    """A new version with these rules, not in force. Raises BadRules."""
    checked = table(rules).rules
    for _ in range(_TRIES):
        highest = WeightVersion.objects.filter(shop_id=shop_id).aggregate(found=Max("number"))["found"] or 0
        try:
            with transaction.atomic():
                version = WeightVersion.objects.create(shop_id=shop_id, number=highest + 1, note=note[:190])
                _write(version, checked)
            return version
        except IntegrityError:  # another one took the number
            continue
    raise RuntimeError("no version number could be taken")


def _write(version: WeightVersion, rules: Sequence[Rule]) -> None:
    WeightRule.objects.bulk_create(
        [
            WeightRule(version=version, dimension=rule.dimension, value=rule.value, thousandths=rule.thousandths)
            for rule in rules
        ]
    )


def change(version: WeightVersion, rules: Iterable[Rule]) -> None:
    """Give a draft these rules instead of its own. Raises BadRules, and Published for a version in force."""
    checked = table(rules).rules
    with transaction.atomic():
        # The write locks the row: nobody publishes it meanwhile.
        if not WeightVersion.objects.filter(pk=version.pk, effective_ms=None).update(note=F("note")):
            raise Published(version.number)
        WeightRule.objects.filter(version=version).delete()
        _write(version, checked)


def publish(version: WeightVersion, effective_ms: int) -> None:
    """Put a draft in force for orders from ``effective_ms`` on, for ever. Raises Published when it is already.

    Orders before stay with the version that is theirs. Of two versions from the same moment the later number holds. The settings'
    revision grows, so that orders from then on that were credited before are known to be due again (``plans.due``).
    """
    with transaction.atomic():
        done = WeightVersion.objects.filter(pk=version.pk, effective_ms=None).update(
            effective_ms=effective_ms, published_at=timezone.now()
        )
        if not done:
            raise Published(version.number)
        revision = AttributionSettings.count_up(version.shop_id, every_order=False)
        WeightVersion.objects.filter(pk=version.pk).update(revision=revision)
    version.refresh_from_db()


def rules_of(version: WeightVersion) -> tuple[Rule, ...]:
    """The rules of a stored version, in the order in which they were given."""
    rows = WeightRule.objects.filter(version=version).order_by("pk")
    return tuple(Rule(*row) for row in rows.values_list("dimension", "value", "thousandths"))


def table_of(version: WeightVersion) -> WeightTable:
    """A stored version, in force or not, as a table."""
    return table(rules_of(version), version.number)


@dataclass(frozen=True, slots=True)
class Tables:
    """The versions in force: moments ascending, and the table from each on. Before the first one no weight is set: all are neutral."""

    moments: tuple[int, ...]
    tables: tuple[WeightTable, ...]
    before: WeightTable

    def at(self, at_ms: int) -> WeightTable:
        """The table for an order of this time."""
        index = bisect_right(self.moments, at_ms)
        return self.tables[index - 1] if index else self.before


def tables(shop_id: int) -> Tables:
    """The shop's versions in force."""
    latest: dict[int, WeightVersion] = {}
    rows = WeightVersion.objects.filter(shop_id=shop_id).exclude(effective_ms=None).order_by("effective_ms", "number")
    for version in rows:
        if version.effective_ms is not None:
            latest[version.effective_ms] = version
    return Tables(tuple(latest), tuple(table_of(version) for version in latest.values()), table(()))


# -- CSV


def to_csv(rules: Iterable[Rule]) -> str:
    """The rules as CSV with a header. Values that a spreadsheet would take for a formula begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for rule in rules:
        guarded = rule.value.startswith((*_FORMULA, "'"))
        writer.writerow((rule.dimension, f"'{rule.value}" if guarded else rule.value, rule.thousandths))
    return out.getvalue()


def from_csv(data: bytes) -> tuple[Rule, ...]:
    """The rules of a CSV file as ``to_csv`` writes it, checked. Raises BadRules; lines count from 1 after the header."""
    if len(data) > CSV_BYTES_LIMIT:
        raise BadRules([Problem(0, "too_large", f"at most {CSV_BYTES_LIMIT} bytes")])
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise BadRules([Problem(0, "encoding", "the file must be UTF-8")]) from None
    except csv.Error as error:
        raise BadRules([Problem(0, "csv", f"no CSV: {error}")]) from None
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise BadRules([Problem(0, "header", f"the first line must be {','.join(COLUMNS)}")])
    rules, problems = [], []
    for line, row in enumerate((row for row in rows[1:] if row), 1):
        if len(row) != len(COLUMNS):
            problems.append(Problem(line, "columns", f"{len(COLUMNS)} columns are needed"))
            rules.append(Rule("channel", f"line {line}", 0))
            continue
        dimension, value, number = row[0].strip().lower(), row[1], row[2].strip()
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            problems.append(Problem(line, "factor", "the factor must be a whole number of thousandths"))
            number = "0"
        rules.append(Rule(dimension, value[1:] if value.startswith("'") else value, int(number)))
    problems += [each for each in problems_of(rules) if each.line not in {found.line for found in problems}]
    if problems:
        raise BadRules(sorted(problems))
    return tuple(rules)
