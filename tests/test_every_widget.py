"""The contract of every widget, over the registry: every form, whatever the upstream does. A new widget is tested by being there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import translation

from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream
from tests.widgets.fragments import Page, assert_safe_fragment
from widgets import registry
from widgets.http import throttles
from widgets.http.rendering import SIZE_LIMIT_BYTES

WIDGETS = sorted(registry.all_widgets())
FORMS = (".html", ".json", "", "batch", "live")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u2066 javascript:alert(3) </template></style>{{ 7|add:7 }} ’&amp;'
TEXTS = {
    "title",
    "body",
    "name",
    "description",
    "message",
    "reason",
    "label",
    "text",
    "vendor",
    "alt",
    "variant_title",
    "handle",
    "url_text",
}


def english_title(name: str) -> str:
    with translation.override("en"):
        return str(registry.all_widgets()[name].title)


def example(name: str) -> dict[str, str]:
    return {key: value.replace("{product}", "prd_1") for key, value in registry.all_widgets()[name].example.items()}


def ask(client: Client, shop: Shop, name: str, form: str, **changes: str) -> Any:
    query = urlencode({**example(name), **changes})
    if form in ("batch", "live"):
        return client.get(f"/w/v1/{shop.key}/{form}?{urlencode({'w': f'{name}?{query}'})}")
    return client.get(f"/w/v1/{shop.key}/{name}{form}?{query}")


def everything(client: Client, shop: Shop, name: str, **changes: str) -> Iterator[tuple[str, Any]]:
    for form in FORMS:
        throttles.reads = throttles.Meter()
        response = ask(client, shop, name, form, **changes)
        assert response.status_code in (200, 401), (name, form, response.content[:300])
        yield form, response


def inner_of(form: str, response: Any) -> str | None:
    """The inner HTML of an answer, None when it has none."""
    if form in ("batch", "live"):
        return json.loads(response.content)["items"][0]["html"] or None
    if form == ".json" and response.status_code == 200:
        return json.loads(response.content)["inner_html"] or None
    return None


def state_of(form: str, response: Any) -> str | None:
    if form in ("batch", "live"):
        return str(json.loads(response.content)["items"][0]["state"])
    return str(json.loads(response.content)["state"]) if form == ".json" and response.status_code == 200 else None


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, storefront_url="https://shop.example/", **sandbox.account())


@pytest.mark.parametrize("name", WIDGETS)
def test_with_data(client: Client, shop: Shop, name: str) -> None:
    for form, response in everything(client, shop, name):
        if inner := inner_of(form, response):
            assert_safe_fragment(Page(inner))
            assert len(inner.encode()) <= SIZE_LIMIT_BYTES
            assert "<style" not in inner
        if form == "live" and registry.all_widgets()[name].audience != "customer":
            assert state_of(form, response) in ("ready", "empty")


@pytest.mark.parametrize("name", WIDGETS)
@pytest.mark.parametrize("language", ["ar", "he"])
def test_right_to_left(client: Client, shop: Shop, name: str, language: str) -> None:
    own_letters = letters = {"ar": "[\u0621-\u064a]{2}", "he": "[\u05d0-\u05ea]{2}"}[language]
    with translation.override(language):
        translated = str(registry.all_widgets()[name].title) != english_title(name)
    if not translated:  # `manage.py generate --check` warns of it
        letters = "[A-Za-z]{2}"
    for form, response in everything(client, shop, name, locale=language):
        text = response.content.decode()
        if form == "":
            assert f'<html lang="{language}" dir="rtl">' in text
            assert re.search(f"<title>[^<]*{letters}", text)
        if form == ".html":
            assert re.search(f">[^<]*{letters}[^<]*</a></sumeru-widget>|</template></sumeru-widget>", text)
        if form in ("", ".html", ".json") and response.status_code == 200:
            assert response["Content-Language"] == language
        if not (inner := inner_of(form, response)):
            continue
        page = Page(inner)
        assert_safe_fragment(page)
        if name == "ab_experiment":  # chooses among the page's own blocks and has no words
            assert not page.text
            continue
        assert (page.elements[0][1]["lang"], page.elements[0][1]["dir"]) == (language, "rtl")
        read_out = [attrs.get("aria-label", "") for _tag, attrs in page.elements]
        assert re.search(f"{letters}|{own_letters}", " ".join([page.text, *read_out]))


@pytest.mark.parametrize("name", WIDGETS)
def test_hostile_text_in_every_string(client: Client, make_shop: Callable[..., Shop], name: str) -> None:
    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {inner: poisoned(each, inner) for inner, each in value.items()}
        if isinstance(value, list):
            return [poisoned(each, key) for each in value]
        return HOSTILE if key in TEXTS and isinstance(value, str) and key != "handle" else value

    catalogue = small_catalogue()
    for shop in catalogue["shops"]:
        for part in ("products", "reviews", "bundles", "upsell_rules", "quizzes", "nudges"):
            shop[part] = poisoned(shop[part])
    with upstream(catalogue) as sandbox:
        shop = make_shop(sandbox.url, **sandbox.account())
        for form, response in everything(client, shop, name):
            text = response.content.decode()
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "14 ’" not in text  # no template code of a stranger runs
            if inner := inner_of(form, response):
                assert_safe_fragment(Page(inner))


@pytest.mark.parametrize("name", WIDGETS)
@pytest.mark.parametrize("fault", ["status", "reset", "malformed", "empty", "html", "truncate"])
def test_a_failing_upstream_without_a_copy(
    client: Client, shop: Shop, sandbox: Upstream, name: str, fault: str
) -> None:
    sandbox.fault(fault, **({"status": 500} if fault == "status" else {}))
    for form, response in everything(client, shop, name):
        state = state_of(form, response)
        assert state in (None, "pending", "empty", "live", "ready", "error")
        if state in ("pending", "error"):
            assert response["Cache-Control"] == "no-store"
            assert state != "error" or response.status_code == 200
        assert b"Traceback" not in response.content


@pytest.mark.parametrize("name", WIDGETS)
def test_a_failing_upstream_with_a_copy_changes_no_content(
    client: Client, shop: Shop, sandbox: Upstream, name: str
) -> None:
    before = {form: inner_of(form, response) for form, response in everything(client, shop, name)}
    for key, copy in list(reader.copies._held.items()):
        old = copy[1]
        reader.copies.store(key, reader.Copy(old.value, old.fetched_at - 100_000, old.fresh_s, old.made_under))
    sandbox.fault("status", status=503)
    for form, response in everything(client, shop, name):
        assert _without_seal(inner_of(form, response)) == _without_seal(before[form]), (name, form)


def _without_seal(html: str | None) -> str | None:
    return re.sub(r'name="(token|key|session)" value="[^"]*"', "", html) if html else html


@pytest.mark.parametrize("name", WIDGETS)
def test_answers_of_the_wrong_shape(client: Client, shop: Shop, sandbox: Upstream, name: str) -> None:
    for fault in (
        {"kind": "wrong_types", "paths": ["data"], "value": 7},
        {"kind": "wrong_types", "paths": ["data.*"], "value": {"x": []}},
        {"kind": "missing_fields", "paths": ["data"]},
    ):
        sandbox.heal()
        sandbox.fault(**fault)
        reader.copies.forget()
        for _form, response in everything(client, shop, name):
            assert b"Traceback" not in response.content


@pytest.mark.parametrize("name", WIDGETS)
def test_private_answers_are_never_stored(client: Client, shop: Shop, name: str) -> None:
    if registry.all_widgets()[name].audience == "public":
        pytest.skip("this widget is public")
    for form, response in everything(client, shop, name):
        if form == "batch":  # says only "ask live", which is the same for everybody
            assert json.loads(response.content)["items"] == [{"state": "live", "status": 200, "html": ""}]
            continue
        assert response["Cache-Control"] == "no-store", form
        assert "ETag" not in response.headers


@pytest.mark.parametrize("name", WIDGETS)
def test_what_a_browser_learns_is_the_context(client: Client, shop: Shop, name: str) -> None:
    """Nothing that looks like an upstream's internal, an address of a person or a credential is in the data."""
    for form, response in everything(client, shop, name):
        if form != ".json" or response.status_code != 200:
            continue
        answer = json.loads(response.content)
        assert set(answer) <= {
            "widget", "state", "html", "inner_html", "data", "json_ld", "css", "lang", "fresh", "age_s", "retry_after_s", "error",
        }  # fmt: skip
        text = response.content.decode()
        for forbidden in ("request_id", "copt_", "pk_live", "Bearer", 'email":"', "shop_domain"):
            assert forbidden not in text, forbidden


@pytest.mark.parametrize("name", WIDGETS)
def test_parameters_and_options_are_documented(name: str) -> None:
    widget = registry.all_widgets()[name]
    forms = [widget.Params(), widget.Options(), *([widget.Form()] if widget.Form else [])]
    for form in forms:
        assert [field for field, each in form.fields.items() if not each.help_text] == []
    options = widget.Options(data={})
    assert options.is_valid(), options.errors
    assert str(widget.title)
    assert str(widget.description).endswith(".")


@pytest.mark.parametrize("name", WIDGETS)
def test_a_broken_widget_takes_no_other_with_it(
    client: Client, shop: Shop, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(type(registry.all_widgets()[name]), "context", broken)
    other = "reviews" if name != "reviews" else "rating_badge"
    query = urlencode({"w": [f"{name}?{urlencode(example(name))}", f"{other}?{urlencode(example(other))}"]}, doseq=True)
    items = json.loads(client.get(f"/w/v1/{shop.key}/live?{query}").content)["items"]
    assert [item["state"] for item in items] == ["error", "ready"]
    assert items[0]["error"]["code"] == "internal_error"
    assert "a fault of ours" not in json.dumps(items)
