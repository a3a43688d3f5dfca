"""The sentences about jobs, and the panel's arithmetic, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sumeru_proxy.models import Job
from sumeru_proxy.outbox.backlog import Backlog
from widgets.admin import backlog_panel, bodies, job_words, moments

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


def job(**columns: object) -> Job:
    return Job(**{"kind": "review", "key": "k", "state": "waiting", "next_at": NOW, "body_text": "{}", **columns})


@pytest.mark.parametrize("reason", Job.Reason.values)
def test_every_reason_for_parking_has_words_and_advice(reason: str) -> None:
    told = job_words.explain(job(state="parked", reason=reason), NOW)
    assert told.why != "It was put aside." or reason in ("limited", "unavailable", "failed")
    assert bool(told.advice) is (reason not in job_words.OVER)


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({}, {}, "It is next in line."),
        ({"next_at": NOW + timedelta(hours=1)}, {}, "at the time below"),
        ({"next_at": NOW - timedelta(minutes=6)}, {}, "no worker has taken it"),
        ({"next_at": NOW - timedelta(minutes=4)}, {}, "It is next in line."),
        ({"next_at": NOW - timedelta(hours=1), "last_attempt_at": NOW}, {}, "It is next in line."),
        ({"next_at": NOW - timedelta(hours=1)}, {"behind": True}, "waits for an earlier one"),
        ({}, {"is_known": False}, "Nothing here does this kind"),
        ({"reason": "limited"}, {}, "no more calls this minute"),
        ({"reason": "unavailable"}, {}, "could not be reached"),
        ({"reason": "failed"}, {}, "tried again by itself"),
        ({"state": "claimed", "lease_until": NOW + timedelta(seconds=1)}, {}, "at it just now"),
        ({"state": "claimed", "lease_until": NOW - timedelta(seconds=1)}, {}, "has stopped"),
        ({"state": "done"}, {}, "It is done."),
    ],
)
def test_why_a_job_is_where_it_is(columns: dict[str, object], options: dict[str, bool], words: str) -> None:
    assert words in job_words.explain(job(**columns), NOW, **options).why


@pytest.mark.parametrize(
    ("columns", "doubtful", "retryable", "discardable"),
    [
        ({}, False, False, True),
        ({"ambiguous": True}, True, False, True),
        ({"state": "claimed", "ambiguous": True}, True, False, False),
        ({"state": "parked", "reason": "refused"}, False, True, True),
        ({"state": "parked", "reason": "ambiguous_old"}, True, True, True),
        ({"state": "parked", "reason": "refused", "body_text": ""}, False, False, True),
        ({"state": "parked", "reason": "discarded", "ambiguous": True}, False, False, False),
        ({"state": "parked", "reason": "erased"}, False, False, False),
        ({"state": "done"}, False, False, False),
    ],
)
def test_what_may_be_done(columns: dict[str, object], doubtful: bool, retryable: bool, discardable: bool) -> None:
    row = job(**columns)
    assert (job_words.doubtful(row), job_words.retryable(row), job_words.discardable(row)) == (
        doubtful,
        retryable,
        discardable,
    )


@pytest.mark.parametrize(
    ("arrived", "limits", "classes"),
    [
        ({(1, "review"): 1_000}, {1: {}}, []),
        ({(1, "review"): 1_201}, {1: {}}, ["writes"]),
        # All shops share one address: their writes add up, and the lowest limit counts.
        ({(1, "review"): 700, (2, "quiz_result"): 700}, {1: {}, 2: {}}, ["writes"]),
        ({(1, "review"): 1_201}, {1: {"writes_per_ip": 200}}, []),
        ({(1, "review"): 700, (2, "review"): 700}, {1: {"writes_per_ip": 200}, 2: {}}, ["writes"]),
        # The admin API's limits belong to each shop.
        ({(1, "customer_update"): 3_000, (2, "customer_update"): 3_000}, {1: {}, 2: {}}, []),
        ({(1, "customer_update"): 3_601}, {1: {}}, ["admin"]),
        ({(1, "pixel_batch"): 10**6, (1, "listen:x"): 10**6, (1, "erase"): 10**6}, {1: {}}, []),
    ],
)
def test_what_arrives_faster_than_it_can_be_paid(
    arrived: dict[tuple[int, str], int], limits: dict[int, dict[str, int]], classes: list[str]
) -> None:
    assert [name for name, _count, _possible in backlog_panel.faster_than_paid(arrived, limits)] == classes


def test_twenty_a_minute_is_the_most_that_is_promised() -> None:
    ((_name, count, possible),) = backlog_panel.faster_than_paid({(1, "review"): 5_000}, {1: {}})
    assert count == 5_000
    assert 600 < possible <= 1_200


def test_warnings_come_worst_first() -> None:
    calm = Backlog()
    assert backlog_panel.warnings_of(calm, [], 0.0, 0) == []
    bad = backlog_panel.warnings_of(Backlog(drain_s=13 * 3600.0), [("writes", 9, 1)], 600.0, 2)
    assert [words.split()[0] for words in bad] == ["Nothing", "Delivering", "In", "Parked,"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (0.2, "1 second"), (59, "59 seconds"), (60, "1 minute"), (3_700, "1 hour, 1 minute")],
)
def test_spans(seconds: float, words: str) -> None:
    assert moments.span(seconds).replace("\xa0", " ") == words


def test_spans_never_fail_and_times_go_both_ways() -> None:
    assert moments.span(1e15)
    assert moments.until(NOW, NOW) == "now"
    assert moments.until(NOW + timedelta(seconds=5), NOW) == "in 5 seconds"
    assert moments.ago(NOW + timedelta(hours=1), NOW) == "just now"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":"é"}', '{\n  "a": "é"\n}'),
        ('{"a":"\\ud800\\u202e"}', '{\n  "a": "\\ud800\\u202e"\n}'),
        ("not json\0", "not json\\u0000"),
        ('"copt_live_0123456789abcdef"', '"copt_live_[redacted]"'),
    ],
)
def test_bodies_are_readable_and_harmless(text: str, shown: str) -> None:
    assert bodies.readable_body(text) == shown
    bodies.readable_body(text).encode()
