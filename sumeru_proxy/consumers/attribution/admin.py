"""What operators set: a shop's choices for attribution, and the tokens that read it. The figures have pages of their own (``desk``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.consumers.attribution import tokens
from sumeru_proxy.consumers.attribution.models import AttributionSettings, ReadToken

if TYPE_CHECKING:
    _SettingsBase = admin.ModelAdmin[AttributionSettings]
    _TokenBase = admin.ModelAdmin[ReadToken]
else:
    _SettingsBase = _TokenBase = admin.ModelAdmin


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
