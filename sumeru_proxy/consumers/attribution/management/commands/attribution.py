"""``manage.py attribution token|fit|prove SHOP``: issue a read token, estimate the models from data, prove that everything adds up."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sumeru_proxy.consumers.attribution import consumer, proof, tokens
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import ReadToken
from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import installed


class Command(BaseCommand):
    help = "Issue a read token, estimate the models from data, or prove that credits equal revenue. Back-fill: manage.py ranges."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=("token", "fit", "prove"))
        parser.add_argument("shop", help="the shop's key, domain or name")
        parser.add_argument("--name", default="command line", help="token: what it is for")
        parser.add_argument("--scope", choices=ReadToken.Scope.values, default=ReadToken.Scope.REPORT)
        parser.add_argument("--days", type=int, default=consumer.PROOF_DAYS, help="prove: how many days back")

    def handle(self, *args: Any, **options: Any) -> None:
        shop = shop_named(options["shop"])
        {"token": self._token, "fit": self._fit, "prove": self._prove}[options["what"]](shop, options)

    def _token(self, shop: Shop, options: dict[str, Any]) -> None:
        self.stdout.write(tokens.issue(shop.pk, options["name"], options["scope"]).token)
        self.stderr.write("It is not shown again.")

    def _fit(self, shop: Shop, _options: dict[str, Any]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        job = installed.owe(consumer.NAME, "fit", shop.pk, {}, key=f"by-hand/{moment}").job
        self.stdout.write(f"job {job.pk} is owed; a worker does it")

    def _prove(self, shop: Shop, options: dict[str, Any]) -> None:
        today = int(datetime.now(UTC).timestamp() * 1_000) // DAY_MS
        found = proof.prove(shop.pk, today - max(0, options["days"]), today)
        self.stdout.write(
            f"{found.orders} orders, {found.compared} sums compared, {len(found.gaps)} differ, "
            f"{found.stale} credited under older choices, {found.waiting} not yet"
        )
        for gap in found.gaps[:20]:
            self.stdout.write(f"{gap.what} day {gap.day} {gap.currency}: expected {gap.expected}, found {gap.found}")
        if found.gaps:
            raise CommandError("credits and revenue differ")
