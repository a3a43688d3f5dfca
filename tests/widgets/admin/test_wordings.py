"""The page of a shop's own words: shown, judged, stored, taken back, noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from sumeru_proxy.models import Shop
from tests.widgets.admin.conftest import CANARIES
from widgets.admin.wordings import field_name
from widgets.http import shops
from widgets.http.shops import ShopSettings
from widgets.i18n import texts
from widgets.models import Wording

HEADING, COUNT = "Customer reviews", "%(count)s review"


def address(shop: Shop, language: str = "de") -> str:
    return f"{reverse('admin:sumeru_proxy_shop_texts', args=[shop.pk])}?language={language}"


def settings_of(shop: Shop) -> ShopSettings | None:
    """What every process finds within a second, and compares with what its finished answers were made under."""
    return shops.recheck(shop.key)


def test_every_text_is_there_with_our_words(admin_client: Client, shop: Shop) -> None:
    page = admin_client.get(address(shop, "ar")).content.decode()
    for text in texts.all_texts():
        assert f'id="{field_name(text, "other" if texts.all_texts()[text].many else "")}"' in page
    assert page.count(f'name="{field_name(COUNT, "")[:18]}') == 6  # Arabic has six forms
    assert 'lang="ar" dir="rtl"' in page
    assert "{count}" in page
    assert "%(" not in page


def test_the_shops_language_comes_first_and_unknown_ones_are_not_taken(admin_client: Client, shop: Shop) -> None:
    Shop.objects.filter(pk=shop.pk).update(locale="pl-PL")
    for language in ("", "xx", "../de"):
        assert '<option value="pl" selected>' in admin_client.get(address(shop, language)).content.decode()


def test_words_are_stored_changed_and_taken_back(admin_client: Client, shop: Shop) -> None:
    before = settings_of(shop)
    words = {
        field_name(HEADING, ""): " Stimmen ",
        field_name(COUNT, "one"): "eine Stimme",
        field_name(COUNT, "other"): "{count} Stimmen",
        field_name("Next", ""): texts.default_forms("de", texts.all_texts()["Next"])[
            ""
        ],  # our own word again: nothing to keep
    }
    answer = admin_client.post(address(shop), words, follow=True)
    assert "Texts changed: 2." in answer.content.decode()
    assert 'value="Stimmen"' in answer.content.decode()
    stored = {row.text: row.forms for row in Wording.objects.filter(shop=shop, language="de")}
    assert stored == {HEADING: {"": "Stimmen"}, COUNT: {"one": "eine Stimme", "other": "{count} Stimmen"}}
    assert settings_of(shop) != before
    assert "Changed own texts (de)" in LogEntry.objects.latest("pk").get_change_message()

    unchanged = settings_of(shop)
    assert "Texts changed: 0." in admin_client.post(address(shop), words, follow=True).content.decode()
    assert settings_of(shop) == unchanged
    admin_client.post(address(shop), {field_name(HEADING, ""): "Meinungen"})
    assert {row.text: row.forms for row in Wording.objects.all()} == {HEADING: {"": "Meinungen"}}
    admin_client.post(address(shop, "fr"), {})
    assert Wording.objects.count() == 1  # another language's page leaves it alone


def test_nothing_is_stored_while_one_is_not_right(admin_client: Client, shop: Shop) -> None:
    words = {field_name(HEADING, ""): "Fine", field_name(COUNT, "one"): "eine", "w-unknown-text": "x"}
    page = admin_client.post(address(shop), words).content.decode()
    assert "Fill in every form, or none." in page
    assert 'value="Fine"' in page
    assert page.count('aria-invalid="true"') == 1
    page = admin_client.post(address(shop), {field_name(HEADING, ""): "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert(1)" not in page
    assert "Write plain text" in page
    assert not Wording.objects.exists()


@pytest.mark.parametrize("canary", CANARIES.values())
def test_a_credential_among_the_words_is_refused_and_not_shown_again(
    admin_client: Client, shop: Shop, canary: str
) -> None:
    if canary.startswith("cAnArY"):
        pytest.skip("looks like any other text")
    page = admin_client.post(address(shop), {field_name(HEADING, ""): canary}).content.decode()
    assert "This looks like a credential." in page
    assert canary not in page
    assert not Wording.objects.exists()


def test_who_may_only_look_changes_nothing(client_with: Callable[..., Client], shop: Shop) -> None:
    client = client_with("view_shop")
    page = client.get(address(shop)).content.decode()
    assert "disabled" in page
    assert client.post(address(shop), {field_name(HEADING, ""): "x"}).status_code == 403
    assert client_with("view_look").get(address(shop)).status_code == 403
    assert not Wording.objects.exists()
