"""Twelve languages: complete catalogues, plurals and numbers by CLDR, the right one for each request, operators in English.

How the catalogues are made stands in ``widgets/i18n/languages.py``. These tests need no GNU gettext.
"""

from __future__ import annotations

import ast
import gettext
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatch
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel import Locale
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from babel.messages.plurals import PLURALS
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from django.utils.translation import to_locale
from jinja2 import TemplateSyntaxError

from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from widgets.http import jinja, template_filters
from widgets.i18n import formatting, languages
from widgets.management.commands import makemessages

ROOT = Path(settings.BASE_DIR)
LANGUAGES = [languages.canonical(code) for code, _name in settings.LANGUAGES]
TRANSLATED = [code for code in LANGUAGES if code != "en"]
MARKS = {"gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
Text = str | tuple[str, str]


@cache
def po(language: str) -> Catalog:
    with (ROOT / f"widgets/locale/{to_locale(language)}/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale=to_locale(language))


def mo(language: str) -> Catalog:
    with (ROOT / f"widgets/locale/{to_locale(language)}/LC_MESSAGES/django.mo").open("rb") as file:
        return read_mo(file)


def translations(catalogue: Catalog) -> dict[Text, tuple[str, ...]]:
    """Translated forms by text; a text that differs by number is a pair."""
    found: dict[Text, tuple[str, ...]] = {}
    for message in catalogue:
        if message.id:
            text = message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
            found[text] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return found


def marked_in_python(code: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            assert texts, ast.unparse(node)
            yield (texts[0], texts[1]) if node.func.id.startswith("n") else texts[0]


def marked_in_template(source: str) -> Iterator[Text]:
    for _line, forms in jinja.messages_of(source):
        yield (forms[0], forms[1]) if len(forms) > 1 else forms[0]


def shoppers_files(pattern: str) -> list[Path]:
    found = sorted(ROOT.glob(pattern))
    return [
        path
        for path in found
        if not any(fnmatch(str(path.relative_to(ROOT)), operators) for operators in makemessages.OPERATORS_ONLY)
    ]


@cache
def marked() -> frozenset[Text]:
    texts: set[Text] = set()
    for path in shoppers_files("widgets/**/*.py"):
        texts.update(marked_in_python(path.read_text("utf-8")))
    for path in shoppers_files("templates/widgets/**/*.html"):
        texts.update(marked_in_template(path.read_text("utf-8")))
    return frozenset(texts)


def numbers_of(catalogue: Catalog) -> dict[int, list[int]]:
    """Which numbers up to 1,200 each plural form stands for."""
    found: dict[int, list[int]] = {form: [] for form in range(catalogue.num_plurals)}
    for number in range(1_201):
        found[plural_index(catalogue, number)].append(number)
    return found


def plural_index(catalogue: Catalog, number: int) -> int:
    c_code = catalogue.plural_expr
    return int(gettext_plural(c_code)(number))


@cache
def gettext_plural(expression: str) -> Callable[[int], int]:
    return gettext.c2py(expression)


def test_there_are_twelve_languages_and_each_has_a_catalogue() -> None:
    assert LANGUAGES == ["en", "de", "fr", "es", "it", "nl", "pt-BR", "pl", "ja", "zh-Hans", "ar", "he"]
    folders = {path.name for path in (ROOT / "widgets" / "locale").iterdir()}
    assert folders == {to_locale(code) for code in TRANSLATED}


def test_the_search_for_texts_finds_what_is_there() -> None:
    code = 'a = gettext("One")\nb = _("operators")\nc = ngettext("%(n)s star", "%(n)s stars", 3)'
    assert set(marked_in_python(code)) == {"One", ("%(n)s star", "%(n)s stars")}
    template = (
        """{% macro any() %}<a title="{{ _("A friend's code") }}">{{ ngettext("%(n)s star", "%(n)s stars", 3, n=3) }}</a>"""
        """{% endmacro %}{% for each in (_('x'), "y") %}{{ _('“%(q)s”', q=_("z")) }}{# _("no") #} _("no"){% endfor %}"""
    )
    assert set(marked_in_template(template)) == {
        "A friend's code", ("%(n)s star", "%(n)s stars"), "x", "z", "“%(q)s”",
    }  # fmt: skip
    with pytest.raises(TemplateSyntaxError, match="as it is"):
        set(marked_in_template("{{ _(w.heading) }}"))
    assert len(marked()) > 100


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="needs GNU gettext")
def test_makemessages_reads_python_and_both_kinds_of_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "widgets/words.py": 'a = gettext("Of a module")\nb = _("For operators")',
        "templates/widgets/x.html": '<p>\n{{ ngettext("%(n)s Jinja", "%(n)s Jinjas", w.n, n=w.n) }} {{ _("It\'s \\"so\\"") }}',
        "templates/mail/x.html": '{% load i18n %}{% translate "Of Django" %}',
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)
    call_command(makemessages.Command(), locale=["de"], verbosity=0)
    with (tmp_path / "locale/de/LC_MESSAGES/django.po").open("rb") as file:
        found = read_po(file)
    assert set(translations(found)) == {"Of a module", 'It\'s "so"', "Of Django", ("%(n)s Jinja", "%(n)s Jinjas")}
    assert {place for message in found for place, _line in message.locations} == set(texts)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == sorted(
        [*texts, "locale/de/LC_MESSAGES/django.po"]
    )


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    catalogue = po(language)
    assert set(translations(catalogue)) == set(marked()), "run makemessages, see widgets/i18n/languages.py"
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert [text for text, forms in translations(catalogue).items() if not all(forms)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_are_kept(language: str) -> None:
    numbers = numbers_of(po(language))
    for text, forms in translations(po(language)).items():
        wanted = set(PLACEHOLDER.findall(text if isinstance(text, str) else text[1]))
        for index, form in enumerate(forms):
            there = set(PLACEHOLDER.findall(form))
            if isinstance(text, tuple) and len(numbers[index]) == 1:
                assert there <= wanted, (text, form)  # "one review": the form says the number itself
            else:
                assert there == wanted, (text, form)
            assert len(re.findall("%", form)) == len(PLACEHOLDER.findall(form)), form


@pytest.mark.parametrize("language", TRANSLATED)
def test_plural_forms_are_those_of_cldr(language: str) -> None:
    catalogue = po(language)
    category = Locale.parse(to_locale(language)).plural_form
    pairs = {(plural_index(catalogue, number), category(number)) for number in range(1_201)}
    assert len(pairs) == len({index for index, _ in pairs}) == len({name for _, name in pairs}) == catalogue.num_plurals
    for text, forms in translations(catalogue).items():
        assert len(forms) == (catalogue.num_plurals if isinstance(text, tuple) else 1)


def test_polish_and_arabic_count_as_their_readers_do() -> None:
    assert PLURALS["ar"][0] == 6
    shown = {}
    for language in ("pl", "ar"):
        with translation.override(language):
            shown[language] = [
                template_filters._counted("review", count, language, language)
                for count in (0, 1, 2, 3, 11, 22, 100, 105)
            ]
    assert shown["pl"] == [
        "0 opinii", "1 opinia", "2 opinie", "3 opinie", "11 opinii", "22 opinie", "100 opinii", "105 opinii",
    ]  # fmt: skip
    assert shown["ar"] == [
        "لا توجد مراجعات", "مراجعة واحدة", "مراجعتان", "3 مراجعات", "11 مراجعة", "22 مراجعة", "100 مراجعة", "105 مراجعات",
    ]  # fmt: skip


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    assert translations(mo(language)) == translations(po(language)), (
        "run compilemessages, see widgets/i18n/languages.py"
    )
    header = dict(mo(language).mime_headers)["Plural-Forms"]
    assert header == dict(po(language).mime_headers)["Plural-Forms"]


class Literals(HTMLParser):
    """Words of a template that stand there as they are."""

    READ_OUT = ("aria-label", "placeholder", "alt", "title", "data-done")

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source, flags=re.DOTALL))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in self.READ_OUT and value]

    def handle_data(self, data: str) -> None:
        self.found += data.split()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates/widgets").rglob("*.html")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_templates_hold_no_words_that_nobody_can_translate(path: Path) -> None:
    words = [word for word in Literals(path.read_text("utf-8")).found if re.search(r"[^\W\d_]{2}", word)]
    assert [word for word in words if word != "Website"] == []  # what only scripts see


MATCHES = [
    (("de-AT",), "de"), (("pt",), "pt-BR"), (("pt-PT",), "pt-BR"), (("pt_br",), "pt-BR"), (("zh-CN",), "zh-Hans"),
    (("zh-Hans-SG",), "zh-Hans"), (("zh-TW",), "zh-Hans"), (("iw",), "he"), (("iw-IL",), "he"), (("ar-EG",), "ar"),
    (("EN-gb",), "en"), (("fr-CA-x",), "fr"), (("sv", "fr-CH"), "fr"), (("sv", ""), "en"), (("", "xx"), "en"),
    (("p", "nl"), "nl"), (("zhx", "ja"), "ja"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "given"), MATCHES)
def test_the_language_of_a_request(wanted: tuple[str, ...], given: str) -> None:
    assert languages.match(*wanted) == given


def test_directions() -> None:
    assert [code for code in LANGUAGES if languages.direction(code) == "rtl"] == ["ar", "he"]


WHEN = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "day", "number", "money", "ago"),
    [
        ("de", "4. März 2026", "12.345,5", "1.234,50 €", "vor 3 Tagen"),
        ("fr", "4 mars 2026", "12 345,5", "1 234,50 €", "il y a 3 jours"),
        ("es", "4 de marzo de 2026", "12.345,5", "1.234,50 €", "hace 3 días"),
        ("it", "4 marzo 2026", "12.345,5", "1.234,50 €", "3 giorni fa"),
        ("nl", "4 maart 2026", "12.345,5", "€ 1.234,50", "3 dagen geleden"),
        ("pt-BR", "4 de março de 2026", "12.345,5", "€ 1.234,50", "há 3 dias"),
        ("pl", "4 marca 2026", "12 345,5", "1 234,50 €", "3 dni temu"),
        ("ja", "2026年3月4日", "12,345.5", "€1,234.50", "3 日前"),
        ("zh-Hans", "2026年3月4日", "12,345.5", "€1,234.50", "3天前"),
        ("ar", "4 مارس 2026", "12,345.5", "1,234.50 €", "قبل 3 أيام"),
        ("he", "4 במרץ 2026", "12,345.5", "1,234.50 €", "לפני 3 ימים"),
    ],
)
def test_dates_and_numbers_are_those_of_cldr(language: str, day: str, number: str, money: str, ago: str) -> None:
    """Digits are 0 to 9 in Arabic too: so do most shops there, prices and codes stay comparable with the storefront's own."""

    def plain(text: str) -> str:
        return " ".join(re.sub("[\u200e\u200f]", "", text).replace("\u202f", " ").split())

    assert plain(formatting.day(WHEN, language)) == day
    assert plain(formatting.number(Decimal("12345.5"), language)) == number
    assert plain(formatting.money(Decimal("1234.5"), "EUR", language)) == money
    assert plain(formatting.ago(WHEN, WHEN + timedelta(days=3), language)) == ago


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, storefront_url="https://shop.example/", **sandbox.account())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_says_its_language(client: Client, shop: Shop, language: str) -> None:
    client.get(f"/w/v1/{shop.key}/live?w=reviews%3Fproduct_id%3Dprd_1")
    query = f"product_id=prd_1&locale={language}"
    answer = client.get(f"/w/v1/{shop.key}/reviews.json?{query}")
    body = json.loads(answer.content)
    direction = "rtl" if language in ("ar", "he") else "ltr"
    assert (body["lang"], answer["Content-Language"], body["state"]) == (language, language, "ready")
    assert f'lang="{language}" dir="{direction}"' in body["inner_html"]
    with translation.override(language):
        title = translation.gettext("Reviews")
        heading = translation.gettext("Customer reviews")
    assert f">{title}</a></sumeru-widget>" in body["html"]
    assert heading in body["inner_html"]
    page = client.get(f"/w/v1/{shop.key}/reviews?{query}").content.decode()
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert f"<title>{title} · " in page


def test_the_shop_language_is_used_when_the_request_names_none_or_an_unknown_one(client: Client, shop: Shop) -> None:
    Shop.objects.filter(pk=shop.pk).update(locale="pl-PL")
    for locale in ("", "sv"):
        answer = client.get(
            f"/w/v1/{shop.key}/reviews?product_id=prd_1&locale={locale}", headers={"accept-language": "ja"}
        )
        assert answer["Content-Language"] == "pl"
        assert "Accept-Language" not in answer.get("Vary", "")


@pytest.mark.parametrize("form", [".html", ".json", ""])
@pytest.mark.parametrize("widget", ["reviews?product_id=prd_1", "product_feed?limit=4", "bundles?product_id=prd_1"])
def test_two_languages_share_no_answer(client: Client, shop: Shop, widget: str, form: str) -> None:
    """Also not through our caches of small pieces: the first language comes back unchanged after the others."""
    name, _mark, query = widget.partition("?")
    address = f"/w/v1/{shop.key}/{name}{form}?{query}"
    client.get(address)
    seen: dict[str, tuple[str, bytes]] = {}
    for language in ["de", *LANGUAGES]:
        answer = client.get(f"{address}&locale={language}")
        assert answer.status_code == 200
        assert seen.setdefault(language, (answer["ETag"], answer.content)) == (answer["ETag"], answer.content)
    assert len({tag for tag, _body in seen.values()}) == len({body for _tag, body in seen.values()}) == len(LANGUAGES)
    again = client.get(f"{address}&locale=fr", headers={"if-none-match": seen["de"][0]})
    assert (again.status_code, again.content) == (200, seen["fr"][1])
    assert client.get(f"{address}&locale=fr", headers={"if-none-match": seen["fr"][0]}).status_code == 304


def opened(client: Client, address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The form's token and key, five seconds after it was asked for."""
    page = client.get(address).content.decode()
    later = time.time() + 5
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    return dict(re.findall(r'<input type="hidden" name="(token|key)" value="([^"]*)"', page))


def test_errors_beside_fields_are_in_the_shoppers_language(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/w/v1/{shop.key}/reviews?product_id=prd_1&write=1&locale=ja"
    form = opened(client, address, monkeypatch)
    answer = client.post(address, {**form, "rating": "9", "title": "x" * 121, "email": "nobody"})
    assert answer.status_code == 422
    page = answer.content.decode()
    for sentence in (
        "1～5の星で評価してください。",
        "タイトルは120文字以内で入力してください。",
        "お名前を入力してください。",
    ):
        assert sentence in page
    answer = client.post(address, {"key": "k" * 32, "token": "made-up"})
    assert "送信できませんでした。" in answer.content.decode()


@pytest.mark.parametrize("path", ["/admin/login/", "/docs/", "/admin/sumeru_proxy/shop/add/"])
def test_operators_pages_stay_english(client: Client, db: None, path: str) -> None:
    """They are not translated, and Django's own words among them must not be in another language than ours."""
    client.force_login(User.objects.create_superuser("operator"))
    answer = client.get(path, headers={"accept-language": "de"}, follow=True)
    assert answer.status_code == 200
    assert answer["Content-Language"] == "en"
    assert "Accept-Language" not in answer.get("Vary", "")
    assert '<html lang="en' in answer.content.decode()
    for german in ("Abmelden", "Sichern", "Anmelden", "Übersicht"):
        assert german not in answer.content.decode()
    assert translation.get_language() == "en"
