"""Submissions that shoppers made: through killed web processes, a long outage, and one that outlives Sumeru's memory of keys."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running
from tests.faults.bystander import bystander
from tests.faults.running_site import DOMAIN, ENGINES, PLENTY, Reply, Site, Web, open_forms, site, submit
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

JOBS = "sumeru_proxy_job"
PRODUCTS = ("prd_1", "prd_2", "prd_3", "prd_4")
ROUNDS = 3
SUBMISSIONS, PERSONS = 60, 12
DAY_AND_AN_HOUR_S = 25 * 3_600


@pytest.fixture(params=ENGINES)
def stage(request: Any, tmp_path: Path) -> Iterator[tuple[Site, Sandbox]]:
    """A Sumeru and an installation of the test's own: both have their clocks moved."""
    with running(limits=PLENTY) as sandbox, site(request.param, tmp_path, sandbox) as place:
        yield place, sandbox


def held(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """What Sumeru received, by idempotency key."""
    return {entry["idempotency_key"]: entry for entry in sandbox.control.writes()["reviews"]}


def shown(sandbox: Sandbox) -> Counter[str]:
    """How many reviews of each title exist, whatever the keys were."""
    reviews = sandbox.world.shops[DOMAIN].reviews.values()
    return Counter(each["title"] for each in reviews if each["title"].startswith("Review "))


def states(place: Site) -> dict[str, int]:
    return {str(state): int(count) for state, count in place.rows(f"SELECT state, COUNT(*) FROM {JOBS} GROUP BY state")}


def key_of(number: int) -> str:
    return f"submission-{number:06d}"


def test_a_shopper_who_got_no_answer_sends_again_and_it_is_the_same_review(stage: tuple[Site, Sandbox]) -> None:
    """kill -9 of all web processes around the commit; the browser repeats the submission with its key."""
    place, sandbox = stage
    draw = random.Random(26)
    web = place.web()
    tokens = open_forms(place, web, "prd_1")
    sandbox.faults.add({"endpoint": "reviews-submit", "kind": "latency", "seconds": 0.8})
    after_commit = 0
    for number in range(ROUNDS):
        outcome: list[Reply | Exception] = []

        def send(number: int = number, outcome: list[Reply | Exception] = outcome, web: Web = web) -> None:
            try:
                outcome.append(submit(place, web, number, tokens["prd_1"]))
            except (OSError, http.client.HTTPException) as error:
                outcome.append(error)

        browser = threading.Thread(target=send)
        browser.start()
        if number % 2:  # at any instant …
            time.sleep(draw.uniform(0.0, 0.1))
        else:  # … and surely between the commit and the answer
            assert wait_until(lambda number=number: place.count(JOBS, f"key = '{key_of(number)}'") == 1, 10, 0.005)
        web.kill()
        browser.join(20)
        assert len(outcome) == 1
        assert isinstance(outcome[0], Exception), "the answer must have been lost"
        committed = place.count(JOBS, f"key = '{key_of(number)}'")
        after_commit += committed
        web = place.web()
        again = submit(place, web, number, tokens["prd_1"])
        assert again.status in (200, 202), again.body
        assert place.count(JOBS, f"key = '{key_of(number)}'") == 1
        changed = submit(place, web, number, tokens["prd_1"], changes={"body": "Something else."})
        assert (changed.status, changed.code) == (409, "idempotency_conflict")
    assert after_commit >= ROUNDS // 2
    sandbox.faults.clear()
    place.work("--once", shift_s=60)  # the killed processes' leases have run out by then
    assert place.workers[-1].wait(60) == 0
    assert states(place) == {"done": ROUNDS}
    assert {key: entry["applied"] for key, entry in held(sandbox).items()} == {key_of(n): 1 for n in range(ROUNDS)}
    assert shown(sandbox) == {f"Review {number}": 1 for number in range(ROUNDS)}


def open_enough_forms(place: Site, web: Web) -> list[dict[str, str]]:
    """Tokens by product for SUBMISSIONS reviews: each is good for five."""
    return [open_forms(place, web, *PRODUCTS) for _ in range(-(-SUBMISSIONS // len(PRODUCTS) // 5))]


def submit_all(place: Site, web: Web, forms: list[dict[str, str]], first: int = 0, count: int = SUBMISSIONS) -> None:
    """Reviews of PERSONS shoppers, each of whom writes several; every one is accepted."""
    for number in range(first, first + count):
        product = PRODUCTS[number % len(PRODUCTS)]
        person = f"person{number % PERSONS}@mail.example"
        token = forms[number // len(PRODUCTS) // 5][product]
        reply = submit(place, web, number, token, product, changes={"email": person})
        assert reply.status in (200, 202), (number, reply.body)


def in_order(sandbox: Sandbox) -> bool:
    """Whether each person's reviews came in the order in which they were written."""
    by_person = defaultdict(list)
    for entry in sandbox.control.writes()["reviews"]:
        by_person[entry["author"]["email"]].append(entry["idempotency_key"])
    assert len(by_person) == PERSONS
    return all(keys == sorted(keys) for keys in by_person.values())


def test_half_an_hour_without_sumeru_then_half_of_its_rate(stage: tuple[Site, Sandbox]) -> None:
    """The outage is shortened by moving the clocks; what waits is delivered in order, once, while pages are served."""
    place, sandbox = stage
    web = place.web()
    forms = open_enough_forms(place, web)
    with bystander(place, web) as other:
        sandbox.faults.add({"kind": "hang", "probability": 0.2})
        sandbox.faults.add({"kind": "status", "status": 503})
        place.work()
        submit_all(place, web, forms)
        assert wait_until(lambda: sandbox.calls()["endpoints"].get("reviews-submit", 0) >= 5, 20)
        place.stop_workers()
        assert held(sandbox) == {}
        assert set(states(place)) <= {"waiting", "claimed"}
        sandbox.clock.shift(1_800)
        sandbox.control.change_limits({"set": {"writes_per_ip": 600, "writes_per_shop": 600}})
        sandbox.faults.clear()
        began = time.monotonic()
        place.work(shift_s=1_800)
        place.work(shift_s=1_800)
        assert wait_until(lambda: states(place) == {"done": SUBMISSIONS}, 60), (states(place), place.logs()[-2_000:])
        print(f"{place.engine}: {SUBMISSIONS} delivered {time.monotonic() - began:.1f} s after the end of the outage")
    assert {key: entry["applied"] for key, entry in held(sandbox).items()} == {key_of(n): 1 for n in range(SUBMISSIONS)}
    assert shown(sandbox) == {f"Review {number}": 1 for number in range(SUBMISSIONS)}
    assert in_order(sandbox)
    assert (other.statuses, other.states) == ({200}, {"ready"})
    took_s = sorted(other.took_s)
    assert took_s[int(len(took_s) * 0.99)] < 1.0
    busiest = sandbox.calls()["busiest_minute"]["writes"]
    assert busiest <= 600 + SUBMISSIONS, busiest


def test_an_outage_longer_than_sumerus_memory_doubles_nothing(stage: tuple[Site, Sandbox]) -> None:
    """25 hours on, Sumeru knows no key any more: what it may have had is parked for a person, what it never saw is sent."""
    place, sandbox = stage
    web = place.web()
    forms = open_enough_forms(place, web)
    sandbox.faults.add({"endpoint": "reviews-submit", "kind": "lose_answer"})
    submit_all(place, web, forms, 0, 20)
    sandbox.faults.clear()
    sandbox.faults.add({"kind": "status", "status": 503})
    submit_all(place, web, forms, 20, 20)
    applied = set(held(sandbox))
    assert applied, "some answers must have been lost after Sumeru acted"
    ambiguous = {str(key) for (key,) in place.rows(f"SELECT key FROM {JOBS} WHERE ambiguous")}
    assert applied <= ambiguous
    assert len(ambiguous) < 40, "some must never have been sent"
    web.kill()
    sandbox.clock.shift(DAY_AND_AN_HOUR_S)
    sandbox.faults.clear()
    place.work(shift_s=DAY_AND_AN_HOUR_S)
    assert wait_until(lambda: set(states(place)) <= {"done", "parked"}, 60), (states(place), place.logs()[-2_000:])
    parked = {
        str(key) for (key,) in place.rows(f"SELECT key FROM {JOBS} WHERE state = 'parked' AND reason = 'ambiguous_old'")
    }
    print(
        f"{place.engine}: {len(applied)} applied with a lost answer, {len(parked)} parked, {40 - len(parked)} delivered late"
    )
    assert parked == ambiguous
    assert states(place) == {"parked": len(parked), "done": 40 - len(parked)}
    assert set(held(sandbox)) == applied | ({key_of(n) for n in range(40)} - parked)
    assert set(shown(sandbox).values()) == {1}
    assert sum(shown(sandbox).values()) == len(held(sandbox))
