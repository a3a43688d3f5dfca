"""Languages: BCP 47 tags as storefronts write them, and the ones that we have texts for. Pure but for the settings.

Texts for shoppers are translated, those for operators and developers are English. To change one: edit it, then

    python manage.py generate           # collects the shoppers' texts into widgets/locale/*/LC_MESSAGES/django.po and compiles them

and commit the .po and .mo files together. The command needs GNU gettext; the server does not.
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from django.conf import settings

FORMER = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro"}
"""Codes that ISO 639 withdrew and that some platforms still write."""
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "sd", "yi", "dv", "ku"})


@lru_cache(maxsize=512)
def canonical(tag: str) -> str:
    """``pt_br`` → ``pt-BR``, ``zh-hans`` → ``zh-Hans``, ``EN`` → ``en``, ``iw`` → ``he``."""
    parts = tag.replace("_", "-").split("-")
    language = parts[0].lower()
    canonical_parts = [FORMER.get(language, language)]
    for part in parts[1:]:
        canonical_parts.append(part.title() if len(part) == 4 else part.upper() if len(part) <= 3 else part.lower())
    return "-".join(canonical_parts)


# Language, script, region: what texts and formats depend on. What follows (variants, ``-u-…``, ``-x-…``) is left off.
_PARTS = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4})(?=-|\Z))?(?:-([a-z]{2}|[0-9]{3})(?=-|\Z))?(?=-|\Z)", re.ASCII | re.IGNORECASE
)
_TAG_CHARS = 100


@lru_cache(maxsize=4096)
def usable(tag: str) -> str:
    """What of a tag we can follow: ``de-DE-u-co-phonebk`` → ``de-DE``, ``en_US.UTF-8`` → ``en-US``, ``fr-x-mtfrom-en`` → ``fr``.

    Empty for a language that we have no texts for, and for what is no tag (``auto``, ``C``). A region that the language is not known
    with is left off, so that there are not more results than places.
    """
    match_of_parts = _PARTS.match(re.split(r"[.@]", tag.strip()[:_TAG_CHARS])[0].replace("_", "-"))
    if match_of_parts is None or not _has_texts(match_of_parts[1]):
        return ""
    language, script, region = match_of_parts[1], match_of_parts[2], match_of_parts[3]
    for parts in ((language, script, region), (language, None, region), (language, script, None)):
        tag_text = canonical("-".join(part for part in parts if part))
        try:
            Locale.parse(tag_text, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        return tag_text
    return canonical(language)


def _has_texts(language: str) -> bool:
    language = canonical(language).partition("-")[0]
    return any(code.partition("-")[0].lower() == language for code, _name in settings.LANGUAGES)


@lru_cache(maxsize=4096)
def formats(requested_tag: str, shop: str, texts: str) -> str:
    """The tag for numbers, money and dates: the one that was asked for, where it says more than a language; else the shop's, when
    that is of the same language; else the one of the texts.
    """
    requested_tag, shop = usable(requested_tag), usable(shop)
    language = (requested_tag or texts).partition("-")[0]
    if "-" in requested_tag:
        return requested_tag
    return shop if shop.partition("-")[0] == language else requested_tag or texts


def match(*tags: str) -> str:
    """The first of the wanted tags that we have texts for, exactly or by its language; else the default language.

    Any variety of a language will do (``pt`` and ``pt-PT`` → ``pt-BR``, ``zh-TW`` → ``zh-Hans``), as in CLDR's language matching:
    readers would rather have that than another language.
    """
    available = {code.lower(): canonical(code) for code, _name in settings.LANGUAGES}
    for tag in tags:
        tag = canonical(tag).lower() if tag else ""
        while tag:
            if tag in available:
                return available[tag]
            related = [code for code in available if code.startswith(f"{tag}-")]
            if related and "-" not in tag:
                return available[related[0]]
            tag = tag.rpartition("-")[0]
    return canonical(settings.LANGUAGE_CODE)


def direction(tag: str) -> str:
    """``rtl`` or ``ltr`` for a language tag."""
    parts = tag.split("-")
    return "rtl" if parts[0] in RIGHT_TO_LEFT and "Latn" not in parts else "ltr"
