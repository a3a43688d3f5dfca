"""A merchant's own words in the place of ours: which texts there are, what may stand in them, and how answers get them.

A text is named by its English words, as in gettext. Merchants read and write placeholders as ``{count}``. Own words are plain text: some
places put a text into HTML as it is, so what could be markup is refused. Reads the catalogues below ``widgets/locale`` once.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import trans_real

LIMIT_CHARS = 300
"""Of one form of one text."""
SINGLE = ""
"""The name of the only form of a text that does not differ by number; others have CLDR's names (``one``, ``few``, ``other``)."""
LOCALES = Path(__file__).resolve().parent.parent / "locale"
# Any catalogue has all texts: a test sees to that.
_REFERENCE = "de"
_TEMPLATE_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Also what separates lines and what turns the direction of everything after it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_COUNTED = 1_201
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")


@dataclass(frozen=True, slots=True)
class Text:
    """One of our texts as the catalogues know it; ``many`` is the English plural, empty when it does not differ by number."""

    id: str
    many: str = ""

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that stand for values."""
        return frozenset(_TEMPLATE_PLACEHOLDER.findall(self.many or self.id))


@cache
def all_texts() -> Mapping[str, Text]:
    """Every text for shoppers, by its id."""
    with (LOCALES / _REFERENCE / "LC_MESSAGES" / "django.mo").open("rb") as file:
        ids = [message.id for message in read_mo(file) if message.id]
    entries = [Text(each) if isinstance(each, str) else Text(each[0], each[1]) for each in ids]
    return {text.id: text for text in sorted(entries, key=lambda text: text.id.casefold())}


def readable(text: str) -> str:
    """A text as merchants read it: ``%(count)s reviews`` → ``{count} reviews``."""
    return _TEMPLATE_PLACEHOLDER.sub(r"{\1}", text).replace("%%", "%")


@cache
def _numbers(language: str) -> dict[str, list[int]]:
    category = Locale.parse(language, sep="-").plural_form
    numbers: dict[str, list[int]] = {}
    for number in range(_MAX_COUNTED):
        numbers.setdefault(category(number), []).append(number)
    return numbers


@cache
def forms_of(language: str, *, plural: bool) -> tuple[str, ...]:
    """The forms that a text has in a language, in CLDR's order; those that whole numbers have there."""
    return tuple(name for name in _CATEGORIES if name in _numbers(language)) if plural else (SINGLE,)


def example(language: str, form: str) -> int:
    """A number that takes this form, the smallest above zero where there is one."""
    numbers = _numbers(language)[form]
    return next((number for number in numbers if number), 0)


def default_forms(language: str, text: Text) -> dict[str, str]:
    """Our own words for a text in a language, by form, as merchants read them."""
    catalogue = trans_real.translation(language)
    if not text.many:
        return {SINGLE: readable(str(catalogue.gettext(text.id)))}
    return {
        form: readable(str(catalogue.ngettext(text.id, text.many, example(language, form))))
        for form in forms_of(language, plural=True)
    }


def problems(language: str, text: Text, forms: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with own words, a sentence by form; empty when nothing is."""
    sentences = {}
    for form in forms_of(language, plural=bool(text.many)):
        if sentence := _problem(language, text, form, forms.get(form, "")):
            sentences[form] = sentence
    return sentences


def _problem(language: str, text: Text, form: str, words: object) -> str:
    if not isinstance(words, str) or not words.strip():
        return _("Fill in every form, or none.")
    if len(words) > LIMIT_CHARS:
        return _("At most %d characters.") % LIMIT_CHARS
    if _CONTROL.search(words):
        return _("Write one line, without control characters.")
    if re.search(r"[<>\"]", words):
        return _('Write plain text: < > and " are not allowed; “ ” are.')
    there = _PLACEHOLDER.findall(words)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", words)) or not set(there) <= text.placeholders:
        return _("Unknown placeholder. Known: %s.") % _named(text.placeholders)
    # "One review" says its number itself.
    free = form != SINGLE and len(_numbers(language)[form]) == 1
    missing = text.placeholders - set(there)
    return _("Missing: %s.") % _named(missing) if missing and not free else ""


def _named(placeholders: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(placeholders)) or _("none")


@lru_cache(maxsize=8192)
def _compiled(language: str, text_id: str, forms: tuple[tuple[str, str], ...]) -> Mapping[str, str] | None:
    """Checked words as gettext would have them; None for what may not be shown."""
    text = all_texts().get(text_id)
    if text is None or problems(language, text, dict(forms)):
        return None
    # What has placeholders is formatted with %, where a sign of its own is doubled.
    formatted = bool(text.placeholders or text.many)
    expected_forms = forms_of(language, plural=bool(text.many))
    return {
        form: _PLACEHOLDER.sub(r"%(\1)s", words.replace("%", "%%")) if formatted else words
        for form, words in forms
        if form in expected_forms
    }


class Texts:
    """All own words of a shop. Equal rows make equal ones; unchangeable and hashable."""

    __slots__ = ("_by_language", "_hash")

    def __init__(self, rows: Iterable[tuple[str, str, Any]] = ()) -> None:
        """``rows`` are language, text id and words by form. Rows that may not be shown are left out: they may come from an import."""
        by_language: dict[str, dict[str, Mapping[str, str]]] = {}
        for language, text_id, forms in rows:
            if isinstance(forms, dict) and all(isinstance(words, str) for words in forms.values()):
                compiled = _compiled(language, text_id, tuple(sorted(forms.items())))
                if compiled:
                    by_language.setdefault(language, {})[text_id] = compiled
        self._by_language = {language: Spoken(language, words) for language, words in by_language.items()}
        self._hash = hash(frozenset(self._by_language.values()))

    def spoken(self, language: str) -> Spoken | None:
        """The words of one language, None without any."""
        return self._by_language.get(language)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self._hash == other._hash and self._by_language == other._by_language

    def __hash__(self) -> int:
        return self._hash


class Spoken:
    """A shop's words of one language in front of our catalogue; what Django's translation functions call when it is active."""

    def __init__(self, language: str, words: Mapping[str, Mapping[str, str]]) -> None:
        self._language = language
        self._words = words
        self._catalogue = trans_real.translation(language)
        self._category = Locale.parse(language, sep="-").plural_form
        self._hash = hash((language, frozenset((name, *sorted(forms.items())) for name, forms in words.items())))

    def gettext(self, message: str) -> str:
        """The shop's word, else ours."""
        own = self._words.get(message)
        return own[SINGLE] if own and SINGLE in own else str(self._catalogue.gettext(message))

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The shop's word in the form that the number takes, else ours."""
        own = self._words.get(one)
        form = own.get(self._category(number)) or own.get("other") if own else None
        return form or str(self._catalogue.ngettext(one, many, number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Spoken)
            and self._hash == other._hash
            and (self._language, self._words) == (other._language, other._words)
        )

    def __hash__(self) -> int:
        return self._hash


NONE = Texts()


@contextmanager
def override(texts: Texts, language: str) -> Iterator[None]:
    """As ``translation.override``, with a shop's own words. Nests, and is one thread's own."""
    # Django has no call for "this catalogue"; its own override keeps a language's name and would lose ours on the way out.
    active = trans_real._active  # type: ignore[attr-defined]
    before = getattr(active, "value", None)
    translation.activate(language)
    if (spoken := texts.spoken(language)) is not None:
        active.value = spoken
    try:
        yield
    finally:
        if before is None:
            translation.deactivate()
        else:
            active.value = before


def voice() -> Hashable:
    """What the words of now depend on: part of the key of whatever keeps finished pieces of text.

    It is the active catalogue: Django holds one for each language, and equal words of a shop make equal ones.
    """
    return getattr(trans_real._active, "value", None)  # type: ignore[attr-defined]


def catalogue() -> Any:
    """What gives the words of now, by ``gettext`` and ``ngettext``: for whoever asks often, since Django's own look for it each time."""
    active = getattr(trans_real._active, "value", None)  # type: ignore[attr-defined]
    return active or trans_real.translation(settings.LANGUAGE_CODE)
