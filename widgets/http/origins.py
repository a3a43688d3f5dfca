"""Which origins may read a shop's widgets and send to it: the one rule behind CORS, submissions and the doctor. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sumeru_proxy.origin_rules import normal_origin

LIMIT_CHARS = 190


def pattern(origin: str) -> re.Pattern[str]:
    """A pattern for a whole stored origin, however it was typed; ``*`` stands for letters, digits and hyphens of one host label."""
    return re.compile(re.escape(normal_origin(origin)).replace(r"\*", "[a-z0-9-]+"))


def allows(patterns: Iterable[re.Pattern[str]], origin: str) -> bool:
    """Whether an ``Origin`` header names one of these. ``null`` never does."""
    return len(origin) <= LIMIT_CHARS and any(each.fullmatch(origin) for each in patterns)
