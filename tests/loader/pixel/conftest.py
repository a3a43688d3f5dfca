"""A shop whose pages carry the pixel."""

from __future__ import annotations

import time

import pytest

from tests.loader.conftest import Shopfront
from tests.loader.pixel.pages import CORS, PIXEL, Tracked
from tests.loader.stub_hosts import Answer, Seen


@pytest.fixture
def tracked(shopfront: Shopfront) -> Tracked:
    shop = Tracked(shopfront, lambda seen: Answer('{"accepted":1}', 202, "application/json", CORS))

    def answer(seen: Seen) -> Answer | None:
        if seen.path.endswith("/pixel.js"):
            return Answer(PIXEL.read_bytes(), content_type="text/javascript", headers=CORS)
        if not seen.path.endswith("/events"):
            return None
        shop.arrivals.append(time.time())
        return shop.answer(seen)

    shopfront.widgets.tampering = answer
    return shop
