"""Shows the whole thing on this machine: a made-up shop, the widget server, and a stand-in for Sumeru."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandParser

from widgets.demo import addresses, ordering
from widgets.demo.running import Demo, Wishes


class Command(BaseCommand):
    """``manage.py demo``: facts on standard output, everything else on standard error. Ctrl-C or SIGTERM ends it."""

    help = "Start a demo storefront with widgets on this machine and print its address. Ctrl-C stops all of it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the widget server (default: %(default)s)")
        parser.add_argument("--storefront-port", type=int, metavar="N", help="of the storefront (default: port + 1)")
        parser.add_argument("--sandbox-port", type=int, metavar="N", help="of the stand-in Sumeru (default: port + 2)")
        parser.add_argument("--no-browser", action="store_true", help="do not open the storefront in a browser")
        parser.add_argument("--json", action="store_true", help="print the addresses as one JSON object on one line")
        parser.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            default=Path(settings.DATA_DIR) / "demo",
            help="where database, keys and logs are kept (default: demo in the data folder)",
        )
        parser.add_argument(
            "--catalogue", type=Path, metavar="FILE.json", help="shops to show instead of the made-up ones"
        )

        parser.add_argument(
            "--debug", action="store_true", help="development: changed templates, styles and scripts show on reload"
        )
        parser.add_argument(
            "--with",
            dest="targets",
            action="append",
            choices=ordering.CHOICES,
            help="where the shop's orders go: accounting files (files, the default), also an ERP (erp: installs Tryton into the "
            "data folder), also attribution with made-up journeys and the visitor's own (attribution), or no orders (nothing); "
            "may be repeated",
        )
        parser.add_argument("--erp-port", type=int, metavar="N", help="of the ERP (default: port + 3)")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            metavar="URL",
            help="of another storefront that may show the first shop's widgets; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            where = addresses.choose(options["port"], options["storefront_port"], options["sandbox_port"])
        except addresses.PortProblem as problem:
            self.say(str(problem))
            sys.exit(1)
        wishes = Wishes(
            addresses=where,
            folder=options["data"].absolute(),
            catalogue=options["catalogue"].absolute() if options["catalogue"] else None,
            browser=not options["no_browser"],
            worker="work" in get_commands(),
            origins=tuple(options["origin"]),
            debug=options["debug"],
            targets=tuple(options["targets"] or (ordering.FILES,))
            if "order_sync" in get_commands()
            else (ordering.NOTHING,),
            erp_port=options["erp_port"] or options["port"] + 3,
        )
        demo = Demo(wishes, os.environ, self.announce_json if options["json"] else self.announce, self.say)
        if code := demo.run():
            sys.exit(code)

    def say(self, line: str) -> None:
        """One line for people, at once."""
        self.stderr.write(line)
        self.stderr.flush()

    def announce_json(self, facts: dict[str, Any]) -> None:
        """The facts on one line."""
        self.stdout.write(json.dumps(facts))
        self.stdout.flush()

    def announce(self, facts: dict[str, Any]) -> None:
        """One line per address."""
        for name in ("storefront", "widgets", "sandbox"):
            self.stdout.write(f"{name + ':':12}{facts[name]}")
        self.stdout.write(
            f"{'admin:':12}{facts['admin']}  (user {facts['admin_user']}, password {facts['admin_password']})"
        )
        self.stdout.write(f"{'product:':12}{facts['storefront']}product/{facts['product']}")
        if "orders" in facts:
            self.stdout.write(f"{'orders:':12}{facts['orders']}")
            self.stdout.write(f"{'books:':12}{facts['books']}")
        if "attribution" in facts:
            self.stdout.write(f"attribution: {facts['attribution']}")
        if "erp" in facts:
            erp_access = f"Tryton, database {facts['erp_database']}, user admin, password {facts['erp_password']}"
            self.stdout.write(f"{'erp:':12}{facts['erp']}  ({erp_access})")
        tag = f'<script async crossorigin src="{facts["widgets"]}embed/v1.js" data-shop="{facts["shop"]}"></script>'
        self.stdout.write(f"{'embed:':12}{tag}")
        self.stdout.flush()
