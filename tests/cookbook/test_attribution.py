"""The recipe's programs, run against the stand-in: both give the same cents, and these are the server's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.consumers.attribution import arrivals, credits, intake, spend, tokens
from sumeru_proxy.consumers.attribution.company import Rule, table
from sumeru_proxy.consumers.attribution.division import divide
from sumeru_proxy.consumers.attribution.journeys import JourneyConversion, JourneyTouch
from sumeru_proxy.outbox.endpoint import Endpoint
from sumeru_proxy.outbox.signed_webhooks import body_of, headers_of, keys_of, new_secret
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.cookbook.test_wheel import bare, empty
from tests.sumeru_proxy.consumers.attribution.mounting import mount
from tests.upstream import Upstream, upstream

__all__ = ["bare", "empty"]
ORDER = {"id": "ord_1", "revenue": {"net": "10.00"}, "currency": "EUR"}
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


def cents_in(lines: list[str]) -> dict[tuple[str, str], int]:
    """What a Python form prints, in minor units."""
    rows = [line.rsplit(" ", 2) for line in lines]
    return {
        (channel, currency): int(Decimal(amount).scaleb(DIGITS.get(currency, 2))) for channel, currency, amount in rows
    }


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_the_typed_client_gives_the_same_cents(fed: Upstream, bare: Path) -> None:
    assert cents_in(run(str(bare), PROGRAMS / "own_weights_sdk.py", fed)) == expected(fed)


def test_curl_reads_a_page(fed: Upstream) -> None:
    bash = shutil.which("bash")
    assert bash
    page = json.loads("\n".join(run(bash, PROGRAMS / "attributions.sh", fed)))
    assert len(page["data"]) == 100
    assert page["pagination"]["next_cursor"]


@pytest.mark.django_db(transaction=True)
def test_the_report_is_read_in_every_form(live_server: Any, make_shop: Any, settings: Any) -> None:
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.attribution"]
    mount()
    shop = make_shop("https://api.sumeru.systems")
    at_ms = arrivals.milliseconds(datetime(2026, 5, 7, tzinfo=UTC))
    touch = arrivals.ArrivedTouch("sumeru:tp_1", at_ms, "email", theirs=12_000)
    order = arrivals.Arrived("ord_1", at_ms, "EUR", 12_000, 2_000, at_ms, spoken=arrivals.Spoken((touch,), "linear"))
    intake.take(shop.pk, [order])
    spend.store(shop.pk, [spend.SpendLine(date(2026, 5, 1), "email", "", Decimal(40), "EUR")])
    known = {
        "PATH": os.environ["PATH"],
        "WIDGETS": live_server.url,
        "ATTRIBUTION_TOKEN": tokens.issue(shop.pk, "BI").token,
    }
    said = {}
    for program, script in (("bash", "report.sh"), (sys.executable, "report.py"), ("node", "report.mjs")):
        path = shutil.which(program)
        assert path
        done = subprocess.run([path, PROGRAMS / script], env=known, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        said[script] = done.stdout
    assert said["report.py"] == said["report.mjs"] == "email 100.00 2.50\n"
    (row,) = json.loads(said["report.sh"])["rows"]
    assert (row["channel"], row["return_on_spend"]["company"]) == ("email", "2.50")


@pytest.mark.parametrize(("program", "script"), [(sys.executable, "credited.py"), ("node", "credited.mjs")])
def test_receivers_take_what_is_signed_and_each_message_once(program: str, script: str) -> None:
    path = shutil.which(program)
    assert path
    secret, other = new_secret(), new_secret()
    body = body_of("attribution.credited", datetime.now(UTC), {"orders": [ORDER]})
    known = {"PATH": os.environ["PATH"], "CREDITED_SECRET": secret, "PORT": "0"}

    def send(id: str, moment: float, key: str) -> int:
        endpoint = Endpoint(f"http://127.0.0.1:{port}/", allow_private=True)
        status = endpoint.post(headers_of(id, moment, body, keys_of(key)), body).status
        endpoint.close()
        return status

    with subprocess.Popen([path, PROGRAMS / script], env=known, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            now = time.time()
            assert send("credited_1", now, other) == 401
            assert send("credited_1", now - 3_600, secret) == 401
            assert send("credited_1", now, f"{other},{secret}") == 204
            assert send("credited_1", now, secret) == 204
            assert send("credited_2", now, secret) == 204
            assert [process.stdout.readline() for _ in range(2)] == ["ord_1 10.00 EUR\n"] * 2
        finally:
            process.terminate()
