"""What finished answers take of memory is what is counted for them, whatever they were made of."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache

from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox import limits
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from tests.widgets.wsgi_calls import address, ask, hits, site, warm
from widgets.edge import answers as hot_answers
from widgets.edge.path import HotPath
from widgets.http import shops

pytestmark = pytest.mark.django_db(transaction=True)
PRODUCTS, REVIEWS = 30, 100


def catalogue() -> dict[str, Any]:
    """The small shops; the first one with products that have as many reviews as one read gives."""
    made = small_catalogue()
    shop = made["shops"][0]
    product, review = shop["products"][0], shop["reviews"][0]
    for number in range(PRODUCTS):
        name = f"prd_m{number}"
        shop["products"].append({**product, "id": name, "handle": name})
        shop["reviews"] += [
            {**review, "id": f"rev_{name}_{each}", "product_id": name, "body": "Fine. " * 20} for each in range(REVIEWS)
        ]
    return made


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """A stand-in Sumeru without tight limits."""
    with upstream(catalogue(), limits=dict.fromkeys(limits.DEFAULT_LIMITS, 1_000_000)) as running:
        yield running


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any) -> Shop:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    return make_shop(sandbox.url, limits=dict.fromkeys(DEFAULT_LIMITS, 1_000_000), **sandbox.account(0))


@pytest.mark.thorough
def test_an_answer_does_not_hold_all_that_it_was_chosen_from(shop: Shop) -> None:
    """A page shows some reviews of a block of a hundred; the block belongs to the copies, which have a bound of their own."""
    hot, other = site(), site()
    addresses = [f"/w/v1/{shop.key}/reviews.html?product_id=prd_m{number}&limit=5" for number in range(PRODUCTS)]

    def answer_all(application: HotPath) -> None:
        for each in addresses:
            assert "Fine." in ask(application, each).text
        reader.copies.forget()
        cache.clear()
        gc.collect()

    answer_all(other)  # whatever else remembers these requests, the stand-in among it, does so from here on
    tracemalloc.start()
    try:
        answer_all(hot)
        taken, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(hot.store) == PRODUCTS
    assert taken < 1.1 * hot.store.bytes


def test_a_shop_that_did_not_change_is_held_once(shop: Shop) -> None:
    """Every kept answer names the shop_settings it was made under; asked for each second, they would be another object each second."""
    known = shops.recheck(shop.key)
    assert known is not None
    assert shops.recheck(shop.key) is known
    Shop.objects.filter(pk=shop.pk).update(name="Renamed")
    changed = shops.recheck(shop.key)
    assert changed is not None
    assert (changed.profile.name, known.profile.name) == ("Renamed", shop.name)


def test_junk_beside_the_parameters_makes_no_entries(shop: Shop) -> None:
    hot = site()
    warm(hot, address(shop))
    held = hot.store.bytes
    for number in range(60):
        warm(hot, address(shop, more=f"&junk{number}={number}"))
    assert len(hot.store) == 1
    assert len(hot.store.by_raw) == hot_answers.ALIASES_LIMIT
    assert hot.store.bytes - held < hot_answers.ALIASES_LIMIT * 1_000
    before = hits(hot)
    warm(hot, address(shop))
    assert hits(hot) == before + 1


@pytest.mark.thorough
def test_memory_is_bounded_and_the_longest_unused_go_first(shop: Shop, later: Callable[[float], None]) -> None:
    hot = site(200_000)
    kept = address(shop)
    warm(hot, kept)
    for number in range(60):
        later(0.8)  # an entry counts as used when it is looked at
        warm(hot, address(shop, product=f"p{number}"), kept)
        assert hot.store.bytes <= 200_000
    assert hot.store.evictions > 0
    assert hot.store.bytes == sum(
        entry.bytes for entry in {id(each): each for each in hot.store.by_raw.values()}.values()
    )
    before = hits(hot)
    warm(hot, kept)
    assert hits(hot) == before + 1
    hot.store.forget()
    assert (len(hot.store), hot.store.bytes, hot.store.by_raw) == (0, 0, {})


def test_what_is_larger_than_the_bound_is_served_but_not_kept(shop: Shop) -> None:
    hot = site(2_000)
    warm(hot, address(shop), address(shop))
    assert (len(hot.store), hits(hot)) == (0, 0)
