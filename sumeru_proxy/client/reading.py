"""Primitives of the tolerant reader: typed access to decoded JSON, with notes of what was and was not there.

Unknown fields are ignored, a missing or unusable *optional* field is its default, a missing or unusable *required* field raises
``Unreadable`` naming the JSON path. In a list an unreadable item is left out and noted; when no item of a non-empty list
can be read, the list itself is unreadable (an empty list must never be mistaken for an answer).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from sumeru_proxy.client.errors import Unreadable

T = TypeVar("T")
ID_CHARS: Final = 200
LINE_CHARS: Final = 500
TEXT_CHARS: Final = 20_000
URL_CHARS: Final = 2_048
CURSOR_CHARS: Final = 512
LIST_ITEMS: Final = 1_000
LARGEST: Final = 10**12
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?\Z", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,13}\Z", re.ASCII)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"`{}|^\u2028\u2029\ud800-\udfff]")
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Notes:
    """What a reader met, for the probe: JSON paths with ``[]`` for any index."""

    mapped: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    misfit: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)


def general(path: str) -> str:
    """A JSON path without its indices: ``data.reviews[].rating``."""
    return _INDEX.sub("[]", path)


def cleaned(value: str, limit: int) -> str:
    """Text without NUL, other control characters (tab, newline and return stay) and lone surrogates, at most ``limit`` long."""
    return _UNFIT.sub("", value[: limit * 2])[:limit].strip()


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
    """A whole number within ±10^12 from ``3``, ``3.0`` or ``"3"``; None for anything else."""
    if isinstance(value, bool):
        return None
    number: int | None = None
    if isinstance(value, int):
        number = value
    elif (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, str) and _INTEGER.match(value.strip())
    ):
        number = int(value)
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
    """Cleaned text; a number becomes its digits; None for anything else."""
    if isinstance(value, str):
        return cleaned(value, limit)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if isinstance(value, float):
        return repr(value)
    return None


def moment_of(value: object) -> datetime | None:
    """An ISO 8601 time in UTC; without an offset it is taken as UTC. None for anything else."""
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def url_of(value: object, *, relative: bool = False) -> str | None:
    """An http(s) URL with a host and without user information; ``relative`` also allows ``/path``. None for anything else."""
    if not isinstance(value, str) or not value or len(value) > URL_CHARS:
        return None
    url = value.strip()
    if _NOT_IN_URL.search(url):
        return None
    if relative and url.startswith("/") and not url.startswith("//"):
        return url
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        return None
    return url if good else None


class Fields:
    """The fields of one JSON object. ``need_*`` raises Unreadable; the others give their default and make a note."""

    __slots__ = ("_asked", "_general", "_notes", "_values", "path")

    def __init__(self, values: Mapping[str, Any], path: str, notes: Notes) -> None:
        self.path = path
        self._general = f"{general(path)}." if path else ""
        self._values = values
        self._notes = notes
        self._asked: set[str] = set()

    def at(self, name: str) -> str:
        """The JSON path of a field of this object."""
        return f"{self.path}.{name}" if self.path else name

    def finish(self) -> None:
        """Note the fields that nobody asked for. Called when the object has been read."""
        for name in self._values.keys() - self._asked:
            self._notes.unknown.add(general(self._general + cleaned(name, 60)))

    def raw(self, name: str) -> Any:
        """The untouched value, None when absent or null."""
        self._asked.add(name)
        return self._values.get(name)

    def _read(self, name: str, convert: Callable[[object], T | None]) -> T | None:
        raw = self.raw(name)
        if raw is None:
            self._notes.missing.add(self._general + name)
            return None
        value = convert(raw)
        (self._notes.misfit if value is None else self._notes.mapped).add(self._general + name)
        return value

    def _need(self, name: str, convert: Callable[[object], T | None], expected: str) -> T:
        value = self._read(name, convert)
        if value is None:
            raise Unreadable(path=self.at(name), expected=expected)
        return value

    def text(self, name: str, limit: int = LINE_CHARS) -> str:
        """Cleaned text, empty when absent."""
        return self._read(name, lambda raw: text_of(raw, limit)) or ""

    def need_text(self, name: str, limit: int = LINE_CHARS) -> str:
        """Cleaned text that is not empty."""
        return self._need(name, lambda raw: text_of(raw, limit) or None, "text")

    def integer(self, name: str, low: int = 0, high: int = LARGEST) -> int | None:
        """A whole number within bounds."""
        return self._read(name, lambda raw: _within(integer_of(raw), low, high))

    def need_integer(self, name: str, low: int = 0, high: int = LARGEST) -> int:
        """A whole number within bounds."""
        return self._need(name, lambda raw: _within(integer_of(raw), low, high), f"whole number {low} to {high}")

    def decimal(self, name: str, low: int = 0, high: int = LARGEST) -> Decimal | None:
        """A finite decimal within bounds."""
        return self._read(name, lambda raw: _within(decimal_of(raw), low, high))

    def need_decimal(self, name: str, low: int = 0, high: int = LARGEST) -> Decimal:
        """A finite decimal within bounds."""
        return self._need(name, lambda raw: _within(decimal_of(raw), low, high), f"number {low} to {high}")

    def known_flag(self, name: str) -> bool | None:
        """True or false; None when the upstream does not say."""
        return self._read(name, flag_of)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._read(name, flag_of)
        return default if value is None else value

    def need_flag(self, name: str) -> bool:
        """True or false."""
        return self._need(name, flag_of, "true or false")

    def moment(self, name: str) -> datetime | None:
        """A time in UTC."""
        return self._read(name, moment_of)

    def need_moment(self, name: str) -> datetime:
        """A time in UTC."""
        return self._need(name, moment_of, "ISO 8601 time")

    def url(self, name: str, *, relative: bool = False) -> str:
        """An http(s) URL, empty when absent or of another scheme."""
        return self._read(name, lambda raw: url_of(raw, relative=relative)) or ""

    def need_url(self, name: str, *, relative: bool = False) -> str:
        """An http(s) URL."""
        return self._need(name, lambda raw: url_of(raw, relative=relative), "http(s) URL")

    def child(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """An object inside this one; None when absent, or when something that it requires is not there (noted as skipped)."""
        raw = self._read(name, lambda value: value if isinstance(value, dict) else None)
        if raw is None:
            return None
        try:
            return self._inside(raw, self.at(name), read)
        except Unreadable as error:
            self._notes.skipped.append(error.path)
            return None

    def need_child(self, name: str, read: Callable[[Fields], T]) -> T:
        """An object inside this one."""
        raw = self._need(name, lambda value: value if isinstance(value, dict) else None, "object")
        return self._inside(raw, self.at(name), read)

    def items(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """The readable objects of a list; empty when the list is absent."""
        raw = self._read(name, lambda value: value if isinstance(value, list) else None)
        return () if raw is None else items_of(raw, self.at(name), self._notes, read, strict=False)

    def need_items(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """The readable objects of a list that must be there. Raises Unreadable when it has items and none can be read."""
        raw = self._need(name, lambda value: value if isinstance(value, list) else None, "list")
        return items_of(raw, self.at(name), self._notes, read, strict=True)

    def need_whole_items(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of which every object must be readable, because the rest alone would say something else."""
        raw = self._need(name, lambda value: value if isinstance(value, list) else None, "list")
        noted = len(self._notes.skipped)
        found = items_of(raw, self.at(name), self._notes, read, strict=False)
        if len(found) != len(raw):
            del self._notes.skipped[noted + 1 :]
            raise Unreadable(path=self._notes.skipped.pop() if len(self._notes.skipped) > noted else self.at(name))
        return found

    def whole_items(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...] | None:
        """An optional list that is read as a whole: None when it is absent, no list, or holds an unreadable object (noted as skipped)."""
        try:
            return self.strict_items(name, read)
        except Unreadable as error:
            self._notes.skipped.append(error.path)
            return None

    def strict_items(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...] | None:
        """An optional list, None when absent or no list. Raises Unreadable when it is there and one of its objects cannot be read."""
        return self.need_whole_items(name, read) if self._read(name, _list_of) is not None else None

    def is_null(self, name: str) -> bool:
        """Whether the field is there and null, which may be an answer in itself."""
        if name in self._values and self._values[name] is None:
            self._asked.add(name)
            return True
        return False

    def texts(self, name: str, limit: int = LINE_CHARS, most: int = 250) -> tuple[str, ...]:
        """A list of texts; a single text is split at its commas. What is no text is left out."""
        raw = self._read(name, lambda value: value if isinstance(value, (list, str)) else None)
        if raw is None:
            return ()
        parts = raw.split(",") if isinstance(raw, str) else raw[:most]
        return tuple(text for part in parts if (text := text_of(part, limit)))

    def _inside(self, raw: dict[str, Any], path: str, read: Callable[[Fields], T]) -> T:
        inner = Fields(raw, path, self._notes)
        value = read(inner)
        inner.finish()
        return value


def _list_of(value: object) -> list[Any] | None:
    return value if isinstance(value, list) else None


N = TypeVar("N", int, Decimal)


def _within(number: N | None, low: int, high: int) -> N | None:
    return number if number is not None and low <= number <= high else None


def items_of(raw: list[Any], path: str, notes: Notes, read: Callable[[Fields], T], *, strict: bool) -> tuple[T, ...]:
    """The readable objects of a list; what cannot be read is noted as skipped.

    ``strict``: raises the first item's Unreadable when there are items and none can be read.
    """
    found: list[T] = []
    first: Unreadable | None = None
    for index, each in enumerate(raw[:LIST_ITEMS]):
        place = f"{path}[{index}]"
        try:
            if not isinstance(each, dict):
                raise Unreadable(path=place, expected="object")
            inner = Fields(each, place, notes)
            found.append(read(inner))
            inner.finish()
        except Unreadable as error:
            first = first or error
            notes.skipped.append(error.path)
    if strict and first is not None and not found:
        raise Unreadable(path=first.path, expected=first.expected)
    return tuple(found)


def document(raw: object, notes: Notes) -> Fields:
    """The outermost object of an answer. Raises Unreadable at ``$`` for anything else."""
    if not isinstance(raw, dict):
        raise Unreadable(path="$", expected="object")
    return Fields(raw, "", notes)


def next_cursor(outer: Fields) -> str | None:
    """``pagination.next_cursor`` while ``pagination.has_next``; None ends the list, also when the cursor is none."""

    def read(pagination: Fields) -> str | None:
        more = pagination.flag("has_next", default=True)
        cursor = pagination.raw("next_cursor")
        good = isinstance(cursor, str) and 0 < len(cursor) <= CURSOR_CHARS and cursor.isascii() and cursor.isprintable()
        return cursor if more and good else None

    return outer.child("pagination", read)


def json_object(raw: object) -> dict[str, object]:
    """A merchant's own JSON object with cleaned strings, else empty. Numbers that no store can hold become text."""
    value = _plain(raw, 0)
    return value if isinstance(value, dict) else {}


def _plain(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _UNFIT.sub("", value[:TEXT_CHARS])
    if isinstance(value, dict):
        return {cleaned(str(key), ID_CHARS): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    return value
