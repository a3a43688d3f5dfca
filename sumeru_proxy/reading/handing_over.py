"""Stale copies that web processes leave to the worker to refresh: rows that all processes share.

Used where ``SUMERU_REFRESH`` is ``off`` on the web processes. A lost row costs nothing: the next stale answer requests the
refresh again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Sequence
from typing import Any, Final, NamedTuple

from django.utils import timezone

from sumeru_proxy.models import StaleCopy
from sumeru_proxy.reading.copies import Query

log = logging.getLogger(__name__)

TAKEN_AT_ONCE: Final = 100
_PUT_AT_ONCE: Final = 500


class Handed(NamedTuple):
    """A copy's key, its shop, the read that makes it, and how often it is asked for (per second)."""

    key: str
    shop_id: int
    query: Query
    rate: float


def text_of(query: Query) -> str:
    """A read as JSON. Raises TypeError for arguments that JSON does not know."""
    return json.dumps([query.method, query.arguments, query.topics, query.fresh_s])


def _hashable(value: Any) -> Hashable:
    found: Hashable = tuple(_hashable(each) for each in value) if isinstance(value, list) else value
    return found


def query_of(text: str) -> Query:
    """The read that ``text_of`` made the text of."""
    method, arguments, topics, fresh_s = json.loads(text)
    pairs = tuple((str(name), _hashable(value)) for name, value in arguments)
    return Query(method, pairs, tuple(topics), float(fresh_s))


def _row(handed: Handed) -> StaleCopy | None:
    try:
        text = text_of(handed.query)
    except TypeError:
        text = ""
    if not text or query_of(text).key(handed.shop_id) != handed.key:
        log.warning("shop %s: a stale copy of %s cannot be handed over", handed.shop_id, handed.query.method)
        return None
    return StaleCopy(
        shop_id=handed.shop_id, key=handed.key, query_text=text, rate=handed.rate, handed_at=timezone.now()
    )


def put(copies: Sequence[Handed]) -> None:
    """Leave these refreshes to the worker. Safe to repeat: a copy has one row. Raises django.db.Error."""
    rows = [row for row in map(_row, copies) if row is not None]
    StaleCopy.objects.bulk_create(
        rows,
        batch_size=_PUT_AT_ONCE,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["rate", "handed_at"],
    )


def take(most: int = TAKEN_AT_ONCE) -> list[Handed]:
    """The most requested of these refreshes, each given to one caller only. Raises django.db.Error."""
    found = []
    for row in StaleCopy.objects.order_by("-rate", "pk")[:most]:
        if StaleCopy.objects.filter(pk=row.pk).delete()[0]:
            found.append(Handed(row.key, row.shop_id, query_of(row.query_text), row.rate))
    return found
