"""Copies from before a person was erased: nothing that may name them is shown from one, and the copy itself is read again first.

Which reviews are theirs is not known here: they carry a name, no id. So the copies of a shop become stale, not unusable; reviews whose
author or text may name the person are hidden one by one, until the copy has been read again; and what was not read again DEADLINE_S after
the erasure is not shown at all. The names are kept as keyed hashes only, until then.
"""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F

from sumeru_proxy.client.shapes import ReferralCheck, Review, ReviewPage
from sumeru_proxy.memory import Memory
from sumeru_proxy.models import Erasure, Stamp
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.copies import Copy, Query

PEOPLE: Final = "people"
"""The topic of every copy that may name people."""
DEADLINE_S: Final = 6 * 3600.0
EDGE_S: Final = 300.0
"""Sumeru's own edge may give an answer from before the erasure for so long after it."""
_TOPIC_CHARS: Final = 120
_WORDS_MOST: Final = 6
_TEXT_ID_CHARS: Final = 5
_WORD = re.compile(r"\w+")


class Marks(NamedTuple):
    """Hashes of what names somebody: as an author, as the first word of an author, and as words in a text (with their number)."""

    authors: frozenset[str]
    firsts: frozenset[str]
    texts: frozenset[str]
    lengths: frozenset[int]


class Erased(NamedTuple):
    """One erasure: the number of the topic's stamp with which it began, when (Unix seconds), and the person's marks."""

    number: int
    at: float
    marks: Marks


_memory: Memory[int, tuple[Erased, ...]] = Memory(5_000, stamps.RECHECK_S)
_hidden: Memory[tuple[str, float, int], frozenset[str]] = Memory(2_000, DEADLINE_S)


def words_of(text: str) -> list[str]:
    """The words of a text, without case, accents' form and punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _hash(words: Iterable[str]) -> str:
    text = " ".join(words).encode("utf-8", "surrogatepass")
    key = settings.SECRET_KEY.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(text, key=key, person=b"erasures", digest_size=8).hexdigest()


def marks_of(ids: Iterable[str], emails: Iterable[str], names: Iterable[str]) -> Marks:
    """What to look for. A name is also looked for by its parts, and as shops shorten it ("Ada L."); an address by what precedes its @."""
    authors, firsts, texts = set[str](), set[str](), set[tuple[str, ...]]()
    emails = list(emails)
    for name in (*names, *(email.partition("@")[0].partition("+")[0] for email in emails)):
        words = words_of(name)[:_WORDS_MOST]
        words = [part for word in words for part in word.split("_") if part]
        authors |= {_hash(form) for form in _forms(words)}
        if len(words) == 1:
            firsts.add(_hash(words))
        elif words:
            texts.add(tuple(words))
    for email in emails:
        authors.add(_hash(words_of(email)))
        texts.add(tuple(words_of(email)))
    texts |= {tuple(words_of(each)) for each in ids if len(each) >= _TEXT_ID_CHARS}
    texts = {words for words in texts if words}
    return Marks(
        frozenset(authors),
        frozenset(firsts),
        frozenset(_hash(words) for words in texts),
        frozenset(len(words) for words in texts),
    )


def _forms(words: list[str]) -> Iterator[list[str]]:
    if not words:
        return
    first, last = words[0], words[-1]
    yield from (words, [first], [last], [first, last], [last, first])
    yield from ([first, last[0]], [first[0], last], [first[0], last[0]], [word[0] for word in words])


def _as_json(marks: Marks) -> dict[str, list[Any]]:
    return {name: sorted(value) for name, value in marks._asdict().items()}


def _of_json(value: Mapping[str, Any]) -> Marks:
    return Marks(*(frozenset(value.get(name, ())) for name in Marks._fields))


def begin(shop_id: int, ids: Iterable[str], emails: Iterable[str], names: Iterable[str]) -> None:
    """From now on copies of the shop that may name people are sifted for this person and read again first. What is about one of the
    ids alone is not shown any more. Joins the caller's transaction; may be repeated.
    """
    ids, emails = list(ids), list(emails)
    with transaction.atomic():
        stamps.invalidate(shop_id, [PEOPLE, "customers"])
        own = [topic for each in ids if len(topic := f"customer:{each}") <= _TOPIC_CHARS]
        stamps.invalidate(shop_id, own, hard=True)
        number = Stamp.objects.get(shop_id=shop_id, topic=PEOPLE).value
        Erasure.objects.create(shop_id=shop_id, number=number, marks=_as_json(marks_of(ids, emails, names)))
    _memory.discard(shop_id)


def current(shop_id: int) -> tuple[Erased, ...] | None:
    """The shop's erasures that are not over, at most a second old; None when they are not known."""
    if entry := _memory.fresh(shop_id):
        return entry.value
    try:
        rows = Erasure.objects.filter(shop_id=shop_id).order_by("number")
        found = tuple(Erased(row.number, row.erased_at.timestamp(), _of_json(row.marks)) for row in rows)
    except DatabaseError:
        last = _memory.last(shop_id)
        return last.value if last is not None else None
    _memory.set(shop_id, found)
    return found


def settle(now: datetime, *, dry_run: bool = False) -> int:
    """Forget erasures whose deadline is over: what is older stays unusable by its stamp. Gives how many; may be repeated."""
    over = Erasure.objects.filter(erased_at__lt=datetime.fromtimestamp(now.timestamp() - DEADLINE_S, UTC))
    rows = list(over.order_by("number"))
    for row in rows if not dry_run else ():
        with transaction.atomic():
            Stamp.objects.filter(shop_id=row.shop_id, topic=PEOPLE, hard_value__lt=row.number).update(
                hard_value=row.number, value=F("value")
            )
            row.delete()
    return len(rows)


def number_of(known: Mapping[str, stamps.Value]) -> int:
    """The number of the last erasure, among stamps."""
    return known[PEOPLE].soft if PEOPLE in known else 0


def is_behind(query: Query, copy: Copy, known: Mapping[str, stamps.Value]) -> bool:
    """Whether the copy may name people and was made before the last erasure."""
    return PEOPLE in query.topics and dict(copy.made_under).get(PEOPLE, 0) < number_of(known)


def judged(shop_id: int, query: Query, copy: Copy, state: str, known: Mapping[str, stamps.Value]) -> tuple[Copy, str]:
    """The copy as it may be shown, and in which state: without what may name somebody who was erased after it was made."""
    if state == "withdrawn" or PEOPLE not in query.topics or not number_of(known):
        return copy, state
    made = dict(copy.made_under).get(PEOPLE, 0)
    behind = made < number_of(known)
    erased = current(shop_id)
    if made < known[PEOPLE].hard or (erased is None and behind):
        return copy, "withdrawn"
    now = time.time()
    meant = [each for each in erased or () if made < each.number or copy.fetched_at < each.at + EDGE_S]
    if any(made < each.number and now - each.at > DEADLINE_S for each in meant):
        return copy, "withdrawn"
    state = "stale" if behind else state
    for each in meant:
        value = _sifted(query.key(shop_id), copy, each)
        if value is None and copy.value is not None:
            return copy, "withdrawn"
        copy = replace(copy, value=value) if value is not copy.value else copy
    return copy, state


def _sifted(key: str, copy: Copy, erased: Erased) -> Any:
    value = copy.value
    if isinstance(value, ReviewPage):
        name = (key, copy.fetched_at, erased.number)
        entry = _hidden.fresh(name)
        hidden = entry.value if entry else frozenset(each.id for each in value.reviews if _may_name(each, erased.marks))
        _hidden.set(name, hidden)
        return (
            replace(value, reviews=tuple(each for each in value.reviews if each.id not in hidden)) if hidden else value
        )
    if isinstance(value, ReferralCheck) and _is_author(value.referrer_name, erased.marks):
        return None
    return value


def _is_author(name: str, marks: Marks) -> bool:
    words = words_of(name)
    return bool(words) and (_hash(words) in marks.authors or _hash(words[:1]) in marks.firsts)


def _may_name(review: Review, marks: Marks) -> bool:
    texts = (review.author.name, review.title, review.body, review.reply.body if review.reply else "")
    return _is_author(review.author.name, marks) or any(_speaks(text, marks) for text in texts)


def _speaks(text: str, marks: Marks) -> bool:
    words = words_of(text)
    return any(
        _hash(words[start : start + length]) in marks.texts
        for length in marks.lengths
        for start in range(len(words) - length + 1)
    )
