"""What a decoded JSON value is: text, word, number, time, address. Pure; each gives None for what is no such value.

A value is whole or it is not that value: ids, codes and numbers are never shortened to fit. Only prose is, and shows it (``…``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar
from urllib.parse import urlsplit

ID_CHARS: Final = 190
LINE_CHARS: Final = 500
TEXT_CHARS: Final = 20_000
URL_CHARS: Final = 2_048
CURSOR_CHARS: Final = 512
LARGEST: Final = 10**12
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?\Z", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,13}(?:\.0{1,10})?\Z", re.ASCII)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"`{}|^\u2028\u2029\ud800-\udfff]")
_BARE = re.compile(r"[ {}|^`]")
# A first segment with a dot or a colon may be a host or a scheme.
_RELATIVE = re.compile(r"(?:\.{0,2}/(?!/)|[^.:/?#]+/(?!/))")
_UNIX = re.compile(r"[0-9]{9,14}(?:\.[0-9]{1,9})?\Z", re.ASCII)
_OFFSET = re.compile(r"\s*(?:(?:UTC|GMT|Z)|([+-]\d\d:?\d\d))\Z", re.ASCII)
_SECONDS_LEAST, _SECONDS_MOST = 946_684_800, 4_102_444_800
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def cleaned(value: str, limit: int) -> str:
    """Prose without NUL, other control characters (tab, newline and return stay) and lone surrogates, at most ``limit`` long.

    What is cut ends with an ellipsis.
    """
    text = _UNFIT.sub("", value).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def decimal_of(value: object) -> Decimal | None:
    """A finite number within ±10^12 from a JSON number or a plain decimal string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _DECIMAL.match(text):
            return None
        number = Decimal(text)
    elif isinstance(value, int):
        number = Decimal(value) if abs(value) <= LARGEST else Decimal("NaN")
    elif isinstance(value, float):
        number = Decimal(repr(value))
    else:
        return None
    if not number.is_finite() or abs(number) > LARGEST:
        return None
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -20 or exponent > 0):
        try:
            number = number.quantize(Decimal(1) if exponent > 0 else Decimal("1e-10"))
        except InvalidOperation:  # more digits than the context holds
            return None
    return number


def integer_of(value: object) -> int | None:
    """A whole number within ±10^12 from ``3``, ``3.0``, ``"3"`` or ``"3.0"``; None for anything else."""
    if isinstance(value, bool):
        return None
    number: int | None = None
    if isinstance(value, int):
        number = value
    elif (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, str) and _INTEGER.match(value.strip())
    ):
        number = int(float(value))
    return number if number is not None and abs(number) <= LARGEST else None


def flag_of(value: object) -> bool | None:
    """True and False, also as 1/0 and "true"/"false"; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def text_of(value: object, limit: int) -> str | None:
    """Cleaned prose; a number becomes its digits; None for anything else."""
    if isinstance(value, str):
        return cleaned(value, limit)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if isinstance(value, float):
        return repr(value)
    return None


def word_of(value: object, limit: int) -> str | None:
    """An id, a code or an address, as it is but for spaces around it; None for anything else, and for what is longer than ``limit``
    or holds control characters. A whole number becomes its digits.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if len(text) <= limit and not _CONTROL.search(text) else None


def moment_of(value: object) -> datetime | None:
    """A time in UTC: ISO 8601 (without an offset it is UTC; `` UTC`` and `` GMT`` are offsets, too), or Unix seconds or milliseconds
    of this century as a number or its digits. None for anything else.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _moment_of_seconds(float(value)) if abs(value) < 10**14 else None
    text = value.strip().upper() if isinstance(value, str) else ""
    if not 8 <= len(text) <= 40:
        return None
    if _UNIX.match(text):
        return _moment_of_seconds(float(text))
    try:
        moment = datetime.fromisoformat(_OFFSET.sub(lambda found: found[1] or "+00:00", text))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _moment_of_seconds(seconds: float) -> datetime | None:
    if seconds >= _SECONDS_MOST:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if _SECONDS_LEAST <= seconds < _SECONDS_MOST else None


def url_of(value: object) -> str | None:
    """An http(s) URL with a host and without user information, or an address relative to the storefront (``/path``, ``folder/file``).

    ``//host/path`` is https; spaces and braces are escaped. None for anything else.
    """
    if not isinstance(value, str) or not value or len(value) > URL_CHARS:
        return None
    url = _BARE.sub(lambda found: f"%{ord(found[0]):02X}", value.strip())
    if _NOT_IN_URL.search(url):
        return None
    if url.startswith("//"):
        url = f"https:{url}"
    elif _RELATIVE.match(url):
        return url
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        return None
    return url if good else None


def one_of(value: object, allowed: Collection[str]) -> str | None:
    """One of these words, in lower case."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return word if word in allowed else None


N = TypeVar("N", int, Decimal)


def within(number: N | None, low: int, high: int) -> N | None:
    """The number when it is from ``low`` to ``high``."""
    return number if number is not None and low <= number <= high else None


def json_object(raw: object) -> dict[str, object]:
    """A merchant's own JSON object without control characters, else empty. Overlong texts and names are left out, not cut."""
    value = _plain(raw)
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _UNFIT.sub("", value)
    if isinstance(value, dict):
        return {
            _UNFIT.sub("", key): _plain(each)
            for key, each in value.items()
            if len(key) <= ID_CHARS and not _is_overlong(each)
        }
    if isinstance(value, list):
        return [None if _is_overlong(each) else _plain(each) for each in value]
    if isinstance(value, int) and abs(value) >= 2**63:  # more than any store or browser holds
        return None
    return value


def _is_overlong(value: object) -> bool:
    return isinstance(value, str) and len(value) > TEXT_CHARS
