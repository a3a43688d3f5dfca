"""Every endpoint of Sumeru that this client speaks, in one list."""

from __future__ import annotations

from typing import Any

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client.resource import Resource

STOREFRONT: tuple[Resource[Any], ...] = (
    catalogue.REVIEWS,
    catalogue.SUBMIT_REVIEW,
    shopper.REFERRAL,
    shopper.CHECK_REFERRAL,
    shopper.CLAIM_REFERRAL,
    catalogue.BUNDLES,
    catalogue.UPSELL,
    shopper.QUIZ,
    shopper.EXPERIMENT,
    catalogue.PRODUCTS,
    shopper.NUDGE,
    shopper.PIXEL_EVENTS,
)

ADMIN_API: tuple[Resource[Any], ...] = admin.EVERY
EVERY: tuple[Resource[Any], ...] = STOREFRONT + ADMIN_API
