"""A shop's own words: every text for shoppers in one language, ours beside the merchant's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from sumeru_proxy.models import Shop
from widgets import logs
from widgets.admin import changes
from widgets.i18n import languages, texts
from widgets.models import Wording


@dataclass(frozen=True, slots=True)
class Field:
    """One form of one text. ``example`` is a number that takes the form; empty for texts that do not differ by number."""

    name: str
    form: str
    example: str
    given: str
    value: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TextRow:
    """One text with all of its forms in the language."""

    text: texts.Text
    fields: tuple[Field, ...]

    @property
    def english(self) -> str:
        """As merchants read it; the plural stands for both."""
        return texts.readable(self.text.many or self.text.id)


def field_name(text_id: str, form: str) -> str:
    """The same in every release, whatever other texts there are."""
    return f"w-{hashlib.blake2b(text_id.encode(), digest_size=8).hexdigest()}-{form or 'text'}"


def chosen_language(shop: Shop, asked: str) -> str:
    """One that we have texts for: the asked one, else the shop's."""
    return languages.match(asked[:16], shop.locale)


def own_forms(language: str, text: texts.Text, values: Mapping[str, str]) -> dict[str, str]:
    """What was written of a text, by form; empty when nothing was, or nothing but our own words."""
    forms = texts.forms_of(language, plural=bool(text.many))
    written = {form: values.get(field_name(text.id, form), "").strip() for form in forms}
    return written if any(written.values()) and written != texts.given(language, text) else {}


def problems_of(language: str, text: texts.Text, forms: Mapping[str, str]) -> dict[str, str]:
    """As ``texts.problems``; a credential among the words is one, too."""
    found = texts.problems(language, text, forms)
    for form, words in forms.items():
        if logs.redacted(words) != words:
            found[form] = _("This looks like a credential. It belongs under “Credentials”, where it is encrypted.")
    return found


def _row(language: str, text: texts.Text, forms: Mapping[str, str], problems: Mapping[str, str]) -> TextRow:
    given = texts.given(language, text)
    return TextRow(
        text,
        tuple(
            Field(
                field_name(text.id, form),
                form,
                str(texts.example(language, form)) if form else "",
                given[form],
                "" if logs.redacted(forms.get(form, "")) != forms.get(form, "") else forms.get(form, ""),
                problems.get(form, ""),
            )
            for form in texts.forms_of(language, plural=bool(text.many))
        ),
    )


def save(shop: Shop, language: str, wanted: Mapping[str, Mapping[str, str]]) -> int:
    """Make the shop's words of a language these (by text id); gives how many texts changed. Words were judged before."""
    with transaction.atomic():
        stored = {row.text: row for row in Wording.objects.filter(shop=shop, language=language)}
        changed = 0
        for text_id, row in stored.items():
            if text_id not in wanted:
                row.delete()
                changed += 1
        for text_id, forms in wanted.items():
            before = stored.get(text_id)
            if before is None or before.forms != forms:
                Wording.objects.update_or_create(shop=shop, language=language, text=text_id, defaults={"forms": forms})
                changed += 1
        if changed:
            changes.settings_changed()
    return changed


def page(site_admin: admin.ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    """``GET ?language=de`` shows the texts, ``POST`` takes all of them; nothing is stored while one is not right."""
    may_change = site_admin.has_change_permission(request, shop)
    language = chosen_language(shop, request.GET.get("language", ""))
    known = texts.known().values()
    problems: dict[str, dict[str, str]] = {}
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        wanted = {text.id: forms for text in known if (forms := own_forms(language, text, request.POST.dict()))}
        problems = {
            text.id: found for text in known if text.id in wanted and (found := problems_of(language, text, wanted[text.id]))
        }  # fmt: skip
        if not problems:
            with transaction.atomic():
                if changed := save(shop, language, wanted):
                    site_admin.log_change(request, shop, _("Changed own texts (%s)") % language)
            messages.success(request, _("Stored. Texts changed: %d.") % changed)
            return HttpResponseRedirect(f"{request.path}?language={language}")
        shown: Mapping[str, Mapping[str, str]] = wanted
    else:
        shown = dict(Wording.objects.filter(shop=shop, language=language).values_list("text", "forms"))
    rows = [_row(language, text, shown.get(text.id, {}), problems.get(text.id, {})) for text in known]
    context |= {
        "rows": rows,
        "own": sum(1 for row in rows if any(field.value for field in row.fields)),
        "problems": sum(map(len, problems.values())),
        "language": language,
        "direction": languages.direction(language),
        "languages": [(languages.canonical(code), name) for code, name in settings.LANGUAGES],
        "limit_chars": texts.LIMIT_CHARS,
        "may_change": may_change,
    }
    return TemplateResponse(request, "admin/sumeru_proxy/shop/texts.html", context)
