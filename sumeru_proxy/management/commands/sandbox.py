"""``manage.py sandbox``: a stand-in Sumeru, for demonstrations and development."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sumeru_proxy.sandbox.command_line import CannotStart, add_options, run


class Command(BaseCommand):
    """Runs the sandbox in the foreground until it is told to stop."""

    help = "Runs a stand-in Sumeru: every endpoint, the real limits, and faults on demand."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of ``python -m sumeru_proxy.sandbox``."""
        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Blocks. Raises CommandError when the sandbox cannot start."""
        try:
            run(options, self._say)
        except CannotStart as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
