"""Consumers: what is installed by one line, what does not fit, own jobs, and the hooks of the core."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from sumeru_proxy import pruning, worker
from sumeru_proxy.models import Job, Shop, Stamp
from sumeru_proxy.outbox import batching, jobs
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.webhooks import erasing, installed, persons, ranges
from sumeru_proxy.webhooks.listeners import Consumer, Done, JobKind, Setting
from tests.sumeru_proxy.example_consumer import CONSUMER, LEDGER, Ledger

EXAMPLE = "tests.sumeru_proxy.example_consumer.CONSUMER"
RECORDER = "tests.sumeru_proxy.listeners.RECORDER"
CANDIDATE: Any = None


@pytest.fixture(autouse=True)
def ledger(settings: Any) -> Ledger:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = [EXAMPLE]
    LEDGER.__init__()  # type: ignore[misc]
    return LEDGER


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="Consumers", domain="consumers.example")


def drain() -> None:
    each = worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0))
    while each.once():
        pass


# -- what is installed


@pytest.fixture
def app_of_a_merchant(tmp_path: Path) -> Iterator[str]:
    """A package with a ``consumer`` module, as an app of somebody else's."""
    package = tmp_path / "merchant_ledger"
    package.mkdir()
    (package / "__init__.py").write_text("")
    source = (
        "from sumeru_proxy.webhooks.listeners import Consumer\n"
        "CONSUMER = Consumer(name='merchant', title='The merchant’s')\n"
    )
    (package / "consumer.py").write_text(source)
    sys.path.insert(0, str(tmp_path))
    yield "merchant_ledger"
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("merchant_ledger")]:
        del sys.modules[name]


def test_one_line_adds_and_removes_an_app(settings: Any, app_of_a_merchant: str) -> None:
    settings.SUMERU_CONSUMERS = [app_of_a_merchant]
    assert [each.name for each in installed.consumers()] == ["merchant", "example"]
    settings.SUMERU_CONSUMERS = []
    assert [each.name for each in installed.consumers()] == ["example"]


def test_a_listener_by_itself_is_a_consumer_that_hears_everything(settings: Any) -> None:
    settings.SUMERU_LISTENERS = [RECORDER]
    (consumer,) = installed.consumers()
    assert (consumer.name, consumer.latest_only) == ("recorder", False)
    assert list(installed.by_kind()) == ["listen:recorder"]


@pytest.mark.parametrize(
    "candidate",
    [
        "no consumer",
        Consumer(name="Upper", title="", kinds=(JobKind("a", "A", lambda work: Done()),)),
        Consumer(name="x" * 25, title="", kinds=(JobKind("a", "A", lambda work: Done()),)),
        Consumer(name="listen", title=""),
        replace(CONSUMER, name="other"),  # its listener has another name
        Consumer(name="twice", title="", kinds=(JobKind("a", "A", lambda work: Done()),) * 2),
        Consumer(name="kinds", title="", kinds=(JobKind("a.part", "A", lambda work: Done()),)),
        Consumer(name="daily", title="", daily=("nothing",)),
        Consumer(name="visits", title="", visits="nothing"),
    ],
)
def test_what_does_not_fit_is_refused(candidate: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "CANDIDATE", candidate)
    settings.SUMERU_LISTENERS = [f"{__name__}.CANDIDATE"]
    installed._found.cache_clear()
    with pytest.raises(ImproperlyConfigured):
        installed.consumers()
    installed._found.cache_clear()


def test_two_of_one_name_are_refused(settings: Any) -> None:
    settings.SUMERU_LISTENERS = [EXAMPLE, EXAMPLE]
    with pytest.raises(ImproperlyConfigured, match="twice"):
        installed.consumers()


# -- own jobs


def test_own_jobs_are_owed_and_done(shop: Shop) -> None:
    job = installed.owe("example", "visits", shop.pk, {"events": [1, 2]}, key="v").job
    assert job.kind == "example:visits"
    drain()
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"events": 2})
    for name in ("nothing", "history.part"):
        with pytest.raises(KeyError):
            installed.owe("example", name, shop.pk, {}, key="k")


def test_jobs_of_a_consumer_that_was_taken_out_wait(shop: Shop, settings: Any) -> None:
    installed.owe("example", "visits", shop.pk, {"events": []}, key="v")
    settings.SUMERU_LISTENERS = []
    drain()
    assert Job.objects.get().state == "waiting"
    settings.SUMERU_LISTENERS = [EXAMPLE]
    drain()
    assert Job.objects.get().state == "done"


def test_the_target_of_a_job_has_a_name(shop: Shop) -> None:
    for name, body in (("order", {"order_id": "ord_1"}), ("history", {})):
        target = installed.target_of(installed.owe("example", name, shop.pk, body, key="k").job)
        assert target is not None
        assert target.name == "The ledger"
    assert installed.target_of(installed.owe("example", "visits", shop.pk, {"events": []}, key="k").job) is None
    assert installed.target_of(jobs.owe(shop.pk, "review", {}, key="k").job) is None


def test_visitor_events_come_to_it_once_each(shop: Shop) -> None:
    for number in range(130):
        jobs.owe(shop.pk, "pixel", {"events": [{"id": f"e{number}"}]}, key=f"p{number}")
    later = timezone.now() + timedelta(seconds=5)
    assert batching.gather(later, also=installed.visit_kinds()) == 2
    bodies = [json.loads(each.body_text) for each in Job.objects.filter(kind="example:visits")]
    assert sorted(event["id"] for body in bodies for event in body["events"]) == sorted(f"e{n}" for n in range(130))
    assert Job.objects.filter(kind="pixel_batch").count() == 2
    assert batching.gather(later, also=installed.visit_kinds()) == 0


# -- hooks


def test_erasing_a_person_reaches_it_in_the_same_transaction(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    Stamp.objects.create(shop=shop, topic="person:ada@mail.example", value=1)
    person = persons.identity_of("ada@mail.example")
    assert erasing.erase(shop.pk, person, dry_run=True)["example_rows"] == 1
    assert Stamp.objects.count() == 1
    assert erasing.held_of(shop.pk, person.keys) == {"example": {"known": ["ada@mail.example"]}}
    assert erasing.erase(shop.pk, person)["example_rows"] == 1
    assert not Stamp.objects.filter(topic__startswith="person:").exists()


def test_what_names_a_person_in_its_jobs_is_erased_too(shop: Shop) -> None:
    job = installed.owe("example", "visits", shop.pk, {"events": [{"email": "Ada@mail.example"}]}, key="v").job
    erasing.erase(shop.pk, persons.identity_of("ada@mail.example"))
    job.refresh_from_db()
    assert (job.state, job.reason, job.body_text) == ("parked", "erased", "")


def test_pruning_reaches_it(shop: Shop) -> None:
    Stamp.objects.create(shop=shop, topic="old", value=1)
    assert pruning.prune(timezone.now(), dry_run=True)["example_old"] == 1
    assert pruning.prune(timezone.now())["example_old"] == 1
    out = StringIO()
    call_command("prune", stdout=out)
    assert "0 example old" in out.getvalue()


def test_superseded_jobs_go_as_done_ones_do(shop: Shop) -> None:
    job = jobs.owe(shop.pk, "example:visits", {"events": []}, key="v").job
    old = timezone.now() - timedelta(days=40)
    Job.objects.filter(pk=job.pk).update(state="superseded", finished_at=old)
    assert pruning.prune(timezone.now())["jobs"] == 1


def test_its_figures_are_among_the_metrics(client: Client, db: None, ledger: Ledger) -> None:
    ledger.asked = ["a", "b"]
    text = client.get("/metrics").content.decode()
    assert "\nexample_booked 2.0\n" in text
    assert "# HELP example_booked Orders booked." in text


def test_figures_that_fail_cost_only_themselves(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "CANDIDATE", replace(CONSUMER, metrics=lambda: 1 / 0))
    with monkeypatch.context() as patch:
        patch.setattr(installed, "consumers", lambda: (CANDIDATE,))
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"example_booked" not in answer.content


def test_its_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    setting = Setting("EXAMPLE_COLOUR", "blue", "")
    secret = Setting("EXAMPLE_SECRET", "", "", secret=True)
    assert installed.setting_value(setting) == "blue"
    monkeypatch.setenv("EXAMPLE_COLOUR", "green")
    assert installed.setting_value(setting) == "green"
    settings.EXAMPLE_COLOUR = "red"
    assert installed.setting_value(setting) == "red"
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(tmp_path / "secret"))
    assert installed.setting_value(secret) == "from a file"


def test_the_docs_show_what_it_needs_and_stores(client: Client, db: None, settings: Any) -> None:
    text = client.get("/docs/consumers/").content.decode()
    for words in (
        "Example ledger",
        "EXAMPLE_COLOUR",
        "the colour of the ledger",
        "counts of booked orders",
        "for ever",
    ):
        assert words in text
    settings.SUMERU_LISTENERS = []
    assert "None is installed here." in client.get("/docs/consumers/").content.decode()
    assert client.get("/docs/recipes/nothing/").status_code == 404


# -- the command


def ranges_command(*arguments: str) -> str:
    out = StringIO()
    call_command("ranges", *arguments, stdout=out)
    return out.getvalue()


def test_ranges_by_command(shop: Shop) -> None:
    assert "Known kinds: example:count, example:history" in ranges_command(shop.key)
    assert "would be started" in ranges_command(shop.key, "example:history", "--start", "--dry-run")
    assert not Job.objects.exists()
    assert "is job" in ranges_command(shop.key, "example:history", "--start", "--since", "2026-01-01")
    job = Job.objects.get()
    assert job.body == {"since": "2026-01-01T00:00:00+00:00"}
    with pytest.raises(CommandError, match="running already"):
        ranges_command(shop.key, "example:history", "--start")
    assert "pause: 1 would be meant" in ranges_command(shop.key, "example:history", "--pause", "--dry-run")
    assert "pause: 1" in ranges_command(shop.key, "example:history", "--pause")
    assert f"{job.pk} example:history paused: 0 done in 0 steps" in ranges_command(shop.key)
    assert "resume: 1" in ranges_command(shop.key, "example:history", "--resume")
    assert "cancel: 1" in ranges_command(shop.key, "example:history", "--cancel")
    assert "cancel: 0" in ranges_command(shop.key, "example:history", "--cancel")
    assert "discarded" in ranges_command(shop.key)
    ranges.start(shop.pk, "example:count", more={"to": 20})
    drain()
    assert "example:count done: 20 done in 2 steps" in ranges_command(shop.key, "example:count")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start"], "No such kind"),
        (["example:nothing"], "No such kind"),
        (["example:history", "--start", "--cancel"], "Only one"),
        (["example:history", "--start", "--since", "noon"], "ISO 8601"),
        (["example:history", "--start", "--since", "2026-02-01", "--until", "2026-01-01"], "before"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(shop: Shop, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        ranges_command(shop.key, *arguments)
