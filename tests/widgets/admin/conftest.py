"""People with their permissions, a shop with canaries for credentials, and the admin's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from sumeru_proxy import health, secrets
from sumeru_proxy.models import Credential, Shop, ShopOrigin
from widgets.models import Look, Placement

CANARIES = {
    Credential.Kind.PUBLIC_KEY: "pk_test_cAnArYpUbLiCkEyAAAA1111bcde7Q2x",
    Credential.Kind.ADMIN_TOKEN: "copt_test_cAnArYaDmInToKeNbbbb2222cdefX9zK",
    Credential.Kind.WEBHOOK_SECRET: "wsec_cAnArYwEbHoOkcccc3333defgY8wJ",
    Credential.Kind.CUSTOMER_SECRET: "cAnArYcUsToMeRsEcReTdddd4444efgh-V7uH-0123456789",
}


@pytest.fixture(autouse=True)
def clean_health() -> Iterator[None]:
    health.forget()
    yield
    health.forget()


@pytest.fixture
def shop(db: None) -> Shop:
    made = Shop.objects.create(name="Ridge & Hollow", domain="ridge.example")
    ShopOrigin.objects.create(shop=made, origin="https://ridge.example")
    ShopOrigin.objects.create(shop=made, origin="https://ridge-*.vercel.app")
    Look.objects.create(shop=made, tokens={"accent": "#0a7"}, css="")
    Placement.objects.create(shop=made, widget="reviews", options={"page_size": 20})
    return made


@pytest.fixture
def shop_with_canaries(shop: Shop) -> Shop:
    for kind, value in CANARIES.items():
        secrets.store(shop, kind, value)
    return shop


@pytest.fixture
def client_with(db: None) -> Callable[..., Client]:
    """A staff user's client with exactly these permissions (codenames)."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        found = Permission.objects.filter(codename__in=codenames)
        assert found.count() == len(codenames)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return make


def formset_of(shop: Shop, **changes: Any) -> dict[str, Any]:
    """What the shop's page posts when nothing was changed, with changes."""
    origins = list(shop.origins.all())
    data: dict[str, Any] = {
        "name": shop.name,
        "active": "on",
        "domain": shop.domain,
        "api_url": shop.api_url,
        "referral_path": shop.referral_path,
        "locale": shop.locale,
        "currency": shop.currency,
        "storefront_url": shop.storefront_url,
        "product_url": shop.product_url,
        "cart_url": shop.cart_url,
        "origins-TOTAL_FORMS": str(len(origins)),
        "origins-INITIAL_FORMS": str(len(origins)),
        "look-TOTAL_FORMS": "1",
        "look-INITIAL_FORMS": "0",
    }
    for number, origin in enumerate(origins):
        data |= {
            f"origins-{number}-id": str(origin.pk),
            f"origins-{number}-shop": str(shop.pk),
            f"origins-{number}-origin": origin.origin,
        }
    look = Look.objects.filter(shop=shop).first()
    if look:
        data |= {
            "look-INITIAL_FORMS": "1",
            "look-0-id": str(look.pk),
            "look-0-shop": str(shop.pk),
            "look-0-css": look.css,
        }
        data |= {f"look-0-token_{name.replace('-', '_')}": value for name, value in look.tokens.items()}
    return {**data, **changes}
