"""A shop for attribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.mounting import mount


@pytest.fixture(autouse=True)
def only_attribution(no_consumers: None, settings: Any, request: pytest.FixtureRequest) -> None:
    """The one consumer that is tested here."""
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.attribution"]
    if request.module.__name__.rpartition(".")[2] in ("test_api", "test_spend"):
        mount()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop without orders."""
    return make_shop("https://api.sumeru.systems")


@pytest.fixture
def other_shop(make_shop: Callable[..., Shop]) -> Shop:
    """A second one, for what must come out the same."""
    return make_shop("https://api.sumeru.systems", name="Other", domain="other.example")
