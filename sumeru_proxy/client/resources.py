"""Every endpoint of Sumeru that this client speaks, found in the modules that describe them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sumeru_proxy.client import resources_admin, resources_catalogue, resources_shopper
from sumeru_proxy.client.resource import Resource


def _of(*modules: ModuleType) -> tuple[Resource[Any], ...]:
    """The modules' resources in the order in which they stand there."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Resource))


STOREFRONT = _of(resources_catalogue, resources_shopper)
ADMIN_API = _of(resources_admin)
EVERY = STOREFRONT + ADMIN_API
