"""``manage.py widgets``: every widget of this installation as a table."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from widgets import registry
from widgets.base import Widget, WidgetParams

HEADINGS = ("WIDGET", "AUDIENCE", "ASKED WITH", "SETTINGS", "TITLE")


def described(widget: Widget) -> dict[str, Any]:
    """What the table shows of one widget; a required parameter ends with ``*``."""
    common = set(WidgetParams().fields)
    return {
        "name": widget.name,
        "audience": widget.audience,
        "params": [
            f"{name}*" if field.required else name
            for name, field in widget.Params().fields.items()
            if name not in common
        ],
        "options": list(widget.Options().fields),
        "title": str(widget.title),
        "description": str(widget.description),
    }


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as their longest cell, two spaces apart; the last one is not filled up."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


class Command(BaseCommand):
    """Reads the registry only; no database is needed."""

    help = "Lists the widgets: who they are for, what a page may ask (* is required), what a merchant may set."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--json`` for programs."""
        parser.add_argument("--json", action="store_true", help="print a JSON array instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints to standard output."""
        descriptions = [described(widget) for widget in registry.all_widgets().values()]
        if options["json"]:
            self.stdout.write(json.dumps(descriptions, indent=2))
            return
        rows = [
            (
                each["name"],
                each["audience"],
                ", ".join(each["params"]) or "-",
                ", ".join(each["options"]) or "-",
                each["title"],
            )
            for each in descriptions
        ]
        self.stdout.write(table([HEADINGS, *rows]))
