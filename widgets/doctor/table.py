"""Everything that the doctor and the overlay can find, with the line that fixes it: one table, which the docs show too.

It is a JSON file beside the overlay's sources, because the overlay's build takes its sentences from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from django.conf import settings

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong. ``text`` and ``fix`` hold ``{names}`` for what a page fills in.

    ``by`` says who sees it: ``doctor``, ``overlay`` or ``both``.
    """

    code: str
    severity: Severity
    by: str
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a page breaks. ``line`` is the page's line, counted from 1; 0 when it is about no single one."""

    code: str
    severity: Severity
    text: str
    fix: str
    line: int = 0


@cache
def rules() -> dict[str, Rule]:
    """Every rule by its code, in the table's order."""
    file = Path(settings.BASE_DIR) / "static" / "loader" / "src" / "debug" / "findings.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    return {code: Rule(code, row["severity"], row["by"], row["text"], row["fix"]) for code, row in found.items()}


def finding(code: str, line: int = 0, /, **values: object) -> Finding:
    """The finding of this code with the page's values in its sentences. Raises KeyError for an unknown code or a missing value."""
    rule = rules()[code]
    return Finding(code, rule.severity, rule.text.format_map(values), rule.fix.format_map(values).strip(), line)
