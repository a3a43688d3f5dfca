"""What shoppers see of a person after their erasure, while older copies are still there."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from sumeru_proxy import accounts, pruning
from sumeru_proxy.client.resources_catalogue import BUNDLES, REVIEWS
from sumeru_proxy.client.resources_shopper import CHECK_REFERRAL, REFERRAL
from sumeru_proxy.client.shapes import Author, Referral, ReferralCheck, Reply, Review, ReviewPage, ReviewSummary
from sumeru_proxy.models import Erasure, Shop, Stamp
from sumeru_proxy.reading import erasures, reader, stamps
from sumeru_proxy.reading.copies import Copy, Query, copies
from sumeru_proxy.reading.freshness import Refresher
from sumeru_proxy.reading.reader import Pending
from sumeru_proxy.reading.reviews import block_query
from sumeru_proxy.webhooks import erasing, persons
from tests.upstream import Upstream
from tests.widgets import wsgi_calls
from tests.widgets.fragments import NOW

ADA = persons.Identity(frozenset({"cus_ada"}), frozenset({"ada.l@mail.example"}), frozenset({"Ada Lovelace"}))
EVE = persons.identity_of("eve@nowhere.example")
PRODUCT = Query.of(REVIEWS, product_id="prd_1")


def review(number: int, name: str, body: str = "Fine.", **more: Any) -> Review:
    return Review(f"rev_{number}", 5, "Warm", body, Author(name), NOW, **more)


SEEN = (
    review(1, "Ada Lovelace"),
    review(2, "ada  L."),
    review(3, "LOVELACE, Ada"),
    review(4, "A. Lovelace"),
    review(5, "Ben", "As Ada Lovelace told me."),
    review(6, "Ben", "Write to ada.l@mail.example!"),
    review(7, "Ben", reply=Reply("Dear cus_ada, thanks.", None)),
    review(8, "Adam Love"),
    review(9, "Lina", "Lovely, and a lace."),
    review(10, ""),
)


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def keep(shop: Shop, query: Query, value: Any, age_s: float = 400.0) -> None:
    """A copy as a fetch of so long ago left it."""
    made = tuple((topic, each.soft) for topic, each in stamps.current(shop.pk, query.watched).items())
    copies.store(query.key(shop.pk), Copy(value, time.time() - age_s, query.fresh_s, made))


def page(*reviews: Review) -> ReviewPage:
    return ReviewPage(ReviewSummary("prd_1", Decimal(5), len(reviews), (0, 0, 0, 0, len(reviews))), reviews)


def shown(shop: Shop, query: Query = PRODUCT) -> list[str]:
    return [each.id for each in accounts.source_for(shop.pk).get(query).reviews]


def erase(shop: Shop, person: persons.Identity) -> None:
    erasing.begin(shop.pk, person)
    stamps.forget()


def test_reviews_that_may_name_the_person_are_hidden_one_by_one(shop: Shop) -> None:
    keep(shop, PRODUCT, page(*SEEN), age_s=30)
    assert len(shown(shop)) == 10
    erase(shop, ADA)
    source = accounts.source_for(shop.pk)
    assert [each.id for each in source.get(PRODUCT).reviews] == ["rev_8", "rev_9", "rev_10"]
    assert not source.fresh
    assert source.load(PRODUCT) == source.get(PRODUCT)
    assert [each.state for each in source.used.values()] == ["stale"]


@pytest.mark.parametrize(
    ("names", "author", "hidden"),
    [
        (["Ada"], "Ada", True),
        (["Ada"], "Ada Lovelace", True),
        (["Ada"], "Adam", False),
        (["José García Márquez"], "jose\u0301 garci\u0301a ma\u0301rquez", True),
        (["José García Márquez"], "José M.", True),
        (["José García Márquez"], "García", False),
        (["Ada Lovelace"], "Lovelace", True),
        (["Ada Lovelace"], "Ben", False),
        ([], "Ada Lovelace", False),
    ],
)
def test_which_authors_may_be_the_person(shop: Shop, names: list[str], author: str, hidden: bool) -> None:
    keep(shop, PRODUCT, page(review(1, author)))
    erase(shop, persons.Identity(frozenset({"cus_1"}), frozenset(), frozenset(names)))
    assert bool(shown(shop)) is not hidden


def test_a_stranger_s_erasure_makes_no_page_pending(shop: Shop) -> None:
    queries = [Query.of(REVIEWS, product_id=f"prd_{number}") for number in range(140)]
    for query in queries:
        keep(shop, query, page(review(1, "Ben")), age_s=10)
    erase(shop, EVE)
    assert all(shown(shop, query) == ["rev_1"] for query in queries)
    assert accounts.refresher.waiting == 140


def test_what_was_read_again_is_sumeru_s_own_word(shop: Shop) -> None:
    erase(shop, ADA)
    Erasure.objects.update(erased_at=timezone.now() - timedelta(seconds=erasures.EDGE_S + 60))
    reader.copies.forget()
    erasures._memory.forget()
    keep(shop, PRODUCT, page(*SEEN), age_s=10)
    assert len(shown(shop)) == 10


def test_sumeru_s_own_edge_may_still_name_the_person_for_some_minutes(shop: Shop) -> None:
    erase(shop, ADA)
    keep(shop, PRODUCT, page(*SEEN), age_s=0)
    source = accounts.source_for(shop.pk)
    assert [each.id for each in source.get(PRODUCT).reviews] == ["rev_8", "rev_9", "rev_10"]
    assert source.fresh


def test_two_persons_are_both_hidden(shop: Shop) -> None:
    keep(shop, PRODUCT, page(review(1, "Ada Lovelace"), review(2, "Ben Nevis"), review(3, "Cleo")))
    erase(shop, ADA)
    assert shown(shop) == ["rev_2", "rev_3"]
    erase(shop, persons.Identity(frozenset({"cus_2"}), frozenset(), frozenset({"Ben Nevis"})))
    assert shown(shop) == ["rev_3"]


def test_what_is_about_the_person_alone_goes_at_once_and_of_others_stays(shop: Shop) -> None:
    own, other = (Query.of(REFERRAL, customer_id=each) for each in ("cus_ada", "cus_ben"))
    check, foreign = (Query.of(CHECK_REFERRAL, code=each) for each in ("ADA", "BEN"))
    for query in (own, other):
        keep(shop, query, Referral("CODE", "", None), age_s=10)
    keep(shop, check, ReferralCheck("ADA", True, "Ada L."), age_s=10)
    keep(shop, foreign, ReferralCheck("BEN", True, "Ben"), age_s=10)
    erase(shop, ADA)
    source = accounts.source_for(shop.pk)
    assert [source.load(query) is not None for query in (own, other, check, foreign)] == [False, True, False, True]


def test_products_and_bundles_are_left_alone(shop: Shop) -> None:
    query = Query.of(BUNDLES, product_id="prd_1")
    keep(shop, query, (), age_s=10)
    erase(shop, ADA)
    source = accounts.source_for(shop.pk)
    assert source.get(query) == ()
    assert source.fresh


def test_copies_from_before_are_read_again_first(shop: Shop) -> None:
    """A popular copy that is merely old waits until what may name the person has been read."""
    refresher = Refresher(lambda _shop: accounts.client_for(shop.pk, "refresh"))
    plain, queries = (
        Query.of(BUNDLES, product_id="prd_1"),
        [Query.of(REVIEWS, product_id=f"prd_{n}") for n in (1, 2, 3)],
    )
    keep(shop, plain, (), age_s=90_000)
    for query in queries[:2]:
        keep(shop, query, page(review(1, "Ben")), age_s=10)
    for _ in range(500):
        refresher.count(shop.pk, plain)
    keep(shop, queries[2], page(review(1, "Ben")), age_s=80_000)
    refresher.ask(shop.pk, queries[2])  # it waits already when the erasure comes
    erase(shop, ADA)
    for query in (plain, *queries):
        refresher.ask(shop.pk, query)
    taken = [refresher._take()[0].query for _ in range(4)]
    assert taken[-1] == plain
    assert set(taken[:3]) == set(queries)


def test_what_was_not_read_again_in_time_is_not_shown(shop: Shop, sandbox: Upstream) -> None:
    keep(shop, PRODUCT, page(review(1, "Ben")))
    erase(shop, ADA)
    sandbox.fault("reset")
    over = timezone.now() - timedelta(seconds=erasures.DEADLINE_S + 1)
    Erasure.objects.update(erased_at=over)
    erasures._memory.forget()
    with pytest.raises(Pending):
        shown(shop)
    pruning.prune(timezone.now())
    assert not Erasure.objects.exists()
    stamp = Stamp.objects.get(topic="people")
    assert (stamp.value, stamp.hard_value) == (1, 1)
    for forget in (stamps.forget, erasures._memory.forget, erasures._hidden.forget):
        forget()
    assert accounts.source_for(shop.pk).load(PRODUCT) is None, "after the row is gone, too"
    keep(shop, PRODUCT, page(review(1, "Ben")), age_s=10)
    assert shown(shop) == ["rev_1"]


def test_a_copy_of_an_older_release_is_sifted_too(shop: Shop) -> None:
    copies.store(PRODUCT.key(shop.pk), Copy(page(*SEEN), time.time() - 10, 60.0, (("reviews", 0),)))
    erase(shop, ADA)
    source = accounts.source_for(shop.pk)
    assert len(source.get(PRODUCT).reviews) == 3
    assert not source.fresh


def test_without_a_database_what_is_known_of_erasures_holds(shop: Shop) -> None:
    keep(shop, PRODUCT, page(*SEEN))
    erase(shop, ADA)
    assert len(shown(shop)) == 3

    def broken(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("gone")

    source = accounts.source_for(shop.pk)
    with connection.execute_wrapper(broken):
        copy, known = copies.load(PRODUCT.key(shop.pk)), stamps.current(shop.pk, PRODUCT.watched)
        assert copy is not None
        assert len(source.load(PRODUCT).reviews) == 3
        erasures._memory.forget()
        assert erasures.judged(shop.pk, PRODUCT, copy, "stale", known)[1] == "withdrawn", "never shown unsifted"


def test_nothing_of_the_person_is_in_the_row(shop: Shop) -> None:
    erase(shop, ADA)
    text = str(Erasure.objects.values().get()).casefold()
    assert not [word for word in ("ada l", "'ada'", "lovelace", "mail", "cus_") if word in text]


def test_other_shops_are_left_alone(shop: Shop, make_shop: Callable[..., Shop], sandbox: Upstream) -> None:
    other = make_shop(sandbox.url, name="Other", domain="other.example")
    keep(other, PRODUCT, page(*SEEN), age_s=10)
    erase(shop, ADA)
    assert len(shown(other)) == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("age_s", [10, 400])
def test_finished_answers_go_with_every_erasure(shop: Shop, age_s: float) -> None:
    """Also those that were stale before, and those that were made after an earlier erasure."""
    hot = wsgi_calls.site()

    def seen() -> list[bool]:
        text = wsgi_calls.ask(hot, f"/w/v1/{shop.key}/reviews.json?product_id=prd_1").text
        return [name in text for name in names]

    names = ("Ada Lovelace", "Ben Nevis", "Cleo Nile")
    keep(shop, block_query("prd_1"), page(*(review(number, name) for number, name in enumerate(names))), age_s)
    assert [seen(), seen()] == [[True] * 3] * 2
    assert hot.store.hits == 1
    for number, name in enumerate(names[:2], 1):
        erasing.begin(shop.pk, persons.Identity(frozenset({f"cus_{number}"}), frozenset(), frozenset({name})))
        for entry in hot._by_raw.values():  # a second later
            entry.watch.until = entry.watch.asked_at = entry.cached_answer.until = 0.0
        stamps.forget()
        assert seen() == [False] * number + [True] * (3 - number)


def test_times_are_utc(shop: Shop) -> None:
    erase(shop, ADA)
    assert abs(erasures.current(shop.pk)[0].at - datetime.now(UTC).timestamp()) < 30  # type: ignore[index]
