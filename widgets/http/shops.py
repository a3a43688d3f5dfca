"""The settings of a shop for storefront requests, cached in this process and checked again at most once a second."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import DatabaseError

from sumeru_proxy.memory import Memory
from sumeru_proxy.models import Shop
from widgets.base import ShopProfile
from widgets.http import origins
from widgets.i18n.texts import Texts
from widgets.models import Look, Placement, Wording
from widgets.theming import merchant_css, tokens

RECHECK_S = 1.0
# Keeps a shop that cannot be re-checked (database down) on its last known settings.
_SHOPS_LIMIT = 2_000
# Proxies refuse answers with headers of many kilobytes.
_POLICY_ORIGINS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """Everything that the rows of a shop say about its widgets."""

    profile: ShopProfile
    origins: tuple[re.Pattern[str], ...]
    placements: Mapping[tuple[str, str], tuple[bool, Mapping[str, Any]]]
    css: str
    styled: bool = True
    exact_origins: tuple[str, ...] = ()
    public_url: str = ""
    """Where browsers reach the widgets through the storefront's own server; empty where they come here."""

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may load the shop's widgets. ``null`` never may."""
        return origins.allows(self.origins, origin)

    def placement(self, widget: str, name: str) -> tuple[bool, Mapping[str, Any]]:
        """Whether the widget is on here, and its settings; a named placement inherits what it does not set itself."""
        enabled, options = self.placements.get((widget, ""), (True, {}))
        if name:
            named_enabled, named = self.placements.get((widget, name), (enabled, {}))
            return enabled and named_enabled, {**options, **named}
        return enabled, options


_memory: Memory[str, ShopSettings | None] = Memory(_SHOPS_LIMIT, RECHECK_S)


class Unavailable(Exception):
    """The database does not respond, and this process has no earlier settings of the shop."""


def load(key: str) -> ShopSettings | None:
    """The shop of this public key, or None when the database says that there is no such active shop. At most RECHECK_S old.

    Raises Unavailable.
    """
    entry = _memory.fresh(key)
    return entry.value if entry else recheck(key)


def recheck(key: str) -> ShopSettings | None:
    """As ``load``, but always asks the database; while it does not respond, the last known settings. Raises Unavailable when
    there are none.

    Unchanged rows give the same object, because every finished answer holds the settings that it was made under.
    """
    now = time.monotonic()
    entry = _memory.last(key)
    last_settings = entry.value if entry else None
    try:
        found = _load(key)
    except DatabaseError as error:
        if entry is None:
            raise Unavailable(key) from error
        found = last_settings
    if found == last_settings:
        found = last_settings
    _memory.set(key, found, now)
    return found


def forget() -> None:
    """Drop the settings that this process holds."""
    _memory.forget()


def _load(key: str) -> ShopSettings | None:
    if len(key) > 40:
        return None
    shop = Shop.objects.filter(key=key, active=True).first()
    if shop is None:
        return None
    look = Look.objects.filter(shop=shop).first()
    shop_origins = origins.sound(each.origin for each in shop.origins.all())
    return ShopSettings(
        profile=ShopProfile(
            id=shop.pk,
            key=shop.key,
            name=shop.name,
            locale=shop.locale,
            currency=shop.currency,
            storefront_url=shop.storefront_url,
            product_url=shop.product_url,
            cart_url=shop.cart_url,
            texts=Texts(Wording.objects.filter(shop=shop).values_list("language", "text", "forms")),
        ),
        origins=tuple(origins.pattern(origin) for origin in shop_origins),
        placements={
            (each.widget, each.name): (each.enabled, each.options) for each in Placement.objects.filter(shop=shop)
        },
        css=_look_css(look) if look else "",
        styled=not (look and look.unstyled),
        exact_origins=tuple(sorted(origin for origin in shop_origins if "*" not in origin)[:_POLICY_ORIGINS_LIMIT]),
        public_url=shop.public_url,
    )


def _look_css(look: Look) -> str:
    """Checked again here, because rows may have been imported without the form's checks."""
    return tokens.token_css(look.tokens) + ("" if _refused(look.css) else look.css)


@lru_cache(maxsize=_SHOPS_LIMIT)
def _refused(css: str) -> bool:
    return bool(merchant_css.problems(css))
