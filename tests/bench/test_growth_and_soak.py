"""That the benches of growth find what they are made to find, and that both run and give their figures as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import growth, soak_load, soak_watch
from tests.bench.soak_watch import Sample
from tests.sumeru_proxy.installation import ROOT


def sample(rss: int, threads: int = 8) -> Sample:
    return {"web 1": {"rss": rss, "threads": threads}}


def why(samples: list[Sample]) -> dict[str, str]:
    return {each.figure: each.why for each in soak_watch.changes(samples) if each.why}


def test_what_filled_in_the_first_quarter_only_has_not_grown() -> None:
    assert why([sample(50), sample(50), *[sample(100)] * 4, sample(109), sample(109)]) == {}


def test_memory_that_grows_from_the_second_quarter_to_the_last_is_told() -> None:
    found = soak_watch.changes([*[sample(100)] * 6, sample(111), sample(111)])
    assert [(each.figure, each.why) for each in found] == [("rss", "grew by more than 10%"), ("threads", "")]
    assert [round(each.growth, 2) for each in found] == [0.11, 0.0]


def test_threads_may_come_and_go_but_not_pile_up() -> None:
    assert why([*[sample(100)] * 6, *[sample(100, threads=10)] * 2]) == {}
    assert why([*[sample(100)] * 6, *[sample(100, threads=11)] * 2]) == {"threads": "grew by more than 2"}


def test_a_process_that_ended_is_told() -> None:
    assert why([*[sample(100)] * 7, {"web 1": {}}]) == {"rss": "gone", "threads": "gone"}


def test_a_process_is_measured() -> None:
    figures = soak_watch.process_figures(os.getpid())
    assert figures["rss"] > 10_000_000
    assert min(figures["threads"], figures["descriptors"]) > 0
    with Path(__file__).open():
        assert soak_watch.process_figures(os.getpid())["descriptors"] == figures["descriptors"] + 1


@pytest.mark.parametrize(
    ("shop", "kind", "product", "text", "told"),
    [
        (0, "json", 7, "ALPHAx7x says so", ""),
        (0, "json", 7, "BRAVOx7x says so", "[('BRAVO', 7)] in an answer of ALPHA"),
        (0, "json", 7, "ALPHAx7x ALPHAx8x", "products [8] instead of 7 alone"),
        (0, "json", 7, "", "nothing of ALPHA's prd_7"),
        (0, "miss", None, "", ""),
        (0, "miss", None, "ALPHAx7x", "for a product that is not there"),
        (1, "badge", 2, "16 reviews", ""),
        (1, "badge", 2, "4 reviews", "[4] reviews, not 16"),
        (1, "badge", 2, "No reviews yet", "[] reviews, not 16"),
    ],
)
def test_an_answer_of_another_shop_or_product_is_told(
    shop: int, kind: str, product: int | None, text: str, told: str
) -> None:
    problem = soak_load.problem_of(shop, kind, product, text)
    assert problem.endswith(told)
    assert bool(problem) == bool(told)


def test_no_two_products_of_any_shops_have_as_many_reviews() -> None:
    made = soak_load.catalogue()
    counts = [
        sum(review["product_id"] == product["id"] for review in shop["reviews"])
        for shop in made["shops"]
        for product in shop["products"]
    ]
    assert len(set(counts)) == len(counts) == len(soak_load.MARKS) * soak_load.PRODUCTS
    assert counts == [
        soak_load.reviews_of(shop, product)
        for shop in range(len(soak_load.MARKS))
        for product in range(1, soak_load.PRODUCTS + 1)
    ]


def test_as_many_different_addresses_as_asked_for() -> None:
    assert len(set(growth.paths("shop", 100_000))) == 100_000


def bench(*arguments: str) -> dict[str, Any]:
    """What a bench gives as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout, done.stderr[-3_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    # The exit code follows what was found, so that a gate may rely on it.
    assert done.returncode == bool(found.get("problems"))
    return found


def test_growth_gives_a_row_for_each_size_of_traffic_and_catalogue() -> None:
    options = ("--parts", "traffic", "products", "--reads", "5", "--products", "20", "--minutes", "0.2")
    rows = bench("growth", *options)["rows"]
    assert [row["part"] for row in rows] == ["traffic", "products"]
    assert all(row["calls_per_minute_most"] <= 95 and row["answered_429"] == 0 for row in rows)
    assert all(0 < row["misses"] < 1 for row in rows)


@pytest.mark.slow
def test_a_short_soak_finds_nothing_wrong() -> None:
    found = bench("soak", "--embedded", "--minutes", "0.1", "--submissions-per-minute", "60", "--readers", "2")
    assert found["wrong"] == 0, found["wrong_first"]
    assert found["checked"] > 50
    assert found["states"]["ready"] > 0
    assert (found["submissions"]["lost"], found["submissions"]["doubled"]) == (0, 0)
    assert {row["what"] for row in found["rows"]} == {"web 1", "web parent", "worker"}
    assert found["upstream"]["refused_for_our_pace"] == 0
