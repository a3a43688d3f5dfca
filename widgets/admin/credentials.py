"""Entering, replacing and removing a shop's credentials. A value goes from the request to ``secrets.store`` and nowhere else."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop

KEEP_OLD = timedelta(days=1)
LIMIT_CHARS = 250
# The kinds of this form; a target's secret is entered with the target.
HELP = {
    Credential.Kind.PUBLIC_KEY: gettext_lazy(
        "From Sumeru, Settings › API keys; begins with pk_live_ or pk_test_. With it this server reads reviews, bundles and so on. "
        "Without it Sumeru recognises the shop by its domain."
    ),
    Credential.Kind.ADMIN_TOKEN: gettext_lazy(
        "Begins with copt_live_ or copt_test_. Only needed for order synchronisation and attribution; widgets work without it."
    ),
    Credential.Kind.WEBHOOK_SECRET: gettext_lazy(
        "Begins with wsec_. Sumeru shows it once when a webhook subscription is made; it proves that an event comes from Sumeru."
    ),
    Credential.Kind.CUSTOMER_SECRET: gettext_lazy(
        "Made by you, at least 32 characters (for example with: openssl rand -base64 48). Your storefront's server signs "
        "customer tokens with it; needed by widgets about one customer, such as referrals."
    ),
    Credential.Kind.SERVER_KEY: gettext_lazy(
        "Made by you, at least 32 characters. Your storefront’s own server sends it (SUMERU_SERVER_KEY), so that all of its shoppers "
        "together are not taken for one client. Keep it out of what browsers get."
    ),
}
# Secrets of other systems are entered on the pages of the consumers that use them.
KINDS = tuple(HELP)
# Two of these may be valid at once, so that nothing is refused while both sides change over.
OVERLAPPING = frozenset({Credential.Kind.WEBHOOK_SECRET, Credential.Kind.CUSTOMER_SECRET, Credential.Kind.SERVER_KEY})


class CredentialsForm(forms.Form):
    """One password field per kind, always empty when shown. Only what is filled in is replaced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in KINDS:
            self.fields[kind.value] = forms.CharField(
                label=kind.label,
                required=False,
                max_length=LIMIT_CHARS,
                help_text=HELP[kind],
                widget=forms.PasswordInput(
                    render_value=False,
                    attrs={"autocomplete": "new-password", "spellcheck": "false", "size": 50, "class": "vTextField"},
                ),
            )
            if kind in OVERLAPPING:
                self.fields[f"keep_{kind.value}"] = forms.BooleanField(
                    required=False, label=_("Let the present one stay valid for one more day")
                )

    @method_decorator(sensitive_variables())
    def clean(self) -> dict[str, Any]:
        """Checks the format of every value before anything is stored. Error texts never repeat a value."""
        cleaned_data: dict[str, Any] = super().clean() or {}
        for kind in KINDS:
            value = cleaned_data.get(kind.value)
            if value:
                try:
                    secrets.check_shape(kind.value, value)
                except forms.ValidationError as error:
                    self.add_error(kind.value, error)
        return cleaned_data

    def filled_kinds(self) -> list[Credential.Kind]:
        """The kinds that were filled in."""
        return [kind for kind in KINDS if self.cleaned_data.get(kind.value)]


def state_of(credential: Credential) -> str:
    """A warning about a stored credential; empty when there is none. Never decrypts it."""
    if credential.reference and not os.environ.get(credential.reference):
        return _("this variable is not set on the server")
    if credential.retires_at and credential.retires_at <= timezone.now():
        return _("no longer valid")
    return ""


@sensitive_variables()
def store(shop: Shop, form: CredentialsForm) -> list[str]:
    """Store what was given; gives the names of the kinds that changed."""
    changed_kinds = []
    for kind in form.filled_kinds():
        keep = bool(form.cleaned_data.get(f"keep_{kind.value}"))
        credential = secrets.store(shop, kind.value, form.cleaned_data[kind.value], keep_old=keep)
        older = Credential.objects.filter(shop=shop, kind=kind.value, retires_at=None).exclude(pk=credential.pk)
        older.update(retires_at=timezone.now() + KEEP_OLD)
        changed_kinds.append(str(kind.label))
    return changed_kinds


def may_enter(request: HttpRequest) -> bool:
    """Entering takes both permissions: a replaced credential is a deleted and an added one."""
    return request.user.has_perms(["sumeru_proxy.add_credential", "sumeru_proxy.change_credential"])


def may_see(request: HttpRequest) -> bool:
    """Whether the hints (last four characters, names of variables) may be shown."""
    return may_enter(request) or request.user.has_perm("sumeru_proxy.view_credential")


def may_remove(request: HttpRequest) -> bool:
    """Removing has its own permission."""
    return bool(request.user.has_perm("sumeru_proxy.delete_credential"))


def credentials_page(
    site_admin: admin.ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]
) -> HttpResponse:
    """The credentials of a shop. Raises PermissionDenied; logs in the shop's history that one changed, never what it is."""
    if not may_see(request):
        raise PermissionDenied
    form = CredentialsForm()
    if request.method == "POST":
        if "remove" in request.POST:
            return _remove(site_admin, request, shop)
        if not may_enter(request):
            raise PermissionDenied
        form = CredentialsForm(request.POST)
        if form.is_valid():
            with transaction.atomic():
                changed_kinds = store(shop, form)
                names = ", ".join(changed_kinds)
                if changed_kinds:
                    site_admin.log_change(request, shop, _("Credentials replaced: %s") % names)
            if changed_kinds:
                messages.success(request, _("Stored, encrypted: %s. It is shown nowhere again.") % names)
            else:
                messages.info(request, _("Nothing was filled in, so nothing changed."))
            return HttpResponseRedirect(request.path)
    credentials = list(Credential.objects.filter(shop=shop))
    kinds = [
        {
            "kind": kind,
            "stored": [{"credential": each, "warning": state_of(each)} for each in credentials if each.kind == kind],
            "field": form[kind.value],
            "keep": form[f"keep_{kind.value}"] if kind in OVERLAPPING else None,
        }
        for kind in KINDS
    ]
    context |= {"kinds": kinds, "form": form, "may_enter": may_enter(request), "may_remove": may_remove(request)}
    return TemplateResponse(request, "admin/sumeru_proxy/shop/credentials.html", context)


def _remove(site_admin: admin.ModelAdmin[Shop], request: HttpRequest, shop: Shop) -> HttpResponse:
    if not may_remove(request):
        raise PermissionDenied
    requested_id = request.POST["remove"]
    credential = (
        Credential.objects.filter(shop=shop, pk=int(requested_id)).first()
        if requested_id.isdigit() and len(requested_id) < 19
        else None
    )
    if credential is None:
        messages.info(request, _("It was removed before."))
    else:
        label = credential.get_kind_display()
        with transaction.atomic():
            credential.delete()
            site_admin.log_change(request, shop, _("Credential removed: %s") % label)
        messages.success(request, _("Removed: %s.") % label)
    return HttpResponseRedirect(request.path)
