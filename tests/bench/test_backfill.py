"""The benches of the back-fill run, and would notice memory, a lost order and a slower intake."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench import backfill, intake
from tests.sumeru_proxy.installation import ROOT

WHOLE = {
    "peak_mb": 120.0,
    "refused_429": 0,
    "state": "done",
    "orders": 100,
    "done": 105,
    "links": {"sent": 100, "skipped": 5},
}


@pytest.mark.thorough
def test_a_short_back_fill_writes_every_order() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "tests.bench", "backfill", "--orders", "120", "--json"],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
    )  # fmt: skip
    result = json.loads(output.stdout)
    assert not backfill.failed(result), result
    assert (result["state"], result["failed"], result["skipped"]) == ("done", 0, 0)
    assert sum(result["links"].values()) == result["done"] >= 120


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, False), ({"peak_mb": 150.1}, True), ({"refused_429": 1}, True), ({"done": 99}, True),
        ({"links": {"sent": 99, "due": 1}}, True), ({"links": {"parked": 1}}, True), ({"state": "waiting", "done": 7}, False),
    ],
)  # fmt: skip
def test_what_fails_a_back_fill(change: dict[str, object], failed: bool) -> None:
    assert backfill.failed({**WHOLE, **change}) is failed


def test_what_fails_an_intake() -> None:
    taken = {False: {"events": [[1.0] * 99 + [10.0]] * 3}, True: {"events": [[1.0] * 99 + [11.5]] * 3}}
    figures = intake._figures(taken, {False: [1.0], True: [1.0]})
    assert figures["rows"]["events"]["p99_ratio"] == 1.15
    assert intake.failed({"back_filled": 9, **figures})
    taken[True] = taken[False]
    assert not intake.failed({"back_filled": 9, **intake._figures(taken, {False: [1.0], True: [1.0]})})
    assert intake.failed({"back_filled": 0, **intake._figures(taken, {False: [1.0], True: [1.0]})})
