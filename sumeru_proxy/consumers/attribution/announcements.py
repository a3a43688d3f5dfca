"""``attribution.credited``: an endpoint of the merchant's hears of every order whose credit has changed, as signed messages.

A message has up to 50 orders, each as the API gives it, as they are when it is sent: of two messages about an order the later sent
is the newer. The same content has the same ``webhook-id``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction

from sumeru_proxy import secrets
from sumeru_proxy.consumers.attribution import api_shapes
from sumeru_proxy.consumers.attribution.models import Conversion, Credit, CreditWebhook, Label
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.outbox.endpoint import Endpoint
from sumeru_proxy.outbox.signed_webhooks import body_of, keys_of, new_secret, ping, post, words_of
from sumeru_proxy.webhooks.listeners import Done, Refused, Target, TargetDown, Work

EVENT: Final = "attribution.credited"


def renew(webhook: CreditWebhook) -> str:
    """Give the endpoint a new secret and return it: nothing shows it again. The one before signs, too, until ``end_old``."""
    value = new_secret()
    with transaction.atomic():
        old, gone = webhook.credential, webhook.old_credential
        webhook.credential = secrets.store(webhook.shop, Credential.Kind.TARGET_SECRET, value, keep_old=True)
        webhook.old_credential = old
        webhook.save(update_fields=["credential", "old_credential"])
        if gone is not None:
            gone.delete()
    return value


def end_old(webhook: CreditWebhook) -> None:
    """Sign with the newest secret alone. May be repeated."""
    old = webhook.old_credential
    if old is not None:
        webhook.old_credential = None
        webhook.save(update_fields=["old_credential"])
        old.delete()


def _keys(webhook: CreditWebhook) -> tuple[bytes, ...]:
    stored = [each for each in (webhook.credential, webhook.old_credential) if each is not None]
    try:
        return keys_of(" ".join(secrets.reveal(each) for each in stored))
    except (ValueError, secrets.CredentialUnusable) as error:
        raise TargetDown(60.0, str(error), reason="secret_unusable") from None


def target_of(shop: Shop, _body: Mapping[str, Any]) -> Target | None:
    """The merchant's endpoint, by its host."""
    webhook = CreditWebhook.objects.filter(shop=shop, active=True).first()
    return None if webhook is None else Target(f"attribution:{shop.pk}", urlsplit(webhook.url).hostname or webhook.url)


def message_of(shop_id: int, ids: Sequence[int]) -> tuple[str, bytes] | None:
    """The id and body of a message about these orders as they are now; None when all of them are gone."""
    rows = list(Conversion.objects.filter(shop_id=shop_id, pk__in=ids, erased=False).order_by("at_ms", "pk"))
    if not rows:
        return None
    credits: dict[int, list[Credit]] = {row.pk: [] for row in rows}
    for credit in Credit.objects.filter(conversion__in=rows).order_by("model", "-amount", "pk"):
        credits[credit.conversion_id].append(credit)
    numbers = {number for own in credits.values() for each in own for number in (each.channel, each.campaign)}
    texts = {0: "", **dict(Label.objects.filter(pk__in=numbers).values_list("pk", "text"))}
    orders = [api_shapes.order_of(row, credits[row.pk], texts) for row in rows]
    # The latest order's time: the same content is the same message, byte for byte.
    moment: datetime = orders[-1]["at"]
    data = {"orders": [{**each, "at": each["at"].isoformat().replace("+00:00", "Z")} for each in orders]}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return f"credited_{digest[:40]}", body_of(EVENT, moment, data)


def send(work: Work) -> Done:
    """Send one message. An endpoint that is away makes all wait; one that refuses this parks it with its words."""
    webhook = CreditWebhook.objects.select_related("shop").filter(shop=work.shop, active=True).first()
    message = message_of(work.shop.pk, work.body.get("orders") or ())
    if webhook is None or message is None:
        return Done({"skipped": "no endpoint" if webhook is None else "no order"})
    endpoint, keys = Endpoint(webhook.url, allow_private=webhook.allow_private), _keys(webhook)
    try:
        answer = post(endpoint, keys, *message)
        if answer.status >= 500:
            ping(endpoint, keys)  # raises TargetDown when it is down for everything
            answer = post(endpoint, keys, *message)
    finally:
        endpoint.close()
    if not 200 <= answer.status < 300:
        reason = "server_error" if answer.status >= 500 else "refused"
        raise Refused(reason, f"{answer.status} {words_of(answer.body)}".strip())
    return Done({"orders": len(work.body["orders"])})
