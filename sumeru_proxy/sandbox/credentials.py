"""Who is calling: a storefront by key or origin, or a server by token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sumeru_proxy.sandbox.endpoints import Endpoint
from sumeru_proxy.sandbox.problems import Problem
from sumeru_proxy.sandbox.shop_data import ShopData
from sumeru_proxy.sandbox.world import World

TOKEN_SHAPE = re.compile(r"copt_(live|test)_[0-9A-Za-z]{32}")
PUBLIC_KEY_SHAPE = re.compile(r"pk_(live|test)_[0-9A-Za-z]{16,64}")


@dataclass(slots=True)
class Caller:
    """What the credentials of a call come to. ``problem`` is set when they do not suffice; ``kind`` says what was shown."""

    shop: ShopData | None = None
    token: dict[str, Any] | None = None
    kind: str = "none"
    problem: Problem | None = None


def _credential_problem(message: str) -> Problem:
    return Problem("unauthenticated", message)


def caller_of(world: World, endpoint: Endpoint, headers: Mapping[str, str]) -> Caller:
    """The caller of ``endpoint``. Never raises."""
    return _public_caller(world, headers) if endpoint.public else _admin_caller(world, endpoint, headers)


def _public_caller(world: World, headers: Mapping[str, str]) -> Caller:
    key, domain = headers.get("x-public-key", ""), headers.get("x-shop-domain", "")
    if key:
        shop = world.by_public_key.get(key)
        if shop is None:
            return Caller(kind="public_key", problem=_credential_problem("The public key is not known."))
        if domain and domain != shop.domain:
            problem = Problem("forbidden", "The public key belongs to another shop.")
            return Caller(shop, None, "public_key", problem)
        return Caller(shop, None, "public_key")
    if domain:
        shop = world.shops.get(domain)
        if shop is None:
            return Caller(kind="origin", problem=_credential_problem("The shop is not known."))
        origin = headers.get("origin", "")
        if not origin:
            return Caller(
                shop, None, "origin", _credential_problem("An allow-listed origin or a public key is required.")
            )
        if origin not in shop.origins:
            return Caller(shop, None, "origin", Problem("forbidden", "The origin is not allow-listed for this shop."))
        return Caller(shop, None, "origin")
    return Caller(
        problem=_credential_problem("A public key, or a shop domain with an allow-listed origin, is required.")
    )


def _admin_caller(world: World, endpoint: Endpoint, headers: Mapping[str, str]) -> Caller:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    text = text.strip()
    if headers.get("x-public-key") and not text:
        return Caller(kind="public_key", problem=_credential_problem("A public key does not reach the admin API."))
    if scheme.lower() != "bearer" or not TOKEN_SHAPE.fullmatch(text):
        return Caller(problem=_credential_problem("A bearer token is required."))
    shop = world.by_token.get(text)
    if shop is None:
        return Caller(kind="token", problem=_credential_problem("The token is not known."))
    token = shop.tokens[text]
    if endpoint.scope not in token["scopes"]:
        problem = Problem("forbidden", "The token lacks a scope.", {"required_scope": endpoint.scope})
        return Caller(shop, token, "token", problem)
    return Caller(shop, token, "token")
