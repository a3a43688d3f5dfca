"""The debts as an operator sees them: words, warnings, what may be done, by whom, and what stays hidden."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sumeru_proxy.models import Job, Shop
from tests.widgets.admin import debt_rows
from tests.widgets.admin.debt_rows import PERSONAL, parked, review

LIST = "admin:sumeru_proxy_job_changelist"


def page(job: Job, name: str = "change") -> str:
    return reverse(f"admin:sumeru_proxy_job_{name}", args=[job.pk])


def leaks(text: str) -> list[str]:
    return [part for part in PERSONAL if part in text]


def text_of(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def listed(client: Client, query: str = "") -> set[str]:
    answer = client.get(f"{reverse(LIST)}{query}")
    assert answer.status_code == 200
    return {job.key for job in answer.context["cl"].result_list}


def act(client: Client, action: str, *chosen: Job, **more: str) -> str:
    """Choose in the list, act, follow; the text of the page that follows."""
    data = {"action": action, "_selected_action": [str(job.pk) for job in chosen], **more}
    answer = client.post(f"{reverse(LIST)}?state=all", data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


# -- the list


def test_the_list_says_why_and_what_to_do(admin_client: Client, shop: Shop) -> None:
    parked(shop, "key-credential", "credential")
    parked(shop, "key-ambiguous", "ambiguous_old", ambiguous=True)
    review(shop, "key-limited", reason="limited", next_at=timezone.now() + timedelta(minutes=3))
    text = text_of(admin_client, reverse(LIST))
    assert "Enter it under “Credentials” of the shop" in text
    assert text.count("Perhaps delivered already.") == 1
    assert "Sumeru takes no more calls this minute" in text
    assert re.search(r"in 2\xa0minutes|in 3\xa0minutes", text)
    main = text[text.index('id="main"') :]
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", main)
    assert " style=" not in main


def test_filters(admin_client: Client, shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    review(shop, "waiting-1")
    parked(shop, "parked-01", "refused")
    parked(shop, "doubtful-1", "ambiguous_old", ambiguous=True)
    parked(shop, "discarded-1", "discarded", note="twice")
    parked(shop, "erased-01", "erased", body_text="")
    review(shop, "done-0001", state="done")
    review(other, "other-001")
    assert listed(admin_client) == {"waiting-1", "parked-01", "doubtful-1", "other-001"}
    assert listed(admin_client, "?state=parked") == {"parked-01", "doubtful-1"}
    assert listed(admin_client, "?state=over") == {"discarded-1", "erased-01"}
    assert listed(admin_client, "?state=done") == {"done-0001"}
    assert len(listed(admin_client, "?state=all")) == 7
    assert listed(admin_client, f"?shop__id__exact={other.pk}") == {"other-001"}
    assert listed(admin_client, "?reason__exact=refused") == {"parked-01"}
    assert listed(admin_client, "?doubt=1") == {"doubtful-1"}
    assert listed(admin_client, "?kind=review&state=waiting") == {"waiting-1", "other-001"}
    assert listed(admin_client, "?kind=pixel") == set()
    assert listed(admin_client, "?q=parked-01") == {"parked-01"}


@pytest.mark.parametrize(
    "probe",
    [
        "body_text__contains=Adelheid",
        "body_text__startswith=a",
        "result__contains=a",
        "event__body_text__contains=a",
        "shop__credentials__sealed__startswith=g",
        "claimed_by=x",
    ],
)
def test_an_address_cannot_guess_what_is_hidden(client_with: Callable[..., Client], shop: Shop, probe: str) -> None:
    review(shop)
    viewer = client_with("view_job", "view_shop")
    assert viewer.get(f"{reverse(LIST)}?state=all&{probe}").status_code == 400
    assert listed(viewer, "?q=Adelheid") == set()


def test_the_list_costs_no_query_per_job(
    admin_client: Client, shop: Shop, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(40):
        parked(shop, f"parked-{number:03}")
    with django_assert_max_num_queries(20):
        admin_client.get(reverse(LIST))


# -- the head of the list


def test_the_backlog_in_figures(admin_client: Client, shop: Shop) -> None:
    for number in range(3):
        review(shop, f"waiting-{number}")
    parked(shop, "parked-01", "refused")
    Job.objects.filter(key="waiting-0").update(created_at=timezone.now() - timedelta(hours=5))
    text = text_of(admin_client, reverse(LIST))
    assert "3 jobs are on their way; the oldest is 5\xa0hours old" in text
    assert "Parked, so that a person must decide: 1." in text
    assert f'href="?{"state=waiting&amp;kind=review"}">3</a>' in text
    assert "Sumeru refused it (1)" in text


@pytest.mark.thorough
def test_a_backlog_of_a_day_is_a_warning(admin_client: Client, shop: Shop) -> None:
    job = review(shop)
    assert "more than 12" not in text_of(admin_client, reverse(LIST))
    Job.objects.bulk_create(
        [
            Job(shop=shop, kind="review", key=f"many-{number}", body_text="{}", body_hash="", next_at=job.next_at)
            for number in range(20 * 60 * 12 + 100)
        ]
    )
    text = text_of(admin_client, reverse(LIST))
    assert "more than 12" in text
    assert "In the last hour" in text
    assert "the backlog grows" in text


def test_a_missing_worker_is_noticed(admin_client: Client, shop: Shop) -> None:
    review(shop, next_at=timezone.now() - timedelta(hours=2))
    text = text_of(admin_client, reverse(LIST))
    assert "Is a worker running?" in text
    assert "It has been due for" in text
    Job.objects.update(last_attempt_at=timezone.now())
    assert "Is a worker running?" not in text_of(admin_client, reverse(LIST))


def test_the_head_is_one_shops_when_the_list_is(admin_client: Client, shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    review(shop)
    text = text_of(admin_client, f"{reverse(LIST)}?shop__id__exact={other.pk}")
    assert "Nothing waits" in text
    assert reverse("admin:sumeru_proxy_shop_change", args=[other.pk]) in text


# -- one job


def test_the_content_is_for_those_who_may_change(client_with: Callable[..., Client], shop: Shop) -> None:
    job = parked(shop, result={"code": "REF-CANARY-1"})
    viewer, changer = client_with("view_job", "view_shop"), client_with("view_job", "change_job")
    for address in (reverse(LIST), f"{reverse(LIST)}?state=all&q={job.key}", page(job), page(job, "history")):
        text = text_of(viewer, address)
        assert leaks(text) == []
        assert "REF-CANARY" not in text
    assert "Only those who may change it see it." in text_of(viewer, page(job))
    text = text_of(changer, page(job))
    assert debt_rows.EMAIL in text
    assert "REF-CANARY-1" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert "\u202e" not in text  # what turns the reading direction is spelled out
    assert "\\u202e" in text
    assert debt_rows.SECRET not in text  # not even they see what looks like a credential
    assert leaks(text_of(changer, reverse(LIST))) == []


def test_odd_content_is_shown(admin_client: Client, shop: Shop) -> None:
    for number, body in enumerate(('{"a": "\\ud800"}', "no json", "[" * 60_000, '{"a": "' + "x" * 60_000 + '"}')):
        job = parked(shop, f"odd-key-{number}", body_text=body)
        assert "Show the content" in text_of(admin_client, page(job))
    assert "There is none any more" in text_of(admin_client, page(parked(shop, "gone-key-1", body_text="")))


def test_an_unknown_job_and_strangers(client_with: Callable[..., Client], client: Client, shop: Shop) -> None:
    job = parked(shop)
    nobody = client_with()
    for address in (reverse(LIST), page(job), page(job, "history")):
        assert nobody.get(address).status_code == 403, address
        assert client.get(address).status_code == 302, address
    viewer = client_with("view_job")
    for odd in ("999999", "x", "9" * 40):
        assert viewer.get(reverse("admin:sumeru_proxy_job_change", args=[odd])).status_code == 404


def test_jobs_are_neither_added_nor_deleted_here(admin_client: Client, shop: Shop) -> None:
    job = parked(shop)
    assert admin_client.get(reverse("admin:sumeru_proxy_job_add")).status_code == 403
    assert admin_client.post(page(job, "delete"), {"post": "yes"}).status_code == 403
    act(admin_client, "delete_selected", job, post="yes")
    assert admin_client.post(page(job), {"state": "done", "_save": "1"}).status_code == 302
    job.refresh_from_db()
    assert job.state == "parked"


def test_a_shop_with_debts_can_be_deleted_by_those_who_may_delete_both(
    client_with: Callable[..., Client], admin_client: Client, shop: Shop
) -> None:
    parked(shop)
    debt_rows.event(shop)
    address = reverse("admin:sumeru_proxy_shop_delete", args=[shop.pk])
    client_with("view_shop", "delete_shop").post(address, {"post": "yes"})
    assert Shop.objects.exists()
    assert leaks(text_of(admin_client, address)) == []
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Shop.objects.exists()


# -- trying again


def test_trying_again(admin_client: Client, shop: Shop) -> None:
    job, other = parked(shop), parked(shop, "other-key")
    assert "1 job is due again." in act(admin_client, "try_again", job)
    job.refresh_from_db()
    other.refresh_from_db()
    assert (job.state, job.attempts, other.state) == ("waiting", 0, "parked")
    assert "Nothing to try again" in act(admin_client, "try_again", job)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(job.pk), "Tried again")
    assert leaks(f"{entry.change_message} {entry.object_repr}") == []


@pytest.mark.parametrize(
    ("reason", "ambiguous"), [("ambiguous_old", True), ("ambiguous_old", False), ("unreadable", True)]
)
def test_what_was_perhaps_delivered_needs_a_confirmation(
    admin_client: Client, shop: Shop, reason: str, ambiguous: bool
) -> None:
    job, sure = parked(shop, "maybe-key", reason, ambiguous=ambiguous), parked(shop, "sure-key")
    text = act(admin_client, "try_again", job, sure)
    assert "it may be delivered twice" in text
    assert leaks(text) == []
    assert Job.objects.filter(state="parked").count() == 2
    text = act(admin_client, "try_again", job, sure, decided="1", newest=str(sure.pk))
    assert "1 job is due again." in text
    assert "sending it twice was not confirmed" in text
    assert set(Job.objects.filter(state="parked").values_list("key", flat=True)) == {"maybe-key"}
    act(admin_client, "try_again", job, decided="1", doubled="on", newest=str(sure.pk))
    assert not Job.objects.filter(state="parked").exists()
    messages = sorted(LogEntry.objects.values_list("change_message", flat=True))
    assert messages == ["Tried again", "Tried again, although perhaps delivered before"]


def test_the_same_from_a_jobs_page(admin_client: Client, shop: Shop) -> None:
    job = parked(shop, reason="ambiguous_old", ambiguous=True)
    text = text_of(admin_client, page(job))
    assert "Try again…" in text
    asked = admin_client.post(page(job), {"do": "retry"})
    assert "it may be delivered twice" in asked.content.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode()))
    assert admin_client.post(page(job), {**fields, "doubled": "on"}).status_code == 302
    job.refresh_from_db()
    assert job.state == "waiting"


def test_a_whole_filter_is_tried_again_but_nothing_that_came_after_the_question(
    admin_client: Client, shop: Shop
) -> None:
    first = parked(shop, "maybe-key", "ambiguous_old", ambiguous=True)
    chosen = {"action": "try_again", "select_across": "1", "_selected_action": [str(first.pk)]}
    address = f"{reverse(LIST)}?state=parked"
    asked = admin_client.post(address, {**chosen, "index": "0"}).content.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
    assert fields["select_across"] == "1"
    later = parked(shop, "later-key", "ambiguous_old", ambiguous=True)
    admin_client.post(address, {**fields, "doubled": "on"})
    assert Job.objects.get(pk=first.pk).state == "waiting"
    assert Job.objects.get(pk=later.pk).state == "parked"


def test_more_jobs_than_a_chunk_are_tried_again_with_a_line_of_history_each(admin_client: Client, shop: Shop) -> None:
    now = timezone.now()
    columns = {"shop": shop, "kind": "review", "body_text": "{}", "body_hash": "", "next_at": now, "state": "parked"}
    Job.objects.bulk_create([Job(key=f"many-{number}", reason="credential", **columns) for number in range(1_203)])
    data = {"action": "try_again", "select_across": "1", "_selected_action": [str(Job.objects.first().pk)]}  # type: ignore[union-attr]
    admin_client.post(f"{reverse(LIST)}?reason__exact=credential", {**data, "index": "0"})
    assert Job.objects.filter(state="waiting").count() == LogEntry.objects.count() == 1_203


# -- discarding


def test_discarding_needs_a_reason(admin_client: Client, shop: Shop) -> None:
    job, waiting = parked(shop), review(shop, "waiting-1")
    text = act(admin_client, "discard", job, waiting)
    assert "2 jobs will never be done." in text
    assert leaks(text) == []
    for note in ("", "   "):
        text = act(admin_client, "discard", job, decided="1", note=note)
        assert "This field is required" in text
    assert not Job.objects.filter(reason="discarded").exists()
    assert "2 jobs were discarded." in act(admin_client, "discard", job, waiting, decided="1", note="a test order")
    assert set(Job.objects.values_list("state", "reason", "note")) == {("parked", "discarded", "a test order")}
    assert "Nothing to discard" in act(admin_client, "discard", job, decided="1", note="another reason")
    assert Job.objects.get(pk=job.pk).note == "a test order"
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Discarded", "Discarded"]
    assert "A person decided not to do it: a test order" in text_of(admin_client, page(job))


def test_what_cannot_be_discarded_stays(admin_client: Client, shop: Shop) -> None:
    claimed = review(shop, "claimed-1", state="claimed", lease_until=timezone.now() + timedelta(minutes=1))
    done = review(shop, "done-0001", state="done")
    erased = parked(shop, "erased-01", "erased", body_text="")
    act(admin_client, "discard", claimed, done, erased, decided="1", note="all of it")
    assert dict(Job.objects.values_list("key", "reason")) == {"claimed-1": "", "done-0001": "", "erased-01": "erased"}
    for job in (claimed, done, erased):
        assert 'name="do"' not in text_of(admin_client, page(job))


def test_a_credential_as_a_reason_is_refused_and_not_shown_again(admin_client: Client, shop: Shop) -> None:
    job = parked(shop)
    text = act(admin_client, "discard", job, decided="1", note=debt_rows.SECRET)
    assert "looks like a credential" in text
    assert debt_rows.SECRET not in text
    assert Job.objects.get().state == "parked"
    assert Job.objects.get().reason == "refused"


def test_viewers_can_decide_nothing(client_with: Callable[..., Client], shop: Shop) -> None:
    job = parked(shop)
    viewer = client_with("view_job", "view_shop")
    text = text_of(viewer, page(job))
    assert 'name="do"' not in text
    for data in ({"do": "retry"}, {"do": "discard", "decided": "1", "note": "x"}):
        assert viewer.post(page(job), data).status_code == 403
    for action in ("try_again", "discard"):
        viewer.post(reverse(LIST), {"action": action, "_selected_action": [job.pk], "decided": "1", "note": "x"})
    job.refresh_from_db()
    assert (job.state, job.reason) == ("parked", "refused")
    assert LogEntry.objects.count() == 0


def test_deciding_needs_djangos_csrf_token(shop: Shop, admin_user: object) -> None:
    job = parked(shop)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]
    assert client.post(page(job), {"do": "retry"}).status_code == 403
