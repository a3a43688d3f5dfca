"""Days as the sums are stored, and texts as a spreadsheet may have them. Pure."""

from __future__ import annotations

from datetime import date
from typing import Final

_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Whole days since 1970, as the sums are stored."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The date of a stored day."""
    return date.fromordinal(number + _EPOCH)


def plain(text: str) -> str:
    """A text for a CSV file: what a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "'", "\t", "\r")) else text
