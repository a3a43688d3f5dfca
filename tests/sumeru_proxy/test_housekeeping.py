"""The day's work: once a day whoever runs, again after a death, and what it does."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy import housekeeping
from sumeru_proxy.models import Bucket, InboundEvent, Job, Shop, Stamp
from sumeru_proxy.webhooks import installed
from tests.sumeru_proxy.installation import installed as installed_place
from tests.sumeru_proxy.installation import wait_until

DAY = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def shop(db: None, settings: Any) -> Shop:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.example_consumer.CONSUMER"]
    return Shop.objects.create(name="Daily", domain="daily.example")


@pytest.mark.parametrize(
    ("state", "at", "taken"),
    [
        ({}, DAY, True),
        ({}, DAY.replace(hour=1), False),
        ({"day": "2026-11-19"}, DAY, True),
        ({"day": "2026-11-20"}, DAY, False),
        ({"until": (DAY + timedelta(minutes=10)).isoformat()}, DAY, False),
        ({"until": (DAY - timedelta(minutes=10)).isoformat()}, DAY, True),
        ({"until": (DAY + timedelta(days=10)).isoformat()}, DAY, True),  # a clock was set back
    ],
)
def test_whose_the_work_is(state: dict[str, str], at: datetime, taken: bool) -> None:
    assert (housekeeping.whose(state, at) is not None) is taken


def test_the_worker_prunes_by_itself_once_a_day(shop: Shop) -> None:
    now = datetime.now(UTC).replace(hour=12)
    old = InboundEvent.objects.create(
        shop=shop, event_id="evt_1", type="order.created", occurred_at=now, body_text='{"data": {}}'
    )
    InboundEvent.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=15))
    Stamp.objects.create(shop=shop, topic="old", value=1)
    counts = housekeeping.daily(now)
    assert counts is not None
    assert (counts["event_bodies"], counts["example_old"], counts["daily_jobs"]) == (1, 1, 1)
    old.refresh_from_db()
    assert old.body_text == ""
    job = Job.objects.get(kind="example:proof")
    assert job.key == now.date().isoformat()
    assert housekeeping.daily(now + timedelta(hours=5)) is None
    following = housekeeping.daily(now + timedelta(days=1))
    assert following is not None
    assert following["daily_jobs"] == 1


def test_one_that_died_at_it_is_replaced(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC).replace(hour=12)

    def died(_day: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(installed, "owe_daily", died)
        with pytest.raises(KeyboardInterrupt):
            housekeeping.daily(now)
    assert housekeeping.daily(now + timedelta(minutes=59)) is None
    assert housekeeping.daily(now + timedelta(minutes=61)) is not None
    assert Job.objects.filter(kind="example:proof").count() == 1
    assert Bucket.objects.get(key="housekeeping:daily").extra == {"day": now.date().isoformat()}


def test_inactive_shops_owe_nothing_daily(shop: Shop) -> None:
    Shop.objects.update(active=False)
    assert installed.owe_daily(DAY.date()) == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_worker_with_all_its_threads_ends_when_told(tmp_path: Path) -> None:
    """Refreshing and the day's work run beside the jobs, and hold no worker up."""
    with installed_place("sqlite", tmp_path, "http://127.0.0.1:9", "daily.example", "pk_live_" + "1" * 32) as place:
        place.environment["CACHE_URL"] = "redis://127.0.0.1:9/0"  # shared, and away
        worker = place.start("work", "--threads", 1, "--idle-s", 0.05)
        assert wait_until(lambda: "working on" in place.log(), 120), place.log()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0, place.log()
        assert "Traceback" not in place.log()
