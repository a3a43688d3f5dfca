"""The widget `ab_experiment`: sticky, honest about who saw what, and never a hole in the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from sumeru_proxy.client.shapes import Assignment
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.reading.reader import Missing, Pending, Query
from tests.upstream import Upstream
from tests.widgets.fragments import NOW, Page, assert_safe_fragment, call_of
from widgets.base import Context
from widgets.catalog.ab_experiment import CONTROL, AbExperiment
from widgets.http import throttles

EXPOSED = {"experiment": "hero", "variant": "bold"}


class Coin:
    """A source that has decided, or raises."""

    def __init__(
        self, variant: str = "bold", payload: Mapping[str, Any] | None = None, error: Exception | None = None
    ) -> None:
        self.assignment = Assignment("hero", variant, dict(payload or {}), NOW)
        self.error = error
        self.asked: list[Query] = []
        self.fresh = True
        self.oldest: float | None = None

    def age_s(self, now: float) -> float:
        return 0.0

    def get(self, wanted: Query) -> Assignment:
        self.asked.append(wanted)
        if self.error:
            raise self.error
        return self.assignment


def made(source: Coin, **asked: str) -> tuple[Context, Page, str]:
    widget = AbExperiment()
    call = call_of(widget, **{"experiment": "hero", "visitor_id": "visitor-1", **asked})
    with translation.override("en"):
        context = widget.context(call, source)  # type: ignore[arg-type]
        html = render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop}).strip()
    page = Page(html)
    assert_safe_fragment(page)
    assert json.dumps(context, cls=DjangoJSONEncoder)
    return context, page, html


def test_a_visitors_variant() -> None:
    context, page, html = made(source := Coin("bold", {"headline": "Made to last"}))
    assert context == {
        "experiment": "hero",
        "variant": "bold",
        "payload": {"headline": "Made to last"},
        "decided": True,
        "assigned_at": NOW,
        "slot": "bold",
        "widget": None,
        "exposure": EXPOSED,
    }
    assert '<slot name="bold"><slot></slot></slot>' in html
    assert json.loads(page.all("div", data_variant="bold")[0]["data-exposure"]) == EXPOSED
    assert "headline" not in html
    assert [(each.method, dict(each.arguments)) for each in source.asked] == [
        ("experiment", {"experiment": "hero", "visitor_id": "visitor-1"})
    ]
    assert source.asked[0].fresh_s >= 30 * 86_400


@pytest.mark.parametrize("error", [Missing(), Pending(2.0)])
def test_undecided_is_the_default_and_counts_for_nobody(error: Exception) -> None:
    context, page, html = made(source := Coin(error=error))
    assert not context["decided"]
    assert "data-undecided" in html
    assert source.fresh is isinstance(error, Missing)  # Sumeru's word that there is no such experiment is an answer
    assert (context["variant"], context["assigned_at"], context["exposure"]) == (CONTROL, None, None)
    assert "<slot></slot>" in html
    assert not page.all("slot", name="control")
    assert not [attrs for _, attrs in page.elements if "data-exposure" in attrs]


@pytest.mark.parametrize(
    "params",
    [
        {"product_id": "prd_1", "on click": "x"},
        {"product_id": "prd_1", "type": "pixel"},
        {"product_id": "prd_1", "page": ["x"]},
        {"product_id": "prd_1", "sort": "a\nb"},
        {f"p{chr(97 + n)}": "x" for n in range(11)},
        ["product_id"],
    ],
)
def test_half_of_what_a_payload_asks_is_something_else(params: Any) -> None:
    context, _, html = made(Coin("bold", {"widget": "bundles", "params": params}))
    assert context["widget"] is None
    assert "<sumeru-widget" not in html


def test_no_visitor_is_the_default_without_a_question_upstream() -> None:
    context, _, html = made(source := Coin(), visitor_id="")
    assert (context["variant"], context["exposure"], source.asked) == (CONTROL, None, [])
    assert "data-exposure" not in html


@pytest.mark.parametrize(
    ("variant", "variants", "slot", "exposed"),
    [
        ("bold", "bold,calm", "bold", True),
        ("bold", "calm,control", "", False),
        ("bold", "", "bold", True),
        ("control", "bold", "", True),
        ("control", "", "control", True),
        ("hero.bold / 2", "", "hero.bold / 2", True),
        ("x" * 190, "", "x" * 190, True),
        ('"><script>', "", '"><script>', True),
        ("two\nlines", "", "", False),
    ],
)
def test_exposure_means_that_it_was_on_the_page(variant: str, variants: str, slot: str, exposed: bool) -> None:
    context, page, _ = made(Coin(variant), variants=variants)
    assert context["variant"] == variant
    assert context["slot"] == slot
    assert (context["exposure"] is not None) is exposed
    assert not page.all("script")


def test_another_widget_in_its_place() -> None:
    payload = {
        "widget": "bundles",
        "placement": "summer",
        "params": {"product_id": "prd_1", "limit": 3},
        "label": "See the bundle",
    }
    context, page, html = made(Coin("bold", payload), locale="en")
    url = "https://widgets.example/w/v1/shopkey/bundles?limit=3&locale=en&placement=summer&product_id=prd_1"
    assert context["widget"]["url"] == url
    assert page.all("sumeru-widget") == [
        {"type": "bundles", "limit": "3", "locale": "en", "placement": "summer", "product-id": "prd_1"}
    ]
    assert page.all("a", href=url)
    assert page.text == "See the bundle"
    assert html.index('<slot name="bold">') < html.index("<sumeru-widget") < html.index("</slot>")
    assert context["exposure"] == EXPOSED
    # Where the page says that it has no block for it, the other widget stands alone.
    context, page, _ = made(Coin("bold", payload), variants="calm")
    assert (context["slot"], len(page.all("slot")), len(page.all("sumeru-widget"))) == ("", 0, 1)
    assert context["exposure"] == EXPOSED


@pytest.mark.parametrize(
    "payload",
    [
        {"widget": "ab_experiment"},
        {"widget": "Bundles"},
        {"widget": "../x"},
        {"widget": 7},
        {"widget": "bundles", "placement": "a b"},
        {"widget": "bundles", "placement": ["x"]},
        {"placement": "summer"},
        {"html": "<b>bold</b>"},
    ],
)
def test_a_payload_that_names_no_widget(payload: dict[str, Any]) -> None:
    context, page, html = made(Coin("bold", payload))
    assert context["widget"] is None
    assert '<slot name="bold"><slot></slot></slot>' in html
    assert not page.all("b")


def test_a_payload_too_large_is_left_out() -> None:
    context, _, _ = made(Coin("bold", {"text": "x" * 20_000}))
    assert (context["payload"], context["variant"]) == ({}, "bold")


def test_bad_parameters_are_refused() -> None:
    for wrong in (
        {},
        {"experiment": "a\nb"},
        {"experiment": "a", "visitor_id": "a\x7fb"},
        {"experiment": "a", "variants": "a\x00b"},
        {"experiment": "a" * 191},
    ):
        assert not AbExperiment.Params(data=wrong).is_valid()


# -- over HTTP, against the sandbox


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def query(visitor: str, **more: str) -> str:
    return urlencode({"experiment": "headline", "visitor_id": visitor, **more})


def data(client: Client, shop: Shop, visitor: str) -> Context:
    throttles.reads = throttles.Meter()
    response = client.get(f"/w/v1/{shop.key}/ab_experiment.json?{query(visitor)}")
    assert response["Cache-Control"] == "no-store"
    found = json.loads(response.content)["data"]
    assert isinstance(found, dict)
    return found


def test_the_same_variant_in_every_form_and_for_one_read(client: Client, shop: Shop, sandbox: Upstream) -> None:
    variant = data(client, shop, "visitor-7")["variant"]
    assert variant in ("control", "bold")
    mark = f'data-variant="{variant}"'
    for form in (".html", ""):
        assert mark in client.get(f"/w/v1/{shop.key}/ab_experiment{form}?{query('visitor-7')}").content.decode()
    asked = urlencode({"w": f"ab_experiment?{query('visitor-7')}"})
    live = json.loads(client.get(f"/w/v1/{shop.key}/live?{asked}").content)
    assert mark in live["items"][0]["html"]
    reader.copies.forget()
    assert data(client, shop, "visitor-7")["variant"] == variant
    assert sandbox.calls("ab-experiment") == 1


def test_an_outage_changes_no_ones_variant(client: Client, shop: Shop, sandbox: Upstream) -> None:
    before = data(client, shop, "visitor-7")
    sandbox.fault("status", status=503)
    assert data(client, shop, "visitor-7") == before
    assert data(client, shop, "visitor-8")["assigned_at"] is None


def test_an_unknown_experiment_leaves_the_page_as_it_is(client: Client, shop: Shop) -> None:
    response = client.get(f"/w/v1/{shop.key}/ab_experiment.json?experiment=none&visitor_id=visitor-1")
    answer = json.loads(response.content)
    assert answer["state"] == "ready"
    assert "<slot></slot>" in answer["inner_html"]
