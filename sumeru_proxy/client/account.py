"""Who we are to Sumeru: host, identity, credentials, limits. The credentials never show in a representation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sumeru_proxy.client import arguments
from sumeru_proxy.client.errors import Refused
from sumeru_proxy.client.fairness import SERVER
from sumeru_proxy.client.limiter import DEFAULT_LIMITS, Scope
from sumeru_proxy.client.resource import ADMIN, PIXEL, READS, REFERRAL_PATH, Resource
from sumeru_proxy.client.session import host_of

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,188}[a-z0-9])?(?::[0-9]{1,5})?\Z")
_PATH = re.compile(r"/api(?:/[a-z]{1,30}){1,4}\Z")
_MOST_EVENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Account:
    """One shop's account. Raises ValueError (never showing a credential) for anything malformed.

    Storefront calls use ``public_key`` when there is one, else ``shop_domain`` with its origin; admin calls need ``token``.
    ``limits``: calls per minute under the names of ``limiter.DEFAULT_LIMITS``, where they differ from the documented ones.
    ``egress`` names the outgoing address: accounts with the same one share its per-IP limits.
    """

    host: str
    public_key: str | None = field(default=None, repr=False)
    shop_domain: str | None = None
    token: str | None = field(default=None, repr=False)
    referral_path: str = REFERRAL_PATH
    limits: Mapping[str, int] = field(default_factory=dict)
    egress: str = "default"

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", host_of(self.host))
        for name in ("public_key", "token"):
            value = getattr(self, name) or None
            object.__setattr__(self, name, value)
            if value is not None and not _fits_header(value):
                raise ValueError(f"{name} must be printable ASCII without spaces")
        domain = (self.shop_domain or "").lower() or None
        object.__setattr__(self, "shop_domain", domain)
        if domain and not _DOMAIN.match(domain):
            raise ValueError("shop_domain must be a domain such as yourshop.com")
        if not _PATH.match(self.referral_path):
            raise ValueError("referral_path must be a path such as /api/public/referral")
        for name, limit in self.limits.items():
            if name not in DEFAULT_LIMITS:
                raise ValueError(f"unknown limit {name!r}; known: {', '.join(DEFAULT_LIMITS)}")
            if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1_000_000:
                raise ValueError(f"limit {name} must be a whole number of calls per minute")

    def limit(self, name: str) -> int:
        """Calls per minute under this name."""
        return self.limits.get(name, DEFAULT_LIMITS[name])

    def path_of(self, resource: Resource[Any]) -> str:
        """The resource's path for this account."""
        return self.referral_path if resource.path == REFERRAL_PATH else resource.path

    def credential(self, limit_class: str) -> tuple[tuple[str, str], ...]:
        """The headers that identify us for this class of calls. Raises Refused when there is no credential for it."""
        if limit_class == ADMIN:
            if not self.token:
                raise Refused(code="no_credential", status=0, field="token", why="is not set")
            return (("Authorization", f"Bearer {self.token}"),)
        if self.public_key:
            return (("X-Public-Key", self.public_key),)
        if self.shop_domain:
            return (("X-Shop-Domain", self.shop_domain), ("Origin", f"https://{self.shop_domain}"))
        raise Refused(code="no_credential", status=0, field="public_key", why="is not set, nor is shop_domain")

    def scopes(self, limit_class: str, network: str = "") -> tuple[Scope, ...]:
        """The limit scopes that a call of this class passes. Their keys hold digests, never credentials.

        Reads of an address are divided fairly among its shops, those of a shop among the client networks that ask (``network``; empty
        for what nobody waits for).
        """
        if limit_class == ADMIN:
            return (Scope(f"token:{_digest(self.host, self.token or '')}", self.limit("admin"), ADMIN),)
        largest = _MOST_EVENTS if limit_class == PIXEL else 1
        logged = limit_class == READS
        shop = _digest(self.host, self.shop_domain or self.public_key or "")
        keys = {
            f"{limit_class}_per_ip": f"ip:{_digest(self.host, self.egress)}:{limit_class}",
            f"{limit_class}_per_shop": f"shop:{shop}:{limit_class}",
        }
        parties = (shop, _party(network)) if logged else ("", "")
        return tuple(
            Scope(key, self.limit(name), limit_class, largest, logged, party)
            for (name, key), party in zip(keys.items(), parties, strict=True)
        )

    def endpoints_key(self, limit_class: str) -> str:
        """What the keys of all that is known of this account's endpoints begin with (see ``gate.Question``)."""
        identity = self.token if limit_class == ADMIN else self.shop_domain or self.public_key
        return f"endpoint:{_digest(self.host, identity or '')}"

    @property
    def breaker_key(self) -> str:
        """One circuit breaker per upstream."""
        return f"breaker:{_digest(self.host, '')}"


def _digest(*parts: str) -> str:
    return hashlib.blake2s("\n".join(parts).encode(), digest_size=10).hexdigest()


def _party(network: str) -> str:
    """Shorter than the network, and nothing that tells whose it is."""
    return network if network in ("", SERVER) else _digest(network)[:10]


def _fits_header(value: object) -> bool:
    try:
        return " " not in arguments.header("credential", value)
    except Refused:
        return False
