"""Subscribing to Sumeru's webhooks, and changing their secret without losing one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop, Subscription
from sumeru_proxy.outbox.delivering import client_of
from sumeru_proxy.webhooks import topics

OLD_SECRET_FOR = timedelta(hours=48)
"""How long deliveries signed with the old secret are accepted: the upstream's retries and its dead letters take their time."""


class NotSubscribable(ValueError):
    """The address or the events cannot be subscribed to; the text says why."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The subscription, and whether this call made it."""

    subscription: Subscription
    created: bool


def check(url: str, events: Sequence[str]) -> None:
    """Raises NotSubscribable for an address Sumeru could not reach or an event it does not know."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise NotSubscribable("the address must be an http or https URL")
    if not events or (unknown := sorted(set(events) - {*topics.EVENT_TYPES, "*"})):
        raise NotSubscribable(f"unknown events: {', '.join(unknown)}" if events else "name at least one event")


def subscribe(shop: Shop, url: str, events: Sequence[str] = ("*",), *, rotate: bool = False) -> Subscribed:
    """Have Sumeru send the shop's events to ``url``, and keep the secret that it made. May be repeated: an active
    subscription to the same address and events is left as it is unless ``rotate``.

    During a rotation both secrets are valid; the old one retires after OLD_SECRET_FOR. Raises NotSubscribable, the client's errors
    and secrets.CredentialUnusable. The secret is shown to nobody.
    """
    check(url, events)
    wanted = sorted(set(events))
    known = Subscription.objects.filter(shop=shop, active=True, url=url)
    same = next((each for each in known if sorted(each.events) == wanted), None)
    if same is not None and not rotate:
        return Subscribed(same, False)
    count = Subscription.objects.filter(shop=shop).count()
    # Repeated after a crash between Sumeru's answer and our commit, the same key gets the same answer, secret included.
    key = hashlib.sha256(f"subscribe\n{shop.key}\n{url}\n{wanted}\n{count}".encode()).hexdigest()
    made = client_of(shop).subscribe(url, wanted, idempotency_key=key)
    with transaction.atomic():
        now = timezone.now()
        Credential.objects.filter(shop=shop, kind=Credential.Kind.WEBHOOK_SECRET, retires_at=None).update(
            retires_at=now + OLD_SECRET_FOR
        )
        secrets.store(shop, Credential.Kind.WEBHOOK_SECRET, made.secret, keep_old=True)
        Subscription.objects.filter(shop=shop, url=url, active=True).update(active=False)
        subscription, _created = Subscription.objects.update_or_create(
            shop=shop, upstream_id=made.id, defaults={"url": url, "events": wanted, "active": True}
        )
    return Subscribed(subscription, True)
