"""A thousand real reviews: every product's reviews complete and right against the CSV, computed here independently."""

from __future__ import annotations

import csv
import html
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy.models import Shop
from tests import clothing_reviews
from tests.upstream import Upstream, upstream

CSV = Path(__file__).resolve().parents[3] / "shared" / "data" / "clothing_reviews.csv"

# These tests are about content; the pace has its own.
UNLIMITED = {"public_reads_per_ip": 1_000_000, "public_reads_per_shop": 1_000_000}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, str]]]:
    """The CSV's rows by product. Where the file is absent these tests say so; in CI it must be there."""
    if not CSV.exists():
        if os.environ.get("CI"):
            pytest.fail("the real reviews are missing beside the project")
        pytest.skip("the file of real reviews is not here")
    by_product: dict[str, list[dict[str, str]]] = defaultdict(list)
    with CSV.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_product[f"prd_{row['Clothing ID']}"].append(row)
    return dict(by_product)


@pytest.fixture
def real(rows: object) -> Iterator[Upstream]:
    with upstream(clothing_reviews.catalogue_of(CSV), limits=UNLIMITED) as running:
        yield running


@pytest.mark.thorough
def test_every_row_of_the_file_is_shown(
    client: Client, make_shop: Callable[..., Shop], real: Upstream, rows: dict[str, list[dict[str, str]]], settings: Any
) -> None:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    shop = make_shop(real.url, limits=UNLIMITED, **real.account())
    shown_rows = 0
    for product_id, expected in rows.items():
        ratings = [int(row["Rating"]) for row in expected]
        seen: list[tuple[int, str, str]] = []
        page = 1
        while True:
            response = client.get(f"/w/v1/{shop.key}/reviews.json?product_id={product_id}&page={page}&limit=50")
            answer = json.loads(response.content)
            assert answer["state"] == "ready", (product_id, page)
            assert len(answer["html"].encode()) <= 320_000
            for review in answer["data"]["reviews"]:
                seen.append((review["rating"], review["title"], review["body"]))
                text = html.unescape(answer["html"])
                assert review["title"] in text
                for word in review["body"].split()[:5]:
                    assert word in text
            if not answer["data"]["page"]["has_next"]:
                break
            page += 1
        summary = answer["data"]["summary"]
        average = (Decimal(sum(ratings)) / len(ratings)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        assert summary["count"] == len(expected), product_id
        assert Decimal(str(summary["average"])) == average, product_id
        assert {row["rating"]: row["count"] for row in summary["histogram"]} == {
            stars: ratings.count(stars) for stars in range(1, 6)
        }
        wanted = sorted((int(row["Rating"]), row["Title"].strip(), row["Review Text"].strip()) for row in expected)
        assert sorted(seen) == wanted, product_id
        shown_rows += len(seen)
    assert shown_rows == sum(map(len, rows.values())) == 1_000


@pytest.mark.thorough
def test_default_pages_stay_small(
    client: Client, make_shop: Callable[..., Shop], real: Upstream, rows: dict[str, list[dict[str, str]]], settings: Any
) -> None:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    shop = make_shop(real.url, limits=UNLIMITED, **real.account())
    for product_id in rows:
        for sort in ("newest", "highest", "lowest", "helpful"):
            body = client.get(f"/w/v1/{shop.key}/reviews.html?product_id={product_id}&sort={sort}").content
            assert len(body) <= 96_000, (product_id, sort)


def test_filters_by_stars_agree_with_the_file(
    client: Client, make_shop: Callable[..., Shop], real: Upstream, rows: dict[str, list[dict[str, str]]], settings: Any
) -> None:
    settings.CLIENT_READS_PER_MINUTE = 1_000_000
    shop = make_shop(real.url, limits=UNLIMITED, **real.account())
    busiest = max(rows, key=lambda each: len(rows[each]))
    for stars in range(1, 6):
        answer = json.loads(
            client.get(f"/w/v1/{shop.key}/reviews.json?product_id={busiest}&rating={stars}&limit=50").content
        )
        expected = sum(1 for row in rows[busiest] if int(row["Rating"]) == stars)
        assert answer["data"]["page"]["total"] == expected
        assert {review["rating"] for review in answer["data"]["reviews"]} <= {stars}


def test_badges_of_every_product_agree_with_the_file(
    client: Client, make_shop: Callable[..., Shop], real: Upstream, rows: dict[str, list[dict[str, str]]]
) -> None:
    shop = make_shop(real.url, limits=UNLIMITED, **real.account())
    ids = sorted(rows)[:48]
    query = "&".join(f"w=rating_badge%3Fproduct_id%3D{each}" for each in ids)
    items = json.loads(client.get(f"/w/v1/{shop.key}/batch?{query}").content)["items"]
    assert [item["state"] for item in items] == ["ready"] * 48
    for product_id, item in zip(ids, items, strict=True):
        ratings = [int(row["Rating"]) for row in rows[product_id]]
        average = (Decimal(sum(ratings)) / len(ratings)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        text = html.unescape(item["html"])
        assert str(len(ratings)) in text
        assert str(average) in text or str(average).removesuffix(".0") in text, (product_id, text)
    assert real.calls("product-feed") <= 2
