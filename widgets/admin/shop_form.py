"""The settings of a shop as a form: limits as numbers of their own, and an account that the client would accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.client.account import Account
from sumeru_proxy.client.limiter import DEFAULT_LIMITS
from sumeru_proxy.models import Shop
from widgets.admin.refusing import RefusesCredentials

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Shop]
else:
    _ModelForm = forms.ModelForm

LIMIT_TEXTS = {
    "public_reads_per_shop": gettext_lazy("Reads per shop"),
    "public_reads_per_ip": gettext_lazy("Reads per address"),
    "writes_per_shop": gettext_lazy("Writes per shop"),
    "writes_per_ip": gettext_lazy("Writes per address"),
    "pixel_per_shop": gettext_lazy("Events per shop"),
    "pixel_per_ip": gettext_lazy("Events per address"),
    "admin": gettext_lazy("Admin API calls"),
}
LIMIT_FIELDS = tuple(f"limit_{name}" for name in DEFAULT_LIMITS)
MAX_PER_MINUTE = 1_000_000


def https_first(field: models.Field[Any, Any], **kwargs: Any) -> forms.Field | None:
    """A model field's form field; an address typed without a scheme is taken for https."""
    if isinstance(field, models.URLField):
        kwargs["assume_scheme"] = "https"
    return field.formfield(**kwargs)


class ShopForm(RefusesCredentials, _ModelForm):
    """Everything but the credentials."""

    class Meta:
        model = Shop
        formfield_callback = https_first
        fields = (
            "name",
            "active",
            "domain",
            "other_domains",
            "api_url",
            "referral_path",
            "locale",
            "currency",
            "storefront_url",
            "product_url",
            "cart_url",
            "public_url",
        )
        widgets = {
            "other_domains": forms.Textarea(attrs={"rows": 2, "cols": 40}),
            "storefront_url": forms.URLInput(attrs={"class": "vURLField"}),
            "product_url": forms.TextInput(attrs={"class": "vURLField"}),
            "cart_url": forms.TextInput(attrs={"class": "vURLField"}),
            "public_url": forms.TextInput(attrs={"class": "vURLField"}),
        }
        help_texts = {"name": gettext_lazy("For you; it also stands in “Back to …” links.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored_limits = self.instance.limits if isinstance(self.instance.limits, dict) else {}
        for name, default in DEFAULT_LIMITS.items():
            if field := self.fields.get(f"limit_{name}"):
                field.initial = stored_limits.get(name)
                field.widget.attrs["placeholder"] = str(default)

    def clean(self) -> dict[str, Any]:
        """Puts the limits together; lays what the client would not accept at the field that it is about."""
        cleaned_data = super().clean() or {}
        self.instance.limits = {
            name: cleaned_data[f"limit_{name}"]
            for name in DEFAULT_LIMITS
            if cleaned_data.get(f"limit_{name}") is not None
        }
        if cleaned_data.get("domain") and not _is_domain(cleaned_data["domain"]):
            self.add_error("domain", _("Give a domain such as yourshop.com, without https:// and without a path."))
        others = list(dict.fromkeys((cleaned_data.get("other_domains") or "").split()))
        if not all(map(_is_domain, others)):
            self.add_error("other_domains", _("Give domains such as yourshop.com, one per line."))
        cleaned_data["other_domains"] = "\n".join(others)
        return cleaned_data


def _is_domain(text: str) -> bool:
    try:
        Account(host="https://api.sumeru.systems", shop_domain=text)
    except ValueError:
        return False
    return True


def _limit_field(name: str, default: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=LIMIT_TEXTS.get(name, name.replace("_", " ").capitalize()),
        help_text=_("Calls a minute. Empty: {default}, as documented.").format(default=f"{default:,}"),
        required=False,
        min_value=1,
        max_value=MAX_PER_MINUTE,
    )


# One form field per limit that the client knows: a limit added there appears here.
_FIELDS = {f"limit_{name}": _limit_field(name, default) for name, default in DEFAULT_LIMITS.items()}
ShopForm.base_fields.update(_FIELDS)
ShopForm.declared_fields.update(_FIELDS)
