"""``manage.py invalidate SHOP TOPIC…``: makes copies stale."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.reading import stamps


class Command(BaseCommand):
    """A thin shell around ``stamps.invalidate``."""

    help = "Make every copy about these topics stale, for example reviews, reviews:prd_1, products, shop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("shop", help="the shop's key, domain or name")
        parser.add_argument("topics", nargs="+", metavar="TOPIC")
        parser.add_argument(
            "--hard", action="store_true", help="do not show the copies any more, even while Sumeru is down"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raise the topics' stamps. May be repeated."""
        shop = shop_named(options["shop"])
        if any(len(topic) > 120 or not topic.isprintable() for topic in options["topics"]):
            raise CommandError("A topic has at most 120 printable characters.")
        if not options["dry_run"]:
            with transaction.atomic():
                stamps.invalidate(shop.pk, options["topics"], hard=options["hard"])
        verb = "Would invalidate" if options["dry_run"] else "Invalidated"
        self.stdout.write(
            f"{verb} {len(set(options['topics']))} topics of {shop}{' (hard)' if options['hard'] else ''}."
        )
