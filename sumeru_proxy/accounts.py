"""From a shop's rows to the client that speaks for it: the one place that gives credentials to ``client/``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from django.conf import settings

from sumeru_proxy import health, limit_stores, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Account, Sumeru
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.reading import freshness, strangers
from sumeru_proxy.reading.reader import Source

log = logging.getLogger(__name__)


def account_of(shop: Shop) -> Account:
    """Host, identity and limits of a shop. Raises secrets.CredentialUnusable when a stored credential cannot be opened, or may not be sent
    to the shop's host: rows also come from imports, which ask no form, and the setting may have been narrowed since.
    """
    return replace(
        _account_without_credentials(shop),
        public_key=secrets.load(shop, Credential.Kind.PUBLIC_KEY),
        token=secrets.load(shop, Credential.Kind.ADMIN_TOKEN),
    )


def _account_without_credentials(shop: Shop) -> Account:
    if shop.api_url.rstrip("/") not in settings.SUMERU_HOSTS:
        raise secrets.CredentialUnusable(f"the host of shop {shop.pk} is not one of the setting SUMERU_HOSTS")
    return Account(
        host=shop.api_url,
        shop_domain=shop.domain,
        referral_path=shop.referral_path,
        limits=shop.limits,
        egress=settings.SUMERU_EGRESS,
    )


class AccountUnusable(errors.Refused):
    """The shop's settings or credentials cannot be used; ``reason`` tells an operator why, without any value."""

    def __init__(self, reason: str) -> None:
        super().__init__(code="account_unusable", status=0, field="account", why="cannot be used")
        self.reason = reason


def client_for(shop_id: int, lane: str, network: str = "") -> Sumeru:
    """A client of this shop in a lane (see ``client.limiter.LANES``), on the limiter that all processes share.

    Credentials are opened by the first call that the limiter lets pass. Raises AccountUnusable (a Refused), as its calls do, when the
    shop's settings or credentials cannot be used.
    """
    shop = Shop.objects.get(pk=shop_id)
    bare = _usable(shop, lambda: _account_without_credentials(shop))
    return Sumeru(
        bare,
        lane=lane,
        store=limit_stores.shared(),
        network=network,
        unlock=lambda: _usable(shop, lambda: account_of(shop)),
        observer=health.observer(shop_id),
    )


def open_account(shop_id: int) -> Account:
    """The shop's account with its credentials opened now: for an operator who asks whether they can be. Raises AccountUnusable."""
    shop = Shop.objects.get(pk=shop_id)
    return _usable(shop, lambda: account_of(shop))


def _usable(shop: Shop, make: Callable[[], Account]) -> Account:
    try:
        return make()
    except (secrets.CredentialUnusable, ValueError) as error:
        # To a page this is one more reason for "not now"; the operator finds it in the log and in the shop's health.
        log.error("shop %s: its account cannot be used: %s", shop.pk, error)
        unusable = AccountUnusable(str(error))
        health.note(shop.pk, "account", unusable)
        raise unusable from None


refresher = freshness.Refresher(lambda shop_id: client_for(shop_id, "refresh"))


checks = strangers.Checks(lambda shop_id: client_for(shop_id, "check"))


def source_for(shop_id: int, network: str | None = None) -> Source:
    """What a page reads this shop's data from. ``network``: whose page it is; None for an operator, whose ids need no proof."""
    if network is None:
        return Source(shop_id, lambda: client_for(shop_id, "page"), refresher.ask, refresher.count)
    return Source(
        shop_id,
        lambda: client_for(shop_id, "page", network),
        refresher.ask,
        refresher.count,
        lambda ids: checks.sort_out(shop_id, network, ids),
    )
