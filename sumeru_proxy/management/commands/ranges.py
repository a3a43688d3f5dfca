"""``manage.py ranges``: starts, shows, pauses, resumes and cancels long jobs of consumers, such as back-fills."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks import ranges

ACTS = ("start", "pause", "resume", "cancel")


class Command(BaseCommand):
    """A thin shell around ``webhooks/ranges.py``."""

    help = "Long jobs of consumers, such as back-fills: without an option shows them; --start, --pause, --resume, --cancel one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("shop", help="the shop (key, domain or name)")
        parser.add_argument("kind", nargs="?", default="", help="consumer:name; without it, all are shown")
        for name in ACTS:
            parser.add_argument(f"--{name}", action="store_true", help=f"{name} it")
        parser.add_argument("--since", help="start: only what was created then or later, ISO 8601")
        parser.add_argument("--until", help="start: only what was created before, ISO 8601")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one thing, or show what there is."""
        shop = shop_named(options["shop"])
        asked = [name for name in ACTS if options[name]]
        if len(asked) > 1:
            raise CommandError("Only one of --start, --pause, --resume and --cancel at a time.")
        kind = options["kind"]
        if (kind or asked) and kind not in ranges.kinds():
            raise CommandError(
                f"No such kind: {kind or '(none)'}. Known: {', '.join(sorted(ranges.kinds())) or 'none'}."
            )
        if not asked:
            self._show(shop, kind)
        elif asked == ["start"]:
            self._start(shop, kind, options)
        else:
            self._decide(asked[0], self._open(shop, kind), options["dry_run"])

    @staticmethod
    def _open(shop: Shop, kind: str) -> QuerySet[Job]:
        rows = ranges.of_shop(shop.pk).filter(kind=kind, state__in=ranges.OPEN)
        return rows.exclude(reason__in=(Job.Reason.DISCARDED, Job.Reason.ERASED))

    def _start(self, shop: Shop, kind: str, options: dict[str, Any]) -> None:
        since, until = self._moment(options, "since"), self._moment(options, "until")
        if since and until and since >= until:
            raise CommandError("--since must be before --until.")
        if options["dry_run"]:
            running = self._open(shop, kind).exists()
            self.stdout.write("One is running already." if running else f"{kind} would be started.")
            return
        try:
            job = ranges.start(shop.pk, kind, since=since, until=until)
        except ranges.Running:
            raise CommandError(f"{kind} is running already: --resume or --cancel it first.") from None
        self.stdout.write(f"{kind} is job {job.pk}; `work` does it.")

    def _decide(self, what: str, rows: QuerySet[Job], dry_run: bool) -> None:
        rows = Job.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
        count = rows.count()
        if not dry_run:
            match what:
                case "pause":
                    count = jobs.pause(rows)
                case "resume":
                    count = ranges.resume(rows)
                case "cancel":
                    count = jobs.cancel(rows, "cancelled by command")
        self.stdout.write(f"{what}: {count}{' would be meant' if dry_run else ''}.")

    @staticmethod
    def _moment(options: dict[str, Any], name: str) -> datetime | None:
        if not options[name]:
            return None
        try:
            moment = datetime.fromisoformat(options[name])
        except ValueError:
            raise CommandError(f"--{name} must be an ISO 8601 time.") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _show(self, shop: Shop, kind: str) -> None:
        now = timezone.now()
        rows = ranges.of_shop(shop.pk)
        found = list((rows.filter(kind=kind) if kind else rows)[:20])
        for job in found:
            figures, open_still = ranges.figures_of(job), job.state in ranges.OPEN
            guess = ranges.estimate(job.progress if open_still else {}, now)
            ends = f", about {guess.left_s:.0f} s left" if guess.left_s is not None else ""
            share = f" ({guess.share:.0%}{ends})" if guess.share is not None else ""
            parts = ranges.open_parts(job)
            owed = f", {parts} parts still owed" if parts else ""
            why = f" {job.reason}" if job.reason else ""
            self.stdout.write(
                f"{job.pk} {job.kind} {job.state}{why}: {figures['done']} done in {figures['pages']} steps{share}"
                f", {figures['skipped']} unreadable{owed}"
            )
        if not found:
            self.stdout.write("Nothing yet. Known kinds: " + (", ".join(sorted(ranges.kinds())) or "none"))
