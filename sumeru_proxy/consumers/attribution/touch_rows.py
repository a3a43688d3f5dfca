"""Touches in the database: each key once, its words as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sumeru_proxy.consumers.attribution import words
from sumeru_proxy.consumers.attribution.arrivals import ArrivedTouch, rank_of
from sumeru_proxy.consumers.attribution.models import Label, Touch


def store(shop_id: int, touches: Iterable[ArrivedTouch], person_by_key: Mapping[str, str]) -> dict[str, int]:
    """Store these touches as they are now, each key once; gives their numbers by key. Joins the caller's transaction."""
    by_key = {touch.key: touch for touch in touches}
    needed = {
        word
        for touch in by_key.values()
        for word in (
            (Label.Kind.CHANNEL.value, touch.channel),
            (Label.Kind.CAMPAIGN.value, touch.campaign),
            (Label.Kind.DEVICE.value, touch.device),
            (Label.Kind.LANDING.value, touch.landing),
        )
    }
    numbers = words.ids_of(shop_id, needed)
    rows = [
        Touch(
            shop_id=shop_id,
            key=key[:200],
            at_ms=touch.at_ms,
            rank=rank_of(key),
            channel=numbers[Label.Kind.CHANNEL, touch.channel],
            campaign=numbers[Label.Kind.CAMPAIGN, touch.campaign],
            device=numbers[Label.Kind.DEVICE, touch.device],
            landing=numbers[Label.Kind.LANDING, touch.landing],
            source=touch.source[:190],
            medium=touch.medium[:190],
            person=person_by_key.get(key, ""),
        )
        for key, touch in sorted(by_key.items())
    ]
    Touch.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["shop", "key"],
        update_fields=["at_ms", "channel", "campaign", "device", "landing", "source", "medium", "person"],
    )
    found: dict[str, int] = {}
    keys = sorted(by_key)
    for start in range(0, len(keys), 500):
        rows_found = Touch.objects.filter(shop_id=shop_id, key__in=[key[:200] for key in keys[start : start + 500]])
        found |= dict(rows_found.values_list("key", "pk"))
    return found
