"""Charts drawn by the server: numbers to the places of rectangles in an SVG. Pure; the template writes the elements.

Colours come from classes of ``admin.css``. A chart is one picture to assistive technology, with a sentence for it; its numbers stand in
a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 120
CELL: Final = 13


@dataclass(frozen=True, slots=True)
class Box:
    """One rectangle; ``kind`` is a class, ``title`` what a pointer sees."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Rectangles in an area of ``width`` by ``height``, and the sentence that says what they show."""

    boxes: tuple[Box, ...]
    width: int
    height: int
    words: str


def days_before(last: date, count: int) -> list[date]:
    """``count`` days up to and with ``last``."""
    return [last - timedelta(days=count - 1 - number) for number in range(count)]


def bars(days: Sequence[date], counts: Mapping[date, Mapping[str, int]], kinds: Sequence[str], words: str) -> Chart:
    """A bar for each day, its kinds on top of each other. Heights are in proportion; what is there at all is at least 2 high."""
    most = max((sum(counts.get(day, {}).values()) for day in days), default=0) or 1
    step = WIDTH / max(1, len(days))
    boxes = []
    for place, day in enumerate(days):
        y = float(HEIGHT)
        for kind in kinds:
            count = counts.get(day, {}).get(kind, 0)
            if not count:
                continue
            height = max(2.0, round(count / most * (HEIGHT - 4), 1))
            y -= height
            boxes.append(
                Box(round(place * step + 1, 1), round(y, 1), round(step - 2, 1), height, kind, f"{day}: {count} {kind}")
            )
    return Chart(tuple(boxes), WIDTH, HEIGHT, words)


def year(last: date, kinds: Mapping[date, str], words: str) -> Chart:
    """A square for each day of the 53 weeks up to ``last``, a column a week that begins on Monday."""
    first = last - timedelta(days=last.weekday() + 52 * 7)
    boxes = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        kind = kinds.get(day, "none")
        week, weekday = divmod(number, 7)
        boxes.append(Box(week * CELL, weekday * CELL, CELL - 2, CELL - 2, kind, f"{day}: {kind}"))
    return Chart(tuple(boxes), 53 * CELL, 7 * CELL, words)
