"""Writes the npm package's types from the API description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from widgets.docs import openapi, typescript

FILE = Path("static") / "package" / "src" / "api.d.ts"


class Command(BaseCommand):
    """``manage.py package_types [--check]``."""

    help = "Write the npm package's types (static/package/src/api.d.ts) from the API description."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is not current")

    def handle(self, *args: Any, **options: Any) -> None:
        text = typescript.declarations(json.loads(openapi.schema()))
        file = Path(settings.BASE_DIR) / FILE
        if not options["check"]:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            raise CommandError(f"{FILE} is not what the API description gives: run manage.py package_types")
