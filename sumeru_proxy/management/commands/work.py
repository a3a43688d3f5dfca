"""``manage.py work``: delivers what is owed, to Sumeru and to the listeners."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from collections.abc import Callable
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sumeru_proxy import accounts, housekeeping, refreshing, worker
from sumeru_proxy.outbox import jobs, rules
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.outbox.turns import Turns
from sumeru_proxy.reading import catalogue_walk


class Command(BaseCommand):
    """A thin shell around ``worker.py``."""

    # A worker serves no addresses: what the web processes check need not hold it up.
    requires_system_checks = []
    help = (
        "Deliver what is owed (writes to Sumeru, events to listeners), refresh what web processes leave to it, walk through the shops' "
        "catalogues, and do the day's work (pruning, consumers' daily jobs). Start as many as you like, on any machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("--once", action="store_true", help="stop when nothing is due any more")
        parser.add_argument("--kinds", default="", metavar="A,B", help="only these kinds of jobs")
        parser.add_argument(
            "--jobs-only",
            action="store_true",
            help="neither refresh copies, walk through catalogues nor do the day's work (as with --kinds or --once)",
        )
        parser.add_argument("--threads", type=int, default=2, help="jobs at a time in this process (default 2)")
        parser.add_argument("--batch", type=int, default=10, help="jobs claimed at a time (default 10)")
        parser.add_argument(
            "--idle-s", type=float, default=worker.IDLE_S, help="seconds between looks when nothing is due"
        )
        parser.add_argument(
            "--base-s", type=float, default=rules.BASE_S, help="seconds of the first wait after a failure"
        )
        parser.add_argument("--longest-s", type=float, default=rules.LONGEST_WAIT_S, help="seconds of the longest wait")
        parser.add_argument(
            "--lease-s", type=float, default=jobs.LEASE_S, help="seconds until a dead worker's job is free again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM or SIGINT; the job in hand is finished first."""
        if min(options["threads"], options["batch"]) < 1 or options["idle_s"] <= 0:
            raise CommandError("--threads and --batch must be at least 1, --idle-s more than 0")
        try:
            known = worker.handlers([name.strip() for name in options["kinds"].split(",") if name.strip()] or None)
        except ValueError as error:
            raise CommandError(str(error)) from None
        pace = WorkerTimings(base_s=options["base_s"], longest_s=options["longest_s"], lease_s=options["lease_s"])
        turns = Turns(options["threads"])
        workers = [
            worker.Worker(known, batch=options["batch"], idle_s=min(options["idle_s"], 1.0), pace=pace, turns=turns)
            for _ in range(options["threads"])
        ]

        def stop(*_: object) -> None:
            for each in workers:
                each.stop()

        before = {name: signal.signal(name, stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            worker.run_many(
                workers,
                until_idle=options["once"],
                beside=self._beside(options),
                started=lambda: self.stderr.write(f"working on {len(known)} kinds of jobs"),
            )
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)

    @staticmethod
    def _beside(options: dict[str, Any]) -> list[Callable[[Event], None]]:
        if options["jobs_only"] or options["kinds"] or options["once"]:
            return []
        return [
            housekeeping.run,
            catalogue_walking,
            *([refreshing.run] if refreshing.shares_copies() else []),
        ]


def catalogue_walking(stopping: Event) -> None:
    """Walk through the shops' catalogues until stopped."""
    catalogue_walk.run(stopping, lambda shop_id: accounts.client_for(shop_id, "index"))
