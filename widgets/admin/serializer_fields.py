"""A widget's settings as form fields: each field of its ``Options`` or ``Params`` serializer becomes a Django form field.

The serializer stays the only judge of values; the form fields are there so that people see switches, numbers and lists
of choices with their explanations instead of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.fields import empty

LONG_TEXT_CHARS = 120
LIST_FIELDS = (serializers.ListField, serializers.MultipleChoiceField)


def default_of(field: Any) -> Any:
    """The value that the serializer uses when nothing is given; None when it has none."""
    if field.default is empty:
        return None
    return field.default() if callable(field.default) else field.default


def label_of(name: str, field: Any) -> str:
    """The field's label: its own, else its name as words."""
    text = force_str(field.label or name.replace("_", " "))
    return text[:1].upper() + text[1:]


def shown_value(field: Any, value: Any) -> Any:
    """A stored value in the form that the form field shows: lists of free values as lines."""
    if isinstance(field, serializers.ListField) and isinstance(value, list | tuple):
        return "\n".join(str(part) for part in value)
    return value


def form_field(name: str, field: Any) -> forms.Field:
    """The form field for one serializer field. Never required: left empty, the default counts."""
    common: dict[str, Any] = {
        "label": label_of(name, field),
        "help_text": force_str(field.help_text or ""),
        "required": False,
    }
    if isinstance(field, serializers.BooleanField):
        return forms.BooleanField(**common)
    if isinstance(field, serializers.MultipleChoiceField):
        return forms.MultipleChoiceField(
            choices=list(field.choices.items()), widget=forms.CheckboxSelectMultiple, **common
        )
    if isinstance(field, serializers.ChoiceField):
        choices = list(field.choices.items())
        if default_of(field) in (None, "") and not any(value == "" for value, _label in choices):
            choices.insert(0, ("", "—"))
        return forms.ChoiceField(choices=choices, **common)
    if isinstance(field, serializers.IntegerField):
        return forms.IntegerField(min_value=field.min_value, max_value=field.max_value, **common)
    if isinstance(field, serializers.FloatField):
        return forms.FloatField(min_value=field.min_value, max_value=field.max_value, **common)
    if isinstance(field, serializers.DecimalField):
        return forms.DecimalField(
            min_value=field.min_value,
            max_value=field.max_value,
            max_digits=field.max_digits,
            decimal_places=field.decimal_places,
            **common,
        )
    if isinstance(field, serializers.ListField):
        common["help_text"] = f"{common['help_text']} One per line.".strip()
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 4, "cols": 60}), **common)
    limit = getattr(field, "max_length", None)
    if isinstance(field, serializers.CharField):
        long = (limit or 0) > LONG_TEXT_CHARS or field.style.get("base_template") == "textarea.html"
        widget: forms.Widget = (
            forms.Textarea(attrs={"rows": 3, "cols": 60}) if long else forms.TextInput(attrs={"class": "vTextField"})
        )
        return forms.CharField(max_length=limit, widget=widget, **common)
    return forms.CharField(widget=forms.TextInput(attrs={"class": "vTextField"}), **common)


def form_fields(serializer: type[serializers.Serializer[Any]], *, prefix: str = "") -> dict[str, forms.Field]:
    """All writable fields by their names (with a prefix), in the serializer's order."""
    return {
        f"{prefix}{name}": form_field(name, field)
        for name, field in serializer().fields.items()
        if not field.read_only and not isinstance(field, serializers.HiddenField)
    }


def defaults(serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The serializer's own defaults by field name; fields without one are left out."""
    return {
        name: default_of(field)
        for name, field in serializer().fields.items()
        if not field.read_only and field.default is not empty
    }


def entered_values(serializer: type[serializers.Serializer[Any]], cleaned_data: Mapping[str, Any]) -> dict[str, Any]:
    """What a form gave, in the form that the serializer reads: lines become lists; what was left empty is left out."""
    values: dict[str, Any] = {}
    for name, field in serializer().fields.items():
        value = cleaned_data.get(name)
        if isinstance(field, serializers.ListField) and isinstance(value, str):
            value = [line.strip() for line in value.splitlines() if line.strip()]
        if isinstance(field, serializers.CharField) and value == "" and default_of(field) not in ("", None):
            values[name] = ""  # emptied on purpose: the serializer says whether that is allowed
            continue
        if value is None or (value == "" and not isinstance(field, serializers.CharField)):
            continue
        values[name] = value
    return values


def messages_of(errors: Mapping[str, Any]) -> dict[str, list[str]]:
    """DRF's errors as plain sentences by field; nested ones are flattened."""

    def flat(error: Any) -> list[str]:
        if isinstance(error, Mapping):
            return [text for part in error.values() for text in flat(part)]
        if isinstance(error, list | tuple):
            return [text for part in error for text in flat(part)]
        return [str(error)]

    return {name: flat(error) for name, error in errors.items()}


def option_words(serializer: type[serializers.Serializer[Any]], options: object) -> list[str]:
    """Stored settings as short phrases, e.g. ``Page size: 20``; what the serializer does not know any more is left out."""
    fields = serializer().fields
    if not isinstance(options, Mapping):
        return []
    return [f"{label_of(name, fields[name])}: {_word(value)}" for name, value in options.items() if name in fields]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value) or "—"
