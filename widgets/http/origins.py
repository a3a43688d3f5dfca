"""Which origins may read a shop's widgets and send to it: the one rule behind CORS, submissions and the doctor. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError

from sumeru_proxy.origin_rules import normal_origin, validate_origin

LIMIT_CHARS = 190


def pattern(origin: str) -> re.Pattern[str]:
    """A pattern for a whole stored origin, however it was typed; ``*`` stands for letters, digits and hyphens of one host label."""
    return re.compile(re.escape(normal_origin(origin)).replace(r"\*", "[a-z0-9-]+"))


def sound(stored: Iterable[str]) -> list[str]:
    """Those of the stored origins that a form would take, as browsers send them: rows also come from imports, which ask no form, with
    ``null`` or ``*`` in them.
    """
    found = []
    for origin in map(normal_origin, stored):
        try:
            validate_origin(origin)
        except ValidationError:
            continue
        found.append(origin)
    return found


def allows(patterns: Iterable[re.Pattern[str]], origin: str) -> bool:
    """Whether an ``Origin`` header names one of these. ``null`` never does."""
    return origin != "null" and len(origin) <= LIMIT_CHARS and any(each.fullmatch(origin) for each in patterns)
