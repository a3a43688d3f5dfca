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
    default: str
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


def chosen_language(shop: Shop, requested_code: str) -> str:
    """One that we have texts for: the asked one, else the shop's."""
    return languages.match(requested_code[:16], shop.locale)


def own_forms(language: str, text: texts.Text, values: Mapping[str, str]) -> dict[str, str]:
    """What was written of a text, by form; empty when nothing was, or nothing but our own words."""
    forms = texts.forms_of(language, plural=bool(text.many))
    own_words = {form: values.get(field_name(text.id, form), "").strip() for form in forms}
    return own_words if any(own_words.values()) and own_words != texts.default_forms(language, text) else {}


def problems_of(language: str, text: texts.Text, forms: Mapping[str, str]) -> dict[str, str]:
    """As ``texts.problems``; a credential among the words is one, too."""
    problems = texts.problems(language, text, forms)
    for form, words in forms.items():
        if logs.redacted(words) != words:
            problems[form] = _("This looks like a credential. It belongs under “Credentials”, where it is encrypted.")
    return problems


def _row(language: str, text: texts.Text, forms: Mapping[str, str], problems: Mapping[str, str]) -> TextRow:
    default_forms = texts.default_forms(language, text)
    return TextRow(
        text,
        tuple(
            Field(
                field_name(text.id, form),
                form,
                str(texts.example(language, form)) if form else "",
                default_forms[form],
                "" if logs.redacted(forms.get(form, "")) != forms.get(form, "") else forms.get(form, ""),
                problems.get(form, ""),
            )
            for form in texts.forms_of(language, plural=bool(text.many))
        ),
    )


def save(shop: Shop, language: str, new_forms: Mapping[str, Mapping[str, str]]) -> int:
    """Make the shop's words of a language these (by text id); gives how many texts changed. Words were judged before."""
    with transaction.atomic():
        rows = {row.text: row for row in Wording.objects.filter(shop=shop, language=language)}
        change_count = 0
        for text_id, row in rows.items():
            if text_id not in new_forms:
                row.delete()
                change_count += 1
        for text_id, forms in new_forms.items():
            before = rows.get(text_id)
            if before is None or before.forms != forms:
                Wording.objects.update_or_create(shop=shop, language=language, text=text_id, defaults={"forms": forms})
                change_count += 1
        if change_count:
            changes.settings_changed()
    return change_count


def wordings_page(
    site_admin: admin.ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]
) -> HttpResponse:
    """``GET ?language=de`` shows the texts, ``POST`` takes all of them; nothing is stored while one is not right."""
    may_change = site_admin.has_change_permission(request, shop)
    language = chosen_language(shop, request.GET.get("language", ""))
    all_texts = texts.all_texts().values()
    problems: dict[str, dict[str, str]] = {}
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        new_forms = {text.id: forms for text in all_texts if (forms := own_forms(language, text, request.POST.dict()))}
        problems = {
            text.id: problem for text in all_texts if text.id in new_forms and (problem := problems_of(language, text, new_forms[text.id]))
        }  # fmt: skip
        if not problems:
            with transaction.atomic():
                if change_count := save(shop, language, new_forms):
                    site_admin.log_change(request, shop, _("Changed own texts (%s)") % language)
            messages.success(request, _("Stored. Texts changed: %d.") % change_count)
            return HttpResponseRedirect(f"{request.path}?language={language}")
        initial_forms: Mapping[str, Mapping[str, str]] = new_forms
    else:
        initial_forms = dict(Wording.objects.filter(shop=shop, language=language).values_list("text", "forms"))
    rows = [_row(language, text, initial_forms.get(text.id, {}), problems.get(text.id, {})) for text in all_texts]
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
