"""What follows from events: listeners, erasure, replays, pruning, and the commands over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from sumeru_proxy import pruning, secrets, worker
from sumeru_proxy.models import Credential, InboundEvent, Job, Shop, Stamp, Subscription
from sumeru_proxy.outbox import writes
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.reading import stamps
from sumeru_proxy.sandbox.server import Sandbox, running, small_catalogue
from sumeru_proxy.webhooks import erasing, installed, intake, listeners, persons, replaying
from tests.sumeru_proxy.listeners import RECORDER, Recorder

NOW = timezone.now


@pytest.fixture(autouse=True)
def recorder(settings: Any) -> Recorder:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.listeners.RECORDER"]
    RECORDER.__init__()  # type: ignore[misc]
    return RECORDER


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="Hooks", domain="hooks.example")


def take(shop: Shop, number: int = 1, kind: str = "order.attributed", **data: Any) -> InboundEvent:
    occurred_at = datetime.now(UTC)
    text = json.dumps({"id": f"evt_{number}", "data": data})
    intake.take(shop.pk, intake.Envelope(f"evt_{number}", kind, occurred_at, shop.domain, data, text), occurred_at)
    return InboundEvent.objects.get(shop=shop, event_id=f"evt_{number}")


def work() -> None:
    each = worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0))
    while each.once():
        pass


def effects() -> dict[str, int]:
    return dict(Stamp.objects.filter(topic__startswith="heard:").values_list("topic", "value"))


def test_a_listener_hears_what_it_wants_once(shop: Shop, recorder: Recorder) -> None:
    for number in range(3):
        take(shop, number, order_id="ord_1")
        take(shop, number, order_id="ord_1")
    take(shop, 9, "campaign.launched")
    work()
    assert recorder.heard == ["evt_0", "evt_1", "evt_2"]
    assert effects() == {"heard:evt_0": 1, "heard:evt_1": 1, "heard:evt_2": 1}


def test_a_failing_listener_is_tried_again_and_parked_in_the_end(shop: Shop, recorder: Recorder) -> None:
    take(shop)
    recorder.fail = [ValueError("ada@mail.example")] * 3
    work()
    assert (len(recorder.heard), effects()) == (4, {"heard:evt_1": 1})
    take(shop, 2)
    recorder.fail = [ValueError("ada@mail.example")] * 100
    work()
    job = Job.objects.get(key="evt_2")
    assert (job.state, job.reason, job.last_error) == ("parked", "exhausted", "ValueError")


def test_the_effect_and_the_done_mark_are_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    take(shop)

    def handle(_shop: Shop, event: listeners.Event, _read: listeners.Read) -> listeners.Effect:
        def effect() -> None:
            Stamp.objects.create(shop=shop, topic="heard:half", value=1)
            raise RuntimeError

        return effect

    monkeypatch.setattr(RECORDER, "handle", handle)
    worker.Worker(worker.handlers()).once()
    assert effects() == {}
    assert Job.objects.get().state == "waiting"


def test_a_listener_that_lost_its_lease_has_no_effect(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    take(shop)
    real = RECORDER.handle

    def slow(shop: Shop, event: listeners.Event, read: listeners.Read) -> listeners.Effect | None:
        Job.objects.update(claimed_by="another worker")
        return real(shop, event, read)

    monkeypatch.setattr(RECORDER, "handle", slow)
    worker.Worker(worker.handlers()).once()
    assert effects() == {}


def test_a_listener_reads_the_order_as_it_is_now(
    sandbox: Any, make_shop: Callable[..., Shop], recorder: Recorder
) -> None:
    shop = make_shop(
        sandbox.url, domain="small.example", public_key="pk_live_" + "1" * 32, token="copt_test_" + "1" * 32
    )
    recorder.reads = True
    take(shop, 1, order_id="ord_1")
    take(shop, 2, order_id="ord_gone")
    take(shop, 3)
    work()
    assert [getattr(order, "id", None) for order in recorder.orders] == ["ord_1", None, None]
    assert Job.objects.filter(state="done").count() == 3


def test_a_listener_that_was_taken_out_leaves_its_jobs_waiting(shop: Shop, settings: Any) -> None:
    take(shop)
    settings.SUMERU_LISTENERS = []
    work()
    assert Job.objects.get().state == "waiting"


def test_names_of_listeners_are_unique(settings: Any) -> None:
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.listeners.RECORDER", "tests.sumeru_proxy.listeners.RECORDER"]
    with pytest.raises(ImproperlyConfigured):
        installed.listeners()


def test_erasure_empties_what_speaks_of_the_person(shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")

    def review(owner: Shop, number: int, email: str) -> Job:
        body = {"product_id": "p", "rating": 5, "author": {"name": "A", "email": email}}
        return writes.owe(owner.pk, "review", body, key=f"browser-key-{number}").job

    waiting, done, parked = (review(shop, number, "Ada@Mail.example") for number in range(3))
    Job.objects.filter(pk=done.pk).update(state="done")
    Job.objects.filter(pk=parked.pk).update(state="parked", reason="refused")
    someone_else, elsewhere = review(shop, 3, "ben@mail.example"), review(other, 4, "ada@mail.example")
    take(shop, 1, "customer.updated", customer={"id": "cus_1", "email": "ada@mail.example"})
    take(shop, 2, "customer.updated", customer={"id": "cus_11", "email": "cleo@mail.example"})
    odd = b'{"type": "?", "email": "ada@mail.example"'
    intake.keep_unreadable(shop.pk, odd, intake.Malformed("body", "must be JSON"), timezone.now())
    request = take(shop, 3, "gdpr.completed", customer_id="cus_1", email="ADA@mail.example")
    stamps.forget()
    assert stamps.current(shop.pk, ["people"])["people"] == (1, 0)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason, waiting.body_text) == ("parked", "erased", ""), "with the event itself"

    worker.Worker(worker.handlers(["erase"])).once()

    for job, state, reason in ((waiting, "parked", "erased"), (done, "done", ""), (parked, "parked", "erased")):
        job.refresh_from_db()
        assert (job.state, job.reason, job.body_text, job.order_key) == (state, reason, "", "")
    for job in (someone_else, elsewhere):
        job.refresh_from_db()
        assert (job.state, "mail.example" in job.body_text) == ("waiting", True)
    request.refresh_from_db()
    assert request.body_text == ""
    assert [bool(event.body_text) for event in InboundEvent.objects.order_by("pk")] == [False, True, False, False]
    # The browser that sends it again is told that it was taken; nothing is stored anew.
    assert review(shop, 0, "Ada@Mail.example").pk == waiting.pk
    assert Job.objects.get(key="evt_3").state == "done"
    assert erasing.erase(shop.pk, persons.identity_of("ada@mail.example")) == {"jobs": 0, "events": 0}


def test_a_replay_makes_listeners_hear_again(shop: Shop, recorder: Recorder) -> None:
    events = [take(shop, number) for number in range(3)]
    work()
    Job.objects.filter(event=events[0]).update(state="parked", reason="exhausted")
    assert [event.event_id for event in replaying.chosen(failed=True)] == ["evt_0"]
    out = StringIO()
    call_command("replay", "--failed", "--dry-run", stdout=out)
    assert Job.objects.filter(state="waiting").count() == 0
    call_command("replay", "evt_0", "evt_2", stdout=out)
    assert Job.objects.filter(state="waiting").count() == 2
    call_command("replay", "evt_0", "evt_2", stdout=out)
    assert Job.objects.filter(state="waiting").count() == 2
    work()
    assert recorder.heard == ["evt_0", "evt_1", "evt_2", "evt_0", "evt_2"]
    with pytest.raises(CommandError):
        call_command("replay")
    with pytest.raises(CommandError):
        call_command("replay", "--since", "noon")


def test_pruning_forgets_bodies_first_and_never_what_is_owed(shop: Shop) -> None:
    event = take(shop, 1)
    work()
    take(shop, 2)  # its job waits
    take(shop, 3, "campaign.launched")
    ages = [timedelta(days=days) for days in (1, 3, 15, 31, 91, 400)]
    seen = []
    for age in ages:
        pruning.prune(NOW() + age)
        seen.append(
            (
                Job.objects.filter(key="evt_1").exclude(body_text="").count(),
                Job.objects.filter(key="evt_1").count(),
                InboundEvent.objects.filter(pk=event.pk).exclude(body_text="").count(),
                InboundEvent.objects.filter(pk=event.pk).count(),
            )
        )
    assert seen == [(1, 1, 1, 1), (0, 1, 1, 1), (0, 1, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0)]
    assert Job.objects.get().key == "evt_2"
    assert InboundEvent.objects.exclude(body_text="").get().event_id == "evt_2"


def test_pruning_keeps_the_protection_against_replays(shop: Shop) -> None:
    with pytest.raises(ValueError, match="replays"):
        pruning.prune(NOW(), pruning.Keep(events=timedelta(days=3)))
    with pytest.raises(CommandError, match="replays"):
        call_command("prune", "--events", "2")
    take(shop)
    out = StringIO()
    call_command("prune", "--dry-run", stdout=out)
    assert "0 events" in out.getvalue()


@pytest.fixture
def upstream() -> Iterator[Sandbox]:
    with running(small_catalogue()) as sandbox:
        yield sandbox


def test_subscribing_keeps_the_secret_and_shows_it_to_nobody(upstream: Sandbox, make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(
        upstream.url, domain="small.example", public_key="pk_live_" + "1" * 32, token="copt_test_" + "1" * 32
    )
    out = StringIO()
    url = "http://127.0.0.1:9/hooks/sumeru/{shop}"
    call_command("subscribe", shop.key, "--url", url, "--dry-run", stdout=out)
    assert not upstream.world.subscriptions
    call_command("subscribe", shop.key, "--url", url, stdout=out)
    call_command("subscribe", shop.key, "--url", url, stdout=out)
    (first,) = upstream.world.subscriptions.values()
    assert first["url"] == f"http://127.0.0.1:9/hooks/sumeru/{shop.key}"
    assert secrets.load_all(shop, "webhook_secret") == [first["secret"]]
    call_command("subscribe", shop.key, "--url", url, "--rotate", stdout=out)
    newer = list(upstream.world.subscriptions.values())[-1]
    assert secrets.load_all(shop, "webhook_secret") == [newer["secret"], first["secret"]]
    kept = Credential.objects.filter(shop=shop, kind="webhook_secret").order_by("pk")
    assert [credential.retires_at is None for credential in kept] == [False, True]
    assert shop.subscriptions.filter(active=True).count() == 1
    for secret in (first["secret"], newer["secret"]):
        assert secret not in out.getvalue()
    with pytest.raises(CommandError, match="unknown events"):
        call_command("subscribe", shop.key, "--url", url, "--events", "moon.landed")
    with pytest.raises(CommandError, match="No shop"):
        call_command("subscribe", "nobody", "--url", url)


def test_the_command_as_the_docs_write_it(shop: Shop, settings: Any) -> None:
    with pytest.raises(CommandError, match="Set PUBLIC_URL, or give it"):
        call_command("subscribe", shop.key, "--dry-run")
    Subscription.objects.create(shop=shop, upstream_id="whk_1", url="https://w.example/hooks/x", events=["*"])
    out = StringIO()
    call_command("subscribe", shop.key, "--dry-run", stdout=out)
    assert "at https://w.example/hooks/x." in out.getvalue()
    settings.PUBLIC_URL = "https://widgets.example.com/sumeru"
    call_command("subscribe", shop.domain, "--dry-run", stdout=out)
    assert f"at https://widgets.example.com/sumeru/hooks/sumeru/{shop.key}." in out.getvalue()


def test_invalidate_and_rotate_secrets(shop: Shop, settings: Any) -> None:
    out = StringIO()
    call_command("invalidate", shop.key, "reviews", "shop", "--hard", "--dry-run", stdout=out)
    assert not Stamp.objects.exists()
    call_command("invalidate", shop.domain, "reviews", "shop", "--hard", stdout=out)
    assert set(Stamp.objects.values_list("topic", "value", "hard_value")) == {("reviews", 1, 1), ("shop", 1, 1)}
    secrets.store(shop, "webhook_secret", "wsec_0123456789abcdef")
    old = settings.SUMERU_ENCRYPTION_KEYS
    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
    call_command("rotate_secrets", "--dry-run", stdout=out)
    call_command("rotate_secrets", stdout=out)
    settings.SUMERU_ENCRYPTION_KEYS = settings.SUMERU_ENCRYPTION_KEYS[:1]
    assert secrets.load(shop, "webhook_secret") == "wsec_0123456789abcdef"
    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="lost key"):
        call_command("rotate_secrets")
    assert "wsec_" not in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_work_says_what_it_does_not_know() -> None:
    with pytest.raises(CommandError, match="unknown kinds: nonsense"):
        call_command("work", "--once", "--kinds", "nonsense")
    call_command("work", "--once", "--threads", "1", "--kinds", "pixel,review", stderr=StringIO())
