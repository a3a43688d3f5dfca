"""What a shop's rows say, decided from values alone: placements, and the age that an answer tells."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.upstream import Upstream
from widgets.base import ShopProfile
from widgets.http import rendering
from widgets.http.rendering import AGE_STEP_S
from widgets.http.shops import ShopSettings


def settings_with(placements: dict[tuple[str, str], tuple[bool, dict[str, Any]]]) -> ShopSettings:
    profile = ShopProfile(id=1, key="shp_1", name="Shop", locale="en", currency="EUR")
    return ShopSettings(profile=profile, origins=(), placements=placements, css="")


@pytest.mark.parametrize(
    ("general", "named", "enabled"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_widget_switched_off_stays_off_where_a_named_placement_is_on(
    general: bool, named: bool, enabled: bool
) -> None:
    shop = settings_with({("reviews", ""): (general, {}), ("reviews", "home"): (named, {})})
    assert shop.placement("reviews", "home")[0] is enabled
    assert shop.placement("reviews", "")[0] is general


def test_a_named_placement_inherits_what_it_does_not_set() -> None:
    shop = settings_with({("reviews", ""): (True, {"a": 1, "b": 1}), ("reviews", "home"): (True, {"b": 2})})
    assert shop.placement("reviews", "home") == (True, {"a": 1, "b": 2})
    assert shop.placement("reviews", "elsewhere") == (True, {"a": 1, "b": 1})
    assert shop.placement("bundles", "home") == (True, {})


class Aged:
    """A source whose oldest copy has this age."""

    def __init__(self, age_s: float, *, fresh: bool) -> None:
        self._age_s, self.fresh = age_s, fresh

    def age_s(self, now: float) -> float:
        return self._age_s


@pytest.mark.parametrize(
    ("age_s", "told"),
    [
        (0.0, 0),
        (AGE_STEP_S - 0.1, 0),
        (AGE_STEP_S, AGE_STEP_S),
        (2 * AGE_STEP_S - 0.1, AGE_STEP_S),
        (3_661, 3_660),
    ],
)
def test_a_stale_answer_tells_its_age_in_steps(age_s: float, told: int) -> None:
    assert rendering._age(Aged(age_s, fresh=False)) == told  # type: ignore[arg-type]
    assert rendering._age(Aged(age_s, fresh=True)) == 0  # type: ignore[arg-type]


def broken(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """A database that does not answer."""
    raise OperationalError("server closed the connection unexpectedly")


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["reviews.json", "reviews.html", "reviews", "batch"])
def test_a_database_that_does_not_answer_is_no_word_about_the_shop(
    client: Client, make_shop: Any, sandbox: Upstream, form: str
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    query = urlencode({"w": "reviews?product_id=prd_1"} if form == "batch" else {"product_id": "prd_1"})
    address = f"/w/v1/{shop.key}/{form}?{query}"
    headers = {"Origin": "https://shop.example"}
    with connection.execute_wrapper(broken):
        answer = client.get(address, headers=headers)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert client.get(address, headers=headers).status_code == 200
    assert client.get(address.replace(shop.key, "shp_nobody"), headers=headers).status_code == 404
