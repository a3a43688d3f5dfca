"""Languages: BCP 47 tags as storefronts write them, and the ones that we have texts for. Pure but for the settings.

Texts for shoppers are translated, those for operators and developers are English. To change one: edit it, then

    python manage.py generate           # collects the shoppers' texts into widgets/locale/*/LC_MESSAGES/django.po and compiles them

and commit the .po and .mo files together. The command needs GNU gettext; the server does not.
"""

from __future__ import annotations

from functools import lru_cache

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


def match(*wanted: str) -> str:
    """The first of the wanted tags that we have texts for, exactly or by its language; else the default language.

    Any variety of a language will do (``pt`` and ``pt-PT`` → ``pt-BR``, ``zh-TW`` → ``zh-Hans``), as in CLDR's language matching:
    readers would rather have that than another language.
    """
    known = {code.lower(): canonical(code) for code, _name in settings.LANGUAGES}
    for tag in wanted:
        tag = canonical(tag).lower() if tag else ""
        while tag:
            if tag in known:
                return known[tag]
            related = [code for code in known if code.startswith(f"{tag}-")]
            if related and "-" not in tag:
                return known[related[0]]
            tag = tag.rpartition("-")[0]
    return canonical(settings.LANGUAGE_CODE)


def direction(tag: str) -> str:
    """``rtl`` or ``ltr`` for a language tag."""
    parts = tag.split("-")
    return "rtl" if parts[0] in RIGHT_TO_LEFT and "Latn" not in parts else "ltr"
