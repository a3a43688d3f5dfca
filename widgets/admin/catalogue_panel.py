"""How far a shop's catalogue index is, in words for its connection page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sumeru_proxy.catalogue_rows import CatalogueWalk
from sumeru_proxy.reading import catalogue
from sumeru_proxy.reading.catalogue_walk import LONGEST_PAUSE_S


@dataclass(frozen=True, slots=True)
class WalkProgress:
    """``state`` is ``ok``, ``waiting``, ``failing`` or ``unused``; ``completed`` and ``next`` are times or None."""

    state: str
    word: str
    known: str
    reading: str
    completed: datetime | None
    next: datetime | None
    problem: str


def progress(shop_id: int, now: float | None = None) -> WalkProgress:
    """Where the walk of this shop stands. Two queries at most."""
    now = time.time() if now is None else now
    walk = CatalogueWalk.objects.filter(shop_id=shop_id).first()
    if walk is None:
        return WalkProgress("unused", _("not begun"), "", "", None, None, "")
    complete = bool(walk.completed_products) and now - walk.completed_at < catalogue.KEEP_S
    reading = ""
    if walk.cursor or not walk.completed_at:
        reading = ngettext(
            "%d product read in this pass so far.", "%d products read in this pass so far.", walk.products
        )
        reading %= walk.products
        if complete:
            reading += " " + _("The last one had %d.") % walk.completed_products
    state, word = ("ok", _("complete")) if complete else ("waiting", _("being read"))
    if walk.failures:
        state, word = "failing", _("cannot be read")
    elif walk.completed_at and not walk.completed_products:
        state, word = "unused", _("Sumeru’s product feed is empty")
    known = ngettext("%d product", "%d products", walk.completed_products) % walk.completed_products if complete else ""
    soon = walk.next_at if now < walk.next_at <= now + 100 * LONGEST_PAUSE_S else 0.0
    return WalkProgress(state, word, known, reading, _time(walk.completed_at), _time(soon), walk.error)


def _time(at: float) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None
