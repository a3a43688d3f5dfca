"""Charts drawn by the server as SVG, without script or inline style. Pure; beside each stands a table with the same figures.

Colours come from the page's style sheet by class, so light, dark and forced colours follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH: Final = 640
BAR: Final = 18
LABEL: Final = 150
LINE_HEIGHT: Final = 160


def _cut(text: str, most: int = 22) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def bars(title: str, rows: Sequence[tuple[str, Sequence[int]]], names: Sequence[str]) -> SafeString:
    """Horizontal bars: one group a row, one bar a series (``names``). Values below zero are drawn as zero."""
    largest = max((value for _label, values in rows for value in values), default=0)
    height = len(rows) * (BAR * len(names) + 10) + 24
    room = WIDTH - LABEL - 10
    parts: list[tuple[object, ...]] = []
    y = 4
    for label, values in rows:
        middle = y + BAR * len(names) // 2 + 4
        parts.append((format_html('<text class="attr-label" x="{}" y="{}">{}</text>', LABEL - 8, middle, _cut(label)),))
        for series, value in enumerate(values):
            width = max(0, value) * room // largest if largest > 0 else 0
            parts.append(
                (
                    format_html(
                        '<rect class="attr-series-{}" x="{}" y="{}" width="{}" height="{}"></rect>',
                        series,
                        LABEL,
                        y,
                        width,
                        BAR - 3,
                    ),
                )
            )
            y += BAR
        y += 10
    keys = [
        (
            format_html(
                '<rect class="attr-series-{}" x="{}" y="{}" width="10" height="10"></rect>'
                '<text x="{}" y="{}">{}</text>',
                series,
                LABEL + series * 170,
                height - 14,
                LABEL + series * 170 + 15,
                height - 5,
                _cut(name),
            ),
        )
        for series, name in enumerate(names)
    ]
    return format_html(
        '<svg class="attr-chart" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">{}{}</svg>',
        WIDTH,
        height,
        title,
        format_html_join("", "{}", parts),
        format_html_join("", "{}", keys),
    )


def line(title: str, values: Sequence[int], first: str, last: str) -> SafeString:
    """One series over time, from the first day to the last; values below zero are drawn as zero."""
    largest = max(values, default=0)
    count = max(1, len(values) - 1)
    points = " ".join(
        f"{place * (WIDTH - 20) // count + 10},"
        f"{LINE_HEIGHT - 24 - (max(0, value) * (LINE_HEIGHT - 40) // largest if largest > 0 else 0)}"
        for place, value in enumerate(values)
    )
    return format_html(
        '<svg class="attr-chart" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">'
        '<polyline class="attr-line" points="{}"></polyline>'
        '<text x="10" y="{}">{}</text>'
        '<text class="attr-label" x="{}" y="{}">{}</text></svg>',
        WIDTH,
        LINE_HEIGHT,
        title,
        points,
        LINE_HEIGHT - 4,
        first,
        WIDTH - 10,
        LINE_HEIGHT - 4,
        last,
    )
