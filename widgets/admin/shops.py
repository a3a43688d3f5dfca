"""Shops in the admin: the list with its health, the settings with origins and look, and the pages of a shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Field, QuerySet, URLField
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters

from sumeru_proxy import health, secrets
from sumeru_proxy.models import Credential, Shop, ShopOrigin
from widgets.admin import (
    changes,
    connection,
    consumer_pages,
    credentials,
    inbound,
    pages,
    range_pages,
    shop_form,
    subscriptions,
    wordings,
)
from widgets.admin.look import LookInline
from widgets.admin.refusing import RefusesCredentials
from widgets.admin.shop_form import LIMIT_FIELDS, ShopForm
from widgets.models import Look

if TYPE_CHECKING:
    _OriginForm = forms.ModelForm[ShopOrigin]
    _ModelAdmin = admin.ModelAdmin[Shop]
    _TabularInline = admin.TabularInline[ShopOrigin, Shop]
else:
    _OriginForm = forms.ModelForm
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline


_LISTS = {"jobs": "sumeru_proxy_job_changelist", "events": "sumeru_proxy_inboundevent_changelist"}
# Pages that take more than the permission to see the shop.
_TAB_NEEDS: dict[str, Callable[[HttpRequest], bool]] = {
    "credentials": credentials.may_see,
    "webhooks": subscriptions.may_see,
    "ranges": range_pages.may_see,
    "jobs": inbound.may_see_jobs,
    "events": inbound.may_see_events,
}


class OriginForm(RefusesCredentials, _OriginForm):
    """An origin."""


class OriginInline(_TabularInline):
    """The storefront origins, with a warning beside wildcard ones."""

    model = ShopOrigin
    form = OriginForm
    extra = 1
    fields = ("origin", "covers")
    readonly_fields = ("covers",)
    verbose_name_plural = gettext_lazy("storefront origins: pages of these addresses may show the shop's widgets")

    @admin.display(description=gettext_lazy("covers"))
    def covers(self, origin: ShopOrigin) -> str | SafeString:
        """One address, or a warning that there are many."""
        if not origin.pk:
            return "—"
        if not origin.is_wildcard:
            return _("exactly this address")
        text = _(
            "Wildcard: every address of this form may show the widgets and send reviews. Use it for previews only."
        )
        return format_html('<span class="sumeru-warning">{}</span>', text)


class ShopAdmin(_ModelAdmin):
    """Everything an operator sets for a shop; secrets have a page of their own."""

    form = ShopForm
    list_display = ("name", "state", "connection_state", "domain", "origin_count", "credential_hints", "links")
    list_filter = ("active",)
    search_fields = ("name", "domain", "key")
    list_per_page = 25
    ordering = ("name", "pk")
    inlines = (OriginInline, LookInline)
    actions = ("make_everything_stale", "encrypt_again")
    fieldsets = (
        (None, {"fields": ("name", "active", "shop_key")}),
        (
            gettext_lazy("At Sumeru"),
            {
                "fields": ("domain", "other_domains", "api_url"),
                "description": gettext_lazy(
                    "Sumeru allows this server 100 public reads and 20 writes a minute, all shops and shoppers together. "
                    "Pages are served from copies, so shoppers do not notice; changes at Sumeru can take a few minutes to show."
                ),
            },
        ),
        (gettext_lazy("Language and money"), {"fields": ("locale", "currency")}),
        (
            gettext_lazy("Storefront"),
            {
                "fields": ("storefront_url", "product_url", "cart_url"),
                "description": gettext_lazy("Where links in widgets lead."),
            },
        ),
        (
            gettext_lazy("For experts"),
            {
                "classes": ("collapse",),
                "fields": ("public_url", "referral_path", *LIMIT_FIELDS),
                "description": gettext_lazy("Limits: only where your account’s differ from the documented ones."),
            },
        ),
    )
    readonly_fields = ("shop_key",)

    class Media:
        """Our style sheet and script, which also serve the pages beside the settings."""

        css = {"all": ("admin.css",)}
        js = (forms.Script("admin.js", defer=True),)

    # -- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shop]:
        """Shops with what the list shows of them, in a constant number of queries."""
        shops = super().get_queryset(request).prefetch_related("credentials")
        return shops.annotate(origins_count=Count("origins", distinct=True))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Adds each shop's health, with one question to the cache for the whole page."""
        changelist = super().get_changelist_instance(request)
        health_by_shop = health.of_many([shop.pk for shop in changelist.result_list])
        for shop in changelist.result_list:
            shop.health = health_by_shop[shop.pk]
        return changelist

    def get_list_display(self, request: HttpRequest) -> Any:
        """Hints of credentials only for those who may see them."""
        return [name for name in self.list_display if name != "credential_hints" or credentials.may_see(request)]

    @admin.display(description=gettext_lazy("widgets"), ordering="active")
    def state(self, shop: Shop) -> SafeString:
        """On or off."""
        word, kind = (_("on"), "ok") if shop.active else (_("off"), "unused")
        return format_html('<span class="sumeru-state sumeru-{}">{}</span>', kind, word)

    @admin.display(description=gettext_lazy("Sumeru"))
    def connection_state(self, shop: Shop) -> SafeString:
        """The worst endpoint's state and its error."""
        rows: list[health.Health] = getattr(shop, "health", [])
        state = health.worst(rows)
        bad = [row for row in rows if row.state == "failing"]
        newest = max(bad, key=lambda row: row.failed_at or 0) if bad else None
        detail = f"{newest.endpoint}: {newest.error}" if newest else ""
        return format_html(
            '<span class="sumeru-state sumeru-{}">{}</span>{}',
            state,
            connection.STATE_WORDS[state],
            format_html(' <small class="quiet">{}</small>', detail) if detail else "",
        )

    @admin.display(description=gettext_lazy("origins"), ordering="origins_count")
    def origin_count(self, shop: Shop) -> str | SafeString:
        """How many; none is worth a warning, because no page can show a widget then."""
        count = shop.origins_count  # type: ignore[attr-defined]
        return str(count) if count else format_html('<span class="sumeru-warning">{}</span>', _("none yet"))

    @admin.display(description=gettext_lazy("credentials"))
    def credential_hints(self, shop: Shop) -> SafeString:
        """What may be shown of each."""
        hints = [(str(each),) for each in shop.credentials.all()]
        return format_html_join(SafeString("<br>"), "{}", hints) if hints else SafeString("—")

    @admin.display(description=gettext_lazy("go to"))
    def links(self, shop: Shop) -> SafeString:
        """The two pages that are wanted most."""
        return format_html_join(
            " · ",
            '<a href="{}">{}</a>',
            [(self._url("preview", shop), _("Preview")), (self._url("embed", shop), _("Embed code"))],
        )

    @admin.display(description=gettext_lazy("shop key"))
    def shop_key(self, shop: Shop) -> str | SafeString:
        """Public; made by the server."""
        return format_html("<code>{}</code>", shop.key) if shop.pk else _("made when the shop is saved")

    # -- actions on several shops

    @admin.action(
        description=gettext_lazy("Make everything stale (data is asked for again, as the limit allows)"),
        permissions=["change"],
    )
    def make_everything_stale(self, request: HttpRequest, queryset: QuerySet[Shop]) -> None:
        """Over ``connection.make_stale``."""
        for shop in queryset:
            connection.make_stale(self, request, shop)

    @admin.action(description=gettext_lazy("Encrypt the credentials again with the newest key"), permissions=["change"])
    def encrypt_again(self, request: HttpRequest, queryset: QuerySet[Shop]) -> None:
        """Over ``changes.seal_again``: all or nothing."""
        try:
            count = changes.seal_again(list(queryset.values_list("pk", flat=True)))
        except secrets.CredentialUnusable as error:
            messages.error(request, _("Nothing was encrypted again: %s.") % error)
            return
        messages.success(
            request,
            ngettext("%d credential was encrypted again.", "%d credentials were encrypted again.", count) % count,
        )

    # -- saving

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """As Django's; addresses are https."""
        if isinstance(db_field, URLField):
            return shop_form.https_first(db_field, **kwargs)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Shop | None = None) -> Any:
        """Those who may only look see the limits as they are stored."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            *fieldsets[:-1],
            (fieldsets[-1][0], {"classes": ("collapse",), "fields": ("public_url", "referral_path", "limits")}),
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """After origins and look: the shop's finished answers become stale in the same transaction."""
        super().save_related(request, form, formsets, change)
        changes.settings_changed()
        for formset in formsets:
            if formset.model is Look and formset.has_changed():
                for sentence in [warning for each in formset.forms for warning in each.contrast_warnings]:
                    messages.warning(request, sentence)

    # -- the pages of one shop

    def get_urls(self) -> list[URLPattern]:
        """Django's own, after ours."""
        own: list[tuple[str, Any]] = [
            ("widgets", pages.widgets_page),
            ("texts", wordings.wordings_page),
            ("credentials", credentials.credentials_page),
            ("embed", pages.embed_page),
            ("preview", pages.preview_page),
            ("connection", connection.connection_page),
            ("webhooks", subscriptions.subscriptions_page),
            ("ranges", range_pages.ranges_page),
        ]
        return [
            *(
                path(f"<int:pk>/{name}/", self._page(name, view), name=f"sumeru_proxy_shop_{name}")
                for name, view in own
            ),
            path(
                "<int:pk>/consumers/<slug:consumer>/<slug:slug>/", self._consumers_page(), name=consumer_pages.URL_NAME
            ),
            *super().get_urls(),
        ]

    def _consumers_page(self) -> Any:
        def answer(request: HttpRequest, pk: int, consumer: str, slug: str) -> HttpResponse:
            def view(own: Any, page_request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
                return consumer_pages.consumer_page(own, page_request, shop, context, consumer, slug)

            result: HttpResponse = self._page(f"{consumer}/{slug}", view)(request, pk)
            return result

        return self.admin_site.admin_view(answer)

    def _page(self, name: str, view: Any) -> Any:
        def answer(request: HttpRequest, pk: int) -> HttpResponse:
            shop = self.get_object(request, str(pk))
            if shop is None:
                raise Http404
            if not self.has_view_permission(request, shop):
                raise PermissionDenied
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "shop": shop,
                "original": shop,
                "title": dict(self._tab_names()).get(name, ""),
                "subtitle": None,
                "media": self.media,
                "tabs": self.tabs(request, shop, name),
            }
            result: HttpResponse = view(self, request, shop, context)
            return result

        # Error pages and mails never show what was posted.
        return self.admin_site.admin_view(sensitive_post_parameters()(answer))

    @staticmethod
    def _tab_names() -> list[tuple[str, str]]:
        return [
            ("change", _("Settings")),
            ("widgets", _("Widgets")),
            ("texts", _("Texts")),
            ("preview", _("Preview")),
            ("embed", _("Embed code")),
            ("credentials", _("Credentials")),
            ("connection", _("Connection")),
            ("webhooks", _("Webhooks")),
            ("ranges", _("Back-fills")),
            ("jobs", _("Jobs")),
            ("events", _("Events")),
            ("history", _("History")),
        ]

    def _url(self, name: str, shop: Shop) -> str:
        if name in _LISTS:
            return f"{reverse(f'{self.admin_site.name}:{_LISTS[name]}')}?shop__id__exact={shop.pk}"
        return reverse(f"{self.admin_site.name}:sumeru_proxy_shop_{name}", args=[shop.pk])

    def tabs(self, request: HttpRequest, shop: Shop, here: str) -> list[dict[str, Any]]:
        """The shop's pages that this person may open."""
        return [
            *(
                {"label": label, "url": self._url(name, shop), "here": name == here}
                for name, label in self._tab_names()
                if name not in _TAB_NEEDS or _TAB_NEEDS[name](request)
            ),
            *consumer_pages.tabs(request, self.admin_site.name, shop, here),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, with the shop's other pages above."""
        return super().change_view(
            request, object_id, form_url, self._with_tabs(request, object_id, "change", extra_context)
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, with the shop's other pages above."""
        return super().history_view(request, object_id, self._with_tabs(request, object_id, "history", extra_context))

    def _with_tabs(
        self, request: HttpRequest, object_id: str, here: str, extra: dict[str, Any] | None
    ) -> dict[str, Any]:
        shop = self.get_object(request, object_id)
        if shop is None:
            return extra or {}
        now = timezone.now()
        rows = [connection.row_of(each, now) for each in health.of(shop.pk)]
        return {
            **(extra or {}),
            "shop": shop,
            "tabs": self.tabs(request, shop, here),
            "failing": [row for row in rows if row.state == "failing"],
            "no_origins": not shop.origins.exists(),
            "no_key": not Credential.objects.filter(shop=shop, kind=Credential.Kind.PUBLIC_KEY).exists(),
            "may_enter": credentials.may_enter(request),
        }
