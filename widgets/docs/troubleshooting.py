"""``/docs/troubleshooting/``: the doctor, the overlay, and everything that they find, from the table they find it by."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from widgets.doctor import table
from widgets.http.requests import public_base

_BY = {"doctor": "manage.py doctor", "overlay": "?sumeru-debug", "both": "both"}


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A rule for readers: ``{name}`` in its sentences becomes the name in capitals."""

    code: str
    severity: table.Severity
    by: str
    text: str
    fix: str


def _readable(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), text).strip()


def rows(tag: str) -> list[FindingRow]:
    """Every rule, errors first. ``tag`` is the loader's, which is the fix of many."""
    table_rows = [
        FindingRow(
            rule.code, rule.severity, _BY[rule.by], _readable(rule.text), _readable(rule.fix.replace("{tag}", tag))
        )
        for rule in table.rules().values()
    ]
    return sorted(table_rows, key=lambda row: table.SEVERITIES.index(row.severity))


def troubleshooting_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/troubleshooting/``."""
    base = public_base(request)
    tag = f'<script async crossorigin src="{base}/embed/v1.js" data-shop="SHOP"></script>'
    return render(request, "docs/troubleshooting.html", {"base": base, "rows": rows(tag)})
