"""Contrast of a shop's colours: the formula, what is judged, and the sentences in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from widgets.theming import contrast

colours = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # From the tables that WCAG's own tools print.
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((119, 119, 119), (255, 255, 255), 4.48),
        ((118, 118, 118), (255, 255, 255), 4.54),
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((0, 0, 255), (255, 255, 255), 8.59),
    ],
)
def test_ratio(one: contrast.Colour, other: contrast.Colour, expected: float) -> None:
    assert contrast.ratio(one, other) == pytest.approx(expected, abs=0.005)


@given(colours, colours)
def test_ratio_is_symmetric_and_bounded(one: contrast.Colour, other: contrast.Colour) -> None:
    assert 1 <= contrast.ratio(one, other) == contrast.ratio(other, one) <= 21.0001


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        ("#0a7", (0, 170, 119)),
        (" #00AA77 ", (0, 170, 119)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("rgb(1 2 3)", (1, 2, 3)),
        ("rgb(999 2 3)", (255, 2, 3)),
        ("White", (255, 255, 255)),
        ("#00aa7780", None),
        ("rgb(1 2 3 / 50%)", None),
        ("currentColor", None),
        ("color-mix(in srgb, red, blue)", None),
        ("var(--brand)", None),
        ("", None),
    ],
)
def test_colours_that_can_be_judged(value: str, colour: contrast.Colour | None) -> None:
    assert contrast.parse(value) == colour


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ({}, []),
        ({"accent": "#146c43", "on-accent": "#fff"}, []),
        ({"accent": "#ffd166", "on-accent": "white"}, ["Text on accent: white on #ffd166"]),
        ({"accent": "#114477"}, ["Text on accent: black on #114477"]),
        ({"accent": "#114477", "color": "#ffffff"}, []),
        ({"accent": "#114477", "color": "inherit"}, []),
        ({"accent": "#114477", "on-accent": "inherit"}, []),
        ({"color": "#888888", "tint": "#999999"}, ["Text colour: #888888 on #999999"]),
        ({"tint": "#222222"}, ["Text colour: black on #222222"]),
        ({"star": "#e7a600"}, ["Star colour: #e7a600 on white"]),
        ({"star": "#e7a600", "color": "#eeeeee"}, []),
        ({"star": "#222222", "color": "#eeeeee"}, ["Star colour: #222222 on black"]),
        ({"star": "#d47f00", "error": "#c00", "border": "#767676", "focus": "blue"}, []),
        ({"error": "#f66", "focus": "yellow"}, ["Error colour: #f66 on white", "Focus colour: yellow on white"]),
        ({"radius": "8px", "font": "Georgia", "gap": "1rem", "star": "light-dark(#fff, #000)"}, []),
    ],
)
def test_what_is_said(tokens: dict[str, str], told: list[str]) -> None:
    said = contrast.warnings(tokens)
    assert [sentence.partition(" has a contrast of ")[0] for sentence in said] == told
    assert all("needs " in sentence for sentence in said)


def test_a_ratio_is_never_rounded_up() -> None:
    (sentence,) = contrast.warnings({"accent": "#ffffff", "on-accent": "#777777"})
    assert sentence.endswith("has a contrast of 4.4 to 1; to be seen by everybody it needs 4.5.")


def test_the_admin_says_it_and_saves(admin_client: Client, make_shop: Any) -> None:
    from tests.widgets.admin.test_shop_pages import formset_of, url
    from widgets.models import Look

    shop = make_shop("https://api.example")
    Look.objects.create(shop=shop, tokens={"accent": "#ffd166"})
    data = formset_of(shop, **{"look-0-token_accent": "#ffd166", "look-0-token_on_accent": "white"})
    answer = admin_client.post(url("change", shop), data, follow=True)
    assert "Text on accent: white on #ffd166 has a contrast of 1.4 to 1" in answer.content.decode()
    assert Look.objects.get(shop=shop).tokens == {"accent": "#ffd166", "on-accent": "white"}
    page = admin_client.get(url("change", shop)).content.decode()
    assert '<p class="sumeru-notice">Text on accent: white on #ffd166' in page
    data["look-0-token_on_accent"] = "#111"
    answer = admin_client.post(url("change", shop), data, follow=True)
    assert "has a contrast of" not in answer.content.decode()
