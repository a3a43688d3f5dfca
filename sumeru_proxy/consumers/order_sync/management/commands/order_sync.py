"""``manage.py order_sync``: set a shop's targets up, look at them, rehearse, start."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sumeru_proxy import accounts, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.consumers.order_sync import engine, rehearsal
from sumeru_proxy.consumers.order_sync.kinds import keep_secret, kinds, open_target
from sumeru_proxy.consumers.order_sync.models import OrderTarget
from sumeru_proxy.consumers.order_sync.targets.interface import ERROR, TargetDown
from sumeru_proxy.consumers.order_sync.tryton.set_up import Company, Erp, NotSetUp, Plan, Server, plan_of
from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Shop


def targets_of(shop: Shop, name: str) -> list[OrderTarget]:
    """The shop's targets, or the one that is named. Raises CommandError when there is none."""
    rows = OrderTarget.objects.filter(shop=shop).select_related("shop", "credential")
    targets = list(rows.filter(name=name) if name else rows)
    if not targets:
        raise CommandError(f"{shop} has no target{f' named {name}' if name else ''}: manage.py order_sync add")
    return targets


class Command(BaseCommand):
    """Thin shells around ``kinds``, ``rehearsal`` and the targets' own checks."""

    help = "Order sync: add a target, check it, rehearse, start, set up a Tryton for tests."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command an errand; see ``--help``."""
        errands = parser.add_subparsers(dest="errand", required=True)
        add = errands.add_parser("add", help="add a target, or change its options")
        add.add_argument("shop", help="the shop's key, domain or name")
        add.add_argument("kind", choices=sorted(kinds()))
        add.add_argument("--name", help="names it within the shop (default: the kind)")
        add.add_argument("--options", default="{}", help="JSON; see the documentation of the kind")
        add.add_argument("--secret", help="env:NAME of the variable that holds the secret")
        for errand, text in (
            ("check", "say what is missing in the targets; writes nothing"),
            ("rehearse", "map orders against the real targets; writes nothing there"),
            ("start", "from when on orders are written (default: now)"),
            ("stop", "write nothing for the time being"),
        ):
            one = errands.add_parser(errand, help=text)
            one.add_argument("shop", help="the shop's key, domain or name")
            one.add_argument("--target", default="", help="only this one")
            if errand == "rehearse":
                one.add_argument("--last", type=int, default=100, help="how many orders, the newest (default: 100)")
                one.add_argument("--all", action="store_true", help="all orders of the shop")
                one.add_argument("--json", action="store_true", help="the whole report as JSON")
            if errand == "start":
                one.add_argument("--at", help="orders created from then on, ISO 8601 with offset (default: now)")
        erp = errands.add_parser(
            "erp", help="install Tryton into a folder, make a database and run it (tests, demonstrations)"
        )
        erp.add_argument("folder", nargs="?", default=str(settings.DATA_DIR / "erp"))
        erp.add_argument("--port", type=int, default=8008)
        erp.add_argument(
            "--key",
            default=os.environ.get("ORDER_SYNC_ERP_KEY", "demonstration"),
            help="the key of its REST application (default: the variable ORDER_SYNC_ERP_KEY)",
        )
        erp.add_argument(
            "--plan", type=Path, help="JSON of what a new database holds (default: one company without products)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one errand."""
        getattr(self, f"_{options['errand']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        shop, kind = shop_named(options["shop"]), kinds()[options["kind"]]
        try:
            raw = json.loads(options["options"])
            kind.options_of(raw)
        except (ValueError, TypeError, AttributeError) as error:
            raise CommandError(f"options: {error}") from None
        name = options["name"] or kind.name
        row, created = OrderTarget.objects.update_or_create(
            shop=shop, name=name, defaults={"kind": kind.name, "options": raw}
        )
        if options["secret"]:
            try:
                keep_secret(row, options["secret"])
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"{'Added' if created else 'Changed'} {row}. Next: manage.py order_sync check {shop.key}")

    def _check(self, options: dict[str, Any]) -> None:
        wrong = 0
        for row in targets_of(shop_named(options["shop"]), options["target"]):
            self.stdout.write(f"{row} ({row.kind})")
            try:
                with open_target(row) as target:
                    findings = target.check()
            except TargetDown as error:
                raise CommandError(f"{row}: {error.reason}: {error.text}") from None
            for finding in findings:
                wrong += finding.level == ERROR
                self.stdout.write(f"  {finding.level:8} {finding.code}: {finding.text}")
                if finding.hint:
                    self.stdout.write(f"           {finding.hint}")
        if wrong:
            raise CommandError(f"{wrong} to be mended.")

    def _rehearse(self, options: dict[str, Any]) -> None:
        shop = shop_named(options["shop"])
        for row in targets_of(shop, options["target"]):
            try:
                orders = rehearsal.newest_orders(
                    accounts.client_for(shop.pk, "worker"), None if options["all"] else options["last"]
                )
                with open_target(row) as target:
                    report = rehearsal.rehearse(row, target, orders)
            except (TargetDown, errors.SumeruError, secrets.CredentialUnusable) as error:
                raise CommandError(f"{row}: {getattr(error, 'text', '') or error}") from None
            rehearsal.keep(row, report)
            if options["json"]:
                self.stdout.write(json.dumps(report))
                continue
            self.stdout.write(f"{row}: {report['orders']} orders, nothing was written")
            for name in ("actions", "sums", "rounding", "parties", "missing_skus", "notes", "skipped"):
                if report[name]:
                    line = ", ".join(f"{key} {value}" for key, value in report[name].items())
                    self.stdout.write(f"  {name.replace('_', ' ')}: {line[:2_000]}")
            for reason, problem in report["problems"].items():
                self.stdout.write(f"  would park: {problem['count']} {reason}: {problem['text']}")
                self.stdout.write(f"    {', '.join(problem['orders'])}")

    def _start(self, options: dict[str, Any]) -> None:
        try:
            at = datetime.fromisoformat(options["at"]) if options["at"] else timezone.now()
        except ValueError:
            raise CommandError("--at: give ISO 8601, like 2026-03-01T00:00:00+01:00") from None
        if timezone.is_naive(at):
            raise CommandError("--at: give an offset, like 2026-03-01T00:00:00+01:00")
        for row in targets_of(shop_named(options["shop"]), options["target"]):
            row.start_at, row.enabled = at, True
            row.save(update_fields=["start_at", "enabled"])
            left = engine.reopen(row)
            self.stdout.write(f"{row}: orders created from {at.isoformat()} on are written ({left} are due).")

    def _stop(self, options: dict[str, Any]) -> None:
        for row in targets_of(shop_named(options["shop"]), options["target"]):
            row.enabled = False
            row.save(update_fields=["enabled"])
            self.stdout.write(f"{row}: stopped. Start again with the same date, or orders in between are left out.")

    @staticmethod
    def _plan(key: str, path: Path | None) -> Plan:
        if path is None:
            return Plan(key, (Company("Demonstration", "EUR", {"demonstration": "EUR"}),))
        try:
            return plan_of(key, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CommandError(f"--plan: {type(error).__name__}: {error}") from None

    def _erp(self, options: dict[str, Any]) -> None:
        folder = Path(options["folder"])
        erp = Erp(folder)
        try:
            plan = self._plan(options["key"], options["plan"])
            if not (folder / "erp.sqlite").exists():
                self.stdout.write("Installing Tryton and making a database: a minute or two …")
                erp.copy(plan, folder, "erp")
            server = Server(erp, folder, "erp", port=options["port"])
            server.start()
        except NotSetUp as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f'Tryton answers at {server.url}: {{"url": "{server.url}", "database": "erp", "web_shop": "demonstration"}}'
        )
        try:
            if server.process is not None:
                server.process.wait()
        except KeyboardInterrupt:
            server.stop()
