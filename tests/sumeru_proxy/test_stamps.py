"""Invalidation by counters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from sumeru_proxy.models import Shop, Stamp
from sumeru_proxy.reading import stamps
from sumeru_proxy.reading.reader import Copy

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="One", domain="one.example")


def test_a_topic_nobody_changed_is_zero(shop: Shop) -> None:
    assert stamps.current(shop.pk, ["reviews"]) == {"reviews": stamps.Value(0, 0)}


def test_invalidating_raises_only_the_named_topics_of_one_shop(shop: Shop) -> None:
    other = Shop.objects.create(name="Two", domain="two.example")
    stamps.invalidate(shop.pk, ["reviews", "reviews"])
    stamps.invalidate(shop.pk, ["reviews"])
    assert stamps.current(shop.pk, ["reviews", "products"]) == {
        "reviews": stamps.Value(2, 0),
        "products": stamps.Value(0, 0),
    }
    assert stamps.current(other.pk, ["reviews"])["reviews"].soft == 0


def test_hard_remembers_the_count_at_which_it_came(shop: Shop) -> None:
    stamps.invalidate(shop.pk, ["reviews"])
    stamps.invalidate(shop.pk, ["reviews"], hard=True)
    stamps.invalidate(shop.pk, ["reviews"])
    assert stamps.current(shop.pk, ["reviews"])["reviews"] == stamps.Value(3, 2)


def test_a_rolled_back_change_invalidates_nothing(shop: Shop) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        stamps.invalidate(shop.pk, ["reviews"])
        raise RuntimeError
    stamps.forget()
    assert stamps.current(shop.pk, ["reviews"])["reviews"].soft == 0


def test_another_process_change_is_seen_within_a_second(shop: Shop) -> None:
    now = 1000.0
    assert stamps.current(shop.pk, ["reviews"], clock=now)["reviews"].soft == 0
    Stamp.objects.create(shop=shop, topic="reviews", value=5)
    assert stamps.current(shop.pk, ["reviews"], clock=now + 0.9)["reviews"].soft == 0
    assert stamps.current(shop.pk, ["reviews"], clock=now + 1.0)["reviews"].soft == 5


def test_without_a_database_the_last_known_stamps_hold(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps.invalidate(shop.pk, ["reviews"])
    assert stamps.current(shop.pk, ["reviews"], clock=10.0)["reviews"].soft == 1

    def broken(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("gone")

    with connection.execute_wrapper(broken):
        assert stamps.current(shop.pk, ["reviews"], clock=20.0)["reviews"].soft == 1


@pytest.mark.parametrize(
    ("age_s", "made_under", "known", "state"),
    [
        (10, 3, stamps.Value(3, 0), "fresh"),
        (61, 3, stamps.Value(3, 0), "stale"),
        (10, 3, stamps.Value(4, 0), "stale"),
        (10, 3, stamps.Value(4, 4), "withdrawn"),
        (10, 4, stamps.Value(4, 4), "fresh"),
        (10, 4, stamps.Value(5, 4), "stale"),
        (-299, 3, stamps.Value(3, 0), "fresh"),  # another machine's clock is ahead
        (-301, 3, stamps.Value(3, 0), "stale"),  # a clock that was set back
    ],
)
def test_state_of_a_copy(age_s: float, made_under: int, known: stamps.Value, state: str) -> None:
    copy = Copy("value", fetched_at=1000.0, fresh_s=60.0, made_under=(("reviews", made_under),))
    assert copy.state(1000.0 + age_s, {"reviews": known}) == state


@pytest.mark.django_db(transaction=True)
def test_concurrent_invalidations_all_count() -> None:
    shop = Shop.objects.create(name="Busy", domain="busy.example")

    def once(_number: int) -> None:
        try:
            stamps.invalidate(shop.pk, ["reviews"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(40)))
    stamps.forget()
    assert stamps.current(shop.pk, ["reviews"])["reviews"].soft == 40
