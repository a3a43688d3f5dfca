"""What follows from an operator's change."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.reading import stamps
from sumeru_proxy.shop_rules import new_shop_key
from widgets.http import shops
from widgets.models import Placement


def settings_changed() -> None:
    """Settings, look, placements or origins of a shop are about to be other ones: this process forgets them once that is committed.

    Every process compares a shop's rows with those that its finished answers were made under, at most a second later. May be repeated.
    """
    transaction.on_commit(shops.forget)


def everything_stale(shop: Shop) -> None:
    """Make every copy of the shop's data stale. Copies are served until they are refreshed. Safe to repeat."""
    stamps.invalidate(shop.pk, [stamps.EVERYTHING])


def new_key(shop: Shop) -> str:
    """Give the shop another public key, and return it. Pages with the old key show no widgets from then on."""
    with transaction.atomic():
        shop.key = new_shop_key()
        shop.save(update_fields=["key", "updated_at"])
        settings_changed()
    return shop.key


def seal_again(shop_ids: list[int]) -> int:
    """Encrypt these shops' stored credentials with the newest key; gives how many. Raises secrets.CredentialUnusable on a lost key."""
    with transaction.atomic():
        return secrets.rotate(Credential.objects.filter(shop_id__in=shop_ids))


def delete_with_settings(placements: QuerySet[Placement]) -> None:
    """Delete these placements; every process sees it within a second."""
    with transaction.atomic():
        placements.delete()
        settings_changed()
