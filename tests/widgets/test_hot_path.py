"""Finished answers: the same bytes as Django's, gone when what they were made of changes, bounded, counted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import F
from prometheus_client import REGISTRY

from sumeru_proxy import accounts
from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.models import Shop, ShopOrigin, Stamp
from sumeru_proxy.reading import reader, stamps
from sumeru_proxy.sandbox import limits
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from tests.widgets.wsgi_calls import Heard, address, ask, hits, site, warm
from widgets.models import Look, Placement

pytestmark = pytest.mark.django_db(transaction=True)
FORMS = ("reviews.json", "reviews.html", "reviews", "batch")
PLENTY = dict.fromkeys(DEFAULT_LIMITS, 1_000_000)


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """A stand-in Sumeru without tight limits."""
    with upstream(small_catalogue(), limits=dict.fromkeys(limits.DEFAULT_LIMITS, 1_000_000)) as running:
        yield running


@pytest.fixture
def two(make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any) -> tuple[Shop, Shop]:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    first = make_shop(sandbox.url, name="First", origin="https://first.example", limits=PLENTY, **sandbox.account(0))
    second = make_shop(sandbox.url, name="Second", origin="https://second.example", limits=PLENTY, **sandbox.account(1))
    return first, second


@pytest.fixture
def shop(two: tuple[Shop, Shop]) -> Shop:
    return two[0]


def changed_elsewhere(shop: Shop, topic: str, *, hard: bool = False) -> None:
    """A stamp raised by another process: nothing of this one hears of it."""
    row, _made = Stamp.objects.get_or_create(shop=shop, topic=topic)
    Stamp.objects.filter(pk=row.pk).update(value=F("value") + 1)
    if hard:
        Stamp.objects.filter(pk=row.pk).update(hard_value=F("value"))


@pytest.mark.thorough
def test_thousands_of_requests_are_answered_as_without_it(two: tuple[Shop, Shop]) -> None:
    hot, plain = site(), site(0)
    draw = random.Random(20260501)
    ShopOrigin.objects.create(shop=two[0], origin="https://pr-*.first.example")
    products = ("prd_1", "prd_2", "prd_9", "", "no/such", "%F0%9F%92%A9")
    names = ("reviews", "rating_badge", "bundles", "product_feed", "upsell", "nothing")
    extras = (
        "", "", "&rating=5", "&rating=9", "&page=2", "&sort=helpful", "&sort=%00", "&utm_source=x", "&product_id=prd_2", "&locale=de",
        "&locale=zz", "&;a=b", "&placement=side", "&write=1", "&media=1", "&%", "&LOCALE=de",
    )  # fmt: skip
    choices: dict[str, tuple[str | None, ...]] = {
        "ORIGIN": (None, None, "https://first.example", "https://second.example", "https://pr-7.first.example", "null", "http://["),
        "ACCEPT_ENCODING": (
            None, "gzip", "br, gzip", "gzip, deflate, br, zstd", "br;q=0, gzip;q=0.5", "*", "identity", "gzip;q=0.1, identity",
        ),
        "HOST": (*["localhost"] * 6, "LOCALHOST", "127.0.0.1:80", "evil.example"),
        "X_REQUEST_ID": (None, None, None, "caller-00000001", "no good"),
        "ACCEPT_LANGUAGE": (None, "de"),
        "COOKIE": (None, "sessionid=1"),
        "AUTHORIZATION": (*[None] * 12, "Bearer x"),
        "X_FORWARDED_HOST": (None, "evil.example"),
        "X_FORWARDED_PROTO": (None, "https"),
    }  # fmt: skip
    seen: dict[str, str] = {}
    statuses = []
    pool: list[str] = []
    for _number in range(3_000):
        if len(pool) < 120 or draw.random() < 0.02:
            shop, name = draw.choice(two), draw.choice(names)
            start = f"/w/v1/{shop.key}/"
            if draw.random() < 0.3:
                parts = [
                    f"w={draw.choice(names)}%3Fproduct_id%3D{draw.choice(products)}" for _ in range(draw.randint(0, 3))
                ]
                pool.append(f"{start}{draw.choice(('batch', 'batch', 'live'))}?{'&'.join(parts)}")
            else:
                product = draw.choice(products[:3]) if draw.random() < 0.8 else draw.choice(products)
                form = draw.choice((".json", ".html", ""))
                pool.append(f"{start}{name}{form}?product_id={product}{draw.choice(extras)}")
        where = draw.choice(pool)
        headers = {header: value for header, values in choices.items() if (value := draw.choice(values)) is not None}
        if draw.random() < 0.3:
            headers["IF_NONE_MATCH"] = draw.choice((seen.get(where, '"x"'), "*", f'"y", W/{seen.get(where, "z")}'))
        method = draw.choice(("GET", "GET", "GET", "HEAD"))
        one, other = ask(hot, where, method, **headers), ask(plain, where, method, **headers)
        if one.headers.get("cache-control") != "no-store":  # what is for one alone holds a token or the request's id
            assert one.same == other.same, (method, where, headers)
        else:
            assert (one.status, set(one.headers)) == (other.status, set(other.headers)), (method, where, headers)
        seen[where] = one.headers.get("etag", '"x"')
        statuses.append(one.status)
    assert {200, 304, 400, 404} <= set(statuses)
    assert hits(hot) > 500
    assert hits(plain) == 0


@pytest.mark.parametrize("form", FORMS)
def test_django_says_the_same_but_for_the_coding(shop: Shop, client: Any, form: str) -> None:
    hot = site()
    warm(hot, address(shop, form))
    origin = "https://first.example"
    one = ask(hot, address(shop, form), ORIGIN=origin)
    other = client.get(address(shop, form), headers={"origin": origin, "host": "localhost"})
    assert hits(hot) == 1
    assert one.body == other.content
    added = {"content-length": str(len(one.body)), "vary": "origin, Accept-Encoding"}
    theirs = {name.lower(): value for name, value in other.headers.items()} | added
    assert {**one.headers, "x-request-id": ""} == {**theirs, "x-request-id": ""}


def test_each_coding_has_its_validator_and_is_made_once(shop: Shop) -> None:
    hot = site()
    where = address(shop)
    warm(hot, where)
    answers: dict[str, Heard] = {}
    for coding in ("identity", "gzip", "br"):
        answers[coding] = ask(hot, where, ACCEPT_ENCODING=coding)
        assert answers[coding].text == answers["identity"].text
        assert answers[coding].headers["content-length"] == str(len(answers[coding].body))
        assert ask(hot, where, "HEAD", ACCEPT_ENCODING=coding).headers.keys() == answers[coding].headers.keys()
        assert ask(hot, where, "HEAD", ACCEPT_ENCODING=coding).body == b""
    assert len({answer.headers["etag"] for answer in answers.values()}) == 3
    for coding, answer in answers.items():
        for other in answers:
            status = ask(hot, where, ACCEPT_ENCODING=other, IF_NONE_MATCH=answer.headers["etag"]).status
            assert status == (304 if other == coding else 200)
    entry = hot.store.by_raw[next(iter(hot.store.by_raw))]
    assert entry.cached_answer.answer.form("br").body is entry.cached_answer.answer.form("br").body


def test_a_304_says_what_caches_need_and_nothing_of_a_body(shop: Shop) -> None:
    hot = site()
    where = address(shop, "reviews")
    full = ask(hot, where, ORIGIN="https://first.example", ACCEPT_ENCODING="br")
    for _round in range(2):
        short = ask(
            hot, where, ORIGIN="https://first.example", ACCEPT_ENCODING="br", IF_NONE_MATCH=full.headers["etag"]
        )
        assert (short.status, short.body) == (304, b"")
        for name in ("etag", "cache-control", "vary", "access-control-allow-origin", "referrer-policy"):
            assert short.headers[name] == full.headers[name]
        assert not {"content-type", "content-length", "content-encoding", "content-security-policy"} & set(
            short.headers
        )


def test_every_answer_has_its_own_request_id(shop: Shop) -> None:
    hot = site()
    ids = {ask(hot, address(shop)).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert hits(hot) == 19
    assert ask(hot, address(shop), X_REQUEST_ID="caller-00000001").headers["x-request-id"] == "caller-00000001"
    assert ask(hot, address(shop), X_REQUEST_ID="no\r\ngood").headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("hard", [False, True])
def test_a_stamp_is_seen_within_a_second(shop: Shop, later: Callable[[float], None], hard: bool) -> None:
    hot = site()
    warm(hot, address(shop), address(shop))
    changed_elsewhere(shop, "reviews:prd_1", hard=hard)
    later(1.0)
    before = hits(hot)
    answer = ask(hot, address(shop))
    assert hits(hot) == before
    assert ('"fresh":true' in answer.text) is hard  # withdrawn: fetched anew; stale: shown once more


def test_a_stamp_is_seen_by_an_answer_that_nobody_asked_for_in_between(
    shop: Shop, later: Callable[[float], None]
) -> None:
    """Another answer's look at the shop must not make this one count as looked at."""
    hot = site()
    warm(hot, address(shop), address(shop), address(shop, product="prd_2"))
    changed_elsewhere(shop, "reviews:prd_1", hard=True)
    later(1.0)
    warm(hot, address(shop, product="prd_2"))
    before = hot.store.misses
    warm(hot, address(shop))
    assert hot.store.misses == before + 1


def test_a_stale_answer_is_hot_until_its_copy_is_renewed_and_asks_for_that(
    shop: Shop, later: Callable[[float], None]
) -> None:
    hot = site()
    warm(hot, address(shop))
    stamps.invalidate(shop.pk, ["reviews"])
    assert '"fresh":false' in ask(hot, address(shop)).text or hits(hot) == 1
    later(1.0)
    assert '"fresh":false' in ask(hot, address(shop)).text
    accounts.refresher.forget()
    later(1.0)
    before = hits(hot)
    assert '"fresh":false' in ask(hot, address(shop)).text
    assert hits(hot) == before + 1
    assert accounts.refresher.waiting
    while accounts.refresher.waiting:
        assert accounts.refresher.refresh_one() == 0.0
    later(1.0)
    assert '"fresh":true' in ask(hot, address(shop)).text


def test_an_answer_ends_with_the_freshness_of_its_copy(shop: Shop, later: Callable[[float], None]) -> None:
    hot = site()
    warm(hot, address(shop), address(shop))
    later(59.0)
    assert '"fresh":true' in ask(hot, address(shop)).text
    later(1.5)
    assert '"fresh":false' in ask(hot, address(shop)).text
    assert accounts.refresher.waiting


def test_hits_count_for_the_refresher(shop: Shop, later: Callable[[float], None]) -> None:
    hot = site()
    for _ in range(101):
        warm(hot, address(shop))
    later(1.0)
    warm(hot, address(shop))
    popularity = accounts.refresher.popularity
    key = next(key for key in reader.copies._held if popularity.rate(key, time.monotonic()))
    once = popularity.rate(key, time.monotonic()) / 101
    popularity.count("other", time.monotonic())
    assert popularity.rate("other", time.monotonic()) == pytest.approx(once, rel=0.05)


def _deactivate(shop: Shop) -> None:
    Shop.objects.filter(pk=shop.pk).update(active=False)


def _switch_off(shop: Shop) -> None:
    Placement.objects.create(shop=shop, widget="reviews", enabled=False)


def _paint(shop: Shop) -> None:
    Look.objects.create(shop=shop, css=".sw-mine{color:red}")


def _translate(shop: Shop) -> None:
    Shop.objects.filter(pk=shop.pk).update(locale="de")


@pytest.mark.parametrize("change", [_deactivate, _switch_off, _paint, _translate])
def test_what_an_operator_changes_is_seen_within_a_second(
    shop: Shop, later: Callable[[float], None], change: Callable[[Shop], None]
) -> None:
    hot, plain = site(), site(0)
    warm(hot, address(shop), address(shop))
    old = ask(hot, address(shop)).same
    change(shop)
    later(1.0)
    assert ask(hot, address(shop)).same[::2] != old[::2]
    if change is not _deactivate and change is not _switch_off:
        assert ask(hot, address(shop)).same == ask(plain, address(shop)).same


def test_an_origin_that_is_taken_away_may_not_read_any_more(shop: Shop, later: Callable[[float], None]) -> None:
    hot = site()
    for _ in range(3):
        assert "access-control-allow-origin" in ask(hot, address(shop), ORIGIN="https://first.example").headers
    ShopOrigin.objects.filter(shop=shop).update(origin="https://new.example")
    later(1.0)
    for _ in range(2):
        assert "access-control-allow-origin" not in ask(hot, address(shop), ORIGIN="https://first.example").headers
        assert "access-control-allow-origin" in ask(hot, address(shop), ORIGIN="https://new.example").headers


def test_without_a_database_hits_go_on(shop: Shop, later: Callable[[float], None]) -> None:
    hot = site()
    warm(hot, address(shop), address(shop))

    def fail(*_arguments: Any) -> Any:
        raise DatabaseError("gone")

    with connection.execute_wrapper(fail):
        for _ in range(5):
            later(1.0)
            assert '"fresh":true' in ask(hot, address(shop)).text
        assert hits(hot) == 6
        assert hot.store.misses == 1


def test_a_withdrawal_during_an_outage_counts_as_soon_as_the_database_is_back(
    shop: Shop, later: Callable[[float], None]
) -> None:
    hot = site()
    warm(hot, address(shop), address(shop))
    changed_elsewhere(shop, "reviews", hard=True)

    def fail(*_arguments: Any) -> Any:
        raise DatabaseError("gone")

    with connection.execute_wrapper(fail):
        later(1.0)
        warm(hot, address(shop))
    later(1.0)
    before = hits(hot)
    warm(hot, address(shop))
    assert hits(hot) == before


def test_only_what_everybody_may_store_is_kept(shop: Shop, sandbox: Upstream) -> None:
    hot = site()
    for where in (
        f"/w/v1/{shop.key}/live?w=reviews%3Fproduct_id%3Dprd_1",
        address(shop, "reviews", more="&write=1"),
        address(shop, "nothing.json"),
        "/w/v1/openapi.json",
        "/healthz",
    ):
        ask(hot, where)
    ask(hot, address(shop), AUTHORIZATION="Bearer x")
    ask(hot, address(shop), "OPTIONS")
    ask(hot, address(shop), "POST")
    sandbox.fault("status", status=500)
    assert '"state":"pending"' in ask(hot, address(shop, product="prd_2")).text
    assert len(hot.store) == 0


def test_figures_are_shown(shop: Shop) -> None:
    hot = site()
    names = ("sumeru_hot_hits_total", "sumeru_hot_misses_total", "sumeru_hot_bytes", "sumeru_hot_entries")
    before = [REGISTRY.get_sample_value(name) or 0 for name in names]
    warm(hot, address(shop), address(shop))
    text = ask(hot, "/metrics").body.decode()
    assert all(name in text for name in (*names, "sumeru_hot_evictions_total"))
    grown = [(REGISTRY.get_sample_value(name) or 0) - was for name, was in zip(names, before, strict=True)]
    assert grown[:2] == [1, 1]
    assert hot.store.bytes > 0
    assert len(hot.store) == 1
