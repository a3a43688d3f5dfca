"""``manage.py replay``: has listeners hear stored events again."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.webhooks import replaying


class Command(BaseCommand):
    """A thin shell around ``webhooks/replaying.py``."""

    help = "Make stored events due again for their listeners: by id, all that failed, or all since a time. May be repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("events", nargs="*", metavar="EVENT", help="event ids (evt_…)")
        parser.add_argument("--shop", help="only this shop's (key, domain or name)")
        parser.add_argument("--failed", action="store_true", help="those for which a job is parked")
        parser.add_argument("--since", help="those received since, ISO 8601")
        parser.add_argument("--dry-run", action="store_true", help="only list them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay the chosen events, oldest first."""
        if not (options["events"] or options["failed"] or options["since"]):
            raise CommandError("Say which: event ids, --failed or --since.")
        since = None
        if options["since"]:
            try:
                since = datetime.fromisoformat(options["since"])
            except ValueError:
                raise CommandError("--since must be an ISO 8601 time.") from None
            since = since if since.tzinfo else since.replace(tzinfo=UTC)
        shop = shop_named(options["shop"]) if options["shop"] else None
        events = replaying.chosen(
            shop_id=shop.pk if shop else None, ids=options["events"], failed=options["failed"], since=since
        )
        count = due = 0
        for event in events.iterator(chunk_size=200):
            count += 1
            if options["dry_run"]:
                self.stdout.write(f"{event.event_id} {event.type} {event.received_at:%Y-%m-%dT%H:%M:%SZ}")
            else:
                due += replaying.replay(event)
        missing = len(set(options["events"])) - count if options["events"] and not shop else 0
        if missing > 0:
            self.stderr.write(f"{missing} of the named events are unknown or no longer have a body.")
        self.stdout.write(
            f"{count} events {'would be replayed' if options['dry_run'] else f'replayed, {due} jobs are due'}."
        )
