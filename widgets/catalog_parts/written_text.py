"""Texts that people type: what of them can be seen decides, by Unicode's own properties."""

from __future__ import annotations

import unicodedata
from typing import Any

import regex
from django.core.exceptions import ValidationError as InvalidText
from django.core.validators import EmailValidator
from rest_framework import serializers

# U+2800 is the one sign that has an empty shape and no property that says so.
_UNSEEN = r"\p{White_Space}\p{Control}\p{Default_Ignorable_Code_Point}\u2800"
_SEEN = regex.compile(rf"[^{_UNSEEN}\p{{Mark}}\p{{Format}}]")
# What joins and colours emoji is unseen by itself and belongs to them.
_EDGES = regex.compile(rf"^[{_UNSEEN}]+|[[{_UNSEEN}\p{{Format}}]--\p{{Emoji_Component}}]+$", regex.VERSION1)


def visible(text: str) -> str:
    """The text without what cannot be seen at its ends; empty when nothing in it can be seen."""
    return _EDGES.sub("", text) if _SEEN.search(text) else ""


class WrittenField(serializers.CharField):
    """Text of which something can be seen; blank otherwise."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The text without unseen ends. Raises ValidationError."""
        return super().run_validation(visible(data) if isinstance(data, str) else data)


class AsideField(serializers.CharField):
    """Text that nobody is held up for: what does not fit is left out. Never raises."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "default": "", "allow_blank": True, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The text, empty when it is none or too long."""
        try:
            return super().run_validation(visible(data) if isinstance(data, str) else data)
        except serializers.ValidationError:
            return ""


class _Address(EmailValidator):
    """Django's rules with the letters of every script before the @ (RFC 6531)."""

    user_regex = regex.compile(
        r"[-!#$%&'*+/=?^_`{}|~0-9\p{L}\p{M}\p{N}]+(\.[-!#$%&'*+/=?^_`{}|~0-9\p{L}\p{M}\p{N}]+)*\Z"
    )


class AddressField(WrittenField):
    """An e-mail address, in the letters of any script; composed, so that equal ones are equal."""

    _check = _Address()

    def to_internal_value(self, data: Any) -> str:
        """The address. Raises ValidationError."""
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        try:
            if regex.search(rf"[{_UNSEEN}\p{{Format}}]", text):
                self.fail("invalid")
            self._check(text)
        except InvalidText:
            self.fail("invalid")
        return text
