"""JSON from outside, decoded within bounds: nothing that Python reads but JSON does not allow, and no deep nesting."""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEPTH: Final = 16
VALUES: Final = 20_000
DEPTH_LIMIT: Final = 32
"""How many levels of lists and objects an answer may have."""


class Unbounded(ValueError):
    """It is no JSON, or more than was allowed. The text says which and names no value."""


def loads(raw: bytes | str, *, depth: int = DEPTH, values: int = VALUES) -> Any:
    """The value of a JSON text in UTF-8. Raises Unbounded for anything else, for NaN and infinite numbers, for lists and objects nested
    deeper than ``depth``, and for more than ``values`` values.

    What may be long must be cut by the caller before: this reads it whole.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(text, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Unbounded("is not JSON") from None
    check(value, depth=depth, values=values)
    return value


def check(value: object, *, depth: int = DEPTH, values: int = VALUES) -> None:
    """Raises Unbounded for a decoded value that is nested too deeply or holds too much. Never recurses."""
    layer, seen = [value], 1
    if not isinstance(value, dict | list):
        return
    for _ in range(depth):
        below: list[object] = []
        for each in layer:
            inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            seen += len(inner)
            below.extend(part for part in inner if isinstance(part, dict | list))
        if seen > values:
            raise Unbounded("holds too many values")
        if not below:
            return
        layer = below
    raise Unbounded("is nested too deeply")


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
