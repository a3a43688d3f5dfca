"""The tolerant reader: typed access to decoded JSON, with notes of what was and was not there.

Unknown fields are ignored, a missing or unusable *optional* field is its default, a missing or unusable *required* field raises
``Unreadable`` naming the JSON path. In a list an unreadable item is left out and noted; when no item of a non-empty list
can be read, the list itself is unreadable (an empty list must never be mistaken for an answer). What a value is, is said in ``values``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from sumeru_proxy.client.codes import country_code, currency_code
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.values import (
    CURSOR_CHARS,
    ID_CHARS,
    LARGEST,
    LINE_CHARS,
    cleaned,
    decimal_of,
    flag_of,
    integer_of,
    moment_of,
    one_of,
    text_of,
    url_of,
    within,
    word_of,
)

T = TypeVar("T")
LIST_ITEMS: Final = 1_000
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Notes:
    """What a reader met, for the probe: JSON paths with ``[]`` for any index."""

    mapped: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    misfit: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)
    withheld: set[str] = field(default_factory=set)
    """What is not shown because it was not given, or not so that it could be read."""

    @property
    def hold_something(self) -> bool:
        """Whether anything below the answer's outermost objects was read: an empty list says nothing about the shape of its items."""
        return any("." in path and not path.startswith("pagination.") for path in self.mapped)


def general(path: str) -> str:
    """A JSON path without its indices: ``data.reviews[].rating``."""
    return _INDEX.sub("[]", path)


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
        """Cleaned prose, empty when absent."""
        return self._read(name, lambda raw: text_of(raw, limit)) or ""

    def need_text(self, name: str, limit: int = LINE_CHARS) -> str:
        """Cleaned prose that is not empty."""
        return self._need(name, lambda raw: text_of(raw, limit) or None, "text")

    def word(self, name: str, limit: int = ID_CHARS) -> str:
        """An id, a code or an address, whole; empty when absent or when it is none (see ``word_of``)."""
        return self._read(name, lambda raw: word_of(raw, limit)) or ""

    def need_word(self, name: str, limit: int = ID_CHARS) -> str:
        """An id or a code, whole."""
        return self._need(name, lambda raw: word_of(raw, limit) or None, f"text of 1 to {limit} characters")

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of the allowed words, in lower case; ``default`` when absent or another word (noted)."""
        return self._read(name, lambda raw: one_of(raw, allowed)) or default

    def need_choice(self, name: str, allowed: Collection[str]) -> str:
        """One of the allowed words, in lower case."""
        return self._need(name, lambda raw: one_of(raw, allowed), " or ".join(sorted(allowed)))

    def currency(self, name: str) -> str:
        """An ISO 4217 code; empty when absent or none."""
        return self._read(name, currency_code) or ""

    def need_currency(self, name: str) -> str:
        """An ISO 4217 code."""
        return self._need(name, currency_code, "ISO 4217 code")

    def country(self, name: str) -> str:
        """An ISO 3166-1 alpha-2 code, of alpha-2 or alpha-3; empty when absent or none."""
        return self._read(name, country_code) or ""

    def integer(self, name: str, low: int = 0, high: int = LARGEST) -> int | None:
        """A whole number within bounds."""
        return self._read(name, lambda raw: within(integer_of(raw), low, high))

    def need_integer(self, name: str, low: int = 0, high: int = LARGEST) -> int:
        """A whole number within bounds."""
        return self._need(name, lambda raw: within(integer_of(raw), low, high), f"whole number {low} to {high}")

    def decimal(self, name: str, low: int = 0, high: int = LARGEST) -> Decimal | None:
        """A finite decimal within bounds."""
        return self._read(name, lambda raw: within(decimal_of(raw), low, high))

    def need_decimal(self, name: str, low: int = 0, high: int = LARGEST) -> Decimal:
        """A finite decimal within bounds."""
        return self._need(name, lambda raw: within(decimal_of(raw), low, high), f"number {low} to {high}")

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

    def url(self, name: str) -> str:
        """An http(s) URL, or one relative to the storefront; empty when absent or of another scheme."""
        return self._read(name, url_of) or ""

    def need_url(self, name: str) -> str:
        """An http(s) URL, or one relative to the storefront."""
        return self._need(name, url_of, "http(s) URL")

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

    def withhold(self, name: str) -> None:
        """Note that this number is not shown."""
        self._notes.withheld.add(self._general + name)

    def is_null(self, name: str) -> bool:
        """Whether the field is there and null, which may be an answer in itself."""
        if name in self._values and self._values[name] is None:
            self._asked.add(name)
            return True
        return False

    def words(self, name: str, limit: int = ID_CHARS, most: int = 250) -> tuple[str, ...]:
        """A list of words; a single text is split at its commas. What is no word, and what is more than ``most``, is left out."""
        raw = self._read(name, lambda value: value if isinstance(value, (list, str)) else None)
        if raw is None:
            return ()
        parts = raw.split(",") if isinstance(raw, str) else raw
        if len(parts) > most:
            self._notes.skipped.append(f"{self.at(name)}[{most}]")
        return tuple(word for part in parts[:most] if (word := word_of(part, limit)))

    def _inside(self, raw: dict[str, Any], path: str, read: Callable[[Fields], T]) -> T:
        inner = Fields(raw, path, self._notes)
        value = read(inner)
        inner.finish()
        return value


def _list_of(value: object) -> list[Any] | None:
    return value if isinstance(value, list) else None


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
    if len(raw) > LIST_ITEMS:  # more than any page holds: what is not read is said
        notes.skipped.append(f"{path}[{LIST_ITEMS}]")
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
