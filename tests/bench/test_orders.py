"""The bench of the sandbox's orders runs, and would notice a page that is slower the more orders there are."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from tests.bench import orders
from tests.sumeru_proxy.installation import ROOT


def test_it_prints_every_kind_of_page() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "tests.bench", "orders", "--orders", "150", "--calls", "2", "--json"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    ).stdout  # fmt: skip
    result: dict[str, Any] = json.loads(output)
    assert {row["orders"] for row in result["rows"]} == {150}
    assert {"first page, 100", "with attributions, 100", "attribution, 100"} <= {row["name"] for row in result["rows"]}
    assert all(row["median_ms"] > 0 and row["bytes"] > 500 for row in result["rows"])


def test_it_fails_for_a_slow_page() -> None:
    row = {"orders": 1, "name": "first page, 100", "median_ms": 5.0}
    assert orders.failed({"rows": [row]})
    assert not orders.failed(
        {"rows": [{**row, "median_ms": 4.9}, {**row, "name": "sorted anew, 100", "median_ms": 90.0}]}
    )


def test_its_options_are_understood() -> None:
    parser = argparse.ArgumentParser()
    orders.add_arguments(parser)
    assert parser.parse_args(["--orders", "10", "20"]).orders == [10, 20]
