"""A shop for attribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sumeru_proxy.models import Shop


@pytest.fixture(autouse=True)
def only_attribution(no_consumers: None, settings: Any) -> None:
    """The one consumer that is tested here."""
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.attribution"]


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop without orders."""
    return make_shop("https://api.sumeru.systems")


@pytest.fixture
def other_shop(make_shop: Callable[..., Shop]) -> Shop:
    """A second one, for what must come out the same."""
    return make_shop("https://api.sumeru.systems", name="Other", domain="other.example")
