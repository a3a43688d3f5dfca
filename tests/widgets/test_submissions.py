"""Reviews sent by shoppers: every manner, every refusal, and never twice."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.test import Client

from sumeru_proxy.models import Job, Shop
from tests.upstream import Upstream
from widgets import registry
from widgets.http import forms, shops
from widgets.models import Placement

FIELDS = {
    "rating": "5",
    "title": "Works",
    "body": "Carried it over the pass twice. 👍",
    "name": "Mara",
    "email": "mara@example.com",
}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of the form tokens, the only thing that is patched here."""
    now = [signing.time.time()]
    monkeypatch.setattr(signing.time, "time", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def address(shop: Shop, form: str = "", query: str = "product_id=prd_1&write=1") -> str:
    return f"/w/v1/{shop.key}/reviews{form}?{query}"


def opened(client: Client, shop: Shop, later: Callable[[float], None]) -> dict[str, str]:
    """The form as a browser gets it, five seconds later."""
    answer = json.loads(client.get(address(shop, ".json")).content)
    later(5)
    form = answer["data"]["form"]
    return {"token": form["token"], "key": form["key"]}


def send(client: Client, shop: Shop, fields: dict[str, Any], **headers: str) -> Any:
    return client.post(address(shop), urlencode(fields, doseq=True), content_type=FORM, headers=headers)


def held(sandbox: Upstream) -> list[dict[str, Any]]:
    return list(sandbox.sandbox.control.writes()["reviews"])


def owed() -> list[dict[str, Any]]:
    return [job.body for job in Job.objects.order_by("pk")]


def test_the_form_is_never_in_a_storable_answer(client: Client, shop: Shop) -> None:
    plain = client.get(address(shop, ".html", "product_id=prd_1"))
    assert 'name="token"' not in plain.content.decode()
    assert "public" in plain["Cache-Control"]
    for form in (".html", ".json", ""):
        response = client.get(address(shop, form))
        assert response["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers
    batch = json.loads(client.get(f"/w/v1/{shop.key}/batch?w=reviews%3Fproduct_id%3Dprd_1%26write%3D1").content)
    assert batch["items"][0] == {"state": "live", "status": 200, "html": ""}
    live = json.loads(client.get(f"/w/v1/{shop.key}/live?w=reviews%3Fproduct_id%3Dprd_1%26write%3D1").content)
    assert 'name="token"' in live["items"][0]["html"]


def test_a_native_form_comes_back_to_the_storefront(client: Client, shop: Shop, sandbox: Upstream, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later), "return_to": "https://shop.example/p?color=red"}
    response = send(client, shop, fields, origin="https://shop.example")
    assert response.status_code == 303
    assert response["Location"] == "https://shop.example/p?color=red&sumeru_result=reviews%3Apending#reviews"
    assert [each["body"] for each in [job.body for job in Job.objects.all()]] == [FIELDS["body"]]
    assert len(held(sandbox)) == 1
    assert held(sandbox)[0]["applied"] == 1


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "javascript:alert(1)", "https://shop.example@evil.example/", "", "/x"],
)
def test_a_native_form_never_leads_elsewhere(client: Client, shop: Shop, later: Any, elsewhere: str) -> None:
    response = send(client, shop, {**FIELDS, **opened(client, shop, later), "return_to": elsewhere})
    assert response.status_code == 303
    assert response["Location"].startswith(f"http://testserver/w/v1/{shop.key}/reviews?")
    shown = client.get(response["Location"].removeprefix("http://testserver"))
    assert "will appear as soon as it has been checked" in html.unescape(shown.content.decode())


def test_the_loader_gets_the_widget_made_anew(client: Client, shop: Shop, sandbox: Upstream, later: Any) -> None:
    response = send(
        client, shop, {**FIELDS, **opened(client, shop, later), "via": "loader"}, origin="https://shop.example"
    )
    answer = json.loads(response.content)
    assert (response.status_code, answer["state"]) == (200, "ready")
    assert "Thank you!" in answer["html"]
    assert 'name="token"' not in answer["html"]
    assert response["Access-Control-Allow-Origin"] == "https://shop.example"
    assert response["Cache-Control"] == "no-store"


def test_json_clients(client: Client, shop: Shop, sandbox: Upstream, later: Any) -> None:
    seal = opened(client, shop, later)
    body = json.dumps({**FIELDS, "rating": 5, "token": seal["token"]})
    response = client.post(
        address(shop), body, content_type="application/json", headers={"idempotency-key": seal["key"]}
    )
    assert (response.status_code, json.loads(response.content)["status"]) == (200, "pending")
    wrong = json.dumps({**FIELDS, "rating": 9, "token": seal["token"]})
    response = client.post(
        address(shop), wrong, content_type="application/json", headers={"idempotency-key": seal["key"]}
    )
    assert response.status_code == 422
    assert list(json.loads(response.content)["error"]["details"]) == ["rating"]


def test_errors_stand_beside_the_fields_and_input_is_kept(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later), "rating": "", "email": "nope", "title": '"><script>x</script>'}
    native = send(client, shop, fields)
    assert native.status_code == 422
    loader = send(client, shop, {**fields, "via": "loader"})
    assert loader.status_code == 200  # a 422 would print an error into the shopper's console
    for text in (native.content.decode(), json.loads(loader.content)["html"]):
        assert "Please choose 1 to 5 stars." in text
        assert "Please give an e-mail address" in text
        assert text.count('aria-invalid="true"') == 6  # five radios and the e-mail
        assert "<script>x" not in text
        assert html.escape(FIELDS["body"]) in text
        assert f'name="key" value="{fields["key"]}"' in text
    assert not Job.objects.exists()


def test_the_same_key_is_one_review(client: Client, shop: Shop, sandbox: Upstream, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later)}
    assert [send(client, shop, fields).status_code for _ in range(3)] == [303, 303, 303]
    assert Job.objects.count() == 1
    assert [each["applied"] for each in held(sandbox)] == [1]


def test_the_same_key_with_another_body_is_refused(client: Client, shop: Shop, later: Any) -> None:
    seal = opened(client, shop, later)
    send(client, shop, {**FIELDS, **seal})
    body = json.dumps({**FIELDS, "body": "Something else", "rating": 1, **seal})
    response = client.post(address(shop), body, content_type="application/json")
    assert (response.status_code, json.loads(response.content)["error"]["code"]) == (409, "idempotency_conflict")
    assert Job.objects.count() == 1


def test_while_sumeru_is_down_it_is_accepted_and_kept(
    client: Client, shop: Shop, sandbox: Upstream, later: Any
) -> None:
    seal = opened(client, shop, later)
    sandbox.fault("status", status=503)
    body = json.dumps({**FIELDS, "rating": 5, **seal})
    response = client.post(address(shop), body, content_type="application/json")
    assert (response.status_code, json.loads(response.content)["status"]) == (202, "accepted")
    job = Job.objects.get()
    assert (job.kind, job.state, job.key) == ("review", "waiting", seal["key"])


@pytest.mark.parametrize(
    ("change", "wait_s"),
    [
        ({"token": ""}, 0),
        ({"token": "abc:def:ghi"}, 0),
        ({"key": ""}, 0),
        ({"key": "x y"}, 0),
        ({}, -4),
        ({}, 13 * 3600),
    ],
)
def test_what_no_person_sends_is_refused_without_a_debt(
    client: Client, shop: Shop, later: Any, change: dict[str, str], wait_s: float
) -> None:
    fields = {**FIELDS, **opened(client, shop, later), **change}
    later(wait_s)
    assert send(client, shop, fields).status_code == 422
    assert not Job.objects.exists()


def test_a_token_of_another_product_is_refused(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later)}
    query = urlencode(fields)
    response = client.post(address(shop, query="product_id=prd_2&write=1"), query, content_type=FORM)
    assert response.status_code == 422
    assert not Job.objects.exists()


def test_a_script_that_fills_the_trap_is_thanked_and_forgotten(client: Client, shop: Shop, later: Any) -> None:
    response = send(client, shop, {**FIELDS, **opened(client, shop, later), forms.TRAP: "https://spam.example"})
    assert response.status_code == 303
    assert not Job.objects.exists()


def test_floods_are_braked(client: Client, shop: Shop, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.all_widgets()["reviews"].__class__, "sends_per_minute", 2)
    statuses = [send(client, shop, FIELDS).status_code for _ in range(3)]
    assert statuses == [422, 422, 429]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/xml", b"<x/>", 415),
        ("application/json", b"{", 400),
        ("application/json", b"[1]", 400),
        ("application/json", b"[" * 60_000, 400),
        (FORM, b"a=" + b"x" * 70_000, 413),
        (FORM, "&".join(f"f{n}=1" for n in range(5_000)).encode(), 413),
    ],
)
def test_bodies_that_are_none(client: Client, shop: Shop, content_type: str, body: bytes, status: int) -> None:
    assert client.post(address(shop), body, content_type=content_type).status_code == status


def test_only_the_shops_pages_and_ours_may_send(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later)}
    assert send(client, shop, fields, origin="https://evil.example").status_code == 403
    assert send(client, shop, fields, origin="null").status_code == 403
    assert send(client, shop, fields, origin="http://testserver").status_code == 303


def test_closed_reviews_take_none(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later)}
    Placement.objects.create(shop=shop, widget="reviews", options={"accept_reviews": False})
    shops.forget()
    assert send(client, shop, fields).status_code == 422
    assert "write=1" not in client.get(address(shop, ".html", "product_id=prd_1")).content.decode()


def test_a_widget_without_a_form_takes_nothing(client: Client, shop: Shop) -> None:
    response = client.post(f"/w/v1/{shop.key}/rating_badge?product_id=prd_1", "a=b", content_type=FORM)
    assert response.status_code == 405


def test_without_javascript_from_the_link_to_the_thanks(client: Client, shop: Shop, later: Any) -> None:
    page = client.get(address(shop, "", "product_id=prd_1")).content.decode()
    link = html.unescape(re.search(r'href="([^"]+write=1[^"]*)"', page)[1])  # type: ignore[index]
    form = client.get(link.removeprefix("http://testserver")).content.decode()
    action = html.unescape(re.search(r'method="post" action="([^"]+)"', form)[1])  # type: ignore[index]
    hidden = dict(re.findall(r'type="hidden" name="(token|key)" value="([^"]+)"', form))
    later(5)
    response = client.post(action.removeprefix("http://testserver"), urlencode({**FIELDS, **hidden}), content_type=FORM)
    assert response.status_code == 303


@pytest.mark.parametrize(
    ("back", "there"),
    [
        ("https://shop.example/p?color=&preview", "https://shop.example/p?color=&preview&{}#reviews"),
        (
            "https://shop.example/p?a=1&a=%20b+c&sumeru_result=reviews:old#top",
            "https://shop.example/p?a=1&a=%20b+c&{}#top",
        ),
        ("https://shop.example/p", "https://shop.example/p?{}#reviews"),
    ],
)
def test_the_way_back_keeps_the_pages_own_query(client: Client, shop: Shop, later: Any, back: str, there: str) -> None:
    response = send(client, shop, {**FIELDS, **opened(client, shop, later), "return_to": back})
    assert response["Location"] == there.format("sumeru_result=reviews%3Apending")


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("https://shop.example/de/p/1?color=red", "https://shop.example/de/p/1?color=red"),
        ("https://shop.example/", "https://shop.example/products/trail-pack"),
        ("https://evil.example/p", None),
        ("http://testserver/w/v1/{shop}/reviews?product_id=prd_1", None),
        ("https://shop.example/w/v1/{shop}/reviews?product_id=prd_1", None),
    ],
)
def test_a_form_without_scripts_knows_where_its_shopper_came_from(
    client: Client, shop: Shop, came_from: str, back: str | None
) -> None:
    page = client.get(address(shop), headers={"referer": came_from.format(shop=shop.key)}).content.decode()
    found = re.search(r'name="return_to" value="([^"]*)"', page)
    usual = re.search(r'name="return_to" value="([^"]*)"', client.get(address(shop)).content.decode())
    assert usual
    expected = back if back and "products" not in back else usual[1] if back is None else "https://shop.example/"
    assert found
    assert html.unescape(found[1]).startswith(html.unescape(expected))


def test_the_way_back_outlives_a_mistake(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later), "email": "", "return_to": "https://shop.example/p?color"}
    assert 'name="return_to" value="https://shop.example/p?color"' in send(client, shop, fields).content.decode()
    fields["return_to"] = "https://evil.example/"
    assert "evil.example" not in send(client, shop, fields).content.decode()


def test_links_of_a_list_leave_the_form_and_the_thanks(client: Client, shop: Shop, later: Any) -> None:
    fields = {**FIELDS, **opened(client, shop, later), "via": "loader"}
    thanks = json.loads(send(client, shop, fields).content)["html"]
    opened_form = json.loads(client.get(address(shop, ".json")).content)["html"]
    for text in (thanks, opened_form):
        links = [html.unescape(each) for each in re.findall(r'<a[^>]*data-go[^>]*href="([^"]*)"', text)]
        assert len(links) > 3
        assert [each for each in links if "write=" in each and "Write" not in text] == []
        assert len([each for each in links if "write=1" in each]) <= 1
        assert [each for each in links if "result=" in each] == []


def test_a_text_changed_after_a_lost_answer_is_sent(client: Client, shop: Shop, sandbox: Upstream, later: Any) -> None:
    """The first text arrived, its answer did not. The changed one has a key of its own, the same one however often it is sent."""
    fields = {**FIELDS, **opened(client, shop, later), "via": "loader"}
    send(client, shop, fields)
    changed = {**fields, "body": "Twice over the pass, and once around the lake."}
    for _ in range(2):
        answer = json.loads(send(client, shop, changed).content)
        assert "Thank you!" in answer["html"]
    assert sorted(each["body"] for each in owed()) == sorted([FIELDS["body"], changed["body"]])
    # A program is told.
    body = json.dumps({**FIELDS, "rating": 5, "body": "Other.", "token": fields["token"]})
    response = client.post(
        address(shop), body, content_type="application/json", headers={"idempotency-key": fields["key"]}
    )
    assert response.status_code == 409


@pytest.mark.parametrize("text", ["👍", "好", "❤️", "ok", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ﷺ"])
def test_a_single_sign_is_a_text(client: Client, shop: Shop, sandbox: Upstream, later: Any, text: str) -> None:
    answer = json.loads(
        send(client, shop, {**FIELDS, **opened(client, shop, later), "body": text, "via": "loader"}).content
    )
    assert "Thank you!" in answer["html"]
    assert owed()[0]["body"] == text


@pytest.mark.parametrize(
    "nothing", ["\u200b", "\u3164", "\u2800", "\u00ad\u2060", "\ufeff", "\u034f", "\u0301", "\ufe0f", "\U000e0041"]
)
@pytest.mark.parametrize("field", ["body", "name", "email"])
def test_what_nobody_can_see_is_no_text(client: Client, shop: Shop, later: Any, field: str, nothing: str) -> None:
    fields = {**FIELDS, **opened(client, shop, later), field: nothing * 3, "via": "loader"}
    assert "Thank you!" not in json.loads(send(client, shop, fields).content)["html"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("mara@example.com\u200b", "mara@example.com"),
        ("\ufeff mara@example.com", "mara@example.com"),
        ("jörg@example.com", "jörg@example.com"),
        ("jo\u0308rg@example.com", "jörg@example.com"),
        ("用户@例子.广告", "用户@例子.广告"),
        ("ma\u200bra@example.com", None),
        ("mara@exam\u00adple.com", None),
        ("mara@", None),
        ("ma ra@example.com", None),
    ],
)
def test_addresses(client: Client, shop: Shop, sandbox: Upstream, later: Any, given: str, sent: str | None) -> None:
    send(client, shop, {**FIELDS, **opened(client, shop, later), "email": given, "via": "loader"})
    assert [each["author"]["email"] for each in owed()] == ([sent] if sent else [])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("EN1001/US", "EN1001/US"),
        ("#1001", "1001"),
        ("№ 5 (zwei)", "№ 5 (zwei)"),
        ("\u200b", None),
        ("x" * 191, None),
        ("a\x00", "a"),
    ],
)
def test_an_order_number_never_holds_up_a_review(
    client: Client, shop: Shop, sandbox: Upstream, later: Any, given: str, sent: str | None
) -> None:
    answer = json.loads(
        send(client, shop, {**FIELDS, **opened(client, shop, later), "order_id": given, "via": "loader"}).content
    )
    assert "Thank you!" in answer["html"]
    assert [each.get("order_id") for each in owed()] == [sent]
