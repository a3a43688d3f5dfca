"""Every odd case that the stand-in draws, in a real Tryton, to the smallest unit of five currencies."""

from __future__ import annotations

from collections import Counter

import pytest

from sumeru_proxy.consumers.order_sync import proof
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.proof import Expected
from sumeru_proxy.consumers.order_sync.targets.interface import UNCHANGED, Entry, Receipt
from tests.sumeru_proxy.consumers.order_sync.erp import Ledger, documents, generated

pytestmark = pytest.mark.timeout(600)


def expected(document: Document) -> Expected:
    totals = document.totals
    return Expected(
        document.order_id, document.number, document.day, document.currency, totals.total, totals.refunded, document.state
    )  # fmt: skip


@pytest.mark.thorough
def test_all_cases_map_exactly() -> None:
    """The generator's amounts add up, so a document of one must leave nothing to round."""
    found = documents(generated(1_000, 3))
    assert Counter(each.totals.rounding for each in found) == {0: 1_000}
    assert {note for each in found for note in each.notes} == set()
    assert len({each.fingerprint for each in found}) == 1_000
    assert {each.currency for each in found} == {"EUR", "USD", "GBP", "JPY", "KWD"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "count", "first"), [("draft", 70, 1), ("quotation", 16, 400), ("confirmed", 14, 700)]
)
def test_all_cases_agree_in_tryton(ledger: Ledger, state: str, count: int, first: int) -> None:
    target = ledger.target(state=state, tolerance=2)
    # First as they were placed, then as they became: edited, refunded, cancelled.
    placed = documents(generated(count, 3, changed=False, first=first))
    became = documents(generated(count, 3, first=first))
    for batch in (placed, became):
        forecasts = {each.order_id: each for each in target.forecast(batch)}
        outcomes = target.write([Entry(each) for each in batch])
        for document, outcome in zip(batch, outcomes, strict=True):
            assert isinstance(outcome, Receipt), (document.number, getattr(outcome, "text", outcome))
            forecast = forecasts[document.order_id]
            assert (outcome.rounding, outcome.action) == (forecast.rounding, forecast.action), document.number
        days = {each.day for each in batch}
        sums = proof.compare(map(expected, batch), target.orders_between(min(days), max(days)))
        assert [each for day in sums.values() for each in day.differing] == []
        assert all(each.green for each in sums.values())
    again = target.write([Entry(each) for each in became])
    assert Counter(each.action for each in again if isinstance(each, Receipt)) == {UNCHANGED: count}
