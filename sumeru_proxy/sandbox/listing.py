"""Lists as the upstream serves them: opaque cursors over a stable order."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sumeru_proxy.sandbox.problems import Problem, invalid

DEFAULT_LIMIT = 20
LIMIT_LIMIT = 100

Item = dict[str, Any]
SortKey = Callable[[Item], Any]


def limit_of(query: Mapping[str, str]) -> int:
    """The page size asked for; 20 unless said, at most 100. Raises Problem otherwise."""
    text = query.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:6]) <= LIMIT_LIMIT:
        raise invalid("limit", f"must be a whole number from 1 to {LIMIT_LIMIT}")
    return int(text)


def in_order(items: Iterable[Item], key: SortKey, descending: bool) -> list[Item]:
    """The items by ``key``, ties by id."""
    sorted_items = sorted(items, key=lambda item: str(item["id"]))
    sorted_items.sort(key=key, reverse=descending)
    return sorted_items


def page_of(
    items: list[Item], key: SortKey, descending: bool, limit: int, cursor: str, binding: str
) -> tuple[list[Item], dict[str, Any]]:
    """One page of a list that ``in_order`` made, and its ``pagination`` object.

    A cursor holds the last item's place, not an offset, so that new items do not shift later pages. It is bound to
    ``binding`` (the other parameters). Raises Problem for a cursor that is damaged or belongs to another list.
    """
    start = 0
    if cursor:
        last_key, last_id = read_cursor(cursor, binding)
        start = len(items)
        for position, item in enumerate(items):
            try:
                place = key(item)
                beyond = place < last_key if descending else place > last_key
                if beyond or (place == last_key and str(item["id"]) > last_id):
                    start = position
                    break
            except TypeError:
                raise _bad_cursor() from None
    page_items = items[start : start + limit]
    has_next = start + limit < len(items)
    next_cursor = make_cursor(key(page_items[-1]), str(page_items[-1]["id"]), binding) if has_next else None
    return page_items, {"next_cursor": next_cursor, "has_next": has_next}


def _bad_cursor() -> Problem:
    return invalid("cursor", "is not a cursor of this list")


def _checksum(payload: bytes, binding: str) -> str:
    return hashlib.sha256(payload + b"|" + binding.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def make_cursor(key: Any, item_id: str, binding: str) -> str:
    """The cursor that leads on from an item, bound to its list."""
    payload = json.dumps([key, item_id]).encode()
    return base64.urlsafe_b64encode(_checksum(payload, binding).encode() + payload).decode().rstrip("=")


def read_cursor(cursor: str, binding: str) -> tuple[Any, str]:
    """What ``make_cursor`` put in: sort key and id. Raises Problem for a cursor that is damaged or of another list."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        checksum, payload = raw[:16], raw[16:]
        if checksum.decode() != _checksum(payload, binding):
            raise _bad_cursor()
        key, item_id = json.loads(payload)
    except (ValueError, TypeError):
        raise _bad_cursor() from None
    return key, str(item_id)
