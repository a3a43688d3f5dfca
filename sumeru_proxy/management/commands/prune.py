"""``manage.py prune``: forgets what is old enough."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sumeru_proxy import pruning


class Command(BaseCommand):
    """A thin shell around ``pruning.py``."""

    help = "Empty old bodies, delete old rows of finished jobs and events. Run it daily. What is owed or parked stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        keep = pruning.Keep()
        for name, days, what in (
            ("done-bodies", keep.done_bodies, "bodies of finished jobs"),
            ("jobs", keep.jobs, "rows of finished jobs"),
            ("event-bodies", keep.event_bodies, "bodies of events"),
            ("events", keep.events, "rows of events (the protection against replays)"),
        ):
            parser.add_argument(
                f"--{name}", type=int, default=days.days, metavar="DAYS", help=f"keep {what} (default {days.days})"
            )
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune and say how much."""
        keep = pruning.Keep(
            *(timedelta(days=options[name]) for name in ("done_bodies", "jobs", "event_bodies", "events"))
        )
        try:
            counts = pruning.prune(timezone.now(), keep, dry_run=options["dry_run"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        done = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        self.stdout.write(f"{'Would forget' if options['dry_run'] else 'Forgot'}: {done}.")
