"""Things by id for lists of any length: kept as compressed JSON, sorted by whatever field was asked for before.

A page costs what the page holds, not what the list holds: its place is found by bisection, and its JSON is joined, not made.
The first call that sorts or filters by a field sorts all items by it once; changes keep that order up. In memory only.
"""

from __future__ import annotations

import json
import math
import zlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sumeru_proxy.sandbox.clock import iso, seconds_of
from sumeru_proxy.sandbox.wire import encode

Item = dict[str, Any]
FEW: Final = 2_000
"""So many candidates are sorted for a page; more are found by walking the sorted list until the page is full."""

COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
}


def value_at(item: Item, path: str) -> Any:
    """A field by its dotted path; None when it is not there."""
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter: ``comparison`` is gt, gte, lt, lte, or empty for equality (several values by comma)."""

    path: str
    comparison: str
    text: str

    @classmethod
    def of(cls, path: str, comparison: str, text: str) -> Condition:
        """As asked for; a time is brought to whole seconds of UTC, which is how the sandbox writes times."""
        if comparison and path.endswith("_at"):
            try:
                seconds = seconds_of(text)
                text = iso(math.ceil(seconds) if comparison in ("gte", "lt") else math.floor(seconds))
            except (ValueError, OverflowError, OSError):
                pass
        return cls(path, comparison, text)

    def holds(self, have: Any) -> bool:
        """Whether a value passes. Amounts compare as numbers, everything else as text; nothing compares with null."""
        if self.comparison:
            return have is not None and _holds(self.comparison, str(have), self.text)
        if isinstance(have, list):
            return self.text in have
        if isinstance(have, bool):
            return self.text == str(have).lower()
        return have is not None and str(have) in self.text.split(",")


def _holds(comparison: str, have: str, want: str) -> bool:
    try:
        return COMPARISONS[comparison](Decimal(have), Decimal(want))
    except InvalidOperation:
        return COMPARISONS[comparison](have, want)


def sort_key(value: Any) -> str:
    """What a field sorts by."""
    return "" if value is None else str(value)


class Ordering:
    """Ids by a text. Both directions have ids of the same text ascending."""

    def __init__(self, values: Iterable[tuple[str, Any]]) -> None:
        self.ids: dict[str, list[str]] = {}
        for item_id, value in values:
            self.ids.setdefault(sort_key(value), []).append(item_id)
        for same in self.ids.values():
            same.sort()
        self.keys = sorted(self.ids)

    def add(self, item_id: str, value: Any) -> None:
        """Takes in an id that is not there."""
        key = sort_key(value)
        if key not in self.ids:
            insort(self.keys, key)
        insort(self.ids.setdefault(key, []), item_id)

    def remove(self, item_id: str, value: Any) -> None:
        """Lets go of an id that is there."""
        key = sort_key(value)
        self.ids[key].remove(item_id)
        if not self.ids[key]:
            del self.ids[key]
            del self.keys[bisect_left(self.keys, key)]

    def bounds(self, conditions: Iterable[Condition]) -> tuple[int, int]:
        """The slice of ``keys`` that the comparisons leave (by text; right for what ``exact`` says is so)."""
        low, high = 0, len(self.keys)
        for condition in conditions:
            if condition.comparison in ("gt", "gte"):
                cut = bisect_left if condition.comparison == "gte" else bisect_right
                # Null sorts as the empty text, and nothing compares with it.
                low = max(low, cut(self.keys, condition.text), bisect_right(self.keys, ""))
            elif condition.comparison:
                cut = bisect_right if condition.comparison == "lte" else bisect_left
                high = min(high, cut(self.keys, condition.text))
                low = max(low, bisect_right(self.keys, ""))
        return low, max(low, high)

    def walk(self, low: int, high: int, descending: bool, after: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
        """Key and id of everything in the slice beyond ``after``."""
        keys = self.keys
        if after is None:
            places: Iterable[int] = range(high - 1, low - 1, -1) if descending else range(low, high)
        elif descending:
            places = range(min(high, bisect_right(keys, after[0])) - 1, low - 1, -1)
        else:
            places = range(max(low, bisect_left(keys, after[0])), high)
        for place in places:
            key = keys[place]
            for item_id in self.ids[key]:
                if after is None or key != after[0] or item_id > after[1]:
                    yield key, item_id


def is_exact(path: str) -> bool:
    """Whether comparing a field as text is comparing it: for times and ids, not for amounts."""
    return path.endswith(("_at", "_id", ".id")) or path == "id"


class Shelf(MutableMapping[str, Item]):
    """Items by id; reading one gives a fresh object. ``columns`` are text fields that lists are sorted and filtered by most.

    Not thread-safe: the world's lock is held by whoever uses it.
    """

    def __init__(self, items: Iterable[Item] = (), columns: Iterable[str] = ("id", "created_at")) -> None:
        self._packed: dict[str, bytes] = {}
        self._sample = b""
        self._columns: dict[str, dict[str, Any]] = {path: {} for path in columns}
        self._declared = frozenset(self._columns)
        self._orderings: dict[str, Ordering] = {}
        self.names: set[str] = set()
        """Top-level fields that any item ever had."""
        for item in items:
            self[item["id"]] = item

    def __getitem__(self, item_id: str) -> Item:
        item: Item = json.loads(self.raw(item_id))
        return item

    def __setitem__(self, item_id: str, item: Item) -> None:
        self._forget(item_id)
        raw = encode(item)
        # The first item is the dictionary that all others are packed with: they have the same names.
        self._sample = self._sample or raw[:4_096]
        packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, self._sample)
        self._packed[item_id] = packer.compress(raw) + packer.flush()
        self.names.update(item)
        for path, column in self._columns.items():
            column[item_id] = value_at(item, path)
        for path, ordering in self._orderings.items():
            ordering.add(item_id, self._columns[path][item_id])

    def __delitem__(self, item_id: str) -> None:
        self._forget(item_id)
        del self._packed[item_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._packed

    def _forget(self, item_id: str) -> None:
        for path, ordering in self._orderings.items():
            if item_id in self._columns[path]:
                ordering.remove(item_id, self._columns[path][item_id])
        for column in self._columns.values():
            column.pop(item_id, None)

    def raw(self, item_id: str) -> bytes:
        """An item's JSON. Raises KeyError."""
        return zlib.decompressobj(-15, self._sample).decompress(self._packed[item_id])

    def knows(self, path: str) -> bool:
        """Whether any item has this field. An empty list knows every field: nothing can be said against it."""
        return not self._packed or path.split(".")[0] in self.names

    def column(self, path: str) -> dict[str, Any]:
        """A field of every item."""
        column = self._columns.get(path)
        if column is None:
            column = self._columns[path] = {item_id: value_at(self[item_id], path) for item_id in self._packed}
        return column

    def ordering(self, path: str) -> Ordering:
        """All ids by a field."""
        ordering = self._orderings.get(path)
        if ordering is None:
            ordering = self._orderings[path] = Ordering(self.column(path).items())
        return ordering

    def sort(self) -> None:
        """Sorts by every declared column now rather than at its first use."""
        for path in self._declared:
            self.ordering(path)

    def ids_with(self, path: str, value: str) -> list[str]:
        """The ids of the items whose field has this very value."""
        return list(self.ordering(path).ids.get(value, ()))

    def page_of(
        self, sort: str, descending: bool, limit: int, after: tuple[str, str] | None, conditions: list[Condition]
    ) -> tuple[list[tuple[str, str]], bool]:
        """Sort key and id of at most ``limit`` items beyond ``after``, and whether more follow."""
        ordering = self.ordering(sort)
        own = [each for each in conditions if each.path == sort and each.comparison and is_exact(sort)]
        others = [(self.column(each.path), each) for each in conditions if each not in own]
        keys_and_ids: list[tuple[str, str]] = []
        candidates = self._candidates([each for _column, each in others])
        if candidates is not None:
            few = Ordering((item_id, self.column(sort)[item_id]) for item_id in candidates)
            steps = few.walk(*few.bounds(own), descending, after)
        else:
            steps = ordering.walk(*ordering.bounds(own), descending, after)
        for key, item_id in steps:
            if all(each.holds(column[item_id]) for column, each in others):
                keys_and_ids.append((key, item_id))
                if len(keys_and_ids) > limit:
                    break
        return keys_and_ids[:limit], len(keys_and_ids) > limit

    def _candidates(self, conditions: list[Condition]) -> list[str] | None:
        """Few ids among which everything is that passes one of the conditions; None when no condition leaves few."""
        for condition in conditions:
            if not condition.comparison and condition.path == "id":
                return [item_id for item_id in dict.fromkeys(condition.text.split(",")) if item_id in self._packed]
            if not is_exact(condition.path) and (condition.comparison or condition.path not in self._declared):
                continue
            ordering = self.ordering(condition.path)
            if condition.comparison:
                low, high = ordering.bounds([condition])
                if high - low > FEW:
                    continue
                ids = ordering.keys[low:high]
            else:
                ids = list(dict.fromkeys(condition.text.split(",")))
            if sum(len(ordering.ids.get(key, ())) for key in ids) <= FEW:
                return [item_id for key in ids for item_id in ordering.ids.get(key, ())]
        return None
