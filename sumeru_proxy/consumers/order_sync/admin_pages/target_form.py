"""The form of a target: fields for what each kind needs most, JSON for the rest. The kind itself checks the whole."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables

from sumeru_proxy import secrets
from sumeru_proxy.client import bounded_json
from sumeru_proxy.consumers.order_sync.kinds import kinds
from sumeru_proxy.consumers.order_sync.models import OrderTarget
from sumeru_proxy.consumers.order_sync.tryton import options as tryton
from sumeru_proxy.models import Credential, Shop

MORE_CHARS: Final = 5_000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class Option:
    """One option with a field of its own. ``kind``: text, flag, number, or choice with ``choices``."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"
    choices: tuple[str, ...] = ()
    required: bool = False


OPTIONS: Final[Mapping[str, tuple[Option, ...]]] = {
    "http": (
        Option("url", "Address", "Where messages are posted to, like https://shop.example/orders.", required=True),
        Option("allow_private", "Also http:// and addresses of private networks", kind="flag"),
        Option("timeout_s", "Seconds for a request", "1 to 10; empty: 10.", kind="number"),
    ),
    "files": (
        Option("folder", "Folder", "Absolute path on the server; make it first.", required=True),
        Option("people", "Names and addresses stand in the files, too", kind="flag"),
        Option("history", "Earlier numbers of a day that are kept", "Empty: none.", kind="number"),
    ),
    "tryton": (
        Option("url", "Address", "Where Tryton answers, like https://erp.example.", required=True),
        Option("database", "Database", "Its name in Tryton.", required=True),
        Option("web_shop", "Web shop", "Its name in Tryton; it decides company and warehouse.", required=True),
        Option("state", "How far a new sale is brought", kind="choice", choices=tryton.STATES),
        Option(
            "guests",
            "Guests",
            "own: each guest gets a party; shared: the web shop’s guest party, whose sales stay drafts.",
            kind="choice",
            choices=(tryton.OWN_PARTY, tryton.SHARED_PARTY),
        ),
        Option("match_email", "Take a party that has the customer’s e-mail address already", kind="flag"),
        Option("other_sku", "Product for what has none there", "Its code; empty: SUMERU-OTHER."),
        Option("tolerance", "What the rounding line may close", "Smallest units a line; empty: 1.", kind="number"),
    ),
}


@dataclass(frozen=True, slots=True)
class Values:
    """What a valid form says. ``secret`` is empty when the one that is stored stays."""

    name: str
    options: dict[str, Any]
    test_orders: bool
    secret: str = field(default="", repr=False)


class TargetForm(forms.Form):
    """For a new target of ``kind``, or for changing ``row``. Without ``may_enter`` the secret cannot be changed."""

    def __init__(
        self, data: Any, *, shop: Shop, kind: str, row: OrderTarget | None = None, may_enter: bool = False
    ) -> None:
        options = dict(row.options) if row is not None else {}
        named = {each.name for each in OPTIONS.get(kind, ())}
        rest = {name: value for name, value in options.items() if name not in named}
        initial = {f"o_{name}": value for name, value in options.items() if name in named}
        initial |= {"more": json.dumps(rest, indent=2, ensure_ascii=False) if rest else ""}
        initial |= {"test_orders": row.test_orders if row is not None else False, "name": kind}
        super().__init__(data, initial=initial)
        self.shop, self.kind, self.row = shop, kinds()[kind], row
        if row is None:
            self.fields["name"] = forms.CharField(
                label="Name",
                max_length=40,
                help_text="Names it within the shop, for ever: small letters, digits and hyphens.",
            )
        for each in OPTIONS.get(kind, ()):
            self.fields[f"o_{each.name}"] = _field(each)
        if self.kind.secret_label and may_enter:
            stored = row is not None and row.credential is not None
            hint = f"One is stored ({row.credential.hint}). " if row is not None and row.credential else ""
            self.fields["secret"] = forms.CharField(
                label="Replace the secret by" if stored else "Secret",
                required=False,
                max_length=500,
                help_text=f"{self.kind.secret_label}. {hint}Stored encrypted and shown nowhere again; "
                "env:NAME reads the server’s environment variable instead.",
                widget=forms.PasswordInput(
                    render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false"}
                ),
            )
        self.fields["test_orders"] = forms.BooleanField(label="Test orders, too", required=False)
        self.fields["more"] = forms.CharField(
            label="More options",
            required=False,
            max_length=MORE_CHARS,
            help_text="JSON, as the documentation of the kind names them.",
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "sumeru-code"}),
        )

    @method_decorator(sensitive_variables())
    def clean(self) -> dict[str, Any]:
        """Checks the whole as the kind does; an error stands at the option that it names. Never repeats a secret."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.row is None:
            self._check_name(cleaned.get("name", ""))
        if cleaned.get("secret"):
            try:
                secrets.check_shape(Credential.Kind.TARGET_SECRET, cleaned["secret"].strip())
            except ValidationError as error:
                self.add_error("secret", error)
        if self.errors:
            return cleaned
        try:
            cleaned["options"] = self._options(cleaned)
            self.kind.options_of(cleaned["options"])
        except ValueError as error:
            self.add_error(self._field_of(str(error)), str(error))
        return cleaned

    def _check_name(self, name: str) -> None:
        if name and not _NAME.match(name):
            self.add_error("name", "Use small letters, digits and hyphens.")
        elif name and OrderTarget.objects.filter(shop=self.shop, name=name).exists():
            self.add_error("name", "This shop has a target of this name.")

    def _options(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        try:
            rest = bounded_json.loads(cleaned.get("more") or "{}")
        except bounded_json.Unbounded:
            raise ValueError("more: this is not JSON") from None
        if not isinstance(rest, dict):
            raise ValueError('more: give an object, like {"name": "value"}')
        options = {name: value for name, value in rest.items() if f"o_{name}" not in self.fields}
        for each in OPTIONS.get(self.kind.name, ()):
            value = cleaned.get(f"o_{each.name}")
            if value not in (None, "", False):
                options[each.name] = value
        return options

    def _field_of(self, text: str) -> str:
        name = f"o_{text.split()[0].rstrip(':').split('.')[0]}"
        return name if name in self.fields else "more"

    def values(self) -> Values:
        """What was filled in; call it on a valid form only."""
        cleaned = self.cleaned_data
        return Values(
            name=self.row.name if self.row is not None else cleaned["name"],
            options=cleaned["options"],
            test_orders=cleaned["test_orders"],
            secret=(cleaned.get("secret") or "").strip(),
        )


def _field(each: Option) -> forms.Field:
    common: dict[str, Any] = {"label": each.label, "help_text": each.help, "required": each.required}
    match each.kind:
        case "flag":
            return forms.BooleanField(**common)
        case "number":
            return forms.IntegerField(**common)
        case "choice":
            return forms.ChoiceField(**common, choices=[(word, word) for word in each.choices])
    return forms.CharField(**common, max_length=500)
