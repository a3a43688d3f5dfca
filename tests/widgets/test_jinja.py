"""What the widgets' templates may rely on: escaping, line breaks that are not there, the language of the render, reloading."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import engines
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from tests.widgets import wsgi_calls
from widgets.i18n import texts

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates/widgets").rglob("*.html"))


def made(source: str, language: str = "en", own: texts.Texts = texts.NONE, **context: Any) -> str:
    with texts.override(own, language):
        return str(engines["jinja2"].from_string(source).render(context))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_are_for_reading_and_escape_everything(path: Path) -> None:
    source = path.read_text("utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", source)


def test_a_line_break_is_nothing_and_inside_a_tag_one_space() -> None:
    source = """
      <ul class="a"
          lang="en">
        {% for each in (1, 2) %}
          {# of this list #}
          <li>
            <b>{{ each }}</b>
            <i>x</i> <s>y</s>
            {{ " " }}
            {% if each == 1 %} <u>z</u>{% endif %}
          </li>
        {% endfor %}
      </ul>
    """
    one, two = ("<li><b>1</b><i>x</i> <s>y</s>  <u>z</u></li>", "<li><b>2</b><i>x</i> <s>y</s> </li>")
    assert made(source) == f'<ul class="a" lang="en">{one}{two}</ul>'


def test_values_keep_their_line_breaks() -> None:
    assert made("<textarea>\n{{ text }}\n</textarea>", text=" a\n\n  b ") == "<textarea> a\n\n  b </textarea>"


@given(st.text() | st.integers() | st.decimals(allow_nan=False) | st.booleans() | st.none())
def test_values_are_escaped_as_django_escapes_them(value: object) -> None:
    django = engines["django"].from_string("{% load l10n %}{% localize off %}{{ value }}{% endlocalize %}")
    assert made('<b title="{{ value }}">', value=value) == f'<b title="{django.render({"value": value})}">'


def test_markup_goes_through_once_and_lazy_texts_are_escaped() -> None:
    inner = made("<b>{{ x }}</b>", x="&")
    assert inner == "<b>&amp;</b>"
    assert made(
        "{{ inner }}{{ lazy }}", inner=render_to_string("widgets/_parts/unsent.html"), lazy=gettext_lazy("<&>")
    ) == (
        '<p class="sw-error" part="error" role="alert" data-unsent hidden>'
        "This could not be sent. Please wait a moment and send it again.</p>&lt;&amp;&gt;"
    )


def test_an_entry_comes_before_a_method_and_a_wrong_name_is_an_error() -> None:
    assert made("{{ w.items }}{{ w.get }}", w={"items": 3, "get": 4}) == "34"
    for source in ("{{ w.tiems }}", "{{ tiems }}", "{% if w.keys %}x{% endif %}", "{{ w.items.x }}"):
        with pytest.raises(UndefinedError):
            made(source, w={"items": 3})


def test_texts_are_those_of_the_render() -> None:
    source = """{{ _("Next") }} {{ _("Page %(number)s", number=n) }}
        {{ " " }}{{ ngettext("%(total)s product", "%(total)s products", n, total=n) }}"""
    for _turn in range(2):  # the second time from memory
        assert made(source, "de", n=1) == "Weiter Seite 1 1 Produkt"
        assert made(source, "pl", n=5) == "Dalej Strona 5 5 produktów"
        assert made(source, "en", n=2) == "Next Page 2 2 products"


def test_a_merchants_words_come_first_and_values_in_them_are_escaped() -> None:
    own = texts.Texts(
        [
            ("de", "Next", {"": "100 % weiter & so"}),
            ("de", "Page %(number)s", {"": "{number} & 5 %"}),
            ("de", "%(total)s product", {"one": "Ein % Ding", "other": "{total} % Dinge"}),
        ]
    )
    source = """{{ _("Next") }}|{{ _("Page %(number)s", number="<") }}|
        {{ ngettext("%(total)s product", "%(total)s products", n, total="<") }}"""
    assert made(source, "de", own, n=2) == "100 % weiter & so|&lt; & 5 %|&lt; % Dinge"
    assert made(source, "de", own, n=1).endswith("|Ein % Ding")
    assert made(source, "de", n=2) == "Weiter|Seite &lt;|&lt; Produkte"
    assert made(source, "fr", own, n=2).startswith("Suivant|")


@pytest.fixture
def own_templates(tmp_path: Path) -> Iterator[Path]:
    """The templates in a folder of their own, while developing."""
    folder = Path(shutil.copytree(ROOT / "templates/widgets", tmp_path / "widgets"))
    changed = [{**settings.TEMPLATES[0], "DIRS": [folder]}, *settings.TEMPLATES[1:]]
    with override_settings(DEBUG=True, TEMPLATES=changed):
        yield folder


def change(path: Path, before: str, after: str) -> None:
    source = path.read_text("utf-8")
    assert before in source
    path.write_text(source.replace(before, after), "utf-8")
    os.utime(path, (1, 1))  # whatever the clock's step


@pytest.mark.django_db(transaction=True)
def test_a_changed_template_shows_on_reload_while_developing(
    own_templates: Path, make_shop: Callable[..., Shop], sandbox: Upstream
) -> None:
    shop = make_shop(sandbox.url, **sandbox.account())
    site = wsgi_calls.site(limit_bytes=default_hot_bytes(DEBUG="1"))
    addresses = [f"/w/v1/{shop.key}/reviews{form}?product_id=prd_1" for form in ("", ".html", ".json")]
    before = [wsgi_calls.ask(site, address).text for address in addresses]
    change(own_templates / "reviews.html", '"sw-title"', '"sw-title changed"')
    change(own_templates / "_parts/review_list.html", '"sw-text"', '"sw-text altered"')
    change(own_templates / "page.html", "<header>", "<header id=other>")
    for address, old in zip(addresses, before, strict=True):
        new = wsgi_calls.ask(site, address).text
        assert "changed" not in old
        assert "sw-title changed" in new
        assert "sw-text altered" in new
    assert "<header id=other>" in wsgi_calls.ask(site, addresses[0]).text


def default_hot_bytes(**environment: str) -> int:
    """What a process with this environment keeps of finished answers."""
    unset = ("DEBUG", "SUMERU_HOT_BYTES")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", "from widgets import settings; print(settings.SUMERU_HOT_BYTES)"],
        env={**inherited, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout)


def test_finished_answers_are_kept_unless_developing() -> None:
    assert default_hot_bytes() == 64 * 1024 * 1024
    assert default_hot_bytes(DEBUG="1") == 0
    assert default_hot_bytes(DEBUG="1", SUMERU_HOT_BYTES="5") == 5
