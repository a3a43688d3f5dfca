"""``manage.py erase SHOP PERSON…``: erases what is held of a person."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.webhooks import erasing, persons


class Command(BaseCommand):
    """A thin shell around ``erasing.erase``, for an event that parks because it names nobody in a known form."""

    help = "Erase what is held of a person, named by e-mail addresses and customer ids. What was written to other systems stays there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("shop", help="the shop's key, domain or name")
        parser.add_argument("person", nargs="+", metavar="PERSON", help="an e-mail address or customer id")
        parser.add_argument("--event", default="", help="id of the parked gdpr.completed event that this settles")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be erased")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase. May be repeated."""
        shop = shop_named(options["shop"])
        person = persons.identity_of(*options["person"])
        if not person.known:
            raise CommandError("Name an e-mail address or a customer id.")
        with transaction.atomic():
            counts = erasing.erase(shop.pk, person, dry_run=options["dry_run"])
            if options["event"] and not options["dry_run"] and not erasing.settle(shop.pk, options["event"]):
                raise CommandError(f"No erasure waits for the event {options['event']}; nothing was erased.")
        verb = "Would erase" if options["dry_run"] else "Erased"
        self.stdout.write(f"{verb}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
