"""What every target that reads back must do: run it over a kind of your own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.interface import (
    BookedOrder,
    Entry,
    Kind,
    Place,
    Receipt,
    Target,
    TargetDown,
)
from tests.sumeru_proxy.consumers.order_sync.generated import documents


def keeps_the_contract(
    kind: Kind, options: Mapping[str, Any], away: Callable[[], None], back: Callable[[], None]
) -> None:
    """Raises AssertionError for a target that does not. ``away`` makes the other side unreachable, ``back`` reachable again."""
    assert isinstance(kind, Kind)
    with pytest.raises(ValueError, match=r"\w"):
        kind.options_of({"no_such_option": 1})
    checked = kind.options_of(options)
    assert kind.options_of(checked) == checked
    made = [each for each in documents(60) if not each.test]
    target = kind.open(Place("acme", "test", checked))
    assert isinstance(target, Target)
    try:
        assert not [each for each in target.check() if each.level == interface.ERROR]
        _write_and_read_back(target, made)
        _changes(target, made)
        away()
        assert [each for each in target.check() if each.level == interface.ERROR]
        with pytest.raises(TargetDown):
            target.write([Entry(made[0])])
        back()
        _same(target, made[1:])
    finally:
        target.close()
        target.close()


def _write_and_read_back(target: Target, made: list[Document]) -> None:
    forecast = target.forecast(made)
    assert [each.order_id for each in forecast] == [each.order_id for each in made]
    assert {each.action for each in forecast} == {interface.CREATED}
    assert not target.orders_by_id([made[0].order_id]), "a forecast writes nothing"
    outcomes = target.write([Entry(each) for each in made])
    assert len(outcomes) == len(made)
    for each, outcome in zip(made, outcomes, strict=True):
        assert isinstance(outcome, Receipt), outcome
        assert outcome.action in interface.ACTIONS
        assert outcome.total in (None, each.totals.total)
    _same(target, made)
    # Again, in another order, one by one, and without any memory of what was there.
    for each in reversed(made):
        assert isinstance(target.write([Entry(each)])[0], Receipt)
    _same(target, made)
    assert target.write([]) == []


def _changes(target: Target, made: list[Document]) -> None:
    before = made[0]
    made[0] = replace(before, state=interface.CANCELLED, cancelled_at=before.created_at + timedelta(days=1))
    (outcome,) = target.write([Entry(made[0], before)])
    assert isinstance(outcome, Receipt)
    assert outcome.action == interface.CANCELLED
    _same(target, made)


def _same(target: Target, made: list[Document]) -> None:
    first, last = min(each.day for each in made), max(each.day for each in made)
    found = {each.order_id: each for each in target.orders_between(first, last)}
    expected = {each.order_id: _facts(each) for each in made}
    assert {name: _booked(each) for name, each in found.items() if name in expected} == expected
    some = [made[0].order_id, "ord_nobody", made[-1].order_id]
    assert set(target.orders_by_id(some)) == {made[0].order_id, made[-1].order_id}
    assert list(target.orders_between(date(1999, 1, 1), date(1999, 1, 2))) == []


def _facts(each: Document) -> tuple[Any, ...]:
    refunds = tuple(refund.id for refund in each.refunds)
    return each.day, each.currency, each.totals.total, each.totals.refunded, each.state, refunds


def _booked(each: BookedOrder) -> tuple[Any, ...]:
    return each.day, each.currency, each.total, each.refunded, each.state, each.refund_ids
