"""JSON from outside, decoded within bounds: nothing that Python reads but JSON does not allow, and no deep nesting."""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEPTH_LIMIT: Final = 32
"""How many levels of lists and objects an answer may have."""


def decode(raw: bytes) -> tuple[Any, str]:
    """The decoded JSON and an empty text, or None and what is wrong: UTF-8, no NaN or overflow, no name twice, 32 levels."""
    try:
        value = json.loads(
            raw.decode("utf-8-sig"), parse_constant=_not_json, parse_float=_finite, object_pairs_hook=_unique
        )
    except RecursionError:
        return None, f"at most {DEPTH_LIMIT} levels"
    except ValueError:
        return None, "JSON in UTF-8 with finite numbers and unique names"
    if not shallow(value, DEPTH_LIMIT):
        return None, f"at most {DEPTH_LIMIT} levels"
    return value, ""


def shallow(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested at most this deep."""
    layer = [value]
    for _ in range(levels):
        below: list[Any] = []
        for each in layer:
            if isinstance(each, dict):
                below.extend(inner for inner in each.values() if isinstance(inner, (dict, list)))
            elif isinstance(each, list):
                below.extend(inner for inner in each if isinstance(inner, (dict, list)))
        if not below:
            return True
        layer = below
    return False


def _not_json(_: str) -> Any:
    raise ValueError("not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members
