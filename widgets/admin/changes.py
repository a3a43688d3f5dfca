"""What follows from an operator's change: the shop's finished answers become stale, in the change's own transaction."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop, new_shop_key
from sumeru_proxy.reading import stamps
from widgets.http import shops
from widgets.models import Placement

SETTINGS_TOPIC = "shop"
"""Every finished answer depends on it."""


def settings_changed(shop_id: int) -> None:
    """Make the shop's finished answers stale: settings, look, placements or origins are about to be other ones.

    Joins the caller's transaction; this process forgets its own memory of shops once that is committed. May be repeated.
    """
    stamps.invalidate(shop_id, [SETTINGS_TOPIC])
    transaction.on_commit(shops.forget)


def everything_stale(shop: Shop) -> None:
    """Make every copy of the shop's data stale. Copies stay shown until they are refreshed. May be repeated."""
    stamps.invalidate(shop.pk, [SETTINGS_TOPIC, stamps.EVERYTHING])


def new_key(shop: Shop) -> str:
    """Give the shop another public key; pages with the old one stop working at once. Returns the new key."""
    with transaction.atomic():
        shop.key = new_shop_key()
        shop.save(update_fields=["key", "updated_at"])
        stamps.invalidate(shop.pk, [SETTINGS_TOPIC], hard=True)
        transaction.on_commit(shops.forget)
    return shop.key


def seal_again(shop_ids: list[int]) -> int:
    """Encrypt these shops' stored credentials with the newest key; gives how many. Raises secrets.CredentialUnusable on a lost key."""
    with transaction.atomic():
        return secrets.rotate(Credential.objects.filter(shop_id__in=shop_ids))


def delete_with_settings(placements: QuerySet[Placement]) -> None:
    """Delete these placements and make their shops' finished answers stale, in one transaction."""
    with transaction.atomic():
        shop_ids = sorted(set(placements.values_list("shop_id", flat=True)))
        placements.delete()
        for shop_id in shop_ids:
            settings_changed(shop_id)
