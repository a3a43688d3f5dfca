"""JSON that somebody else wrote, within bounds: looked through without recursion before anything recursive meets it."""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEPTH: Final = 16
VALUES: Final = 20_000


class Unbounded(ValueError):
    """It is no JSON, or more than was allowed. The text says which and names no value."""


def loads(raw: bytes | str, *, depth: int = DEPTH, values: int = VALUES) -> Any:
    """The value of a JSON text in UTF-8. Raises Unbounded for anything else, for NaN and infinite numbers, for lists and objects nested
    deeper than ``depth``, and for more than ``values`` values.

    What may be long must be cut by the caller before: this reads it whole.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
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


def _no_constant(_text: str) -> float:
    raise ValueError("not finite")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number
