"""Invalidation without deleting: counters per shop and topic.

A copy remembers the stamps under which it was made. Raising a stamp makes those copies *stale*, not gone, so they can
still be shown while Sumeru is down; ``hard=True`` also forbids showing them. Because stamps are read *before* a fetch begins, a change
that lands during the fetch is not lost.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import NamedTuple

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from sumeru_proxy.memory import Memory
from sumeru_proxy.models import Stamp

RECHECK_S = 1.0
_TOPIC_CHARS = 120
EVERYTHING = "everything"
"""A topic of every copy of a shop."""
_TOPICS_LIMIT = 50_000


class Value(NamedTuple):
    """``soft`` counts every invalidation of a topic; ``hard`` is the count at the last hard one."""

    soft: int
    hard: int


_NONE = Value(0, 0)
_memory: Memory[tuple[int, str], Value] = Memory(_TOPICS_LIMIT, RECHECK_S)


def topic_of(text: str) -> str:
    """A topic as it is stored: the text, with a digest in the place of its end where a long id makes it longer than a row holds."""
    if len(text) <= _TOPIC_CHARS:
        return text
    return f"{text[:80]}…{hashlib.blake2b(text.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def current(shop_id: int, topics: Iterable[str], *, clock: float | None = None) -> dict[str, Value]:
    """The stamps of these topics, at most RECHECK_S seconds old. One query at most; never raises.

    When the database does not answer, the last known values are given: shoppers keep seeing copies.
    """
    now = time.monotonic() if clock is None else clock
    found: dict[str, Value] = {}
    unknown: list[str] = []
    for topic in topics:
        if entry := _memory.fresh((shop_id, topic), now):
            found[topic] = entry.value
        else:
            unknown.append(topic)
    if unknown:
        try:
            rows = Stamp.objects.filter(shop_id=shop_id, topic__in=unknown).values_list("topic", "value", "hard_value")
            stored = {topic: Value(value, hard) for topic, value, hard in rows}
        except DatabaseError:
            stored = {topic: entry.value for topic in unknown if (entry := _memory.last((shop_id, topic)))}
        for topic in unknown:
            found[topic] = stored.get(topic, _NONE)
            _memory.set((shop_id, topic), found[topic], now)
    return found


def version(shop_id: int) -> int:
    """A number that grows with every invalidation of any topic of the shop. One query; raises DatabaseError.

    Two equal answers mean that no stamp of the shop changed in between: values only grow, and rows are not taken away.
    """
    return int(Stamp.objects.filter(shop_id=shop_id).aggregate(total=Sum("value"))["total"] or 0)


def every(shop_id: int) -> dict[str, Value]:
    """All stamps of the shop as the database has them now; a topic without one was never invalidated. Raises DatabaseError."""
    rows = Stamp.objects.filter(shop_id=shop_id).values_list("topic", "value", "hard_value")
    return {topic: Value(value, hard) for topic, value, hard in rows.iterator()}


def invalidate(shop_id: int, topics: Iterable[str], *, hard: bool = False) -> None:
    """Make every copy about these topics stale (``hard``: unusable). Joins the caller's transaction; may be repeated."""
    for topic in sorted({topic_of(each) for each in topics}):
        changes: dict[str, object] = {"value": F("value") + 1, "changed_at": Now()}
        if hard:
            changes["hard_value"] = F("value") + 1
        if not Stamp.objects.filter(shop_id=shop_id, topic=topic).update(**changes):
            try:
                with transaction.atomic():
                    Stamp.objects.create(shop_id=shop_id, topic=topic, value=1, hard_value=1 if hard else 0)
            except IntegrityError:  # another process made the row in between
                Stamp.objects.filter(shop_id=shop_id, topic=topic).update(**changes)
        _memory.discard((shop_id, topic))


def forget() -> None:
    """Drop this process's memory of stamps, so that the next ``current()`` asks the database."""
    _memory.forget()
