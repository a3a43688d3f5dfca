"""Words stored once: from texts to the numbers that touches hold, and back. 0 is no word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import Count

from sumeru_proxy.consumers.attribution.models import Label

OTHER: Final = "(other)"
CHARS: Final = 190
WORD_LIMITS: Final[Mapping[str, int]] = {
    Label.Kind.CHANNEL: 200,
    Label.Kind.CAMPAIGN: 5_000,
    Label.Kind.DEVICE: 50,
    Label.Kind.LANDING: 5_000,
    Label.Kind.PATH: 20_000,
}
"""Words a shop may have of each kind; what comes beyond is ``(other)``, so that strangers' input cannot grow the tables."""

Word = tuple[str, str]


def ids_of(shop_id: int, words: Collection[Word]) -> dict[Word, int]:
    """The numbers of these (kind, text) pairs, made where they are missing. Empty texts have 0. Joins the caller's transaction."""
    cut = {(kind, text): (kind, text.replace("\x00", "")[:CHARS].strip()) for kind, text in words}
    needed = {word for word in cut.values() if word[1]}
    found = _existing(shop_id, needed)
    missing = sorted(needed - found.keys())
    if missing:
        counts = dict(Label.objects.filter(shop_id=shop_id).values_list("kind").annotate(Count("pk")))
        created: list[Word] = []
        for kind, text in missing:
            counts[kind] = counts.get(kind, 0) + 1
            created.append((kind, text if counts[kind] <= WORD_LIMITS[kind] else OTHER))
        Label.objects.bulk_create(
            [Label(shop_id=shop_id, kind=kind, text=text) for kind, text in sorted(set(created))], ignore_conflicts=True
        )
        again = _existing(shop_id, {*created, *missing})
        found |= {word: again.get(word) or again[instead] for word, instead in zip(missing, created, strict=True)}
    return {word: found.get(short, 0) for word, short in cut.items()}


def _existing(shop_id: int, words: Collection[Word]) -> dict[Word, int]:
    found: dict[Word, int] = {}
    texts = sorted({text for _kind, text in words})
    for start in range(0, len(texts), 500):
        # The same text may be a word of several kinds: a few rows more, and one question instead of five.
        rows = Label.objects.filter(shop_id=shop_id, text__in=texts[start : start + 500])
        found |= {(kind, text): pk for pk, kind, text in rows.values_list("pk", "kind", "text")}
    return {word: found[word] for word in words if word in found}


def texts_of(shop_id: int, *, paths: bool = False) -> dict[int, str]:
    """All words of a shop by number, 0 included; those of journeys only when they are needed."""
    rows = Label.objects.filter(shop_id=shop_id)
    if not paths:
        rows = rows.exclude(kind=Label.Kind.PATH)
    return {0: "", **dict(rows.values_list("pk", "text"))}
