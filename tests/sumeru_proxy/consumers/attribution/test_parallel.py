"""Parquet files for warehouses, and crediting by ranges on Dask: the cents are those of one process."""

from __future__ import annotations

from io import StringIO
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sumeru_proxy.consumers.attribution import intake, weight_tables
from sumeru_proxy.consumers.attribution.company import Rule
from sumeru_proxy.consumers.attribution.models import AttributionSettings, Conversion, Credit
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution.stored import START_MS, contents, random_orders

parquet = pytest.importorskip("pyarrow.parquet", reason="the optional dependency parquet is not installed")
distributed = pytest.importorskip("distributed", reason="the optional dependency attribution-parallel is not installed")
from sumeru_proxy.consumers.attribution import parallel, warehouse  # noqa: E402

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(shop: Shop) -> Shop:
    rules = [Rule("channel", "email", 2_000), Rule("position", "first", 1_500), Rule("age", "0-7", 900)]
    weight_tables.publish(weight_tables.draft(shop.pk, rules), START_MS)
    intake.take(shop.pk, random_orders(90, seed=81))
    return shop


def own(client: Any, shop: Shop, folder: str = "", count: int = 7) -> parallel.Sums:
    ids = list(Conversion.objects.filter(shop=shop).values_list("pk", flat=True))
    return parallel.credit(
        client, parallel.Source(shop.pk, folder), plan_of(shop.pk), parallel.ranges_of(min(ids), max(ids), count)
    )


def test_files_say_what_the_database_says(filled: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "PART_ROWS", 40)
    out = StringIO()
    call_command("attribution", "parquet", filled.key, "--folder", str(tmp_path), stdout=out)
    assert f"credits.parquet: {Credit.objects.count()} rows" in out.getvalue()
    found = contents(filled)
    touches = parquet.read_table(tmp_path / "touches.parquet").to_pylist()
    assert {(row["order"], row["rank"]) for row in touches if row["at_ms"] is not None} == {
        (row["order"], row["rank"]) for row in touches if row["rank"] is not None
    }
    assert len([row for row in touches if row["at_ms"] is not None]) == sum(found["links"].values())
    assert {row["order"] for row in touches} == set(found["orders"])
    sums: dict[str, int] = {}
    for row in parquet.read_table(tmp_path / "credits.parquet").to_pylist():
        sums[row["model"]] = sums.get(row["model"], 0) + row["amount"]
    total = sum(order.total for order in Conversion.objects.all())
    assert {name: amount for name, amount in sums.items() if name != "sumeru"} == dict.fromkeys(
        sums.keys() - {"sumeru"}, total
    )
    weights = parquet.read_table(tmp_path / "weights.parquet").to_pylist()
    assert [(row["version"], row["dimension"], row["thousandths"]) for row in weights] == [
        (1, "channel", 2_000),
        (1, "position", 1_500),
        (1, "age", 900),
    ]
    assert "example.com" not in str(touches)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_ranges_cover_every_number_once() -> None:
    for first, last, count in ((1, 1, 8), (5, 104, 7), (10, 12, 100), (3, 2, 4)):
        numbers = [
            number for part in parallel.ranges_of(first, last, count) for number in range(part.first, part.last + 1)
        ]
        assert numbers == list(range(first, last + 1))


def test_a_touch_for_one_order_only_is_refused(filled: Shop) -> None:
    AttributionSettings.objects.update(one_order_only=True)
    with pytest.raises(ValueError, match="by ranges"):
        own(None, filled)


def test_the_command_asks_for_what_it_needs(filled: Shop) -> None:
    with pytest.raises(CommandError, match="--folder"):
        call_command("attribution", "parquet", filled.key)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_identical_cents(filled: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "PART_ROWS", 40)
    warehouse.export(filled.pk, tmp_path)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        by_files = own(client, filled, str(tmp_path))
        workers = {each["pid"] for each in client.run(lambda: {"pid": __import__("os").getpid()}).values()}
    assert len(workers) == 2
    # The helper of multiprocessing, which would live as long as this process.
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]
    assert parallel.differences(filled.pk, by_files) == 0
    ids = list(Conversion.objects.values_list("pk", flat=True))
    whole = parallel.OrderRange(min(ids), max(ids))
    alone = parallel.credit_range(parallel.Source(filled.pk), plan_of(filled.pk), whole)
    assert alone == by_files
    key = next(key for key, money in by_files.items() if money[0])
    assert parallel.differences(filled.pk, {**by_files, key: (by_files[key][0] + 1, by_files[key][1])}) == 1
