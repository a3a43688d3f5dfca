"""The recipe's programs, run against the stand-in: both give the same cents, and these are the server's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from sumeru_proxy.consumers.attribution import credits
from sumeru_proxy.consumers.attribution.company import Rule, table
from sumeru_proxy.consumers.attribution.division import divide
from sumeru_proxy.consumers.attribution.journeys import JourneyConversion, JourneyTouch
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream

PROGRAMS = Path(__file__).parent / "attribution"
MODULE = Path(credits.__file__).parent / "static" / "attribution" / "credit.mjs"
DIGITS = {"JPY": 0, "KWD": 3}
RULES = table([Rule("channel", "email", 1_200), Rule("channel", "paid_search", 900), Rule("channel", "direct", 0)])


@pytest.fixture
def fed() -> Iterator[Upstream]:
    with upstream(small_catalogue(), limits=False) as sandbox:
        sandbox.sandbox.control.orders.generate({"count": 150, "seed": 8})
        yield sandbox


def run(program: str, script: Path, fed: Upstream) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "SUMERU_API": fed.url, "ATLANTIS_API_KEY": fed.account()["token"]}
    done = subprocess.run([program, str(script)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def expected(fed: Upstream) -> dict[tuple[str, str], int]:
    """The same by the server's own functions, from the stand-in's own orders."""
    shop = next(iter(fed.sandbox.world.shops.values()))
    found: dict[tuple[str, str], int] = {}
    for key in shop.orders:
        order = shop.orders[key]
        for entry in order["attributions"][:1]:
            cents = int(Decimal(entry["revenue"]).scaleb(DIGITS.get(entry["currency"], 2)))
            points = sorted(entry["touchpoints"], key=lambda point: point["occurred_at"])
            touches = [JourneyTouch(place, place, point["channel"]) for place, point in enumerate(points)]
            weights = RULES.weigh(JourneyConversion(len(touches), cents), touches)
            shares = divide(cents, weights) if any(weights) else []
            if not shares and touches:
                found["(unattributed)", entry["currency"]] = found.get(("(unattributed)", entry["currency"]), 0) + cents
            for touch, share in zip(touches, shares, strict=False):
                where = (touch.channel, entry["currency"])
                found[where] = found.get(where, 0) + share
    return found


def test_both_programs_give_the_server_s_cents(fed: Upstream, tmp_path: Path) -> None:
    cents = expected(fed)
    assert len(cents) > 10
    in_python = {}
    for line in run(sys.executable, PROGRAMS / "own_weights.py", fed):
        channel, currency, amount = line.rsplit(" ", 2)
        in_python[channel, currency] = int(Decimal(amount).scaleb(DIGITS.get(currency, 2)))
    assert in_python == cents
    shutil.copy(MODULE, tmp_path)
    script = Path(shutil.copy(PROGRAMS / "own_weights.mjs", tmp_path))
    node = shutil.which("node")
    assert node
    in_javascript = {}
    for line in run(node, script, fed):
        channel, currency, amount = line.rsplit(" ", 2)
        in_javascript[channel, currency] = int(amount)
    assert in_javascript == cents
