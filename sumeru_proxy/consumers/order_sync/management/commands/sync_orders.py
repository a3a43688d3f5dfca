"""``manage.py sync_orders --since 48h [--dry-run]``: compare Sumeru with the targets and repair what differs."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sumeru_proxy import accounts, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.consumers.order_sync import engine, syncing
from sumeru_proxy.consumers.order_sync.document import decimal_of, digits_of
from sumeru_proxy.consumers.order_sync.targets.interface import TargetDown
from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Shop

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def since_of(text: str, now: datetime) -> datetime:
    """A moment from ``48h``, ``30m``, ``7d`` or ISO 8601 with an offset. Raises ValueError."""
    if parts := re.match(r"([1-9][0-9]{0,4})([mhd])\Z", text):
        return now - timedelta(**{_UNITS[parts[2]]: int(parts[1])})
    moment = datetime.fromisoformat(text)
    if timezone.is_naive(moment):
        raise ValueError(text)
    return moment


class Command(BaseCommand):
    """A thin shell around ``syncing.py``."""

    help = "Read the orders that changed at Sumeru, write what is missing, and prove day by day that both sides agree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument(
            "shop", nargs="?", help="the shop's key, domain or name (default: every shop with a target)"
        )
        parser.add_argument("--since", default="48h", help="48h, 30m, 7d or ISO 8601 with an offset (default: 48h)")
        parser.add_argument("--target", default="", help="only this one")
        parser.add_argument("--dry-run", action="store_true", help="only compare; write nothing, here or there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and repair; exits with 1 while something differs."""
        now = timezone.now()
        try:
            since = since_of(options["since"], now)
        except ValueError:
            raise CommandError("--since: give 48h, 30m, 7d or ISO 8601 with an offset") from None
        shops = (
            [shop_named(options["shop"])]
            if options["shop"]
            else list(Shop.objects.filter(order_targets__enabled=True).distinct())
        )
        differing = 0
        for shop in shops:
            rows = [row for row in engine.active(shop) if options["target"] in ("", row.name)]
            if not rows:
                self.stdout.write(f"{shop}: no target is started.")
                continue
            try:
                sumeru = accounts.client_for(shop.pk, "worker")
                outcomes = syncing.sync(rows, sumeru, since, dry_run=options["dry_run"], now=now)
                for outcome in outcomes:
                    differing += self._say(outcome, options["dry_run"])
            except TargetDown as error:
                raise CommandError(f"{shop}: {error.reason}: {error.text}") from None
            except (errors.SumeruError, secrets.CredentialUnusable) as error:
                raise CommandError(f"{shop}: Sumeru: {error}") from None
        if differing:
            raise CommandError(f"{differing} orders differ.")

    def _say(self, outcome: syncing.Outcome, dry_run: bool) -> int:
        differing = 0
        for (day, currency), sums in sorted(outcome.days.items()):
            digits = digits_of(currency)
            ours, theirs = decimal_of(sums.total, digits), decimal_of(sums.target_total, digits)
            self.stdout.write(
                f"{outcome.row} {day} {currency}: Sumeru {sums.orders} orders, {ours} · "
                f"target {sums.target_orders}, {theirs} · difference {ours - theirs}"
            )
            differing += len(sums.differing)
            for each in sums.differing[:50]:
                line = "; ".join(f"{name}: {left or '-'} | {right or '-'}" for name, left, right in each.fields)
                self.stdout.write(f"  {each.number or each.order_id}: {line}")
        verb = "would be repaired" if dry_run else "repaired"
        self.stdout.write(f"{outcome.row}: {outcome.repaired} {verb}, {differing} differ")
        return differing
