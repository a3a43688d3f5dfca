"""People with their permissions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

LOOK = ("view_shop", "view_link", "view_dayproof", "view_ordertarget")
CHANGE = (*LOOK, "change_link", "change_ordertarget", "add_ordertarget", "add_credential", "change_credential")


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


@pytest.fixture
def viewer(client_with: Callable[..., Client]) -> Client:
    return client_with(*LOOK)


@pytest.fixture
def operator(client_with: Callable[..., Client]) -> Client:
    return client_with(*CHANGE)
