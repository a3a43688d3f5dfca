"""What Sumeru sent, as an operator sees it: outcomes, listeners' jobs, replays, and what stays hidden."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sumeru_proxy import worker
from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.outbox.delivering import WorkerTimings
from sumeru_proxy.webhooks import erasing, intake, persons
from tests.sumeru_proxy.listeners import RECORDER, Recorder
from tests.widgets.admin.conftest import formset_of
from tests.widgets.admin.debt_rows import EMAIL, PERSON, PERSONAL, SECRET, event
from widgets.admin import inbound

LIST = "admin:sumeru_proxy_inboundevent_changelist"


@pytest.fixture(autouse=True)
def recorder(settings: Any) -> Recorder:
    settings.SUMERU_CONSUMERS = []
    settings.SUMERU_LISTENERS = ["tests.sumeru_proxy.listeners.RECORDER"]
    RECORDER.__init__()  # type: ignore[misc]
    return RECORDER


def page(row: InboundEvent, name: str = "change") -> str:
    return reverse(f"admin:sumeru_proxy_inboundevent_{name}", args=[row.pk])


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def listed(client: Client, query: str) -> set[str]:
    answer = client.get(f"{reverse(LIST)}{query}")
    assert answer.status_code == 200
    return {row.event_id for row in answer.context["cl"].result_list}


def replay(client: Client, *chosen: InboundEvent, **more: str) -> str:
    data = {"action": "replay", "_selected_action": [str(row.pk) for row in chosen], **more}
    answer = client.post(reverse(LIST), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def work() -> None:
    each = worker.Worker(worker.handlers(), pace=WorkerTimings(base_s=0.0, longest_s=0.0))
    while each.once():
        pass


def test_what_was_kept_is_shown(admin_client: Client, shop: Shop) -> None:
    now = timezone.now()
    raw = b'{"id": "evt_other", "type": "order.created", "created_at": "%s", "shop_domain": "my.platform.example"}'
    other = intake.read_envelope(raw % now.isoformat().encode())
    assert intake.take(shop.pk, other, now, domains=shop.known_domains) == "ignored"
    intake.keep_unreadable(shop.pk, b"<soap>", intake.Malformed("body", "must be JSON"), now)
    text = text_of(admin_client, reverse(LIST))
    assert "it names the domain my.platform.example" in text
    assert "it is not an event that we know (body)" in text
    for row in InboundEvent.objects.all():
        assert ("my.platform.example" if row.type != "unreadable" else "&lt;soap&gt;") in text_of(
            admin_client, page(row)
        )


def test_other_domains_are_edited_one_per_line(admin_client: Client, shop: Shop) -> None:
    address = reverse("admin:sumeru_proxy_shop_change", args=[shop.pk])
    data = formset_of(shop)
    answer = admin_client.post(address, {**data, "other_domains": "my.platform.example https://x"})
    assert "Give domains such as yourshop.com, one per line." in answer.content.decode()
    answer = admin_client.post(
        address, {**data, "other_domains": " my.platform.example\n\nmy.platform.example shop.example "}
    )
    assert answer.status_code == 302
    shop.refresh_from_db()
    assert shop.known_domains == (shop.domain, "my.platform.example", "shop.example")


def test_the_list_tells_outcomes_and_jobs(admin_client: Client, shop: Shop) -> None:
    event(shop, "evt_done")
    work()
    event(shop, "evt_waits")
    event(shop, "evt_old", age=timedelta(days=9))
    event(shop, "evt_future", age=-timedelta(days=2))
    event(shop, "evt_nobody", "campaign.launched")
    text = text_of(admin_client, reverse(LIST))
    assert "Ignored: dated more than 3 days before it came" in text
    assert "Ignored: dated in the future" in text
    assert text.count("no listener wants it") == 3
    assert re.search(r'Event for recorder <span class="sumeru-state sumeru-ok">done', text)
    assert re.search(r'Event for recorder <span class="sumeru-state sumeru-waiting">waiting', text)


def test_filters_and_search(admin_client: Client, shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    event(shop, "evt_waits")
    event(shop, "evt_old", age=timedelta(days=9))
    event(shop, "evt_parked")
    event(other, "evt_other", "campaign.launched")
    Job.objects.filter(key="evt_parked").update(state="parked", reason="exhausted")
    InboundEvent.objects.filter(event_id="evt_old").update(reason="erased", body_text="")
    assert listed(admin_client, f"?shop__id__exact={other.pk}") == {"evt_other"}
    assert listed(admin_client, "?type=campaign.launched") == {"evt_other"}
    assert listed(admin_client, "?outcome=ignored") == {"evt_old"}
    assert listed(admin_client, "?outcome=erased") == {"evt_old"}
    assert listed(admin_client, "?outcome=parked") == {"evt_parked"}
    assert listed(admin_client, "?outcome=open") == {"evt_waits"}
    assert listed(admin_client, "?outcome=taken") == {"evt_waits", "evt_parked", "evt_other"}
    assert listed(admin_client, "?q=evt_par") == {"evt_parked"}
    assert listed(admin_client, f"?q={EMAIL}") == set()


def test_the_list_costs_no_query_per_event(
    admin_client: Client, shop: Shop, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(30):
        event(shop, f"evt_{number}")
    with django_assert_max_num_queries(12):
        admin_client.get(reverse(LIST))


# -- what stays hidden


def test_the_content_is_for_those_who_may_change(client_with: Callable[..., Client], shop: Shop) -> None:
    row = event(shop)
    viewer = client_with("view_inboundevent", "view_job", "view_shop")
    for address in (reverse(LIST), page(row), page(row, "history")):
        text = text_of(viewer, address)
        assert [part for part in PERSONAL if part in text] == []
        assert 'name="do"' not in text
    assert "Only those who may change it see it." in text_of(viewer, page(row))
    assert reverse("admin:sumeru_proxy_job_change", args=[Job.objects.get().pk]) in text_of(viewer, page(row))
    changer = client_with("change_inboundevent")
    text = text_of(changer, page(row))
    assert EMAIL in text
    assert PERSON in text
    assert SECRET not in text
    assert reverse("admin:sumeru_proxy_job_change", args=[Job.objects.get().pk]) not in text
    for probe in ("body_text__contains=a", "jobs__body_text__contains=a", "shop__credentials__sealed__contains=a"):
        assert viewer.get(f"{reverse(LIST)}?{probe}").status_code == 400


def test_an_erased_event_says_so(admin_client: Client, shop: Shop) -> None:
    row = event(shop)
    erasing.erase(shop.pk, persons.identity_of(EMAIL))
    text = text_of(admin_client, page(row))
    assert "Erased at the person’s request." in text
    assert 'name="do"' not in text
    assert "Its content was erased" in text_of(admin_client, reverse(LIST))
    assert "cannot be replayed" in replay(admin_client, row)
    assert LogEntry.objects.count() == 0


def test_a_pruned_event_has_no_content_any_more(admin_client: Client, shop: Shop) -> None:
    row = event(shop)
    InboundEvent.objects.update(body_text="")
    assert "There is none any more." in text_of(admin_client, page(row))


def test_permissions(client_with: Callable[..., Client], client: Client, admin_client: Client, shop: Shop) -> None:
    row = event(shop)
    nobody, viewer = client_with(), client_with("view_inboundevent")
    for address in (reverse(LIST), page(row), page(row, "history")):
        assert nobody.get(address).status_code == 403, address
        assert client.get(address).status_code == 302, address
    work()
    assert viewer.post(page(row), {"do": "replay"}).status_code == 403
    replay(viewer, row)
    assert Job.objects.get().state == "done"
    assert viewer.get(reverse("admin:sumeru_proxy_inboundevent_change", args=["999999"])).status_code == 404
    assert admin_client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    assert admin_client.get(reverse("admin:sumeru_proxy_inboundevent_add")).status_code == 403


# -- replaying


def test_a_replay_is_heard_again_and_may_be_repeated(admin_client: Client, shop: Shop, recorder: Recorder) -> None:
    first, second = event(shop, "evt_1"), event(shop, "evt_2")
    work()
    text = replay(admin_client, first, second)
    assert "2 events were replayed: 2 jobs are due." in text
    text = replay(admin_client, first)
    assert "1 event was replayed: 0 jobs are due." in text
    work()
    assert recorder.heard == ["evt_1", "evt_2", "evt_1", "evt_2"]
    entries = LogEntry.objects.values_list("change_message", "object_repr")
    assert sorted(entries) == [("Replayed", "order.created evt_1"), ("Replayed", "order.created evt_2")]


def test_replaying_from_an_events_page(admin_client: Client, shop: Shop) -> None:
    row = event(shop)
    work()
    assert admin_client.post(page(row), {"do": "replay"}).status_code == 302
    assert Job.objects.get().state == "waiting"


def test_ignored_events_need_a_confirmation(admin_client: Client, shop: Shop) -> None:
    old, fresh = event(shop, "evt_old", age=timedelta(days=9)), event(shop, "evt_fresh")
    work()
    text = replay(admin_client, old, fresh)
    assert "somebody sent again" in text
    assert Job.objects.get().state == "done"
    assert "1 ignored event was left out." in replay(admin_client, old, fresh, decided="1")
    assert list(Job.objects.values_list("key", "state")) == [("evt_fresh", "waiting")]
    replay(admin_client, old, decided="1", ignored="on")
    assert set(Job.objects.values_list("key", "state")) == {("evt_fresh", "waiting"), ("evt_old", "waiting")}
    old.refresh_from_db()
    assert old.state == "taken"


def test_too_many_at_once_are_sent_to_the_command(
    admin_client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "MAX_REPLAYED", 2)
    rows = [event(shop, f"evt_{number}") for number in range(3)]
    work()
    assert "manage.py replay" in replay(admin_client, *rows)
    assert not Job.objects.exclude(state="done").exists()
