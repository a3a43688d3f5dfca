"""How values read, and what a text becomes as HTML."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client.shapes import Product
from widgets.base import ShopProfile
from widgets.http import template_filters
from widgets.i18n import formatting

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "locale", "text"),
    [
        (1234, "en", "1,234"),
        (1234, "de", "1.234"),
        (Decimal("4.5"), "de", "4,5"),
        (7, "no-such-tongue", "7"),
        (7, "", "7"),
    ],
)
def test_numbers(value: int | Decimal, locale: str, text: str) -> None:
    assert formatting.number(value, locale) == text


@pytest.mark.parametrize(("value", "text"), [("4", "4.0"), ("4.449", "4.4"), ("4.45", "4.5"), ("4.96", "5.0")])
def test_averages_have_one_decimal(value: str, text: str) -> None:
    assert formatting.average(Decimal(value), "en") == text


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        ("1234.5", "USD", "en", "$1,234.50"),
        ("1234.5", "EUR", "de", "1.234,50\xa0€"),
        ("1234", "JPY", "en", "¥1,234"),
        ("-5", "GBP", "en-GB", "-£5.00"),
        ("9.99", "QQQ", "en", "QQQ9.99"),
    ],
)
def test_money(amount: str, currency: str, locale: str, text: str) -> None:
    assert formatting.money(Decimal(amount), currency, locale) == text


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=-90), "1 minute ago"),
        (timedelta(0), "1 minute ago"),
        (timedelta(minutes=59, seconds=30), "59 minutes ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=1, hours=3), "1 day ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=21), "3 weeks ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_ago(before: timedelta, text: str) -> None:
    assert formatting.ago(NOW - before, NOW, "en") == text


def test_ago_in_another_language() -> None:
    assert formatting.ago(NOW - timedelta(days=3), NOW, "de") == "vor 3 Tagen"


def test_days_are_those_of_utc() -> None:
    assert formatting.day(datetime(2026, 3, 4, 1, tzinfo=timezone(timedelta(hours=5))), "en") == "March 3, 2026"


@pytest.mark.parametrize(
    ("code", "locale", "name"),
    [
        ("DE", "en", "Germany"),
        ("de", "fr", "Allemagne"),
        ("ZZ", "en", ""),
        ("QX", "en", ""),
        ("", "en", ""),
        ("001", "en", ""),
    ],
)
def test_countries(code: str, locale: str, name: str) -> None:
    assert formatting.country(code, locale) == name


@pytest.mark.parametrize(
    ("tag", "clean"), [("pt_br", "pt-BR"), ("AR", "ar"), ("zh-hans", "zh-Hans"), ('en" x=', ""), ("", ""), ("en\n", "")]
)
def test_language_tags(tag: str, clean: str) -> None:
    assert formatting.language_tag(tag) == clean


@pytest.mark.parametrize(
    ("template", "handle", "url", "expected"),
    [
        (
            "https://shop.example/p/{handle}",
            "rain jacket/2",
            "https://x.example/a",
            "https://shop.example/p/rain%20jacket%2F2",
        ),
        ("https://shop.example/p/{id}", "", "", "https://shop.example/p/prd_1"),
        ("https://shop.example/p/{handle}", "", "https://x.example/a", "https://x.example/a"),
        ("", "h", "/products/h", "https://shop.example/products/h"),
        ("", "h", "javascript:alert(1)", ""),
        ("", "h", "http://[broken", ""),
        ("javascript:{handle}", "h", "", ""),
        ("", "h", "", ""),
    ],
)
def test_product_pages(template: str, handle: str, url: str, expected: str) -> None:
    shop = ShopProfile(1, "k", "Shop", storefront_url="https://shop.example/", product_url=template)
    product = Product("prd_1", handle, "Jacket", url, Decimal(1), "EUR", available=True)
    assert formatting.product_url(shop, product) == expected


@given(st.text(st.sampled_from("ab .!?\n。<&\"'"), max_size=3000))
def test_folding_loses_nothing(text: str) -> None:
    shown, rest = template_filters.fold(text)
    assert shown + rest == text
    assert bool(rest) == (len(text) > template_filters.FOLD_CHARS)
    assert not rest or len(shown) <= template_filters.FOLD_AT_CHARS


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Word " * 100 + "End.\n\n" + "More. " * 200, "\n\n"),
        ("A sentence of words. " * 100, ". "),
        ("word " * 400, "word "),
        ("字" * 1500, "字"),
    ],
)
def test_folding_prefers_paragraphs_then_sentences_then_words(text: str, end: str) -> None:
    assert template_filters.fold(text)[0].endswith(end)


@given(st.text())
def test_paragraphs_never_let_markup_through(text: str) -> None:
    html = template_filters.paragraphs(text)
    for tag in ("<p>", "</p>", "<br>"):
        html = html.replace(tag, "")
    assert not set(html) & set("<>\"'")


def test_paragraphs_and_lines_are_kept() -> None:
    assert (
        template_filters.paragraphs("One\r\ntwo\n \n\nthree & <b>") == "<p>One<br>two</p><p>three &amp; &lt;b&gt;</p>"
    )


@pytest.mark.parametrize(
    ("value", "width"),
    [("0", "0"), ("0.5", "10"), ("1", "20"), ("3.25", "66.8"), ("4.96", "100"), ("9", "100"), ("-1", "0")],
)
def test_stars_are_filled_within_each_star(value: str, width: str) -> None:
    assert template_filters.star_width(Decimal(value)) == width
