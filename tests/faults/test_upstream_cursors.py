"""Cursors that never end, repeat, or are addresses: reading stops, and a cursor is never more than a value of a query."""

from __future__ import annotations

from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import faulty
from tests.faults.running_site import Site, Web

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MOST_PAGES = 20
CURSORS = [
    "same",
    "../../../api/v1/customers",
    "http://127.0.0.1:9/steal",
    "//127.0.0.1:9/",
    "%2e%2e%2f..%00",
    "c" * 5_000,
]


@pytest.mark.parametrize("cursor", CURSORS, ids=["same", "path", "url", "host", "encoded", "long"])
def test_a_feed_with_such_a_cursor_ends(
    cursor: str, shared_place: Site, shared_web: Web, quiet_upstream: Sandbox
) -> None:
    fault: dict[str, Any] = {"kind": "wrong_types", "endpoint": "product-feed", "paths": ["pagination.next_cursor"]}
    more = {"kind": "wrong_types", "endpoint": "product-feed", "paths": ["pagination.has_next"], "value": True}
    with faulty(quiet_upstream, {**fault, "value": cursor}, more):
        for page in (1, 9):
            found = shared_web.get(
                f"/w/v1/{shared_place.key}/product_feed.json?collection=c{CURSORS.index(cursor)}&page={page}"
            )
            assert found.status == 200
        recent = quiet_upstream.calls(1_000)["recent"]
    assert {call["endpoint"] for call in recent} <= {"product-feed"}
    assert 1 <= len(recent) <= 2 * MOST_PAGES
    assert all(call["query"].get("cursor") in (None, cursor) for call in recent)
