"""What operators set: a shop's choices for attribution, and the tokens that read it. The figures have pages of their own (``desk``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.consumers.attribution import announcements, tokens
from sumeru_proxy.consumers.attribution.models import AttributionSettings, CreditWebhook, ReadToken

if TYPE_CHECKING:
    _SettingsBase = admin.ModelAdmin[AttributionSettings]
    _TokenBase = admin.ModelAdmin[ReadToken]
    _WebhookBase = admin.ModelAdmin[CreditWebhook]
else:
    _SettingsBase = _TokenBase = _WebhookBase = admin.ModelAdmin


@admin.register(AttributionSettings)
class AttributionSettingsAdmin(_SettingsBase):
    """A shop's choices. Each change makes the credits before it *stale*, until a long job credits them anew."""

    list_display = ("shop", "look_back_days", "direct", "half_life_days", "markov_order", "revision")
    list_select_related = ("shop",)
    exclude = ("kinds",)  # orders are the only type so far

    def get_readonly_fields(self, request: HttpRequest, obj: AttributionSettings | None = None) -> tuple[str, ...]:
        """The shop is chosen once."""
        return ("shop", "revision") if obj is not None else ("revision",)

    def save_model(self, request: HttpRequest, obj: AttributionSettings, form: Any, change: bool) -> None:
        """Save, and count the revision up in the database itself: another may have done so meanwhile."""
        if change and form.changed_data:
            super().save_model(request, obj, form, change)
            AttributionSettings.count_up(obj.shop_id)
            messages.info(
                request, _("Credit past orders anew with a long job, so that these choices hold for them, too.")
            )
        elif not change:
            super().save_model(request, obj, form, change)


@admin.register(CreditWebhook)
class CreditWebhookAdmin(_WebhookBase):
    """Who hears of credits. A new secret is shown once; during a rotation both sign."""

    list_display = ("shop", "url", "active")
    list_select_related = ("shop",)
    fields = ("shop", "url", "allow_private", "active")
    actions = ("renew_secrets", "end_old_secrets")

    def get_readonly_fields(self, request: HttpRequest, obj: CreditWebhook | None = None) -> tuple[str, ...]:
        """The shop is chosen once."""
        return ("shop",) if obj is not None else ()

    def _shown(self, request: HttpRequest, row: CreditWebhook) -> None:
        messages.warning(request, _("The secret, shown this once: %(secret)s") % {"secret": announcements.renew(row)})

    def save_model(self, request: HttpRequest, obj: CreditWebhook, form: Any, change: bool) -> None:
        """Save; a new endpoint gets its secret."""
        super().save_model(request, obj, form, change)
        if obj.credential is None:
            self._shown(request, obj)

    @admin.action(description=_("New secret; the old one signs, too"), permissions=["change"])
    def renew_secrets(self, request: HttpRequest, queryset: QuerySet[CreditWebhook]) -> None:
        """Give the chosen endpoints new secrets."""
        for row in queryset.select_related("shop", "credential", "old_credential"):
            self._shown(request, row)

    @admin.action(description=_("End the old secret"), permissions=["change"])
    def end_old_secrets(self, request: HttpRequest, queryset: QuerySet[CreditWebhook]) -> None:
        """Sign with the newest secret alone."""
        for row in queryset.select_related("old_credential"):
            announcements.end_old(row)
        messages.success(request, _("Only the newest secret signs now."))


@admin.register(ReadToken)
class ReadTokenAdmin(_TokenBase):
    """Tokens for the API. A new one is shown once; afterwards it can only be revoked."""

    list_display = ("name", "shop", "scope", "created_at", "used_at", "revoked_at")
    list_select_related = ("shop",)
    list_filter = ("scope",)
    fields = ("shop", "name", "scope")
    actions = ("revoke_tokens",)

    def has_change_permission(self, request: HttpRequest, obj: ReadToken | None = None) -> bool:
        """A token does not change; the list with its action is for those who may."""
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: ReadToken, form: Any, change: bool) -> None:
        """Make the token and show it: this once."""
        if change:
            return
        issued = tokens.issue(obj.shop_id, obj.name, obj.scope)
        obj.pk, obj.digest, obj.created_at = issued.row.pk, issued.row.digest, issued.row.created_at
        messages.warning(request, _("The token, shown this once: %(token)s") % {"token": issued.token})

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ReadToken]) -> None:
        """Revoke the chosen tokens for ever."""
        for row in queryset:
            tokens.revoke(row)
        messages.success(request, _("Revoked. They read nothing any more."))
