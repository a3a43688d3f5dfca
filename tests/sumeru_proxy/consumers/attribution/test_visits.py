"""Visits of our own pixel: once, with consent, joined to orders in any order of arrival, forgotten when the visitor says so."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sumeru_proxy.consumers.attribution import (
    arrivals,
    channels,
    erasure,
    estimation,
    intake,
    journey_rows,
    proof,
    visitors,
    visits,
)
from sumeru_proxy.consumers.attribution.arrivals import SOURCE, Arrived, ArrivedTouch, Spoken
from sumeru_proxy.consumers.attribution.journeys import DAY_MS, Options
from sumeru_proxy.consumers.attribution.models import (
    AttributionSettings,
    Conversion,
    ConversionTouch,
    Credit,
    Label,
    ModelCode,
    Touch,
    VisitorLink,
    Withdrawal,
)
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed
from sumeru_proxy.worker import Worker, handlers
from tests.sumeru_proxy.consumers.attribution.stored import contents

pytestmark = pytest.mark.django_db
NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def event(visitor: str = "v1", *, hours: float = 0, kind: str = "page_view", **more: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp((NOW_MS - hours * HOUR_MS) / 1_000, UTC)
    return {
        "id": f"evt-{visitor}-{hours}-{kind}",
        "type": kind,
        "occurred_at": at.isoformat(),
        "visitor_id": visitor,
        "session_id": "s1",
        "url": "https://shop.example/",
        "referrer": "",
        "consent": "granted",
        "device": "mobile",
        "properties": {},
        **more,
    }


def take(shop: Shop, *events: dict[str, Any]) -> dict[str, int]:
    return visitors.take(shop.pk, visits.visits_of(events, channels.DEFAULTS, {"shop.example"}), NOW_MS)


def touches(shop: Shop) -> list[tuple[int, str, str]]:
    """Hours before now, channel, campaign; oldest first."""
    texts = {0: "", **dict(Label.objects.filter(shop=shop).values_list("pk", "text"))}
    rows = Touch.objects.filter(shop=shop, key__startswith=visits.SOURCE).order_by("at_ms", "key")
    return [((NOW_MS - row.at_ms) // HOUR_MS, texts[row.channel], texts[row.campaign]) for row in rows]


def order(key: str = "ord_1", customer: str = "cus_1", touches: tuple[ArrivedTouch, ...] = (), **more: Any) -> Arrived:
    spoken = Spoken(touches, "linear", **more)
    return Arrived(key, NOW_MS, "EUR", 10_000, 0, NOW_MS, 1, customer, f"{customer}@mail.example", spoken)


AD = "https://shop.example/p?utm_source=google&utm_medium=cpc&utm_campaign=May"


def test_a_visit_s_contact_is_stored_once_at_its_first_moment(shop: Shop) -> None:
    batch = [event(hours=2, url=AD), event(hours=3, url=AD), event(hours=1, referrer="https://shop.example/p")]
    for _ in range(2):
        take(shop, *batch, *batch)
    assert touches(shop) == [(3, "paid_search", "May")]
    take(shop, event(hours=4, url=AD))
    assert touches(shop) == [(4, "paid_search", "May")]
    (row,) = Touch.objects.all()
    assert (row.source, row.medium) == ("google", "cpc")
    assert "v1" not in str(row.__dict__)


def test_direct_is_for_visits_without_another_contact_whatever_comes_first(shop: Shop, other_shop: Shop) -> None:
    batch = [event(hours=5), event(hours=4, url=AD), event("v2", hours=2), event("v2", hours=1)]
    take(shop, *batch)
    for each in reversed(batch):
        take(other_shop, each)
    assert touches(shop) == touches(other_shop) == [(4, "paid_search", "May"), (2, "direct", "")]


@pytest.mark.parametrize(
    "change",
    [
        {"consent": "denied"},
        {"consent": None},
        {"excluded": "bot"},
        {"excluded": "internal"},
        {"visitor_id": ""},
        {"occurred_at": "yesterday"},
        {"url": ""},
        {"type": "product_view"},
        {"referrer": "https://www.paypal.com/"},
    ],
)
def test_what_does_not_count_leaves_nothing(shop: Shop, change: dict[str, Any]) -> None:
    take(shop, {**event(), **change})
    assert not Touch.objects.exists()
    assert not VisitorLink.objects.exists()


@pytest.mark.parametrize(
    ("says", "more"),
    [
        (event(customer_id="cus_1"), {}),
        (event(kind="identified", email=" CUS_1@mail.example"), {}),
        (event(kind="order", properties={"order_id": "ord_1"}), {}),
        (event(kind="page_view"), {"visitor_ids": frozenset({"v1"})}),
    ],
    ids=["token", "form", "thank-you page", "Sumeru's touchpoint"],
)
@pytest.mark.parametrize("order_first", [False, True])
def test_an_order_gets_the_visitor_s_touches(shop: Shop, says: dict[str, Any], more: Any, order_first: bool) -> None:
    steps = [
        lambda: take(shop, event(hours=50, url=AD), event("v9", hours=40, url=AD)),
        lambda: take(shop, says),
        lambda: intake.take(shop.pk, [order(**more)]),
    ]
    for step in reversed(steps) if order_first else steps:
        step()
    links = ConversionTouch.objects.filter(conversion__key="ord_1").values_list("touch__person", flat=True)
    assert set(links) == {visits.visitor_of("v1")}
    first = Credit.objects.get(conversion__key="ord_1", model=ModelCode.FIRST)
    assert (Label.objects.get(pk=first.channel).text, first.amount) == ("paid_search", 10_000)
    assert proof.prove(shop.pk, 0, 10**6).exact


def test_an_old_order_is_claimed_by_nobody_and_a_fresh_one_once(shop: Shop) -> None:
    intake.take(shop.pk, [order("ord_1", ""), replace(order("ord_2", ""), at_ms=NOW_MS - 5 * DAY_MS)])
    for visitor, hours in (("v1", 1), ("v2", 0)):
        take(shop, event(visitor, hours=200, url=AD))
        take(shop, event(visitor, hours=hours, kind="order", properties={"order_id": "ord_1"}))
        take(shop, event(visitor, hours=hours, kind="order", properties={"order_id": "ord_2"}))
    found = ConversionTouch.objects.values_list("conversion__key", "touch__person")
    assert list(found) == [("ord_1", visits.visitor_of("v1"))]


def test_the_same_visit_seen_by_sumeru_counts_once(shop: Shop) -> None:
    theirs = ArrivedTouch(f"{SOURCE}tp_1", NOW_MS - 50 * HOUR_MS, "paid_search", "cmp_1")
    take(shop, event(hours=50.2, url=AD, customer_id="cus_1"), event(hours=9, session_id="s2", url=AD))
    intake.take(shop.pk, [order(touches=(theirs,))])
    keys = sorted(ConversionTouch.objects.values_list("touch__key", flat=True))
    assert len(keys) == 2
    assert keys[1] == theirs.key
    intake.take(shop.pk, [replace(order(), changed_ms=NOW_MS + 1)])  # Sumeru does not name it any more
    assert ConversionTouch.objects.count() == 2
    assert proof.prove(shop.pk, 0, 10**6).exact


def test_withdrawn_consent_forgets_and_keeps_out_what_comes_late(shop: Shop) -> None:
    take(shop, event(hours=50, url=AD, customer_id="cus_1"), event("v2", hours=3, url=AD))
    intake.take(shop.pk, [order()])
    assert Credit.objects.get(model=ModelCode.LAST).channel
    take(shop, event(kind="consent_withdrawn", consent="denied"))
    assert touches(shop) == [(3, "paid_search", "May")]
    assert Credit.objects.get(model=ModelCode.LAST).channel == 0
    take(shop, event(hours=49, url=AD, customer_id="cus_1"), event(kind="order", properties={"order_id": "ord_1"}))
    intake.take(shop.pk, [replace(order(visitor_ids=frozenset({"v1"})), changed_ms=NOW_MS + 1)])
    assert touches(shop) == [(3, "paid_search", "May")]
    assert not VisitorLink.objects.exists()
    assert proof.prove(shop.pk, 0, 10**6).exact
    later = datetime.fromtimestamp(NOW_MS / 1_000 + 31 * 86_400, UTC)
    erasure.prune(later, False)
    assert not Withdrawal.objects.exists()


def test_erasure_finds_the_person_s_visits_and_leaves_the_sums(shop: Shop) -> None:
    take(shop, event(hours=50, url=AD, customer_id="cus_1"), event("v2", hours=3, url=AD))
    intake.take(shop.pk, [order()])
    before = contents(shop)
    person = frozenset({"cus_1"})
    held = erasure.export(shop.pk, person)
    assert [each["channel"] for each in held["touches"]] == ["paid_search"]
    planned = erasure.erase(shop.pk, person, True)
    assert contents(shop) == before
    assert erasure.erase(shop.pk, person, False) == planned
    after = contents(shop)
    assert (after["sums"], after["counts"]) == (before["sums"], before["counts"])
    assert touches(shop) == [(3, "paid_search", "May")]
    assert not VisitorLink.objects.exists()
    assert erasure.export(shop.pk, person) == {"orders": [], "touches": []}


def test_any_order_of_arrival_gives_the_same(shop: Shop, other_shop: Shop) -> None:
    random_ = random.Random(4)
    steps: list[Any] = []
    for number in range(25):
        visitor, customer = f"v{number % 9}", f"cus_{number % 5}"
        url = f"https://shop.example/?utm_medium={random_.choice(('email', 'cpc', 'banner'))}&utm_campaign={number}"
        own = [event(visitor, hours=random_.randrange(400), url=url, session_id=f"s{number}") for _ in range(3)]
        steps += [("visit", own), ("visit", [event(visitor, hours=1, session_id=f"d{number}")])]
        steps.append(("visit", [event(visitor, kind="identified", email=f"{customer}@mail.example")]))
        steps.append(
            ("order", replace(order(f"ord_{number}", customer), at_ms=NOW_MS - random_.randrange(200) * HOUR_MS))
        )
    for where, seed in ((shop, 1), (other_shop, 2)):
        mixed = [*steps, *random.Random(seed).sample(steps, 30)]
        random.Random(seed).shuffle(mixed)
        for kind, body in mixed:
            if kind == "visit":
                take(where, *body)
            else:
                intake.take(where.pk, [body])
    mine, theirs = contents(shop), contents(other_shop)
    assert len(mine["links"]) > 30
    for part in mine:
        assert mine[part] == theirs[part], part
    assert proof.prove(shop.pk, 0, 10**6).exact


def test_visits_without_an_order_are_the_open_journeys(shop: Shop) -> None:
    take(shop, event(hours=50, url=AD, customer_id="cus_1"), event(hours=0.5, url=AD, session_id="s7"))
    take(shop, event("v2", hours=3, url=AD), event("v2", hours=2, session_id="s3", referrer="https://bing.com/"))
    intake.take(shop.pk, [replace(order(), at_ms=NOW_MS - HOUR_MS)])
    from sumeru_proxy.consumers.attribution import words

    found = dict(journey_rows.without_order(shop.pk, words.texts_of(shop.pk)))
    assert {person: [each.channel for each in own] for person, own in found.items()} == {
        visits.visitor_of("v2"): ["paid_search", "organic"]
    }
    counted = estimation.count(shop.pk, Options(), 1, NOW_MS + 1)
    assert (counted.conversions, counted.open_journeys) == (1, 1)


def test_the_worker_takes_what_the_pixel_gathered(shop: Shop) -> None:
    installed.owe("attribution", "visits", shop.pk, {"events": [event(hours=3, url=AD), "nonsense", {}]}, key="batch-1")
    Worker(handlers()).once()
    job = Job.objects.get(key="batch-1")
    assert (job.state, job.result) == (Job.State.DONE, {"visitors": 1, "withdrawn": 0})
    assert job.body_text == ""  # it held addresses and ids
    assert len(touches(shop)) == 1


def test_rules_that_are_none_are_refused_where_they_are_typed(shop: Shop, admin_client: Any) -> None:
    from django.core.exceptions import ValidationError

    row = AttributionSettings(shop=shop, channel_rules="email medium=email\nnonsense")
    with pytest.raises(ValidationError, match="2:"):
        row.full_clean()
    row.channel_rules = "mine medium=*"
    row.full_clean()
    row.save()
    installed.owe("attribution", "visits", shop.pk, {"events": [event(hours=3, url=AD)]}, key="batch-2")
    Worker(handlers()).once()
    assert touches(shop) == [(3, "mine", "May")]


def test_many_touches_of_one_visitor_keep_the_latest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "TOUCHES_LIMIT", 3)
    for hours in range(1, 6):
        take(shop, event(hours=hours, url=AD, session_id=f"s{hours}", customer_id="cus_1"))
    intake.take(shop.pk, [order()])
    assert ConversionTouch.objects.count() == 3
    assert Conversion.objects.get().length == 3
