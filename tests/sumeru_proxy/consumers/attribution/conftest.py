"""A shop for attribution."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sumeru_proxy.models import Shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop without orders."""
    return make_shop("https://api.sumeru.systems")


@pytest.fixture
def other_shop(make_shop: Callable[..., Shop]) -> Shop:
    """A second one, for what must come out the same."""
    return make_shop("https://api.sumeru.systems", name="Other", domain="other.example")
