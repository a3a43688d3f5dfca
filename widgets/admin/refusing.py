"""Protects forms: a credential that is pasted into an ordinary field is refused and not shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _

from widgets import logs

if TYPE_CHECKING:
    _Base = forms.BaseForm
else:
    _Base = object


class RefusesCredentials(_Base):
    """A mixin that stands before Django's form class: a value that looks like a credential becomes an error, and its field comes
    back empty.
    """

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        for name in self.fields:
            key = self.add_prefix(name)
            text = self.data.get(key, "")
            if isinstance(text, str) and logs.redacted(text) != text:
                self.data = self.data.copy()  # type: ignore[attr-defined]
                self.data[key] = ""  # type: ignore[index]
                self.cleaned_data.pop(name, None)
                self.errors.pop(name, None)
                self.add_error(
                    name, _("This looks like a credential. It belongs under “Credentials”, where it is encrypted.")
                )
