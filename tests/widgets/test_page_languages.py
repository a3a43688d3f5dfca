"""A page's own language never stops a widget; texts go by language, numbers, money and dates by the whole tag."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import translation

from sumeru_proxy.client.shapes import Product, Rating
from tests.widgets.commerce import Answers
from tests.widgets.fragments import call_of
from widgets import registry
from widgets.catalog.product_feed import ProductFeed
from widgets.http import parameters
from widgets.i18n import formatting, languages

TAGS = [
    ("de", "de"), ("DE_de", "de-DE"), ("de-DE-u-co-phonebk", "de-DE"), ("de-1996", "de"), ("de_DE@euro", "de-DE"),
    ("fr-x-mtfrom-en", "fr"), ("en_US.UTF-8", "en-US"), ("es-419", "es-419"), ("zh-TW", "zh-TW"), ("zh-hant-hk", "zh-Hant-HK"),
    ("zh-cmn-Hans-CN", "zh"), ("iw", "he"), (" fr ", "fr"), ("en-", "en"), ("en-QQ", "en"),
    ("auto", ""), ("C", ""), ("POSIX", ""), ("sv-SE", ""), ("i-klingon", ""), ("x-foo", ""), ("*", ""), ("-en", ""), ("", ""),
    ("undefined", ""), ("null", ""), ("{{lang}}", ""), ("\x00", ""), ("\ud800", ""), ("ｅｎ", ""), ("e" * 5_000, ""),
    ("en" + "-x" * 5_000, "en"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "followed"), TAGS)
def test_what_is_followed_of_a_tag(tag: str, followed: str) -> None:
    assert languages.usable(tag) == followed
    for name, widget in registry.all_widgets().items():
        query = QueryDict(mutable=True)
        query.update({**_example(name), "locale": tag})
        assert parameters.params(widget, query).locale == followed


def _example(name: str) -> dict[str, str]:
    widget = registry.all_widgets()[name]
    return {key: value.replace("{product}", "prd_1") for key, value in widget.example.items()} | (
        {"quiz_id": "quiz_1"} if name == "quiz" else {}
    )


@pytest.mark.parametrize(
    ("asked", "shop", "texts", "formats"),
    [
        ("es-MX", "es", "es", "es-MX"),
        ("es", "es-MX", "es", "es-MX"),  # the page says no more than the language
        ("", "es-MX", "es", "es-MX"),
        ("", "de-CH", "de", "de-CH"),
        ("de-AT", "de-CH", "de", "de-AT"),
        ("fr", "de-CH", "fr", "fr"),
        ("pt-PT", "en", "pt-BR", "pt-PT"),
        ("sv-SE", "en-GB", "en", "en-GB"),
        ("", "sv-SE", "en", "en"),
        ("zh-Hant", "zh-Hans-CN", "zh-Hans", "zh-Hant"),
    ],
)
def test_by_which_tag_numbers_are_written(asked: str, shop: str, texts: str, formats: str) -> None:
    assert languages.match(languages.usable(asked), shop) == texts
    assert languages.formats(asked, shop, texts) == formats


@pytest.mark.parametrize(
    ("tag", "currency", "money"),
    [
        ("es-MX", "MXN", "$1,234.50"),
        ("es", "MXN", "1.234,50\xa0MXN"),
        ("de-CH", "CHF", "CHF\xa01’234.50"),
        ("de-AT", "EUR", "€\xa01.234,50"),
        ("en-GB", "GBP", "£1,234.50"),
        ("pt-PT", "EUR", "1\xa0234,50\xa0€"),
    ],
)
def test_money_by_the_whole_tag(tag: str, currency: str, money: str) -> None:
    product = Product(
        "prd_1", "tent", "Tent", "", Decimal("1234.50"), currency, available=True, rating=Rating(Decimal("4.5"), 12_345)
    )
    widget = ProductFeed()
    call = call_of(widget, language=languages.match(tag), locale=tag)
    source = Answers((), {"prd_1": product})
    with translation.override(call.locale):
        context = widget.context(replace(call, params=call_of(widget, product_ids="prd_1", locale=tag).params), source)  # type: ignore[arg-type]
        html = render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop})
    assert context["products"][0]["price"]["text"] == money
    assert f"({formatting.number(12_345, tag)})" in html
    assert f'lang="{languages.match(tag)}"' in html
