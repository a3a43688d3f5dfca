"""A shop's look: a field for each theme token, with a colour picker for colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Shop
from widgets import registry
from widgets.admin.refusing import RefusesCredentials
from widgets.base import Widget
from widgets.models import Look
from widgets.theming import contrast
from widgets.theming import tokens as theming

if TYPE_CHECKING:
    _LookForm = forms.ModelForm[Look]
    _StackedInline = admin.StackedInline[Look, Shop]
else:
    _LookForm = forms.ModelForm
    _StackedInline = admin.StackedInline

_HEX = re.compile(r"^#[0-9a-fA-F]{6}\Z")
_SHORT_HEX = re.compile(r"^#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])\Z")


def picker_value(value: str) -> str:
    """A CSS colour in the form of a colour input, six hexadecimal digits; black for colours that it cannot express."""
    if _HEX.match(value):
        return value.lower()
    short = _SHORT_HEX.match(value)
    return "#" + "".join(digit * 2 for digit in short.groups()).lower() if short else "#000000"


class ColourInput(forms.TextInput):
    """A text field for any CSS colour with a colour picker beside it, which writes into the text (``static/site/admin.js``)."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The text field, then the picker."""
        text = super().render(name, value, attrs, renderer)
        target = (attrs or {}).get("id", f"id_{name}")
        return format_html(
            '<span class="sumeru-colour">{}<input type="color" value="{}" data-colour-for="{}" aria-label="{}" tabindex="0"></span>',
            text,
            picker_value(str(value or "")),
            target,
            _("Pick a colour"),
        )


def token_name(token: str) -> str:
    """The form field of a token."""
    return f"token_{token.replace('-', '_')}"


def _token_field(token: str) -> forms.Field:
    facts = theming.TOKENS[token]
    attrs = {"size": 24, "spellcheck": "false", "autocomplete": "off", "data-token": token}
    widget = ColourInput(attrs=attrs) if facts.is_colour else forms.TextInput(attrs=attrs)
    return forms.CharField(
        label=str(facts.label), help_text=str(facts.changes), required=False, max_length=120, widget=widget
    )


class LookForm(RefusesCredentials, _LookForm):
    """A field for each token, and the shop's own CSS; ``theming`` validates both."""

    class Meta:
        model = Look
        fields = ("unstyled", "css")
        widgets = {
            "css": forms.Textarea(
                attrs={"rows": 10, "cols": 80, "class": "vLargeTextField sumeru-code", "spellcheck": "false"}
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tokens = self.instance.tokens if isinstance(self.instance.tokens, dict) else {}
        for token in theming.TOKENS:
            self.fields[token_name(token)].initial = tokens.get(token, "")

    def clean(self) -> dict[str, Any]:
        """Collects the tokens, and shows each error at its field."""
        cleaned_data = super().clean() or {}
        tokens = {token: str(cleaned_data.get(token_name(token)) or "").strip() for token in theming.TOKENS}
        self.instance.tokens = {token: value for token, value in tokens.items() if value}
        for token, value in list(self.instance.tokens.items()):
            for problem in theming.token_problems({token: value}):
                self.add_error(token_name(token), problem)
                self.instance.tokens.pop(token, None)
        return cleaned_data

    @property
    def contrast_warnings(self) -> list[str]:
        """Colours that may be hard to see. A warning does not keep the look from being saved."""
        return contrast.warnings(self.instance.tokens) if isinstance(self.instance.tokens, dict) else []


# One form field per token of theming.TOKENS: a token added there appears here.
LookForm.base_fields.update({token_name(token): _token_field(token) for token in theming.TOKENS})
LookForm.declared_fields.update(
    {token_name(token): LookForm.base_fields[token_name(token)] for token in theming.TOKENS}
)


class LookInline(_StackedInline):
    """The look on the shop's page; saved only when something was set."""

    model = Look
    form = LookForm
    extra = 1
    max_num = 1
    can_delete = True
    verbose_name = _("look")
    verbose_name_plural = _("look of the widgets")
    template = "admin/widgets/look_inline.html"
    readonly_fields = ("in_words",)
    tokens = theming.TOKENS

    @property
    def parts(self) -> list[tuple[Widget, Mapping[str, theming.Text]]]:
        """Every widget with its parts, for the table beside the field for CSS."""
        return [(widget, widget.parts) for widget in registry.all_widgets().values()]

    @admin.display(description=_("theme"))
    def in_words(self, look: Look) -> str:
        """The tokens that are set, e.g. ``Accent colour: #0a7``."""
        tokens = theming.TOKENS
        return ", ".join(f"{tokens[name].label}: {value}" for name, value in look.tokens.items() if name in tokens)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Colours, shape and CSS; the values in words for those who may not change them."""
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["in_words", "unstyled", "css"]})]
        colours = [token_name(name) for name, token in theming.TOKENS.items() if token.is_colour]
        others = [token_name(name) for name, token in theming.TOKENS.items() if not token.is_colour]
        return [
            (_("Colours"), {"fields": colours, "description": _("Any CSS colour; the square opens a colour picker.")}),
            (_("Shape and type"), {"fields": others}),
            (_("Own CSS"), {"fields": ["unstyled", "css"]}),
        ]
