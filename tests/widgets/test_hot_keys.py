"""The key of a finished answer: two requests share one exactly when Django would say the same bytes to both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.models import Shop
from sumeru_proxy.sandbox import limits
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from tests.widgets.wsgi_calls import ask, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PAIRS, SPELLINGS = 10_000, 12


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """A stand-in Sumeru without tight limits."""
    with upstream(small_catalogue(), limits=dict.fromkeys(limits.DEFAULT_LIMITS, 1_000_000)) as running:
        yield running


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # no copy becomes stale between two requests that are compared
    return make_shop(sandbox.url, limits=dict.fromkeys(DEFAULT_LIMITS, 1_000_000), **sandbox.account(0))


def _encoded(draw: Any, text: str) -> str:
    """The text as a query value, some of its characters encoded without need, spaces in either way."""
    made = ""
    for letter in text:
        if letter == " ":
            made += draw(st.sampled_from(("+", "%20")))
        elif draw(st.integers(0, 9)) == 0:
            code = f"%{ord(letter):02x}"
            made += draw(st.sampled_from((code, code.upper())))
        else:
            made += quote(letter, safe="")
    return made


@st.composite
def queries(draw: Any) -> tuple[str, str]:
    """A widget's form and a query: few values, so that many requests mean the same, each spelled in a way of its own."""
    name, form = draw(st.sampled_from((("rating_badge", ".json"), ("reviews", ".html"), ("product_feed", ".json"))))
    values: dict[str, str] = {}
    if name == "product_feed":
        values["query"] = draw(st.sampled_from(("alder mug", "birch mug", " alder mug")))
        values["limit"] = "2"
    else:
        values["product_id"] = draw(st.sampled_from(("prd_1", "prd_2", "PRD_1")))
        if name == "reviews":
            values["limit"] = draw(st.sampled_from(("1", "2", "01")))
            if draw(st.booleans()):
                values["sort"] = draw(st.sampled_from(("newest", "highest")))
    parts = [f"{_encoded(draw, key)}={_encoded(draw, value)}" for key, value in values.items()]
    junk = (
        "utm_source=x",
        "LIMIT=9",
        "Product_Id=prd_3",
        ";product_id=prd_3",
        "x;limit=3",
        "",
        "=",
        "a[]=1",
        "%ff=1",
        "callback=f",
    )
    parts += draw(st.lists(st.sampled_from(junk), max_size=3))
    parts = draw(st.permutations(parts))
    if draw(st.integers(0, 3)) == 0:  # of a value that is said twice the last one counts
        parts = [*draw(st.sampled_from((["product_id=prd_9"], ["limit=7"], ["query=none"]))), *parts]
    return name + form, "&".join(parts)


def test_the_same_key_exactly_when_the_same_bytes(shop: Shop) -> None:
    hot = site()
    compared = equal = 0

    def told(request: tuple[str, str]) -> tuple[int, Any, bytes]:
        form, query = request
        hot.store.forget()
        answer = ask(hot, f"/w/v1/{shop.key}/{form}?{query}")
        entry = next(iter(hot.store.by_raw.values()), None)
        return answer.status, entry.key if entry else None, answer.body

    @settings(
        max_examples=-(-PAIRS // (SPELLINGS * (SPELLINGS - 1) // 2)),
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(queries(), min_size=SPELLINGS, max_size=SPELLINGS))
    def compare(requests: list[tuple[str, str]]) -> None:
        nonlocal compared, equal
        answers = [(request, *told(request)) for request in requests]
        for (one, status, key, body), (two, other_status, other_key, other_body) in combinations(answers, 2):
            compared += 1
            if key is None or other_key is None:
                assert {status, other_status} & {400, 404}, (one, two)
                continue
            assert (key == other_key) is (body == other_body), (one, two)
            equal += key == other_key

    compare()
    print(f"{compared} pairs compared, {equal} with the same key")
    assert compared >= PAIRS
    assert equal > PAIRS // 50


def test_the_charset_of_a_request_does_not_decide_how_its_query_is_read(shop: Shop, client: Any) -> None:
    """Else whoever asks first with another one would decide what everybody gets from then on."""
    batch = f"/w/v1/{shop.key}/batch?w=rating_badge%3Fproduct_id%3Dprd_1"
    ask(site(), batch)  # a copy
    clean = client.get(batch)
    assert b'"ready"' in clean.content
    for charset in ("utf-16", "utf-7", "latin-1", "nonsense"):
        other = client.get(batch, CONTENT_TYPE=f"application/json; charset={charset}")
        assert (other.status_code, other.content) == (200, clean.content), charset
