"""Quizzes over HTTP: without JavaScript, through the loader, as JSON; what they cost upstream, and outages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.core import signing
from django.test import Client

from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import writes
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from tests.widgets.fragments import Page
from widgets.http import submissions, throttles

FORM = "application/x-www-form-urlencoded"
PLENTY = {"writes_per_ip": 6_000, "writes_per_shop": 60_000}


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """With room for more than 20 quiz steps a minute, so that no test waits."""
    with upstream(small_catalogue(), limits=PLENTY) as running:
        yield running


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    shop = make_shop(sandbox.url, **sandbox.account())
    shop.limits = PLENTY
    shop.storefront_url = "https://shop.example/"
    shop.save()
    return shop


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of the form tokens, the only thing that is patched here."""
    now = [time.time()]
    monkeypatch.setattr(signing.time, "time", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds
        submissions.meter = throttles.Meter()

    return move


def hidden(html: str) -> dict[str, str]:
    page = Page(html)
    return {attrs["name"]: attrs.get("value", "") for attrs in page.all("input", type="hidden")}


def inner(client: Client, shop: Shop, query: str = "quiz_id=quiz_1") -> str:
    answer = client.get(f"/w/v1/{shop.key}/quiz.json?{query}")
    assert answer["Cache-Control"] == "no-store"
    return str(json.loads(answer.content)["inner_html"])


def post(client: Client, shop: Shop, fields: Mapping[str, Any]) -> Any:
    return client.post(f"/w/v1/{shop.key}/quiz?quiz_id=quiz_1", urlencode(fields, doseq=True), content_type=FORM)


def test_without_javascript_from_the_first_question_to_the_results(
    client: Client, shop: Shop, sandbox: Upstream, later: Callable[[float], None]
) -> None:
    html = inner(client, shop)
    session = hidden(html)["session"]
    for option in ("home", ["green", "blue"]):
        later(5)
        response = post(client, shop, {**hidden(html), "option[]": option})
        assert response.status_code == 303
        target = urlsplit(response["Location"])
        assert target.path == f"/w/v1/{shop.key}/quiz"
        full = client.get(f"{target.path}?{target.query}").content.decode()
        assert "data-focus" in full
        html = inner(client, shop, target.query)
    assert "These fit you" in html
    job = Job.objects.get()
    assert job.kind == "quiz_result"
    assert job.body == {
        "quiz_id": "quiz_1",
        "session_id": session,
        "answers": [
            {"question_id": "q_where", "option_ids": ["home"]},
            {"question_id": "q_colours", "option_ids": ["green", "blue"]},
        ],
    }


def test_the_loader_is_given_the_next_step(client: Client, shop: Shop, later: Callable[[float], None]) -> None:
    fields = hidden(inner(client, shop))
    later(5)
    response = post(client, shop, {**fields, "option[]": "trail", "via": "loader"})
    item = json.loads(response.content)
    assert (response.status_code, item["state"]) == (200, "ready")
    assert "Which weather?" in item["html"]
    following = hidden(item["html"])
    assert (following["session"], following["answers"]) == (fields["session"], "q_where:trail")
    assert following["token"] != fields["token"]
    later(5)
    response = post(client, shop, {**following, "via": "loader"})
    item = json.loads(response.content)
    assert response.status_code == 200
    assert "Choose an answer." in item["html"]
    assert hidden(item["html"])["answers"] == "q_where:trail"


def test_nothing_chosen_without_javascript_keeps_the_place(
    client: Client, shop: Shop, later: Callable[[float], None]
) -> None:
    fields = hidden(inner(client, shop, "quiz_id=quiz_1&answers=q_where:trail"))
    later(5)
    response = post(client, shop, fields)
    assert response.status_code == 422
    assert "Which weather?" in response.content.decode()
    assert "Choose an answer." in response.content.decode()


def test_programs_send_json(client: Client, shop: Shop, later: Callable[[float], None]) -> None:
    data = json.loads(client.get(f"/w/v1/{shop.key}/quiz.json?quiz_id=quiz_1").content)["data"]
    later(5)
    body = {"token": data["form"]["token"], "key": data["form"]["key"], "session": data["session"]}
    url = f"/w/v1/{shop.key}/quiz?quiz_id=quiz_1"
    first = client.post(url, {**body, "question": "q_where", "option": ["trail"]}, content_type="application/json")
    step = json.loads(first.content)
    assert (first.status_code, step["status"]) == (200, "next")
    assert step["data"]["step"]["question"]["id"] == "q_weather"
    last = client.post(
        url,
        {**body, "question": "q_weather", "option": ["rain"], "answers": step["data"]["step"]["answers"]},
        content_type="application/json",
    )
    assert [each["id"] for each in json.loads(last.content)["data"]["step"]["question"]["options"]] == ["green", "blue"]
    wrong = client.post(url, {**body, "question": "q_where"}, content_type="application/json")
    assert wrong.status_code == 422
    assert json.loads(wrong.content)["error"]["details"] == {"option": ["Choose an answer."]}


def test_a_busy_quiz_costs_one_upstream_call_for_each_step(client: Client, shop: Shop, sandbox: Upstream) -> None:
    for shopper in range(30):
        throttles.reads = throttles.Meter()
        for answers in ("", "q_where:trail", "q_where:trail;q_weather:sun"):
            query = urlencode({"quiz_id": "quiz_1", "session": f"session-{shopper}", "answers": answers})
            assert client.get(f"/w/v1/{shop.key}/quiz.json?{query}").status_code == 200
    assert sandbox.calls("quiz") == 3


def test_made_up_answers_cost_nothing_upstream(client: Client, shop: Shop, sandbox: Upstream) -> None:
    inner(client, shop)
    before = sandbox.calls("quiz")
    for n in range(40):
        inner(client, shop, f"quiz_id=quiz_1&answers=q_where:made{n};q_weather:up")
    assert sandbox.calls("quiz") == before


def test_an_outage_shows_the_kept_step(
    client: Client, shop: Shop, sandbox: Upstream, later: Callable[[float], None]
) -> None:
    fields = hidden(inner(client, shop))
    sandbox.fault("status", status=503)
    later(5)
    response = post(client, shop, {**fields, "option[]": "trail", "via": "loader"})
    item = json.loads(response.content)
    assert (response.status_code, item["state"]) == (200, "ready")
    assert "not available right now" in item["html"]
    assert hidden(item["html"])["answers"] == ""
    assert Job.objects.count() == 0


def test_an_unknown_quiz_is_empty(client: Client, shop: Shop) -> None:
    answer = json.loads(client.get(f"/w/v1/{shop.key}/quiz.json?quiz_id=quiz_9").content)
    assert answer["state"] == "empty"


def test_a_finished_quiz_stands_at_sumeru_under_the_shoppers_session(
    client: Client, shop: Shop, sandbox: Upstream, later: Callable[[float], None]
) -> None:
    html = inner(client, shop, "quiz_id=quiz_1&answers=q_where:home&session=session-of-mine")
    later(5)
    post(client, shop, {**hidden(html), "option[]": "green"})
    writes.deliver_now(Job.objects.get())
    held = [each for each in sandbox.sandbox.control.writes()["quizzes"] if each["session_id"] == "session-of-mine"]
    assert [each["applied"] for each in held] == [1]
