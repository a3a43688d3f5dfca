"""Tokens that read a shop's attribution through the API: issued once, stored as a hash, revoked for ever."""

from __future__ import annotations

import hashlib
import re
import secrets as random_secrets
from datetime import timedelta
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from sumeru_proxy.consumers.attribution.models import ReadToken

PREFIX: Final = "attr_"
USED_EVERY: Final = timedelta(minutes=5)
"""How fresh "last used" is: a write per request would make reading slow."""
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}\Z")


class Issued(NamedTuple):
    """A new token's row, and the token itself, which nothing can show again."""

    row: ReadToken
    token: str


def digest_of(token: str) -> str:
    """The stored hash. The token has 256 random bits, so a plain hash cannot be tried out."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(shop_id: int, name: str, scope: str = ReadToken.Scope.REPORT) -> Issued:
    """A new token of this scope. Raises ValueError for an unknown scope."""
    if scope not in ReadToken.Scope.values:
        raise ValueError(scope)
    token = PREFIX + random_secrets.token_urlsafe(32)
    row = ReadToken.objects.create(shop_id=shop_id, name=name[:120], scope=scope, digest=digest_of(token))
    return Issued(row, token)


def revoke(row: ReadToken) -> None:
    """The token opens nothing any more, from now on and for ever. May be repeated."""
    ReadToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())


def find(token: str) -> ReadToken | None:
    """The valid token's row; None for anything else. Its shop must be active."""
    if not _TOKEN.match(token):
        return None
    row = (
        ReadToken.objects.select_related("shop")
        .filter(digest=digest_of(token), revoked_at=None, shop__active=True)
        .first()
    )
    if row is not None:
        now = timezone.now()
        stale = Q(used_at=None) | Q(used_at__lt=now - USED_EVERY)
        if row.used_at is None or row.used_at < now - USED_EVERY:
            ReadToken.objects.filter(stale, pk=row.pk).update(used_at=now)
    return row
