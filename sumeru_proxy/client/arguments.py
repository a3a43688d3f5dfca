"""Checks of what callers give: only values that passed here become part of a request.

Every check raises ``Refused`` (status 0, code ``invalid_argument``) naming the field, never its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sumeru_proxy.client.errors import Refused
from sumeru_proxy.client.values import CURSOR_CHARS, ID_CHARS, decimal_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?\Z")
_KEY = re.compile(r"[\x21-\x7e]{8,200}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\Z")
_BODY_DEPTH: Final = 16


def invalid(field: str, why: str) -> Refused:
    """The error to raise about one argument."""
    return Refused(code="invalid_argument", status=0, field=field, why=why)


def identifier(field: str, value: object) -> str:
    """An opaque id: 1 to 190 characters without controls, not ``.`` or ``..`` (they would change the path), no comma."""
    if not isinstance(value, str) or not 1 <= len(value) <= ID_CHARS:
        raise invalid(field, f"must be a text of 1 to {ID_CHARS} characters")
    if _CONTROL.search(value) or value != value.strip() or "," in value or value in (".", ".."):
        raise invalid(field, "must be an identifier")
    return value


def identifiers(field: str, values: Iterable[str], most: int = 100) -> str:
    """Ids joined by commas as the upstream's lists want them, without repetitions."""
    if isinstance(values, str):
        raise invalid(field, "must be a list of identifiers")
    unique = dict.fromkeys(identifier(field, value) for value in values)
    if not 1 <= len(unique) <= most:
        raise invalid(field, f"must hold 1 to {most} identifiers")
    return ",".join(unique)


def cursor(value: object) -> str:
    """A cursor as the upstream gave it: opaque, printable ASCII. It is only ever a query value, never a URL."""
    good = isinstance(value, str) and 1 <= len(value) <= CURSOR_CHARS and value.isascii() and value.isprintable()
    if not good or not isinstance(value, str):
        raise invalid("cursor", "must be a cursor that an earlier page gave")
    return value


def whole(field: str, value: object, low: int, high: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(field, f"must be a whole number from {low} to {high}")
    return value


def choice(field: str, value: object, allowed: Iterable[str]) -> str:
    """One of the allowed words."""
    words = tuple(allowed)
    if not isinstance(value, str) or value not in words:
        raise invalid(field, f"must be one of {', '.join(words)}")
    return value


def money(field: str, value: object) -> str:
    """A non-negative amount as a plain decimal string."""
    number = decimal_of(str(value) if isinstance(value, Decimal) else value)
    if number is None or number < 0:
        raise invalid(field, "must be a decimal amount")
    return format(number, "f")


def currency(field: str, value: object) -> str:
    """An ISO 4217 code."""
    if not isinstance(value, str) or not _CURRENCY.match(value):
        raise invalid(field, "must be an ISO 4217 code")
    return value


def line(field: str, value: object, most: int, *, least: int = 0) -> str:
    """Text for a query or a one-line field: no control characters."""
    if not isinstance(value, str) or not least <= len(value) <= most or _CONTROL.search(value):
        raise invalid(field, f"must be one line of {least} to {most} characters")
    return value


def text(field: str, value: object, most: int, *, least: int = 0) -> str:
    """Text with line breaks for a body; other control characters are refused."""
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise invalid(field, f"must be a text of {least} to {most} characters")
    if _CONTROL.search(value.replace("\n", "").replace("\r", "").replace("\t", "")):
        raise invalid(field, "must not hold control characters")
    return value


def email(field: str, value: object) -> str:
    """Something of the form ``name@host``."""
    if not isinstance(value, str) or not _EMAIL.match(value) or _CONTROL.search(value):
        raise invalid(field, "must be an e-mail address")
    return value


def moment(field: str, value: object) -> str:
    """A timezone-aware time as ISO 8601 in UTC."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise invalid(field, "must be a timezone-aware datetime")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def header(field: str, value: object) -> str:
    """A header value: visible ASCII, so that nothing can be injected."""
    if not isinstance(value, str) or not _HEADER.match(value):
        raise invalid(field, "must be printable ASCII")
    return value


def idempotency_key(value: object) -> str:
    """8 to 200 visible ASCII characters."""
    if not isinstance(value, str) or not _KEY.match(value):
        raise invalid("idempotency_key", "must be 8 to 200 visible ASCII characters")
    return value


def json_value(field: str, value: object, depth: int = 0) -> Any:
    """A value that JSON can carry: no NaN, text keys, at most 16 levels; decimals become strings, times ISO 8601."""
    if depth > _BODY_DEPTH:
        raise invalid(field, "is nested too deeply")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        if any(0xD800 <= ord(character) <= 0xDFFF for character in value) or "\x00" in value:
            raise invalid(field, "holds text that is no Unicode")
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, datetime):
        return moment(field, value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise invalid(field, "must have text keys")
        return {json_value(field, key): json_value(field, each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(field, each, depth + 1) for each in value]
    raise invalid(field, "must be JSON")
