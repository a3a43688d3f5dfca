"""``manage.py serve``: the web server for production, granian, with settings that hold under load and in failure."""

from __future__ import annotations

import errno
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

LIFETIME_S = 12 * 3600
"""After this long a web process is replaced by a new one, so that nothing that creeps up (memory, a stuck thread) stays."""
STOP_S = 40
"""Longer than any request may take; a process that has not ended by then is killed."""
BACKLOG = 2_048
BACKPRESSURE = 1_024
"""Open connections per process. Granian leaves kept-alive connections beyond twice this figure unanswered (granian issue 789), so it
stays far above what one process is ever sent at once.
"""
HEADERS_MS = 5_000
"""How long a connection may take for its next headers: slow ones, and idle ones between two requests, would use up BACKPRESSURE."""
_LONGEST_LIFETIME_S = 7 * 24 * 3600


def command_line(options: Mapping[str, Any]) -> list[str]:
    """The granian command for these options; several values of granian's own are chosen here and explained there."""
    arguments = {
        "--interface": "wsgi",
        "--http": "1",
        "--host": options["host"],
        "--port": options["port"],
        "--workers": options["workers"],
        "--blocking-threads": options["threads"],
        "--http1-header-read-timeout": HEADERS_MS,
        "--backlog": BACKLOG,
        "--backpressure": options["backpressure"],
        "--workers-lifetime": options["lifetime_s"],
        "--workers-kill-timeout": options["stop_s"],
        "--working-dir": settings.BASE_DIR,
    }
    flat = [str(part) for pair in arguments.items() for part in pair]
    # Without respawning, one killed process would take all others of this server with it.
    return [sys.executable, "-m", "granian", *flat, "--respawn-failed-workers", "--no-ws", "widgets.wsgi:application"]


def default_workers() -> int:
    """One per processor where processes share their copies; with ``CACHE_URL=local://`` each would ask Sumeru for itself."""
    return 1 if settings.CACHE_URL.startswith("local:") else os.cpu_count() or 1


def check_address(host: str, port: int) -> None:
    """Raises CommandError when nothing can listen there, naming the option that helps.

    Granian shares a port with whoever already listens in its way (SO_REUSEPORT), so a busy one must be found before it starts.
    """
    try:
        family, kind, _proto, _name, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise CommandError(f"Host {host} is not an address of this machine. Choose another with --host.") from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"Port {port} is already in use. Choose another with --port.") from None
            option = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
            why = f"Host {host}, port {port} cannot be used ({error.strerror}). Choose another with {option}."
            raise CommandError(why) from None


def missing_migrations() -> list[str]:
    """Migrations of this release that the database has not had, as ``app.name``. Raises DatabaseError when it does not answer."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    finally:
        connection.close()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Command(BaseCommand):
    """Judges the settings, then becomes granian: signals and exit status are the server's own.

    SIGTERM or SIGINT: no new connections, requests in hand are finished, then it ends. SIGHUP: every process is replaced, one after the
    other.
    """

    requires_system_checks: list[str] = []  # `judge` runs them all, with those for deployments
    help = "Serve widgets, webhooks, docs and admin by granian. SIGTERM finishes what is being answered, then stops."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument(
            "--workers",
            type=int,
            metavar="N",
            help="processes (default: one per processor; one when copies are not shared)",
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=settings.WEB_THREADS,
            help="requests at a time per process (default: %(default)s)",
        )
        parser.add_argument(
            "--backpressure",
            type=int,
            default=BACKPRESSURE,
            metavar="N",
            help="open connections per process (default: %(default)s)",
        )
        parser.add_argument(
            "--lifetime-s",
            type=int,
            default=LIFETIME_S,
            metavar="S",
            help="seconds until a process is replaced (default: 12 hours)",
        )
        parser.add_argument(
            "--stop-s",
            type=int,
            default=STOP_S,
            metavar="S",
            help="seconds that requests get to finish when a process stops (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Never returns: it raises CommandError, or the process becomes the server."""
        if options["workers"] is None:
            options["workers"] = default_workers()
        self.refuse_nonsense(options)
        self.judge(options["host"])
        check_address(options["host"], options["port"])
        self.stderr.write(
            f"serving at http://{options['host']}:{options['port']} with {options['workers']} x {options['threads']} threads"
        )
        line = command_line(options)
        self.stderr.flush()
        os.environ["WEB_THREADS"] = str(options["threads"])
        os.execv(line[0], line)  # noqa: S606 - no shell; the program is this very Python

    def refuse_nonsense(self, options: Mapping[str, Any]) -> None:
        """Raises CommandError naming the option that is out of its bounds."""
        bounds = {
            "port": (1, 65_535),
            "workers": (1, 256),
            "threads": (1, 256),
            "backpressure": (16, 65_535),
            "lifetime_s": (60, _LONGEST_LIFETIME_S),
            "stop_s": (1, 600),
        }
        for name, (least, most) in bounds.items():
            if not least <= options[name] <= most:
                raise CommandError(f"--{name.replace('_', '-')} must be from {least} to {most}, not {options[name]}")

    def judge(self, host: str) -> None:
        """Errors of any check stop the start (CommandError); warnings, and migrations that are missing, are told and do not."""
        if settings.DEBUG and not _is_loopback(host):
            raise CommandError(
                f"DEBUG is on, and {host} is not this machine alone: settings would be shown to strangers."
            )
        found = checks.run_checks(include_deployment_checks=True)
        for message in found:
            self.stderr.write(str(message))
        if any(message.is_serious() for message in found):
            raise CommandError("Not started: see the errors above.")
        try:
            missing = missing_migrations()
        except DatabaseError as error:
            self.stderr.write(
                f"The database does not answer ({type(error).__name__}); pages come from copies until it does."
            )
            return
        if missing:
            self.stderr.write(f"{len(missing)} migrations are not applied ({missing[0]} …). Run manage.py migrate.")
