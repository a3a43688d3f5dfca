"""A merchant's own words: what may stand in them, where they show, and that they stay with their shop, language and thread."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext, ngettext

from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from tests.widgets.fragments import Page, assert_safe_fragment
from tests.widgets.test_translations import LANGUAGES, marked
from tests.widgets.wsgi_calls import ask, site
from widgets.admin.changes import settings_changed
from widgets.http import shops
from widgets.i18n import texts
from widgets.i18n.texts import SINGLE, Texts
from widgets.models import Wording

HEADING, COUNT, STARS = "Customer reviews", "%(count)s review", "%(rating)s out of 5 stars"


def test_every_text_for_shoppers_can_be_changed() -> None:
    known = {(text.id, text.many) if text.many else text.id for text in texts.all_texts().values()}
    assert known == set(marked())
    assert max(len(each) for each in texts.all_texts()) <= Wording._meta.get_field("text").max_length


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_words_pass_the_rules_for_own_words(language: str) -> None:
    """Merchants start from ours: what they see must be what they may save, and saving it changes nothing."""
    for text in texts.all_texts().values():
        ours = texts.default_forms(language, text)
        assert texts.problems(language, text, ours) == {}, text
        said = Texts([(language, text.id, ours)])
        with translation.override(language):
            plain = [
                ngettext(text.id, text.many, n) if text.many else gettext(text.id) for n in (0, 1, 2, 3, 5, 11, 100)
            ]
        with texts.override(said, language):
            own = [ngettext(text.id, text.many, n) if text.many else gettext(text.id) for n in (0, 1, 2, 3, 5, 11, 100)]
        assert [texts.readable(each) for each in own] == [texts.readable(each) for each in plain]


@pytest.mark.parametrize(
    ("language", "text", "forms"),
    [
        ("en", HEADING, {SINGLE: "What they say"}),
        ("en", HEADING, {SINGLE: "100% honest & true"}),
        ("en", COUNT, {"one": "A single voice", "other": "{count} voices"}),
        ("pl", COUNT, {"one": "jedna", "few": "{count} x", "many": "{count} y"}),
        ("ar", COUNT, dict.fromkeys(("zero", "one", "two", "few", "many", "other"), "{count} x")),
    ],
)
def test_words_that_may_stand(language: str, text: str, forms: dict[str, str]) -> None:
    assert texts.problems(language, texts.all_texts()[text], forms) == {}


@pytest.mark.parametrize(
    ("language", "text", "forms", "where"),
    [
        ("en", HEADING, {}, SINGLE),
        ("en", HEADING, {SINGLE: "  "}, SINGLE),
        ("en", HEADING, {SINGLE: "x" * 301}, SINGLE),
        ("en", HEADING, {SINGLE: "<b>x</b>"}, SINGLE),
        ("en", HEADING, {SINGLE: 'x" onmouseover=alert(1)'}, SINGLE),
        ("en", HEADING, {SINGLE: "two\nlines"}, SINGLE),
        ("en", HEADING, {SINGLE: "x\u0000"}, SINGLE),
        ("en", HEADING, {SINGLE: "x\u202e"}, SINGLE),
        ("en", HEADING, {SINGLE: "{count} reviews"}, SINGLE),
        ("en", HEADING, {SINGLE: "{ x }"}, SINGLE),
        ("en", STARS, {SINGLE: "many stars"}, SINGLE),
        ("en", STARS, {SINGLE: "{rating} {rating.__class__}"}, SINGLE),
        ("en", STARS, {SINGLE: "{stars}"}, SINGLE),
        ("en", COUNT, {"one": "one"}, "other"),
        ("en", COUNT, {"one": "one", "other": "many"}, "other"),
        ("fr", COUNT, {"one": "une", "other": "{count} x"}, "one"),  # zero is "one" there, too
        ("pl", COUNT, {"one": "1", "other": "{count} x"}, "few"),
    ],
)
def test_words_that_may_not(language: str, text: str, forms: dict[str, str], where: str) -> None:
    assert where in texts.problems(language, texts.all_texts()[text], forms)
    assert Texts([(language, text, forms)]) == texts.NONE  # also when it came past every form
    with pytest.raises(ValidationError):
        Wording(language=language, text=text, forms=forms).clean()


@pytest.mark.parametrize(
    "row", [("en", "No such text", {SINGLE: "x"}), ("en", HEADING, "x"), ("en", HEADING, {SINGLE: 7})]
)
def test_rows_that_make_no_sense_are_left_out(row: Any) -> None:
    assert Texts([row]) == texts.NONE


def test_nested_voices_and_what_comes_after() -> None:
    own = Texts([("de", HEADING, {SINGLE: "Stimmen"}), ("en", HEADING, {SINGLE: "Voices"})])
    other = Texts([("de", HEADING, {SINGLE: "Anders"})])
    with translation.override("fr"):
        french = gettext(HEADING)
        with texts.override(own, "de"):
            assert (gettext(HEADING), translation.get_language()) == ("Stimmen", "de")
            with texts.override(other, "de"):
                assert gettext(HEADING) == "Anders"
            assert gettext(HEADING) == "Stimmen"
            with texts.override(own, "en"):
                assert gettext(HEADING) == "Voices"
            with texts.override(texts.NONE, "de"):
                assert gettext(HEADING) == "Kundenbewertungen"
            assert gettext(HEADING) == "Stimmen"
            seen: list[str] = []
            thread = threading.Thread(target=lambda: seen.append(gettext(HEADING)))
            thread.start()
            thread.join()
            assert seen == [HEADING]
        assert (gettext(HEADING), translation.get_language()) == (french, "fr")
    with pytest.raises(ZeroDivisionError), texts.override(own, "de"):
        raise ZeroDivisionError
    assert gettext(HEADING) == HEADING


def test_equal_rows_are_equal_and_others_are_not() -> None:
    rows = [("de", HEADING, {SINGLE: "Stimmen"}), ("de", COUNT, {"one": "eine", "other": "{count}"})]
    assert (Texts(rows), hash(Texts(rows))) == (Texts(rows[::-1]), hash(Texts(rows[::-1])))
    assert Texts(rows) != Texts(rows[:1]) != Texts([("de", HEADING, {SINGLE: "Andere"})])


@pytest.fixture
def two(make_shop: Callable[..., Shop], sandbox: Upstream) -> tuple[Shop, Shop]:
    account = sandbox.account()
    return make_shop(sandbox.url, **account), make_shop(sandbox.url, name="Other", **account)


def say(shop: Shop, language: str, text: str, **forms: str) -> None:
    wording = Wording(
        shop=shop, language=language, text=text, forms=forms if forms.keys() - {"all"} else {SINGLE: forms["all"]}
    )
    wording.full_clean()
    wording.save()
    settings_changed()
    shops.forget()


def inner(client: Client, shop: Shop, name: str = "reviews", **asked: str) -> str:
    query = {"product_id": "prd_1", **asked}
    html: str = json.loads(client.get(f"/w/v1/{shop.key}/{name}.json", query).content)["inner_html"]
    assert_safe_fragment(Page(html))
    return html


def test_own_words_show_in_every_form_of_answer_and_only_there(client: Client, two: tuple[Shop, Shop]) -> None:
    mine, other = two
    before = inner(client, other)
    inner(client, mine)  # pieces of text are kept from here on
    say(mine, "en", HEADING, all="What they say & mean, 100%")
    say(mine, "en", COUNT, one="{count} voice", other="{count} voices")
    say(mine, "en", STARS, all="{rating} of five")
    say(mine, "en", "Reviews", all="Voices")
    say(mine, "en", "Back to %(name)s", all="Home to {name}")
    html = inner(client, mine)
    assert "What they say & mean, 100%</h2>" in html
    assert "45 voices" in html
    assert re.search(r'aria-label="\d(\.\d)? of five"', html)
    assert "out of 5 stars" not in html
    assert inner(client, other) == before.replace(mine.key, other.key)
    assert "What they say" not in inner(client, mine, locale="de")
    fragment = client.get(f"/w/v1/{mine.key}/reviews.html?product_id=prd_1").content.decode()
    assert "What they say & mean" in fragment
    assert ">Voices</a></sumeru-widget>" in fragment
    page = client.get(f"/w/v1/{mine.key}/reviews?product_id=prd_1").content.decode()
    assert "<title>Voices · " in page
    batch = json.loads(client.get(f"/w/v1/{mine.key}/batch?w=reviews%3Fproduct_id%3Dprd_1").content)
    assert "45 voices" in batch["items"][0]["html"]
    form = client.get(f"/w/v1/{mine.key}/reviews?product_id=prd_1&write=1").content.decode()
    assert "What they say & mean" in form


def test_words_of_a_refused_form(client: Client, two: tuple[Shop, Shop]) -> None:
    mine, other = two
    say(mine, "en", "The form is incomplete. Please load the page again.", all="Please load it again.")
    for shop, words in ((mine, "Please load it again."), (other, "The form is incomplete.")):
        answer = client.post(f"/w/v1/{shop.key}/reviews?product_id=prd_1&write=1", {"rating": "5"})
        assert answer.status_code == 422
        assert words in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_within_a_second_by_finished_answers(
    two: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when another process made it, which this one hears nothing of."""
    mine, _other = two
    application = site()
    address = f"/w/v1/{mine.key}/reviews.html?product_id=prd_1"
    for _ in range(3):
        assert HEADING in ask(application, address).text
    assert application.store.hits > 0
    Wording.objects.create(shop=mine, language="en", text=HEADING, forms={SINGLE: "Fresh words"})
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 1.0)
    assert "Fresh words" in ask(application, address).text
