"""How commands name a shop."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db.models import Q

from sumeru_proxy.models import Shop


def shop_named(text: str) -> Shop:
    """The shop with this key, domain or name. Raises CommandError when there is none or more than one."""
    found = list(Shop.objects.filter(Q(key=text) | Q(domain=text) | Q(name=text))[:2])
    if len(found) != 1:
        raise CommandError(f"{'No shop' if not found else 'More than one shop'} has the key, domain or name {text!r}.")
    return found[0]
